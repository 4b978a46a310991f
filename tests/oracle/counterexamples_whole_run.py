"""Programs on which the two differed in whole runs of 250,000 numbers, each on one state of the analysis."""

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
"""),
    Case("awaits-what-a-call-gives-that-is-no-coroutine", "wrong line", """\
async def f(pool: fakepool.Pool, apool: fakepool.AsyncPool):
    alias = fakepool.open()
    other = await fakepool.aconnect()
    await alias.close()
    conn = pool.getconn()
    pool.putconn(conn)
    await asyncio.shield(other.close())
""", category="awaits-what-is-no-coroutine"),
    Case("what-is-settled-is-forgotten-before-a-way-is", "missed", """\
async def alook(c):
    await c.execute('look')

async def f(pool: fakepool.Pool, apool: fakepool.AsyncPool, box, a):
    alias = None
    conn = await asyncio.wait_for(apool.acquire(), 1)
    try:
        await apool.release(conn)
        held = [conn]
    except Exception:
        pass
    conn = await apool.acquire()
    try:
        if conn is not None and flag(4):
            try:
                await astep(1)
            except fakepool.Error:
                await alook(conn)
            except Exception:
                yield conn
                raise
            finally:
                row = (yield (conn, 2))
            async with contextlib.AsyncExitStack() as stack:
                conn = await asyncio.shield(apool.acquire())
                stack.push_async_callback(apool.release, conn)
                await astep(1)
        else:
            if conn is not None and flag(4):
                await asyncio.shield(apool.release(conn))
            else:
                await apool.release(conn)
            try:
                alias and await apool.release(conn)
            finally:
                step(2)
        async with apool.acquire() as conn:
            try:
                if a:
                    return
            except (ValueError, fakepool.Error):
                step(2)
                raise
            else:
                STORE.append(conn)
            conn = await apool.acquire()
            try:
                ok = bool(conn)
            finally:
                await apool.release(conn)
    finally:
        await apool.release(conn)
"""),
    Case("only-a-callback-refers-to-it", "wrong kind", """\
def look(c):
    c.execute('look')


def f(pool: fakepool.Pool):
    conn = None
    try:
        with contextlib.ExitStack() as stack:
            conn = fakepool.connect()
            stack.callback(look, conn)
            conn = None
            raise ValueError('x')
    finally:
        if conn is None:
            step(1)
"""),
    Case("none-is-called-at-the-end", "wrong kind", """\
def maybe():
    if flag(9):
        return None
    return fakepool.connect()


def f(pool: fakepool.Pool):
    with contextlib.ExitStack() as stack:
        conn = maybe()
        stack.push(conn)
        if conn is None:
            conn = pool.getconn()
"""),
    Case("leaving-none-is-not-cancelled", "false alarm", """\
async def f(pool: fakepool.Pool, apool: fakepool.AsyncPool):
    conn = None
    other = await apool.acquire()
    try:
        async with contextlib.aclosing(conn):
            step(1)
    except Exception:
        await apool.release(other)
"""),
    Case("stack-closes-without-waiting", "false alarm", """\
@contextlib.contextmanager
def lasting():
    c = fakepool.connect()
    try:
        yield c
    finally:
        c.close()


async def f(pool: fakepool.Pool, apool: fakepool.AsyncPool):
    other = pool.getconn()
    stack = contextlib.AsyncExitStack()
    try:
        conn = stack.enter_context(lasting())
        await stack.aclose()
    except Exception:
        pool.putconn(other)
        return
    pool.putconn(other)
"""),
    Case("closure-is-handed-over-where-it-never-comes", "false alarm", """\
def f(pool: fakepool.Pool):
    ok = False
    conn = pool.getconn()
    if not ok:
        def later():
            pool.putconn(conn)
        STORE.append(later)
"""),
    Case("raises-while-the-one-before-is-held", "wrong kind", """\
def f(pool: fakepool.Pool):
    for i in range(2):
        try:
            raise RuntimeError
        except RuntimeError:
            pass
        finally:
            conn = fakepool.open()
"""),
    Case("each-that-is-held-stays-in-sight", "missed", """\
def keep(c):
    STORE.append(c)


