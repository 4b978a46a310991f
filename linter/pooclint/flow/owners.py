"""Objects of the project that hold something from their construction on, and give it back by a method of their own.

Whoever builds such an object has to call that method: the object is a resource itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from pooclint.flow.given import Given
from pooclint.flow.run import GaveUp, Owned, Record
from pooclint.flow.values import Site
from pooclint.models import Acquisition, Release
from pooclint.program.attributes import PROTOCOL, answered_outside, has_unknown_base, methods_of, taken
from pooclint.program.scopes import Class, Function
from pooclint.rule import Place
from pooclint.source.nodes import children

if TYPE_CHECKING:
    from pooclint.flow.analysis import Analysis

RESOURCES = frozenset({"connection", "session", "client", "pool", "engine", "response", "subscription"})
"""Kinds of what an object may be left with."""


def owned(analysis: Analysis, owner: Class) -> Owned | None:
    """What an object of the class holds whichever way it was built, where methods of its own release that; None where
    it holds nothing for sure, or somebody else may release it.

    Args:
        analysis: the analysis of functions.
        owner: the class.
    """
    names = analysis.names
    constructor = names.method(owner, "__init__")
    if constructor is None or not constructor.parameters or not analysis.acquires(constructor):
        return None
    family = list(names.ancestors(owner))
    # Not all of it is in sight; or the last reference to the object releases it.
    if names.modelled_base(owner) or has_unknown_base(names, owner) or any("__del__" in c.methods for c in family):
        return None
    own, methods = constructor.parameters[0].name, frozenset(n for c in family for n in c.methods)
    if any(True for _ in _handed_out(constructor.node.body, own, methods)):
        return None
    kept = _kept(analysis, constructor)
    if kept is None:
        return None
    attribute, site = kept
    if any(answered_outside(names, owner.scope.module, family, frozenset({attribute}), on_self=False)):
        return None
    releasing = _releasing(analysis, family, attribute, site)
    if not releasing:
        return None
    inner = site.acquisition
    releases = tuple(Release("self", m.name, m.is_async) for m in releasing if m.name not in PROTOCOL)
    acquisition = Acquisition(
        type=names.local_type(owner),
        kind=inner.kind,
        library=inner.library,
        releases=releases,
        reclaimed=inner.reclaimed,
        pooled=False,
        lazy=inner.lazy,
        keeps=inner.shown,
    )
    return Owned(acquisition, site, site.origin or Place(site.node, constructor.scope.module))


def _kept(analysis: Analysis, constructor: Function) -> tuple[str, Site] | None:
    """An attribute that holds something whenever the constructor has come to its end."""
    try:
        record = analysis.record_alone(constructor)
    except GaveUp:
        return None
    sites = {s.number: s for s in record.sites.values()}
    for number, attributes in sorted(record.fields.items()):
        always = attributes & (record.filled or set())
        acquisition = sites[number].acquisition
        known = acquisition.kind in RESOURCES and acquisition.releases and acquisition.reclaimed != "harmless"
        if always and known and number not in record.doubtful:
            return min(always), sites[number]
    return None


def _releasing(analysis: Analysis, family: list[Class], attribute: str, site: Site) -> list[Function]:
    """The methods that release what the attribute holds; none where one hands it out."""
    releases = analysis.names.models.release_names | PROTOCOL
    known = {id(m) for c in family for m in c.methods.values()}
    methods = [(m, own) for m, own in methods_of(family) if id(m) in known and m.name != "__init__"]
    touching = {m.name for m, own in methods if attribute in taken(m, own, releases)}
    found: list[Function] = []
    for method, own in methods:
        named = taken(method, own, releases)
        if attribute not in named and named.isdisjoint(touching):
            continue
        record = _entered_with(analysis, method, Given(f"{own}.{attribute}", site.acquisition))
        if record is None:
            return []
        for given in record.given:
            if given.number in record.releases:
                found.append(method)
            elif given.number in record.kept or given.number in record.doubtful:
                return []
    return found


def _entered_with(analysis: Analysis, method: Function, item: Given) -> Record | None:
    try:
        return analysis.record_alone(method, (item,))
    except GaveUp:
        return None


def _handed_out(node: cst.CSTNode, own: str, methods: frozenset[str]) -> Iterator[cst.CSTNode]:
    """Places where more is done with an object than to fill attributes and call methods: whoever gets it, or a method
    of it, may release it, at the end of the process if need be."""
    match node:
        case cst.Call(func=cst.Attribute(value=cst.Name(value=name)), args=args) if name == own:
            for argument in args:
                yield from _handed_out(argument, own, methods)
        case cst.Attribute(value=cst.Name(value=name), attr=cst.Name(value=attribute)) if name == own:
            if attribute in methods:
                yield node
        case cst.Name(value=name) if name == own:
            yield node
        case _:
            for child in children(node):
                yield from _handed_out(child, own, methods)
