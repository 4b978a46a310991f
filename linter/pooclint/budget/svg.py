"""A budget as a picture: a bar for each server, and a line for each pool."""

from __future__ import annotations

from html import escape

from pooclint.budget.view import Bar, Section, View
from pooclint.report.common import printable

_WIDTH = 860
_LEFT = 20
_BAR = _WIDTH - 2 * _LEFT
_LINE = 22
_COLORS = {"used": "#2f6fb3", "over": "#c8372d", "free": "#dfe6ee", "reserved": "#b9c0c8"}
_FONT = "font-family:system-ui,sans-serif;font-size:13px"


def render(view: View) -> str:
    """The sections as one picture."""
    parts: list[str] = []
    top = 30
    parts.append(_text(_LEFT, top, view.found))
    for section in view.sections:
        drawn, top = _section(section, top + 2 * _LINE)
        parts += drawn
    if not view.sections:
        top += _LINE
        parts.append(_text(_LEFT, top, "No pool of a database server was found."))
    height = top + 24
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'height="{height}" role="img" style="{_FONT}">\n'
        f"<title>Connection budget</title>\n"
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _section(section: Section, top: int) -> tuple[list[str], int]:
    color = _COLORS["over"] if section.is_over else "#1d2733"
    parts = [_text(_LEFT, top, f"{section.heading}: {section.verdict}", color, bold=True)]
    parts.append(f'<g transform="translate({_LEFT} {top + 10})">{bar(section.bar, _BAR)}</g>')
    top += 10 + 28
    for row in section.rows:
        cells = dict(zip(section.heads, row, strict=True))
        program = f" in {cells['program']}" if "program" in cells else ""
        figures = f"({cells['connections']}) \u00d7 {cells['processes']} \u00d7 {cells['instances']} = {cells['total']}"
        top += _LINE
        parts.append(_text(_LEFT, top, f"{cells['pool']}{program}, {cells['where']}: {figures}"))
    for remark in section.remarks:
        top += _LINE
        parts.append(_text(_LEFT, top, remark, "#5b6672"))
    return parts, top


def bar(figures: Bar, width: int) -> str:
    """The bar as SVG elements, from 0 to `width`."""
    scale = width / figures.scale
    used = min(figures.total, figures.usable)
    pieces = [
        ("free", 0, figures.usable),
        ("reserved", figures.usable, figures.most),
        ("used", 0, used),
        ("over", used, figures.total),
    ]
    drawn = [
        f'<rect x="{start * scale:.1f}" width="{(end - start) * scale:.1f}" height="18" fill="{_COLORS[kind]}"/>'
        for kind, start, end in pieces
        if end > start
    ]
    mark = figures.usable * scale
    drawn.append(f'<line x1="{mark:.1f}" x2="{mark:.1f}" y1="-4" y2="22" stroke="#1d2733" stroke-width="2"/>')
    return "".join(drawn)


def _text(left: int, top: int, text: str, color: str = "#1d2733", bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{left}" y="{top}" fill="{color}"{weight}>{escape(printable(text))}</text>'
