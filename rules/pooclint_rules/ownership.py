"""CNX109, CNX111 and CNX126: who owns what an object keeps, and what may be handed in or made here."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, ClassVar

import libcst as cst

from pooclint.flow.fields import Field, unreleased_fields
from pooclint.flow.verdicts import severity_of
from pooclint.program.attributes import (
    answered_outside,
    builders,
    has_unknown_base,
    is_local,
    is_put_on_module,
    life_cycle,
    relatives,
    released_by_others,
)
from pooclint.program.defaults import defaults
from pooclint.rule import Confidence, Report, Severity
from pooclint.source.nodes import descendants, dotted
from pooclint_rules.verdict_reports import Message, reports, source, stands_in_for, with_message

if TYPE_CHECKING:
    from pooclint.engine import FileContext
    from pooclint.flow.record import Record
    from pooclint.flow.values import Site
    from pooclint.models import Acquisition
    from pooclint.program.scopes import Class, Function


class AttributeNeverReleased:
    """An object keeps a connection, session, client or pool that none of its methods releases.

    ## What it does
    Reports a resource that a method stores on `self`, where no method of the class, of a base, a mixin or a subclass in
    the same file releases it or hands it out. Whoever builds such an object has no way to give the resource back. It
    may be there by way of something else: a client that works on a pool does not close that, nor a registry of sessions
    its engine. Where a public property shows it, and nobody who imports the class does more with that than call its
    methods, the severity is `info`.

    ## Why is this bad?
    Each object leaves its connection to the garbage collector, which comes late or, for an asynchronous client, cannot
    close it at all. One object that lives as long as the process does no harm; one per request, per job or per test
    does.

    ## Example
    ```python
    class Ledger:
        def __init__(self, dsn):
            self._conn = psycopg2.connect(dsn)

        def total(self):
            with self._conn.cursor() as cur:
                cur.execute("SELECT sum(amount) FROM entries")
                return cur.fetchone()[0]
    ```

    ## Use instead
    ```python
    class Ledger:
        def __init__(self, dsn):
            self._conn = psycopg2.connect(dsn)

        def total(self):
            with self._conn.cursor() as cur:
                cur.execute("SELECT sum(amount) FROM entries")
                return cur.fetchone()[0]

        def close(self):
            self._conn.close()
    ```
    """

    code: ClassVar[str] = "CNX109"
    name: ClassVar[str] = "attribute-never-released"
    severity: ClassVar[Severity] = Severity.ERROR
    default: ClassVar[bool] = True

    def visit_ClassDef(self, node: cst.ClassDef, context: FileContext) -> Iterable[Report]:
        """Report what the class keeps and never releases."""
        owner = context.index.classes.get(id(node))
        if owner is None:
            return
        kept = [f for f in unreleased_fields(context.analysis, owner) if not _taken_elsewhere(owner, f.shown, context)]
        elsewhere = _released_elsewhere(owner, {f.attribute for f in kept if not f.within}, context)
        for found, *others in _by_attribute(f for f in kept if f.within or f.attribute not in elsewhere):
            acquisition = found.site.acquisition
            origin = f"{acquisition.shown} from '{found.site.through}'" if found.site.through else found.site.label
            forgetful = life_cycle(context.names, owner)
            forgets = _forgets(forgetful, owner) if forgetful else ()
            build = _per_call(owner, context)
            yield Report(
                found.site.node,
                (
                    f"{_what(found)} is never released by '{owner.name}' (acquired from {origin}",
                    *forgets,
                    ")",
                ),
                Severity.INFO
                if found.shown
                else _kept_severity(acquisition, owner, context, expected=forgetful is not None or build is not None),
                _kept_confidence(found, owner, context),
                found.method.qualname,
                acquisition.library,
                (
                    (found.site.node, f"acquired here ({origin})"),
                    *((other.site.node, "or here") for other in others),
                    (node, "no method of the class releases it" + _by_others(found)),
                    *(((build, "and an object is built here in each call"),) if build else ()),
                ),
            )


def _by_others(found: Field) -> str:
    return f", nor does anybody in sight who gets it by '{min(found.shown)}'" if found.shown else ""


def _released_elsewhere(owner: Class, attributes: Collection[str], context: FileContext) -> frozenset[str]:
    """Those of these attributes that another file releases."""
    modules = [m for m in context.around(attributes) if m is not context.index] if attributes else []
    return frozenset(released_by_others(context.names, owner, modules, attributes))


def _taken_elsewhere(owner: Class, properties: frozenset[str], context: FileContext) -> bool:
    """True when another file does more with what one of these properties gives than call a method of it."""
    modules = [m for m in context.around(properties) if m is not context.index] if properties else []
    family = relatives(context.names, owner)
    return any(True for m in modules for _ in answered_outside(context.names, m, family, properties))


def _by_attribute(fields: Iterable[Field]) -> Iterable[list[Field]]:
    """What one attribute may hold needs one release, wherever it is acquired: the surest first."""
    found: dict[tuple[str, bool, str], list[Field]] = {}
    for field in fields:
        found.setdefault((field.attribute, field.within, field.site.acquisition.kind), []).append(field)
    return (sorted(same, key=lambda f: (f.doubtful, f.site.guessed)) for same in found.values())


def _what(found: Field) -> str:
    if found.within:
        return f"the {found.site.acquisition.kind} that 'self.{found.attribute}' works on"
    return f"'self.{found.attribute}'"


def _forgets(method: Function, owner: Class) -> Message:
    """Names the method that could release it; the line only where it is in the same file."""
    if method.scope.module is owner.scope.module:
        return (f"; '{method.name}' on line ", method.node, " does not")
    inherited = f" of '{method.owner.name}'" if method.owner else ""
    return (f"; '{method.name}'{inherited} does not",)


def _kept_severity(acquisition: Acquisition, owner: Class, context: FileContext, expected: bool) -> Severity:
    """A client, engine or pool that one lasting object keeps is usual; one that each of many objects keeps is not.

    Args:
        acquisition: what is kept.
        owner: the class.
        context: the file.
        expected: True when the object has a life-cycle method, or is built in each call of some function.
    """
    severity = severity_of(acquisition)
    built = builders(context.names, owner, context.around((owner.name,)))
    if any(f is None or _lasts(node, f, context) for node, f in built):
        return Severity.INFO
    if acquisition.kind in ("client", "engine", "pool") and not expected and not acquisition.released_by_awaiting:
        return Severity.INFO
    return max(severity, Severity.WARNING) if expected and acquisition.reclaimed != "harmless" else severity


def _lasts(node: cst.Call, function: Function, context: FileContext) -> bool:
    """True where a function builds an object that lives as long as the process."""
    if context.names.runs_once(function) or context.is_entry_point(function):
        return True
    return is_put_on_module(node, function)


def _per_call(owner: Class, context: FileContext) -> cst.Call | None:
    """A place that builds an instance and lets go of it when its function ends."""
    for node, function in builders(context.names, owner, (context.index,)):
        if function and not context.is_entry_point(function) and is_local(node, function):
            return node
    return None


def _kept_confidence(found: Field, owner: Class, context: FileContext) -> Confidence:
    if found.doubtful or found.site.guessed or has_unknown_base(context.names, owner):
        return Confidence.LOW
    sure = found.attribute.startswith("_") and not found.site.acquisition.keeps
    return Confidence.HIGH if sure else Confidence.MEDIUM


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

    def visit_evaluated(self, function: Function, record: Record, context: FileContext) -> Iterable[Report]:
        """Report the defaults that nothing releases."""
        for verdict, report in reports(function, record, context, frozenset({"never-released"}), "default"):
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

    def visit_evaluated(self, function: Function, record: Record, _context: FileContext) -> Iterable[Report]:
        """Report the releases of what may be somebody else's."""
        if not record.given or _says_so(function):
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
                Confidence.LOW if record.cut_lent else Confidence.MEDIUM,
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
    for node in function.body_nodes:
        if not isinstance(node, cst.If) or not any(inner is release for inner in descendants(node)):
            continue
        asked = {p for part in descendants(node.test) if (p := dotted(part))}
        parameters = {p.name for p in function.parameters} - own
        if any(a.split(".", maxsplit=1)[0] in parameters for a in asked):
            return True
    return False
