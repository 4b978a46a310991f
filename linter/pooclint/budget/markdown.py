"""A budget as Markdown, for a pull request or a wiki."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pooclint.budget.text import bar
from pooclint.budget.view import NUMBERS, Section, View
from pooclint.report.common import printable

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#+!|~&])")


def render(view: View) -> str:
    """The tables, bars and assumptions as Markdown."""
    parts = ["# Connection budget", _text(view.found), *map(_section, view.sections)]
    if not view.sections:
        parts.append("No pool of a database server was found.")
    if view.others:
        parts += ["## Other pools", _table(view.other_heads, view.others)]
    if view.left_out:
        parts += ["## Not counted", _list(view.left_out)]
    if view.assumptions:
        rows = [(one.text, one.override) for one in view.assumptions]
        parts += ["## Assumed", _table(("assumed", "change it"), rows)]
    if view.notes:
        parts += ["## Left unread", _list(view.notes)]
    return "\n\n".join(parts) + "\n"


def _section(section: Section) -> str:
    verdict = f"**{_text(section.verdict)}**" if section.is_over else _text(section.verdict)
    return "\n\n".join(
        [
            f"## {_text(section.heading)}",
            verdict,
            _table(section.heads, section.rows),
            f"```text\n{bar(section.bar)}\n```",
            _list(section.remarks),
        ]
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    ruler = ["--:" if head in NUMBERS else "---" for head in heads]
    lines = [heads, ruler, *([_text(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _list(texts: Sequence[str]) -> str:
    return "\n".join(f"- {_text(text)}" for text in texts)


def _text(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", printable(text))
