"""CNX204: a connection is held while somebody else reads what the function gives."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

import libcst as cst

from pooclint.rule import Confidence, Report, Severity

if TYPE_CHECKING:
    from pooclint.engine import FileContext
    from pooclint.flow.record import Record, Suspended
    from pooclint.program.scopes import Function


_ADVICE = "close it before you return, or open a session of its own in a `with` block that ends before"


class HeldAcrossYield:
    """A connection is held for as long as somebody else reads.

    ## What it does
    Reports a pooled connection, or a session in use, that is held at the `yield` of a generator, and one that a
    framework takes back only after a streaming response: a dependency that yields a session lives until the last byte
    has been sent, in the versions of the framework that do so.

    Context managers, fixtures and dependencies are made to be suspended, and are not reported; nor is a connection for
    which nobody waits, since no pool lends it, or one that the function has made for itself.

    ## Why is this bad?
    The reader decides how long the connection is taken. An event stream is read until the browser is closed: with a
    pool of ten, ten readers are enough to stop everybody else.

    ## Example
    ```python
    @app.get("/events")
    async def events(session: Annotated[AsyncSession, Depends(get_session)]):
        user = await session.get(User, 1)
        return StreamingResponse(follow(user.id))
    ```

    ## Use instead
    ```python
    @app.get("/events")
    async def events():
        async with Sessions() as session:
            user = await session.get(User, 1)
        return StreamingResponse(follow(user.id))
    ```
    A generator reads a batch, gives the connection back, and yields the batch.
    """

    code: ClassVar[str] = "CNX204"
    name: ClassVar[str] = "held-across-yield"
    severity: ClassVar[Severity] = Severity.ERROR
    default: ClassVar[bool] = True

    def visit_evaluated(self, function: Function, record: Record, context: FileContext) -> Iterable[Report]:
        """Report connections that are held while a generator is suspended or a response is sent."""
        seen: set[int] = set()
        for found in record.suspended.values():
            if found.site.number not in seen:
                seen.add(found.site.number)
                yield _report(found, record, function, context)


def _report(found: Suspended, record: Record, function: Function, context: FileContext) -> Report:
    kind = found.site.acquisition.kind
    if not isinstance(found.node, cst.Yield):
        until = "until the whole response has been sent, when the framework takes it back"
        message: tuple[str | cst.CSTNode, ...] = (
            f"the {kind} '{found.site.label}' keeps its connection {until}: {_ADVICE}",
        )
        trace: tuple[tuple[cst.CSTNode, str], ...] = ((found.node, "the response is sent piece by piece"),)
        severity = Severity.ERROR if found.lasting else Severity.INFO
    else:
        name = next((n for n, sites in record.bound.items() if found.site in sites), found.site.label)
        sent = context.analysis.streamed(function)
        reader = "the client of the response" if sent else "whoever reads the generator"
        own = found.site.parameter < 0
        named = f"the {kind} '{name}'" if name and name != found.site.acquisition.type else f"a {kind}"
        where = (f"{named}, acquired on line ", found.site.node, ",") if own else (named,)
        message = (*where, f" is held at this `yield` for as long as {reader} takes")
        trace = (
            *(((found.site.node, "held since here"),) if own else ()),
            (found.node, "the function is suspended here"),
        )
        severity = Severity.ERROR if sent else Severity.WARNING
    return Report(
        found.node,
        message,
        severity,
        _confidence(found),
        function.qualname,
        found.site.acquisition.library,
        trace,
    )


def _confidence(found: Suspended) -> Confidence:
    if found.site.guessed:
        return Confidence.LOW
    return Confidence.MEDIUM if found.obligation.doubtful else Confidence.HIGH
