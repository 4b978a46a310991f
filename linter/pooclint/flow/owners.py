"""Objects of the project that hold something, from their construction on or once they have opened it, and that have a
method which ends them (`close`, `stop`, `__exit__`) and gives it back.

Whoever builds such an object has to call that method: the object is a resource itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from pooclint.flow.given import Given
from pooclint.flow.private import from_own_pool, makes_pool
from pooclint.flow.record import Owned
from pooclint.flow.values import Site
from pooclint.models import Acquisition, Release
from pooclint.program.attributes import (
    PROTOCOL,
    answered_outside,
    has_unknown_base,
    life_cycle,
    methods_of,
    other_names,
    taken,
)
from pooclint.program.borrowing import handed_out
from pooclint.program.defaults import is_optional
from pooclint.program.names import Names
from pooclint.program.running import ENTERED_BY
from pooclint.program.scopes import Class, Function, Scope
from pooclint.rule import Place
from pooclint.source.nodes import dotted, is_none, nodes_of

if TYPE_CHECKING:
    from pooclint.flow.analysis import Analysis

RESOURCES = frozenset({"connection", "session", "client", "pool", "engine", "response", "subscription"})
"""Kinds of what an object may be left with."""


def owned(analysis: Analysis, owner: Class) -> Owned | None:
    """What an object of the class holds once it was built, for want of an argument it may be, or once a method has
    filled what its constructor left empty, where methods of its own release that; None where it holds nothing for sure,
    or somebody else may release it.

    Args:
        analysis: the analysis of functions.
        owner: the class.
    """
    names = analysis.names
    constructor = names.method(owner, "__init__")
    if constructor is None or not constructor.parameters or life_cycle(names, owner) is None:
        return None
    family = list(names.ancestors(owner))
    methods = {n: m for c in reversed(family) for n, m in c.methods.items()}
    # Not all of it is in sight; or the last reference to the object releases it.
    base = names.modelled_base(owner)
    running = names.models.run_by_base(base)
    if (base and not running) or has_unknown_base(names, owner) or "__del__" in methods:
        return None
    if any(True for _ in handed_out(analysis.names, constructor, constructor.node.body, frozenset(methods))):
        return None
    if not any(analysis.acquires(m) for m in methods.values()):
        return None
    at_once = _filled(analysis, constructor)
    unless = _standing_in(analysis, constructor) if at_once is None else frozenset[str]()
    if unless:
        at_once = _filled(analysis, constructor, absent=unless)
    attribute, site, filler = at_once or _filled_later(analysis, family, methods) or ("", None, constructor)
    if site is None:
        return None
    called = {attribute, *other_names(names, methods_of(family), {attribute})}
    if any(answered_outside(names, owner.scope.module, family, frozenset(called), on_self=False)):
        return None
    releasing = _releasing(analysis, family, attribute, site)
    # A thread that closes what it has needs nobody else.
    if not releasing or any(m.name in running for m in releasing):
        return None
    inner = site.acquisition
    # What it keeps may be an object that is empty at first, in its turn.
    filling = _filling(methods, attribute, inner) if at_once else frozenset({filler.name})
    filled_by = _calling(names, methods, filling)
    if inner.lazy and not inner.filled_by:  # it has no connection before it is used
        filled_by -= frozenset(ENTERED_BY)
    acquisition = Acquisition(
        type=names.local_type(owner),
        kind=inner.kind,
        library=inner.library,
        releases=tuple(Release("self", m.name, m.is_async) for m in releasing if m.name not in PROTOCOL),
        reclaimed=inner.reclaimed,
        # Of a session nobody sees here when it is used.
        pooled=inner.pooled and not inner.lazy and not _is_of_own_pool(names, family, site, filler),
        lazy=inner.lazy or not at_once,
        keeps=inner.shown,
        filled_by=filled_by,
        opened_by=filled_by & _opening(analysis, filler, site),
        crowded=inner.crowded,
    )
    return Owned(acquisition, site.label, site.origin or Place(site.node, filler.scope.module), unless)


def _opening(analysis: Analysis, filler: Function, site: Site) -> frozenset[str]:
    """The method that fills an attribute, where nothing can fail once it has."""
    record = analysis.record_alone(filler)
    return frozenset({filler.name}) if record and site.number not in record.half_filled else frozenset()


def _is_of_own_pool(names: Names, family: list[Class], site: Site, filler: Function) -> bool:
    """True where the pool that a connection comes from was made by the object, or by the method: nobody else waits."""
    if from_own_pool(names, site.node, filler):
        return True
    match site.node:
        case cst.Call(func=cst.Attribute(value=cst.Attribute(value=cst.Name(value=base), attr=cst.Name(value=name)))):
            own = base == filler.parameters[0].name
            return own and any(makes_pool(names, v, s) for c in family for v, s in c.attributes.get(name, ()))
    return False


def _filled(
    analysis: Analysis,
    method: Function,
    among: frozenset[str] | None = None,
    absent: frozenset[str] = frozenset(),
) -> tuple[str, Site, Function] | None:
    """An attribute that a method fills with a resource.

    Args:
        analysis: the analysis of functions.
        method: the method.
        among: the attributes that are asked about; None for those that it fills on every way.
        absent: parameters that are None.
    """
    record = analysis.record_alone(method, absent=absent) if analysis.acquires(method) else None
    if record is None:
        return None
    wanted = frozenset(record.filled or ()) if among is None else among
    sites = {s.number: s for s in record.all_sites()}
    for number, attributes in sorted(record.fields.items()):
        inner = sites[number].acquisition
        known = inner.kind in RESOURCES and inner.releases and inner.reclaimed != "harmless"
        if wanted & attributes and known and number not in record.doubtful:
            return min(wanted & attributes), sites[number], method
    return None


def _standing_in(analysis: Analysis, constructor: Function) -> frozenset[str]:
    """Parameters of a constructor for want of which it fills an attribute (`session or ClientSession()`)."""
    absent = frozenset(p.name for p in constructor.parameters if is_optional(p.name, constructor))
    if not absent or _filled(analysis, constructor, absent=absent) is None:
        return frozenset()
    for name in sorted(absent):
        if _filled(analysis, constructor, absent=absent - {name}):
            absent -= {name}
    return absent


def _filled_later(
    analysis: Analysis, family: list[Class], methods: dict[str, Function]
) -> tuple[str, Site, Function] | None:
    """An attribute that the constructor leaves empty, and that one method alone fills."""
    empty = frozenset(
        attribute
        for current in family
        for attribute, values in current.attributes.items()
        for value, scope in values
        if is_none(value) and _in_constructor(scope)
    )
    others = (m for m in methods.values() if m.name != "__init__") if empty else ()
    found = [filled for m in others if (filled := _filled(analysis, m, empty))]
    return found[0] if len(found) == 1 else None


def _in_constructor(scope: Scope) -> bool:
    return scope.function is not None and scope.function.name == "__init__"


def _filling(methods: dict[str, Function], attribute: str, inner: Acquisition) -> frozenset[str]:
    """The methods that have what an attribute holds filled."""
    found: set[str] = set()
    for name, method in methods.items() if inner.filled_by else ():
        path = f"{method.parameters[0].name}.{attribute}" if method.parameters else ""
        called = nodes_of(cst.Attribute, method.body_nodes)
        if any(n.attr.value in inner.filled_by and dotted(n.value) == path for n in called):
            found.add(name)
    return frozenset(found)


def _calling(names: Names, methods: dict[str, Function], filling: frozenset[str]) -> frozenset[str]:
    """The methods that fill an attribute, and those that call them."""
    found = set(filling)
    while more := {n for n, m in methods.items() if n not in found and not names.own_attributes(m).isdisjoint(found)}:
        found |= more
    return frozenset(found - {"__init__"})


def _releasing(analysis: Analysis, family: list[Class], attribute: str, site: Site) -> list[Function]:
    """The methods that release what the attribute holds and leave nothing else there; none where one hands it out."""
    releases = analysis.names.models.release_names.union(PROTOCOL, (r.name for r in site.acquisition.releases))
    known = {id(m) for c in family for m in c.methods.values()}
    methods = [(m, own) for m, own in methods_of(family) if id(m) in known and m.name != "__init__"]
    touching = {m.name for m, own in methods if attribute in taken(m, own, releases)}
    found: list[Function] = []
    for method, own in methods:
        named = taken(method, own, releases)
        if attribute not in named and named.isdisjoint(touching):
            continue
        record = analysis.record_alone(method, (Given(f"{own}.{attribute}", site.acquisition),))
        if record is None:
            return []
        for given in record.given:
            # What a private method returns is followed into the methods that call it.
            handed_out = record.taken if analysis.names.is_for_own_class(method) else record.kept
            if given.number in record.releases:
                # `reconnect` closes one and opens another: the object goes on.
                if attribute not in (record.filled or ()):
                    found.append(method)
            elif given.number in handed_out or given.number in record.doubtful:
                return []
    return found
