"""What was measured, as a page and a plot."""

from __future__ import annotations

import math
import os
import platform
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

from measure import Spent

COLD, WARM, CHANGED = "pooclint, cold", "pooclint, warm", "pooclint, one file changed"
RUFF, FLAKE8 = "ruff, without cache", "flake8"
INSIDE, INSIDE_WARM = "flake8 with pooclint, cold", "flake8 with pooclint, warm"
ASYNC, PYLINT = "flake8-async", "pylint R1732"
GOALS = (
    ("cold, to ruff without cache", COLD, RUFF, "at most 10"),
    ("flake8-async, to cold", ASYNC, COLD, "at least 20"),
    ("pylint R1732, to cold", PYLINT, COLD, "at least 10"),
    ("warm, to ruff without cache", WARM, RUFF, "at most 2"),
    ("one file changed, to warm", CHANGED, WARM, "at most 2"),
    ("flake8 with pooclint, warm, to flake8", INSIDE_WARM, FLAKE8, "at most 1.1"),
    ("flake8 with pooclint, cold, to flake8", INSIDE, FLAKE8, "at most 1.1"),
)
"""Ratios of medians: what, of which tools, and what is to be reached."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The runs of a tool on a package; none when it took longer than the limit."""

    package: str
    version: str
    lines: int
    tool: str
    runs: tuple[Spent, ...]

    @property
    def seconds(self) -> float:
        """Median."""
        return statistics.median(run.seconds for run in self.runs) if self.runs else math.nan

    @property
    def cpu(self) -> float:
        """Median of the processor seconds."""
        return statistics.median(run.cpu for run in self.runs) if self.runs else math.nan

    @property
    def memory(self) -> float:
        """The most, in megabytes."""
        return max(run.memory for run in self.runs) / 1_000_000 if self.runs else math.nan


def page(
    found: Sequence[Measured], versions: dict[str, str], rounds: int, limit: float, profiled: str | None, profile: str
) -> str:
    """The page, in Markdown.

    Args:
        found: What was measured.
        versions: Of the tools.
        rounds: How often each was run.
        limit: Seconds that a run could take.
        profiled: The package of which there is a profile.
        profile: That profile, as a table.
    """
    packages = list(dict.fromkeys((m.package, m.version, m.lines) for m in found))
    names = list(dict.fromkeys(m.tool for m in found))
    shown = ", ".join(f"{name} {version}" for name, version in versions.items() if name != "flake8-pooclint")
    about = (
        f"{'One round' if rounds == 1 else f'{rounds} rounds'}, in each of which every tool ran once on every package; "
        f"medians. {os.cpu_count()} cores, "
        f"Python {platform.python_version()}. {shown}. What took longer than {limit:,.0f} s was "
        "ended, and has a dash. Tools that are missing were not run."
    )
    parts = [
        "# Performance",
        "Written by `python benchmarks/speed.py`; do not edit. Ratios of one run compare, seconds do not.",
        about,
        "![seconds against lines](performance.svg)",
        "## Ratios",
        _ratios(found, packages),
        "## Seconds",
        _table(found, packages, names, lambda m: m.seconds, 2),
        "## Processor seconds, of all processes",
        _table(found, packages, names, lambda m: m.cpu, 1),
        "## Memory at the worst moment, of all processes, in megabytes",
        _table(found, packages, names, lambda m: m.memory, 0),
    ]
    if profile:
        parts += [
            f"## Where the time goes: {profiled}, cold, in one process",
            "Samples of the innermost of these phases (`benchmarks/phases.py`).",
            profile.strip(),
        ]
    return "\n\n".join(parts) + "\n"


def _ratios(found: Sequence[Measured], packages: Sequence[tuple[str, str, int]]) -> str:
    known = {(m.package, m.tool): m.seconds for m in found}
    rows = [_head([p for p, _, _ in packages], "ratio", "goal")]
    for text, one, other, goal in GOALS:
        ratios = [known.get((p, one), math.nan) / known.get((p, other), math.nan) for p, _, _ in packages]
        if not all(math.isnan(r) for r in ratios):
            rows.append(f"| {text} | {goal} | {' | '.join(_number(r, 2) for r in ratios)} |")
    return "\n".join(rows)


def _table(
    found: Sequence[Measured],
    packages: Sequence[tuple[str, str, int]],
    names: Iterable[str],
    value: Callable[[Measured], float],
    digits: int,
) -> str:
    known = {(m.package, m.tool): value(m) for m in found}
    rows = [_head([f"{p} {v}" for p, v, _ in packages], "tool")]
    rows.append(f"| *lines* | {' | '.join(f'*{total:,}*' for _, _, total in packages)} |")
    for name in names:
        figures = [_number(known.get((p, name), math.nan), digits) for p, _, _ in packages]
        rows.append(f"| {name} | {' | '.join(figures)} |")
    return "\n".join(rows)


def _head(packages: Sequence[str], *first: str) -> str:
    return f"| {' | '.join([*first, *packages])} |\n|{'---|' * len(first)}{'--:|' * len(packages)}"


def _number(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:,.{digits}f}"


def plot(found: Sequence[Measured]) -> str:
    """Seconds against lines, both logarithmic, as SVG."""
    points = [(m.tool, m.lines, m.seconds) for m in found if m.runs]
    if not points:
        return '<svg xmlns="http://www.w3.org/2000/svg"/>\n'
    width, height, left, top = 760, 420, 60, 20
    across = _scale([lines for _, lines, _ in points], left, width - 220)
    down = _scale([seconds for _, _, seconds in points], height - 40, top)
    shapes = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"',
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for second in _decades([seconds for _, _, seconds in points]):
        at = down(second)
        shapes.append(f'<line x1="{left}" x2="{width - 220}" y1="{at:.1f}" y2="{at:.1f}" stroke="#ddd"/>')
        shapes.append(f'<text x="{left - 6}" y="{at + 4:.1f}" text-anchor="end">{second:g} s</text>')
    shapes += [
        f'<text x="{across(lines):.1f}" y="{height - 20}" text-anchor="middle">{lines // 1000}k</text>'
        for lines in sorted({lines for _, lines, _ in points})
    ]
    for place, tool in enumerate(dict.fromkeys(tool for tool, _, _ in points)):
        color = f"hsl({place * 47 % 360},65%,40%)"
        own = sorted((across(lines), down(seconds)) for name, lines, seconds in points if name == tool)
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in own)
        shapes.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        shapes += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>' for x, y in own]
        shapes.append(f'<text x="{width - 205}" y="{top + 16 + place * 18}" fill="{color}">{escape(tool)}</text>')
    return "\n".join([*shapes, "</svg>"]) + "\n"


def _scale(values: Sequence[float], first: float, last: float) -> Callable[[float], float]:
    low, high = math.log10(min(values)) - 0.05, math.log10(max(values)) + 0.05
    return lambda value: first + (math.log10(value) - low) / (high - low) * (last - first)


def _decades(values: Sequence[float]) -> list[float]:
    return [10.0**n for n in range(math.ceil(math.log10(min(values))), math.floor(math.log10(max(values))) + 1)]
