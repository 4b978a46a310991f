"""CNX405 and CNX406: pools whose size does not fit what runs the program."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

import libcst as cst

from pooclint.deployment.facts import Program
from pooclint.rule import Report, Severity
from pooclint_rules.figures import effective, report, sized, worth
from pooclint_rules.pooler import route

if TYPE_CHECKING:
    from pooclint.engine import FileContext


class ServerlessPool:
    """A function of a serverless platform has a pool of several connections, and no pooler in front of the server.

    ## What it does
    Reports pools of a database in a module that holds a handler of AWS Lambda, Google Cloud Functions, Azure Functions
    or Chalice, or that hands an application to such a platform (`Mangum`), when the pool opens more than one connection
    at once, or is given a size above one. A pooler in front (RDS Proxy, PgBouncer) silences it. A library's own size
    that is only used as far as it is needed is information.

    ## Why is this bad?
    The platform starts an instance for each event at a time, and each has a pool of its own. An instance works on one
    event: further connections are opened and never used, and a thousand instances of five are five thousand.

    ## Example
    ```python
    pool = ThreadedConnectionPool(5, 20, DSN)

    def lambda_handler(event, context):
        conn = pool.getconn()
    ```

    ## Use instead
    ```python
    pool = ThreadedConnectionPool(1, 1, DSN)  # through RDS Proxy

    def lambda_handler(event, context):
        conn = pool.getconn()
    ```
    """

    code: ClassVar[str] = "CNX405"
    name: ClassVar[str] = "serverless-pool"
    severity: ClassVar[Severity] = Severity.WARNING
    default: ClassVar[bool] = True

    def visit_Call(self, node: cst.Call, context: FileContext) -> Iterable[Report]:
        """Report pools of several connections in functions."""
        call = sized(node, context)
        size = call.size if call else None
        if call is None or size is None or size.max is None or size.limit != "database":
            return
        given = [worth(node, parameter, context) for parameter in (size.min, size.max, size.overflow)]
        parameters = (size.min, size.max, size.overflow)
        eager, most, over = (effective(g, p) if p else 0.0 for g, p in zip(given, parameters, strict=True))
        total = (most or 0.0) + max(over or 0.0, 0.0)
        if max(eager or 0.0, total) <= 1 or not _is_function(context) or route(context.address(node), context):
            return
        chosen = any(g.constant for g in given[1:])
        severity = self.severity if chosen or (eager or 0) > 1 else Severity.INFO
        opens = f"opens {eager:g} connections at once" if (eager or 0) > 1 else f"may open {total:g} connections"
        text = f"each instance of this function {opens}, and works on one event: one is enough"
        yield report(node, text, severity, call, context, given)


def _is_function(context: FileContext) -> bool:
    """True when the file's code runs on a platform that starts an instance for each event at a time."""
    if context.requests.frameworks() & context.models.serverless or any(c.serverless for c in context.known_calls()):
        return True
    programs = _programs(context)
    return bool(programs) and all(program.kind == "function" for program in programs)


def _programs(context: FileContext) -> list[Program]:
    """The programs of the deployment that may run this file."""
    path = context.index.origin.path
    here = context.deployment.production.programs
    inside = [p for p in here if p.root and path.startswith(p.root.rstrip(os.sep) + os.sep)]
    return [p for p in inside if p.kind in ("web", "worker", "function")]


class DefaultPoolSize:
    """A server process runs with the library's default size, which nobody chose.

    ## What it does
    Reports pools of a database that are given no size, in projects whose deployment has a server or worker program, or
    in a file that makes the application of a web framework. The rule is opt-in.

    ## Why is this bad?
    Libraries disagree: 4, 10, 15 connections a process. Multiplied by processes and instances, the default decides
    whether the server is overrun, and it changes with the library's next release.

    ## Example
    ```python
    engine = create_engine(URL)
    ```

    ## Use instead
    ```python
    engine = create_engine(URL, pool_size=5, max_overflow=0)
    ```
    """

    code: ClassVar[str] = "CNX406"
    name: ClassVar[str] = "default-pool-size"
    severity: ClassVar[Severity] = Severity.WARNING
    default: ClassVar[bool] = False

    def visit_Call(self, node: cst.Call, context: FileContext) -> Iterable[Report]:
        """Report pools without a size."""
        call = sized(node, context)
        size = call.size if call else None
        if call is None or size is None or size.max is None or size.limit != "database" or size.max.required:
            return
        figures = [(p, worth(node, p, context)) for p in (size.max, size.overflow) if p]
        if any(given.given for _, given in figures) or size.max.default is None or not is_server(context):
            return
        parts = [f"{p.param}={p.default}" for p, _ in figures]
        text = f"nobody chose the size of this pool: it is the library's default, {' and '.join(parts)}"
        yield report(node, text, self.severity, call, context)


def is_server(context: FileContext) -> bool:
    """True when the file is part of a program that serves requests or works off tasks: a deployment says so, or the
    module or one that imports it has handlers, or makes the application of a framework."""
    if any(p.kind in ("web", "worker") for p in _programs(context)) or context.requests.frameworks():
        return True
    if any(
        context.callers.scopes(index).frameworks() for index in context.callers.importers(context.index.origin.path, ())
    ):
        return True
    types = (context.models.type(call.returns) for call in context.known_calls())
    return any(type_ is not None and type_.kind == "app" for type_ in types)
