"""From bytes to a LibCST tree, guarded against the input that would kill or stall the parser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import libcst as cst

# Measured on libcst 1.9.0: nested brackets from 2,000 and operator chains from 10,000 overflow the native parser's
# stack, which no exception reports; method chains cost quadratic time (1,000 links 1.7 s, 3,000 links 18.7 s).
MAX_DEPTH = 150
MAX_CHAIN = 1_000

_TOKEN = re.compile(
    rb'"""(?:[^\\]|\\.)*?"""|\'\'\'(?:[^\\]|\\.)*?\'\'\'|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|#[^\n]*'
    rb"|[()\[\]{},\n;]|[-+*/%@&|^<>=.~]|\b(?:and|or|not|if|else|lambda|await)\b",
    re.DOTALL,
)
_OPERATORS = b"-+*/%@&|^<>=.~"
_WORDS = (b"and", b"or", b"not", b"if", b"else", b"lambda", b"await")
"""Those of them that are words."""
_PLACE = re.compile(r"error at (\d+):(\d+)")
_TAG = re.compile(rb"\{\{.*\}\}|\{%[-+]?\s*\w")  # Jinja's

# The native parser takes 240 bytes for a byte of source, the tree that it returns 16 (measured on libcst 1.9.0).
_WORTH_GIVING_BACK = 100_000  # bytes of source


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a file has no tree: 1-based line and column, and the reason in words."""

    line: int
    column: int
    reason: str
    is_template: bool = False
    """True when it is no Python, but what Jinja makes Python from."""


def parse(data: bytes) -> cst.Module | Unreadable:
    """Parse a file's bytes (a `str` would lose the byte-order mark and the declared encoding).

    Returns:
        The tree, or what is wrong and where. Never raises for bad input.
    """
    refused = _refusal(data)
    if refused:
        return refused
    try:
        with _frugal():
            return cst.parse_module(data)
    except cst.ParserSyntaxError as error:
        place = _PLACE.search(str(error.message))
        line, column = (int(place[1]), int(place[2])) if place else (error.editor_line, error.editor_column)
        if _TAG.search((data.splitlines()[line - 1 : line] or [b""])[0]):
            return Unreadable(max(line, 1), max(column, 1), "not analysed: a template, and not Python yet", True)
        return Unreadable(max(line, 1), max(column, 1), "syntax error")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return Unreadable(line, 1, f"not valid {error.encoding}: byte 0x{data[error.start]:02x}")
    except SyntaxError as error:  # an unknown or contradictory encoding declaration
        return Unreadable(1, 1, error.msg)
    except RecursionError:
        return Unreadable(1, 1, "nested too deeply")
    except Exception as error:  # noqa: BLE001 - CSTValidationError, LookupError of a codec, a parser panic
        return Unreadable(1, 1, f"the parser failed: {type(error).__name__}")
    finally:
        if len(data) > _WORTH_GIVING_BACK:
            _trim()()


_CHECK = cst.CSTNode.__post_init__
_PARSING: ContextVar[bool] = ContextVar("parsing", default=False)
# Layout. Some of its nodes hold text, the others such nodes in their turn.
_PLAIN = (cst.SimpleWhitespace, cst.Newline)
_COMPOSED = (cst.TrailingWhitespace, cst.ParenthesizedWhitespace, cst.Comma, cst.Dot, cst.AssignEqual)
_LAYOUT: dict[str, type[cst.CSTNode]] = {kind.__name__: kind for kind in (*_PLAIN, *_COMPOSED)}
_MOST_SHARED = 1024  # nodes of a class: few are as common as all others


@contextmanager
def _frugal() -> Iterator[None]:
    """Nodes are made without LibCST's check that they fit together: what its parser read does, and the check is a
    quarter of the parse (measured on libcst 1.9.0, which names it as a possible saving). And layout that looks the same
    is the same node, all over the program: two in five nodes are a space, or none.

    What is put back is what stood there at the import, so that two threads that parse cannot lose it.
    """
    token = _PARSING.set(True)
    for name, kind in _LAYOUT.items():
        setattr(cst, name, _shared(kind))  # the parser looks the classes up there
    try:
        yield
    finally:
        _PARSING.reset(token)
        for name, kind in _LAYOUT.items():
            setattr(cst, name, kind)


def _checked(node: cst.CSTNode) -> None:
    """Check a node as LibCST does, unless its parser has made it."""
    if not _PARSING.get():
        _CHECK(node)


# Once: a class that is changed for every parse is looked up without a cache from the thousandth time on (Python 3.13).
cst.CSTNode.__post_init__ = _checked  # type: ignore[assignment,method-assign]


@cache
def _shared(kind: type[cst.CSTNode]) -> Callable[..., cst.CSTNode]:
    """What makes the nodes of a class of layout, and gives again what it made for the same arguments."""
    if kind in _PLAIN:
        return lru_cache(maxsize=_MOST_SHARED)(kind)
    known: dict[tuple[int, ...], cst.CSTNode] = {}

    def make(**given: object) -> cst.CSTNode:
        key = tuple(map(id, given.values()))  # of what the node itself keeps alive; the hash of a node takes longer
        found = known.get(key)
        if found is None:
            if len(known) >= _MOST_SHARED:
                known.clear()
            found = known[key] = kind(**given)
        return found

    return make


@cache
def _trim() -> Callable[[], Any]:
    """What gives memory back that the parser has freed: glibc keeps it. Elsewhere there is nothing to do."""
    import ctypes

    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library; Windows
        return lambda: None
    return lambda: trim(ctypes.c_size_t(0))


def _refusal(data: bytes) -> Unreadable | None:
    """Refuse brackets nested, or operators chained, beyond what the parser survives."""
    if _is_plainly_small(data):
        return None
    chains = [0]
    for match in _TOKEN.finditer(data):
        token = match[0]
        if token in b"([{":
            chains.append(0)
            if len(chains) > MAX_DEPTH:
                return _refused(data, match.start(), f"brackets nested deeper than {MAX_DEPTH}")
        elif token in b")]}":
            if len(chains) > 1:
                chains.pop()
        elif token in (b",", b";") or (token == b"\n" and len(chains) == 1):
            chains[-1] = 0
        elif token == b"\n" or token[:1] in b"\"'#":
            continue
        else:
            chains[-1] += 1
            if chains[-1] > MAX_CHAIN:
                return _refused(data, match.start(), f"an expression of more than {MAX_CHAIN} operators")
    return None


def _is_plainly_small(data: bytes) -> bool:
    """True when there are not as many brackets and operators in all as would be too many in one expression."""
    if len(data) < MAX_DEPTH:
        return True
    operators = len(data) - len(data.translate(None, _OPERATORS)) + sum(map(data.count, _WORDS))
    return operators <= MAX_CHAIN and sum(map(data.count, (b"(", b"[", b"{"))) < MAX_DEPTH


def _refused(data: bytes, at: int, why: str) -> Unreadable:
    return Unreadable(data.count(b"\n", 0, at) + 1, 1, f"not analysed: {why}")
