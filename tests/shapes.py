"""Shapes of code on which an analysis can blow up; each function gives a module's source for a size.

Used by the tests of the bounds and by `benchmarks/size.py`. What Python itself limits (100 levels of indentation) stays
below that limit.
"""

from __future__ import annotations

from collections.abc import Callable

HEAD = "import asyncpg\nimport httpx\n\n"
TAIL = """

async def plain(pool: asyncpg.Pool):
    conn = await pool.acquire()
    return await conn.fetchval("select 1")
"""
"""What follows each shape: its leak has to be found whatever stands before it."""
_BIG = "async def big(pool: asyncpg.Pool, items, *flags):\n"
_GET = "    conn = await pool.acquire()\n"
_PUT = "    await pool.release(conn)\n"


def _repeat(text: str, size: int) -> str:
    return "".join(text.replace("#", str(i)) for i in range(size))


def _held(body: str) -> str:
    return _BIG + _GET + body + _PUT


def _nested(head: str, size: int, inner: str) -> str:
    depth = min(size, 90)
    blocks = "".join("    " * (i + 1) + head.replace("#", str(i)) + "\n" for i in range(depth))
    return blocks + "    " * (depth + 1) + inner + "\n"


def _nested_in(keyword: str, size: int) -> str:
    depth = min(size, 90)
    text = ""
    for i in range(depth):
        pad = "    " * (i + 1)
        text += f"{pad}try:\n{pad}    await conn.fetch('{i}')\n{pad}{keyword}:\n"
    return text + "    " * (depth + 1) + "await pool.release(conn)\n"


def _joined(text: str, between: str, size: int) -> str:
    return between.join(text.replace("#", str(i)) for i in range(size))


def _chain(text: str, last: str, size: int) -> str:
    """Functions of which each refers to the next (`+`)."""
    return "".join(text.replace("#", str(i)).replace("+", str(i + 1)) for i in range(size)) + last.replace(
        "#", str(size)
    )


_ACQUIRING = "async def h#(pool: asyncpg.Pool):\n    return await pool.acquire()\n\n"
_TRY = "    try:\n        await c#.fetch('x')\n    finally:\n        await pool.release(c#)\n"

