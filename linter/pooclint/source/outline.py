"""What a file imports and defines at top level, by its bytes alone: the module graph before any parse.

Regular expressions see a little too much (an import in a docstring, a block that ends late), never too little; what
they say decides which files are parsed, not what is reported.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from sys import intern
from zlib import crc32

_FROM = re.compile(rb"^[ \t]*from[ \t]+([.\w]+)[ \t]+import[ \t]*(\([^)]*\)|(?:[^\n#;\\]|\\\r?\n)*)", re.MULTILINE)
_IMPORT = re.compile(rb"^[ \t]*import[ \t]+((?:[^\n#;\\]|\\\r?\n)+)", re.MULTILINE)
_ALIAS = re.compile(rb"([.\w]+)(?:[ \t]+as[ \t]+(\w+))?|(\*)")
_COMMENT = re.compile(rb"#[^\n]*")
_NAMES = rb"[A-Za-z_]\w*(?:[ \t]*,[ \t]*[A-Za-z_]\w*)*"  # one, or those of a tuple
_BINDING = rb"(?:(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)|(" + _NAMES + rb")[ \t]*(?::[^=\n]+)?=(?!=))"
_TOP = re.compile(rb"^" + _BINDING, re.MULTILINE)
# What is bound under a condition of the module: a compound statement, and the first column of its blocks.
_BLOCK = re.compile(
    rb"""
    ^(?: if | elif | else | try | except | finally | with | for | while )\b [^\n]* \n
    (?: [ \t]* \r?\n )*
    ([ \t]+) [^\n]* \n?
    (?: [ \t]+ [^\n]* \n? | \r?\n )*
    """,
    re.MULTILINE | re.VERBOSE,
)
_INNER = re.compile(rb"^[ \t]+" + _BINDING, re.MULTILINE)
_RENAMED = re.compile(
    rb"[ \t]*\w+[ \t]*(?::[^=\n]+)?=[ \t]*(?:\w+[ \t]*\.[ \t]*)*(\w+)[ \t]*(?=\[|#|;|\r?$)", re.MULTILINE
)
"""`Redis = redis.asyncio.Redis`, generic or not: by that name others may call it."""
_BASES = re.compile(rb"[ \t]*class[ \t]+\w+[ \t]*\(([^)]*)\)")
_METHOD = re.compile(rb"^[ \t]+(?:async[ \t]+)?def[ \t]+([A-Za-z]\w*)", re.MULTILINE)
_WORD = re.compile(rb"[A-Za-z_]\w*")
_CALLED = re.compile(rb"([A-Za-z_]\w*)[ \t]*\(")
_GLOBAL = re.compile(rb"^[ \t]+global[ \t]+(" + _NAMES + rb")", re.MULTILINE)
"""What a function fills is a variable of the module."""
_PARTIAL = re.compile(rb"\bpartial[ \t]*\(\s*(?:\w+[ \t]*\.[ \t]*)*(\w+)")
"""To call what that makes is to call the function that it is given."""


@dataclass(frozen=True, slots=True)
class ImportedName:
    """`from base import name as alias`, or `import name as alias` with an empty base."""

    base: str
    name: str
    """`*` for every name."""
    alias: str


@dataclass(frozen=True, slots=True)
class Outline:
    """A file's top-level definitions, each up to the next one.

    It is kept for every file of a project, so that words are numbers: checksums, which a word that is asked for shares
    with one that stands there about once in a million times. Then something is looked at that need not be."""

    names: tuple[str, ...]
    """In source order, with the variables of the module that it fills; what is bound twice stands there twice."""
    ends: array[int]
    """For each of them, where in `words` its own end."""
    words: array[int]
    """Those that stand in them, one definition after the other."""
    called: tuple[tuple[str, frozenset[bytes]], ...]
    """For those definitions that have any: which of the words that were asked for a parenthesis follows."""
    head: array[int]
    """The words before the first definition."""

    def calling(self, words: frozenset[bytes]) -> frozenset[str]:
        """The definitions in whose text one of the words, which were asked for, is called, or that rename it or derive
        from it."""
        return frozenset(name for name, called in self.called if not words.isdisjoint(called))

    def contains(self, words: Iterable[str]) -> bool:
        """True when one of the words stands in any definition."""
        return not frozenset(map(number_of, words)).isdisjoint(self.words)

    def every_word(self) -> array[int]:
        """The numbers of all words of the file, in ascending order."""
        return array("I", sorted({*self.words, *self.head}))

    def mentioning(self, names: Iterable[str]) -> frozenset[str]:
        """The definitions in whose text one of the names stands; of a dotted one (`db.connect`), all parts."""
        every = frozenset(self.words)
        plain = every.intersection(number_of(n) for n in names if "." not in n)
        dotted = [parts for n in names if "." in n and (parts := frozenset(map(number_of, n.split(".")))) <= every]
        if not plain and not dotted:
            return frozenset()
        found: set[str] = set()
        start = 0
        for name, end in zip(self.names, self.ends, strict=True):
            words = frozenset(self.words[start:end])
            start = end
            if not plain.isdisjoint(words) or any(parts <= words for parts in dotted):
                found.add(name)
        return frozenset(found)


def imports(data: bytes, known: dict[ImportedName, ImportedName]) -> tuple[ImportedName, ...]:
    """What a file imports, by its bytes.

    Args:
        data: the bytes.
        known: what the files before import; what is new is added. Most files import the same, and one object serves
            them all.
    """
    found: list[ImportedName] = []
    for match in _FROM.finditer(data):
        base = intern(match[1].decode())
        found += (ImportedName(base, name, alias or name) for name, alias in _aliases(match[2]))
    for match in _IMPORT.finditer(data):
        found += (ImportedName("", name, alias or intern(name.split(".")[0])) for name, alias in _aliases(match[1]))
    return tuple(map(known.setdefault, found, found))


def outline(data: bytes, wanted: frozenset[bytes]) -> Outline:
    """The top-level definitions of a file, by its bytes.

    Args:
        data: the bytes.
        wanted: the words of which it matters whether they are called.
    """
    tops = sorted((m.start(), m[1] or m[2]) for m in (*_TOP.finditer(data), *_under_conditions(data)))
    names: list[str] = []
    ends, words = array("I"), array("I")
    called: list[tuple[str, frozenset[bytes]]] = []
    partials, globals_ = b"partial" in data, b"global" in data
    for (at, bound), (end, _) in zip(tops, [*tops[1:], (len(data), b"")], strict=False):
        numbers = tuple(map(crc32, set(_WORD.findall(data, at, end))))
        filled = _GLOBAL.findall(data, at, end) if globals_ else ()
        several = [intern(word.decode()) for word in dict.fromkeys(_WORD.findall(b" ".join((bound, *filled))))]
        for _ in several:
            words.extend(numbers)
            ends.append(len(words))
        names += several
        known = wanted.intersection(_CALLED.findall(data, at, end))
        if partials:
            known |= wanted.intersection(_PARTIAL.findall(data, at, end))
        renamed = _RENAMED.match(data, at)
        if renamed and renamed[1] in wanted:
            known |= {renamed[1]}
        bases = _BASES.match(data, at)
        if bases:  # to build one of the class is to call its base
            known |= wanted.intersection(_WORD.findall(bases[1]))
        if known:
            called += ((name, known) for name in several)
    head = array("I", map(crc32, set(_WORD.findall(data, 0, tops[0][0] if tops else len(data)))))
    return Outline(tuple(names), ends, words, tuple(called), head)


def _under_conditions(data: bytes) -> Iterator[re.Match[bytes]]:
    """Where names are bound in the blocks of compound statements of the module, and not deeper."""
    for block in _BLOCK.finditer(data):
        for found in _INNER.finditer(data, block.start(), block.end()):
            line = found[0]
            if len(line) - len(line.lstrip()) == len(block[1]):
                yield found


def bases(data: bytes) -> Iterator[frozenset[str]]:
    """Of each class of a file that has any, the words by which it names what it derives from, by the file's bytes."""
    for match in re.finditer(rb"^" + _BASES.pattern, data, re.MULTILINE):
        yield frozenset(word.decode() for word in _WORD.findall(match[1]))


def methods(data: bytes) -> frozenset[str]:
    """Names of what a file defines below its top level, by its bytes; private ones are left out."""
    return frozenset(name.decode() for name in _METHOD.findall(data))


def _aliases(listed: bytes) -> list[tuple[str, str]]:
    text = _COMMENT.sub(b"", listed).strip(b"() \t\r\n")
    return [(intern((m[1] or m[3]).decode()), intern((m[2] or b"").decode())) for m in _ALIAS.finditer(text)]


def number_of(word: str) -> int:
    """What stands for a word in an outline."""
    return crc32(word.encode())
