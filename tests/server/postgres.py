"""What the tests ask a PostgreSQL server."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field

import psycopg

PATIENCE = 10.0
"""Seconds that a backend gets to end after its connection was closed."""


@dataclass
class Postgres:
    """A running server."""

    uri: str
    watcher: psycopg.Connection[tuple[object, ...]]
    """A connection of our own, for questions."""
    _names: itertools.count[int] = field(default_factory=itertools.count)

    def dsn(self, name: str = "") -> str:
        """Where libpq and asyncpg find it; `name` is the application that `pg_stat_activity` shows."""
        if not name:
            return self.uri
        return f"{self.uri}{'&' if '?' in self.uri else '?'}application_name={name}"

    def url(self, driver: str, name: str = "") -> str:
        """Where SQLAlchemy finds it."""
        text = self.dsn(name) if driver != "asyncpg" else self.uri
        return text.replace("postgresql://", f"postgresql+{driver}://", 1)

    def fresh_name(self) -> str:
        """A name for an application that no other test has."""
        return f"shapes{next(self._names)}"

    def connections(self, name: str) -> int:
        """How many connections of an application the server has."""
        return self.ask("select count(*) from pg_stat_activity where application_name = %s", name)

    def left(self, name: str, ending: bool) -> int:
        """The same; when the client has closed them all (`ending`), once the server has noticed."""
        until = time.monotonic() + PATIENCE
        while ending and self.connections(name) and time.monotonic() < until:
            time.sleep(0.01)
        return self.connections(name)

    def ask(self, query: str, *values: object) -> int:
        """A number that the server knows."""
        row = self.watcher.execute(query, values).fetchone()
        assert row is not None
        return int(str(row[0]))
