"""A budget in words and cells, the same for every format that people read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pooclint.budget.arithmetic import DUE, Line, Sum, programs_of
from pooclint.budget.assumptions import KNOWN, Assumption, plural
from pooclint.budget.choice import Budget
from pooclint.budget.resolved import Resolved
from pooclint.deployment.facts import Figure
from pooclint.program.pools import Amount

HEADS = ("pool", "where", "connections", "processes", "instances", "total", "size from")
NUMBERS = frozenset({"connections", "processes", "instances", "total"})
"""Columns of figures."""
TIMES, MINUS = "\u00d7", "\u2212"


@dataclass(frozen=True, slots=True)
class Bar:
    """Connections against what a server takes."""

    total: int
    usable: int
    most: int

    @property
    def scale(self) -> int:
        """What the whole bar stands for."""
        return max(self.total, self.most, 1)


@dataclass(frozen=True, slots=True)
class Section:
    """One kind of server."""

    heading: str
    verdict: str
    is_over: bool
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    bar: Bar
    remarks: tuple[str, ...]
    """What fits, when a pooler is due."""


@dataclass(frozen=True, slots=True)
class View:
    """A budget for people."""

    found: str
    """What was looked at."""
    sections: tuple[Section, ...]
    others: tuple[tuple[str, ...], ...]
    """Pools of other servers, under `HEADS`."""
    other_heads: tuple[str, ...]
    left_out: tuple[str, ...]
    assumptions: tuple[Assumption, ...]
    notes: tuple[str, ...]


def view_of(budget: Budget, names: Callable[[str], str], shown: Callable[[str], str]) -> View:
    """A budget for people.

    Args:
        budget: the figures.
        names: how people write a kind of server.
        shown: a file as reports show it.
    """
    heads, others = _table(budget.others, shown)
    return View(
        found=_found(budget),
        sections=tuple(_section(one, names(one.limit.kind), shown) for one in budget.sums),
        others=others,
        other_heads=heads,
        left_out=tuple(_left_out(budget)),
        assumptions=budget.assumptions,
        notes=tuple(f"{shown(n.path)}{f':{n.line}' if n.line else ''}: {n.text}" for n in budget.notes),
    )


def _left_out(budget: Budget) -> Iterator[str]:
    """The pools of each reason."""
    reasons: dict[str, list[str]] = {}
    for one in budget.left_out:
        reasons.setdefault(one.why, []).append(f"{one.pool.pool.name} ({one.pool.shown}:{one.pool.pool.line})")
    for why, pools in reasons.items():
        more = f" and {len(pools) - 2} more" if len(pools) > 2 else ""
        yield f"{plural(len(pools), 'pool')} {why}: {', '.join(pools[:2])}{more}"


def origin(amount: Amount, shown: Callable[[str], str]) -> str:
    """Where a figure comes from."""
    where = f"{shown(amount.path)}:{amount.line}" if amount.path and amount.line else ""
    if not where:
        return amount.how
    return f"{where}" if amount.how == "written" else f"{amount.how} ({where})"


def _found(budget: Budget) -> str:
    if budget.site is None:
        return "No deployment files were found, and none is configured."
    text, others = f"Deployment: {budget.site.label}", budget.other_sites
    if budget.site.system == "configuration" and others:
        text, others = f"{text}, on top of {others[0].label}", others[1:]
    if not others:
        return f"{text}."
    labels = ", ".join(site.label for site in others[:3])
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    return f"{text} (not {labels}{more})."


def _section(one: Sum, name: str, shown: Callable[[str], str]) -> Section:
    heads, rows = _table(one.lines, shown)
    if one.shared:
        direct, through = rows[: len(one.direct)], rows[len(one.direct) :]
        rows = (*direct, *((f"{row[0]} via {one.shared.pooler.kind}", *row[1:]) for row in through))
    return Section(
        heading=name,
        verdict=verdict(one),
        is_over=one.is_over,
        heads=heads,
        rows=rows,
        bar=Bar(one.total, one.limit.usable, one.limit.most.value),
        remarks=tuple(_remarks(one, shown)),
    )


def _table(lines: Sequence[Line], shown: Callable[[str], str]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    several = len(programs_of(lines)) > 1
    heads = (*HEADS[:2], "program", *HEADS[2:]) if several else HEADS
    return heads, tuple(_row(line, several, shown) for line in lines)


def _row(line: Line, several: bool, shown: Callable[[str], str]) -> tuple[str, ...]:
    pool = line.pool
    return (
        pool.pool.name,
        f"{pool.shown}:{pool.pool.line}",
        *((line.program.name,) if several else ()),
        _size(line),
        str(line.processes),
        str(line.instances),
        "no limit" if pool.pool.unbounded else "?" if line.total is None else f"{line.total:,}",
        _origins(line, shown),
    )


def _size(line: Line) -> str:
    pool = line.pool
    if pool.pool.unbounded:
        return "no limit"
    if pool.pool.per_thread:
        threads = line.program.threads.value if line.program.threads else 1
        return f"1 {TIMES} {plural(threads, 'thread')}"
    return _amounts(pool)


def _amounts(pool: Resolved) -> str:
    """`5 + 10`; an overflow of nothing is left away."""
    shown = [amount for place, amount in enumerate(pool.amounts) if not place or amount.value != 0]
    return " + ".join("?" if amount.value is None else str(amount.value) for amount in shown)


def _origins(line: Line, shown: Callable[[str], str]) -> str:
    pool = line.pool
    if pool.pool.unbounded:
        return pool.pool.unbounded
    texts = []
    for amount in pool.amounts:
        elsewhere = amount.path and (shown(amount.path), amount.line) != (pool.shown, pool.pool.line)
        text = origin(amount, shown) if elsewhere and amount.value is not None else amount.how
        texts.append(f"{amount.variable} is not set" if amount.value is None and amount.variable else text)
    return ", ".join(dict.fromkeys(texts))


def product(line: Line) -> str:
    """What a process opens, times the processes of an instance, times the instances."""
    if line.pool.pool.unbounded or line.per_process is None:
        each = "no limit" if line.pool.pool.unbounded else "?"
    elif line.pool.pool.per_thread:
        each = str(line.per_process)
    else:
        each = _amounts(line.pool)
        each = f"({each})" if "+" in each else each
    return f"{each} {TIMES} {line.processes} {TIMES} {line.instances}"


def verdict(one: Sum, arithmetic: bool = False) -> str:
    """Whether it fits, in a sentence.

    Args:
        one: a server.
        arithmetic: say how the sum comes about.
    """
    least = "at least " if one.is_least else ""
    direct = [line for line in one.direct if line.total]
    parts = [product(line) for line in direct]
    if one.shared and one.shared.behind:
        parts.append(f"{one.shared.behind} of {one.shared.pooler.kind}")
    sums = f"{' + '.join(parts)} = " if arithmetic and parts else ""
    reserve = (
        f" ({one.limit.most.value} {MINUS} {one.limit.reserved.value} reserved)" if one.limit.reserved.value else ""
    )
    if one.total > one.limit.usable:
        return (
            f"over budget: {least}{sums}{one.total:,} connections, and the server takes {one.limit.usable:,}{reserve}; "
            f"from the {ordinal(one.limit.usable + 1)} on it refuses"
        )
    if one.shared and one.shared.is_over:
        clients, most = one.shared.clients, one.shared.most_clients
        through = [line for line in one.through if line.total]
        sums = f"{' + '.join(map(product, through))} = " if arithmetic and through else ""
        return f"over budget: {sums}{clients:,} connections to {one.shared.pooler.kind}, which takes {most:,}"
    return f"fits: {least}{one.total:,} connections of {one.limit.usable:,}{reserve}"


def _remarks(one: Sum, shown: Callable[[str], str]) -> list[str]:
    found = list(dict.fromkeys(_figures(one, shown)))
    programs = programs_of(one.direct)
    if one.fits is not None:
        behind = (one.shared.behind or 0) if one.shared else 0
        minus = f" {MINUS} {behind} of the pooler" if behind else ""
        found.append(
            f"largest size that fits: ({one.limit.most.value} {MINUS} {one.limit.reserved.value}{minus}) / "
            f"{_processes(one)} = {plural(one.fits, 'connection')} in each process, over all its pools"
        )
        if one.fits == 0:
            found.append("there are more processes than connections: only a pooler, or fewer processes, helps")
    if one.shared:
        found.append(_through(one))
    elif programs:
        due = f"a pooler in front of the server is due from {one.pooler_due} connections on (1/{DUE} of the limit)"
        found.append(f"{due}, and there are {one.total:,}" if one.wants_pooler else due)
    return found


def _figures(one: Sum, shown: Callable[[str], str]) -> Iterator[str]:
    """The figures of the product that somebody wrote down, with their places."""
    most = one.limit.most
    if most.how in KNOWN:
        yield f"{plural(most.value, 'connection')}: {_where(most, shown)}"
    for program in programs_of(one.lines):
        if program.processes.how in KNOWN:
            count = plural(program.processes.value, "process", "processes")
            yield f"{count} of {program.name}: {_where(program.processes, shown)}"
        if program.instances.how in KNOWN:
            yield f"{plural(program.instances.value, 'instance')} of {program.name}: {_where(program.instances, shown)}"


def _where(figure: Figure[int], shown: Callable[[str], str]) -> str:
    if not figure.path:
        return figure.why or "given"
    place = f"{shown(figure.path)}{f':{figure.line}' if figure.line else ''}"
    return f"{place} ({figure.why})" if figure.why else place


def _processes(one: Sum) -> str:
    parts = [f"{p.processes.value} {TIMES} {p.instances.value}" for p in programs_of(one.direct)]
    return f"({' + '.join(parts)})"


def _through(one: Sum) -> str:
    shared = one.shared
    if shared is None:
        return ""
    limit = f", which takes {shared.most_clients:,}" if shared.most_clients is not None else ""
    behind = ""
    if shared.behind is not None:
        behind = f"; it opens {shared.behind} to the server" if shared.behind else "; it leads to another server"
    return (
        f"through {shared.pooler.kind} ({shared.pooler.mode.value} mode): {shared.clients:,} connections{limit}{behind}"
    )


def ordinal(number: int) -> str:
    """`1st`, `22nd`, `113th`."""
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"
