"""What of a module somebody rests on who uses one of its names: digests that do not change with the rest of it.

A module that is used is seldom used whole. Its frame (imports, assignments) matters to all users; of its definitions
only the one that is asked for, and those that it leads to. Comments and blank lines matter to nobody, lines only to who
names them.
"""

from __future__ import annotations

import hashlib
import io
import re
import tokenize
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from pooclint.graphs import reached
from pooclint.source.pieces import Pieces, cut

CODE = "*"
"""In place of a name: all of a module, without comments and blank lines."""
FRAME = ""
"""In place of a name: what is no definition of its own, and all definitions that it leads to."""

_WORD = re.compile(rb"[A-Za-z_]\w*")
# `pool.default = connection`, `pools[key] = connection`, and what fills a collection.
_STORES = re.compile(
    rb"^[ \t]*(\w+)(?:\.\w+|\[[^\]\n]*\])+[ \t]*(?::[^=\n]+)?[-+|&]?=(?!=)"
    rb"|\b(\w+)(?:\.\w+|\[[^\]\n]*\])*\.(?:append|appendleft|add|setdefault|update|insert|extend|put|put_nowait)\(",
    re.MULTILINE,
)
_LAYOUT = re.compile(rb"#|^[ \t]*\r?\n", re.MULTILINE)
# What an f-string may hold that is as easy to see as any other string: no string of its own kind, no braces in others.
_FIELD = rb"\{ [^{}'\"\\\n\#]* (?: %s [^'\"{}\\\n\#]* %s [^{}'\"\\\n\#]* )* \}"
_FORMATTED = rb"%s (?: [^%s\\\n{}] | \\. | \{\{ | \}\} | %s )* %s (?!%s)"
_TOKENS = re.compile(
    rb"""
    (?P<text>
        (?<!\w) (?: [fFtT][rR]? | [rR][fFtT] ) (?: %s | %s )
        | (?<!\w) (?P<odd> (?: [fFtT][rR]? | [rR][fFtT] ) ["'] )
        | "{3} [^"\\]* (?: (?: \\. | "(?!"") ) [^"\\]* )* "{3}
        | '{3} [^'\\]* (?: (?: \\. | '(?!'') ) [^'\\]* )* '{3}
        | "(?!"") [^"\\\n]* (?: \\. [^"\\\n]* )* "
        | '(?!'') [^'\\\n]* (?: \\. [^'\\\n]* )* '
        | (?P<stray> ["'] )
    )
    | [ \t\f]* (?: \#[^\r\n]* | \r?\n (?= [ \t\f]* (?: \# | \r?\n ) ) )
    """
    % (
        _FORMATTED % (b'"', b'"', _FIELD % (b"'", b"'"), b'"', b'"'),
        _FORMATTED % (b"'", b"'", _FIELD % (b'"', b'"'), b"'", b"'"),
    ),
    re.VERBOSE | re.DOTALL,
)
"""Strings, comments, and the ends of lines after which only a comment follows, or nothing."""
_DEFINED = re.compile(rb"\bdef[ \t]+(\w+)")


@dataclass(frozen=True, slots=True)
class Parts:
    """A module, and what in it rests on what."""

    data: bytes
    pieces: Pieces | None = None
    """None when it cannot be cut: all that uses it rests on the whole."""
    leads: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By definition, and by variable through which a definition stores something: the definitions that it leads to."""
    framing: frozenset[str] = frozenset()
    """The definitions to which the frame leads, and the names of those in it."""
    functions: Mapping[str, frozenset[bytes]] = field(default_factory=dict)
    """By definition, which of its words are names of functions of the module."""
    _digests: dict[str, bytes] = field(default_factory=dict, compare=False)

    def part(self, name: str) -> str:
        """What a name is a part of: itself, or the frame."""
        return FRAME if self.pieces is None or name in self.framing else name

    def rests_on(self, name: str) -> frozenset[str]:
        """The parts that matter to who uses a name, whether the module binds it or not; the frame always does."""
        return (reached([name], _following(self.leads)) - self.framing) | {self.part(name), FRAME}

    def of(self, name: str) -> bytes:
        """The digest of what matters to who uses a name, or uses `CODE`."""
        if name not in self._digests:
            self._digests[name] = self._of(name)
        return self._digests[name]

    def _of(self, name: str) -> bytes:
        if self.pieces is None:
            return _digest([self.data])
        if name == CODE:
            return _digest([_code(self.data)])
        texts = self.pieces.definitions
        wanted = sorted((self.rests_on(name) | self.framing) & texts.keys())
        # Which of their words are those of functions matters to how they are followed.
        functions = sorted(frozenset[bytes]().union(*(self.functions[name] for name in wanted)))
        codes = (_code(texts[name].text) for name in wanted)
        return _digest([_code(self.pieces.frame.text), *codes, b"", *functions])


def parts(data: bytes) -> Parts:
    """A module's bytes in parts."""
    pieces = cut(data)
    if pieces is None:
        return Parts(data)
    texts = {name: piece.text for name, piece in pieces.definitions.items()}
    stores: dict[str, set[str]] = {}
    for name, text in texts.items():
        for first, second in _STORES.findall(text):
            through = (first or second).decode()
            if through in pieces.bound or through in texts:
                stores.setdefault(through, set()).add(name)
    leads = {name: frozenset(stored) for name, stored in stores.items()}
    defined = frozenset(_DEFINED.findall(data))
    functions: dict[str, frozenset[bytes]] = {}
    for name, text in texts.items():
        found = set(_WORD.findall(text))
        functions[name] = defined & found
        words = {word.decode() for word in found}
        leads[name] = frozenset(words.intersection(texts).union(*(stores.get(word, ()) for word in words)))
    used = pieces.mentioned & (leads.keys() if pieces.defined else texts.keys())
    framing = reached(used, _following(leads)) & texts.keys() | pieces.defined
    return Parts(data, pieces, leads, framing, functions)


def _following(leads: Mapping[str, frozenset[str]]) -> Callable[[str], Iterable[str]]:
    return lambda name: leads.get(name, ())


@lru_cache(maxsize=1024)
def _code(text: bytes) -> bytes:
    """A text without its comments and blank lines; what looks like one in a string stays."""
    if not _LAYOUT.search(text):
        return text
    try:
        return _TOKENS.sub(_kept, text).lstrip(b"\r\n")
    except _OddStringError:
        return _without_layout(text)


class _OddStringError(Exception):
    """A string that a pattern cannot tell the end of."""


def _kept(match: re.Match[bytes]) -> bytes:
    if match["odd"] or match["stray"]:
        raise _OddStringError
    return match["text"] or b""


def _without_layout(text: bytes) -> bytes:
    """The same, by Python's own tokenizer, which takes several times as long."""
    lines = list(io.StringIO(text.decode(), newline=""))
    read = iter(lines)
    try:
        tokens = list(tokenize.generate_tokens(lambda: next(read, "")))
    except (tokenize.TokenError, SyntaxError):
        return text
    for token in tokens:
        row, column = token.start[0] - 1, token.start[1]
        if token.type == tokenize.COMMENT:
            lines[row] = lines[row][:column].rstrip() + lines[row][token.end[1] :]
        elif token.type == tokenize.NL and not lines[row].strip():
            lines[row] = ""
    return "".join(lines).encode()


def _digest(texts: Iterable[bytes]) -> bytes:
    digest = hashlib.blake2b(digest_size=12)
    for text in texts:
        digest.update(len(text).to_bytes(8, "big") + text)
    return digest.digest()
