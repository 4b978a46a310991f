"""What had to be assumed for a budget, and how to say it better."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pooclint.budget.arithmetic import Line, Sum, programs_of
from pooclint.budget.resolved import Resolved
from pooclint.deployment.facts import Deployment, Figure, Program

_MOST = "--max-connections N"
KNOWN = ("configured", "written", "fallback")
"""Figures that somebody wrote down for this project."""


@dataclass(frozen=True, slots=True)
class KnownServer:
    """A kind of database server, and what it takes unless told otherwise."""

    kind: str
    name: str
    """How people write it."""
    schemes: frozenset[str]
    """Of the URLs that lead to it."""
    most: Figure[int]
    reserved: Figure[int]


@dataclass(frozen=True, slots=True)
class Assumption:
    """Something that nobody said, and how to say it."""

    text: str
    override: str


def kind_of(pool: Resolved, servers: Sequence[KnownServer]) -> str | None:
    """The kind of server that a pool leads to; empty for another one, None where nothing says it."""
    if pool.address.scheme:
        return next((s.kind for s in servers if pool.address.scheme in s.schemes), "")
    if pool.address.server:
        return pool.address.server if any(s.kind == pool.address.server for s in servers) else ""
    return None


def assumptions_of(sums: Sequence[Sum], here: Deployment, servers: Sequence[KnownServer]) -> Iterator[Assumption]:
    """What nobody said about the figures of these sums."""
    for one in sums:
        name = server_name(one.limit.kind, servers)
        if one.limit.most.how not in KNOWN:
            yield Assumption(f"{name} takes {one.limit.most.value} connections ({one.limit.most.why})", _MOST)
        if one.limit.reserved.how not in KNOWN and one.limit.reserved.value:
            text = f"{one.limit.reserved.value} of them are kept for others ({one.limit.reserved.why})"
            yield Assumption(text, "--reserved N")
        for program in programs_of(one.lines):
            yield from _of_program(program)
        for line in one.lines:
            yield from _of_pool(line, one, servers)
        if one.shared and one.shared.behind is None:
            text = f"how many connections {one.shared.pooler.kind} opens to the server is not known; none are counted"
            yield Assumption(text, "default-pool-size in [tool.pooclint.pooler]")
    if any(program.kind == "job" for program in here.programs) and any(p.kind != "job" for p in here.programs):
        names = ", ".join(sorted({p.name for p in here.programs if p.kind == "job"}))
        yield Assumption(f"jobs that end by themselves are not counted ({names})", "[[tool.pooclint.budget.program]]")


def _of_program(program: Program) -> Iterator[Assumption]:
    if program.processes.how not in KNOWN:
        count = plural(program.processes.value, "process", "processes")
        yield Assumption(f"{program.name} has {count} ({program.processes.why})", "--workers N")
    if program.instances.how not in KNOWN:
        count = plural(program.instances.value, "instance")
        yield Assumption(f"{program.name} has {count} ({program.instances.why})", "--instances N")


def _of_pool(line: Line, one: Sum, servers: Sequence[KnownServer]) -> Iterator[Assumption]:
    pool = line.pool
    if pool.pool.unbounded:
        yield Assumption(f"{pool.pool.name} has no limit ({pool.pool.unbounded}); it is not in the sum", "give it one")
    elif line.per_process is None:
        variable = next((a.variable for a in pool.amounts if a.value is None and a.variable), "")
        text = f"the size of {pool.pool.name} is not known; it is not in the sum"
        yield Assumption(text, f"{variable}=N in .env" if variable else "write it in the source")
    if pool.pool.per_thread and line.program.threads is None:
        text = f"each process of {line.program.name} has one thread, and {pool.pool.name} a connection for it"
        yield Assumption(text, "threads in [[tool.pooclint.budget.program]]")
    if kind_of(pool, servers) is None:
        override = (
            f"{pool.address.variable}=URL in .env" if pool.address.variable else "server in [tool.pooclint.budget]"
        )
        yield Assumption(f"{pool.pool.name} leads to {server_name(one.limit.kind, servers)}", override)
    for amount in pool.amounts:
        if amount.value is not None and amount.how.startswith("default of") and amount.variable:
            text = f"{amount.variable} is not set, so that {pool.pool.name} has {amount.value}"
            yield Assumption(text, f"{amount.variable}=N in .env")


def server_name(kind: str, servers: Sequence[KnownServer]) -> str:
    """How people write it."""
    return next((server.name for server in servers if server.kind == kind), kind)


def plural(count: int, noun: str, several: str = "") -> str:
    """`1 process`, `2 processes`."""
    return f"{count} {noun}" if count == 1 else f"{count} {several or noun + 's'}"