async def f(pool: fakepool.Pool, apool: fakepool.AsyncPool, box, a):
    ok = False
    conn = await asyncio.wait_for(fakepool.aconnect(), 1)
    try:
        yield 1
    except BaseException:
        later = lambda c=conn: c.execute('q')
    try:
        match flag(8):
            case False if flag(1):
                conn = await asyncio.shield(fakepool.aconnect())
                try:
                    pass
                except Exception:
                    await conn.close()
                    return
                else:
                    await conn.close()
            case False:
                if ok:
                    await conn.execute('q')
                await astep(1)
            case row:
                if flag(1):
                    keep(conn)
                elif a == 1:
                    conn = await asyncio.shield(fakepool.aconnect())
                else:
                    yield (await conn.execute('q'))
                return
        alias = conn = await asyncio.shield(fakepool.aconnect())
    except BaseException:
        pass
"""),
    Case("closed-at-the-yield-of-one-handler-of-a-group", "missed", """\
def f(pool: fakepool.Pool):
    conn = None
    try:
        try:
            step(2)
        except* fakepool.Error:
            yield 1
        except* Exception:
            conn = fakepool.open()
    except Exception:
        if conn is not None:
            conn.close()
        return
    if conn is not None:
        conn.close()
""", needs=(3, 11)),
    Case("goes-on-where-it-is-closed", "false alarm", """\
def f(pool: fakepool.Pool):
    try:
        yield 1
    except GeneratorExit:
        yield from (1, 2)
    else:
        return
    conn = fakepool.connect()
    if flag(1):
        conn.close()
"""),
    Case("method-that-is-not-there", "false alarm", """\
async def f(pool: fakepool.Pool):
    other = await fakepool.astream()
    await other.aclose()
    other.close()
    conn = await fakepool.astream()
    await conn.execute('q')
    await conn.aclose()
""", category="library-fails-otherwise"),
    Case("group-of-no-tasks-fails", "false alarm", """\
async def f(pool: fakepool.Pool):
    conn = None
    try:
        async with asyncio.TaskGroup():
            pass
    except* Exception:
        conn = await fakepool.aconnect()
""", category="function-never-fails", needs=(3, 11)),
    Case("none-among-what-is-matched", "false alarm", """\
def f(pool: fakepool.Pool):
    conn = fakepool.connect()
    a = 1 if conn else None
    match (conn, a):
        case [other, None]:
            row = conn.execute('q')
    conn.close()
""", category="condition-that-decides-nothing"),
    Case("no-longer-bound", "false alarm", """\
def make():
    return fakepool.connect()


def f(pool: fakepool.Pool):
    conn = None
    try:
        del conn
        def later():
            nonlocal conn
            conn.close()
            conn = None
        later()
    except BaseException:
        conn.close()
    conn = make()
""", category="reads-unbound"),
    Case("four-failures", "false alarm", """\
def f(pool: fakepool.Pool):
    conn = pool.getconn()
    try:
        pool.putconn(conn)
    except BaseException:
        conn.execute('q')
    finally:
        try:
            conn, ok = (pool.getconn(), True)
        except BaseException:
            try:
                pool.putconn(conn)
            except Exception:
                conn = pool.getconn()
    pool.putconn(conn)
""", category="beyond-two-failures"),
    Case("closes-none-at-the-end-of-a-stack", "false alarm", """\
async def f(pool: fakepool.Pool):
    async with contextlib.AsyncExitStack() as stack:
        conn = fakepool.connect() if flag(9) else None
        stack.enter_context(contextlib.closing(conn))
        ok = bool(conn)
    if not ok:
        other = fakepool.connect()
        other.execute('q')
        other.close()
""", category="function-of-none-raises"),
    Case("closed-and-used-where-a-flag-is-set", "false alarm", """\
async def f(pool: fakepool.Pool):
    ok = False
    other = await fakepool.aconnect()
    await other.close()
    try:
        if ok and other:
            await other.execute('q')
    except KeyError:
        conn = await fakepool.aconnect()
"""),
    Case("group-is-thrown-into-what-it-yields-from", "false alarm", """\
def keep(c):
    STORE.append(c)


def f(pool: fakepool.Pool):
    ok = False
    conn = None
    try:
        yield from (conn,)
    except* fakepool.Error:
        ok = True
    except* Exception:
        conn = fakepool.connect()
        if ok and conn:
            pass
        else:
            keep(conn)
""", needs=(3, 11)),
    Case("name-that-an-operator-has-too", "false alarm", """\
def same(c):
    return c


def f(pool: fakepool.Pool, a):
    match a:
        case 2:
            pass
        case 1:
            try:
                return
            finally:
                same(1)
    if a == 1:
        conn = pool.getconn()
"""),
    Case("literal-in-which-a-name-stands", "false alarm", """\
