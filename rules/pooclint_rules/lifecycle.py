"""CNX701 and CNX702: pools that live as long as the program, from their end and from their use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

import libcst as cst

from pooclint.models import Acquisition
from pooclint.program.app_scoped import Keeping, handed_to, imports, kept_as, reads
from pooclint.program.scopes import Function, Index
from pooclint.rule import Confidence, Report, Severity
from pooclint.source.nodes import descendants
from pooclint_rules.construction import built
from pooclint_rules.serving import is_server

if TYPE_CHECKING:
    from pooclint.engine import FileContext

_POOLS = frozenset({"pool", "engine"})
_KINDS = _POOLS | {"client"}


def _kept(node: Keeping, context: FileContext) -> tuple[cst.Call, Acquisition, str] | None:
    """A call that makes something for the life of a server program, or has a function of the project make it; what it
    makes, and the name that goes by."""
    found = kept_as(node, context.scope)
    if found is None:
        return None
    call, name = found
    function = context.scope.function
    acquires = any(known.acquires for known in context.names.calls(call, context.scope))
    if not acquires and not isinstance(context.names.definition(call.func, context.scope), Function):
        return None
    if not is_server(context) or (function is not None and context.entry(function) is not None):
        return None
    made = built(call, context, _KINDS)
    return (call, made, name) if made else None


def _report(node: cst.Call, text: str, made: Acquisition, severity: Severity, context: FileContext) -> Report:
    function = context.scope.function
    return Report(node, (text,), severity, Confidence.MEDIUM, function.qualname if function else "", made.library)


class PoolNeverClosed:
    """A pool or client that lives as long as the program is never closed.

    ## What it does
    Reports pools, engines and asynchronous clients that a server program keeps in a variable of a module or on its
    application, when neither the module nor one that imports it closes them, enters them by `with`, hands them to an
    `ExitStack`, registers their `close` (`atexit`, shutdown hooks), or gives them to a function of the project that
    does. The rule is opt-in: the operating system closes what is left when a process ends.

    ## Why is this bad?
    What is not closed ends in the middle: queries are cut off, transactions are left for the server to find, and at
    each deployment the connections of the old processes stay beside those of the new until the server notices.

    ## Example
    ```python
    @app.on_event("startup")
    async def startup():
        app.state.pool = await asyncpg.create_pool(DSN)
    ```

    ## Use instead
    ```python
    @asynccontextmanager
    async def lifespan(app):
        async with asyncpg.create_pool(DSN) as pool:
            app.state.pool = pool
            yield
    ```
    """

    code: ClassVar[str] = "CNX701"
    name: ClassVar[str] = "pool-never-closed"
    severity: ClassVar[Severity] = Severity.WARNING
    default: ClassVar[bool] = False

    def visit_Assign(self, node: Keeping, context: FileContext) -> Iterable[Report]:
        """Report what nobody closes."""
        found = _kept(node, context)
        if found is None:
            return
        call, made, name = found
        asynchronous = any(r.awaited for r in made.releases)
        if made.kind not in _POOLS and not asynchronous:
            return
        ways = {r.name for r in made.releases} | {"with"}
        indexes = list(context.around([name]))
        if not reads(name, ways, indexes) and not _closed_by_a_function(name, ways, indexes, context):
            text = f"'{name}' lives as long as the program, and nothing closes it at the end ({made.releases[0]})"
            yield _report(call, text.replace("$", name), made, self.severity, context)

    visit_AnnAssign = visit_NamedExpr = visit_Assign


def _closed_by_a_function(name: str, ways: set[str], indexes: list[Index], context: FileContext) -> bool:
    """True when it is given to a function of the project that releases its parameter."""
    for node, position, scope in handed_to(name, indexes):
        defined = context.names.definition(node.func, scope, interest="anything")
        if isinstance(defined, Function) and position < len(defined.parameters):
            parameter = defined.parameters[position].name
            inside = descendants(defined.node.body)
            if any(_is_release(part, parameter, ways) for part in inside):
                return True
    return False


def _is_release(part: cst.CSTNode, name: str, ways: set[str]) -> bool:
    match part:
        case cst.Attribute(value=cst.Name(value=receiver), attr=cst.Name(value=method)):
            return receiver == name and method in ways
    return False


class UnmonitoredPool:
    """Nothing watches how much of a pool is in use.

    ## What it does
    Reports pools of a server program that are kept in a variable of a module or on the application, when neither the
    module nor one that imports it reads their statistics (`get_stats()`, `engine.pool`, `get_idle_size()`), listens to
    their events, or imports an instrumentation (OpenTelemetry, Prometheus, StatsD and their kind). One that is only
    switched on by the command line is not seen. The rule is opt-in.

    ## Why is this bad?
    A pool that runs dry looks like a slow database: requests take longer, then fail, and no figure says why.

    ## Example
    ```python
    pool = ConnectionPool(DSN)
    ```

    ## Use instead
    ```python
    pool = ConnectionPool(DSN)
    waiting = Gauge("pool_requests_waiting", "Callers in the queue")
    waiting.set_function(lambda: pool.get_stats().get("requests_waiting", 0))
    ```
    """

    code: ClassVar[str] = "CNX702"
    name: ClassVar[str] = "unmonitored-pool"
    severity: ClassVar[Severity] = Severity.WARNING
    default: ClassVar[bool] = False

    def visit_Assign(self, node: Keeping, context: FileContext) -> Iterable[Report]:
        """Report pools that nobody watches."""
        found = _kept(node, context)
        if found is None or found[1].kind not in _POOLS:
            return
        call, made, name = found
        types = (context.models.type(t) for t in context.models.lineage(made.type))
        statistics = {s for type_ in types if type_ for s in type_.statistics}
        if not statistics:
            return  # there is nothing to read
        indexes = list(context.around([]))
        roots = [root for one in context.models.instrumentation for root in one.imports]
        if any(imports(index, roots) for index in indexes) or reads(name, statistics, indexes):
            return
        some = " or ".join(sorted(statistics)[:2])
        yield _report(call, f"nothing reads how much of '{name}' is in use ({some})", made, self.severity, context)

    visit_AnnAssign = visit_NamedExpr = visit_Assign
