"""Pools times processes against what a server takes. Plain figures in, plain figures out; nothing here reads a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pooclint.budget.resolved import Resolved
from pooclint.deployment.facts import Figure, Pooler, Program

DUE = 3
"""From a third of a server's connections on, a pooler in between is worth its place: a deployment that replaces its
processes one after the other has up to twice as many for a while, and what is left has to be enough for migrations,
consoles and the next service."""


@dataclass(frozen=True, slots=True)
class Line:
    """A pool in a program: what one process opens at most, and all of them."""

    pool: Resolved
    program: Program
    per_process: int | None
    """None: not known, or without a limit."""

    @property
    def processes(self) -> int:
        """Per instance."""
        return self.program.processes.value

    @property
    def instances(self) -> int:
        """Of the program."""
        return self.program.instances.value

    @property
    def total(self) -> int | None:
        """The connections of all processes; None: not known, or without a limit."""
        return None if self.per_process is None else self.per_process * self.program.total


@dataclass(frozen=True, slots=True)
class Limit:
    """What a database server takes."""

    kind: str
    most: Figure[int]
    reserved: Figure[int]
    name: str = ""
    """The host by which programs know it; empty: not known."""

    @property
    def usable(self) -> int:
        """What is left for programs."""
        return max(self.most.value - self.reserved.value, 0)


@dataclass(frozen=True, slots=True)
class Shared:
    """Connections that lead through a pooler."""

    pooler: Pooler
    clients: int
    """What pools open to it."""
    most_clients: int | None
    """What it takes of them; None: not known."""
    behind: int | None
    """What it opens to the server; None: not known."""

    @property
    def is_over(self) -> bool:
        """True when it takes fewer clients than there may be."""
        return self.most_clients is not None and self.clients > self.most_clients


@dataclass(frozen=True, slots=True)
class Sum:
    """All pools of one kind of server against its limit."""

    limit: Limit
    direct: tuple[Line, ...]
    """Pools whose connections the server itself takes, the largest total first."""
    through: tuple[Line, ...] = ()
    """Those whose connections a pooler takes."""
    shared: Shared | None = None

    @property
    def lines(self) -> tuple[Line, ...]:
        """All of them."""
        return (*self.direct, *self.through)

    @property
    def total(self) -> int:
        """The connections that the server sees at most, as far as that is known."""
        behind = (self.shared.behind or 0) if self.shared else 0
        return sum(line.total or 0 for line in self.direct) + behind

    @property
    def is_least(self) -> bool:
        """True when a figure is not known, so that there may be more."""
        unknown = any(line.total is None for line in self.direct)
        return unknown or (self.shared is not None and self.shared.behind is None)

    @property
    def processes(self) -> int:
        """How many processes connect directly."""
        return sum(program.total for program in programs_of(self.direct))

    @property
    def is_over(self) -> bool:
        """True when the server, or the pooler, refuses connections should all pools be in use."""
        return self.total > self.limit.usable or (self.shared is not None and self.shared.is_over)

    @property
    def fits(self) -> int | None:
        """The most connections that the pools of one process may have together; None where there are no processes."""
        behind = (self.shared.behind or 0) if self.shared else 0
        return largest_size(self.limit.most.value, self.limit.reserved.value + behind, self.processes)

    @property
    def pooler_due(self) -> int:
        """From so many connections on, a pooler is due."""
        return self.limit.most.value // DUE

    @property
    def wants_pooler(self) -> bool:
        """True when there is none, and one is due."""
        return self.shared is None and self.total > self.pooler_due


def largest_size(most: int, reserved: int, processes: int) -> int | None:
    """`floor((max_connections - reserved) / (instances * workers))`.

    Args:
        most: `max_connections` of the server.
        reserved: those that are kept for others.
        processes: instances times workers.

    Returns:
        How many connections a process may open; None where there are no processes.
    """
    return max(most - reserved, 0) // processes if processes > 0 else None


def programs_of(lines: Iterable[Line]) -> tuple[Program, ...]:
    """The programs that have these pools, each once."""
    found: list[Program] = []
    for line in lines:
        if not any(line.program is known for known in found):
            found.append(line.program)
    return tuple(found)


def line_of(pool: Resolved, program: Program) -> Line:
    """A pool in a program."""
    most = pool.most
    if most is not None and pool.pool.per_thread:
        most *= program.threads.value if program.threads else 1
    return Line(pool, program, most)


def sum_of(limit: Limit, lines: Sequence[Line], pooler: Pooler | None, through: Sequence[Line]) -> Sum:
    """The sum of one kind of server.

    Args:
        limit: what the server takes.
        lines: pools that connect to it.
        pooler: what stands in between; None: nothing.
        through: pools that connect to that.
    """
    direct, pooled = (tuple(sorted(group, key=lambda line: -(line.total or 0))) for group in (lines, through))
    return Sum(limit, direct, pooled, _shared(pooler, pooled, limit) if pooler else None)


def _shared(pooler: Pooler, lines: Sequence[Line], limit: Limit) -> Shared:
    named = [database for database in pooler.databases if database.name != "*"]
    # A database on a host of another name is another server's affair.
    here = [database for database in named if not (database.host and limit.name and database.host != limit.name)]
    size = pooler.default_pool_size.value if pooler.default_pool_size else None
    extra = pooler.reserve_pool_size.value if pooler.reserve_pool_size else 0
    sizes = [d.pool_size.value if d.pool_size else size for d in here] if named else [size]
    known = [s + extra for s in sizes if s is not None]
    most = pooler.max_client_conn.value if pooler.max_client_conn else None
    clients = sum(line.total or 0 for line in lines)
    return Shared(pooler, clients, most, sum(known) if len(known) == len(sizes) else None)