def f(pool: fakepool.Pool, a):
    conn = pool.getconn()
    taken = True
    if a == 'is taken now':
        pool.putconn(conn)
    taken = False
    if a != 'is taken now':
        pool.putconn(conn)
"""),
    Case("awaits-none-of-tasks-in-a-branch-that-decides-nothing", "false alarm", """\
async def f(pool: fakepool.Pool):
    ok = False
    other = await fakepool.astream()
    if ok:
        async with asyncio.TaskGroup() as group:
            row = group.create_task(astep(4))
    await other.aclose()
""", needs=(3, 11)),
    Case("released-in-one-world-and-not-in-another", "false alarm", """\
@contextlib.asynccontextmanager
async def amanaged(apool: fakepool.AsyncPool):
    c = await apool.acquire()
    try:
        yield c
    finally:
        await apool.release(c)


async def f(pool: fakepool.Pool, apool: fakepool.AsyncPool):
    conn = None
    try:
        async with amanaged(apool) as conn:
            pass
    finally:
        try:
            await apool.release(conn)
        except KeyError:
            conn = await apool.acquire()
        except Exception:
            return
        else:
            await asyncio.shield(apool.release(conn))
    await asyncio.wait_for(apool.release(conn), 1)
""", category="library-fails-otherwise"),
    Case("generator-refers-to-what-is-deleted", "wrong kind", """\
def rows_of(c):
    for i in items(7):
        yield c.execute('rows')


def f(pool: fakepool.Pool):
    conn = pool.getconn()
    try:
        for row in rows_of(conn):
            del conn
            raise RuntimeError
        yield conn.execute('q')
    finally:
        pool.putconn(conn)
"""),
    Case("rest-of-a-group-goes-on", "wrong kind", """\
def f(pool: fakepool.Pool):
    conn = None
    try:
        try:
            step(2)
        except* (KeyError, ValueError):
            conn = conn or fakepool.open()
        conn.close()
    finally:
        return conn.execute('q')
""", needs=(3, 11)),
    Case("what-closed-the-generator-goes-on", "wrong kind", """\
async def adrop(c):
    await c.close()


async def f(pool: fakepool.Pool):
    conn = None
    try:
        raise fakepool.Error('x')
    except Exception as error:
        try:
            yield conn
        finally:
            conn = await asyncio.shield(fakepool.aconnect())
            try:
                raise
            except Exception:
                await adrop(conn)
"""),
    Case("number-of-another-type", "false alarm", """\
def f(pool: fakepool.Pool, box, a):
    conn = fakepool.open()
    match a:
        case int():
            conn.close()
        case _:
            conn.close()
            if a != 1:
                step(1)
            else:
                conn = fakepool.open()
""", category="beyond-two-failures"),
    Case("raised-again-and-caught-as-another", "false alarm", """\
def f(pool: fakepool.Pool):
    try:
        try:
            step(1)
        except KeyError:
            raise
        except Exception:
            pass
    except ValueError:
        conn = fakepool.connect()
        conn.execute('q')
""", category="caught-further-in"),
    Case("flag-that-is-read-when-leaving-raises", "false alarm", """\
def f(pool: fakepool.Pool):
    ready = None
    try:
        with contextlib.closing(fakepool.open()):
            step(1)
    except fakepool.Error:
        conn = pool.getconn()
        if ready:
            return
        pool.putconn(conn)
"""),
    Case("left-after-it-was-closed", "missed", """\
def f(pool: fakepool.Pool):
    first = fakepool.open()
    first.close()
    with first:
        conn = fakepool.open()
        return conn
"""),
    Case("the-only-one-that-parts-of-a-group-raise", "missed", """\
@contextlib.contextmanager
def f(pool: fakepool.Pool):
    conn = None
    try:
        try:
            step(2)
        except* ValueError:
            yield conn
        except* Exception:
            conn = fakepool.open()
    except GeneratorExit:
        conn = None
    finally:
        if conn:
            conn.close()
""", needs=(3, 11)),
    Case("raised-again-in-finally", "missed", """\
def f(pool: fakepool.Pool):
    conn = fakepool.open()
    try:
        raise KeyError('x')
    except KeyError:
        try:
            conn.execute('q')
            conn.close()
        finally:
            conn.close()
            with contextlib.suppress(fakepool.Error):
                raise
            conn = pool.getconn()
"""),
    Case("leaving-what-the-block-has-forgotten", "missed", """\
def f(pool: fakepool.Pool):
    conn = fakepool.open()
    with conn:
        conn = fakepool.open()
    with contextlib.closing(conn):
        pass
"""),
)  # fmt: skip
