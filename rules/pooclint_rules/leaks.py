"""CNX101 to CNX107: an acquire without a guaranteed release.

The analysis of control flow decides; each rule words one of its verdicts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import libcst as cst

from pooclint.flow.fields import replaced_fields
from pooclint.flow.verdicts import severity_of
from pooclint.rule import Confidence, Report, Severity
from pooclint_rules.verdict_reports import released_on, reports, source, subject, way, with_message

if TYPE_CHECKING:
    from pooclint.engine import FileContext
    from pooclint.flow.record import Record
    from pooclint.program.scopes import Function


class NeverReleased:
    """No path releases an acquired connection, session, client or pool.

    ## What it does
    Reports an acquisition that every way through the function forgets: it is neither released, nor returned, stored,
    or handed to somebody who could release it.

    ## Why is this bad?
    A slot that is taken from a pool and not given back is lost for good: after as many calls as the pool has slots,
    every further caller waits. An object that closes itself when it is collected does so at an unknown time.

    ## Example
    ```python
    async def names(pool):
        conn = await pool.acquire()
        return await conn.fetch("SELECT name FROM users")
    ```

    ## Use instead
    ```python
    async def names(pool):
        async with pool.acquire() as conn:
            return await conn.fetch("SELECT name FROM users")
    ```
    """

    code: ClassVar[str] = "CNX101"
    name: ClassVar[str] = "never-released"
    severity: ClassVar[Severity] = Severity.ERROR
    default: ClassVar[bool] = True

    def visit_evaluated(self, function: Function, record: Record, context: FileContext) -> Iterable[Report]:
        """Report what no path releases."""
        for verdict, report in reports(function, record, context, frozenset({"never-released"})):
            yield with_message(report, (f"{subject(verdict)} is never released (acquired from {source(verdict)})",))


class NotReleasedOnError:
    """A release is skipped when a statement before it raises.

    ## What it does
    Reports an acquisition that is released when nothing goes wrong, and names the first line that can raise and so
    skips the release. A broad `except` that logs and goes on counts: the process survives, the slot does not. It is
    only information where the reference count closes what the exception loses, and nobody waits for it (a session with
    a mail server).

    ## Why is this bad?
    Queries fail: deadlocks, timeouts, constraint violations, cancelled requests. Each failure takes one connection
    away, until the pool is empty and everything waits. Tests rarely take this path; production does.

    ## Example
    ```python
    def count(pool):
        conn = pool.getconn()
        rows = conn.cursor().execute("SELECT count(*) FROM users")
        pool.putconn(conn)
        return rows
    ```

    ## Use instead
    ```python
    def count(pool):
        conn = pool.getconn()
        try:
            return conn.cursor().execute("SELECT count(*) FROM users")
        finally:
            pool.putconn(conn)
    ```
    """

    code: ClassVar[str] = "CNX102"
    name: ClassVar[str] = "not-released-on-error"
    severity: ClassVar[Severity] = Severity.ERROR
    default: ClassVar[bool] = True

    def visit_evaluated(self, function: Function, record: Record, context: FileContext) -> Iterable[Report]:
        """Report what an exception makes the function forget."""
        for verdict, report in reports(function, record, context, frozenset({"not-released-on-error"})):
            yield with_message(
                report,
                (
                    f"{subject(verdict)} is not released",
                    *way(verdict),
                    f" (acquired from {source(verdict)}",
                    *released_on(verdict),
                    ")",
                ),
            )


class NotReleasedOnPath:
    """A normal path leaves without the release: an early return, a branch, a `break`.

    ## What it does
    Reports an acquisition that is released on some ways through the function, and not on one that needs no exception.

    ## Why is this bad?
    The path is ordinary: not found, nothing to do, already there. Each time it is taken, a connection stays out.

    ## Example
    ```python
    def find(pool, key):
        conn = pool.getconn()
        row = lookup(conn, key)
        if row is None:
            return None
        pool.putconn(conn)
        return row
    ```

    ## Use instead
    ```python
    def find(pool, key):
        conn = pool.getconn()
        try:
            return lookup(conn, key)
        finally:
            pool.putconn(conn)
    ```
    """

    code: ClassVar[str] = "CNX103"
    name: ClassVar[str] = "not-released-on-path"
    severity: ClassVar[Severity] = Severity.ERROR
    default: ClassVar[bool] = True

    def visit_evaluated(self, function: Function, record: Record, context: FileContext) -> Iterable[Report]:
        """Report what a normal path forgets."""
        for verdict, report in reports(function, record, context, frozenset({"not-released-on-path"})):
            yield with_message(
                report,
                (
                    f"{subject(verdict)} is not released",
                    *way(verdict),
                    f" (acquired from {source(verdict)}",
                    *released_on(verdict),
                    ")",
                ),
            )


class Discarded:
    """An acquired object is never bound to a name, so nothing can release it.

    ## What it does
    Reports an acquisition whose result is thrown away, or used once inside a longer expression.

    ## Why is this bad?
    There is no reference left to release it with. A pool's slot is gone; a plain connection closes when it is
    collected.

    ## Example
    ```python
    def ping(engine):
        engine.connect().execute(text("SELECT 1"))
    ```

    ## Use instead
    ```python
    def ping(engine):
        with engine.connect() as conn:
            conn.execute(text("SELECT 1"))
    ```
    """

    code: ClassVar[str] = "CNX104"
    name: ClassVar[str] = "discarded"
    severity: ClassVar[Severity] = Severity.ERROR
    default: ClassVar[bool] = True

    def visit_evaluated(self, function: Function, record: Record, context: FileContext) -> Iterable[Report]:
        """Report what is acquired and dropped."""
        for verdict, report in reports(function, record, context, frozenset({"discarded"})):
            kind = verdict.site.acquisition.kind
            part = _kept_part(verdict.site.node, function, context)
            what = f"the {kind} acquired from {source(verdict)}"
            if part:
                text = f"only the {part} of {what} is kept; nothing closes the {kind}"
            else:
                text = f"{what} is never bound, so it cannot be released"
            yield with_message(report, (text,))


def _kept_part(node: cst.CSTNode, function: Function, context: FileContext) -> str:
    """What is kept of an object to which nothing else refers: `database` of `db = Client(url).db`. Empty where that is
    nothing, or something of which nobody knows."""
    for statement in function.body_nodes:
        kept = getattr(statement, "value", None) if type(statement) in _KEEPING else None
        kept = kept.expression if isinstance(kept, cst.Await) else kept
        inner = kept
        while inner is not None and inner is not node:
            inner = inner.func if isinstance(inner, cst.Call) else getattr(inner, "value", None)
        if kept is None or inner is None or kept is node:
            continue
        known = context.models.type(context.names.type_of(kept, function.scope))
        if known is not None:
            return known.name.partition("~")[0].rpartition(".")[2].lower()
        match kept:
            case cst.Attribute(attr=cst.Name(value=part)):
                return f"'{part}'"
            case cst.Subscript(slice=[cst.SubscriptElement(slice=cst.Index(value=cst.SimpleString(value=part)))]):
                return part
    return ""


_KEEPING = frozenset({cst.Assign, cst.AnnAssign, cst.Return})


class Overwritten:
    """The only reference to an acquired object is replaced while it is held.

    ## What it does
    Reports a name that holds an unreleased resource and is bound again: retries, reconnects, a new one in each turn
    of a loop. And an attribute that the constructor fills and another method fills again (`reconnect`) while the first
    resource is still open.

    ## Why is this bad?
    The old one can no longer be released. In a retry loop each attempt takes another connection.

    ## Example
    ```python
    def copy(hosts, query):
        for host in hosts:
            conn = psycopg2.connect(host=host)
            run(conn, query)
        conn.close()
    ```

    ## Use instead
    ```python
    def copy(hosts, query):
        for host in hosts:
            with closing(psycopg2.connect(host=host)) as conn:
                run(conn, query)
    ```
    """

    code: ClassVar[str] = "CNX105"
    name: ClassVar[str] = "overwritten"
    severity: ClassVar[Severity] = Severity.ERROR
    default: ClassVar[bool] = True

    def visit_evaluated(self, function: Function, record: Record, context: FileContext) -> Iterable[Report]:
        """Report what is replaced while held."""
        for verdict, report in reports(function, record, context, frozenset({"overwritten"})):
            yield with_message(
                report,
                (
                    f"{subject(verdict)} is overwritten",
                    *way(verdict),
                    f" while it is still held (acquired from {source(verdict)})",
                ),
            )

    def visit_ClassDef(self, node: cst.ClassDef, context: FileContext) -> Iterable[Report]:
        """Report attributes that are filled again."""
        owner = context.index.classes.get(id(node))
        for found in replaced_fields(context.analysis, owner) if owner else ():
            acquisition = found.site.acquisition
            origin = found.site.through or found.site.label
            before = f"'self.{found.attribute}' is overwritten by '{found.method.name}' while the {acquisition.kind}"
            yield Report(
                found.node,
                (f"{before} of line ", found.site.node, f" is still held (acquired from {origin})"),
                severity_of(acquisition),
                Confidence.MEDIUM,
                found.method.qualname,
                acquisition.library,
                ((found.site.node, "acquired here, when the object is made"), (found.node, "replaced here")),
            )


class WithDoesNotClose:
    """A `with` statement on this object ends a transaction and closes nothing.

    ## What it does
    Reports a connection that is used in a `with` statement whose end commits or rolls back, and that nothing closes
    afterwards.

    ## Why is this bad?
    The statement looks like a release and is none. The connection stays open, or stays out of its pool.

    ## Example
    ```python
    def save(path, row):
        with sqlite3.connect(path) as conn:
            conn.execute("INSERT INTO log VALUES (?)", row)
    ```

    ## Use instead
    ```python
    def save(path, row):
        with closing(sqlite3.connect(path)) as conn, conn:
            conn.execute("INSERT INTO log VALUES (?)", row)
    ```
    """

    code: ClassVar[str] = "CNX106"
    name: ClassVar[str] = "with-does-not-close"
    severity: ClassVar[Severity] = Severity.WARNING
    default: ClassVar[bool] = True

    def visit_evaluated(self, function: Function, record: Record, context: FileContext) -> Iterable[Report]:
        """Report what only a transaction's `with` was used on."""
        for verdict, report in reports(function, record, context, frozenset({"with-keeps-open"})):
            yield with_message(
                report,
                (
                    f"'with' on {subject(verdict)} ends its transaction but does not close it",
                    f" (acquired from {source(verdict)})",
                ),
            )


