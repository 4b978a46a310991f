"""The format for people: a source frame with the path of the leak, step by step."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from pooclint.report.common import Context, plural, printable
from pooclint.rule import Finding, Severity
from pooclint.run.result import RunResult

_COLORS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.INFO: "36"}


def render(result: RunResult, context: Context) -> str:
    """Every finding with its frame, and what was looked at."""
    parts = [_finding(finding, context) for finding in result.findings]
    if context.summary:
        parts.append(_closing(result, context))
    return "\n".join(parts)


@dataclass(frozen=True, slots=True)
class _Mark:
    """A line of a frame: where, from which column to which, and what to say."""

    path: str
    line: int
    column: int
    end_column: int
    text: str


def _finding(finding: Finding, context: Context) -> str:
    color = _COLORS[finding.severity]
    place = f"{printable(finding.path)}:{finding.line}:{finding.column}"
    head = f"{_paint(place, '1', context)}: {_paint(finding.severity.label, color, context)}: "
    head += f"{_paint(finding.code, '1', context)} {printable(finding.message)}"
    if finding.confidence.label != "high":
        head += _paint(f" ({finding.confidence.label} confidence)", "2", context)
    return "\n".join([head, *_frame(finding.path, _marks(finding), color, context)]) + "\n"


def _marks(finding: Finding) -> list[_Mark]:
    end = finding.end_column if finding.end_line == finding.line else 0
    marks = [
        _Mark(
            step.path,
            step.line,
            step.column,
            end if (step.path, step.line, step.column) == (finding.path, finding.line, finding.column) else -1,
            f"{number}. {step.text}",
        )
        for number, step in enumerate(finding.trace, start=1)
    ]
    if not any((mark.path, mark.line) == (finding.path, finding.line) for mark in marks):
        marks.insert(0, _Mark(finding.path, finding.line, finding.column, end, ""))
    return marks


def _frame(path: str, marks: Sequence[_Mark], color: str, context: Context) -> list[str]:
    width = max(len(str(mark.line)) for mark in marks)
    edge = f"  {'':{width}} |"
    rows: list[str] = []
    last = 0
    for mark in marks:
        lines = context.lines(mark.path)
        if mark.path != path:
            rows.append(f"  {'':{width}} --> {printable(mark.path)}:{mark.line}")
            path, last = mark.path, 0
        if not 0 < mark.line <= len(lines):
            if mark.text:
                rows.append(f"  {mark.line:{width}} | {printable(mark.text)}")
            continue
        if last and mark.line not in (last, last + 1):
            rows.append(f"  {'':{width}} :")
        line = lines[mark.line - 1]
        if mark.line != last:
            rows.append(f"  {mark.line:{width}} | {printable(line)}".rstrip())
        start, stop = _underline(line, mark)
        pointer = _paint("^" * max(stop - start, 1), color, context)
        rows.append(f"{edge} {' ' * start}{pointer} {printable(mark.text)}".rstrip())
        last = mark.line
    return rows


def _underline(line: str, mark: _Mark) -> tuple[int, int]:
    """First and last column on the screen, where tabs, escapes and wide characters take more than one cell."""
    begin = min(mark.column - 1, len(line))
    # -1: a single character; 0: up to the end of the line.
    end = {-1: begin + 1, 0: len(line)}.get(mark.end_column, mark.end_column - 1)
    return _cells(line[:begin]), _cells(line[: max(end, begin + 1)])


def _cells(text: str) -> int:
    return sum(_cell(character) for character in printable(text))


def _cell(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _closing(result: RunResult, context: Context) -> str:
    looked = f"{plural(result.files, 'file')} looked at, {plural(result.acquisitions, 'acquisition')} recognised"
    if result.unreadable:
        looked += f", {result.unreadable} unreadable"
    if not result.findings:
        return f"{looked}: {_paint('no findings', '32', context)}\n"
    code = result.findings[0].code
    found = _paint(plural(len(result.findings), "finding"), "1", context)
    return f"{looked}: {found}\nMore about a code: pooclint explain {code}\n"


def _paint(text: str, style: str, context: Context) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if context.color else text
