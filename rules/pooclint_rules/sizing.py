"""CNX401, CNX402 and CNX404: pools whose figures cannot work."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

import libcst as cst

from pooclint.models import Call, Parameter
from pooclint.program.constants import ABSENT, Constant, Worth
from pooclint.program.scopes import descendants
from pooclint.rule import Confidence, Place, Report, Severity

if TYPE_CHECKING:
    from pooclint.engine import FileContext

_ABSURD = 1_000
"""Above this a pool of anything but a database server's connections is reported."""


def _sized(node: cst.Call, context: FileContext) -> Call | None:
    return next((c for c in context.names.calls(node, context.scope) if c.size), None)


def _worth(node: cst.Call, parameter: Parameter | None, context: FileContext) -> Worth:
    """What the call gives a parameter; where there is no such parameter, nothing."""
    return context.parameter(node, parameter) if parameter else ABSENT


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _effective(worth: Worth, parameter: Parameter) -> float | None:
    """The number that holds: what is given, else the library's default; None where it is not known, or no number."""
    if worth.constant:
        return worth.constant.number
    return None if worth.given else _number(parameter.default)


def _report(
    node: cst.Call, text: str, severity: Severity, call: Call, context: FileContext, figures: Iterable[Worth] = ()
) -> Report:
    """A report about a call, with the places that its figures come from where they stand elsewhere."""
    known = [w.constant for w in figures if w.constant]
    inside = {id(part) for part in descendants(node)}
    elsewhere = [c for c in known if id(c.place.node) not in inside]
    function = context.scope.function
    return Report(
        node,
        (f"{text}{_origins(known)}",),
        severity,
        Confidence.HIGH,
        function.qualname if function else "",
        context.models.library(call),
        tuple((_step(c, context), f"{_shown(c.value)}: {c.how}") for c in elsewhere),
    )


def _origins(figures: Iterable[Constant]) -> str:
    """`` (default of environment variable POOL)``, where a deployment may say otherwise."""
    found = dict.fromkeys(c.how for c in figures if c.origin)
    return f" ({', '.join(found)})" if found else ""


def _step(constant: Constant, context: FileContext) -> Place | cst.CSTNode:
    return constant.place if constant.place.module is not context.index else constant.place.node


def _shown(value: object) -> str:
    return f"{value:,.0f}" if isinstance(value, (int, float)) and not isinstance(value, bool) else repr(value)


class OversizedPool:
    """A pool may open more connections than its server can bear.

    ## What it does
    Reports a pool size, overflow included, above `max-pool-size` for database servers that spend a process or thread
    on each connection, and absurd sizes (above 1,000) elsewhere. Constants of other modules, keyword dictionaries and
    the defaults of settings are followed.

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
        call = _sized(node, context)
        size = call.size if call else None
        if call is None or size is None or not size.cap:
            return
        given = _worth(node, size.max, context)
        most = given.constant.number if given.constant else None
        if most is None or (size.max and _is_unbounded(given, size.max)):
            return
        further = _worth(node, size.overflow, context)
        overflow = _number(further.constant.value if further.constant else None) or 0.0
        total = most + max(overflow, 0.0)
        limit = context.limits.max_pool_size if size.limit == "database" else _ABSURD
        if total > limit:
            parts = f"{most:,.0f} + {overflow:,.0f} overflow" if overflow > 0 else f"{most:,.0f}"
            yield _report(
                node,
                f"this pool may open {parts} connections in every process; the limit is {limit}",
                self.severity,
                call,
                context,
                (given, further),
            )


def _is_unbounded(worth: Worth, parameter: Parameter) -> bool:
    return worth.constant is not None and parameter.means_no_limit(worth.constant.value)


class UnboundedPool:
    """A pool has no ceiling.

    ## What it does
    Reports a literal that the library takes for "no limit": `max_overflow=-1`, `pool_size=0`, `limit=0`. And a pool,
    or a settings object that replaces a client's own limit (`httpx.Limits(max_keepalive_connections=5)`), for which
    no limit is given where the library has none by default; for other clients that is only information.

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
        call = _sized(node, context)
        size = call.size if call else None
        if call is None or size is None or not size.cap:
            return
        for parameter in (size.max, size.overflow):
            worth = _worth(node, parameter, context)
            if parameter and worth.constant and _is_unbounded(worth, parameter):
                text = f"{parameter.param}={worth.constant.value!r} removes the limit of this pool"
                yield _report(node, text, self.severity, call, context, (worth,))
        if size.max and _has_no_limit(node, call, size.max, context):
            made = context.models.type(call.returns)
            severity = self.severity if made and made.kind in ("pool", "value") else Severity.INFO
            text = f"this pool has no limit: {size.max.param} is not given, and there is none by default"
            yield _report(node, text, severity, call, context)


def _has_no_limit(node: cst.Call, call: Call, parameter: Parameter, context: FileContext) -> bool:
    """True when the library's default is no limit, nothing overrides it, and the pool is the call's own."""
    words = {a.keyword.value for a in node.args if a.keyword}
    if parameter.required or words.intersection(map(str, call.shares)):
        return False
    return not context.parameter(node, parameter).given and parameter.means_no_limit(parameter.default)


class InvertedSizes:
    """A pool's minimum is above its maximum.

    ## What it does
    Reports literal sizes, or one literal size and the library's own default, that contradict each other.

    ## Why is this bad?
    The constructor raises, or the pool never gets what it waits for. The default counts: a library whose minimum is
    ten refuses
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
        """Report a minimum above the maximum."""
        call = _sized(node, context)
        size = call.size if call else None
        if call is None or size is None or size.min is None or size.max is None:
            return
        lower_given, upper_given = _worth(node, size.min, context), _worth(node, size.max, context)
        lower, upper = _effective(lower_given, size.min), _effective(upper_given, size.max)
        if lower is None or upper is None or lower <= upper or _is_unbounded(upper_given, size.max):
            return
        default = " (the library's default)"
        yield _report(
            node,
            f"{size.min.param}={lower:g}{'' if lower_given.given else default} is above "
            f"{size.max.param}={upper:g}{'' if upper_given.given else default}",
            self.severity,
            call,
            context,
            (lower_given, upper_given),
        )
