"""CNX503: limits in time that contradict each other."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import libcst as cst

from pooclint.deployment.facts import Figure, Program
from pooclint.models import Call, Parameter, ServerSetting
from pooclint.program.constants import Constant, Worth
from pooclint.rule import Confidence, Report, Severity
from pooclint_rules.figures import seconds, worth

if TYPE_CHECKING:
    from pooclint.engine import FileContext

_UNITS = {"us": 1e-6, "ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True)
class Rung:
    """A limit in time that somebody has written down."""

    limit: float
    """Seconds."""
    name: str
    """The parameter or setting."""


@dataclass(frozen=True, slots=True)
class Request:
    """How long a server program lets a request take."""

    limit: float
    """Seconds."""
    figure: Figure[float]
    program: Program


class TimeoutLadder:
    """Limits in time do not step down: an inner one is as long as the one around it.

    ## What it does
    Compares limits that belong together, where both are known: a deadline (`asyncio.timeout`, `wait_for`) and the
    limit of the acquire inside it; the time after which the server program ends a request (gunicorn's `timeout` for
    sync workers, uWSGI's `harakiri`, the timeout of a function), and the limit of a query (`statement_timeout`,
    `command_timeout`), of an acquire, or of an HTTP call in a handler. A pool whose acquire gives up before a query
    does is information.

    ## Why is this bad?
    The outer limit ends the work first. The inner one never comes into effect, what it would have reported is lost, and
    what it would have ended goes on: the worker is killed, and its query keeps running on the server.

    ## Example
    ```python
    async with asyncio.timeout(5):
        async with pool.acquire(timeout=30) as conn:
            await conn.execute(QUERY)
    ```

    ## Use instead
    ```python
    async with asyncio.timeout(5):
        async with pool.acquire(timeout=2) as conn:
            await conn.execute(QUERY)
    ```
    """

    code: ClassVar[str] = "CNX503"
    name: ClassVar[str] = "timeout-ladder"
    severity: ClassVar[Severity] = Severity.WARNING
    default: ClassVar[bool] = True

    def visit_Call(self, node: cst.Call, context: FileContext) -> Iterable[Report]:
        """Report limits that do not step down."""
        for call in context.names.calls(node, context.scope):
            acquire = _rung(node, call, "acquire", context)
            if acquire and not call.size:
                yield from self._inside_deadline(node, call, acquire, context)
            if call.size or call.server_settings:
                yield from self._inside_request(node, call, acquire, context)
        yield from self._reply(node, context)

    def _inside_deadline(self, node: cst.Call, call: Call, inner: Rung, context: FileContext) -> Iterator[Report]:
        for deadline in context.deadlines(node):
            given = worth(deadline.node, deadline.parameter, context)
            outer = seconds(given.constant.value, deadline.parameter) if given.constant else None
            if outer is None or deadline.parameter.unit == "" or inner.limit < outer:
                continue
            text = f"{inner.name}={inner.limit:g} s never comes into effect: the deadline on line "
            function = context.scope.function
            yield Report(
                node,
                (text, deadline.node, f" ends this after {outer:g} s"),
                self.severity,
                Confidence.HIGH,
                function.qualname if function else "",
                context.models.library(call),
                ((deadline.node, f"ends after {outer:g} s"), (node, f"may wait for {inner.limit:g} s")),
            )
            return

    def _inside_request(
        self, node: cst.Call, call: Call, acquire: Rung | None, context: FileContext
    ) -> Iterator[Report]:
        query = _rung(node, call, "query", context) or _server_limit(node, call, context)
        if query and acquire and acquire.limit < query.limit:
            text = f"callers give up after {acquire.limit:g} s ({acquire.name}), before a query does"
            yield _report(node, f"{text} ({query.name}, {query.limit:g} s)", Severity.INFO, call, context)
        request = _request(context) if query or acquire else None
        if request is None:
            return
        # Where a process does one thing at a time, nobody waits for its pool.
        waits = acquire if request.program.threads and request.program.threads.value > 1 else None
        for rung, what in ((query, "a query may take"), (waits, "a caller may wait for a connection for")):
            if rung and rung.limit >= request.limit:
                text = f"{what} {rung.limit:g} s ({rung.name}), and {_described(request, context)}"
                yield _report(node, text, self.severity, call, context)

    def _reply(self, node: cst.Call, context: FileContext) -> Iterator[Report]:
        """A call in a handler that may wait for its reply longer than the request may take."""
        function = context.scope.function
        external = context.external(node) if function and any(a.keyword for a in node.args) else None
        if external is None or not external.timeout or function is None:
            return
        parameter = Parameter(param=external.timeout, unit="s", unbounded=("None",))
        given = worth(node, parameter, context)
        limit = seconds(given.constant.value, parameter) if given.constant else None
        entry = context.entry(function) if limit is not None else None
        request = _request(context) if entry is not None and entry.kind in ("request", "event") else None
        if limit is not None and request is not None and limit >= request.limit:
            text = f"this may wait for its reply for {limit:g} s ({external.timeout}), and "
            yield Report(
                node, (text + _described(request, context),), self.severity, Confidence.MEDIUM, function.qualname
            )


def _report(node: cst.Call, text: str, severity: Severity, call: Call, context: FileContext) -> Report:
    function = context.scope.function
    library = context.models.library(call)
    return Report(node, (text,), severity, Confidence.MEDIUM, function.qualname if function else "", library)


def _rung(node: cst.Call, call: Call, purpose: str, context: FileContext) -> Rung | None:
    """What a call is given for one of its limits."""
    parameter = call.timeouts.get(purpose)
    given = worth(node, parameter, context)
    limit = seconds(given.constant.value, parameter) if parameter and given.constant else None
    return Rung(limit, parameter.param) if parameter and limit is not None else None


def _server_limit(node: cst.Call, call: Call, context: FileContext) -> Rung | None:
    """A limit that the server is told to keep: `server_settings={"statement_timeout": "30s"}`."""
    for path in call.server_settings:
        keys = path.split(".")
        for setting in context.models.server_settings:
            found = _setting(context.nested(node, *keys), setting) or _given(
                context.nested(node, *keys, setting.name), setting
            )
            if found:
                return Rung(found, setting.name)
    return None


def _setting(options: Worth, setting: ServerSetting) -> float | None:
    """The limit in libpq's `-c statement_timeout=30s`."""
    text = options.constant.value if options.constant else None
    if not isinstance(text, str):
        return None
    found = re.search(rf"\b{re.escape(setting.name)}\s*=\s*'?(\d+\s*[a-z]*)", text)
    return _time(found[1], setting) if found else None


