"""What the messages of CNX2xx and CNX3xx claim, measured: the advised form beside the one that is reported.

The functions stand in `fixtures/harm_postgres.py`; `tests/test_fixtures.py` compares what the linter says of them.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

import asyncpg
import httpx
import pytest

from fixture_files import FIXTURES
from server.benches import in_use
from server.postgres import Postgres
from server.test_shapes import load

SIZE = 2
CALLERS = 6
BRIEF = 0.3
"""Seconds that a caller waits for a connection before it counts as waiting in vain."""

Function = Callable[..., Coroutine[Any, Any, Any]]


class App:
    """What a framework's application is here: it leaves the functions as they are."""

    def __init__(self) -> None:
        self.state = SimpleNamespace()

    def get(self, path: str) -> Callable[[Function], Function]:
        return lambda function: function


@pytest.fixture
def harm(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The functions, and the name under which the server knows their connections."""
    monkeypatch.setitem(sys.modules, "fastapi", SimpleNamespace(FastAPI=App))
    name = postgres.fresh_name()
    monkeypatch.setenv("DATABASE_URL", postgres.dsn(name))
    module = load(FIXTURES / "harm_postgres.py")
    module.application = name
    return module


@asynccontextmanager
async def small_pool(module: ModuleType) -> AsyncIterator[asyncpg.Pool]:
    """A pool that a few callers can fill."""
    pool = await asyncpg.create_pool(module.DSN, min_size=SIZE, max_size=SIZE)
    try:
        yield pool
    finally:
        pool.terminate()


class WebServer:
    """Answers when it is told to, and counts the connections that are made to it."""

    def __init__(self) -> None:
        self.answer = asyncio.Event()
        self.asked = 0
        self.busy = asyncio.Event()
        """Set when so many callers as a pool has connections wait for their answers."""
        self.connections = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.asked += 1
                if self.asked == SIZE:
                    self.busy.set()
                await self.answer.wait()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def web_server() -> AsyncIterator[WebServer]:
    web = WebServer()
    server = await asyncio.start_server(web.serve, "127.0.0.1", 0)
    web.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    try:
        yield web
    finally:
        server.close()


async def gets_one(pool: asyncpg.Pool) -> bool:
    """Whether somebody who comes now gets a connection."""
    try:
        conn = await pool.acquire(timeout=BRIEF)
    except asyncio.TimeoutError:
        return False
    await pool.release(conn)
    return True


@pytest.mark.parametrize(("name", "harmful"), [("held_while_calling", True), ("released_before_calling", False)])
def test_held_across_await(harm: ModuleType, name: str, harmful: bool) -> None:
    """CNX201: as many callers as the pool has connections wait for somebody else, and the next one waits in vain."""

    async def run() -> bool:
        async with small_pool(harm) as pool, web_server() as web, httpx.AsyncClient() as http:
            callers = [asyncio.create_task(getattr(harm, name)(pool, http, web.url)) for _ in range(SIZE)]
            await asyncio.wait_for(web.busy.wait(), 10)
            served = await gets_one(pool)
            web.answer.set()
            assert await asyncio.gather(*callers) == [(1, 200)] * SIZE
            return served

    assert asyncio.run(run()) is not harmful


@pytest.mark.parametrize(("name", "harmful"), [("held_while_sleeping", True), ("released_before_sleeping", False)])
def test_held_across_sleep(harm: ModuleType, name: str, harmful: bool) -> None:
    """CNX203: nobody else gets a connection while the holders sleep."""

    async def run() -> bool:
        async with small_pool(harm) as pool:
            callers = [asyncio.create_task(getattr(harm, name)(pool, 1.0)) for _ in range(SIZE)]
            await asyncio.sleep(0.2)
            served = await gets_one(pool)
            await asyncio.gather(*callers)
            return served

    assert asyncio.run(run()) is not harmful


@pytest.mark.parametrize(("name", "harmful"), [("held_while_waiting", True), ("waited_before", False)])
def test_held_across_wait(harm: ModuleType, name: str, harmful: bool) -> None:
    """CNX203: whoever should end the wait cannot do it when that needs a connection."""

    async def run() -> bool:
        async with small_pool(harm) as pool:
            ready = asyncio.Event()
            callers = [asyncio.create_task(getattr(harm, name)(pool, ready)) for _ in range(SIZE)]
            await asyncio.sleep(0.1)
            served = await gets_one(pool)
            ready.set()
            await asyncio.gather(*callers)
            return served

    assert asyncio.run(run()) is not harmful


@pytest.mark.parametrize(("name", "harmful"), [("nested", True), ("one_for_both", False)])
def test_nested_acquire(harm: ModuleType, name: str, harmful: bool) -> None:
    """CNX205: with as many callers as connections each holds one and waits for another: nobody ever proceeds."""

    async def run() -> bool:
        async with small_pool(harm) as pool:
            callers = [asyncio.create_task(getattr(harm, name)(pool)) for _ in range(SIZE)]
            done, waiting = await asyncio.wait(callers, timeout=1 if harmful else 10)
            stuck = len(waiting) == SIZE and in_use(pool) == SIZE
            for task in waiting:
                task.cancel()
            await asyncio.gather(*callers, return_exceptions=True)
            assert stuck or len(done) == SIZE
            return stuck

    assert asyncio.run(run()) is harmful


@pytest.mark.parametrize(("name", "harmful"), [("held_while_read", True), ("read_in_batches", False)])
def test_held_across_yield(harm: ModuleType, name: str, harmful: bool) -> None:
    """CNX204: while the readers take their time, nobody else gets a connection."""

    async def run() -> bool:
        async with small_pool(harm) as pool:
            readers = [getattr(harm, name)(pool) for _ in range(SIZE)]
            assert [await anext(reader) for reader in readers] == [1] * SIZE
            served = await gets_one(pool)
            for reader in readers:
                assert [n async for n in reader] == [2, 3]
            return served

    assert asyncio.run(run()) is not harmful


@pytest.mark.parametrize(("name", "harmful"), [("shared", True), ("one_each", False)])
def test_shared_across_tasks(harm: ModuleType, name: str, harmful: bool) -> None:
    """CNX206: the driver refuses a second statement while the first is not done."""

    async def run() -> bool:
        async with small_pool(harm) as pool:
            try:
                return await getattr(harm, name)(pool) != [1, 2]
            except asyncpg.InterfaceError as error:
                return "another operation is in progress" in str(error)

    assert asyncio.run(run()) is harmful


@pytest.mark.parametrize(
    ("name", "harmful"), [("pool_per_request", True), ("connection_per_request", True), ("shared_pool", False)]
)
def test_connections_of_the_server(harm: ModuleType, postgres: Postgres, name: str, harmful: bool) -> None:
    """CNX302, CNX305: the server has connections for every caller, or as many as the shared pool may open."""

    async def run() -> int:
        async with small_pool(harm) as pool:
            if name == "shared_pool":
                harm.app.state.pool = pool
            else:
                await pool.close()
            callers = [asyncio.create_task(getattr(harm, name)()) for _ in range(CALLERS)]
            most = 0
            while not all(task.done() for task in callers):
                most = max(most, postgres.connections(harm.application))
                await asyncio.sleep(0.01)
            assert await asyncio.gather(*callers) == [False] * CALLERS
            return most

    assert (asyncio.run(run()) > SIZE) is harmful


@pytest.mark.parametrize(("name", "connections"), [("client_per_request", CALLERS), ("shared_client", 1)])
def test_connections_to_a_service(harm: ModuleType, name: str, connections: int) -> None:
    """CNX301: every request connects anew; a shared client keeps its connection."""

    async def run() -> int:
        async with web_server() as web, httpx.AsyncClient() as http:
            harm.app.state.http = http
            web.answer.set()
            for _ in range(CALLERS):
                assert await getattr(harm, name)(web.url) == 200
            return web.connections

    assert asyncio.run(run()) == connections
