"""CNX125 and CNX127: work on a connection that nobody commits or rolls back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

import libcst as cst

from pooclint.flow.analysis import own_calls
from pooclint.flow.run import Misuse, MisuseKind, Record
from pooclint.flow.values import Obligation, Site
from pooclint.program.names import literal
from pooclint.program.scopes import Function, Scope
from pooclint.rule import Confidence, Report, Severity

if TYPE_CHECKING:
    from pooclint.engine import FileContext

Autocommit = Literal["on", "off", "unknown"]


def _uncommitted(
    node: cst.FunctionDef, context: FileContext, kind: MisuseKind
) -> Iterator[tuple[Function, Record, Misuse, Site, Obligation, Confidence]]:
    """Blocks that end with work which no way commits, on connections whose autocommit is not seen to be on."""
    function = context.function(node)
    record = context.record(function)
    if function is None or record is None:
        return
    for misuse in record.misuses.values():
        site, obligation = misuse.site, misuse.obligation
        if misuse.kind != kind or site is None or obligation is None:
            continue
        if site.number in record.committed or site.number in record.kept:
            continue
        autocommit = _autocommit(site.node, function.scope, context)
        if autocommit != "on":
            confidence = Confidence.MEDIUM if autocommit == "off" and not site.guessed else Confidence.LOW
            yield function, record, misuse, site, obligation, confidence


def _autocommit(node: cst.CSTNode, scope: Scope, context: FileContext, steps: int = 0) -> Autocommit:
    """What the call that opened the connection, or its pool, says of autocommit."""
    if not isinstance(node, cst.Call) or steps > 4:
        return "unknown"
    models = context.names.calls(node, scope)
    if not models:
        return _of_function(node, scope, context, steps)
    if models[0].autocommit:
        return _by_arguments(node, models[0].autocommit)
    made = context.names.origin(node.func.value, scope) if isinstance(node.func, cst.Attribute) else None
    return _autocommit(made, scope, context, steps + 1) if made is not None else "unknown"


def _of_function(node: cst.Call, scope: Scope, context: FileContext, steps: int) -> Autocommit:
    """The same of a function of this file that opens it: all of its openers must agree."""
    opener = context.names.definition(node.func, scope)
    if not isinstance(opener, Function):
        return "unknown"
    found = {
        _autocommit(call, inner, context, steps + 1)
        for call, inner in own_calls(opener.node, opener.scope)
        if any(c.acquires for c in context.names.calls(call, inner))
    }
    return found.pop() if len(found) == 1 else "unknown"


def _by_arguments(node: cst.Call, switches: dict[str, tuple[object, ...]]) -> Autocommit:
    given = {a.keyword.value: literal(a.value) for a in node.args if a.keyword}
    for name, values in switches.items():
        value = given.get(name)
        if name not in given:
            continue
        if value is ...:
            return "unknown"
        if value in values or (value is None and "None" in values):
            return "on"
    return "unknown" if any(a.star == "**" for a in node.args) else "off"


def _name(record: Record, site: Site) -> str:
    name = next((name for name, sites in record.bound.items() if site in sites), "")
    return f"'{name}'" if name else f"the {site.acquisition.kind}"


class TransactionLeftOpen:
    """A connection goes back to its pool with a transaction that is still open.

    ## What it does
    Reports a block that queries over a pooled connection and neither commits nor rolls back, for the pools that take a
    connection back as it is, where autocommit is off.

    ## Why is this bad?
    The transaction stays open while the connection waits for its next owner, who then reads what the database looked
    like when this block ran.

    ## Example
    ```python
    async def total(dsn):
        pool = await aiomysql.create_pool(host=dsn)
        async with pool.acquire() as conn, conn.cursor() as cur:
            await cur.execute("SELECT sum(amount) FROM orders")
            return await cur.fetchone()
    ```

    ## Use instead
    ```python
    async def total(dsn):
        pool = await aiomysql.create_pool(host=dsn, autocommit=True)
        async with pool.acquire() as conn, conn.cursor() as cur:
            await cur.execute("SELECT sum(amount) FROM orders")
            return await cur.fetchone()
    ```
    """

    code: ClassVar[str] = "CNX125"
    name: ClassVar[str] = "transaction-left-open"
    severity: ClassVar[Severity] = Severity.WARNING
    default: ClassVar[bool] = True

    def visit_FunctionDef(self, node: cst.FunctionDef, context: FileContext) -> Iterable[Report]:
        """Report blocks that give a connection back inside the transaction that they began."""
        found = _uncommitted(node, context, "reads-stay-open")
        for function, record, misuse, site, obligation, confidence in found:
            if obligation.worked is None:
                continue
            yield Report(
                misuse.node,
                (
                    f"{_name(record, site)} goes back to its pool inside the transaction that line ",
                    obligation.worked,
                    " began: the next owner reads old data",
                ),
                self.severity,
                confidence,
                function.qualname,
                site.acquisition.library,
                (
                    (site.node, f"acquired here ({site.label})"),
                    (obligation.worked, "begins a transaction"),
                    (misuse.node, "given back at the end of this block"),
                ),
            )


class WritesDiscarded:
    """A `with` closes or gives back the connection without a commit, and the block wrote.

    ## What it does
    Reports a `with` whose block inserts, updates or deletes, and in which nothing commits, for the libraries whose
    `with` only closes, and for `contextlib.closing`. Autocommit, and a connection that other code sees, silence it.

    ## Why is this bad?
    What was written is rolled back. Nothing raises: the row is simply not there.

    ## Example
    ```python
    def save(name):
        with pymysql.connect(host="db") as conn:
            conn.cursor().execute("INSERT INTO users (name) VALUES (%s)", (name,))
    ```

    ## Use instead
    ```python
    def save(name):
        with pymysql.connect(host="db") as conn:
            conn.cursor().execute("INSERT INTO users (name) VALUES (%s)", (name,))
            conn.commit()
    ```
    """

    code: ClassVar[str] = "CNX127"
    name: ClassVar[str] = "writes-discarded"
    severity: ClassVar[Severity] = Severity.WARNING
    default: ClassVar[bool] = True

    def visit_FunctionDef(self, node: cst.FunctionDef, context: FileContext) -> Iterable[Report]:
        """Report blocks whose writes nobody commits."""
        found = _uncommitted(node, context, "writes-discarded")
        for function, record, misuse, site, obligation, confidence in found:
            if obligation.wrote is None:
                continue
            yield Report(
                misuse.node,
                (
                    "what line ",
                    obligation.wrote,
                    f" writes is discarded: this block closes {_name(record, site)} and nothing commits",
                ),
                self.severity,
                confidence,
                function.qualname,
                site.acquisition.library,
                (
                    (site.node, f"acquired here ({site.label})"),
                    (obligation.wrote, "written here"),
                    (misuse.node, "closed without a commit at the end of this block"),
                ),
            )
