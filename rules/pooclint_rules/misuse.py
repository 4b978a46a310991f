"""CNX108 and CNX113: statements about a resource that are wrong wherever the path leads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from pooclint.rule import Confidence, Report, Severity

if TYPE_CHECKING:
    import libcst as cst

    from pooclint.engine import FileContext


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

    def visit_FunctionDef(self, node: cst.FunctionDef, context: FileContext) -> Iterable[Report]:
        """Report the acquisitions whose failure leaves the released name unbound."""
        function = context.function(node)
        record = context.record(function)
        if function is None or record is None:
            return
        for misuse in record.misuses.values():
            site = misuse.site
            if misuse.kind != "unbound-release" or site is None:
                continue
            yield Report(
                site.node,
                (f"'{misuse.name}' is unbound when this fails, and line ", misuse.node, " releases it all the same"),
                self.severity,
                Confidence.HIGH,
                function.qualname,
                site.acquisition.library,
                (
                    (site.node, "can raise before the name is bound"),
                    (misuse.node, "released here: raises UnboundLocalError"),
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

    def visit_FunctionDef(self, node: cst.FunctionDef, context: FileContext) -> Iterable[Report]:
        """Report the `with` statements that the object does not support."""
        function = context.function(node)
        record = context.record(function)
        if function is None or record is None:
            return
        for misuse in record.misuses.values():
            if misuse.kind != "wrong-with":
                continue
            form = "async with" if misuse.asynchronous else "with"
            site = misuse.site
            library = site.acquisition.library if site else ""
            trace = ((site.node, "acquired here"), (misuse.node, f"'{form}' fails here")) if site else ()
            what = misuse.type or "this object"
            yield Report(
                misuse.node,
                (f"'{form}' does not work on {what}",),
                self.severity,
                Confidence.HIGH,
                function.qualname,
                library,
                trace,
            )
