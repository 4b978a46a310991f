"""What a caller or a framework hands to a function, as far as the function's own doing with it matters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import libcst as cst
from msgspec import structs

from pooclint.flow.private import from_own_pool
from pooclint.models import Acquisition
from pooclint.program.defaults import defaults
from pooclint.program.literals import literal
from pooclint.program.names import Names
from pooclint.program.scopes import Class, Function, Scope
from pooclint.program.supplies import supplied
from pooclint.source.nodes import dotted, nodes_of

_MAX_PARTS = 2
"""Attributes that lead from an object to a session of it."""
_BEFORE = frozenset({"__init__", "__new__", "__post_init__"})
"""Methods in which an object has nothing yet."""
_LASTING = frozenset({"connection", "session", "client", "pool", "engine"})


@dataclass(frozen=True, slots=True)
class Within:
    """How an object refers to a resource that it does not stand for."""

    type: str
    """The type of the object."""
    at: frozenset[str]
    """The attributes of it that hold the resource, by their paths, as far as they are known."""


@dataclass(frozen=True, slots=True)
class Given:
    """A resource that is somebody else's when the function is entered."""

    path: str
    """The parameter, or the path of an attribute."""
    acquisition: Acquisition
    injected: bool = False
    """True when a framework hands it in and takes it back."""
    optional: bool = False
    """True when it may be None instead."""
    provider: Function | None = None
    """The function that a framework takes it from."""
    outlives: bool = False
    """True when the framework takes it back only once the whole response has been sent."""
    used_by: str = ""
    """What has left it with a connection: another dependency of the function, a decorator."""
    of_object: bool = False
    """True when an object keeps it, which the function works on."""
    hidden: bool = False
    """True when only another dependency has it, and the function no name for it."""
    within: Within | None = None
    """How what has that path refers to it; None where that is the resource itself."""


def held_parameters(names: Names, function: Function) -> Iterator[Given]:
    """Parameters through which something that occupies a connection is handed in."""
    by_decorators = {s.parameter: s for s in supplied(names, function)}
    for index, parameter in enumerate(function.parameters):
        if index == 0 and names.has_receiver(function):
            continue
        supply = by_decorators.get(parameter.name)
        acquisition = names.models.acquisition_of_type(supply.type) if supply else None
        if supply and acquisition and acquisition.kind in ("connection", "session"):
            yield Given(parameter.name, acquisition, True, provider=supply.wrapper)
            continue
        type_name = names.annotated(parameter.annotation, function.parent) if parameter.annotation else ""
        injection = names.injected(parameter, function.parent)
        if not type_name and injection and isinstance(parameter.default, cst.Call):
            type_name = names.provided(parameter.default, function.parent)
        acquisition = names.models.acquisition_of_type(type_name) if type_name else None
        if acquisition and acquisition.kind in ("connection", "session"):
            optional = parameter.default is not None and literal(parameter.default) is None
            if injection is None:
                yield Given(parameter.name, acquisition, optional=optional)
                continue
            provider = injection.provider
            outlives = injection.after_response and provider is not None and provider.is_generator
            yield Given(parameter.name, acquisition, True, optional, provider, outlives)


def captured(names: Names, function: Function) -> Iterator[Given]:
    """Sessions of the functions around, which a nested one uses when somebody calls it later: a handler, a tool.

    They have a connection from their first query on. What the function around calls itself is looked at there.
    """
    around = function.parent.function
    if around is None or function.name in _called(around):
        return
    own = {p.name for p in function.parameters}
    for name in sorted({n.value for n in nodes_of(cst.Name, function.body_nodes)} - own):
        found = function.scope.lookup(name)
        if found is None or found[0] is function.scope or found[0].function is None:
            continue
        type_ = names.models.type(names.type_of_name(name, function.scope))
        if type_ is None or type_.kind != "session" or not type_.lazy or type_.ambient:
            continue
        acquisition = names.models.acquisition_of_type(type_.name)
        if acquisition and acquisition.pooled:
            yield Given(name, acquisition)


def _called(function: Function) -> frozenset[str]:
    """Names that a function calls."""
    calls = nodes_of(cst.Call, function.body_nodes)
    return frozenset(call.func.value for call in calls if isinstance(call.func, cst.Name))


def held_attributes(names: Names, function: Function) -> Iterator[Given]:
    """Sessions that an object keeps on its attributes: the method's own, or one that is handed in (`repo.session`).

    Somebody gave them to the object, or it made them for itself; they have a connection from their first query on, in
    this function or in a method of the object that it calls.
    """
    if function.name in _BEFORE:
        return
    for index, parameter in enumerate(function.parameters):
        own = index == 0 and names.has_receiver(function)
        owner = function.owner if own else names.local_class(names.type_of_name(parameter.name, function.scope))
        injected = not own and names.injected(parameter, function.parent) is not None
        if owner is None:
            continue
        used = names.own_attributes(function) if own else frozenset[str]()
        for path, acquisition in _kept_sessions(names, owner, _MAX_PARTS):
            if not own or path.partition(".")[0] in used:
                yield Given(f"{parameter.name}.{path}", acquisition, injected, of_object=True)


