"""CNX125 and CNX127: work on a connection that nobody commits or rolls back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

import libcst as cst

from pooclint.flow.analysis import own_calls
from pooclint.flow.record import Misuse, MisuseKind, Record
from pooclint.flow.values import Lane, Obligation, Site
from pooclint.program.literals import literal
from pooclint.program.scopes import Function, Scope
from pooclint.rule import Confidence, Report, Severity

if TYPE_CHECKING:
    from pooclint.engine import FileContext

Autocommit = Literal["on", "off", "unknown"]


def _found(record: Record, kind: MisuseKind) -> Iterator[tuple[Misuse, Site, Obligation]]:
    """Misuses of one kind, of connections whose work no other code sees."""
    for misuse in record.misuses.values():
        site, obligation = misuse.site, misuse.obligation
        if misuse.kind != kind or site is None or obligation is None:
            continue
        if site.number not in record.unseen and site.number not in record.placed:
            yield misuse, site, obligation


def _made_here(site: Site, function: Function, record: Record, context: FileContext) -> bool:
    """True when the pool is the function's own: there may be no next owner."""
    if not isinstance(site.node, cst.Call) or not isinstance(site.node.func, cst.Attribute):
        return False
    made = context.names.origin(site.node.func.value, function.scope)
    return made is not None and id(made) in record.sites


def _autocommit(node: cst.CSTNode, scope: Scope, context: FileContext, steps: int = 0) -> Autocommit:
    """What the call that opened the connection, or its pool, says of autocommit."""
    if not isinstance(node, cst.Call) or steps > 4:
        return "unknown"
    models = context.names.calls(node, scope)
    if not models:
        return _of_function(node, scope, context, steps)
    if models[0].names:  # where no argument switches it, it is off until a method does
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
    return "unknown" if switches and any(a.star == "**" for a in node.args) else "off"


def _name(record: Record, site: Site) -> str:
    name = next((name for name, sites in record.bound.items() if site in sites), "")
    return f"'{name}'" if name else f"the {site.acquisition.kind}"


class TransactionLeftOpen:
    """A connection goes back, to its pool or to the caller, inside a transaction that is still open.

    ## What it does
    Reports two ways to hand an open transaction to the next owner. A pooled connection that was queried is released
    with neither commit nor rollback, to a pool that takes it back as it is, where autocommit is off. And a function
    that commits over its caller's connection keeps an error to itself, and does not roll back.

    ## Why is this bad?
    The connection is idle in transaction: it keeps its locks and its old view of the data, and a server that gave the
    transaction up refuses every further statement of the next owner.

    ## Example
    ```python
    def save(conn: psycopg2.extensions.connection, name):
        try:
            conn.cursor().execute("INSERT INTO users (name) VALUES (%s)", (name,))
            conn.commit()
        except psycopg2.Error:
            log.exception("not saved")
    ```

    ## Use instead
    ```python
    def save(conn: psycopg2.extensions.connection, name):
        try:
            conn.cursor().execute("INSERT INTO users (name) VALUES (%s)", (name,))
            conn.commit()
        except psycopg2.Error:
            conn.rollback()
            log.exception("not saved")
    ```
    """

    code: ClassVar[str] = "CNX125"
    name: ClassVar[str] = "transaction-left-open"
    severity: ClassVar[Severity] = Severity.WARNING
    default: ClassVar[bool] = True

    def visit_evaluated(self, function: Function, record: Record, context: FileContext) -> Iterable[Report]:
        """Report connections that go back inside the transaction that the function began."""
        for misuse, site, obligation in _found(record, "reads-stay-open"):
            autocommit = _autocommit(site.node, function.scope, context)
            if obligation.worked is None or autocommit != "off":
                continue
            plain = obligation.lane is Lane.NORMAL and not site.guessed
            plain = plain and not _made_here(site, function, record, context)
            yield Report(
                misuse.node,
                (
                    f"{_name(record, site)} goes back to its pool inside the transaction that line ",
                    obligation.worked,
                    " began: the next owner reads old data",
                ),
                self.severity,
                Confidence.MEDIUM if plain else Confidence.LOW,
                function.qualname,
                site.acquisition.library,
                _trace(misuse, site, obligation.worked, "begins a transaction", "given back here"),
            )
        for misuse, site, obligation in _found(record, "left-in-transaction"):
            if obligation.worked is None or misuse.cause is None or site.number not in record.commits:
                continue
            yield Report(
                obligation.worked,
                (
                    "if line ",
                    misuse.cause,
                    f" raises, '{site.label}' stays inside the transaction that begins here: nothing rolls it back",
                ),
                self.severity,
                Confidence.MEDIUM if obligation.lane is Lane.RESOURCE else Confidence.LOW,
                function.qualname,
                site.acquisition.library,
                (
                    (obligation.worked, "begins a transaction"),
                    (misuse.cause, "can raise here"),
                    *(s for s in misuse.trace if s[0] not in (obligation.worked, misuse.cause)),
                    (record.commits[site.number], "committed here on other paths"),
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

    def visit_evaluated(self, function: Function, record: Record, context: FileContext) -> Iterable[Report]:
        """Report blocks whose writes nobody commits."""
        for misuse, site, obligation in _found(record, "writes-discarded"):
            autocommit = _autocommit(site.node, function.scope, context)
            if obligation.wrote is None or autocommit == "on" or site.number in record.commits:
                continue
            yield Report(
                misuse.node,
                (
                    "what line ",
                    obligation.wrote,
                    f" writes is discarded: this block closes {_name(record, site)} and nothing commits",
                ),
                self.severity,
                Confidence.MEDIUM if autocommit == "off" and not site.guessed else Confidence.LOW,
                function.qualname,
                site.acquisition.library,
                _trace(
                    misuse, site, obligation.wrote, "written here", "closed without a commit at the end of this block"
                ),
            )


def _trace(
    misuse: Misuse, site: Site, begun: cst.CSTNode, begins: str, ends: str
) -> tuple[tuple[cst.CSTNode, str], ...]:
    acquired = () if misuse.node is site.node else ((site.node, f"acquired here ({site.label})"),)
    return (*acquired, (begun, begins), (misuse.node, ends))
