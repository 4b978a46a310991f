"""What a class keeps on its attributes, and whether anything releases it.

Each method that acquires says what it leaves on `self`; every method of the class and its relatives is then evaluated
with that attribute held, and says whether it releases it, hands it out, or shows it to an unknown callee.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from pooclint.flow.analysis import Analysis, own_calls
from pooclint.flow.given import Given
from pooclint.flow.run import GaveUp, Record
from pooclint.flow.values import Fate, Site
from pooclint.program.names import Names
from pooclint.program.scopes import Class, Function, Index, Scope, children, descendants, dotted

_PROTOCOL = frozenset({"__exit__", "__aexit__", "__del__"})
_KNOWN_ROOTS = frozenset({"builtins", *sys.stdlib_module_names})
_KINDS = frozenset({"connection", "session", "client", "pool", "engine", "response", "subscription"})


@dataclass(frozen=True, slots=True)
class Field:
    """A resource that an object keeps on an attribute and that nothing known releases."""

    attribute: str
    site: Site
    method: Function
    """The method that acquires it."""
    doubtful: bool
    """True when an unknown callee has seen it: it may have taken it over."""


@dataclass(frozen=True, slots=True)
class _Fate:
    answered: frozenset[str] = frozenset()
    """Attributes that something releases or hands out."""
    doubtful: frozenset[str] = frozenset()


def unreleased_fields(analysis: Analysis, owner: Class) -> list[Field]:
    """What methods of the class keep on attributes of the object, and neither the class, nor a base, a mixin or a
    subclass in sight, nor anybody else in the file releases or gets."""
    stored = list(_stored(analysis, owner))
    if not stored:
        return []
    family = relatives(analysis.names, owner)
    wanted = {a: f.site for names, f in stored for a in names}
    fate = _fate(analysis, owner.scope.module, family, wanted)
    return [
        Field(field.attribute, field.site, field.method, field.doubtful or bool(names & fate.doubtful))
        for names, field in stored
        if not names & fate.answered
    ]


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
    for names, field in _stored(analysis, owner):
        if field.method.name != "__init__" or field.site.acquisition.reclaimed in ("refcount", "harmless"):
            continue
        calls = own_calls(field.method.node, field.method.scope)
        building = {id(analysis.names.definition(node.func, scope)) for node, scope in calls}
        for method in owner.methods.values():
            own = method.parameters[0].name if method.parameters else ""
            if method is field.method or id(method) in building or not own or not analysis.acquires(method):
                continue
            record = _entered_with(analysis, method, [Given(f"{own}.{a}", field.site.acquisition) for a in sorted(names)])
            for site in record.given if record else ():
                if record and site.number in record.replaced:
                    yield Replaced(
                        site.label.removeprefix(own + "."), field.site, record.replaced[site.number], method
                    )


@dataclass(frozen=True, slots=True)
class UsedUp:
    """An attribute that several methods use and then release, although only the constructor fills it."""

    attribute: str
    site: Site
    uses: tuple[tuple[Function, cst.CSTNode], ...]
    """The methods, each with the place where it releases."""


def used_up_fields(analysis: Analysis, owner: Class) -> Iterator[UsedUp]:
    """Attributes that two public methods use and release on every way, so that whichever comes second fails.

    One such method may well be called once in the life of an object; two are not.
    """
    stored = list(_stored(analysis, owner))
    for names, field in stored:
        filled_again = any(names & others and f.method is not field.method for others, f in stored)
        if field.method.name != "__init__" or filled_again:
            continue
        for attribute in sorted(names):
            uses = tuple(_using_up(analysis, owner, attribute, field.site))
            if len(uses) > 1:
                yield UsedUp(attribute, field.site, uses)


def _using_up(
    analysis: Analysis, owner: Class, attribute: str, site: Site
) -> Iterator[tuple[Function, cst.CSTNode]]:
    """Public methods that use the resource and release it, whichever way they go; not those that end the object."""
    ending = analysis.names.models.release_names | _PROTOCOL
    for method in owner.methods.values():
        if method.is_private or method.name in ending or not method.parameters:
            continue
        path = f"{method.parameters[0].name}.{attribute}"
        if all(dotted(n) != path for n in descendants(method.node.body) if isinstance(n, cst.Attribute)):
            continue
        record = _entered_with(analysis, method, [Given(path, site.acquisition)])
        for own in record.given if record else ():
            used = record is not None and any(number == own.number for number, _ in record.used_while_held)
            if record and used and record.ends.get(own.number) == {Fate.RELEASED} and own.number in record.releases:
                yield method, record.releases[own.number][0]


def _entered_with(analysis: Analysis, method: Function, items: list[Given]) -> Record | None:
    try:
        return analysis.record_with(method, items)
    except GaveUp:
        return None


def relatives(names: Names, owner: Class) -> list[Class]:
    """The class, its bases, its subclasses in this file, and the bases that it meets in them."""
    found = {id(c): c for c in names.ancestors(owner)}
    for other in owner.scope.module.classes.values():
        lineage = list(names.ancestors(other))
        if any(c is owner for c in lineage):
            found |= {id(c): c for c in lineage}
    return list(found.values())


def _stored(analysis: Analysis, owner: Class) -> Iterator[tuple[frozenset[str], Field]]:
    for method in owner.methods.values():
        if not analysis.acquires(method):
            continue
        try:
            record = analysis.record(method)
        except GaveUp:
            continue
        sites = {s.number: s for s in record.sites.values()}
        for number, attributes in record.fields.items():
            site = sites[number]
            if site.acquisition.kind in _KINDS and site.acquisition.releases:
                plain = min(attributes)
                yield frozenset(attributes), Field(plain, site, method, number in record.doubtful)


def _fate(analysis: Analysis, module: Index, family: list[Class], wanted: dict[str, Site]) -> _Fate:
    answered = set(_answered_outside(analysis.names, module, family, frozenset(wanted)))
    doubtful: set[str] = set()
    methods = list(methods_of(analysis.names, family))
    # What a private method returns is followed into the methods that call it.
    releases = analysis.names.models.release_names | _PROTOCOL
    through = {f.name: _taken(f, own, releases) & wanted.keys() for f, own in methods if f.is_private}
    for function, own in methods:
        named = _taken(function, own, releases)
        mentioned = (named & wanted.keys()).union(*(through[n] for n in named & through.keys()))
        items = [Given(f"{own}.{a}", wanted[a].acquisition) for a in sorted(mentioned)]
        if not items:
            continue
        record = _entered_with(analysis, function, items)
        if record is None:
            doubtful |= mentioned
            continue
        for site in record.given:
            attribute = site.label.removeprefix(own + ".")
            kept = record.taken if function.is_private else record.kept
            if site.number in record.releases or site.number in kept:
                answered.add(attribute)
            elif site.number in record.doubtful:
                doubtful.add(attribute)
    return _Fate(frozenset(answered), frozenset(doubtful))


def methods_of(names: Names, family: list[Class]) -> Iterator[tuple[Function, str]]:
    """Methods of the classes, and functions nested in them, with the name that each has for the object."""
    members = {id(c) for c in family}
    modules = {id(c.scope.module): c.scope.module for c in family}
    for function in (f for module in modules.values() for f in module.functions.values()):
        outermost = function
        while outermost.owner is None and outermost.parent.function:
            outermost = outermost.parent.function
        if outermost.owner is not None and id(outermost.owner) in members and outermost.parameters:
            own = outermost.parameters[0].name
            if function is outermost or all(p.name != own for p in function.parameters):
                yield function, own


def _taken(function: Function, own: str, releases: frozenset[str]) -> set[str]:
    """Attributes and methods of the object with which a method does more than use what they give: calling a harmless
    method on that, or reading an attribute, neither releases it nor hands it out."""
    found: set[str] = set()
    stack: list[cst.CSTNode] = [function.node.body]
    while stack:
        node = stack.pop()
        if isinstance(node, cst.Attribute):
            if isinstance(node.value, cst.Name) and node.value.value == own:
                found.add(node.attr.value)
                continue
            if node.attr.value not in releases:
                inner = node.value.expression if isinstance(node.value, cst.Await) else node.value
                if isinstance(inner, cst.Call):
                    stack += inner.args
                    inner = inner.func
                if dotted(inner).startswith(own + ".") and dotted(inner).count(".") == 1:
                    continue
        if node is function.node.body or not isinstance(node, (cst.FunctionDef, cst.Lambda, cst.ClassDef)):
            stack += children(node)
    return found


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a node stands."""

    scope: Scope
    own: str = ""
    """The name of the object in a method."""
    related: bool = False
    """True in the methods of the class and its relatives."""