def _kept_sessions(names: Names, owner: Class, depth: int) -> tuple[tuple[str, Acquisition], ...]:
    """Paths of attributes, of an object of a class and of objects that it keeps, which hold sessions.

    Args:
        names: look-up.
        owner: the class.
        depth: how many attributes lead to one.
    """
    key = (id(owner), depth)
    return names.circles.answer(names.kept_sessions, key, (), lambda: tuple(_sessions_of(names, owner, depth)))


def _sessions_of(names: Names, owner: Class, depth: int) -> Iterator[tuple[str, Acquisition]]:
    known = names.local_type(owner)
    for attribute in dict.fromkeys(a for c in names.ancestors(owner) for a in (*c.attributes, *c.scope.bindings)):
        name = names.attribute_type(known, attribute)
        type_, part = names.models.type(name), names.local_class(name)
        if part is not None and part is not owner and depth > 1:
            yield from ((f"{attribute}.{path}", found) for path, found in _kept_sessions(names, part, depth - 1))
        if type_ is None or type_.kind != "session" or not type_.lazy or type_.ambient:
            continue
        acquisition = names.models.acquisition_of_type(type_.name)
        if acquisition and acquisition.pooled:
            yield attribute, acquisition


def lent_by(names: Names, manager: Function) -> Acquisition | None:
    """What a `@contextmanager`, or the `__enter__` of a class, gives to the block that it serves: the manager releases
    it, and the block holds it.

    What an `__enter__` does not acquire itself, the object has for longer, and so it has what a generator gives of its
    attributes.
    """
    type_ = names.yielded_type(manager) if manager.is_generator else names.returned_type(manager)
    known = names.models.acquisition_of_type(type_)
    if known is None:
        return None
    made = [(n, a) for n in nodes_of(cst.Call, manager.own_nodes) for a in _acquired(names, n, manager.scope)]
    made = [(n, a) for n, a in made if a.kind == known.kind]
    shared = [a for n, a in made if a.pooled and not from_own_pool(names, n, manager)]
    if made and not shared:  # each block gets one of its own
        return structs.replace(known, pooled=False) if known.pooled else known
    if known.pooled and manager.is_generator:
        return known
    # The type alone does not say that it is of a pool.
    return next(iter(shared), known if made or (manager.is_generator and not _gives_attributes(manager)) else None)


def _gives_attributes(manager: Function) -> bool:
    """True for a generator that gives nothing but attributes of its own object (`yield self._conn`)."""
    own = manager.scope.own_object
    given = [n.value for n in nodes_of(cst.Yield, manager.own_nodes)]
    return bool(own) and all(isinstance(v, cst.Attribute) and dotted(v.value) == own for v in given)


def _acquired(names: Names, node: cst.Call, scope: Scope) -> Iterator[Acquisition]:
    found = (names.models.acquisition(call) for call in names.calls(node, scope) if call.acquires)
    return (acquisition for acquisition in found if acquisition is not None)


def entering_method(names: Names, type_name: str, asynchronous: bool) -> Function | None:
    """The method by which an object of a class of the project is entered."""
    owner = names.local_class(type_name)
    return names.method(owner, "__aenter__" if asynchronous else "__enter__") if owner else None


def decorated(names: Names, function: Function) -> Iterator[Given]:
    """What a decorator holds while the function runs: `@transaction.atomic`."""
    for decorator in function.decorators:
        callee = decorator.func if isinstance(decorator, cst.Call) else decorator
        known = names.models.calls(names.qualify(callee, function.parent))
        model = next((c for c in known if c.acquires and c.at == "enter"), None)
        acquisition = names.models.acquisition(model) if model else None
        if acquisition and acquisition.kind == "transaction":
            yield Given(f"@{dotted(callee)}", acquisition, True, used_by=dotted(callee), hidden=True)


def replaceable(names: Names, function: Function) -> Iterator[Given]:
    """What may be handed in and is made here otherwise: `client = client or Client()`."""
    found = defaults(function)
    if not found or not _may_release(names, function):
        return
    for default in found:
        made = next((c for c in names.calls(default.made, function.scope) if c.acquires), None)
        acquisition = names.models.acquisition(made) if made else None
        if acquisition and acquisition.kind in _LASTING:
            yield Given(default.given, acquisition, optional=True)


def _may_release(names: Names, function: Function) -> bool:
    """True when the function releases anything at all: else it is of no interest what it may be handed."""
    for node in function.body_nodes:
        if isinstance(node, cst.With):
            return True
        if isinstance(node, cst.Attribute) and node.attr.value in names.models.release_names:
            return True
    return False


def given(names: Names, function: Function, left: Sequence[Given] = ()) -> list[Given]:
    """Everything of somebody else's that the analysis of a function follows; each path once.

    Args:
        left: what the function's other dependencies leave in use. A framework asks a provider once for each request.
    """
    found: dict[str, Given] = {}
    for item in (*held_parameters(names, function), *replaceable(names, function)):
        used_by = next((o.used_by for o in left if item.injected and item.provider is o.provider), "")
        found.setdefault(item.path, replace(item, used_by=used_by) if used_by else item)
    for item in (*decorated(names, function), *captured(names, function), *held_attributes(names, function)):
        found.setdefault(item.path, item)
    known = {id(item.provider) for item in found.values() if item.provider}
    for item in left:
        if id(item.provider) not in known:
            found.setdefault(item.path, item)
            known.add(id(item.provider))
    return sorted(found.values(), key=lambda item: item.optional)  # so that positions agree with and without those