def _given(given: Worth, setting: ServerSetting) -> float | None:
    known: Constant | None = given.constant
    return _time(str(known.value), setting) if known and isinstance(known.value, (int, str)) else None


def _time(text: str, setting: ServerSetting) -> float | None:
    """Seconds of a time as the server reads it; None where there is no limit."""
    match = re.fullmatch(r"\s*(\d+)\s*([a-z]*)\s*", text)
    unit = _UNITS.get(match[2] or setting.unit) if match else None
    return int(match[1]) * unit or None if match and unit else None


def _request(context: FileContext) -> Request | None:
    """The longest that a request may take in the programs that run this file, where each of them has a limit."""
    path = context.index.origin.path
    here = context.deployment.production
    programs = [p for p in here.programs if p.kind in ("web", "function") and _runs(p, path)]
    found = [
        Request(p.timeouts["request"].value, p.timeouts["request"], p) for p in programs if "request" in p.timeouts
    ]
    if not found or len(found) < len(programs) or any(one.limit <= 0 for one in found):
        return None
    return max(found, key=lambda one: one.limit)


def _runs(program: Program, path: str) -> bool:
    return not program.root or not path or path.startswith(program.root.rstrip(os.sep) + os.sep)


def _described(request: Request, context: FileContext) -> str:
    figure, root = request.figure, context.deployment.root
    name = os.path.relpath(figure.path, root).replace(os.sep, "/") if figure.path and root else ""
    place = f"{name}:{figure.line}" if name else figure.why
    runner = request.program.runner or request.program.name
    return f"{runner} ends a request after {request.limit:g} s ({place})"
