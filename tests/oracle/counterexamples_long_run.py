"""Programs on which the analysis and the runs once differed, found by a long run: what stacks call, parts of groups,
patterns that are tried again, generators that are read to their end."""

from __future__ import annotations

from oracle.cases import Case

LONG_RUN = (
    Case("stack-calls-what-rebinds", "missed", """\
def f(pool: fakepool.Pool):
    conn = fakepool.connect()
    def later():
        nonlocal conn
        conn.close()
        conn = None
    with contextlib.ExitStack() as stack:
        stack.callback(later)
    conn = conn or fakepool.connect()
"""),
    Case("stack-calls-once", "missed", """\
async def f(pool: fakepool.Pool, apool: fakepool.AsyncPool, box, a):
    stack = contextlib.AsyncExitStack()
    try:
        conn = fakepool.connect()
        stack.callback(lambda: conn.close())
    finally:
        await stack.aclose()
    conn = fakepool.connect() if a else None
    await stack.aclose()
"""),
    Case("stack-calls-what-raises", "false alarm", """\
def f(pool: fakepool.Pool):
    other = fakepool.connect()
    def later():
        nonlocal other
        other.close()
        other = None
    with contextlib.ExitStack() as stack:
        stack.callback(later)
        other.close()
    other.close()
    conn = fakepool.connect()
"""),
    Case("stack-calls-with-arguments", "wrong kind", """\
def look(c):
    c.execute('look')


def f(pool: fakepool.Pool):
    with fakepool.connect() as other:
        with contextlib.ExitStack() as stack:
            conn = fakepool.connect()
            stack.callback(look, conn)
            return stack.pop_all()
"""),
    Case("async-stack-awaits-nothing", "false alarm", """\
async def f(pool: fakepool.Pool, apool: fakepool.AsyncPool):
    other = await fakepool.astream()
    try:
        async with contextlib.AsyncExitStack() as stack:
            conn = stack.enter_context(fakepool.connect())
    except Exception:
        await other.aclose()
    else:
        await other.aclose()
"""),
    Case("popped-stack-is-closed-empty", "false alarm", """\
def f(pool: fakepool.Pool):
    try:
        with contextlib.ExitStack() as stack:
            conn = pool.getconn()
            stack.callback(pool.putconn, conn)
            return stack.pop_all()
    finally:
        stack.close()
"""),
    Case("dropped-stack-of-what-has-a-name", "false alarm", """\
def f(pool: fakepool.Pool):
    ok = False
    try:
        with contextlib.ExitStack() as stack:
            conn = stack.enter_context(contextlib.closing(fakepool.open()))
            return stack.pop_all()
    finally:
        try:
            return ok and conn
        finally:
            with contextlib.closing(conn):
                pass
"""),
    Case("closing-enters-without-failing", "false alarm", """\
def f(pool: fakepool.Pool):
    conn = pool.getconn()
    with contextlib.closing(conn):
        pool.putconn(conn)
"""),
    Case("read-to-its-end", "false alarm", """\
def rows_of(c):
    for i in items(7):
        yield c.execute('rows')


def f(pool: fakepool.Pool):
    conn = pool.getconn()
    try:
        for row in rows_of(conn):
            pass
    except Exception:
        pool.putconn(conn)
        raise
    else:
        pool.putconn(conn)
"""),
    Case("thrown-into-what-is-delegated-to", "missed", """\
def f(pool: fakepool.Pool):
    conn = pool.getconn()
    try:
        yield from rows_of(pool)
    except GeneratorExit:
        pool.putconn(conn)
        raise
    pool.putconn(conn)


def rows_of(p):
    yield 1
"""),
    Case("guard-decides-about-the-next-case", "false alarm", """\
async def f(pool: fakepool.Pool, apool: fakepool.AsyncPool):
    ok = False
    conn = await apool.acquire()
    match conn:
        case alias if ok:
            pass
        case _:
            await apool.release(conn)
"""),
    Case("instance-is-not-none", "false alarm", """\
def f(pool: fakepool.Pool, box, a):
    match a:
        case int():
            match a:
                case None:
                    conn = pool.getconn()
"""),
    Case("pattern-that-did-not-fit-before", "false alarm", """\
def f(pool: fakepool.Pool):
    ok = False
    match items(6):
        case [i, *row] if not ok:
            pass
        case [i, *row]:
            conn = fakepool.open()
"""),
    Case("awaits-what-returns-nothing", "false alarm", """\
async def f(pool: fakepool.Pool, apool: fakepool.AsyncPool):
    def later():
        pass
    await later()
    conn = await fakepool.aconnect()
"""),
    Case("raises-in-one-part-of-a-group", "false alarm", """\
def f(pool: fakepool.Pool):
    ok = False
    other = None
    try:
        try:
            step(1)
        except* ValueError:
            other = pool.getconn()
            raise ValueError('y') from None
        except* fakepool.Error:
            pass
        ok = True
    finally:
        if not ok and other:
            pool.putconn(other)
""", needs=(3, 11)),
    Case("whole-group-is-taken", "false alarm", """\
def f(pool: fakepool.Pool):
    try:
        try:
            step(1)
        except* Exception:
            conn = fakepool.connect()
        else:
            return None
    except BaseException:
        raise
    return conn
""", needs=(3, 11)),
    Case("dropped-by-a-stack", "wrong kind", """\
def look(c):
    c.execute('look')


def f(pool: fakepool.Pool):
    with contextlib.ExitStack() as stack:
        conn = fakepool.connect()
        stack.callback(look, conn)
        conn = None
"""),
    Case("stack-is-used-after-it-was-left", "missed", """\
def f(pool: fakepool.Pool):
    with contextlib.ExitStack() as stack:
        pass
    conn = pool.getconn()
    stack.callback(pool.putconn, conn)
"""),
    Case("second-turn-always-raises", "false alarm", """\
async def f(pool: fakepool.Pool, apool: fakepool.AsyncPool):
    other = None
    for i in range(2):
        del other
    other = await fakepool.astream()
"""),
    Case("attribute-of-none", "false alarm", """\
def f(pool: fakepool.Pool):
    conn = None
    later = conn.close
    conn = fakepool.connect()
"""),
    Case("one-of-two-constants", "false alarm", """\
def f(pool: fakepool.Pool):
    other = fakepool.open()
    a = 1 if other else None
    other.close()
    if a is not None:
        pass
    else:
        conn = pool.getconn()
"""),
    Case("raised-in-an-earlier-part-of-a-group", "wrong kind", """\
def f(pool: fakepool.Pool):
    conn = None
    try:
        step(1)
    except* fakepool.Error:
        step(2)
    except* Exception:
        conn = pool.getconn()
    return conn
""", needs=(3, 11)),
    Case("summary-of-another-constant", "missed", """\
def keep_or_drop(c, stay):
    if stay:
        STORE.append(c)
    else:
        c.close()


def f(pool: fakepool.Pool, box, a):
    match items(5):
        case []:
            if a:
                return
        case _:
            match a:
                case 1:
                    pass
    conn = fakepool.connect()
    try:
        keep_or_drop(conn, a)
    except:
        row = fakepool.connect() and 1
        raise
"""),
    Case("six-flags-of-one-value", "false alarm", """\
def f(pool: fakepool.Pool, box, a):
    text = str(a)
    one, two, three = '1' in text, '2' in text, '3' in text
    four, five, six = '4' in text, '5' in text, '6' in text
    conn = None
    if one:
        conn = pool.getconn()
    if two: box.two = 1
    if three: box.three = 1
    if four: box.four = 1
    if five: box.five = 1
    if six: box.six = 1
    if two: box.two = 2
    if three: box.three = 2
    if four: box.four = 2
    if five: box.five = 2
    if six: box.six = 2
    if one:
        pool.putconn(conn)
""", category="beyond-the-bound-of-states"),
)  # fmt: skip
