"""A file cut into what can be parsed by itself: its functions and classes, and the frame around them.

LibCST takes some sixty milliseconds for a thousand lines; Python's own parser, which says where each statement begins
and ends, five. What is imported from a module is seldom more than one of its definitions.
"""

from __future__ import annotations

import ast
import re
import warnings
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from sys import intern
from zlib import crc32

from pooclint.source.positions import Span

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_GLOBAL = re.compile(rb"\bglobal\b")
_WORD = re.compile(r"[A-Za-z_]\w*")
# What makes lines ambiguous, or a part of the file mean something else than in the whole.
_ODD = re.compile(rb"\A\xef\xbb\xbf|\x0c|\r(?!\n)|\A(?:[^\n]*\n)?[ \t]*#[^\n]*coding[:=]")


@dataclass(frozen=True, slots=True)
class Piece:
    """Lines of a file that can be parsed by themselves."""

    text: bytes
    lines: tuple[tuple[int, int], ...]
    """Where the text goes on elsewhere in the file: a line of the text, and that line of the file. 1-based."""

    def in_file(self, line: int) -> int:
        """The line of the file that a line of the text is."""
        own, there = self.lines[max(bisect_right(self.lines, (line, 1 << 60)) - 1, 0)]
        return there + line - own

    def shifted(self, span: Span) -> Span:
        """A place in the text as a place in the file."""
        return Span(self.in_file(span.line), span.column, self.in_file(span.end_line), span.end_column)


@dataclass(frozen=True, slots=True)
class Pieces:
    """A file in pieces."""

    frame: Piece
    """All that binds more than one name, or none: imports, assignments, conditions."""
    statements: tuple[int, ...]
    """The lines of the file at which the statements of the frame begin."""
    definitions: dict[str, Piece]
    """Functions and classes by name, where nothing else at the top level binds that."""
    bound: frozenset[str] = frozenset()
    """Names that the frame binds."""
    mentioned: frozenset[str] = frozenset()
    """Names that the frame uses; what it lists for export is not used there."""
    defined: frozenset[str] = frozenset()
    """Names of functions and classes in the frame, nested ones included."""


@dataclass(frozen=True, slots=True)
class Extents:
    """Where a file is cut. It is kept for every file of a project that somebody looks into."""

    checksum: int
    """Of the file."""
    frame: array[int]
    """First and last lines of what the frame is made of, in turn."""
    names: tuple[str, ...]
    """Of the definitions."""
    lines: array[int]
    """Their first and last lines, in turn."""


def whole(data: bytes) -> Piece:
    """All of a file as one piece."""
    return Piece(data, ((1, 1),))


@lru_cache(maxsize=256)
def cut(data: bytes) -> Pieces | None:
    """Cut a file; None when it cannot be cut, or is not Python as the running interpreter knows it.

    Those of the last files are kept: what is cut to be looked into is soon asked for its parts (`source/parts.py`).
    """
    if _ODD.search(data):
        return None
    try:
        data.decode()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(data).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    lines = data.splitlines(keepends=True)
    counts = Counter(node.name for node in body if isinstance(node, _DEFINITIONS))
    framing = [node for node in body if not isinstance(node, _DEFINITIONS)]
    others = frozenset(name for node in framing for name in _bound(node))
    mentioned = {name for node in framing for name in _mentioned(node)}
    rest: list[tuple[int, int]] = []
    definitions: dict[str, Piece] = {}
    for node in body:
        first, last = extent(node)
        if rest and first <= rest[-1][1]:  # several statements on a line
            rest[-1] = (rest[-1][0], max(last, rest[-1][1]))
            continue
        if isinstance(node, _DEFINITIONS) and counts[node.name] == 1 and node.name not in others:
            text = b"".join(lines[first - 1 : last])
            if not (_GLOBAL.search(text) and _binds_globals(node)):
                definitions[node.name] = Piece(text, ((1, first),))
                continue
        if isinstance(node, _DEFINITIONS):
            others |= {node.name}
            mentioned.update(_mentioned(node))
        rest.append((first, last))
    starts = tuple(first for first, _ in rest)
    framed = (n for node in body if getattr(node, "name", "") not in definitions for n in ast.walk(node))
    defined = frozenset(n.name for n in framed if isinstance(n, _DEFINITIONS))
    return Pieces(_joined(lines, rest), starts, definitions, others, frozenset(mentioned), defined)


def extents(data: bytes, pieces: Pieces) -> Extents:
    """Where a file has been cut."""
    ends = [own - 1 for own, _ in pieces.frame.lines[1:]] + [len(pieces.frame.text.splitlines())]
    frame = [(there, there + end - own) for (own, there), end in zip(pieces.frame.lines, ends, strict=True) if end]
    definitions = pieces.definitions.values()
    lines = [(piece.lines[0][1], piece.lines[0][1] + len(piece.text.splitlines()) - 1) for piece in definitions]
    return Extents(
        crc32(data),
        array("I", chain.from_iterable(frame)),
        tuple(map(intern, pieces.definitions)),
        array("I", chain.from_iterable(lines)),
    )


def cut_again(data: bytes, known: Extents) -> Pieces | None:
    """Cut a file where it was cut before, without looking what is in it: which names the frame binds, mentions and
    defines is left out. None when it is no longer the same."""
    if crc32(data) != known.checksum:
        return None
    lines = data.splitlines(keepends=True)
    frame = _pairs(known.frame)
    definitions = {
        name: Piece(b"".join(lines[first - 1 : last]), ((1, first),))
        for name, (first, last) in zip(known.names, _pairs(known.lines), strict=True)
    }
    return Pieces(_joined(lines, frame), tuple(first for first, _ in frame), definitions)


def _pairs(numbers: array[int]) -> list[tuple[int, int]]:
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _binds_globals(node: ast.stmt) -> bool:
    """True when what a definition runs may bind names of the module."""
    return any(isinstance(inner, ast.Global) for inner in ast.walk(node))


def _joined(lines: Sequence[bytes], extents: Sequence[tuple[int, int]]) -> Piece:
    text: list[bytes] = []
    starts: list[tuple[int, int]] = []
    for first, last in extents:
        starts.append((len(text) + 1, first))
        text += lines[first - 1 : last]
    return Piece(b"".join(text), tuple(starts) or ((1, 1),))


def extent(node: ast.stmt) -> tuple[int, int]:
    """First and last line of a statement, its decorators included."""
    decorators: Sequence[ast.expr] = node.decorator_list if isinstance(node, _DEFINITIONS) else ()
    return min([node.lineno, *(d.lineno for d in decorators)]), node.end_lineno or node.lineno


def _bound(node: ast.stmt) -> Iterator[str]:
    """Names that a statement may bind, those of nested scopes included."""
    for inner in ast.walk(node):
        match inner:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.alias(name=name, asname=alias):
                yield alias or name.split(".")[0]
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name
            case ast.MatchMapping(rest=str(name)):
                yield name


def _mentioned(node: ast.stmt) -> Iterator[str]:
    """Names that a statement of the frame uses, those in texts included: annotations are written as such."""
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Assign(targets=[ast.Name(id="__all__")]):
            return
    for inner in ast.walk(node):
        match inner:
            case ast.Name(id=name):
                yield name
            case ast.Constant(value=str(text)):
                yield from _WORD.findall(text)
