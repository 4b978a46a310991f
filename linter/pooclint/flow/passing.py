"""Objects of the project that a function makes for itself: nobody else gets them, and nothing that it calls on them
releases what they keep. What a method leaves on one and returns (`Manager().connect()`) is the function's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import libcst as cst

from pooclint.program.attributes import PROTOCOL, in_sight, taken
from pooclint.program.borrowing import handed_out
from pooclint.program.literals import literal
from pooclint.program.names import Names
from pooclint.program.scopes import Class, Function, Scope
from pooclint.source.nodes import descendants, nodes_of

_HOOKS = frozenset({"__del__", "__setattr__", "__getattribute__"})
"""Methods by which a class decides itself what becomes of its attributes."""


def calls_of_own(names: Names, function: Function, fills: Callable[[Function], bool]) -> Iterator[cst.Call]:
    """Calls in a function that run a method which may leave something on an object that is nobody else's.

    Args:
        names: look-up.
        function: the function.
        fills: tells the methods that may leave something on their object.
    """
    called: Mapping[str, frozenset[str] | None] | None = None
    classes: dict[int, _Class] = {}
    seen: dict[tuple[int, int, frozenset[str]], bool] = {}
    for node in function.own_nodes:
        if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Attribute):
            continue
        owner = _made_here(names, node.func.value, function)
        method = names.method(owner, node.func.attr.value) if owner else None
        if owner is None or method is None or not fills(method) or names.runs_once(method):
            continue
        others: frozenset[str] | None = frozenset()
        if isinstance(node.func.value, cst.Name):
            called = _called(function) if called is None else called
            others = called[node.func.value.value]
        if others is None:
            continue
        key = (id(owner), id(method), others)
        if key not in seen:
            known = classes.get(id(owner)) or classes.setdefault(id(owner), _read(names, owner))
            seen[key] = _is_all_seen(names, known, method, others - {method.name})
        if seen[key]:
            yield node


def _made_here(names: Names, node: cst.BaseExpression, function: Function) -> Class | None:
    """The class of the project of which the function builds an object here, or has built one under this name."""
    if isinstance(node, cst.Name):
        bindings = function.scope.bindings.get(node.value, ())
        if len(bindings) != 1 or bindings[0].entered or node.value in function.scope.declared_outside:
            return None
        node = bindings[0].value or node
    defined = names.definition(node.func, function.scope) if isinstance(node, cst.Call) else None
    return defined if isinstance(defined, Class) else None


def _called(function: Function) -> Mapping[str, frozenset[str] | None]:
    """By the names in a function, the methods that it calls on what they stand for; None where one leads elsewhere."""
    inner = list(descendants(function.node))
    called = {id(n.func) for n in nodes_of(cst.Call, inner)}
    methods = {id(n.value): n.attr.value for n in nodes_of(cst.Attribute, inner) if id(n) in called}
    bound = {id(n.target) for n in inner if isinstance(n, (cst.AssignTarget, cst.AnnAssign))}
    found: dict[str, set[str] | None] = {}
    for name in nodes_of(cst.Name, inner):
        known = found.setdefault(name.value, set()) if id(name) not in bound else None
        if known is not None and id(name) in methods:
            known.add(methods[id(name)])
        elif id(name) not in bound:
            found[name.value] = None
    return {name: None if known is None else frozenset(known) for name, known in found.items()}


@dataclass(frozen=True, slots=True)
class _Class:
    """What is read of a class once, whichever of its methods are asked about."""

    methods: Mapping[str, Function]
    plain: frozenset[str]
    """The names of those that are no properties."""
    in_sight: bool
    """Whether nothing else decides what becomes of its attributes."""
    made: frozenset[str]
    """Attributes on which it puts more than what is written out: what a call gives, by whatever name."""
    given: frozenset[int]
    """The `id` of functions that fill an attribute on which the constructor has put something before."""


def _read(names: Names, owner: Class) -> _Class:
    family = list(names.ancestors(owner))
    methods = {n: m for c in reversed(family) for n, m in c.methods.items()}
    put = [(a, v) for c in family for a, v in c.attributes.items()]
    return _Class(
        methods,
        frozenset(n for n, m in methods.items() if not names.is_property(m)),
        in_sight(names, owner) and _HOOKS.isdisjoint(methods),
        frozenset(a for a, values in put if any(literal(v) is ... for v, _ in values)),
        frozenset(id(s.function) for _, values in put if any(map(_is_given, values)) for _, s in values),
    )


def _is_all_seen(names: Names, known: _Class, method: Function, others: frozenset[str]) -> bool:
    """True where the class, a method and what else is called on the object neither show it to anybody, nor do more than
    use what it keeps."""
    methods = known.methods
    if not known.in_sight or not others <= methods.keys():
        return False
    run = [method, *(methods[n] for n in (*others, "__init__") if n in methods)]
    called = {id(m): m for first in run for m in (first, *_below(names, first, methods))}
    if any(not m.parameters or any(handed_out(names, m, m.node.body, known.plain)) for m in called.values()):
        return False
    if any("__dict__" in names.own_attributes(m) for m in run):
        return False
    filling = {id(m) for m in (method, *_below(names, method, methods))}
    if not filling.isdisjoint(known.given):
        return False
    releases = names.models.release_names | PROTOCOL
    below = (m for n in others for m in _below(names, methods[n], methods) if id(m) not in filling)
    apart = [*(methods[n] for n in others), *below]  # also what the method calls itself, before it fills anything
    return all(taken(m, m.parameters[0].name, releases).isdisjoint(known.made) for m in apart)


def _is_given(put: tuple[cst.BaseExpression, Scope]) -> bool:
    """True for what a constructor puts on an attribute, if that is not None: a method may find it there."""
    value, scope = put
    return scope.function is not None and scope.function.name == "__init__" and literal(value) is not None


def _below(names: Names, method: Function, methods: Mapping[str, Function]) -> list[Function]:
    """The methods of its object that one names, itself or through others."""
    return [methods[n] for n in sorted(names.own_attributes(method)) if n in methods]
