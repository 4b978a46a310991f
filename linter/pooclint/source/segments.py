"""Large classes, parsed a few of their statements at a time.

While LibCST's parser works it takes 240 bytes for a byte of what it is given, fifteen times what the tree takes that it
returns (measured on libcst 1.9.0): a class of 800 kilobytes, and there are some, is the worst moment of a run over a
million lines.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Sequence
from itertools import pairwise

import libcst as cst

from pooclint.source.parse import Unreadable, parse
from pooclint.source.pieces import extent

LARGE = 100_000
"""Bytes of source that are not given to the parser at once, where they can be cut: that costs a tenth of the parse, and
for a class another tenth to see that nothing is lost."""
_SEGMENT = 50_000  # bytes


def parse_in_segments(text: bytes) -> cst.Module | Unreadable:
    """Parse the text of a class (`Piece.text`), or of anything else, as `parse` does."""
    try:
        found = _combined(text)
        if found is not None and found.bytes == text:
            return found
    except RecursionError:  # to generate code takes a deeper stack than to parse it
        pass
    return parse(text)


def _combined(text: bytes) -> cst.Module | None:
    """The module of a class, made of those of its segments; None where it has none, or one of them has no tree."""
    modules: list[cst.Module] = []
    blocks: list[cst.IndentedBlock] = []
    for segment in _segments(text):
        module = parse(segment)
        if isinstance(module, Unreadable):
            return None
        match module.body:
            case [cst.ClassDef(body=cst.IndentedBlock() as block)]:
                modules.append(module)
                blocks.append(block)
            case _:
                return None
    if len(modules) < 2:
        return None
    body = [statement for block in blocks for statement in block.body]
    last = modules[-1]
    owner = modules[0].body[0].with_changes(body=blocks[0].with_changes(body=body, footer=blocks[-1].footer))
    return modules[0].with_changes(body=[owner], footer=last.footer, has_trailing_newline=last.has_trailing_newline)


def _segments(text: bytes) -> Iterator[bytes]:
    """Classes that have the statements of a class between them: all but the first without its name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            body = ast.parse(text).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return
    lines = text.splitlines(keepends=True)
    head = b"class _:" + lines[0][len(lines[0].rstrip(b"\r\n")) :]
    ends = list(_ends(body[0].body, len(lines))) if len(body) == 1 and isinstance(body[0], ast.ClassDef) else []
    start = 0
    for end in ends:
        if end == ends[-1] or sum(map(len, lines[start:end])) > _SEGMENT:
            yield (head if start else b"") + b"".join(lines[start:end])
            start = end


def _ends(statements: Sequence[ast.stmt], last: int) -> Iterator[int]:
    """The lines at which the text may be cut: where a statement ends and no other goes on; the last one."""
    for one, other in pairwise(statements):
        if extent(one)[1] < extent(other)[0]:
            yield extent(one)[1]
    yield last
