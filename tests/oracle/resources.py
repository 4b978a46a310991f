# ruff: noqa: E501 -- programs are lines of text
"""What generated programs acquire, how it is released, and the helpers that they may call."""

from __future__ import annotations

from dataclasses import dataclass

HEAD = """\
import asyncio
import contextlib
import fakepool
from elsewhere import aitems, astep, flag, items, step

STORE = []


"""

HELPERS = {
    "drop": "def drop(c):\n    c.close()\n",
    "give_back": "def give_back(pool: fakepool.Pool, c):\n    pool.putconn(c)\n",
    "look": "def look(c):\n    c.execute('look')\n",
    "keep": "def keep(c):\n    STORE.append(c)\n",
    "drop_if": "def drop_if(c):\n    if c is not None:\n        c.close()\n",
    "back_if": "def back_if(pool: fakepool.Pool, c=None):\n    if c:\n        pool.putconn(c)\n",
    "hush": "def hush(c):\n    with contextlib.suppress(Exception):\n        c.close()\n",
    "same": "def same(c):\n    return c\n",
    "keep_or_drop": "def keep_or_drop(c, stay):\n    if stay:\n        STORE.append(c)\n    else:\n        c.close()\n",
    "make": "def make():\n    return fakepool.connect()\n",
    "make_checked": "def make_checked():\n    c = fakepool.connect()\n    c.execute('check')\n    return c\n",
    "make_two": "def make_two():\n    return fakepool.connect(), 1\n",
    "take": "def take(pool: fakepool.Pool):\n    c = pool.getconn()\n    try:\n        c.execute('take')\n    except BaseException:\n        pool.putconn(c)\n        raise\n    return c\n",
    "take_open": "def take_open():\n    c = fakepool.open()\n    return c\n",
    "adrop": "async def adrop(c):\n    await c.close()\n",
    "agive": "async def agive(apool: fakepool.AsyncPool, c):\n    await apool.release(c)\n",
    "alook": "async def alook(c):\n    await c.execute('look')\n",
    "amake": "async def amake():\n    return await fakepool.aconnect()\n",
    "atake": "async def atake(apool: fakepool.AsyncPool):\n    c = await apool.acquire()\n    try:\n        await c.execute('take')\n    except BaseException:\n        await apool.release(c)\n        raise\n    return c\n",
    "maybe": "def maybe():\n    if flag(9):\n        return None\n    return fakepool.connect()\n",
    "managed": "@contextlib.contextmanager\ndef managed(pool: fakepool.Pool):\n    c = pool.getconn()\n    try:\n        yield c\n    finally:\n        pool.putconn(c)\n",
    "lasting": "@contextlib.contextmanager\ndef lasting():\n    c = fakepool.connect()\n    try:\n        yield c\n    finally:\n        c.close()\n",
    "amanaged": "@contextlib.asynccontextmanager\nasync def amanaged(apool: fakepool.AsyncPool):\n    c = await apool.acquire()\n    try:\n        yield c\n    finally:\n        await apool.release(c)\n",
    "rows_of": "def rows_of(c):\n    for i in items(7):\n        yield c.execute('rows')\n",
    "arows_of": "async def arows_of(c):\n    for i in items(7):\n        yield await c.execute('rows')\n",
}
"""By the word with which a program calls it."""


@dataclass(frozen=True)
class Resource:
    """How one kind of connection is acquired and released; `{}` is the name it is bound to."""

    acquire: str
    release: str
    entered: str = ""
    """How `with` releases a held one."""
    direct: tuple[str, ...] = ()
    """`with` statements that acquire and release."""
    users: tuple[str, ...] = ()
    """Calls of helpers that are given one and leave it with the caller."""
    droppers: tuple[str, ...] = ()
    """Calls of helpers that release it, or keep it."""
    makers: tuple[str, ...] = ()
    """Calls of helpers that acquire it for the caller."""
    callbacks: tuple[str, ...] = ()
    """Statements by which a `stack` takes a held one over."""
    stacked: tuple[str, ...] = ()
    """Expressions that acquire one in a `stack`."""
    loops: tuple[str, ...] = ()
    """Heads of loops over what it gives."""

    @property
    def awaited(self) -> bool:
        """Whether its methods are coroutines."""
        return self.release.startswith("await")


SYNC = (
    Resource(
        "fakepool.connect()", "{}.close()", "with {}:", ("with fakepool.connect() as {}:", "with lasting() as {}:"),
        ("look({})", "{0} = same({0})"), ("drop({})", "drop_if({})", "hush({})", "keep({})", "keep_or_drop({}, a)"),
        ("make()", "make_checked()", "maybe()"),
        ("stack.callback({}.close)", "stack.push({})", "stack.enter_context({})", "stack.enter_context(contextlib.closing({}))",
         "stack.callback(drop, {})", "stack.callback(look, {})", "stack.callback(lambda: {}.close())"),
        ("stack.enter_context(fakepool.connect())", "stack.enter_context(contextlib.closing(fakepool.connect()))", "stack.enter_context(lasting())"),
        ("for row in rows_of({}):",),
    ),
    Resource(
        "pool.getconn()", "pool.putconn({})", "", ("with pool.connection() as {}:", "with managed(pool) as {}:"),
        ("look({})", "{0} = same({0})"), ("give_back(pool, {})", "keep({})", "back_if(pool, {})"), ("take(pool)",),
        ("stack.callback(pool.putconn, {})", "stack.callback(give_back, pool, {})"),
        ("stack.enter_context(pool.connection())", "stack.enter_context(managed(pool))"),
        ("for row in rows_of({}):",),
    ),
    Resource(
        "fakepool.open()", "{}.close()", "with contextlib.closing({}):", ("with contextlib.closing(fakepool.open()) as {}:",),
        ("look({})",), ("drop({})", "drop_if({})", "hush({})"), ("take_open()",),
        ("stack.callback({}.close)", "stack.enter_context(contextlib.closing({}))"),
        ("stack.enter_context(contextlib.closing(fakepool.open()))",),
        ("for row in rows_of({}):",),
    ),
)  # fmt: skip
ASYNC = (
    Resource(
        "await fakepool.aconnect()", "await {}.close()", "async with {}:", (),
        ("await alook({})",), ("await adrop({})", "keep({})"), ("await amake()",),
        ("stack.push_async_callback({}.close)", "stack.push_async_exit({})", "await stack.enter_async_context({})"), (),
        ("async for row in arows_of({}):",),
    ),
    Resource(
        "await apool.acquire()", "await apool.release({})", "", ("async with apool.acquire() as {}:", "async with amanaged(apool) as {}:"),
        ("await alook({})",), ("await agive(apool, {})", "keep({})"), ("await atake(apool)",),
        ("stack.push_async_callback(apool.release, {})",),
        ("await stack.enter_async_context(apool.acquire())", "await stack.enter_async_context(amanaged(apool))"),
        ("async for row in arows_of({}):",),
    ),
    Resource(
        "await fakepool.astream()", "await {}.aclose()", "async with contextlib.aclosing({}):", (),
        ("await alook({})",), ("keep({})",), (),
        ("stack.push_async_callback({}.aclose)", "await stack.enter_async_context(contextlib.aclosing({}))"), (),
        ("async for row in arows_of({}):",),
    ),
    *SYNC[:2],
)  # fmt: skip
