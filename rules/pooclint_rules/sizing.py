"""CNX401, CNX402, CNX404 and CNX407: pools whose figures cannot work, or work against them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

import libcst as cst

from pooclint.models import Call, Parameter
from pooclint.rule import Report, Severity
from pooclint_rules.figures import (
    effective,
    in_process,
    is_endless,
    is_unbounded,
    number,
    report,
    sized,
    unless_overridable,
    worth,
)

if TYPE_CHECKING:
    from pooclint.engine import FileContext

_ABSURD = 1_000
"""Above this a pool of anything but a database server's connections is reported."""
_USUAL = 20
"""The default of `max-pool-size`."""


class OversizedPool:
    """A pool may open more connections than its server can bear.

    ## What it does
    Reports a pool size, overflow included, above `max-pool-size` for database servers that spend a process or thread
    on each connection, and absurd sizes (above 1,000) elsewhere. Constants of other modules, keyword dictionaries and
    the defaults of settings are followed; a database that is part of the process (SQLite) has no server. Where
    `max-pool-size` is left as it is, a default that a deployment or a caller may override is only information.

    ## Why is this bad?
    Every process has such a pool. Twenty processes of twenty connections are four hundred, and a server that allows
    a hundred refuses the rest at the moment of the highest load. More connections than the server has cores make it
    slower, not faster.

    ## Example
    ```python
    engine = create_engine(URL, pool_size=100, max_overflow=50)
    ```

    ## Use instead
    ```python
    engine = create_engine(URL, pool_size=5, max_overflow=5)
    ```

    ## Options
    - `max-pool-size`
    """

    code: ClassVar[str] = "CNX401"
    name: ClassVar[str] = "oversized-pool"
    severity: ClassVar[Severity] = Severity.WARNING
    default: ClassVar[bool] = True

    def visit_Call(self, node: cst.Call, context: FileContext) -> Iterable[Report]:
        """Report literal sizes above the limit."""
        call = sized(node, context)
        size = call.size if call else None
        if call is None or size is None or not size.cap:
            return
        given, further = worth(node, size.max, context), worth(node, size.overflow, context)
        # An overflow alone comes on top of the library's own size.
        alone = size.max is not None and further.constant is not None and not given.given
        most = number(size.max.default) if size.max and alone else given.constant.number if given.constant else None
        if most is None or (size.max and is_unbounded(given, size.max)):
            return
        overflow = number(further.constant.value if further.constant else None) or 0.0
        total = most + max(overflow, 0.0)
        limit = context.limits.max_pool_size if size.limit == "database" else _ABSURD
        if total > limit and not (size.limit == "database" and in_process(node, call, context)):
            if size.overflow and not further.given:  # nobody chose it, so that alone it is no reason to report
                overflow = number(size.overflow.default) or 0.0
            parts = f"{most:,.0f} + {overflow:,.0f} overflow" if overflow > 0 else f"{most:,.0f}"
            allowed = f"max-pool-size ({limit})" if size.limit == "database" else f"{limit:,}"
            yield report(
                node,
                f"this pool may open {parts} connections in every process: more than {allowed}",
                unless_overridable(self.severity, (given, further)) if limit in (_USUAL, _ABSURD) else self.severity,
                call,
                context,
                (given, further),
            )


class UnboundedPool:
    """A pool has no ceiling.

    ## What it does
    Reports a literal that the library takes for "no limit": `max_overflow=-1`, `pool_size=0`, `limit=0`. And a pool,
    or a settings object that replaces a client's own limit (`httpx.Limits(max_keepalive_connections=5)`), for which
    no limit is given where the library has none by default; for other clients that is only information. A file that
    also makes a semaphore, or its kind, is left alone: how many callers run at once is decided there, on purpose. So is
    what counts for nothing: `limits=` of an httpx client that is given a `transport=`, which has limits of its own. A
    default that a deployment or a caller may override is only information.

    ## Why is this bad?
    A slow dependency then turns every waiting caller into one more connection, until the server, or the machine,
    refuses.

    ## Example
    ```python
    engine = create_engine(URL, pool_size=5, max_overflow=-1)
    ```

    ## Use instead
    ```python
    engine = create_engine(URL, pool_size=5, max_overflow=5)
    ```
    """

    code: ClassVar[str] = "CNX402"
    name: ClassVar[str] = "unbounded-pool"
    severity: ClassVar[Severity] = Severity.WARNING
    default: ClassVar[bool] = True

    def visit_Call(self, node: cst.Call, context: FileContext) -> Iterable[Report]:
        """Report literals that mean "no limit"."""
        call = sized(node, context)
        size = call.size if call else None
        if call is None or size is None or not size.cap or context.limits_callers():
            return
        for parameter in (size.max, size.overflow):
            given = worth(node, parameter, context)
            if parameter and given.constant and is_unbounded(given, parameter):
                text = f"{parameter.param}={given.constant.value!r} removes the limit of this pool"
                yield report(node, text, unless_overridable(self.severity, (given,)), call, context, (given,))
        if size.max and _has_no_limit(node, call, size.max, context):
            made = context.models.type(call.returns)
            severity = self.severity if made and made.kind in ("pool", "value") else Severity.INFO
            text = f"this pool has no limit: {size.max.param} is not given, and there is none by default"
            yield report(node, text, severity, call, context)


