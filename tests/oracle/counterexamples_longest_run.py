"""Programs on which the analysis and the runs once differed, found by the longest run: generators that yield while
they are closed, values that are false, what is raised in parts of groups."""

from __future__ import annotations

from oracle.cases import Case

LONGEST_RUN = (
    Case("yields-while-it-is-closed", "false alarm", """\
async def f(pool: fakepool.Pool, apool: fakepool.AsyncPool):
    try:
        yield 1
        yield 2
    finally:
        conn = await fakepool.aconnect()
        try:
            yield 3
        finally:
            await conn.close()
        other = await apool.acquire()
        try:
            yield 4
        except GeneratorExit:
            await apool.release(other)
            raise
        await apool.release(other)
"""),
    Case("resumed-after-it-was-closed", "false alarm", """\
def f(pool: fakepool.Pool):
    conn = None
    try:
        yield 1
        yield 2
    except GeneratorExit:
        yield 3
        conn = fakepool.open()
"""),
    Case("the-number-that-is-false", "false alarm", """\
def f(pool: fakepool.Pool, box, a):
    if not a:
        match a:
            case None | 0:
                return
            case int():
                conn = pool.getconn()
"""),
    Case("false-but-neither-none-nor-zero", "false alarm", """\
def f(pool: fakepool.Pool, box, a):
    if a:
        return
    match a:
        case None | 0:
            return
    conn = pool.getconn()
"""),
    Case("a-result-that-is-a-number", "wrong line", """\
def f(pool: fakepool.Pool, box):
    conn = fakepool.connect()
    row = step(2)
    match row:
        case int():
            conn.execute('q')
    conn.close()
"""),
    Case("more-values-than-the-consumer-took", "false alarm", """\
def f(pool: fakepool.Pool):
    for i in range(4):
        yield i
    yield 4
    yield 5
    conn = pool.getconn()
"""),
    Case("acquired-while-an-exception-leaves", "wrong kind", """\
@contextlib.contextmanager
def f(pool: fakepool.Pool, box, a):
    try:
        try:
            step(2)
        except Exception:
            step(1)
    finally:
        conn = pool.getconn() if a else None
    yield 1
    raise RuntimeError
"""),
    Case("library-raises-no-group", "false alarm", """\
def f(pool: fakepool.Pool):
    conn = pool.getconn()
    pool.putconn(conn)
    try:
        conn.execute('q')
    except* ValueError:
        conn = pool.getconn()
    return conn
""", "library-fails-otherwise", needs=(3, 11)),
    Case("keeping-raises-no-group", "false alarm", """\
def keep(c):
    STORE.append(c)


def f(pool: fakepool.Pool):
    conn = None
    try:
        keep(conn)
    except* (KeyError, ValueError):
        conn = pool.getconn()
    pool.putconn(conn)
""", needs=(3, 11)),
    Case("none-is-not-awaited", "false alarm", """\
async def arows_of(c):
    for i in items(7):
        yield await c.execute('rows')


async def f(pool: fakepool.Pool, apool: fakepool.AsyncPool):
    conn = fakepool.connect()
    other = None
    try:
        async for row in arows_of(other):
            pass
    except Exception:
        conn.close()
        raise
    conn.close()
""", "function-of-none-raises"),
    Case("two-are-held-when-the-second-way-is-plain", "wrong kind", """\
@contextlib.contextmanager
def f(pool: fakepool.Pool, box, a):
    other = fakepool.open()
    try:
        try:
            raise fakepool.Error('x')
        except Exception:
            conn = fakepool.open()
            yield
        finally:
            return
    finally:
        other.close()
"""),
    Case("closes-a-stack-that-was-left", "wrong line", """\
def f(pool: fakepool.Pool):
    stack = contextlib.ExitStack()
    try:
        with stack:
            conn = stack.enter_context(contextlib.closing(fakepool.open()))
        other = fakepool.open()
    finally:
        stack.close()
    step(2)
    other.close()
"""),
    Case("a-manager-refers-to-it", "wrong line", """\
def f(pool: fakepool.Pool):
    conn = pool.getconn()
    with contextlib.nullcontext(conn) as alias:
        alias = conn = None
"""),
    Case("made-of-none", "false alarm", """\
def f(pool: fakepool.Pool, box):
    conn = None
    a = step(conn)
    if a is not None:
        return
    conn = fakepool.open()
"""),
    Case("unbound-where-it-is-none", "false alarm", """\
def f(pool: fakepool.Pool, box, a):
    if a == 1:
        conn = pool.getconn()
        pool.putconn(conn)
    elif conn is None:
        row = pool.getconn() and 1
    else:
        conn.close()
"""),
    Case("list-is-closed-one-after-the-other", "missed", """\
def f(pool: fakepool.Pool):
    held = [fakepool.connect()]
    for i in items(3):
        held.append(fakepool.connect())
    for conn in held:
        conn.close()
"""),
    Case("comprehension-fails-in-its-second-turn", "missed", """\
def f(pool: fakepool.Pool):
    return [pool.getconn() for i in items(2)]
"""),
    Case("queue-that-is-never-emptied", "missed", """\
async def f(pool: fakepool.Pool, apool: fakepool.AsyncPool):
    held = []
    held.append(await apool.acquire())
    conn = held.pop()
    held.append(conn)
    held.append(await fakepool.aconnect())
    while flag(5):
        conn = held.pop(0)
        held.append(conn)
"""),
    Case("empty-list-gives-nothing", "false alarm", """\
def f(pool: fakepool.Pool):
    held = []
    while held:
        held.append(pool.getconn())
    conn = held.pop()
    held.append(pool.getconn())
"""),
    Case("given-none-gives-none", "false alarm", """\
def same(c):
    return c


def f(pool: fakepool.Pool):
    other = None
    other = same(other)
    if other is not None:
        other = pool.getconn()
"""),
    Case("none-is-kept-without-fail", "false alarm", """\
def keep(c):
    STORE.append(c)


def f(pool: fakepool.Pool):
    conn = None
    try:
        keep(conn)
        return
    except Exception:
        conn = pool.getconn()
"""),
    Case("group-is-raised-again", "false alarm", """\
def f(pool: fakepool.Pool):
    other = None
    try:
        try:
            other.execute('q')
        except* BaseException:
            raise
    except* fakepool.Error:
        conn = pool.getconn()
""", needs=(3, 11)),
    Case("cancellation-in-a-group", "missed", """\
async def f(pool: fakepool.Pool, apool: fakepool.AsyncPool):
    try:
        try:
            await astep()
        except* asyncio.CancelledError:
            raise
    except* asyncio.CancelledError:
        conn = pool.getconn()
""", needs=(3, 11)),
    Case("thrown-what-a-handler-is-for", "false alarm", """\
def f(pool: fakepool.Pool):
    try:
        yield 1
        yield 2
    except ValueError:
        pass
    except fakepool.Error:
        conn = pool.getconn()
"""),
    Case("number-that-is-not-zero", "false alarm", """\
def f(pool: fakepool.Pool, box, a):
    match a:
        case None | 0:
            return
        case int():
            if not a:
                conn = pool.getconn()
"""),
    Case("third-failure-of-another-kind", "false alarm", """\
def f(pool: fakepool.Pool):
    alias = None
    try:
        step(1)
    except Exception:
        try:
            step(2)
        except Exception:
            with contextlib.suppress(fakepool.Error):
                conn = pool.getconn()
                pool.putconn(alias)
            STORE.append(conn)
""", category="otherwise-and-more-often"),
    Case("set-gives-what-it-likes", "missed", """\
def f(pool: fakepool.Pool):
    held = set()
    held.add(fakepool.open())
    held.add(fakepool.open())
    conn = held.pop()
    conn.close()
"""),
    Case("set-is-closed-in-any-order", "missed", """\
def f(pool: fakepool.Pool):
    held = set()
    held.add(pool.getconn())
    try:
        held.add(pool.getconn())
    finally:
        for conn in list(held):
            pool.putconn(conn)
"""),
    Case("list-is-closed-from-its-end", "missed", """\
def f(pool: fakepool.Pool):
    held = []
    try:
        held.append(fakepool.connect())
        held.append(fakepool.open())
    finally:
        for conn in reversed(held):
            conn.close()
"""),
    Case("key-is-used-again", "missed", """\
def f(pool: fakepool.Pool):
    held = {}
    held[1] = fakepool.connect()
    try:
        for i in (1, 2):
            held[i] = fakepool.connect()
    finally:
        for conn in held.values():
            conn.close()
"""),
    Case("key-of-what-is-gone", "false alarm", """\
def f(pool: fakepool.Pool):
    held = {}
    held["a"] = conn = fakepool.connect()
    held["b"] = None
    held["a"] = None
    conn.close()
"""),
    Case("none-has-no-method-to-call-with-it", "false alarm", """\
def f(pool: fakepool.Pool):
    held = None
    held.append(fakepool.open())
"""),
    Case("name-is-given-none-under-a-condition", "false alarm", """\
def f(pool: fakepool.Pool):
    ok = True
    conn = pool.getconn()
    if not ok:
        conn = None
    pool.putconn(conn)
"""),
    Case("yields-where-it-never-comes", "false alarm", """\
async def f(pool: fakepool.Pool, apool: fakepool.AsyncPool, box, a):
    ok = False
    conn = await fakepool.astream()
    try:
        match (conn, a):
            case [alias, row] if ok:
                match flag(8):
                    case True:
                        yield conn
    except Exception:
        pass
    else:
        await conn.aclose()
"""),
    Case("result-is-nought", "false alarm", """\
def f(pool: fakepool.Pool, box):
    a = step(box)
    match a:
        case 0:
            conn = fakepool.open()
"""),
    Case("somebody-else-has-what-is-in-it", "missed", """\
def f(pool: fakepool.Pool):
    held = []
    held.append(fakepool.open())
    STORE.append(held[0])
    conn = held.pop(0)
    conn = fakepool.open()
"""),
    Case("assigned-by-another-branch", "missed", """\
def f(pool: fakepool.Pool):
    if flag(1):
        other = 1
    else:
        conn = pool.getconn()
    STORE.append(other)
    pool.putconn(conn)
"""),
    Case("bound-by-a-loop-of-another-branch", "false alarm", """\
def f(pool: fakepool.Pool, a):
    if a:
        for row in items(1):
            step(row)
    elif not row:
        conn = fakepool.connect()
""", category="reads-unbound"),
    Case("unbound-and-captured", "missed", """\
def f(pool: fakepool.Pool):
    try:
        try:
            conn = fakepool.connect()
        except Exception:
            ok = bool(conn)
        finally:
            conn = fakepool.connect()
    except KeyError:
        return lambda: conn
    conn.close()
"""),
    Case("works-where-it-never-comes", "false alarm", """\
def f(pool: fakepool.Pool):
    ok = False
    conn = pool.getconn()
    if ok:
        conn.execute('q')
    pool.putconn(conn)
"""),
    Case("asked-once-in-every-turn", "false alarm", """\
def f(pool: fakepool.Pool, box, a):
    conn = None
    while True:
        if a is None:
            try:
                conn.close()
            except Exception:
                conn = fakepool.open()
            else:
                return
        else:
            step(1)
"""),
    Case("none-that-a-stack-enters", "false alarm", """\
def f(pool: fakepool.Pool):
    stack = contextlib.ExitStack()
    conn = fakepool.connect() if flag(9) else None
    stack.enter_context(conn)
    conn = conn or fakepool.connect()
    stack.close()
"""),
    Case("none-that-a-stack-is-pushed", "false alarm", """\
async def f(pool: fakepool.Pool):
    conn = None
    try:
        async with contextlib.AsyncExitStack() as stack:
            stack.push(conn)
    except asyncio.CancelledError:
        conn = fakepool.connect()
"""),
)  # fmt: skip
