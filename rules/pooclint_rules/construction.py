"""CNX301 to CNX303: clients and pools that are built again and again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar

import libcst as cst

from pooclint.models import Call
from pooclint.program.names import literal
from pooclint.program.scopes import descendants
from pooclint.rule import Confidence, Place, Report, Severity

if TYPE_CHECKING:
    from pooclint.engine import FileContext
    from pooclint.program.scopes import Function


def _constructed(node: cst.Call, context: FileContext, kinds: frozenset[str]) -> Call | None:
    """The model of a call that builds an object with a pool of its own; None where it shares somebody else's."""
    for call in context.names.calls(node, context.scope):
        acquisition = context.models.acquisition(call)
        # A transport or connector that is not built on the spot belongs to somebody else, and its pool is reused.
        given = {
            (a.keyword.value if a.keyword else i): isinstance(a.value, (cst.Call, cst.Await))
            for i, a in enumerate(node.args)
        }
        shares = any(key in given for key in call.shares) or any(not given.get(key, True) for key in call.owned_by)
        # What a pool or client hands out is its own affair; a settings object (`boto3.Session`) makes clients.
        owner = context.models.type(acquisition.acquired_from) if acquisition else None
        if acquisition and acquisition.kind in kinds and not shares and (owner is None or owner.kind == "value"):
            return call
    return None


def _varies(node: cst.Call, context: FileContext) -> bool:
    """True when an argument depends on the call: a shared object could not serve every caller."""
    function = context.scope.function
    if function is None:
        return False
    for argument in node.args:
        for part in descendants(argument.value):
            if isinstance(part, cst.Name):
                found = context.scope.lookup(part.value)
                if (
                    found
                    and found[0].kind != "module"
                    and any(b.kind in ("parameter", "assign", "other") for b in found[1])
                ):
                    return True
    return False


def _outlives(node: cst.Call, context: FileContext, function: Function) -> bool:
    """True when the object is stored beyond the call: a singleton behind a guard, an attribute of the application."""
    record = context.record(function)
    site = record.sites.get(id(node)) if record else None
    return bool(record and site and site.number in record.stored and function.name != "__init__")


def _per_request(
    node: cst.Call, context: FileContext, kinds: frozenset[str], severity: Severity, cost: str
) -> Iterator[Report]:
    function = context.scope.function
    call = _constructed(node, context, kinds)
    if call is None or function is None:
        return
    if _outlives(node, context, function):
        return
    entry = context.entry(function)
    if entry is None:
        return
    acquisition = context.models.acquisition(call)
    assert acquisition is not None
    varies = _varies(node, context)
    chain = " → ".join(f.owner.name if f.owner and f.name == "__init__" else f.name for f in entry.chain)
    advice = "close it on every path" if varies else "build it once and share it"
    yield Report(
        node,
        (f"{acquisition.type} is built for every {entry.kind} ({chain}): {cost}; {advice}",),
        severity,
        Confidence.LOW if varies else Confidence.HIGH,
        function.qualname,
        acquisition.library,
        (
            *(
                (Place(f.node, f.scope.module), f"{entry.framework} {entry.kind}" if i == 0 else "called from there")
                for i, f in enumerate(entry.chain)
            ),
            (node, "built here"),
        ),
    )


class ClientPerRequest:
    """A client with a connection pool of its own is built in code that runs per request, event or task.

    ## What it does
    Reports the construction of an HTTP, cache, queue or other client in a handler, in what it calls in any module of
    the project, and in dependencies that are injected into it. Objects that are stored for later use are left alone.

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
        return _per_request(node, context, frozenset({"client"}), self.severity, "no connection is ever reused")


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


class ClientInLoop:
    """A client or pool is built in every turn of a loop though nothing in it depends on the turn.

    ## What it does
    Reports the construction of a client, pool or engine inside a `for` loop whose arguments are the same in every
    turn. Loops that are left early (retries) and collections of clients are left alone.

    ## Why is this bad?
    Each turn pays for a new connection and a new handshake, and drops the old one.

    ## Example
    ```python
    for url in urls:
        with httpx.Client() as client:
            client.get(url)
    ```

    ## Use instead
    ```python
    with httpx.Client() as client:
        for url in urls:
            client.get(url)
    ```
    """

    code: ClassVar[str] = "CNX303"
    name: ClassVar[str] = "client-in-loop"
    severity: ClassVar[Severity] = Severity.WARNING
    default: ClassVar[bool] = True

    def visit_For(self, node: cst.For, context: FileContext) -> Iterable[Report]:
        """Report clients built in each turn of the loop."""
        return self._turns(node, context)

    def visit_While(self, node: cst.While, context: FileContext) -> Iterable[Report]:
        """Report clients built in each turn of the loop; `while True` is a daemon's reconnecting."""
        return () if literal(node.test) is not ... else self._turns(node, context)

    def _turns(self, node: cst.For | cst.While, context: FileContext) -> Iterator[Report]:
        inside = list(descendants(node.body, into_functions=False))
        if any(isinstance(n, (cst.Break, cst.Return)) for n in inside):
            return
        assigned = _assigned(node, inside)
        function = context.scope.function
        for part in inside:
            if not isinstance(part, cst.Call):
                continue
            call = _constructed(part, context, frozenset({"client", "pool", "engine"}))
            if call is None or _mentions(part, assigned) or _kept(part, context):
                continue
            yield Report(
                part,
                (
                    f"{call.returns} is built in every turn of the loop on line ",
                    node,
                    ", and nothing in it depends on the turn",
                ),
                self.severity,
                Confidence.HIGH,
                function.qualname if function else "",
                context.models.library(call),
                ((node, "for each turn"), (part, "built here")),
            )


def _assigned(loop: cst.For | cst.While, inside: list[cst.CSTNode]) -> frozenset[str]:
    """Names that the loop binds: its target and what its body assigns."""
    targets: list[cst.CSTNode] = [loop.target] if isinstance(loop, cst.For) else []
    for node in inside:
        match node:
            case cst.Assign(targets=assigned):
                targets += [t.target for t in assigned]
            case (
                cst.AnnAssign(target=target)
                | cst.NamedExpr(target=target)
                | cst.For(target=target)
                | cst.AugAssign(target=target)
            ):
                targets.append(target)
            case cst.AsName(name=target):
                targets.append(target)
    return frozenset(n.value for t in targets for n in descendants(t) if isinstance(n, cst.Name))


def _mentions(node: cst.Call, names: frozenset[str]) -> bool:
    return any(isinstance(n, cst.Name) and n.value in names for a in node.args for n in descendants(a.value))


def _kept(node: cst.Call, context: FileContext) -> bool:
    """True when each turn's object is kept: a collection of clients is no waste."""
    function = context.scope.function
    record = context.record(function) if function else None
    site = record.sites.get(id(node)) if record else None
    return bool(record and site and site.number in record.kept)
