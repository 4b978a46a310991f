"""SQL as far as one has to read it to know what kind of statement it is: words, without comments and quoted text.

Only the lexical structure of PostgreSQL is known here. A parser would refuse what a program puts together from parts,
and which words make a statement what it is, is data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pooclint.program.partial_texts import UNKNOWN_PART

Statement = tuple[str, ...]
"""Its words in upper case, numbers and punctuation; quoted text is `''`, a part that is not known is a NUL."""

TEXT = "''"
_TOKEN = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*)
    |(?P<comment>/\*)
    |(?P<escaped>[eE]'(?:[^'\\]|''|\\.)*(?:'|\Z))
    |(?P<text>'(?:[^']|'')*(?:'|\Z))
    |(?P<name>"(?:[^"]|"")*(?:"|\Z))
    |(?P<dollar>\$(?P<tag>[^\W\d]\w*)?\$)
    |(?P<word>[^\W\d]\w*)
    |(?P<other>\d[\w.]*|::|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_MARK = re.compile(r"/\*|\*/")


def statements(text: str) -> tuple[Statement, ...]:
    """The statements of a text, which semicolons separate.

    Args:
        text: SQL; parts that are not known are NUL characters.
    """
    found: list[Statement] = []
    current: list[str] = []
    for word in (*_tokens(text), ";"):
        if word != ";":
            current.append(word)
        elif current:
            found.append(tuple(current))
            current = []
    return tuple(found)


def _tokens(text: str) -> Iterator[str]:
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        assert match is not None  # `.` matches whatever is left
        position = match.end()
        match match.lastgroup:
            case "comment":
                position = _end_of_comment(text, position)
            case "dollar" | "tag":
                end = text.find(match["dollar"], position)
                position = len(text) if end < 0 else end + len(match["dollar"])
                yield TEXT
            case "escaped" | "text":
                yield TEXT
            case "word":
                yield match["word"].upper()
            case "name" | "other":
                yield match[0]


def _end_of_comment(text: str, position: int) -> int:
    """Where a comment ends; they nest."""
    depth = 1
    for mark in _MARK.finditer(text, position):
        depth += 1 if mark[0] == "/*" else -1
        if not depth:
            return mark.end()
    return len(text)


def begins_with(statement: Statement, words: str) -> bool:
    """True when a statement begins with these words, in upper case."""
    wanted = words.split()
    return list(statement[: len(wanted)]) == wanted


def may_begin_with(statement: Statement, words: str) -> bool:
    """The same, where what is not known may be one of them."""
    wanted = words.split()
    known = statement[: len(wanted)]
    if UNKNOWN_PART in known:
        known = known[: known.index(UNKNOWN_PART)]
        return list(known) == wanted[: len(known)]
    return list(known) == wanted


def contains(statement: Statement, words: str) -> bool:
    """True when these words, in upper case, stand in a statement one after the other."""
    wanted = tuple(words.split())
    return any(statement[i : i + len(wanted)] == wanted for i in range(len(statement) - len(wanted) + 1))


def is_partly_unknown(statement: Statement) -> bool:
    """True when parts of it are not known."""
    return UNKNOWN_PART in statement


def calls_of(statement: Statement, functions: Sequence[str]) -> Iterator[tuple[str, Statement]]:
    """Calls of functions, each with the last of its arguments.

    Args:
        statement: what to look at.
        functions: their names, in upper case.
    """
    for index, word in enumerate(statement[:-1]):
        if word in functions and statement[index + 1] == "(":
            yield word, _last_argument(statement, index + 2)


def _last_argument(statement: Statement, start: int) -> Statement:
    depth, begun = 1, start
    for index in range(start, len(statement)):
        word = statement[index]
        depth += {"(": 1, ")": -1}.get(word, 0)
        if not depth:
            return statement[begun:index]
        if word == "," and depth == 1:
            begun = index + 1
    return statement[begun:]
