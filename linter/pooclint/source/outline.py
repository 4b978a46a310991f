"""What a file imports and defines at top level, by its bytes alone: the module graph before any parse.

Regular expressions see a little too much (an import in a docstring, a block that ends late), never too little; what
they say decides which files are parsed, not what is reported.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

_FROM = re.compile(rb"^[ \t]*from[ \t]+([.\w]+)[ \t]+import[ \t]*(\([^)]*\)|(?:[^\n#;\\]|\\\r?\n)*)", re.MULTILINE)
_IMPORT = re.compile(rb"^[ \t]*import[ \t]+((?:[^\n#;\\]|\\\r?\n)+)", re.MULTILINE)
_ALIAS = re.compile(rb"([.\w]+)(?:[ \t]+as[ \t]+(\w+))?|(\*)")
_COMMENT = re.compile(rb"#[^\n]*")
_TOP = re.compile(rb"^(?:(?:async[ \t]+)?def|class)[ \t]+(\w+)|^([A-Za-z_]\w*)[ \t]*(?::[^=\n]+)?=(?!=)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ImportedName:
    """`from base import name as alias`, or `import name as alias` with an empty base."""

    base: str
    name: str
    """`*` for every name."""
    alias: str


@dataclass(frozen=True, slots=True)
class Outline:
    """A file's imports and top-level definitions."""

    imports: tuple[ImportedName, ...]
    names: tuple[str, ...]
    """Top-level definitions, in source order; one that is bound twice stands there twice."""
    starts: tuple[int, ...]
    """Where each of them begins; it extends to the next one."""

    def mentioning(self, data: bytes, words: re.Pattern[bytes]) -> frozenset[str]:
        """The top-level definitions in whose text a word stands."""
        found = set()
        for match in words.finditer(data):
            at = bisect_right(self.starts, match.start()) - 1
            if at >= 0:
                found.add(self.names[at])
        return frozenset(found)


def outline(data: bytes) -> Outline:
    """The outline of a file's bytes."""
    imports: list[ImportedName] = []
    for match in _FROM.finditer(data):
        base = match[1].decode()
        for name, alias in _aliases(match[2]):
            imports.append(ImportedName(base, name, alias or name))
    for match in _IMPORT.finditer(data):
        for name, alias in _aliases(match[1]):
            imports.append(ImportedName("", name, alias or name.split(".")[0]))
    tops = [(m.start(), (m[1] or m[2]).decode()) for m in _TOP.finditer(data)]
    return Outline(tuple(imports), tuple(name for _, name in tops), tuple(at for at, _ in tops))


def words_pattern(words: Iterable[str]) -> re.Pattern[bytes]:
    """Matches any of the words as a whole."""
    return re.compile(any_word(words))


def any_word(words: Iterable[str], called: bool = False) -> bytes:
    """The text of a pattern that matches any of the words as a whole; only where it is called, if asked."""
    after = r"\s*\(" if called else ""
    return rf"\b(?:{'|'.join(sorted(map(re.escape, words)))})\b{after}".encode()


def _aliases(listed: bytes) -> list[tuple[str, str]]:
    text = _COMMENT.sub(b"", listed).strip(b"() \t\r\n")
    return [((m[1] or m[3]).decode(), (m[2] or b"").decode()) for m in _ALIAS.finditer(text)]