def _answered_outside(names: Names, module: Index, family: list[Class], wanted: frozenset[str]) -> Iterator[str]:
    """Attributes that something else in the file gets, or that a release by name or a look-up by string may mean."""
    releases = names.models.release_names | _PROTOCOL
    methods = {id(f.node): (f, own, False) for f, own in methods_of(names, list(module.classes.values()))}
    methods |= {id(f.node): (f, own, True) for f, own in methods_of(names, family)}
    stack: list[tuple[cst.CSTNode, _Place, str]] = [(module.module, _Place(module.scope), "")]
    while stack:
        node, here, used = stack.pop()
        if isinstance(node, (cst.FunctionDef, cst.Lambda)):
            inner = module.functions[id(node)]
            _, own, related = methods.get(id(node), (inner, here.own, here.related))
            here = _Place(inner.scope, own, related)
        if isinstance(node, cst.Attribute):
            attribute = node.attr.value
            on_self = isinstance(node.value, cst.Name) and node.value.value == here.own
            ours = attribute in wanted and (here.related if on_self else _may_be(names, node.value, here.scope, family))
            if ours and (used in releases or (not on_self and not used)):
                yield attribute
            if here.related and attribute == "__dict__":
                yield from wanted
            stack.append((node.value, here, attribute))
            continue
        if here.related and isinstance(node, cst.SimpleString) and node.evaluated_value in wanted:
            yield str(node.evaluated_value)
        if here.related and isinstance(node, cst.Call) and names.qualify(node.func, here.scope) == "builtins.vars":
            yield from wanted
        stack += [(child, here, "") for child in children(node)]


