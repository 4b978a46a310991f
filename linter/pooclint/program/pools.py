"""What is known of a pool: its size, where each figure comes from, where its connections lead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Doubt = Literal[
    "",  # it lives as long as the process
    "with",  # it ends with a `with` block of an ordinary function
    "request",  # it is made again and again
]


@dataclass(frozen=True, slots=True)
class Amount:
    """A figure of a pool, and where it comes from."""

    value: int | None
    """None: nobody can say before the program runs."""
    how: str
    """`written`, `default of environment variable POOL`, `default of asyncpg`, `unknown`."""
    path: str = ""
    """The file, absolute; empty for a default of a library."""
    line: int = 0
    variable: str = ""
    """The environment variable that decides."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where connections lead, as far as it is written."""

    scheme: str = ""
    """Of the URL, without the driver (`postgresql`)."""
    host: str = ""
    port: int = 0
    variable: str = ""
    """The environment variable that holds the URL."""
    server: str = ""
    """The kind of server that the library, or a setting, leads to."""
    driver: str = ""
    """What the URL's scheme says of it (`asyncpg` of `postgresql+asyncpg`)."""


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool, as far as the source shows it."""

    name: str
    """What the program calls it."""
    made_by: str
    """The call or setting that makes it."""
    library: str
    path: str
    """The file, absolute."""
    line: int
    column: int
    end_line: int
    end_column: int
    size: Amount
    overflow: Amount | None = None
    unbounded: str = ""
    """What removes its limit (`max_overflow=-1`); empty when it has one."""
    address: Address = Address()
    url_key: str = ""
    """The key of the URL's query that sets its size."""
    is_database: bool = True
    """True when a database server spends a process or thread on each connection."""
    per_thread: bool = False
    """True when `size` is for each thread of a process."""
    group: str = ""
    """Of pools with the same group only one exists when the program runs; empty: it stands for itself."""
    fallback: bool = False
    """True when another of its group, which is none, goes before it."""
    doubt: Doubt = ""

    @property
    def most(self) -> int | None:
        """The most connections that it opens; None where that is not known, or has no limit."""
        if self.unbounded or self.size.value is None:
            return None
        return self.size.value + max(self.overflow.value or 0, 0) if self.overflow else self.size.value
