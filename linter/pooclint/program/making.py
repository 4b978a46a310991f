"""Where an object is made whose method runs for a request: by a function on the way from the handler, or before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import libcst as cst

from pooclint.program.decorators import keeps_result
from pooclint.program.homes import Home, homes
from pooclint.program.literals import literal
from pooclint.program.names import Names
from pooclint.program.running import ENTERED_BY, MADE_BY, Edges
from pooclint.program.scopes import Binding, Class, Function
from pooclint.source.nodes import dotted, nodes_of

_MAX_STEPS = 4
"""Functions that build an object, and variables that stand for it, are followed this far."""


def is_single(names: Names, owner: Class) -> bool:
    """True for a class of which there is one object: its `__new__`, its metaclass or its decorator keeps that."""
    for current in names.ancestors(owner):
        new = current.methods.get("__new__")
        if new and keeps_result(new):
            return True
        makers = [a.value for a in current.node.keywords if a.keyword and a.keyword.value == "metaclass"]
        makers += [d.decorator for d in current.node.decorators]
        for maker in makers:
            defined = names.definition(maker, current.parent, interest="anything")
            call = names.method(defined, "__call__") if isinstance(defined, Class) else defined
            if isinstance(call, Function) and keeps_result(call):
                return True
    return False


def built_per_request(edges: Edges, owner: Class, chain: tuple[Function, ...]) -> bool:
    """True when objects of a class are made for one request: by a function of the chain, or by the framework."""
    names = edges.names
    lineage = {id(c) for c in names.ancestors(owner)}
    methods = (depth for depth, f in enumerate(chain) if f.owner and id(f.owner) in lineage)
    if any(making(edges, chain, depth) for depth in methods):
        return True
    bases = names.base_names(owner)
    return any(bases.intersection(s.bases) for s in names.models.scopes if s.instance == "request")


def making(edges: Edges, chain: tuple[Function, ...], depth: int) -> tuple[int, list[cst.CSTNode]] | None:
    """Where in a chain the object is made whose method one of its functions is: the place of the function that makes it
    (-1 for the framework), and the expressions by which it does. None where the object may have been there before.

    Args:
        depth: the place of the method.
    """
    for place in range(depth, 0, -1):
        caller, method = chain[place - 1], chain[place]
        by = edges.between(caller, method)
        if by and all(_runs_on_own(edges.names, node, method, caller) for node in by):
            continue
        made = [_made_for(edges.names, node, method, caller) for node in by]
        return (place - 1, [n for found in made for n in found]) if made and all(made) else None
    return (-1, []) if chain[0].name in MADE_BY else None


def _receiver(node: cst.BaseExpression, method: Function) -> cst.BaseExpression | None:
    """The object whose method an expression runs; None where the name of the method is not written there."""
    called = node.func if isinstance(node, cst.Call) else node
    return called.value if isinstance(called, cst.Attribute) and called.attr.value == method.name else None


def _runs_on_own(names: Names, node: cst.BaseExpression, method: Function, caller: Function) -> bool:
    """True where one method runs another of its own object (`self.open()`, `super().open()`, `Base.__init__(self)`), or
    of a part that this has made for itself (`self.store.open()`)."""
    receiver = _receiver(node, method)
    if receiver is None or caller.owner is None or not caller.parameters:
        return False
    own = caller.parameters[0].name
    match receiver:
        case cst.Attribute(value=cst.Name(value=name), attr=cst.Name(value=part)) if name == own:
            return _makes_part(names, caller.owner, part, 0)
        case cst.Call(func=cst.Name(value="super")):
            return True
    return method.name in MADE_BY or dotted(receiver) == own


def _made_for(names: Names, node: cst.BaseExpression, method: Function, caller: Function) -> Sequence[cst.CSTNode]:
    """The expressions of a function that build the object whose method another one runs; none where it may have been
    there before."""
    entered = method.name in ENTERED_BY
    receiver = _receiver(node, method) or (node if entered else None)
    if method.name in MADE_BY or (entered and receiver is node and isinstance(node, cst.Call)):
        return () if method.owner and is_single(names, method.owner) else (node,)
    return _building(names, receiver, caller) if receiver is not None else ()


def _building(names: Names, node: cst.BaseExpression, function: Function, steps: int = 0) -> Sequence[cst.CSTNode]:
    """The expressions of a function that build the object for which one of them stands, by a class of the project or by
    a function that does; none where it may have been there before."""
    if steps > _MAX_STEPS:
        return ()
    match node:
        case cst.Await(expression=inner):
            return _building(names, inner, function, steps)
        case cst.Call(func=func):
            defined = names.definition(func, function.scope, interest="anything")
            if isinstance(defined, Class):
                return () if is_single(names, defined) else (node,)
            return (node,) if defined and _gives_new(names, defined, steps + 1) else ()
        case cst.Name(value=name) if name not in function.scope.declared_outside:
            bindings = function.scope.bindings.get(name, ())
            values = [b.value for b in bindings if b.value is not None and _stands_for(names, node, b, function)]
            made = [_building(names, value, function, steps + 1) for value in values]
            return [n for found in made for n in found] if len(made) == len(bindings) and all(made) else ()
        case cst.Attribute(value=whole, attr=cst.Name(value=part)):
            owner = names.local_class(names.type_of(whole, function.scope))
            return (
                _building(names, whole, function, steps + 1) if owner and _makes_part(names, owner, part, steps) else ()
            )
    return ()


def _makes_part(names: Names, owner: Class, part: str, steps: int) -> bool:
    """True for an attribute or a property of which each object of a class makes the value for itself."""
    if steps > _MAX_STEPS:
        return False
    method = names.method(owner, part)
    if method is not None:
        values = _returned(method) if names.is_property(method) else []
        made = [value for value in values if _own_attribute(value, method) is None]
        kept = [attribute for value in values if (attribute := _own_attribute(value, method))]
        return all(_makes_part(names, owner, attribute, steps + 1) for attribute in kept) and _are_new(
            names, made, method, steps + 1, {Home.CALLER, Home.OBJECT}
        )
    family = list(names.ancestors(owner))
    shared = (b.value for c in family for b in c.scope.bindings.get(part, ()))
    put = [(v, s.function) for c in family for v, s in c.attributes.get(part, ()) if literal(v) is not None]
    if not put or any(value is not None and literal(value) is not None for value in shared):
        return False
    return all(f is not None and _are_new(names, [v], f, steps + 1, {Home.OBJECT}) for v, f in put)


def _own_attribute(node: cst.BaseExpression | None, method: Function) -> str | None:
    """The attribute of the method's object that an expression reads."""
    match node:
        case cst.Attribute(value=cst.Name(value=name), attr=cst.Name(value=attribute)) if method.parameters:
            return attribute if name == method.parameters[0].name else None
    return None


def _stands_for(names: Names, node: cst.Name, binding: Binding, function: Function) -> bool:
    """True where a name has the value that it is bound to, and not what entering that gives, if this is another."""
    if binding.kind != "assign" or binding.value is None:
        return False
    scope = function.scope
    return not binding.entered or names.type_of(node, scope) == names.type_of(binding.value, scope)


def _gives_new(names: Names, function: Function, steps: int) -> bool:
    """True for a function that builds what it returns each time, and keeps it nowhere."""
    if isinstance(function.node, cst.Lambda) or function.is_generator or names.runs_once(function):
        return False
    values = _returned(function)
    return bool(values) and _are_new(names, values, function, steps, {Home.CALLER})


def _returned(function: Function) -> list[cst.BaseExpression | None]:
    return [n.value for n in nodes_of(cst.Return, function.body_nodes)]


def _are_new(
    names: Names, values: Iterable[cst.BaseExpression | None], function: Function, steps: int, where: set[Home]
) -> bool:
    """True where a function builds the objects for which these expressions of it stand, and they go nowhere else."""
    made = [_building(names, value, function, steps) if value is not None else () for value in values]
    return all(made) and homes(names, function, [n for found in made for n in found]) <= where
