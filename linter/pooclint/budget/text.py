"""A budget for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from pooclint.budget.view import NUMBERS, Bar, Section, View
from pooclint.report.common import printable

_WIDTH = 50
_MOST_OTHERS = 8
_MOST_NOTES = 5
_FULL, _OVER, _FREE, _RESERVED = "\u2588", "\u2593", "\u2591", "\u00b7"


def render(view: View, color: bool = False) -> str:
    """The tables, bars and assumptions as text.

    Args:
        view: what to show.
        color: paint the verdicts.
    """
    parts = [[printable(view.found)]]
    parts += [_section(section, color) for section in view.sections]
    if not view.sections:
        parts.append(["No pool of a database server was found."])
    if view.others:
        rows = view.others[:_MOST_OTHERS]
        more = len(view.others) - len(rows)
        parts.append(["Other pools, which no such limit applies to:", *_table(view.other_heads, rows)])
        parts[-1] += [f"  and {more} more (--format json has all)"] if more else []
    if view.left_out:
        parts.append(["Not counted:", *_items(view.left_out)])
    if view.assumptions:
        width = max(len(printable(one.text)) for one in view.assumptions)
        rows_of = [f"  {printable(one.text):{width}}  change it: {printable(one.override)}" for one in view.assumptions]
        parts.append(["Assumed:", *rows_of])
    if view.notes:
        parts.append(["Left unread:", *_items(view.notes)])
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _items(texts: Sequence[str]) -> list[str]:
    shown = [f"  {printable(text)}" for text in texts[:_MOST_NOTES]]
    more = len(texts) - len(shown)
    return [*shown, *([f"  and {more} more (--format json has all)"] if more else [])]


def _section(section: Section, color: bool) -> list[str]:
    head = f"{printable(section.heading)}: {printable(section.verdict)}"
    painted = f"\x1b[1;{31 if section.is_over else 32}m{head}\x1b[0m" if color else head
    remarks = [f"  {printable(text)}" for text in section.remarks]
    return [painted, "", *_table(section.heads, section.rows), "", f"  {bar(section.bar)}", *remarks]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    cells = [tuple(heads), *(tuple(printable(cell) for cell in row) for row in rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(heads))]
    return [
        "  "
        + "  ".join(
            cell.rjust(width) if head in NUMBERS else cell.ljust(width)
            for cell, width, head in zip(row, widths, heads, strict=True)
        ).rstrip()
        for row in cells
    ]


def bar(figures: Bar) -> str:
    """`[████░░░··] 40 of 90 (100 with the reserve)`."""
    cells = [_cell(figures, (place + 0.5) * figures.scale / _WIDTH) for place in range(_WIDTH)]
    reserve = f" ({figures.most:,} with the reserve)" if figures.most != figures.usable else ""
    return f"[{''.join(cells)}] {figures.total:,} of {figures.usable:,}{reserve}"


def _cell(figures: Bar, at: float) -> str:
    if at < figures.total:
        return _FULL if at < figures.usable else _OVER
    return _FREE if at < figures.usable else _RESERVED
