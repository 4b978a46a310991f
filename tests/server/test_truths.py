"""What the libraries do with a real server, beside what their models say of it."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import sys
import warnings
from collections.abc import Callable, Coroutine
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import psycopg2
import psycopg2.extensions
import psycopg2.pool
import pytest
from psycopg_pool import ConnectionPool, PoolClosed
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from pooclint.models import Acquisition, Models, Type, load_models
from pooclint_rules import MODEL_FILES
from server.benches import checked_out, free_slots, in_use, is_open, taken
from server.postgres import Postgres

pytestmark = pytest.mark.filterwarnings("ignore")  # libraries warn of what is left open here on purpose
SIZE = 2


@cache
def models() -> Models:
    wanted = ("asyncpg", "psycopg", "psycopg2", "psycopg_pool", "sqlalchemy", "sqlite3")
    return load_models(p for p in MODEL_FILES() if p.stem in wanted)


def modelled(name: str) -> Type:
    """The model of a type."""
    found = models().type(name)
    assert found is not None
    return found


def acquisition(pool: str, method: str) -> Acquisition:
    """What a method of a pool gives, by its model."""
    (call,) = models().methods(pool, method)
    found = models().acquisition(call)
    assert found is not None
    return found


def releases(found: Acquisition) -> set[str]:
    return {str(release) for release in found.releases}


# ---------------------------------------------------------------------- psycopg2

PSYCOPG2 = "psycopg2.pool.ThreadedConnectionPool"


@pytest.fixture
def old(postgres: Postgres) -> psycopg2.pool.ThreadedConnectionPool:
    return psycopg2.pool.ThreadedConnectionPool(1, SIZE, postgres.dsn())


def test_psycopg2_with_does_not_close(postgres: Postgres) -> None:
    name = postgres.fresh_name()
    with psycopg2.connect(postgres.dsn(name)) as conn:
        conn.cursor().execute("select 1")
    assert postgres.connections(name) == 1
    assert modelled("psycopg2.extensions.connection").exit == "keeps-open"
    conn.close()
    assert postgres.left(name, ending=True) == 0


def test_psycopg2_forgotten_slot_never_comes_back(old: psycopg2.pool.ThreadedConnectionPool) -> None:
    old.getconn()
    gc.collect()
    assert free_slots(old) == SIZE - 1
    assert acquisition(PSYCOPG2, "getconn").reclaimed == "never"


def test_psycopg2_close_keeps_the_slot(old: psycopg2.pool.ThreadedConnectionPool) -> None:
    old.getconn().close()
    assert free_slots(old) == SIZE - 1
    assert releases(acquisition(PSYCOPG2, "getconn")) == {"@.putconn($)"}


def test_psycopg2_closed_connection_frees_its_slot(old: psycopg2.pool.ThreadedConnectionPool) -> None:
    conn = old.getconn()
    conn.close()
    old.putconn(conn)
    assert free_slots(old) == SIZE


def test_psycopg2_second_putconn_raises(old: psycopg2.pool.ThreadedConnectionPool) -> None:
    conn = old.getconn()
    old.putconn(conn)
    with pytest.raises(psycopg2.pool.PoolError, match="unkeyed"):
        old.putconn(conn)


def test_psycopg2_other_pool_refuses(old: psycopg2.pool.ThreadedConnectionPool, postgres: Postgres) -> None:
    other = psycopg2.pool.ThreadedConnectionPool(1, SIZE, postgres.dsn())
    conn = old.getconn()
    with pytest.raises(psycopg2.pool.PoolError, match="unkeyed"):
        other.putconn(conn)
    assert free_slots(old) == SIZE - 1


def test_psycopg2_putconn_rolls_back(old: psycopg2.pool.ThreadedConnectionPool) -> None:
    conn = old.getconn()
    conn.cursor().execute("select 1")
    assert conn.status == psycopg2.extensions.STATUS_BEGIN
    old.putconn(conn)
    assert conn.status == psycopg2.extensions.STATUS_READY


def test_psycopg2_full_pool_raises_at_once(old: psycopg2.pool.ThreadedConnectionPool) -> None:
    taken_out = [old.getconn() for _ in range(SIZE)]
    with pytest.raises(psycopg2.pool.PoolError, match="exhausted"):
        old.getconn()
    assert len(taken_out) == SIZE


# ---------------------------------------------------------------------- psycopg 3

PSYCOPG = "psycopg_pool.ConnectionPool"


@pytest.fixture
def new(postgres: Postgres) -> Any:
    with ConnectionPool(postgres.dsn(), min_size=SIZE, max_size=SIZE, timeout=0.2) as pool:
        pool.wait()
        yield pool


def test_psycopg_with_closes(postgres: Postgres) -> None:
    with psycopg.connect(postgres.dsn()) as conn:
        conn.execute("select 1")
    assert conn.closed
    assert modelled("psycopg.Connection").exit == "releases"


def test_psycopg_with_getconn_keeps_the_slot(new: ConnectionPool[Any]) -> None:
    with new.getconn() as conn:
        conn.execute("select 1")
    assert taken(new) == 1
    (call,) = models().methods(PSYCOPG, "getconn")
    assert call.exit == "keeps-open"


def test_psycopg_forgotten_slot_never_comes_back(new: ConnectionPool[Any]) -> None:
    new.getconn()
    gc.collect()
    assert taken(new) == 1
    assert acquisition(PSYCOPG, "getconn").reclaimed == "never"


def test_psycopg_second_putconn_raises(new: ConnectionPool[Any]) -> None:
    conn = new.getconn()
    new.putconn(conn)
    with pytest.raises(ValueError, match="can't return connection"):
        new.putconn(conn)


def test_psycopg_other_pool_refuses(new: ConnectionPool[Any], postgres: Postgres) -> None:
    with ConnectionPool(postgres.dsn(), min_size=1) as other:
        conn = new.getconn()
        with pytest.raises(ValueError, match="can't return connection"):
            other.putconn(conn)
        assert taken(new) == 1


def test_psycopg_with_pool_closes_it_for_others(new: ConnectionPool[Any]) -> None:
    with new, new.connection() as conn:
        conn.execute("select 1")
    with pytest.raises(PoolClosed):
        new.getconn()
    assert modelled(PSYCOPG).exit == "releases"


def test_psycopg_open_transaction_stays_until_the_end(postgres: Postgres) -> None:
    name = postgres.fresh_name()
    idle = "select count(*) from pg_stat_activity where state = 'idle in transaction' and application_name = %s"
    with psycopg.connect(postgres.dsn(name)) as conn:
        conn.execute("select 1").close()
        assert postgres.ask(idle, name) == 1
        conn.rollback()
        assert postgres.ask(idle, name) == 0


# ---------------------------------------------------------------------- asyncpg

ASYNCPG = "asyncpg.Pool"


def with_pool(postgres: Postgres, body: Callable[[asyncpg.Pool], Coroutine[Any, Any, None]]) -> None:
    """Run a coroutine with a pool of its own."""

    async def run() -> None:
        pool = await asyncpg.create_pool(postgres.dsn(), min_size=1, max_size=SIZE)
        try:
            await body(pool)
        finally:
            pool.terminate()

    asyncio.run(run())


def test_asyncpg_connection_is_no_context_manager(postgres: Postgres) -> None:
    async def body(pool: asyncpg.Pool) -> None:
        with pytest.raises((TypeError, AttributeError)):
            async with await pool.acquire():
                pass
        gc.collect()
        assert in_use(pool) == 1

    with_pool(postgres, body)
    assert modelled("asyncpg.Connection").with_form == "none"
    assert acquisition(ASYNCPG, "acquire").reclaimed == "never"


def test_asyncpg_release_has_to_be_awaited(postgres: Postgres) -> None:
    async def body(pool: asyncpg.Pool) -> None:
        conn = await pool.acquire()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            pool.release(conn)
            gc.collect()
        assert any("never awaited" in str(w.message) for w in caught)
        assert in_use(pool) == 1
        await pool.release(conn)
        assert in_use(pool) == 0

    with_pool(postgres, body)
    assert "await @.release($)" in releases(acquisition(ASYNCPG, "acquire"))


def test_asyncpg_second_release_does_nothing(postgres: Postgres) -> None:
    async def body(pool: asyncpg.Pool) -> None:
        conn = await pool.acquire()
        await pool.release(conn)
        await pool.release(conn)
        assert in_use(pool) == 0

    with_pool(postgres, body)


def test_asyncpg_other_pool_refuses(postgres: Postgres) -> None:
    async def body(pool: asyncpg.Pool) -> None:
        async with asyncpg.create_pool(postgres.dsn(), min_size=1, max_size=SIZE) as other:
            conn = await pool.acquire()
            with pytest.raises(asyncpg.InterfaceError, match="not a member"):
                await other.release(conn)
            assert in_use(pool) == 1

    with_pool(postgres, body)


def test_asyncpg_close_frees_the_slot(postgres: Postgres) -> None:
    async def body(pool: asyncpg.Pool) -> None:
        conn = await pool.acquire()
        await conn.close()
        assert in_use(pool) == 0

    with_pool(postgres, body)
    assert "await $.close()" in releases(acquisition(ASYNCPG, "acquire"))


def test_asyncpg_with_pool_closes_it_for_others(postgres: Postgres) -> None:
    async def body(pool: asyncpg.Pool) -> None:
        async with pool:
            await pool.fetchval("select 1")
        with pytest.raises(asyncpg.InterfaceError, match="closed"):
            await pool.acquire()

    with_pool(postgres, body)
    assert modelled(ASYNCPG).exit == "releases"


def test_asyncpg_cancelled_acquire_loses_nothing(postgres: Postgres) -> None:
    """`await pool.acquire()` gives nothing when it is cancelled: no slot is held before it returns."""

    async def body(pool: asyncpg.Pool) -> None:
        conns = [await pool.acquire() for _ in range(SIZE)]
        waiting = asyncio.ensure_future(pool.acquire())
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        for conn in conns:
            await pool.release(conn)
        assert in_use(pool) == 0

    with_pool(postgres, body)


# ---------------------------------------------------------------------- SQLAlchemy


@pytest.fixture
def engine(postgres: Postgres) -> Any:
    made = create_engine(postgres.url("psycopg"), pool_size=SIZE, max_overflow=0, pool_timeout=0.2)
    assert isinstance(made.pool, QueuePool)
    yield made
    made.dispose()


def test_sqlalchemy_session_is_lazy(engine: Engine) -> None:
    model = modelled("sqlalchemy.orm.Session")
    with Session(engine) as session:
        assert checked_out(engine) == 0
        session.execute(text("select 1"))
        assert checked_out(engine) == 1
        session.commit()
        assert checked_out(engine) == 0
    assert model.lazy
    assert "execute" in model.checks_out
    assert {"commit", "rollback", "close"} <= set(model.checks_in)


def test_sqlalchemy_connect_takes_one_at_once(engine: Engine) -> None:
    conn = engine.connect()
    assert checked_out(engine) == 1
    conn.execute(text("select 1"))
    conn.commit()
    assert checked_out(engine) == 1
    conn.close()
    conn.close()
    assert checked_out(engine) == 0
    assert not acquisition("sqlalchemy.Engine", "connect").lazy


def test_sqlalchemy_forgotten_connection_waits_for_the_collector(engine: Engine) -> None:
    gc.disable()
    try:
        conn = engine.connect()
        conn.execute(text("select 1"))
        del conn
        assert checked_out(engine) == 1
    finally:
        gc.enable()
    gc.collect()
    assert checked_out(engine) == 0
    assert acquisition("sqlalchemy.Engine", "connect").reclaimed == "late"


def test_sqlalchemy_session_does_not_close_the_connection_it_is_bound_to(engine: Engine) -> None:
    conn = engine.connect()
    with Session(bind=conn) as session:
        session.execute(text("select 1"))
    assert checked_out(engine) == 1
    conn.close()
    (call,) = models().calls("sqlalchemy.orm.Session")
    assert "bind" in call.shares


def test_sqlalchemy_transaction_of_a_session_gives_back(engine: Engine) -> None:
    session = Session(engine)
    with session.begin():
        session.execute(text("select 1"))
        assert checked_out(engine) == 1
    assert checked_out(engine) == 0
    assert modelled("sqlalchemy.orm.SessionTransaction").exit == "releases"
    work = session.begin()
    session.execute(text("select 1"))
    work.commit()
    assert checked_out(engine) == 0


def test_sqlalchemy_connection_is_usable_after(engine: Engine) -> None:
    with engine.connect() as conn:
        conn.invalidate()
        assert conn.execute(text("select 1")).scalar() == 1
        conn.detach()
        assert checked_out(engine) == 0
        assert conn.execute(text("select 1")).scalar() == 1
    raw = engine.raw_connection()
    raw.detach()
    raw.cursor().execute("select 1")
    raw.close()
    assert modelled("sqlalchemy.Connection").usable_after == ("detach", "invalidate")
    assert modelled("sqlalchemy.PoolProxiedConnection").usable_after == ("detach",)


def test_sqlalchemy_savepoint_gives_nothing_back(engine: Engine) -> None:
    session = Session(engine)
    with session.begin_nested():
        session.execute(text("select 1"))
    assert checked_out(engine) == 1
    session.begin_nested().commit()
    assert checked_out(engine) == 1
    assert modelled("sqlalchemy.orm.SessionTransaction~nested").exit == "keeps-open"
    session.close()


def test_sqlalchemy_begin_of_a_session_sends_nothing(engine: Engine) -> None:
    session = Session(engine)
    with session.begin():
        assert checked_out(engine) == 0
    assert "begin" in modelled("sqlalchemy.orm.Session").cannot_raise


def test_sqlalchemy_started_connection_is_not_entered_again(postgres: Postgres) -> None:
    async def run() -> None:
        engine = create_async_engine(postgres.url("asyncpg"))
        with pytest.raises(InvalidRequestError):
            async with await engine.connect():
                pass
        await engine.dispose()
        gc.collect()

    asyncio.run(run())
    assert modelled("sqlalchemy.ext.asyncio.AsyncConnection~started").with_form == "none"


# ---------------------------------------------------------------------- sqlite3


def test_sqlite_with_does_not_close(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    with sqlite3.connect(path) as db:
        db.execute("create table notes (text)")
    assert is_open(db)
    assert _descriptors(path) in (1, None)
    db.close()
    assert not is_open(db)
    assert _descriptors(path) in (0, None)
    assert modelled("sqlite3.Connection").exit == "keeps-open"


def _descriptors(path: Path) -> int | None:
    """How many descriptors of this process lead to the file; None where the system does not say."""
    if sys.platform != "linux":
        return None
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return sum(path.exists() and _target(link) == str(path) for link in links)


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # it was the descriptor of the listing
        return ""
