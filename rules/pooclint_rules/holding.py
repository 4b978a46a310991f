"""CNX201 to CNX203: a connection is held while something slow is waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

import libcst as cst

from pooclint.flow.record import Hold
from pooclint.flow.retries import between_attempts
from pooclint.flow.values import Lane
from pooclint.rule import Confidence, Report, Severity
from pooclint.source.nodes import descendants, dotted, variables

if TYPE_CHECKING:
    from pooclint.engine import FileContext
    from pooclint.flow.record import Record
    from pooclint.flow.values import Site
    from pooclint.program.scopes import Function

_HELD = ("connection", "session", "transaction")
_WAITS = ("sleep", "wait")


def _reports(
    function: Function, record: Record, context: FileContext, wanted: Callable[[Hold], bool], verb: str
) -> Iterator[Report]:
    seen: set[int] = set()
    # What is slow says it best, and what needs no failure.
    for hold in sorted(record.holds.values(), key=lambda h: (h.obligation.lane > Lane.NORMAL, h.external.fast)):
        if hold.site.acquisition.kind not in _HELD or not wanted(hold):
            continue
        # One finding for each thing held; the further calls are notes.
        if hold.site.number in seen or _is_told_below(hold, context, wanted):
            continue
        seen.add(hold.site.number)
        retried = _between_attempts(function, record, hold)
        others = [h for h in record.holds.values() if h.site is hold.site and h is not hold and wanted(h)]
        first = "acquired here" if _taken_later(hold) else "held since here"
        acquired = ((hold.site.node, first),) if hold.site.parameter < 0 else ()
        since = ((hold.obligation.since, "has a connection from here on"),) if _taken_later(hold) else ()
        reached = ((hold.reached.place, "the external call is here"),) if hold.reached else ()
        yield Report(
            hold.node,
            (
                *_held(function, record.bound, hold),
                f" while {_called(hold, verb, retried)}: {_attempts(hold) if retried else _advice(hold)}",
            ),
            _severity(hold, context.is_entry_point(function), retried),
            _confidence(hold),
            function.qualname,
            hold.site.acquisition.library,
            (
                *acquired,
                *since,
                (hold.node, "external call while it is held"),
                *reached,
                *((h.node, "and here") for h in others[:3]),
            ),
        )


def _is_told_below(hold: Hold, context: FileContext, wanted: Callable[[Hold], bool]) -> bool:
    """Whether the function that makes the call is lent the connection, and is to be told instead: this one only passes
    it on, or had not used it before. One that waits before it uses the connection does nothing wrong by itself."""
    lent = hold.site.parameter >= 0 and not hold.site.injected
    if hold.passed_on is None or not (lent or hold.obligation.since is hold.node):
        return False
    told = context.analysis.holds_of_lent(hold.passed_on)
    return any(wanted(h) and h.external.fast <= hold.external.fast for h in told)


def _taken_later(hold: Hold) -> bool:
    """Whether another call than the acquiring one took the connection."""
    since = hold.obligation.since
    return since is not None and since is not hold.node and (hold.site.parameter >= 0 or since is not hold.site.node)


def _is_request(hold: Hold) -> bool:
    """Whether a setting makes the request keep what its queries use."""
    return bool(hold.site.registry) and hold.site.registry != hold.site.acquisition.type


def _between_attempts(function: Function, record: Record, hold: Hold) -> bool:
    """Whether the wait is a pause between attempts at a statement on what is held: it cannot be moved behind them."""
    if hold.external.category != "sleep":
        return False
    names = {n for n, sites in record.bound.items() if hold.site in sites} | {hold.site.label}
    if hold.reached:
        given = hold.passed_on is not None or bool(names & variables(hold.node))
        return hold.reached.retries and given
    for name, bound in function.scope.bindings.items():  # cursors, and results
        made = (b.value.func if isinstance(b.value, cst.Call) else b.value for b in bound if b.value is not None)
        names |= {name for node in made if dotted(node).partition(".")[0] in names}
    return between_attempts(function, hold.node, names, hold.site.node if hold.site.parameter < 0 else None)


def _turn_before(function: Function, since: cst.CSTNode, hold: Hold) -> str:
    """What to add to a line that comes after the wait, or is the same: it was come to in the turn before of a loop."""
    order = {id(n): place for place, n in enumerate(function.body_nodes)}
    here, there = order.get(id(hold.node)), order.get(id(since))
    if here is None or there is None or there <= here or any(n is since for n in descendants(hold.node)):
        return ""
    return " of the turn before"


def _held(function: Function, bound: Mapping[str, list[Site]], hold: Hold) -> tuple[str | cst.CSTNode, ...]:
    """What is held, and since where."""
    own = hold.site.parameter < 0
    name = next((n for n, sites in bound.items() if hold.site in sites), "" if own else hold.site.label)
    kind = hold.site.acquisition.kind
    named = f"the {kind} '{name}'" if name else f"a {kind}"
    if _is_request(hold) and hold.obligation.since is not None:
        verb = "been open" if kind == "transaction" else "been held"
        before = _turn_before(function, hold.obligation.since, hold)
        return (f"the {kind} of the request ('{name}') has {verb} since line ", hold.obligation.since, before)
    if _taken_later(hold):
        assert hold.obligation.since is not None
        before = _turn_before(function, hold.obligation.since, hold)
        return (f"{named} has held a connection since line ", hold.obligation.since, before)
    if hold.reached and hold.obligation.since is hold.node:
        callee = hold.reached.way.split(" → ")[0]
        return (f"{named} gets its connection in '{callee}', and holds it",)
    if hold.site.used_by and hold.site.acquisition.kind == "session" and hold.obligation.since is None:
        return (f"{named} has held a connection since the dependency '{hold.site.used_by}' used it, and still does",)
    if not own:
        return (f"{named} is held",)
    return (f"{named}, acquired on line ", hold.site.node, f"{_turn_before(function, hold.site.node, hold)}, is held")


def _called(hold: Hold, verb: str, retried: bool) -> str:
    """What is waited for, by the name of the call where it has one."""
    waited = hold.node.func if isinstance(hold.node, cst.Call) else hold.node
    way = hold.reached.way if hold.reached else dotted(waited)
    category = hold.external.category
    if retried:
        return f"retries wait in {way}" if way else "retries wait"
    if category == "sleep":
        return f"the function sleeps in {way}" if way else "the function sleeps"
    if category == "wait":
        return f"the function waits for somebody else in {way}" if way else "the function waits for somebody else"
    return f"{way} ({category}) {verb}" if way else f"an external call ({category}) {verb}"


def _advice(hold: Hold) -> str:
    """The line to move."""
    waits = hold.external.category in _WAITS
    do, it = ("wait", "the wait") if waits else ("make the call", "the call")
    acquisition = hold.site.acquisition
    if _is_request(hold):
        return f"{do} before the first query, or after the response"
    if acquisition.kind == "transaction" or hold.obligation.in_transaction:
        return f"{do} before the transaction or after it"
    if acquisition.lazy and hold.site.hidden:
        return f"let '{hold.site.used_by}' close its session before it returns"
    if acquisition.lazy and not acquisition.keeps:
        return f"commit or close the session first, or {do} before its first query"
    if hold.site.parameter >= 0:
        return f"{do} before the connection is taken or after it is given back"
    if hold.obligation.managed:
        return f"move {it} behind the `with` block, or before it"
    return f"release the connection first, or {do} before it is taken"


def _attempts(hold: Hold) -> str:
    """What each attempt should have."""
    kind = hold.site.acquisition.kind
    return "connect anew for each attempt" if kind == "connection" else f"begin a new {kind} for each attempt"


def _severity(hold: Hold, alone: bool, retried: bool) -> Severity:
    """Of a program that does one thing, nobody waits for the pool; the database still has one connection less. Whoever
    waits between attempts has chosen to keep it."""
    severity = Severity.ERROR if hold.site.acquisition.pooled and not alone else Severity.WARNING
    if hold.external.fast:
        return Severity.INFO
    mine = (hold.site.parameter < 0 or hold.site.injected) and not (hold.reached and hold.reached.guessed)
    severity = severity if mine else Severity.WARNING
    severity = severity.lower() if hold.obligation.lane > Lane.NORMAL else severity  # only once something has failed
    return Severity.WARNING if retried and severity is Severity.ERROR else severity


def _confidence(hold: Hold) -> Confidence:
    if hold.site.guessed:
        return Confidence.LOW  # a connection of another make, or none that others wait for
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

    def visit_evaluated(self, function: Function, record: Record, context: FileContext) -> Iterable[Report]:
        """Report external calls that are awaited while a connection is held."""
        return _reports(
            function, record, context, lambda h: h.awaited and h.external.category not in _WAITS, "is awaited"
        )


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

    def visit_evaluated(self, function: Function, record: Record, context: FileContext) -> Iterable[Report]:
        """Report blocking external calls made while a connection is held."""
        return _reports(
            function, record, context, lambda h: not h.awaited and h.external.category not in _WAITS, "is waited for"
        )


class HeldAcrossSleep:
    """A pooled connection is held during a sleep or a wait.

    ## What it does
    Reports a connection, session or transaction that is checked out while the function sleeps, or waits for an
    event, a queue or a lock. What no pool lends, or one that the function has made for itself, nobody waits for: it is
    left alone.

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

    def visit_evaluated(self, function: Function, record: Record, context: FileContext) -> Iterable[Report]:
        """Report sleeps and waits while a connection is held."""
        return _reports(function, record, context, lambda h: h.external.category in _WAITS, "")
