"""CNX108, CNX113 and CNX128: statements about a resource that are wrong wherever the path leads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

import libcst as cst

from pooclint.program.scopes import Function, Scope
from pooclint.rule import Confidence, Report, Severity
from pooclint.source.nodes import descendants, dotted

if TYPE_CHECKING:
    from pooclint.engine import FileContext
    from pooclint.flow.record import Record
    from pooclint.flow.values import Site


class UnboundInFinally:
    """`finally` releases a name that has no value when the acquire itself fails.

    ## What it does
    Reports an acquisition inside a `try` whose `finally` (or handler) releases the name, with no value given to it
    before.

    ## Why is this bad?
    When the acquire raises, the release raises `UnboundLocalError` in its place: the error that matters is hidden,
    and other releases in the same block are skipped.

    ## Example
    ```python
    def load(dsn):
        try:
            conn = psycopg2.connect(dsn)
            return fetch(conn)
        finally:
            conn.close()
    ```

    ## Use instead
    ```python
    def load(dsn):
        conn = psycopg2.connect(dsn)
        try:
            return fetch(conn)
        finally:
            conn.close()
    ```
    """

    code: ClassVar[str] = "CNX108"
    name: ClassVar[str] = "unbound-in-finally"
    severity: ClassVar[Severity] = Severity.WARNING
    default: ClassVar[bool] = True

    def visit_evaluated(self, function: Function, record: Record, _context: FileContext) -> Iterable[Report]:
        """Report the acquisitions whose failure leaves the released name unbound."""
        for misuse in record.misuses.values():
            site = misuse.site
            if misuse.kind != "unbound-release" or site is None:
                continue
            yield Report(
                site.node,
                (f"'{misuse.name}' is unbound when this fails, and line ", misuse.node, " uses it all the same"),
                self.severity,
                Confidence.HIGH,
                function.qualname,
                site.acquisition.library,
                (
                    (site.node, "can raise before the name is bound"),
                    (misuse.node, "used here: raises UnboundLocalError"),
                ),
            )


class WrongWith:
    """A `with` form that raises, or that loses the pool's slot.

    ## What it does
    Reports `async with` on an object that is no asynchronous context manager, a plain `with` on one that is only
    asynchronous, and the like: `async with await pool.acquire()`, `async with asyncpg.connect(...)`.

    ## Why is this bad?
    The statement raises `TypeError` after the connection was taken, or closes the connection without giving the slot
    back.

    ## Example
    ```python
    async def names(pool):
        async with await pool.acquire() as conn:
            return await conn.fetch("SELECT name FROM users")
    ```

    ## Use instead
    ```python
    async def names(pool):
        async with pool.acquire() as conn:
            return await conn.fetch("SELECT name FROM users")
    ```
    """

    code: ClassVar[str] = "CNX113"
    name: ClassVar[str] = "wrong-with"
    severity: ClassVar[Severity] = Severity.ERROR
    default: ClassVar[bool] = True

    def visit_evaluated(self, function: Function, record: Record, context: FileContext) -> Iterable[Report]:
        """Report the `with` statements that the object does not support."""
        for misuse in record.misuses.values():
            if misuse.kind != "wrong-with" or (misuse.site and _made_unseen(misuse.site, function, context)):
                continue
            form = "async with" if misuse.asynchronous else "with"
            site = misuse.site
            library = site.acquisition.library if site else ""
            trace = ((site.node, "acquired here"), (misuse.node, f"'{form}' fails here")) if site else ()
            what = misuse.type.partition("~")[0] or "this object"  # after it models say in which condition it is
            yield Report(
                misuse.node,
                (f"'{form}' does not work on {what}",),
                self.severity,
                Confidence.LOW if site and site.guessed else Confidence.HIGH,
                function.qualname,
                library,
                trace,
            )


def _made_unseen(site: Site, function: Function, context: FileContext) -> bool:
    """True of what a factory makes that is told what to make where nobody sees it: an annotation does not say."""
    if not isinstance(site.node, cst.Call):
        return False
    factory: cst.BaseExpression = site.node.func
    scope = function.scope
    type_ = context.models.type(context.names.type_of(factory, scope))
    if type_ is None or type_.kind != "factory":
        return False
    target = context.names.leads_to(factory, scope)
    if target and target.scope:
        factory, scope = cst.Name(target.variable), target.scope
    return context.names.origin(factory, scope) is None


class WithClosesPool:
    """A `with` around one use of a pool closes the pool for everybody.

    ## What it does
    Reports `with pool:` and `async with pool:` around an acquisition from that same pool, where the pool was not made
    in this function: it is a module's global, an attribute or a parameter.

    ## Why is this bad?
    The end of the block closes the pool and all its connections. The next caller gets an error, and so does whoever is
    using a connection of it at that moment.

    ## Example
    ```python
    async def names(self):
        async with self.pool:
            async with self.pool.acquire() as conn:
                return await conn.fetch("SELECT name FROM users")
    ```

    ## Use instead
    ```python
    async def names(self):
        async with self.pool.acquire() as conn:
            return await conn.fetch("SELECT name FROM users")
    ```
    """

    code: ClassVar[str] = "CNX128"
    name: ClassVar[str] = "with-closes-pool"
    severity: ClassVar[Severity] = Severity.ERROR
    default: ClassVar[bool] = True

    def visit_With(self, node: cst.With, context: FileContext) -> Iterable[Report]:
        """Report items that close a pool which others share."""
        function = context.scope.function
        if function is None:
            return
        for index, item in enumerate(node.items):
            path = dotted(item.item)
            type_ = context.models.type(context.names.type_of(item.item, context.scope)) if path else None
            if type_ is None or type_.kind != "pool" or type_.with_form == "none" or type_.exit != "releases":
                continue
            inside = (*(i.item for i in node.items[index + 1 :]), node.body)
            used = next((u for part in inside for u in _uses(part, path, item)), None)
            shared = _shared(item.item, function, context)
            if used is None or not shared or any(isinstance(n, cst.Yield) for n in descendants(node.body)):
                continue
            yield Report(
                item.item,
                (f"this closes the pool '{path}' when the block ends, and it is shared: {shared}",),
                self.severity,
                Confidence.MEDIUM if shared == _PARAMETER else Confidence.HIGH,
                function.qualname,
                context.models.library(type_),
                ((item.item, "closed at the end of this block"), (used, "used here")),
            )


_PARAMETER = "the caller made it"


def _uses(part: cst.CSTNode, path: str, item: cst.WithItem) -> Iterable[cst.Call]:
    """Calls of the pool's own methods, by the path or by the name that `as` gives it."""
    names = {path, dotted(item.asname.name) if item.asname else path}
    for inner in descendants(part, into_functions=False):
        if isinstance(inner, cst.Call) and isinstance(inner.func, cst.Attribute) and dotted(inner.func.value) in names:
            yield inner


