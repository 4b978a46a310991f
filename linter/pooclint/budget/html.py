"""A budget as a page of its own."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from pooclint.budget.svg import bar
from pooclint.budget.view import NUMBERS, Section, View
from pooclint.report.common import printable

_STYLE = """\
body { font: 15px/1.5 system-ui, sans-serif; color: #1d2733; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: .7rem 0 }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid #dfe6ee; vertical-align: top }
.number { text-align: right }
.over { color: #c8372d }
code { font: 13px ui-monospace, monospace }
"""
_BAR = 800


def render(view: View) -> str:
    """The tables, bars and assumptions as HTML."""
    parts = [_tag("p", view.found), *map(_section, view.sections)]
    if not view.sections:
        parts.append("<p>No pool of a database server was found.</p>")
    if view.others:
        parts += ["<h2>Other pools</h2>", _table(view.other_heads, view.others)]
    if view.left_out:
        parts += ["<h2>Not counted</h2>", _list(view.left_out)]
    if view.assumptions:
        rows = [(one.text, one.override) for one in view.assumptions]
        parts += ["<h2>Assumed</h2>", _table(("assumed", "change it"), rows)]
    if view.notes:
        parts += ["<h2>Left unread</h2>", _list(view.notes)]
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Connection budget</title>\n'
        f"<style>\n{_STYLE}</style>\n</head>\n<body>\n<h1>Connection budget</h1>\n{body}\n</body>\n</html>\n"
    )


def _section(section: Section) -> str:
    over = ' class="over"' if section.is_over else ""
    picture = f'<svg viewBox="0 -6 {_BAR} 32" width="{_BAR}" height="32" role="img">{bar(section.bar, _BAR)}</svg>'
    verdict = f"<p{over}><strong>{_text(section.verdict)}</strong></p>"
    table = _table(section.heads, section.rows)
    return "\n".join([_tag("h2", section.heading), verdict, picture, table, _list(section.remarks)])


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    classes = [' class="number"' if head in NUMBERS else "" for head in heads]
    lines = ["".join(f"<th{css}>{_text(head)}</th>" for head, css in zip(heads, classes, strict=True))]
    lines += ["".join(f"<td{css}>{_text(cell)}</td>" for cell, css in zip(row, classes, strict=True)) for row in rows]
    return "<table>\n" + "\n".join(f"<tr>{line}</tr>" for line in lines) + "\n</table>"


def _list(texts: Sequence[str]) -> str:
    return "<ul>\n" + "\n".join(_tag("li", text) for text in texts) + "\n</ul>"


def _tag(name: str, text: str) -> str:
    return f"<{name}>{_text(text)}</{name}>"


def _text(text: str) -> str:
    return escape(printable(text))
