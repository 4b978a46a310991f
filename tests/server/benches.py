"""For each library, what its fixture needs and what counts as held.

Pools are asked by their own statistics, single connections are counted by the server.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import psycopg2
import psycopg2.pool
import pytest
from psycopg_pool import AsyncConnectionPool, ConnectionPool
from sqlalchemy import create_engine, event
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import sessionmaker

from server.postgres import Postgres

SIZE = 4
"""As many as the runs of one function can keep."""


@dataclass(frozen=True)
class Bench:
    """The arguments of a fixture's functions, by name, and how many connections are held just now."""

    arguments: dict[str, Any]
    held: Callable[[], int]


@contextmanager
def recorded(module: Any, application: str = "") -> Iterator[list[Any]]:
    """What `connect` opens meanwhile for an application. It stays referred to: only who closes it has closed it."""
    opened: list[Any] = []
    real = module.connect

    def noted(conn: Any, args: tuple[Any, ...]) -> Any:
        opened.extend([conn] if application in str(args) else [])
        return conn

    def connect(*args: Any, **kwargs: Any) -> Any:
        return noted(real(*args, **kwargs), args)

    async def connect_later(*args: Any, **kwargs: Any) -> Any:
        return noted(await real(*args, **kwargs), args)

    later = module is asyncpg or module is psycopg.AsyncConnection
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "connect", connect_later if later else connect)
        yield opened


@contextmanager
def psycopg2_bench(server: Postgres, folder: Path) -> Iterator[Bench]:
    name = server.fresh_name()
    pool = psycopg2.pool.ThreadedConnectionPool(SIZE, SIZE, server.dsn())
    with recorded(psycopg2, name) as opened:
        yield Bench(
            {"pool": pool, "dsn": server.dsn(name)}, lambda: SIZE - free_slots(pool) + server.left(name, ended(opened))
        )
        for conn in opened:
            conn.close()
    pool.closeall()


def ended(opened: list[Any]) -> bool:
    """Whether every connection says that it is closed."""
    return all(conn.is_closed() if isinstance(conn, asyncpg.Connection) else conn.closed for conn in opened)


def free_slots(pool: psycopg2.pool.ThreadedConnectionPool) -> int:
    """How many connections the pool still gives: it raises when it has none, and never waits."""
    given: list[Any] = []
    with suppress(psycopg2.pool.PoolError):
        while True:
            given.append(pool.getconn())
    for conn in given:
        pool.putconn(conn)
    return len(given)


@contextmanager
def psycopg_bench(server: Postgres, folder: Path) -> Iterator[Bench]:
    name = server.fresh_name()
    with (
        ConnectionPool(server.dsn(), min_size=SIZE, max_size=SIZE, timeout=2) as pool,
        recorded(psycopg, name) as opened,
    ):
        pool.wait()
        yield Bench({"pool": pool, "dsn": server.dsn(name)}, lambda: taken(pool) + server.left(name, ended(opened)))
        for conn in opened:
            conn.close()


def taken(pool: ConnectionPool | AsyncConnectionPool) -> int:
    """How many of the pool's connections are with somebody."""
    stats = pool.get_stats()
    return stats["pool_size"] - stats["pool_available"]


@contextmanager
def sqlalchemy_bench(server: Postgres, folder: Path) -> Iterator[Bench]:
    engine = create_engine(server.url("psycopg"), pool_size=SIZE)
    given: list[Any] = []
    event.listen(engine, "checkout", lambda connection, record, proxy: given.append(proxy))
    yield Bench({"engine": engine, "factory": sessionmaker(engine)}, lambda: checked_out(engine))
    given.clear()
    engine.dispose()


def checked_out(engine: Any) -> int:
    return int(engine.pool.checkedout())


@contextmanager
def sqlite_bench(server: Postgres, folder: Path) -> Iterator[Bench]:
    with recorded(sqlite3) as opened:
        yield Bench({"path": str(folder / "notes.db")}, lambda: sum(map(is_open, opened)))
        for db in opened:
            db.close()


def is_open(db: sqlite3.Connection) -> bool:
    """Whether it still answers."""
    try:
        db.execute("select 1").close()
    except sqlite3.ProgrammingError:
        return False
    return True


@asynccontextmanager
async def psycopg_async_bench(server: Postgres, folder: Path) -> AsyncIterator[Bench]:
    name = server.fresh_name()
    with recorded(psycopg.AsyncConnection, name) as opened:
        async with AsyncConnectionPool(server.dsn(), min_size=SIZE, max_size=SIZE, timeout=2, open=False) as pool:
            await pool.wait()
            yield Bench({"pool": pool, "dsn": server.dsn(name)}, lambda: taken(pool) + server.left(name, ended(opened)))
            for conn in opened:
                await conn.close()


@asynccontextmanager
async def asyncpg_bench(server: Postgres, folder: Path) -> AsyncIterator[Bench]:
    name = server.fresh_name()
    pool = await asyncpg.create_pool(server.dsn(), min_size=1, max_size=SIZE)
    with recorded(asyncpg, name) as opened:
        yield Bench({"pool": pool, "dsn": server.dsn(name)}, lambda: in_use(pool) + server.left(name, ended(opened)))
        for conn in opened:
            await conn.close()
    pool.terminate()


def in_use(pool: asyncpg.Pool) -> int:
    """How many of the pool's slots are with somebody: a slot whose connection was closed is free."""
    return sum(holder._in_use is not None for holder in pool._holders)


@asynccontextmanager
async def sqlalchemy_async_bench(server: Postgres, folder: Path) -> AsyncIterator[Bench]:
    engine = create_async_engine(server.url("asyncpg"), pool_size=SIZE)
    yield Bench({"engine": engine, "factory": async_sessionmaker(engine)}, lambda: checked_out(engine))
    await engine.dispose()


BENCHES: dict[str, Any] = {
    "real_asyncpg": asyncpg_bench,
    "real_psycopg": psycopg_bench,
    "real_psycopg2": psycopg2_bench,
    "real_psycopg_async": psycopg_async_bench,
    "real_sqlalchemy": sqlalchemy_bench,
    "real_sqlalchemy_async": sqlalchemy_async_bench,
    "real_sqlite3": sqlite_bench,
}
