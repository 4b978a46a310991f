"""CNX121 to CNX124: a release that comes too early, twice, by the wrong way, or not at all for want of an `await`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar

import libcst as cst

from pooclint.flow.fields import stale_fields, used_up_fields
from pooclint.flow.record import Misuse, MisuseKind, Record
from pooclint.flow.values import Lane, Site
from pooclint.flow.verdicts import Verdict, verdicts
from pooclint.program.literals import literal
from pooclint.rule import Confidence, Report, Severity
from pooclint.source.nodes import dotted

if TYPE_CHECKING:
    from pooclint.engine import FileContext
    from pooclint.program.scopes import Function


def _found(record: Record, kind: MisuseKind) -> Iterator[tuple[Misuse, Site]]:
    """Misuses of one kind in a function, with the acquisition that each concerns."""
    for misuse in record.misuses.values():
        if misuse.kind == kind and misuse.site is not None:
            yield misuse, misuse.site


def _subject(record: Record, site: Site) -> str:
    """How messages name the resource: by its name where it has one."""
    name = next((name for name, sites in record.bound.items() if site in sites), "")
    if site.parameter >= 0:
        name = site.label
    return f"'{name}'" if name else f"the {site.acquisition.kind}"


def _acquired(site: Site) -> tuple[tuple[cst.CSTNode, str], ...]:
    return ((site.node, f"acquired here ({site.label})"),) if site.parameter < 0 else ()


def _trace(misuse: Misuse, site: Site, last: str) -> tuple[tuple[cst.CSTNode, str], ...]:
    """Acquired, released, what else led there, and the misuse."""
    released = misuse.obligation.released if misuse.obligation else None
    steps = [*_acquired(site)]
    if released is not None:
        steps.append((released, "released here"))
    steps += [step for step in misuse.trace if step[0] not in (s[0] for s in steps)]
    return (*steps, (misuse.node, last))


def _lane(misuse: Misuse) -> Lane:
    return misuse.obligation.lane if misuse.obligation else Lane.NORMAL


class UseAfterRelease:
    """A connection is used after it was released.

    ## What it does
    Reports a method that needs the connection, called on it (or on its cursor) after every way to that line has
    released it. Where only some ways have, the finding is of low confidence. And an attribute that the constructor
    fills once, and that two public methods use and release (`with self.conn:`). Where a method fills an attribute that
    is empty, and another releases what it holds and does not empty it, the finding is information: it is right for as
    long as nobody asks the object again.

    ## Why is this bad?
    What went back to a pool may be another caller's by now: two of them send statements over one connection, in one
    transaction. What was closed raises.

    ## Example
    ```python
    def rename(pool, key, name):
        conn = pool.getconn()
        pool.putconn(conn)
        conn.cursor().execute("UPDATE users SET name = %s WHERE id = %s", (name, key))
    ```

    ## Use instead
    ```python
    def rename(pool, key, name):
        conn = pool.getconn()
        try:
            conn.cursor().execute("UPDATE users SET name = %s WHERE id = %s", (name, key))
            conn.commit()
        finally:
            pool.putconn(conn)
    ```
    """

    code: ClassVar[str] = "CNX121"
    name: ClassVar[str] = "use-after-release"
    severity: ClassVar[Severity] = Severity.ERROR
    default: ClassVar[bool] = True

    def visit_evaluated(self, function: Function, record: Record, _context: FileContext) -> Iterable[Report]:
        """Report uses of what was released: one finding for each acquisition, the further uses are notes."""
        seen: dict[tuple[int, bool], list[Misuse]] = {}
        for misuse, site in _found(record, "use-after-release"):
            sometimes = (site.number, id(misuse.node)) in record.used_while_held or record.cut
            seen.setdefault((site.number, sometimes), []).append(misuse)
        for misuse, site in _found(record, "use-after-release"):
            sometimes = (site.number, id(misuse.node)) in record.used_while_held or record.cut
            first, *others = seen[site.number, sometimes]
            released = misuse.obligation.released if misuse.obligation else None
            if released is None or misuse is not first or (sometimes and (site.number, False) in seen):
                continue
            confidence = Confidence.HIGH if _lane(misuse) is Lane.NORMAL and not site.guessed else Confidence.MEDIUM
            shared = "somebody else may have it by now" if site.acquisition.pooled else "this raises"
            yield Report(
                misuse.node,
                (f"{_subject(record, site)} is used after line ", released, f" released it: {shared}"),
                self.severity,
                Confidence.LOW if sometimes else confidence,
                function.qualname,
                site.acquisition.library,
                (*_trace(misuse, site, "used here"), *((m.node, "and here") for m in others[:3])),
            )

    def visit_ClassDef(self, node: cst.ClassDef, context: FileContext) -> Iterable[Report]:
        """Report attributes that each of several methods uses and releases."""
        owner = context.index.classes.get(id(node))
        for found in used_up_fields(context.analysis, owner) if owner else ():
            first, second, *_ = found.uses
            before = f"'self.{found.attribute}' is used after '{first.method.name}' on line "
            after = f" released it; '{second.method.name}' releases it too: whichever is called second fails"
            yield Report(
                second.used,
                (before, first.released, after),
                self.severity,
                Confidence.MEDIUM,
                second.method.qualname,
                found.site.acquisition.library,
                (
                    (found.site.node, "acquired here, once for each object"),
                    *((use.released, f"released here by '{use.method.name}'") for use in found.uses[:4]),
                ),
            )
        for stale in stale_fields(context.analysis, owner) if owner else ():
            yield Report(
                stale.released,
                (
                    f"'self.{stale.attribute}' still holds what is released here: '{stale.filling.name}' on line ",
                    stale.filling.node,
                    " gives it out again, and its next use raises: set it to None",
                ),
                Severity.INFO,
                Confidence.MEDIUM,
                stale.method.qualname,
                stale.site.acquisition.library,
                ((stale.site.node, "acquired here, where there is none yet"), (stale.released, "released here")),
            )


class DoubleRelease:
    """A connection is released twice on one path.

    ## What it does
    Reports a second release, for the libraries where it raises or disturbs the connection's next owner. Most `close()`
    methods may be called as often as one likes; those are not reported.

    ## Why is this bad?
    The second call raises in the very place that cleans up, hides the error that led there, and skips what follows.

    ## Example
    ```python
    def count(settings):
        conn = pymysql.connect(**settings)
        try:
            rows = read(conn)
            conn.close()
        finally:
            conn.close()
        return len(rows)
    ```

    ## Use instead
    ```python
    def count(settings):
        conn = pymysql.connect(**settings)
        try:
            rows = read(conn)
        finally:
            conn.close()
        return len(rows)
    ```
    """

    code: ClassVar[str] = "CNX122"
    name: ClassVar[str] = "double-release"
    severity: ClassVar[Severity] = Severity.ERROR
    default: ClassVar[bool] = True

    def visit_evaluated(self, function: Function, record: Record, _context: FileContext) -> Iterable[Report]:
        """Report releases of what was released on the same path."""
        for misuse, site in _found(record, "double-release"):
            first = misuse.obligation.released if misuse.obligation else None
            if first is None or first is misuse.node:
                continue
            normal = _lane(misuse) is Lane.NORMAL
            confidence = Confidence.HIGH if normal else Confidence.MEDIUM
            yield Report(
                misuse.node,
                (f"{_subject(record, site)} is released a second time, after line ", first, ": this raises"),
                self.severity if normal else Severity.WARNING,
                Confidence.LOW if site.guessed or record.cut or _lane(misuse) is Lane.CANCELLED else confidence,
                function.qualname,
                site.acquisition.library,
                _trace(misuse, site, "released again here"),
            )


class WrongRelease:
    """A pooled connection is closed where its pool should take it back, or is given to another pool.

    ## What it does
    Reports `conn.close()` on a connection that only its pool can take back, where nothing else gives it back, and a
    release to another pool than the one that it came from.

    ## Why is this bad?
    The socket is closed and its slot stays taken: after as many calls as the pool has slots, there are no more. A pool
    that is given a stranger's connection raises.

    ## Example
    ```python
    def count(pool):
        conn = pool.getconn()
        try:
            return read(conn)
        finally:
            conn.close()
    ```

    ## Use instead
    ```python
    def count(pool):
        conn = pool.getconn()
        try:
            return read(conn)
        finally:
            pool.putconn(conn)
    ```
    """

    code: ClassVar[str] = "CNX123"
    name: ClassVar[str] = "wrong-release"
    severity: ClassVar[Severity] = Severity.ERROR
    default: ClassVar[bool] = True

    def visit_evaluated(self, function: Function, record: Record, context: FileContext) -> Iterable[Report]:
        """Report slots that a close leaves taken, and connections that are given to the wrong pool."""
        for verdict in verdicts(record):
            if verdict.kind == "wrong-release" and not _takes_back(verdict, function, context):
                yield self._closed(verdict, record, function)
        for misuse, site in _found(record, "wrong-pool"):
            yield Report(
                misuse.node,
                (
                    f"{_subject(record, site)} is released to '{misuse.name}', but it came from another pool on line ",
                    site.node,
                ),
                self.severity,
                Confidence.HIGH,
                function.qualname,
                site.acquisition.library,
                (*_acquired(site), (misuse.node, "given to another pool here")),
            )

    def _closed(self, verdict: Verdict, record: Record, function: Function) -> Report:
        site, closed = verdict.site, verdict.leak.obligation.closed
        assert closed is not None
        right = site.acquisition.releases[0]
        return Report(
            closed,
            (
                f"closing {_subject(record, site)} does not give its slot back to the pool: '{right.name}' does",
                f" (acquired from {site.label} on line ",
                site.node,
                ")",
            ),
            verdict.severity,
            verdict.confidence,
            function.qualname,
            site.acquisition.library,
            (*_acquired(site), (closed, "closed here, and its slot stays taken")),
        )


def _takes_back(verdict: Verdict, function: Function, context: FileContext) -> bool:
    """True when the pool was made to take back what is closed."""
    acquired = verdict.site.node
    if not isinstance(acquired, cst.Call) or not isinstance(acquired.func, cst.Attribute):
        return False
    made = context.names.origin(acquired.func.value, function.scope)
    if made is None:
        return False
    given = {a.keyword.value: a.value for a in made.args if a.keyword}
    wanted = [c.close_returns for c in context.names.calls(made, function.scope)]
    return any(key in given and literal(given[key]) == value for w in wanted for key, value in w.items())


class ReleaseNotAwaited:
    """A release is a coroutine, and nobody awaits it.

    ## What it does
    Reports a statement that calls a coroutine function which releases something (`pool.release(conn)`,
    `session.close()`), and drops what it returns. One that is handed to a task is not reported.

    ## Why is this bad?
    Nothing runs: the connection stays out, and all that is seen of it is a `RuntimeWarning` when the coroutine is
    collected.

    ## Example
    ```python
    async def names(pool):
        conn = await pool.acquire()
        try:
            return await conn.fetch("SELECT name FROM users")
        finally:
            pool.release(conn)
    ```

    ## Use instead
    ```python
    async def names(pool):
        conn = await pool.acquire()
        try:
            return await conn.fetch("SELECT name FROM users")
        finally:
            await pool.release(conn)
    ```
    """

    code: ClassVar[str] = "CNX124"
    name: ClassVar[str] = "release-not-awaited"
    severity: ClassVar[Severity] = Severity.ERROR
    default: ClassVar[bool] = True

    def visit_Expr(self, node: cst.Expr, context: FileContext) -> Iterable[Report]:
        """Report statements that drop the coroutine of a release.

        What the function itself acquired is followed through names; of attributes, parameters and globals the type
        tells.
        """
        yield from self._dropped(node.value, context.scope.function, context)

    def visit_Return(self, node: cst.Return, context: FileContext) -> Iterable[Report]:
        """Report an `async def __aexit__` that returns such a coroutine: the `async with` awaits the method, and looks
        only at whether the result is true."""
        function = context.scope.function
        if (
            node.value is not None
            and function
            and function.is_async
            and function.owner
            and function.name == "__aexit__"
        ):
            yield from self._dropped(node.value, function, context)

    def _dropped(self, call: cst.BaseExpression, function: Function | None, context: FileContext) -> Iterable[Report]:
        if not isinstance(call, cst.Call):
            return
        record = context.record(function) if function is not None else None
        misuse = record.misuses.get(("release-not-awaited", id(call))) if record else None
        site = misuse.site if misuse else None
        library = site.acquisition.library if site else self._by_type(call, context)
        if not library:
            return
        yield Report(
            call,
            (f"{_written(call)} is a coroutine that nobody awaits: nothing is released",),
            self.severity,
            Confidence.HIGH,
            function.qualname if function else "",
            library,
            (*_acquired(site), (call, "never awaited")) if site else (),
        )

    def _by_type(self, call: cst.Call, context: FileContext) -> str:
        """The library whose coroutine it is, by the type of the receiver; empty when it is none."""
        if not isinstance(call.func, cst.Attribute):
            return ""
        method = call.func.attr.value
        if method not in context.models.coroutine_release_names:
            return ""
        type_ = context.models.type(context.names.type_of(call.func.value, context.scope))
        if type_ is None or not context.models.releases_by_coroutine(type_.name, method):
            return ""
        return context.models.library(type_)


def _written(call: cst.Call) -> str:
    path = dotted(call.func)
    return f"'{path}()'" if path else "this release"
