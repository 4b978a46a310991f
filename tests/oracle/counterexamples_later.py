"""More programs on which the analysis and the runs once differed: stacks, groups, patterns, closures, generators."""

from __future__ import annotations

from oracle.cases import Case

LATER = (
    Case("result-of-shield-is-lost", "missed", """\
async def f(pool: fakepool.Pool, apool: fakepool.AsyncPool):
    conn = await asyncio.shield(apool.acquire())
    await apool.release(conn)
"""),
    Case("callback-that-does-not-release", "missed", """\
def f(pool: fakepool.Pool):
    conn = fakepool.connect()
    def later():
        conn.execute('q')
    with contextlib.ExitStack() as stack:
        stack.callback(later)
"""),
    Case("callback-sees-the-variable", "missed", """\
def f(pool: fakepool.Pool):
    conn = pool.getconn()
    def later():
        pool.putconn(conn)
    with contextlib.ExitStack() as stack:
        stack.callback(later)
        conn = None
"""),
    Case("rebound-under-a-stored-closure", "missed", """\
def f(pool: fakepool.Pool):
    conn = pool.getconn()
    def later():
        pool.putconn(conn)
    STORE.append(later)
    conn = pool.getconn()
"""),
    Case("bound-under-a-stored-closure", "false alarm", """\
def f(pool: fakepool.Pool):
    conn = None
    def later():
        conn.execute('q')
    STORE.append(later)
    conn, ok = (fakepool.connect(), True)
"""),
    Case("nullcontext-leaves-it-open", "missed", """\
def f(pool: fakepool.Pool):
    conn = fakepool.connect()
    with contextlib.nullcontext(conn) as alias:
        pass
"""),
    Case("popped-stack-is-dropped", "missed", """\
def f(pool: fakepool.Pool):
    with contextlib.ExitStack() as stack:
        conn = stack.enter_context(contextlib.closing(fakepool.open()))
        kept = stack.pop_all()
"""),
    Case("popped-stack-is-returned", "false alarm", """\
def f(pool: fakepool.Pool):
    with contextlib.ExitStack() as stack:
        conn = stack.enter_context(contextlib.closing(fakepool.open()))
        conn.execute('q')
        return stack.pop_all()
"""),
    Case("pushed-exit-that-keeps-open", "missed", """\
def f(pool: fakepool.Pool):
    conn = fakepool.open()
    with contextlib.ExitStack() as stack:
        stack.push(conn)
"""),
    Case("comprehension-over-nothing", "missed", """\
def f(pool: fakepool.Pool):
    conn = None
    row = [conn.execute('q') for i in items(3)]
    conn = pool.getconn()
"""),
    Case("flag-unbound-in-finally", "missed", """\
def f(pool: fakepool.Pool):
    conn = fakepool.connect()
    try:
        conn.execute('q')
        ok = True
    finally:
        if ok:
            conn.close()
"""),
    Case("failing-generator-of-ones-own", "missed", """\
def rows_of(c):
    for i in items(7):
        yield c.execute('rows')


def f(pool: fakepool.Pool):
    conn = fakepool.connect()
    for row in rows_of(conn):
        pass
    conn.close()
"""),
    Case(
        "generator-of-ones-own-fails-otherwise",
        "missed",
        """\
def rows_of(c):
    for i in items(7):
        yield c.execute('rows')


def f(pool: fakepool.Pool):
    conn = fakepool.connect()
    try:
        for row in rows_of(conn):
            pass
    except fakepool.Error:
        conn.close()
        raise
    conn.close()
""",
    ),
    Case("target-of-with-overwrites", "wrong kind", """\
def f(pool: fakepool.Pool):
    conn = pool.getconn()
    with pool.connection() as conn:
        pass
"""),
    Case("pattern-binds-what-it-matches", "false alarm", """\
def f(pool: fakepool.Pool, box, a):
    other = fakepool.open()
    try:
        match (other, a):
            case [other, None]:
                pass
    finally:
        other.close()
"""),
    Case("pattern-that-fails-binds-nothing", "wrong kind", """\
def f(pool: fakepool.Pool, box, a):
    conn = pool.getconn()
    other = pool.getconn()
    match (conn, a):
        case [other, None]:
            pass
    pool.putconn(other)
"""),
    Case("pattern-tried-before", "false alarm", """\
def f(pool: fakepool.Pool):
    match flag(8):
        case True:
            pass
        case True:
            conn = fakepool.connect()
"""),
    Case("pattern-says-what-is-true", "false alarm", """\
def f(pool: fakepool.Pool, box, a):
    match a:
        case None | 0:
            if a:
                conn = fakepool.connect()
                return
"""),
    Case("guard-over-a-flag", "false alarm", """\
def f(pool: fakepool.Pool):
    ok = False
    conn = pool.getconn()
    match conn:
        case alias if not ok:
            pool.putconn(conn)
"""),
    Case("resource-is-no-other-class", "false alarm", """\
def f(pool: fakepool.Pool):
    conn = fakepool.open()
    match conn:
        case fakepool.Connection():
            pass
        case _:
            conn.close()
"""),
    Case("equal-says-what-is-true", "false alarm", """\
def f(pool: fakepool.Pool, box, a):
    conn = fakepool.connect()
    if a == 1:
        conn.close()
    if a:
        if a == 1:
            return
    if not a == 1:
        conn.close()
"""),
    Case("gather-starts-every-release", "false alarm", """\
async def f(pool: fakepool.Pool, apool: fakepool.AsyncPool):
    conn = await apool.acquire()
    try:
        row = conn.execute('q')
    finally:
        await asyncio.wait_for(apool.release(conn), 1)
"""),
    Case("empty-stack-does-nothing", "false alarm", """\
async def f(pool: fakepool.Pool, apool: fakepool.AsyncPool):
    try:
        async with contextlib.AsyncExitStack() as stack:
            conn = await apool.acquire()
            step(1)
            stack.push_async_callback(apool.release, conn)
    except Exception:
        STORE.append(conn)
"""),
    Case("group-of-tasks-is-entered", "false alarm", """\
async def f(pool: fakepool.Pool, apool: fakepool.AsyncPool):
    conn = fakepool.connect()
    async with asyncio.TaskGroup() as group:
        conn.close()
"""),
    Case("group-of-tasks-raises-a-group", "missed", """\
async def f(pool: fakepool.Pool, apool: fakepool.AsyncPool):
    conn = fakepool.connect()
    try:
        async with asyncio.TaskGroup() as group:
            raise ValueError('x')
    except ValueError:
        conn.close()
""", needs=(3, 11)),
    Case("raise-in-except-star-raises-a-group", "missed", """\
def f(pool: fakepool.Pool):
    conn = fakepool.connect()
    try:
        try:
            raise ValueError('x')
        except* ValueError:
            raise
    except ValueError:
        conn.close()
""", needs=(3, 11)),
    Case("except-star-catches-what-is-alone", "wrong kind", """\
def f(pool: fakepool.Pool):
    try:
        try:
            step(1)
        finally:
            conn = fakepool.connect()
    except* Exception:
        conn.close()
    else:
        conn.close()
""", needs=(3, 11)),
    Case("nonlocal-rebinds", "false alarm", """\
def f(pool: fakepool.Pool):
    conn = pool.getconn()
    def later():
        nonlocal conn
        pool.putconn(conn)
        conn = None
    later()
"""),
    Case("helper-forgets-what-it-released", "false alarm", """\
def drop(c):
    c.close()
    c = None


def f(pool: fakepool.Pool):
    conn = fakepool.connect()
    drop(conn)
"""),
    Case("nested-function-of-none-raises", "false alarm", """\
def f(pool: fakepool.Pool):
    conn = None
    def later():
        conn.execute('q')
    later()
    other = pool.getconn()
"""),
    Case("flag-set-with-the-connection", "false alarm", """\
async def f(pool: fakepool.Pool, apool: fakepool.AsyncPool):
    conn, ok = (await apool.acquire(), True)
    return conn if ok else None
"""),
    Case("definition-drops-a-default", "wrong kind", """\
def f(pool: fakepool.Pool):
    conn = fakepool.connect()
    later = lambda c=conn: c.execute('q')
    conn = None
    def later():
        pass
    pass
"""),
    Case("three-failures", "false alarm", """\
async def f(pool: fakepool.Pool, apool: fakepool.AsyncPool):
    try:
        step(1)
    except ValueError:
        try:
            step(2)
        except ValueError:
            conn = fakepool.connect()
            step(1)
            conn.close()
""", category="beyond-two-failures"),
    Case("generator-of-none-raises", "false alarm", """\
def rows_of(c):
    for i in items(7):
        yield c.execute('rows')


def f(pool: fakepool.Pool):
    conn = None
    for row in rows_of(conn):
        conn = pool.getconn()
""", category="function-of-none-raises"),
    Case("function-that-does-nothing", "false alarm", """\
def f(pool: fakepool.Pool):
    try:
        def later():
            pass
        later()
    except ValueError:
        conn = fakepool.connect()
"""),
    Case("tested-before-it-is-bound", "false alarm", """\
def f(pool: fakepool.Pool, box, a):
    if a:
        other = None
    elif not other:
        conn = fakepool.connect()
"""),
    Case("caught-twice", "false alarm", """\
def f(pool: fakepool.Pool):
    try:
        try:
            step(1)
        except KeyError:
            pass
    except KeyError:
        conn = pool.getconn()
""", category="caught-further-in"),
    Case("function-that-does-nothing-caught-twice", "false alarm", """\
def f(pool: fakepool.Pool):
    try:
        try:
            def later():
                pass
            later()
        except ValueError:
            pass
    except ValueError:
        conn = pool.getconn()
"""),
    Case("function-that-does-next-to-nothing-caught-twice", "false alarm", """\
def f(pool: fakepool.Pool):
    try:
        try:
            def later():
                for _ in ():
                    pass
            later()
        except ValueError:
            pass
    except ValueError:
        conn = pool.getconn()
""", category="several-of-these"),
    Case("thrown-into", "wrong kind", """\
async def f(pool: fakepool.Pool, apool: fakepool.AsyncPool):
    conn = await apool.acquire()
    try:
        yield 1
        yield 2
    except Exception:
        await apool.release(conn)
"""),
    Case("stack-of-what-is-released", "false alarm", """\
def f(pool: fakepool.Pool):
    stack = contextlib.ExitStack()
    conn = stack.enter_context(contextlib.closing(fakepool.open()))
    conn.close()
    stack = None
"""),
    Case("popped-stack-of-a-generator", "false alarm", """\
@contextlib.contextmanager
def managed(pool: fakepool.Pool):
    c = pool.getconn()
    try:
        yield c
    finally:
        pool.putconn(c)


def f(pool: fakepool.Pool):
    with contextlib.ExitStack() as stack:
        conn = stack.enter_context(managed(pool))
        kept = stack.pop_all()
"""),
    Case("own-name-is-no-reference", "wrong kind", """\
def f(pool: fakepool.Pool):
    def later():
        pass
    STORE.append(later)
    other = fakepool.open()
    later = lambda c=other: c.execute('q')
"""),
    Case("decides-nothing-itself", "false alarm", """\
def f(pool: fakepool.Pool):
    ok = True
    if ok:
        pass
    elif flag(2):
        conn = fakepool.connect()
"""),
    Case("cancelled-in-the-block", "missed", """\
@contextlib.asynccontextmanager
async def f(pool: fakepool.Pool, apool: fakepool.AsyncPool):
    conn = await apool.acquire()
    try:
        try:
            yield conn
        except asyncio.CancelledError:
            conn = None
    finally:
        await apool.release(conn)
"""),
    Case("bool-of-a-connection", "false alarm", """\
def f(pool: fakepool.Pool):
    conn = pool.getconn()
    ok = bool(conn)
    return conn if ok else None
"""),
    Case("class-before-literal", "false alarm", """\
def f(pool: fakepool.Pool, box, a):
    match a:
        case int():
            return
        case 0:
            conn = pool.getconn()
"""),
    Case("guard-and-pattern-on-one-name", "false alarm", """\
def f(pool: fakepool.Pool, box, a):
    match (1, a):
        case [alias, row] if a is not None:
            return
        case [_, 1]:
            conn = pool.getconn()
"""),
    Case("callback-that-always-raises", "wrong line", """\
def f(pool: fakepool.Pool):
    conn = fakepool.connect()
    conn.close()
    del conn
    def later():
        conn.execute('q')
    with contextlib.ExitStack() as stack:
        stack.callback(later)
        other = fakepool.open()
    return conn
"""),
    Case("default-of-a-lambda-has-no-value", "missed", """\
def f(pool: fakepool.Pool, box, a):
    conn = fakepool.connect()
    if a:
        other = 1
    else:
        later = lambda c=other: c.execute('q')
    conn.close()
"""),
    Case("default-of-a-function-has-no-value", "missed", """\
def f(pool: fakepool.Pool, box, a):
    conn = fakepool.connect()
    if a:
        other = 1
    def later(c=other):
        c.execute('q')
    conn.close()
"""),
)  # fmt: skip
