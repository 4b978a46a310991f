"""What a class keeps on its attributes, and whether anything releases it.

Each method that acquires says what it leaves on `self`; every method of the class and its relatives is then evaluated
with that attribute held, and says whether it releases it, hands it out, or shows it to an unknown callee.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import libcst as cst

from pooclint.flow.analysis import Analysis, own_calls
from pooclint.flow.given import Given, Within
from pooclint.flow.owners import RESOURCES
from pooclint.flow.record import Leak, Record
from pooclint.flow.run import GaveUp
from pooclint.flow.values import Fate, Site
from pooclint.program.attributes import (
    PROTOCOL,
    answered_outside,
    handled_outside,
    methods_of,
    named_of,
    other_names,
    relatives,
    taken,
)
from pooclint.program.scopes import Class, Function, Index
from pooclint.source.nodes import descendants, dotted, nodes_of, unawaited
from pooclint.source.targets import target_of


@dataclass(frozen=True, slots=True)
class Field:
    """A resource that an object keeps on an attribute and that nothing known releases."""

    attribute: str
    site: Site
    method: Function
    """The method that acquires it."""
    doubtful: bool
    """True when an unknown callee has seen it: it may have taken it over."""
    within: bool = False
    """True when the attribute only refers to it: a client that works on it, a registry of sessions."""
    shown: frozenset[str] = frozenset()
    """Public properties by which anybody may get it, and release it."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """A resource that a method leaves on attributes of its object."""

    field: Field
    names: frozenset[str]
    """The attributes that hold it."""
    within: tuple[tuple[str, Within], ...] = ()
    """Those that hold something that refers to it."""


@dataclass(frozen=True, slots=True)
class _Fate:
    answered: frozenset[str] = frozenset()
    """Attributes that something releases or hands out."""
    doubtful: frozenset[str] = frozenset()
    shown: Mapping[str, frozenset[str]] = dataclasses.field(default_factory=dict)
    """The properties that give what an attribute holds."""


def unreleased_fields(analysis: Analysis, owner: Class) -> list[Field]:
    """What methods of the class keep on attributes of the object, and neither the class, nor a base, a mixin or a
    subclass in sight, nor anybody else in the file releases or gets."""
    stored = list(_stored(analysis, owner))
    if not stored:
        return []
    family, module, of_base = relatives(analysis.names, owner), owner.scope.module, _of_base(analysis, owner)
    wanted = {a: Given(a, s.field.site.acquisition) for s in stored for a in s.names}
    fate = _fate(analysis, module, family, wanted)
    found: list[Field] = []
    for one in stored:
        if one.names & (fate.answered | of_base) or _is_never_opened(analysis, family, one):
            continue
        # One attribute may refer to several: each is asked about by itself.
        through = {a: Given(a, one.field.site.acquisition, within=within) for a, within in one.within}
        other = _fate(analysis, module, family, through) if through else _Fate()
        if through.keys() & (other.answered | of_base):
            continue
        seen = one.names & fate.doubtful or other.doubtful
        shown = frozenset(p for a in one.names for p in fate.shown.get(a, ()) if not p.startswith("_"))
        found.append(replace(one.field, doubtful=one.field.doubtful or bool(seen), shown=shown))
    return found


def _is_never_opened(analysis: Analysis, family: list[Class], one: _Stored) -> bool:
    """True of what opens nothing by being made, where the class and its relatives do nothing with it but call methods
    that open nothing either: each of them ends what it begins."""
    type_ = analysis.names.models.type(one.field.site.acquisition.type)
    if type_ is None or not type_.lazy or not type_.checks_out or "*" in type_.checks_out:
        return False
    done: set[str] = set()
    for method, own in methods_of(family):
        paths = {f"{own}.{attribute}" for attribute in one.names}
        nodes = list(method.body_nodes)
        parts = nodes_of(cst.Attribute, nodes)
        called = {id(n.value): n.attr.value for n in parts}
        bound = {id(n.target) for n in nodes if isinstance(n, (cst.AssignTarget, cst.AnnAssign))}
        done.update(called.get(id(n), "") for n in parts if dotted(n) in paths and id(n) not in bound)
    return bool(done) and done.isdisjoint(("", *type_.checks_out))


def _of_base(analysis: Analysis, owner: Class) -> frozenset[str]:
    """Attributes that the class has from a library: the class that it derives from releases what is there."""
    base = analysis.names.models.type(analysis.names.modelled_base(owner))
    return frozenset(base.attributes) if base else frozenset()


@dataclass(frozen=True, slots=True)
class Replaced:
    """An attribute whose first resource is replaced by another while it is still open."""

    attribute: str
    site: Site
    """Where the first is acquired."""
    node: cst.CSTNode
    """Where the other is."""
    method: Function
    """The method that replaces it."""


def replaced_fields(analysis: Analysis, owner: Class) -> Iterator[Replaced]:
    """Attributes that the constructor fills, and that another method fills again without a look at what is there.

    What the reference count releases at that moment does not count.
    """
    for names, field in _held(analysis, owner):
        if field.method.name != "__init__" or field.site.acquisition.reclaimed in ("refcount", "harmless"):
            continue
        calls = own_calls(field.method.node, field.method.scope)
        building = {id(analysis.names.definition(node.func, scope)) for node, scope in calls}
        filling = {m.name for m in owner.methods.values() if _fills(m, names)}
        for method in owner.methods.values():
            own = method.parameters[0].name if method.parameters else ""
            if method is field.method or id(method) in building or not own or not analysis.acquires(method):
                continue
            if method.name not in filling and analysis.names.own_attributes(method).isdisjoint(filling):
                continue
            items = tuple(Given(f"{own}.{a}", field.site.acquisition) for a in sorted(names))
            record = analysis.record_alone(method, items)
            for site in record.given if record else ():
                if record and site.number in record.replaced:
                    yield Replaced(site.label.removeprefix(own + "."), field.site, record.replaced[site.number], method)


def _fills(method: Function, attributes: frozenset[str]) -> bool:
    """A quick look: does a method bind one of these attributes, of whatever object?"""
    targets = (t for n in descendants(method.node.body) if (t := target_of(n)) is not None)
    below = (n for t in targets for n in descendants(t))
    return any(isinstance(n, cst.Attribute) and n.attr.value in attributes for n in below)


@dataclass(frozen=True, slots=True)
class Use:
    """A method that uses what an attribute holds, and releases it."""

    method: Function
    used: cst.CSTNode
    """The first call that needs it."""
    released: cst.CSTNode


@dataclass(frozen=True, slots=True)
class UsedUp:
    """An attribute that several methods use and then release, although only the constructor fills it."""

    attribute: str
    site: Site
    uses: tuple[Use, ...]


def used_up_fields(analysis: Analysis, owner: Class) -> Iterator[UsedUp]:
    """Attributes that two public methods use and release on every way, so that whichever comes second fails.

    One such method may well be called once in the life of an object; two are not.
    """
    stored = list(_held(analysis, owner))
    for names, field in stored:
        filled_again = any(names & others and f.method is not field.method for others, f in stored)
        if field.method.name != "__init__" or filled_again:
            continue
        for attribute in sorted(names):
            uses = tuple(_using_up(analysis, owner, attribute, field.site))
            if len(uses) > 1:
                yield UsedUp(attribute, field.site, uses)


@dataclass(frozen=True, slots=True)
class Stale:
    """An attribute that is filled when it is empty, and still holds what a method has released."""

    attribute: str
    site: Site
    filling: Function
    """The method that fills it, and hands out again what was released."""
    method: Function
    """The method that releases it."""
    released: cst.CSTNode


def stale_fields(analysis: Analysis, owner: Class) -> Iterator[Stale]:
    """Attributes that one method fills where there is nothing yet, and that another method releases and does not empty,
    where what was released cannot be used."""
    for attribute, site, filling in _filled_later(analysis, owner):
        others = [m for m in owner.methods.values() if m is not filling and m.name != "__init__" and m.parameters]
        if any(_fills(m, frozenset((attribute,))) for m in others):
            continue
        if not any(record.remains.get(n) for n, record in _alone(analysis, filling, attribute, site)):
            continue  # it asks whether it is closed, or fills it however it is
        for method in (m for m in others if _may_release(analysis, m, attribute, site)):
            for n, record in _alone(analysis, method, attribute, site):
                if record.remains.get(n) and record.ends.get(n) == {Fate.RELEASED} and n in record.releases:
                    yield Stale(attribute, site, filling, method, record.releases[n][0])


def _filled_later(analysis: Analysis, owner: Class) -> Iterator[tuple[str, Site, Function]]:
    """Attributes that a method fills by an acquisition, other than the constructor: with what cannot be used once it is
    released."""
    put: dict[int, str] = {}
    for attribute, values in owner.attributes.items():
        for value, scope in values:
            if scope.function is not None and scope.function.owner is owner:
                put[id(unawaited(value))] = attribute
    for method in owner.methods.values() if put else ():
        if method.name == "__init__" or not method.parameters or not analysis.acquires(method):
            continue
        try:
            sites = analysis.record(method).all_sites()
        except GaveUp:
            continue
        for site in sites:
            type_ = analysis.names.models.type(site.acquisition.type)
            if id(site.node) in put and type_ is not None and type_.uses:
                yield put[id(site.node)], site, method


def _alone(analysis: Analysis, method: Function, attribute: str, site: Site) -> Iterator[tuple[int, Record]]:
    """What becomes of what an attribute holds in a method, by the number that it has there."""
    path = f"{method.parameters[0].name}.{attribute}"
    record = analysis.record_alone(method, (Given(path, site.acquisition),))
    return ((own.number, record) for own in record.given) if record else iter(())


def _using_up(analysis: Analysis, owner: Class, attribute: str, site: Site) -> Iterator[Use]:
    """Public methods that use the resource and release it, whichever way they go; not those that end the object."""
    ending = analysis.names.models.release_names | PROTOCOL
    for method in owner.methods.values():
        if method.is_private or method.name in ending or not method.parameters:
            continue
        if attribute not in analysis.names.own_attributes(method) or not _may_release(
            analysis, method, attribute, site
        ):
            continue
        for number, record in _alone(analysis, method, attribute, site):
            used = [node for (n, _), node in record.used_while_held.items() if n == number]
            if used and record.ends.get(number) == {Fate.RELEASED} and number in record.releases:
                yield Use(method, used[0], record.releases[number][0])


def _may_release(analysis: Analysis, method: Function, attribute: str, site: Site) -> bool:
    """A quick look: does a method, or one of the object that it names, turn to what an attribute holds with a word by
    which that is released, enter it, or pass it on?"""
    named = analysis.names.own_attributes(method)
    family = [m for name in sorted(named) if method.owner and (m := analysis.names.method(method.owner, name))]
    released = frozenset(r.name for r in site.acquisition.releases)
    return any(_turns_to(analysis, m, attribute, released) for m in (method, *family) if m.parameters)


def _turns_to(analysis: Analysis, method: Function, attribute: str, released: frozenset[str]) -> bool:
    path = f"{method.parameters[0].name}.{attribute}"
    for node in descendants(method.node.body):
        match node:
            case cst.Attribute(value=value, attr=cst.Name(value=word)) if word in released and dotted(value) == path:
                return True
            case cst.Assign(value=value) | cst.NamedExpr(value=value) | cst.Return(value=cst.Attribute() as value) if (
                dotted(value) == path
            ):
                return True  # by another name
            case cst.WithItem(item=item) if dotted(item) == path or _takes(item, path):
                return True
            case cst.Call(func=func) if _takes(node, path) and analysis.names.definition(func, method.scope):
                return True
    return False


def _takes(node: cst.BaseExpression, path: str) -> bool:
    return isinstance(node, cst.Call) and any(dotted(argument.value) == path for argument in node.args)


def _held(analysis: Analysis, owner: Class) -> Iterator[tuple[frozenset[str], Field]]:
    """What attributes hold themselves."""
    return ((stored.names, stored.field) for stored in _stored(analysis, owner) if stored.names)


def _stored(analysis: Analysis, owner: Class) -> Iterator[_Stored]:
    for method in owner.methods.values():
        if not analysis.acquires(method):
            continue
        try:
            record = analysis.record(method)
        except GaveUp:
            continue
        sites = {s.number: s for s in record.all_sites()}
        for number in dict.fromkeys((*record.fields, *record.within)):
            site, names = sites[number], frozenset(record.fields.get(number, ()))
            if site.acquisition.kind in RESOURCES and site.acquisition.releases:
                within = record.within.get(number, {})
                plain = min(names or within)
                found = Field(plain, site, method, number in record.doubtful, within=not names)
                yield _Stored(found, names, tuple(sorted(within.items(), key=lambda item: item[0])))


def stray_leaks(analysis: Analysis, function: Function, record: Record) -> tuple[Leak, ...]:
    """What the function leaves on attributes and in elements when it fails, although it releases it from there
    otherwise, where nothing else in sight may do so."""
    if not record.strays:
        return ()
    known = record.strays.values()
    return analysis.names.circles.once(
        analysis.strays,
        id(function),
        lambda: tuple(k for k in known if not _released_elsewhere(analysis, function, k)),
    )


def _released_elsewhere(analysis: Analysis, function: Function, leak: Leak) -> bool:
    base, _, attribute = leak.place.partition(".")
    analysis.names.looks_around(function.scope)
    if function.owner is None or base != function.parameters[0].name or "." in attribute:
        return handled_outside(analysis.names, function, leak.place)
    family = relatives(analysis.names, function.owner)
    wanted = {attribute: Given(attribute, leak.site.acquisition)}
    fate = _fate(analysis, function.scope.module, family, wanted, apart=function)
    return attribute in fate.answered | fate.doubtful | fate.shown.keys()


def _fate(
    analysis: Analysis, module: Index, family: list[Class], wanted: dict[str, Given], apart: Function | None = None
) -> _Fate:
    """What becomes of what attributes hold, or of what that refers to (all of one sort).

    Who reads a public property is not expected to release what it gives, and what a method returns is.
    """
    within = any(item.within for item in wanted.values())
    methods = list(methods_of(family))
    named_so = other_names(analysis.names, methods, wanted)
    either = frozenset(wanted) | named_so.keys()
    # To close what refers to it says nothing: how that is done is seen when the methods are evaluated.
    outside = answered_outside(analysis.names, module, family, either, on_self=not within, apart=apart)
    answered, doubtful = {named_so.get(a, a) for a in outside}, set[str]()
    # What a private method returns is followed into the methods that call it.
    releases = analysis.names.models.release_names | PROTOCOL
    showing = {id(f) for f, _ in methods if not within and analysis.names.shows(f)}
    for_own = {id(f) for f, _ in methods if analysis.names.is_for_own_class(f)} | showing
    through = {f.name: taken(f, own, releases) & wanted.keys() for f, own in methods if id(f) in for_own}
    shown: dict[str, set[str]] = {}
    for function, own in methods:
        named = named_of(function, own) if within else taken(function, own, releases)
        mentioned = (named & wanted.keys()).union(*(through[n] for n in named & through.keys()))
        items = tuple(replace(wanted[a], path=f"{own}.{a}") for a in sorted(mentioned))
        if not items:
            continue
        record = analysis.record_alone(function, items)
        if record is None:
            doubtful |= mentioned
            continue
        for site in record.given:
            attribute = site.label.removeprefix(own + ".")
            kept = record.taken if id(function) in for_own else record.kept
            if site.number in record.releases or site.number in kept:
                answered.add(attribute)
            elif id(function) in showing and site.number in record.kept:
                shown.setdefault(attribute, set()).add(function.name)
            elif site.number in record.doubtful:
                doubtful.add(attribute)
    return _Fate(frozenset(answered), frozenset(doubtful), {a: frozenset(names) for a, names in shown.items()})
