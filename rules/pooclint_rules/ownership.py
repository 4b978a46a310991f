"""CNX111 and CNX126: who owns what may be handed in or made here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

import libcst as cst

from pooclint.program.defaults import defaults
from pooclint.program.scopes import descendants, dotted
from pooclint.rule import Confidence, Report, Severity
from pooclint_rules.verdict_reports import reports, source, stands_in_for, with_message

if TYPE_CHECKING:
    from pooclint.engine import FileContext
    from pooclint.flow.run import Record
    from pooclint.flow.values import Site
    from pooclint.program.scopes import Function


class DefaultNeverReleased:
    """What a function makes because it was given none is never released.

    ## What it does
    Reports `client = client or Client()` and its other forms (`if client is None: client = Client()`, the conditional
    expression) where no path releases the object that is made here, or only the one that was handed in is released.

    ## Why is this bad?
    Callers who leave the argument out are most callers. Each of their calls builds a client or opens a connection,
    and leaves it to the garbage collector.

    ## Example
    ```python
    async def rates(client: httpx.AsyncClient | None = None):
        client = client or httpx.AsyncClient()
        return (await client.get(URL)).json()
    ```

    ## Use instead
    ```python
    async def rates(client: httpx.AsyncClient | None = None):
        own = client is None
        client = client or httpx.AsyncClient()
        try:
            return (await client.get(URL)).json()
        finally:
            if own:
                await client.aclose()
    ```
    """

    code: ClassVar[str] = "CNX111"
    name: ClassVar[str] = "default-never-released"
    severity: ClassVar[Severity] = Severity.ERROR
    default: ClassVar[bool] = True

    def visit_FunctionDef(self, node: cst.FunctionDef, context: FileContext) -> Iterable[Report]:
        """Report the defaults that nothing releases."""
        function = context.function(node)
        record = context.record(function)
        if function is None or record is None:
            return
        for verdict, report in reports(node, context, frozenset({"never-released"}), "default"):
            path = stands_in_for(verdict, function)
            closed = [n for site in record.given if site.label == path for n in record.releases.get(site.number, ())]
            instead = ("; only the one handed in is released, on line ", closed[0]) if closed else ()
            yield with_message(
                report,
                (
                    f"the {verdict.site.acquisition.kind} that is made when there is no '{path}' is never released",
                    f" (acquired from {source(verdict)}",
                    *instead,
                    ")",
                ),
            )


class BorrowedClosed:
    """Something that the caller may have passed in is closed, while the caller may go on using it.

    ## What it does
    Reports a release of what an optional parameter, or an attribute with a stand-in, may hold:
    `client = client or Client()` and then `client.close()` whoever made it. A function whose name, documentation or
    flag says that it closes what it is given is left alone.

    ## Why is this bad?
    The caller's next request fails on a closed client, far away from the line that closed it; and a shared client is
    closed for everybody.

    ## Example
    ```python
    async def rates(client: httpx.AsyncClient | None = None):
        async with client or httpx.AsyncClient() as http:
            return (await http.get(URL)).json()
    ```

    ## Use instead
    ```python
    async def rates(client: httpx.AsyncClient | None = None):
        if client is not None:
            return (await client.get(URL)).json()
        async with httpx.AsyncClient() as own:
            return (await own.get(URL)).json()
    ```
    """

    code: ClassVar[str] = "CNX126"
    name: ClassVar[str] = "borrowed-closed"
    severity: ClassVar[Severity] = Severity.WARNING
    default: ClassVar[bool] = True

    def visit_FunctionDef(self, node: cst.FunctionDef, context: FileContext) -> Iterable[Report]:
        """Report the releases of what may be somebody else's."""
        function = context.function(node)
        record = context.record(function)
        if function is None or record is None or not record.given or _says_so(function):
            return
        for default in defaults(function):
            for site in record.given:
                if site.label == default.given:
                    yield from self._closed(function, record, site, default.made)

    def _closed(self, function: Function, record: Record, site: Site, made: cst.Call) -> Iterable[Report]:
        for release in record.releases.get(site.number, ())[:1]:
            if _asked_for(release, site.label, function):
                continue
            whose = "the caller's" if "." not in site.label else "shared"
            yield Report(
                release,
                (
                    f"'{site.label}' may be {whose}, and is closed here (",
                    "line ",
                    made,
                    " makes one only for want of it)",
                ),
                self.severity,
                Confidence.MEDIUM,
                function.qualname,
                site.acquisition.library,
                ((made, "made here when there is none"), (release, "closed here, whoever made it")),
            )


_CLOSING = re.compile(
    r"clos|releas|dispos|shut_?down|tear_?down|clean_?up|disconnect|finish|finali[sz]e|stop|terminat|__a?exit__|__del__"
)
_OWNING = re.compile(r"\bclos(e|es|ed|ing)\b|\bowner|\bdispos|\breleas", re.IGNORECASE)


def _says_so(function: Function) -> bool:
    """True when the function's name or documentation says that it closes what it is given."""
    if _CLOSING.search(function.name.lower()):
        return True
    documentation = function.node.get_docstring() if isinstance(function.node, cst.FunctionDef) else None
    return bool(documentation and _OWNING.search(documentation))


def _asked_for(release: cst.CSTNode, path: str, function: Function) -> bool:
    """True when a condition on something else than the resource decides whether it is closed (`if close_client:`)."""
    own = {path} | {n for n, bs in function.scope.bindings.items() if any(b.kind != "parameter" for b in bs)}
    for node in descendants(function.node.body, into_functions=False):
        if not isinstance(node, cst.If) or not any(inner is release for inner in descendants(node)):
            continue
        asked = {p for part in descendants(node.test) if (p := dotted(part))}
        parameters = {p.name for p in function.parameters} - own
        if any(a.split(".", maxsplit=1)[0] in parameters for a in asked):
            return True
    return False
