"""How large a pool may sensibly be: the rule of thumb by cores and disks, and the share of one instance."""

from __future__ import annotations

from dataclasses import dataclass

from pooclint.budget.arithmetic import largest_size

SOURCES = (
    (
        "PostgreSQL wiki, Number Of Database Connections",
        "https://wiki.postgresql.org/wiki/Number_Of_Database_Connections",
    ),
    ("HikariCP wiki, About Pool Sizing", "https://github.com/brettwooldridge/HikariCP/wiki/About-Pool-Sizing"),
)
"""Where the formula comes from: cores * 2 + effective spindles, without counting hyper-threads."""


@dataclass(frozen=True, slots=True)
class Sizing:
    """What is sensible for the server, and what of that is one instance's."""

    cores: int
    spindles: int
    instances: int
    workers: int
    max_connections: int | None
    reserved: int

    @property
    def active(self) -> int:
        """The connections that the server serves best at the same time, over all instances."""
        return self.cores * 2 + self.spindles

    @property
    def processes(self) -> int:
        """All of them."""
        return self.instances * self.workers

    @property
    def per_instance(self) -> int:
        """The share of an instance, rounded down, one at the least."""
        return max(self.active // self.instances, 1)

    @property
    def per_process(self) -> int:
        """The share of a process, rounded down, one at the least: a pool needs a connection."""
        return max(self.active // self.processes, 1)

    @property
    def most_per_process(self) -> int | None:
        """What the server takes of each process; None where its limit is not given."""
        if self.max_connections is None:
            return None
        return largest_size(self.max_connections, self.reserved, self.processes)

    @property
    def is_over(self) -> bool:
        """True when the server does not even take one connection of each process."""
        return self.most_per_process == 0

    @property
    def recommended(self) -> int:
        """The size of a pool: the sensible one, where the server takes it."""
        most = self.most_per_process
        return self.per_process if most is None else max(min(self.per_process, most), 0)