SHAPES: dict[str, Callable[[int], str]] = {
    "lines": lambda n: _held(_repeat("    x# = await conn.fetch('#')\n", n)),
    "plain lines": lambda n: _held(_repeat("    x# = items[#] + #\n", n)),
    "acquires": lambda n: (
        _BIG + _repeat("    c# = await pool.acquire()\n", n) + _repeat("    await pool.release(c#)\n", n)
    ),
    "acquires, each with try": lambda n: _BIG + _repeat("    c# = await pool.acquire()\n" + _TRY, n),
    "acquires, each with a flag": lambda n: (
        _BIG
        + _repeat("    c# = None\n    if items[#]:\n        c# = await pool.acquire()\n", n)
        + _repeat("    if c# is not None:\n        await pool.release(c#)\n", n)
    ),
    "one name acquires again and again": lambda n: _BIG + (_GET + _PUT) * n,
    "independent flags": lambda n: _held(
        _repeat("    f# = items[#]\n", n)
        + _repeat("    if f#:\n        await conn.fetch('a')\n", n)
        + _repeat("    if f#:\n        return #\n", n)
    ),
    "flags that are read no more": lambda n: (
        _BIG
        + "    conn = None\n    if items.wanted:\n        conn = await pool.acquire()\n"
        + _repeat("    f# = items[#]\n    if f#:\n        items.one = #\n    if not f#:\n        items.other = #\n", n)
        + "    if items.wanted:\n        await pool.release(conn)\n"
    ),
    "flags that are read at the end": lambda n: (
        _BIG
        + _repeat("    n# = None\n    if items[#]:\n        n# = []\n", n)
        + "    conn = await pool.acquire() if items.wanted else None\n"
        + "    try:\n        await items.work()\n    finally:\n        if conn:\n            await pool.release(conn)\n"
        + _repeat("    if n#:\n        items.one = #\n", n)
    ),
    "loops in a with, by flags": lambda n: (
        _BIG
        + "".join(f"    f{i} = items[{i}]\n    if f{i}:\n        items.one = {i}\n" for i in range(5))
        + "    async with pool.acquire() as conn:\n"
        + "".join(f"        if f{i}:\n            items.other = {i}\n" for i in range(5))
        + _repeat("        for x in items[#]:\n            await conn.fetch(x)\n", n)
    ),
    "elif": lambda n: _held(
        "    if items is None:\n        pass\n" + _repeat("    elif items == #:\n        await conn.fetch('#')\n", n)
    ),
    "elif with return": lambda n: _held(
        "    if items is None:\n        return\n" + _repeat("    elif items == #:\n        return #\n", n)
    ),
    "match": lambda n: _held("    match items:\n" + _repeat("        case #:\n            await conn.fetch('#')\n", n)),
    "nested if": lambda n: _held(_nested("if items[#]:", n, "await conn.fetch('x')")),
    "nested for": lambda n: _held(_nested("for v# in items[#]:", n, "await conn.fetch('x')")),
    "nested while": lambda n: _held(_nested("while items[#]:", n, "conn = await pool.acquire()")),
    "nested with": lambda n: _BIG + _nested("async with pool.acquire() as c#:", n, "await c0.fetch('x')"),
    "nested in finally": lambda n: _BIG + _GET + _nested_in("finally", n),
    "nested in handlers": lambda n: _BIG + _GET + _nested_in("except ValueError", n),
    "with statements": lambda n: (
        _BIG + _repeat("    async with pool.acquire() as c#:\n        await c#.fetch('x')\n", n)
    ),
    "items of one with": lambda n: (
        _BIG + f"    async with ({_joined('pool.acquire() as c#', ', ', n)}):\n        pass\n"
    ),
    "handlers": lambda n: _held(
        "    try:\n        await conn.fetch('1')\n" + _repeat("    except E#:\n        await conn.fetch('#')\n", n)
    ),
    "loops": lambda n: _held(_repeat("    for v in items[#]:\n        await conn.fetch(v)\n", n)),
    "exit stack": lambda n: (
        "from contextlib import AsyncExitStack\n"
        + _BIG
        + "    async with AsyncExitStack() as stack:\n"
        + _repeat("        c# = await stack.enter_async_context(pool.acquire())\n", n)
    ),
    "list of calls": lambda n: _held(f"    x = [{_joined('f(#)', ', ', n)}]\n"),
    "dictionary of alternatives": lambda n: _held(
        "    x = {" + _joined("'#': items[#] or ''", ", ", n) + "}\n    await conn.fetch(x)\n"
    ),
    "arguments with conditions": lambda n: _held(
        "    x = f(" + _joined("items if q# else ''", ", ", n) + ")\n    await conn.fetch(x)\n"
    ),
    "comprehension over literals": lambda n: _held(
        f"    x = [f(a0) {_joined('for a# in (1, 2, 3, 4, 5, 6, 7, 8)', ' ', min(n, 40))}]\n"
    ),
    "wide comprehension": lambda n: _held(f"    x = [a0 {_joined('for a# in items[#] if a#', ' ', min(n, 200))}]\n"),
    "and, or": lambda n: _held(
        f"    x = {_joined('n#', ' and ', min(n, 400))}\n"
        f"    if {_joined('n#', ' or ', min(n, 400))}:\n        return 1\n"
    ),
    "sum": lambda n: _held(f"    x = {_joined('f(#)', ' + ', min(n, 900))}\n"),
    "method chain": lambda n: _held(f"    x = q{_joined('.filter(#)', '', min(n, 450))}\n    await conn.fetch(x)\n"),
    "strings side by side": lambda n: _held(
        "    x = (\n" + _repeat("        'line #'\n", n) + "    )\n    await conn.fetch(x)\n"
    ),
    "nested calls": lambda n: _held(f"    x = {'f(' * min(n, 140)}conn{')' * min(n, 140)}\n"),
    "closures": lambda n: _held(_repeat("    def c#():\n        return conn.fetch(#)\n", n)),
    "functions": lambda n: _repeat(
        "async def f#(pool: asyncpg.Pool):\n    conn = await pool.acquire()\n    await conn.fetch('#')\n\n", n
    ),
    "methods": lambda n: (
        "class Big:\n    def __init__(self, pool: asyncpg.Pool):\n        self.pool = pool\n\n"
        + _repeat(
            "    async def f#(self):\n        conn = await self.pool.acquire()\n        await conn.fetch('#')\n\n", n
        )
    ),
    "attributes": lambda n: (
        "class Big:\n"
        + _repeat(
            "    async def f#(self, pool: asyncpg.Pool):\n"
            "        self.pool = pool\n        conn = await self.pool.acquire()\n",
            n,
        )
    ),
    "helpers in a row": lambda n: _chain(
        "async def h#(pool: asyncpg.Pool):\n    return await h+(pool)\n\n", _ACQUIRING, n
    ),
    "helpers that release": lambda n: (
        _chain(
            "async def h#(conn):\n    return await h+(conn)\n\n", "async def h#(conn):\n    await conn.close()\n\n", n
        )
        + _BIG
        + _GET
        + "    await h0(conn)\n"
    ),
    "helpers that call two": lambda n: (
        _chain(
            "async def h#(conn, a=None):\n    await h+(conn, a)\n    await h+(conn, conn)\n\n",
            "async def h#(conn, a=None):\n    pass\n\n",
            n,
        )
        + _held("    await h0(conn)\n")
    ),
    "handlers in a row": lambda n: (
        "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/')\nasync def top():\n    return await g0()\n"
        + _chain(
            "async def g#():\n    return await g+()\n",
            "async def g#():\n    async with httpx.AsyncClient() as client:\n        return await client.get('x')\n",
            n,
        )
    ),
    "subclasses": lambda n: (
        "class B0(asyncpg.Pool):\n    pass\n\n"
        + _chain("class B+(B#):\n    pass\n\n", "async def f(pool: B#):\n    conn = await pool.acquire()\n", n)
    ),
    "names bound again and again": lambda n: _held(_repeat("    x = g(#)\n    y = x.execute(y)\n", n)),
}
"""By what there is much of."""
