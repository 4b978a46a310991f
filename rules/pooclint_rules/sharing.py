"""CNX206: one connection or session is used by several tasks or threads at the same time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from pooclint.rule import Confidence, Report, Severity

if TYPE_CHECKING:
    import libcst as cst

    from pooclint.engine import FileContext
    from pooclint.flow.record import Record, Shared
    from pooclint.program.scopes import Function

_OUTCOMES = {
    "raises": "the library raises as soon as a second one begins while the first is not done",
    "either": "the library raises where a second one begins while the first still gets its connection; later, each "
    "sees, commits and rolls back what the other has begun",
    "mixes": "it is not made for that: each sees, commits and rolls back what the other has begun",
}


class SharedAcrossTasks:
    """One connection or session is used by several tasks at the same time.

    ## What it does
    Reports a connection or session that is handed to more than one of the coroutines of a `gather`, to several tasks
    of a group, to tasks that a loop starts, or to threads, where the library says that only one may use it at a time.
    Connections that let their users take turns are not reported.

    ## Why is this bad?
    A connection runs one statement at a time, and a session is one transaction. The driver raises ("another operation
    is in progress"), or one task commits what another has begun. It does not show before two of them overlap.

    ## Example
    ```python
    async def dashboard(pool):
        async with pool.acquire() as conn:
            return await asyncio.gather(
                conn.fetch("SELECT * FROM orders"), conn.fetch("SELECT * FROM users")
            )
    ```

    ## Use instead
    ```python
    async def dashboard(pool):
        return await asyncio.gather(
            pool.fetch("SELECT * FROM orders"), pool.fetch("SELECT * FROM users")
        )
    ```
    """

    code: ClassVar[str] = "CNX206"
    name: ClassVar[str] = "shared-across-tasks"
    severity: ClassVar[Severity] = Severity.ERROR
    default: ClassVar[bool] = True

    def visit_evaluated(self, function: Function, record: Record, context: FileContext) -> Iterable[Report]:
        """Report connections and sessions that several tasks or threads use at once."""
        for shared in record.shared.values():
            yield _report(shared, record, function, context)


def _report(shared: Shared, record: Record, function: Function, context: FileContext) -> Report:
    site = shared.site
    own = site.parameter < 0
    name = next((n for n, sites in record.bound.items() if site in sites), "" if own else site.label)
    named = f"the {site.acquisition.kind} '{name}'" if name else f"one {site.acquisition.kind}"
    type_ = context.models.type(site.acquisition.type)
    outcome = _OUTCOMES.get(type_.concurrent if type_ else "", "")
    message: tuple[str | cst.CSTNode, ...] = (
        f"{named} is used by several tasks or threads at once, and {outcome}: give each its own",
    )
    first = shared.first if shared.first is not None and shared.first is not shared.node else None
    return Report(
        shared.node,
        message,
        Severity.ERROR,
        Confidence.LOW if site.guessed else Confidence.MEDIUM if first or shared.first else Confidence.HIGH,
        function.qualname,
        site.acquisition.library,
        (
            *(((site.node, "acquired here"),) if own else ()),
            *(((first, "one task uses it from here on"),) if first else ()),
            (shared.node, "and here another one begins to use it"),
        ),
    )
