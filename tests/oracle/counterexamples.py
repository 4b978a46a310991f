# ruff: noqa: E501 -- programs are lines of text
"""Programs on which the analysis and the runs once differed, each as small as it could be made.

`fixed` programs must agree. The others are known differences: the test fails as soon as one of them is mended, so that it is moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

HEAD = """\
import asyncio
import contextlib
import fakepool
from elsewhere import astep, flag, items, step

STORE = []


"""


@dataclass(frozen=True)
class Case:
    """A program, and how the two differ on it."""

    name: str
    kind: Literal["missed", "false alarm", "crash"]
    program: str
    fixed: bool = False

    @property
    def source(self) -> str:
        """The whole module."""
        return HEAD + self.program


CASES = (
    Case("exit-raises", "missed", """\
def f(pool: fakepool.Pool):
    with contextlib.closing(fakepool.open()) as extra:
        conn = fakepool.connect()
    conn.close()
""", fixed=True),
    Case("closing-does-not-return-to-pool", "missed", """\
def f(pool: fakepool.Pool):
    conn = pool.getconn()
    with contextlib.closing(conn):
        pass
""", fixed=True),
    Case("stale-alias-of-released", "missed", """\
def f(pool: fakepool.Pool):
    conn = None
    for i in range(2):
        other = conn
        conn = pool.getconn()
        if other:
            pool.putconn(other)
        pool.putconn(conn)
""", fixed=True),
    Case("only-after-suppressed-failure", "missed", """\
def f(pool: fakepool.Pool):
    with contextlib.suppress(ValueError):
        step(1)
        return
    conn = fakepool.open()
""", fixed=True),
    Case("closure-never-called", "missed", """\
def f(pool: fakepool.Pool):
    conn = pool.getconn()
    def later():
        pool.putconn(conn)
""", fixed=True),
    Case("closure-after-raise", "missed", """\
def f(pool: fakepool.Pool):
    conn = pool.getconn()
    raise fakepool.Error('x')
    return lambda: conn
""", fixed=True),
    Case("closure-on-another-path", "missed", """\
def f(pool: fakepool.Pool, a):
    conn = pool.getconn()
    conn.execute('q')
    if a:
        return lambda: conn
    pool.putconn(conn)
""", fixed=True),
    Case("closure-before-binding", "missed", """\
async def f(apool: fakepool.AsyncPool):
    async def later():
        await apool.release(conn)
    conn = await apool.acquire()
""", fixed=True),
    Case("one-line-suite", "missed", """\
def f(pool: fakepool.Pool, a):
    conn = pool.getconn()
    if a: return
    pool.putconn(conn)
""", fixed=True),
    Case("one-line-function", "missed", """\
def f(pool: fakepool.Pool): conn = pool.getconn()
""", fixed=True),
    Case("one-line-finally", "false alarm", """\
def f(pool: fakepool.Pool):
    conn = pool.getconn()
    try: conn.execute('q')
    finally: pool.putconn(conn)
""", fixed=True),
    Case("helper-of-none-raises", "false alarm", """\
def drop(c):
    c.close()


def f(pool: fakepool.Pool):
    conn = None
    drop(conn)
    conn = fakepool.open()
"""),
    Case("reads-unbound", "false alarm", """\
def f(pool: fakepool.Pool):
    other = pool.getconn()
    del other
    conn = pool.getconn()
    try:
        conn = other
    finally:
        pool.putconn(conn)
""", fixed=True),
    Case("library-error-does-not-catch-attribute-error", "false alarm", """\
def f(pool: fakepool.Pool):
    conn = None
    with contextlib.suppress(fakepool.Error):
        conn.execute('q')
    conn = fakepool.connect()
""", fixed=True),
    Case("suppress-everything-also-propagates", "false alarm", """\
def f(pool: fakepool.Pool):
    try:
        with contextlib.suppress(Exception):
            step(1)
    except Exception:
        conn = pool.getconn()
""", fixed=True),
    Case("library-error-is-no-builtin", "false alarm", """\
def f(pool: fakepool.Pool):
    try:
        raise fakepool.Error('x')
    except ValueError:
        conn = pool.getconn()
""", fixed=True),
    Case("enters-none", "false alarm", """\
def f(pool: fakepool.Pool):
    conn = None
    with conn:
        conn = pool.getconn()
""", fixed=True),
    Case("flag-before-helper", "false alarm", """\
def give_back(pool: fakepool.Pool, c):
    pool.putconn(c)


def f(pool: fakepool.Pool):
    conn = pool.getconn()
    ok = False
    if not ok:
        give_back(pool, conn)
""", fixed=True),
    Case("no-final-newline", "crash", "def f(pool: fakepool.Pool, a):\n    if a:\n        conn = pool.getconn()", fixed=True),
    Case("awaits-own-coroutine", "false alarm", """\
async def adrop(c):
    await c.close()


async def f(pool: fakepool.Pool):
    conn = await fakepool.aconnect()
    await adrop(conn)
""", fixed=True),
    Case("parameter-tested-before-acquiring", "false alarm", """\
def f(pool: fakepool.Pool, a):
    if a:
        return
    conn = fakepool.open()
    if a:
        return
    conn.close()
""", fixed=True),
    Case("library-call-on-none", "false alarm", """\
def f(pool: fakepool.Pool, box):
    alias = None
    with contextlib.suppress(fakepool.Error):
        conn = pool.getconn()
        pool.putconn(alias)
    box.conn = conn
"""),
    Case("flag-before-del", "false alarm", """\
def f(pool: fakepool.Pool):
    ok = False
    conn = pool.getconn()
    if ok:
        del conn
    else:
        return conn
""", fixed=True),
    Case("leaving-closing-of-none", "missed", """\
def f(pool: fakepool.Pool, box, a):
    conn = None
    try:
        with contextlib.closing(conn):
            conn = fakepool.connect() if a else None
    except Exception:
        pass
    else:
        STORE.append(conn)
""", fixed=True),
    Case("correlation-through-and", "false alarm", """\
def f(pool: fakepool.Pool, a):
    conn = fakepool.connect()
    other = None
    if a and conn:
        conn, other = other, conn
    if a:
        conn, other = other, conn
    conn.close()
"""),
)  # fmt: skip
