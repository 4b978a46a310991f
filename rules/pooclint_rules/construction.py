"""CNX301, CNX302, CNX304 and CNX305: clients, pools and connections that are built for every request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar

import libcst as cst

from pooclint.models import Acquisition
from pooclint.program.homes import Home
from pooclint.program.running import ENTERED_BY, IMPLIED
from pooclint.program.scopes import Function
from pooclint.rule import Confidence, Place, Report, Severity
from pooclint.source.nodes import dotted

if TYPE_CHECKING:
    from pooclint.engine import FileContext
    from pooclint.program.requests import Entry


_SELDOM = 2
"""Functions of a chain that go on only under a condition, from which what it leads to is no matter of every request: of
thirteen such findings that were read eight were false, of thirty-nine others three (docs/accuracy.md)."""


def built(node: cst.Call, context: FileContext, kinds: frozenset[str]) -> Acquisition | None:
    """What a call builds: a client or pool of its own, or one that a function of the project has built for it."""
    call = context.constructed(node, kinds)
    if call:
        return context.models.acquisition(call)
    if context.names.calls(node, context.scope):
        return None
    record = context.record(context.scope.function)
    site = record.sites.get(id(node)) if record else None
    if site is None or not site.through or site.acquisition.kind not in kinds or site.acquisition.acquired_from:
        return None
    if site.acquisition.keeps:  # what its constructor builds is looked at there
        return None
    maker = context.names.definition(node.func, context.scope)
    if isinstance(maker, Function) and maker.is_generator:  # it lends what it may keep
        return None
    return None if gives_existing(node, context) else site.acquisition


def named(node: cst.CSTNode, acquisition: Acquisition, context: FileContext) -> str:
    """The class that a call names, where a model has several under one name (`kubernetes.client.AppsV1Api`); else the
    type of what it gives."""
    qualified = context.names.qualify(node.func, context.scope) if isinstance(node, cst.Call) else ""
    models = context.names.calls(node, context.scope) if isinstance(node, cst.Call) and qualified else ()
    is_class = qualified.rpartition(".")[2][:1].isupper()
    return qualified if is_class and any(qualified in model.names for model in models) else acquisition.type


def gives_existing(node: cst.CSTNode, context: FileContext) -> bool:
    """True for the call of a function that builds something on one way, and gives what there was before on another."""
    record = context.record(context.scope.function)
    return record is not None and id(node) in record.existing


def leaks(node: cst.Call, context: FileContext) -> bool:
    """True when some way through the function loses what the call acquires."""
    record = context.record(context.scope.function)
    site = record.sites.get(id(node)) if record else None
    if record is None or site is None or site.acquisition.reclaimed == "harmless":
        return False
    return any(leak.site is site for leak in record.leaks.values())


def advice(node: cst.Call, context: FileContext, same: bool, share: str) -> str:
    """What to do about it: what is not surely closed is to be closed, and only what is always the same to be shared."""
    if not leaks(node, context):
        return share if same else "keep one for each set of arguments, if there are few"
    return f"close it on every path, or {share}" if same else "close it on every path"


def _chain(node: cst.Call, entry: Entry) -> str:
    """`POST /orders → place_order → notify → AsyncClient()`."""
    functions = [f.owner.name if f.owner and f.name in IMPLIED else f.name for f in entry.chain]
    built = dotted(node.func).rpartition(".")[2]
    return " → ".join(filter(None, (entry.route, *functions, f"{built}()" if built else "")))


def _trace(node: cst.Call, entry: Entry, end: str) -> tuple[tuple[cst.CSTNode | Place, str], ...]:
    calls = (
        (Place(f.node, f.scope.module), f"{entry.framework} {entry.kind}" if i == 0 else "called from there")
        for i, f in enumerate(entry.chain)
    )
    return (*calls, (node, end))


def _entry(node: cst.Call, context: FileContext) -> Entry | None:
    """How what the call builds comes to be built again and again; None where it does not, or is kept for later."""
    function = context.scope.function
    entry = context.entry(function) if function else None
    if entry is None or function is None or context.is_handed_in(node, entry):
        return None
    if context.outlives(node, entry) or context.answer_lasts(node, entry) or _is_kept(node, context):
        return None
    return entry if context.comes_to(node, entry) else None


def _is_kept(node: cst.Call, context: FileContext) -> bool:
    """True where the evaluation of the function saw it go to something that lasts, other than the request itself."""
    function = context.scope.function
    record = context.record(function)
    site = record.sites.get(id(node)) if record else None
    if record is None or site is None or site.number not in record.stored or function is None:
        return False
    found = context.homes(node)
    # How long the method's own object lives was asked before.
    ends_with_it = function.name in ("__init__", *ENTERED_BY) or found & {Home.REQUEST, Home.OBJECT}
    return Home.STORED in found or not ends_with_it


def _per_request(
    node: cst.Call, context: FileContext, kinds: frozenset[str], severity: Severity, cost: str
) -> Iterator[Report]:
    call = context.constructed(node, kinds)
    acquisition = context.models.acquisition(call) if call else None
    entry = _entry(node, context) if acquisition else None
    if acquisition is None or entry is None:
        return
    if acquisition.kind == "client" and not entry.startup:  # one for the whole run is as good as it gets
        return
    same = context.same_each_time(node, entry)
    built = context.models.type(acquisition.type)
    if built and built.loop and context.in_new_loop(entry):  # another loop could not use it
        return
    if built and built.rebuilding == "time":
        severity, cost = Severity.INFO, "building it takes longer than most calls of it"
    elif acquisition.kind == "client" and entry.kind == "tool":
        severity = Severity.INFO  # at the pace of a model, or of whoever talks to it
    elif acquisition.kind == "client" and context.leads_elsewhere(node, entry):
        severity, cost = Severity.INFO, "no connection outlives it, where several go to the same host"
    share = "build it once, at startup, and share it"
    often = context.conditions_before(node, entry) < _SELDOM
    yield _report(
        node,
        f"{named(node, acquisition, context)} is built for every {entry.kind} ({_chain(node, entry)}): {cost}; "
        f"{advice(node, context, same, share)}",
        severity,
        Confidence.HIGH if same and often else Confidence.LOW,
        context,
        acquisition.library,
        _trace(node, entry, "built here"),
    )


def _report(
    node: cst.Call,
    text: str,
    severity: Severity,
    confidence: Confidence,
    context: FileContext,
    library: str,
    trace: tuple[tuple[cst.CSTNode | Place, str], ...],
) -> Report:
    function = context.scope.function
    return Report(node, (text,), severity, confidence, function.qualname if function else "", library, trace, _COVERED)


_COVERED = frozenset({"CNX101", "CNX303"})
"""That nobody closes what each request builds is part of it, and so is that the turns of a loop do."""


class ClientPerRequest:
    """A client with a connection pool of its own is built in code that runs per request, event or task.

    ## What it does
    Reports the construction of an HTTP, cache, queue or other client in a handler, in what it calls in any module of
    the project, and in dependencies that are injected into it. Objects that are stored for later use are left alone,
    whichever of the functions on the way stores them. Where building one costs little more than time (a gRPC channel, a
    boto3 client), in the tools of a model, and where each request names the host to which its calls go, the severity is
    `info`; where its arguments depend on the request, or what is set on it afterwards, and where two functions on the
    way go on only under a condition, the confidence is low. A
    function that a framework runs once with an object of its own, and before which nothing could be built
    (`BaseTrigger.run` of airflow), is left alone.

    ## Why is this bad?
    Each client opens connections of its own and throws them away: no reuse, a new TLS handshake for each request,
    and at load more sockets than the machine or the other side allows.

    ## Example
    ```python
    @app.get("/rates")
    async def rates():
        async with httpx.AsyncClient() as client:
            return (await client.get(URL)).json()
    ```

    ## Use instead
    ```python
    @app.get("/rates")
    async def rates(request: Request):
        return (await request.app.state.client.get(URL)).json()
    ```
    with the client built in the application's lifespan. Where the arguments differ from request to request, close it
    on every path instead.
    """

    code: ClassVar[str] = "CNX301"
    name: ClassVar[str] = "client-per-request"
    severity: ClassVar[Severity] = Severity.WARNING
    default: ClassVar[bool] = True

    def visit_Call(self, node: cst.Call, context: FileContext) -> Iterable[Report]:
        """Report clients built per request."""
        return _per_request(node, context, frozenset({"client"}), self.severity, "no connection outlives it")


class PoolPerRequest:
    """A pool or engine is built in code that runs per request, event or task.

    ## What it does
    Reports the construction of a connection pool or a database engine in a handler, in what it calls in any module of
    the project, and in dependencies that are injected into it.

    ## Why is this bad?
    Every request multiplies the server's connections by the pool's size, and they stay open until the pool is
    collected. A database server that allows a hundred connections refuses the rest.

    ## Example
    ```python
    @app.get("/users")
    def users():
        engine = create_engine(URL)
        with engine.connect() as conn:
            return conn.execute(text("SELECT name FROM users")).all()
    ```

    ## Use instead
    ```python
    engine = create_engine(URL)

    @app.get("/users")
    def users():
        with engine.connect() as conn:
            return conn.execute(text("SELECT name FROM users")).all()
    ```
    """

    code: ClassVar[str] = "CNX302"
    name: ClassVar[str] = "pool-per-request"
    severity: ClassVar[Severity] = Severity.ERROR
    default: ClassVar[bool] = True

    def visit_Call(self, node: cst.Call, context: FileContext) -> Iterable[Report]:
        """Report pools and engines built per request."""
        return _per_request(
            node, context, frozenset({"pool", "engine"}), self.severity, "each one opens connections of its own"
        )


def _has_pool(name: str, context: FileContext) -> bool:
    type_ = context.models.type(name)
    return type_ is not None and type_.kind == "client"


class ImplicitClient:
    """A module-level shortcut such as `httpx.get` builds a client for one call, in code that runs per request.

    ## What it does
    Reports functions that build a client, send one request and drop the client, in a handler and in what it calls.
    Opt-in: where such calls are rare, nothing is wrong with them. An answer that is kept for later requests is left
    alone; where the host depends on the request, the confidence is low.

    ## Why is this bad?
    Each call resolves the name, connects and shakes hands anew, which often takes longer than the answer. Under load,
    each of them is one more socket.

    ## Example
    ```python
    @app.get("/rates")
    def rates():
        return httpx.get(URL, timeout=5).json()
    ```

    ## Use instead
    ```python
    client = httpx.Client(timeout=5)

    @app.get("/rates")
    def rates():
        return client.get(URL).json()
    ```
    """

    code: ClassVar[str] = "CNX304"
    name: ClassVar[str] = "implicit-client"
    severity: ClassVar[Severity] = Severity.WARNING
    default: ClassVar[bool] = False
    implicit_calls: ClassVar[bool] = True
    """Files that acquire nothing are of interest as well."""

    def visit_Call(self, node: cst.Call, context: FileContext) -> Iterable[Report]:
        """Report shortcuts that build a client for one call."""
        known = context.models.calls(context.names.qualify(node.func, context.scope))
        call = next((c for c in known if c.implicit and _has_pool(c.implicit, context)), None)
        entry = context.entry(context.scope.function) if call and context.scope.function else None
        if call is None or entry is None or context.answer_lasts(node, entry):
            return
        yield _report(
            node,
            f"{dotted(node.func)}() builds and drops a {call.implicit} for every {entry.kind} ({_chain(node, entry)}): "
            f"each call connects anew; call it on a {call.implicit} that is built once",
            self.severity,
            Confidence.HIGH if context.same_host(node, entry) else Confidence.LOW,
            context,
            context.models.library(call),
            _trace(node, entry, "built and dropped here"),
        )


class ConnectionPerRequest:
    """A raw connection is opened in code that runs per request, though the library has a pool.

    ## What it does
    Reports the opening of a database or broker connection in a handler, in what it calls, and in dependencies that are
    injected into it, where the library can share connections. Connections that are kept for later are left alone, and
    so are libraries without a pool. In a background task, of which few run at a time, the severity is `info`.

    ## Why is this bad?
    Connecting costs the server a process or a thread and several round trips, often more than the query. Worse,
    nothing limits how many there are: a burst of requests takes every connection that the server has, and whoever comes
    next gets none.

    ## Example
    ```python
    @app.get("/users")
    async def users():
        conn = await asyncpg.connect(DSN)
        try:
            return await conn.fetch("SELECT name FROM users")
        finally:
            await conn.close()
    ```

    ## Use instead
    ```python
    @app.get("/users")
    async def users(request: Request):
        async with request.app.state.pool.acquire() as conn:
            return await conn.fetch("SELECT name FROM users")
    ```
    with the pool built in the application's lifespan: `asyncpg.create_pool(DSN, max_size=10)`.
    """

    code: ClassVar[str] = "CNX305"
    name: ClassVar[str] = "connection-per-request"
    severity: ClassVar[Severity] = Severity.WARNING
    default: ClassVar[bool] = True

    def visit_Call(self, node: cst.Call, context: FileContext) -> Iterable[Report]:
        """Report connections opened per request."""
        call = context.constructed(node, frozenset({"connection"}))
        acquisition = context.models.acquisition(call) if call else None
        opened = context.models.type(acquisition.type) if acquisition else None
        if acquisition is None or opened is None or not opened.pool or acquisition.pooled:
            return
        entry = _entry(node, context)
        if entry is None:
            return
        same = context.same_each_time(node, entry)
        todo = advice(node, context, same, f"take it from a shared {opened.pool}")
        yield _report(
            node,
            f"{named(node, acquisition, context)} is opened for every {entry.kind} ({_chain(node, entry)}): nothing "
            f"limits how many the server gets at a time; {todo}",
            Severity.INFO if entry.kind == "task" else self.severity,
            Confidence.HIGH if same else Confidence.LOW,
            context,
            acquisition.library,
            _trace(node, entry, "opened here"),
        )
