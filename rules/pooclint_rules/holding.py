"""CNX201 to CNX203: a connection is held while something slow is waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from pooclint.flow.run import Hold
from pooclint.rule import Confidence, Report, Severity

if TYPE_CHECKING:
    import libcst as cst

    from pooclint.engine import FileContext
    from pooclint.flow.values import Site

_HELD = ("connection", "session", "transaction")
_WAITS = ("sleep", "wait")


def _reports(
    node: cst.FunctionDef, context: FileContext, wanted: Callable[[Hold], bool], verb: str
) -> Iterator[Report]:
    function = context.function(node)
    record = context.record(function)
    if function is None or record is None:
        return
    seen: set[int] = set()
    for hold in record.holds.values():
        if hold.site.acquisition.kind not in _HELD:
            continue
        # One finding for each thing held; the further calls are notes.
        if not wanted(hold) or hold.site.number in seen:
            continue
        seen.add(hold.site.number)
        others = [h for h in record.holds.values() if h.site is hold.site and h is not hold and wanted(h)]
        held = _held(record.bound, hold)
        since = ((hold.site.node, "held since here"),) if hold.site.parameter < 0 else ()
        message: tuple[str | cst.CSTNode, ...] = (f"{held} is held while {verb} {_called(hold)}",)
        if hold.site.parameter < 0:
            message = (f"{held}, acquired on line ", hold.site.node, f", is held while {verb} {_called(hold)}")
        reached = ((hold.reached.place, "the external call is here"),) if hold.reached else ()
        yield Report(
            hold.node,
            message,
            _severity(hold),
            _confidence(hold),
            function.qualname,
            hold.site.acquisition.library,
            (
                *since,
                (hold.node, "external call while it is held"),
                *reached,
                *((h.node, "and here") for h in others[:3]),
            ),
        )


def _held(bound: Mapping[str, list[Site]], hold: Hold) -> str:
    name = next(
        (n for n, sites in bound.items() if hold.site in sites), hold.site.label if hold.site.parameter >= 0 else ""
    )
    kind = hold.site.acquisition.kind
    return f"the {kind} '{name}'" if (name and hold.site.parameter < 0) or hold.site.parameter >= 0 else f"a {kind}"


def _called(hold: Hold) -> str:
    waits = {"sleep": "sleeping", "wait": "waiting for another task"}
    what = waits.get(hold.external.category, f"an external call ({hold.external.category})")
    return f"{what} in {hold.reached.way}" if hold.reached else what


def _severity(hold: Hold) -> Severity:
    severity = Severity.ERROR if hold.site.acquisition.pooled else Severity.WARNING
    if hold.external.fast:
        return Severity.INFO
    return severity if hold.site.parameter < 0 or hold.site.injected else Severity.WARNING


def _confidence(hold: Hold) -> Confidence:
    if hold.obligation.doubtful or hold.reached:
        return Confidence.MEDIUM
    return Confidence.HIGH if hold.site.parameter < 0 or hold.site.injected else Confidence.MEDIUM


class HeldAcrossAwait:
    """A pooled connection is held while an external call is awaited.

    ## What it does
    Reports a connection, session or transaction that is checked out while an HTTP request, a model, a queue or
    another service is awaited. ORM sessions count from their first query to `commit`, `rollback` or `close`.

    ## Why is this bad?
    The connection does nothing for as long as somebody else decides. With a pool of ten and a call of two seconds, five
    requests a second are all that the service can do, however idle the database is.

    ## Example
    ```python
    async def pay(pool, client, order):
        async with pool.acquire() as conn:
            row = await conn.fetchrow("SELECT * FROM orders WHERE id = $1", order)
            await client.post("/charge", json=dict(row))
    ```

    ## Use instead
    ```python
    async def pay(pool, client, order):
        async with pool.acquire() as conn:
            row = await conn.fetchrow("SELECT * FROM orders WHERE id = $1", order)
        await client.post("/charge", json=dict(row))
    ```
    """

    code: ClassVar[str] = "CNX201"
    name: ClassVar[str] = "held-across-await"
    severity: ClassVar[Severity] = Severity.ERROR
    default: ClassVar[bool] = True

    def visit_FunctionDef(self, node: cst.FunctionDef, context: FileContext) -> Iterable[Report]:
        """Report external calls that are awaited while a connection is held."""
        return _reports(node, context, lambda h: h.awaited and h.external.category not in _WAITS, "awaiting")


class HeldAcrossBlockingCall:
    """A pooled connection is held during a blocking external call.

    ## What it does
    Reports a connection, session or transaction that is checked out during a call that blocks on something outside
    the process:
    `requests`, a cloud client, a subprocess, a mail server.

    ## Why is this bad?
    The connection does nothing for as long as somebody else decides, and every other caller of the pool waits for it.

    ## Example
    ```python
    def sync(pool, url):
        with pool.connection() as conn:
            rows = conn.execute("SELECT * FROM outbox").fetchall()
            requests.post(url, json=rows)
    ```

    ## Use instead
    ```python
    def sync(pool, url):
        with pool.connection() as conn:
            rows = conn.execute("SELECT * FROM outbox").fetchall()
        requests.post(url, json=rows)
    ```
    """

    code: ClassVar[str] = "CNX202"
    name: ClassVar[str] = "held-across-blocking-call"
    severity: ClassVar[Severity] = Severity.ERROR
    default: ClassVar[bool] = True

    def visit_FunctionDef(self, node: cst.FunctionDef, context: FileContext) -> Iterable[Report]:
        """Report blocking external calls made while a connection is held."""
        return _reports(node, context, lambda h: not h.awaited and h.external.category not in _WAITS, "making")


class HeldAcrossSleep:
    """A pooled connection is held during a sleep or a wait.

    ## What it does
    Reports a connection, session or transaction that is checked out while the function sleeps, or waits for an
    event, a queue or a lock.

    ## Why is this bad?
    The connection is idle by design, and nobody else can have it.

    ## Example
    ```python
    async def poll(pool):
        async with pool.acquire() as conn:
            while not await conn.fetchval("SELECT done FROM job"):
                await asyncio.sleep(5)
    ```

    ## Use instead
    ```python
    async def poll(pool):
        while not await pool.fetchval("SELECT done FROM job"):
            await asyncio.sleep(5)
    ```
    """

    code: ClassVar[str] = "CNX203"
    name: ClassVar[str] = "held-across-sleep"
    severity: ClassVar[Severity] = Severity.ERROR
    default: ClassVar[bool] = True

    def visit_FunctionDef(self, node: cst.FunctionDef, context: FileContext) -> Iterable[Report]:
        """Report sleeps and waits while a connection is held."""
        return _reports(node, context, lambda h: h.external.category in _WAITS, "the function is")
