"""Programs on which the analysis and the runs once differed, each as small as it could be made.

They must agree now; but for those with a category, which must still differ in the way that has that name.
"""

from __future__ import annotations

from oracle.cases import Case
from oracle.counterexamples_later import LATER
from oracle.counterexamples_long_run import LONG_RUN
from oracle.counterexamples_longest_run import LONGEST_RUN
from oracle.counterexamples_whole_run import WHOLE_RUN

OLDER = (
    Case("exit-raises", "missed", """\
def f(pool: fakepool.Pool):
    with contextlib.closing(fakepool.open()) as extra:
        conn = fakepool.connect()
    conn.close()
"""),
    Case("closing-does-not-return-to-pool", "missed", """\
def f(pool: fakepool.Pool):
    conn = pool.getconn()
    with contextlib.closing(conn):
        pass
"""),
    Case("stale-alias-of-released", "missed", """\
def f(pool: fakepool.Pool):
    conn = None
    for i in range(2):
        other = conn
        conn = pool.getconn()
        if other:
            pool.putconn(other)
        pool.putconn(conn)
"""),
    Case("only-after-suppressed-failure", "missed", """\
def f(pool: fakepool.Pool):
    with contextlib.suppress(ValueError):
        step(1)
        return
    conn = fakepool.open()
"""),
    Case("closure-never-called", "missed", """\
def f(pool: fakepool.Pool):
    conn = pool.getconn()
    def later():
        pool.putconn(conn)
"""),
    Case("closure-after-raise", "missed", """\
def f(pool: fakepool.Pool):
    conn = pool.getconn()
    raise fakepool.Error('x')
    return lambda: conn
"""),
    Case("closure-on-another-path", "missed", """\
def f(pool: fakepool.Pool, a):
    conn = pool.getconn()
    conn.execute('q')
    if a:
        return lambda: conn
    pool.putconn(conn)
"""),
    Case("closure-before-binding", "missed", """\
async def f(apool: fakepool.AsyncPool):
    async def later():
        await apool.release(conn)
    conn = await apool.acquire()
"""),
    Case("one-line-suite", "missed", """\
def f(pool: fakepool.Pool, a):
    conn = pool.getconn()
    if a: return
    pool.putconn(conn)
"""),
    Case("one-line-function", "missed", """\
def f(pool: fakepool.Pool): conn = pool.getconn()
"""),
    Case("one-line-finally", "false alarm", """\
def f(pool: fakepool.Pool):
    conn = pool.getconn()
    try: conn.execute('q')
    finally: pool.putconn(conn)
"""),
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
"""),
    Case("library-error-does-not-catch-attribute-error", "false alarm", """\
def f(pool: fakepool.Pool):
    conn = None
    with contextlib.suppress(fakepool.Error):
        conn.execute('q')
    conn = fakepool.connect()
"""),
    Case("suppress-everything-also-propagates", "false alarm", """\
def f(pool: fakepool.Pool):
    try:
        with contextlib.suppress(Exception):
            step(1)
    except Exception:
        conn = pool.getconn()
"""),
    Case("library-error-is-no-builtin", "false alarm", """\
def f(pool: fakepool.Pool):
    try:
        raise fakepool.Error('x')
    except ValueError:
        conn = pool.getconn()
"""),
    Case("enters-none", "false alarm", """\
def f(pool: fakepool.Pool):
    conn = None
    with conn:
        conn = pool.getconn()
"""),
    Case("flag-before-helper", "false alarm", """\
def give_back(pool: fakepool.Pool, c):
    pool.putconn(c)


def f(pool: fakepool.Pool):
    conn = pool.getconn()
    ok = False
    if not ok:
        give_back(pool, conn)
"""),
    Case("no-final-newline", "crash", "def f(pool: fakepool.Pool, a):\n    if a:\n        conn = pool.getconn()"),
    Case("awaits-own-coroutine", "false alarm", """\
async def adrop(c):
    await c.close()


async def f(pool: fakepool.Pool):
    conn = await fakepool.aconnect()
    await adrop(conn)
"""),
    Case("parameter-tested-before-acquiring", "false alarm", """\
def f(pool: fakepool.Pool, a):
    if a:
        return
    conn = fakepool.open()
    if a:
        return
    conn.close()
"""),
    Case("library-call-on-none", "false alarm", """\
def f(pool: fakepool.Pool, box):
    alias = None
    with contextlib.suppress(fakepool.Error):
        conn = pool.getconn()
        pool.putconn(alias)
    box.conn = conn
""", category="library-fails-otherwise"),
    Case("flag-before-del", "false alarm", """\
def f(pool: fakepool.Pool):
    ok = False
    conn = pool.getconn()
    if ok:
        del conn
    else:
        return conn
"""),
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
"""),
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

CASES = (*OLDER, *LATER, *LONG_RUN, *LONGEST_RUN, *WHOLE_RUN)