def _shared(node: cst.BaseExpression, function: Function, context: FileContext, steps: int = 0) -> str:
    """Who else has the pool; empty when it was made here, when nobody else is seen to use it, or when the function runs
    once in the life of the process."""
    if context.is_entry_point(function) or context.names.runs_once(function) or _started_once(function, context):
        return ""
    root = dotted(node).split(".")[0]
    found = context.scope.lookup(root)
    if found is None or steps > 3:
        return ""
    holder, bindings = found
    if isinstance(node, cst.Attribute):
        others = [f for f in context.index.functions.values() if f.owner is function.owner and f is not function]
        own = function.owner is not None and function.parameters and root == function.parameters[0].name
        seen = own and any(_reads(f.node, dotted(node)) and f.name not in ("__init__", "close") for f in others)
        return "other methods use it" if seen or (own and context.requests.entry(function)) else ""
    if holder.kind == "module":
        readers = [f for f in context.index.functions.values() if f is not function and f.parent.function is None]
        seen = any(_reads(f.node, root) for f in readers) or bool(context.requests.entry(function))
        return "other functions use it" if seen else ""
    if len(bindings) != 1:
        return ""
    if bindings[0].kind == "parameter":
        return _PARAMETER
    value = bindings[0].value
    return _shared(value, function, context, steps + 1) if isinstance(value, (cst.Name, cst.Attribute)) else ""


def _reads(node: cst.CSTNode, path: str) -> bool:
    """True when code below calls a method of what the path names, or hands it on."""
    for inner in descendants(node):
        if isinstance(inner, cst.Attribute) and dotted(inner.value) == path:
            return True
        if isinstance(inner, cst.Arg) and dotted(inner.value) == path:
            return True
    return False


def _started_once(function: Function, context: FileContext) -> bool:
    """True when the module itself calls the function: `asyncio.run(serve())` at the end of a script."""
    calls = ((n, s) for n, s in context.index.visited if isinstance(n, cst.Call))
    return any(s.kind == "module" and _names_function(n, s, function, context) for n, s in calls)


def _names_function(node: cst.Call, scope: Scope, function: Function, context: FileContext) -> bool:
    return context.names.definition(node.func, scope) is function
