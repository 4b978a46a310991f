"""What a file imports and defines at top level, by its bytes alone: the module graph before any parse.

Regular expressions see a little too much (an import in a docstring, a block that ends late), never too little; what
they say decides which files are parsed, not what is reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_FROM = re.compile(rb"^[ \t]*from[ \t]+([.\w]+)[ \t]+import[ \t]*(\([^)]*\)|(?:[^\n#;\\]|\\\r?\n)*)", re.MULTILINE)
_IMPORT = re.compile(rb"^[ \t]*import[ \t]+((?:[^\n#;\\]|\\\r?\n)+)", re.MULTILINE)
_ALIAS = re.compile(rb"([.\w]+)(?:[ \t]+as[ \t]+(\w+))?|(\*)")
_COMMENT = re.compile(rb"#[^\n]*")
_TOP = re.compile(rb"^(?:(?:async[ \t]+)?def|class)[ \t]+(\w+)|^([A-Za-z_]\w*)[ \t]*(?::[^=\n]+)?=(?!=)", re.MULTILINE)
_METHOD = re.compile(rb"^[ \t]+(?:async[ \t]+)?def[ \t]+([A-Za-z]\w*)", re.MULTILINE)
_WORD = re.compile(rb"[A-Za-z_]\w*")
_CALLED = re.compile(rb"([A-Za-z_]\w*)[ \t]*\(")


@dataclass(frozen=True, slots=True)
class ImportedName:
    """`from base import name as alias`, or `import name as alias` with an empty base."""

    base: str
    name: str
    """`*` for every name."""
    alias: str


@dataclass(frozen=True, slots=True)
class Block:
    """A top-level definition, up to the next one."""

    name: str
    words: frozenset[bytes]
    called: frozenset[bytes]
    """Those of them that a parenthesis follows."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A file's top-level definitions."""

    blocks: tuple[Block, ...]
    """In source order; a name that is bound twice has two."""

    @property
    def words(self) -> frozenset[bytes]:
        """Every word in them."""
        return frozenset[bytes]().union(*(b.words for b in self.blocks))

    def calling(self, words: frozenset[bytes]) -> frozenset[str]:
        """The definitions in whose text one of the words is called."""
        return frozenset(b.name for b in self.blocks if not words.isdisjoint(b.called))

    def mentioning(self, names: Iterable[str]) -> frozenset[str]:
        """The definitions in whose text one of the names stands; of a dotted one (`db.connect`), all parts."""
        plain = frozenset(n.encode() for n in names if "." not in n)
        dotted = [frozenset(n.encode().split(b".")) for n in names if "." in n]
        return frozenset(
            b.name for b in self.blocks if not plain.isdisjoint(b.words) or any(parts <= b.words for parts in dotted)
        )


def imports(data: bytes) -> tuple[ImportedName, ...]:
    """What a file imports, by its bytes."""
    found: list[ImportedName] = []
    for match in _FROM.finditer(data):
        base = match[1].decode()
        for name, alias in _aliases(match[2]):
            found.append(ImportedName(base, name, alias or name))
    for match in _IMPORT.finditer(data):
        for name, alias in _aliases(match[1]):
            found.append(ImportedName("", name, alias or name.split(".")[0]))
    return tuple(found)


def outline(data: bytes, words: dict[bytes, bytes]) -> Outline:
    """The top-level definitions of a file, by its bytes.

    Args:
        data: the bytes.
        words: those of the files before, by themselves; new ones are added. Most words stand in many definitions, and
            one object serves them all.
    """
    tops = [(m.start(), (m[1] or m[2]).decode()) for m in _TOP.finditer(data)]
    ends = [at for at, _ in tops[1:]] + [len(data)] * bool(tops)

    def known(pattern: re.Pattern[bytes], at: int, end: int) -> frozenset[bytes]:
        found = frozenset(pattern.findall(data, at, end))
        return frozenset(map(words.setdefault, found, found))

    return Outline(
        tuple(
            Block(name, known(_WORD, at, end), known(_CALLED, at, end))
            for (at, name), end in zip(tops, ends, strict=True)
        )
    )


def methods(data: bytes) -> frozenset[str]:
    """Names of what a file defines below its top level, by its bytes; private ones are left out."""
    return frozenset(name.decode() for name in _METHOD.findall(data))


def _aliases(listed: bytes) -> list[tuple[str, str]]:
    text = _COMMENT.sub(b"", listed).strip(b"() \t\r\n")
    return [((m[1] or m[3]).decode(), (m[2] or b"").decode()) for m in _ALIAS.finditer(text)]
