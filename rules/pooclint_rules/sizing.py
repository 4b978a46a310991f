"""CNX401, CNX402 and CNX404: pools whose figures cannot work."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import parse_qs, urlsplit

import libcst as cst

from pooclint.models import Call, Parameter
from pooclint.program.names import literal
from pooclint.rule import Confidence, Report, Severity

if TYPE_CHECKING:
    from pooclint.engine import FileContext

_ABSURD = 1_000
"""Above this a pool of anything but a database server's connections is reported."""


def _sized(node: cst.Call, context: FileContext) -> Call | None:
    return next((c for c in context.names.calls(node, context.scope) if c.size), None)


def _given(node: cst.Call, parameter: Parameter | None, context: FileContext) -> object:
    """The literal a parameter is given, as an argument or in a URL, constants of the module followed; `...` when it is
    not given or not literal."""
    if parameter is None:
        return ...
    given, in_url = _argument(node, parameter, context), _in_url(node, parameter, context)
    first, second = (in_url, given) if parameter.url_wins else (given, in_url)
    return second if first is ... else first


def _argument(node: cst.Call, parameter: Parameter, context: FileContext) -> object:
    for index, argument in enumerate(node.args):
        named = argument.keyword is not None and argument.keyword.value == parameter.param
        if named or (argument.keyword is None and not argument.star and index == parameter.position):
            return _constant(argument.value, context)
    return ...


def _in_url(node: cst.Call, parameter: Parameter, context: FileContext) -> object:
    """What the query of a literal URL among the arguments says: `redis://host?max_connections=5`."""
    if not parameter.url:
        return ...
    for argument in node.args:
        text = _constant(argument.value, context)
        if isinstance(text, str) and "://" in text:
            values = parse_qs(urlsplit(text).query).get(parameter.url, [])
            return int(values[-1]) if values and values[-1].isdecimal() else ...
    return ...


def _constant(node: cst.BaseExpression, context: FileContext) -> object:
    if isinstance(node, cst.Name) and node.value not in ("None", "True", "False"):
        found = context.scope.lookup(node.value)
        if found and found[0].kind == "module" and len(found[1]) == 1 and found[1][0].value is not None:
            return literal(found[1][0].value)
        return ...
    return literal(node)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _report(node: cst.Call, text: str, severity: Severity, call: Call, context: FileContext) -> Report:
    function = context.scope.function
    return Report(
        node, (text,), severity, Confidence.HIGH, function.qualname if function else "", context.models.library(call)
    )


class OversizedPool:
    """A pool may open more connections than its server can bear.

    ## What it does
    Reports a literal pool size, overflow included, above `max-pool-size` for database servers that spend a process
    or thread on each connection, and absurd sizes (above 1,000) elsewhere.

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
        given = _given(node, size.max, context)
        most = _number(given)
        if most is None or (size.max and _is_unbounded(given, size.max)):
            return
        overflow_given = _given(node, size.overflow, context)
        overflow = _number(overflow_given) or 0.0
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
            )


def _is_unbounded(value: object, parameter: Parameter) -> bool:
    if value is ...:
        return False
    if value is None:
        return "None" in parameter.unbounded or None in parameter.unbounded
    return any(value == u and not isinstance(value, bool) for u in parameter.unbounded)


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
            if parameter and _is_unbounded(_given(node, parameter, context), parameter):
                value = _given(node, parameter, context)
                yield _report(
                    node, f"{parameter.param}={value!r} removes the limit of this pool", self.severity, call, context
                )
        if size.max and _has_no_limit(node, call, size.max, context):
            made = context.models.type(call.returns)
            severity = self.severity if made and made.kind in ("pool", "value") else Severity.INFO
            text = f"this pool has no limit: {size.max.param} is not given, and there is none by default"
            yield _report(node, text, severity, call, context)


def _has_no_limit(node: cst.Call, call: Call, parameter: Parameter, context: FileContext) -> bool:
    """True when the library's default is no limit, nothing overrides it, and the pool is the call's own."""
    words = {a.keyword.value for a in node.args if a.keyword}
    if any(a.star for a in node.args) or parameter.required or words.intersection(map(str, call.shares)):
        return False
    if parameter.url and any(_constant(a.value, context) is ... for a in node.args if not a.keyword):
        return False  # a URL that cannot be read may set it
    given = _given(node, parameter, context)
    return given is ... and not _unreadable(node, parameter, given) and _is_unbounded(parameter.default, parameter)


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
        if call is None or size is None or size.min is None or size.max is None or any(a.star for a in node.args):
            return
        lower_given, upper_given = _given(node, size.min, context), _given(node, size.max, context)
        if _unreadable(node, size.min, lower_given) or _unreadable(node, size.max, upper_given):
            return
        lower = _number(lower_given if lower_given is not ... else size.min.default)
        upper = _number(upper_given if upper_given is not ... else size.max.default)
        if lower is None or upper is None or lower <= upper or _is_unbounded(upper_given, size.max):
            return
        default = " (the library's default)"
        yield _report(
            node,
            f"{size.min.param}={lower:g}{default if lower_given is ... else ''} is above "
            f"{size.max.param}={upper:g}{default if upper_given is ... else ''}",
            self.severity,
            call,
            context,
        )


def _unreadable(node: cst.Call, parameter: Parameter, value: object) -> bool:
    """True when the parameter is given, but not as a literal."""
    given = any(
        (a.keyword is not None and a.keyword.value == parameter.param)
        or (a.keyword is None and i == parameter.position)
        for i, a in enumerate(node.args)
    )
    return given and value is ...