class YieldWithoutFinally:
    """A context manager or dependency releases after `yield`, but not when the code it serves raises.

    ## What it does
    Reports a generator that acquires, yields, and releases only on the line after the `yield`. It is only information
    in the lifespan of an application: what it serves is the whole run, and the process ends after it.

    ## Why is this bad?
    An exception in the `with` block or in the request handler is raised at the `yield`; what follows does not run.

    ## Example
    ```python
    @contextmanager
    def connection(pool):
        conn = pool.getconn()
        yield conn
        pool.putconn(conn)
    ```

    ## Use instead
    ```python
    @contextmanager
    def connection(pool):
        conn = pool.getconn()
        try:
            yield conn
        finally:
            pool.putconn(conn)
    ```
    """

    code: ClassVar[str] = "CNX107"
    name: ClassVar[str] = "yield-without-finally"
    severity: ClassVar[Severity] = Severity.ERROR
    default: ClassVar[bool] = True

    def visit_evaluated(self, function: Function, record: Record, context: FileContext) -> Iterable[Report]:
        """Report what an exception thrown in at a `yield` makes the generator forget."""
        for verdict, report in reports(function, record, context, frozenset({"yield-without-finally"})):
            cause = verdict.leak.cause
            assert cause is not None
            yield with_message(
                replace(report, severity=Severity.INFO) if context.is_lifespan(function) else report,
                (
                    f"{subject(verdict)} is not released if the code served by the 'yield' on line ",
                    cause,
                    f" raises (acquired from {source(verdict)}",
                    *released_on(verdict),
                    ")",
                ),
            )