def _has_no_limit(node: cst.Call, call: Call, parameter: Parameter, context: FileContext) -> bool:
    """True when the library's default is no limit, nothing overrides it, and the pool is the call's own."""
    words = {a.keyword.value for a in node.args if a.keyword}
    if parameter.required or words.intersection(map(str, call.shares)):
        return False
    given = context.parameter(node, parameter)
    return not given.given and is_endless(given, parameter)


class InvertedSizes:
    """A pool's minimum is above its maximum, or its size is one with which it cannot work.

    ## What it does
    Reports sizes, or one size and the library's own default, that contradict each other; and sizes that the library
    refuses, or with which nobody ever gets a connection.

    ## Why is this bad?
    The constructor raises, or every caller waits for ever. The default counts: a library whose minimum is ten refuses
    `max_size=5` alone.

    ## Example
    ```python
    pool = await asyncpg.create_pool(DSN, max_size=5)
    ```

    ## Use instead
    ```python
    pool = await asyncpg.create_pool(DSN, min_size=1, max_size=5)
    ```
    """

    code: ClassVar[str] = "CNX404"
    name: ClassVar[str] = "inverted-sizes"
    severity: ClassVar[Severity] = Severity.ERROR
    default: ClassVar[bool] = True

    def visit_Call(self, node: cst.Call, context: FileContext) -> Iterable[Report]:
        """Report a minimum above the maximum, and sizes that cannot be."""
        call = sized(node, context)
        size = call.size if call else None
        if call is None or size is None or size.max is None:
            return
        upper_given = worth(node, size.max, context)
        most = upper_given.constant.number if upper_given.constant else None
        if most is not None and (most in size.max.refused or (size.max.highest or most) < most):
            bound = "" if most in size.max.refused else f" (it takes {size.max.highest} at most)"
            text = f"a pool with {size.max.param}={most:g} cannot work{bound}"
            yield report(node, text, self.severity, call, context, (upper_given,))
            return
        if size.min is None:
            return
        lower_given = worth(node, size.min, context)
        lower, upper = effective(lower_given, size.min), effective(upper_given, size.max)
        if lower is None or upper is None or lower <= upper or is_unbounded(upper_given, size.max):
            return
        default = " (the library's default)"
        yield report(
            node,
            f"{size.min.param}={lower:g}{'' if lower_given.given else default} is above "
            f"{size.max.param}={upper:g}{'' if upper_given.given else default}",
            self.severity,
            call,
            context,
            (lower_given, upper_given),
        )


class PoolChurn:
    """A pool closes most of its connections as they come back, and opens them again for the next caller.

    ## What it does
    Reports sizes of which fewer than half are kept: connections beyond psycopg2's `minconn`, and SQLAlchemy's overflow,
    are closed as soon as they come back. A database that is part of the process (`sqlite:///orders.db`) silences it.
    The rule is opt-in: it matters under load.

    ## Why is this bad?
    A pool is there so that nobody waits for a connection to open. Here, whoever comes when the kept ones are taken pays
    for a new connection and its handshake, and the server starts and ends a process for it.

    ## Example
    ```python
    pool = psycopg2.pool.ThreadedConnectionPool(1, 20, DSN)
    ```

    ## Use instead
    ```python
    pool = psycopg2.pool.ThreadedConnectionPool(10, 10, DSN)
    ```
    """

    code: ClassVar[str] = "CNX407"
    name: ClassVar[str] = "pool-churn"
    severity: ClassVar[Severity] = Severity.WARNING
    default: ClassVar[bool] = False

    def visit_Call(self, node: cst.Call, context: FileContext) -> Iterable[Report]:
        """Report pools that keep fewer than half of their connections."""
        call = sized(node, context)
        size = call.size if call else None
        if call is None or size is None or size.max is None or size.limit != "database":
            return
        parameters = (size.min if size.keeps == "min" else size.max, size.max, size.overflow)
        given = [worth(node, p, context) for p in parameters]
        if not any(g.given for g in given):
            return  # nobody chose these
        kept, most, over = (effective(g, p) if p else 0.0 for g, p in zip(given, parameters, strict=True))
        if kept is None or most is None or over is None or over < 0 or most <= 0:
            return
        if kept * 2 < most + over and not in_process(node, call, context):
            text = f"of the {most + over:g} connections that this pool may open it keeps {kept:g}"
            yield report(node, f"{text}: the rest reconnect each time", self.severity, call, context, given)