def _may_be(names: Names, node: cst.BaseExpression, scope: Scope, family: list[Class]) -> bool:
    """True unless the expression is known to be an object of another class."""
    type_name = names.type_of(node, scope)
    owner = names.local_class(type_name)
    return not type_name if owner is None else any(c is owner for c in family)


def has_unknown_base(names: Names, owner: Class) -> bool:
    """True when the class derives from one that is not in sight, and so may have a release that is not either."""
    for current in names.ancestors(owner):
        for base in current.node.bases:
            node = base.value.value if isinstance(base.value, cst.Subscript) else base.value
            if isinstance(names.definition(node, current.parent), Class):
                continue
            qualified = names.qualify(node, current.parent)
            if qualified.partition(".")[0] not in _KNOWN_ROOTS and not names.models.type(qualified):
                return True
    return False


def builders(names: Names, owner: Class) -> list[tuple[cst.Call, Function | None]]:
    """Calls in this file that build an instance of the class or of a subclass, with the function that each is in."""
    found: list[tuple[cst.Call, Function | None]] = []
    for node, scope in owner.scope.module.visited:
        if isinstance(node, cst.Call):
            defined = names.definition(node.func, scope)
            if isinstance(defined, Class) and any(c is owner for c in names.ancestors(defined)):
                found.append((node, scope.function))
    return found


def is_local(node: cst.Call, function: Function) -> bool:
    """True when a call's result stays in a name of the function: it is neither returned nor stored."""
    name = ""
    for part in descendants(function.node.body, into_functions=False):
        match part:
            case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=target))], value=value) if value is node:
                name = "" if target in function.scope.declared_outside else target
            case cst.Return(value=cst.Name(value=used)) | cst.Assign(value=cst.Name(value=used)) if name == used:
                return False
    return bool(name)


def life_cycle(names: Names, owner: Class) -> Function | None:
    """A method by which an instance is released as a whole (`close`, `__exit__`)."""
    wanted = names.models.release_names | _PROTOCOL
    return next((f for c in names.ancestors(owner) for n, f in c.methods.items() if n in wanted), None)
