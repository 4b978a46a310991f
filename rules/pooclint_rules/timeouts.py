"""CNX501, CNX502 and CNX504: how long callers wait for a connection, and how long a connection lives."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

import libcst as cst

from pooclint.models import Call, Parameter
from pooclint.rule import Report, Severity
from pooclint_rules.figures import in_process, is_endless, is_unbounded, report, seconds, unless_overridable, worth

if TYPE_CHECKING:
    from pooclint.engine import FileContext

_USUAL_WAIT = 10.0
"""Seconds; what `max-acquire-timeout` is where nobody sets it."""


def _waiting(node: cst.Call, context: FileContext) -> tuple[Call, Parameter | None] | None:
    """A call that builds a pool, or takes a connection from one, with the parameter that limits the wait."""
    for call in context.names.calls(node, context.scope):
        parameter = call.timeouts.get("acquire")
        if call.waits_forever or (parameter and (call.size or call.acquires)):
            return call, parameter
    return None


class NoAcquireTimeout:
    """Waiting for a free connection has no limit.

    ## What it does
    Reports pools that are built without a limit on the wait for a connection, where the library has none by default,
    and calls that take a connection from a pool that has none. A deadline around the call (`asyncio.timeout`,
    `wait_for`, `anyio.fail_after`) silences it. The rule is opt-in: many programs set such a deadline elsewhere.

    ## Why is this bad?
    When the pool is empty, callers do not fail, they pile up: memory grows, health checks hang with the rest, and the
    log says nothing.

    ## Example
    ```python
    async with pool.acquire() as conn:
        await conn.execute(QUERY)
    ```

    ## Use instead
    ```python
    async with pool.acquire(timeout=5) as conn:
        await conn.execute(QUERY)
    ```
    """

    code: ClassVar[str] = "CNX501"
    name: ClassVar[str] = "no-acquire-timeout"
    severity: ClassVar[Severity] = Severity.WARNING
    default: ClassVar[bool] = False

    def visit_Call(self, node: cst.Call, context: FileContext) -> Iterable[Report]:
        """Report waits without a limit."""
        found = _waiting(node, context)
        if found is None:
            return
        call, parameter = found
        if parameter is not None and not is_endless(worth(node, parameter, context), parameter):
            return
        if call.size:
            remedy = f": set {parameter.param}" if parameter else ""
            yield report(
                node, f"callers wait for a connection of this pool without limit{remedy}", self.severity, call, context
            )
        elif all(is_unbounded(worth(d.node, d.parameter, context), d.parameter) for d in context.deadlines(node)):
            remedy = f"pass {parameter.param}=" if parameter else "put a deadline around it (asyncio.timeout)"
            yield report(node, f"waits for a free connection without limit: {remedy}", self.severity, call, context)


class SlowAcquireTimeout:
    """The limit on the wait for a connection is so long that a full pool stalls its callers.

    ## What it does
    Reports a literal limit above `max-acquire-timeout`, at the pool or at the call that takes a connection. Where that
    option is left as it is, a value up to the library's own default is only information, and so is a default that a
    deployment or a caller may override.

    ## Why is this bad?
    A caller that waits for a minute has long been given up by whoever called it, and still takes its place in the
    queue. A short limit turns a full pool into errors that somebody sees, while the rest of the program works.

    ## Example
    ```python
    engine = create_engine(URL, pool_timeout=120)
    ```

    ## Use instead
    ```python
    engine = create_engine(URL, pool_timeout=5)
    ```

    ## Options
    - `max-acquire-timeout`
    """

    code: ClassVar[str] = "CNX502"
    name: ClassVar[str] = "slow-acquire-timeout"
    severity: ClassVar[Severity] = Severity.WARNING
    default: ClassVar[bool] = True

    def visit_Call(self, node: cst.Call, context: FileContext) -> Iterable[Report]:
        """Report limits above the configured one."""
        call, parameter = _waiting(node, context) or (None, None)
        if call is None or parameter is None:
            return
        given = worth(node, parameter, context)
        wait = seconds(given.constant.value, parameter) if given.constant else None
        limit = context.limits.max_acquire_timeout
        if wait is None or wait <= limit:
            return
        usual = seconds(parameter.default, parameter) or 0.0
        severity = self.severity
        if limit == _USUAL_WAIT:
            severity = Severity.INFO if wait <= usual else unless_overridable(severity, (given,))
        subject = "a full pool keeps its callers waiting" if call.size else "this waits for a full pool"
        text = f"{subject} for {wait:g} s before it fails ({parameter.param}); the limit is {limit:g} s"
        yield report(node, text, severity, call, context, (given,))


class NoRecycle:
    """Connections of a pool are never replaced.

    ## What it does
    Reports pools for which neither a lifetime nor an idle limit holds, given or by default, though the library has a
    parameter for one. A test of each connection before it is handed out (`pool_pre_ping`) silences it, and so does a
    database that is part of the process (`sqlite:///orders.db`). The rule is opt-in.

    ## Why is this bad?
    Servers, proxies and firewalls close connections that are idle or old. The pool hands out such a dead connection,
    and the caller's first statement fails.

    ## Example
    ```python
    engine = create_engine(URL)
    ```

    ## Use instead
    ```python
    engine = create_engine(URL, pool_recycle=1800)
    ```
    """

    code: ClassVar[str] = "CNX504"
    name: ClassVar[str] = "no-recycle"
    severity: ClassVar[Severity] = Severity.WARNING
    default: ClassVar[bool] = False

    def visit_Call(self, node: cst.Call, context: FileContext) -> Iterable[Report]:
        """Report pools whose connections live for ever."""
        for call in context.names.calls(node, context.scope):
            limits = [p for p in (call.timeouts.get("lifetime"), call.timeouts.get("idle")) if p]
            if call.size is None or call.size.limit != "database" or not limits:
                continue
            if (
                any(not is_endless(worth(node, p, context), p) for p in limits)
                or _tested(node, call, context)
                or in_process(node, call, context)
            ):
                continue
            names = " or ".join(p.param for p in limits)
            text = f"connections of this pool are never replaced, however old or idle: set {names}"
            yield report(node, text, self.severity, call, context)
            return


def _tested(node: cst.Call, call: Call, context: FileContext) -> bool:
    """True when the pool tests its connections before it hands them out."""
    for name, values in call.tests_alive.items():
        given = worth(node, Parameter(param=name), context)
        if given.given and (given.constant is None or not values or given.constant.value in values):
            return True
    return False
