"""Programs on which the two differed in the first run of 250,000 that was made on one state of the analysis."""

from __future__ import annotations

from oracle.cases import Case

WHOLE_RUN = (
    Case("manager-of-a-loop-lets-go-of-the-older-one", "missed", """\
def f(pool: fakepool.Pool):
    conn = fakepool.open()
    for i in (1, 2):
        with contextlib.closing(conn):
            conn = fakepool.open()
"""),
    Case("entered-in-a-loop-and-taken-again", "wrong kind", """\
async def f(pool: fakepool.Pool, apool: fakepool.AsyncPool):
    conn = await fakepool.aconnect()
    for i in (1, 2):
        async with conn:
            alias = conn = await fakepool.aconnect()
"""),
    Case("lost-without-the-failure-that-its-neighbour-had", "wrong kind", """\
def f(pool: fakepool.Pool):
    with contextlib.ExitStack() as stack:
        conn = pool.getconn()
        try:
            try:
                conn.execute('q')
            finally:
                pool.putconn(conn)
                conn = pool.getconn()
            raise fakepool.Error('x')
        except fakepool.Error:
            pass
"""),
    Case("hands-over-where-it-never-comes", "false alarm", """\
def f(pool: fakepool.Pool):
    ok = True
    conn = pool.getconn()
    if ok:
        STORE.append(conn)
"""),
    Case("pattern-binds-and-its-guard-fails", "false alarm", """\
def f(pool: fakepool.Pool, a):
    ok = False
    conn = None
    match (conn, a):
        case [alias, row] if ok:
            STORE.append(conn)
        case [None, _]:
            conn.execute('q')
    conn = fakepool.connect()
"""),
    Case("raised-again-where-another-is-caught", "false alarm", """\
@contextlib.contextmanager
def f(pool: fakepool.Pool, box, a):
    conn = None
    try:
        try:
            step(1)
        except ValueError:
            raise
        except BaseException:
            conn.execute('q')
        match (conn, a):
            case [_, 1]:
                conn.close()
    except KeyError:
        pass
    conn = fakepool.open()
    try:
        yield
        if a == 1:
            conn = None
    finally:
        conn.close()
""", category="caught-further-in"),
    Case("deleted-and-read-in-cleanup", "wrong kind", """\
async def f(pool: fakepool.Pool, apool: fakepool.AsyncPool):
    conn = None
    try:
        other = await fakepool.aconnect()
        try:
            async with other:
                del other
        except BaseException:
            conn = conn or await fakepool.astream()
    finally:
        await other.close()
""", category="reads-unbound"),
    Case("overwritten-in-a-with-that-refers-to-it", "wrong line", """\
def f(pool: fakepool.Pool):
    conn = fakepool.open()
    with contextlib.nullcontext(conn) as alias:
        try:
            alias = conn = fakepool.open()
        except Exception as error:
            conn.close()
        finally:
            raise ValueError('x')
    yield from items(4)
"""),
    Case("wrapper-that-never-fails", "wrong line", """\
async def f(pool: fakepool.Pool, apool: fakepool.AsyncPool):
    conn = None
    other = await fakepool.astream()
    try:
        try:
            conn, other = other, conn
        finally:
            stack = contextlib.AsyncExitStack()
            other = await fakepool.astream()
            await stack.enter_async_context(contextlib.aclosing(other))
            yield conn, 2
        yield 1
    finally:
        await other.aclose()
""", category="function-never-fails"),
    Case("awaits-what-a-call-gives-that-is-no-coroutine", "wrong line", """\
async def f(pool: fakepool.Pool, apool: fakepool.AsyncPool):
    alias = fakepool.open()
    other = await fakepool.aconnect()
    await alias.close()
    conn = pool.getconn()
    pool.putconn(conn)
    await asyncio.shield(other.close())
""", category="awaits-what-is-no-coroutine"),
)  # fmt: skip
