"""CNX205: a second connection is taken from a pool of which one is held."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

import libcst as cst

from pooclint.flow.values import Lane
from pooclint.program.literals import literal
from pooclint.rule import Confidence, Place, Report, Severity

if TYPE_CHECKING:
    from pooclint.engine import FileContext
    from pooclint.flow.record import Nested, Record
    from pooclint.program.scopes import Function


class NestedAcquire:
    """A second connection of the same pool is acquired while one is held.

    ## What it does
    Reports an acquisition from a pool or engine of which the function holds a connection already: a second `acquire()`,
    a method of the pool that takes a connection of its own (`pool.fetch(...)`), a second session of the same engine, or
    a function of the project that does one of these.

    ## Why is this bad?
    Each caller needs two connections. When as many callers as the pool has connections hold their first one, none is
    left for a second, and none comes back: each waits for another, for ever or until the acquire times out; a pool
    that never waits raises. With a pool of ten, ten simultaneous callers are enough, however fast the queries are.

    ## Example
    ```python
    async def order(pool, order_id):
        async with pool.acquire() as conn:
            row = await conn.fetchrow("SELECT * FROM orders WHERE id = $1", order_id)
            user = await pool.fetchrow("SELECT * FROM users WHERE id = $1", row["user_id"])
            return row, user
    ```

    ## Use instead
    ```python
    async def order(pool, order_id):
        async with pool.acquire() as conn:
            row = await conn.fetchrow("SELECT * FROM orders WHERE id = $1", order_id)
            user = await conn.fetchrow("SELECT * FROM users WHERE id = $1", row["user_id"])
            return row, user
    ```
    Hand the connection on to functions that need one, or release the first before they are called.
    """

    code: ClassVar[str] = "CNX205"
    name: ClassVar[str] = "nested-acquire"
    severity: ClassVar[Severity] = Severity.ERROR
    default: ClassVar[bool] = True

    def visit_evaluated(self, function: Function, record: Record, context: FileContext) -> Iterable[Report]:
        """Report acquisitions made while a connection of the same pool is held."""
        reported: set[int] = set()
        for nested in record.nested.values():
            if id(nested.node) not in reported:
                reported.add(id(nested.node))
                yield _report(nested, record, function, context)


def _report(nested: Nested, record: Record, function: Function, context: FileContext) -> Report:
    own = nested.site.parameter < 0
    name = next((n for n, sites in record.bound.items() if nested.site in sites), "" if own else nested.site.label)
    first = f"'{name}'" if name else f"a {nested.site.acquisition.kind}"
    where: tuple[str | cst.CSTNode, ...] = (f"{first}, acquired on line ", nested.site.node, ",") if own else (first,)
    second = f"{nested.draw.way} takes" if nested.draw else "this takes"
    size = _size(nested, context)
    callers = f"with {size} callers at once" if size else "with as many callers at once as it has connections"
    end = "gets an error instead of its second" if nested.raises else "waits for another one, and none goes on"
    message = (
        *where,
        f" holds a connection of '{nested.pool.name}', and {second} a second one: {callers}, each holds one and {end}",
    )
    reached = ((nested.draw.place, "the second one is taken here"),) if nested.draw else ()
    since: tuple[tuple[cst.CSTNode | Place, str], ...] = ((nested.site.node, "held since here"),) if own else ()
    return Report(
        nested.node,
        message,
        _severity(nested, context.is_entry_point(function)),
        _confidence(nested),
        function.qualname,
        nested.site.acquisition.library,
        (*since, (nested.node, "needs a second connection of the same pool"), *reached),
    )


def _severity(nested: Nested, alone: bool) -> Severity:
    if alone:
        return Severity.INFO
    # Only once something has failed, and perhaps the first one with it.
    return Severity.WARNING if nested.obligation.lane > Lane.NORMAL else Severity.ERROR


def _confidence(nested: Nested) -> Confidence:
    if nested.site.guessed or (nested.second is not None and nested.second.guessed):
        return Confidence.LOW
    certain = nested.draw is None and not nested.obligation.doubtful
    return Confidence.HIGH if certain else Confidence.MEDIUM


def _size(nested: Nested, context: FileContext) -> int:
    """How many connections the pool opens at most, where literals say so; 0 when that is not known."""
    made = context.analysis.draws.pools.made_by(nested.pool)
    if made is None:
        return 0
    size = next((c.size for c in context.names.calls(made, context.index.scope) if c.size and c.size.cap), None)
    if size is None:
        return 0
    total = 0
    for parameter in (size.max, size.overflow):
        if parameter is None:
            continue
        given = next((literal(a.value) for a in made.args if a.keyword and a.keyword.value == parameter.param), None)
        figure = parameter.default if given is None else given
        if not isinstance(figure, int) or isinstance(figure, bool) or figure < 0:
            return 0
        total += figure
    return total
