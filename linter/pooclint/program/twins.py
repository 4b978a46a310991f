"""Of a method that a library has twice, once for coroutines: which of the two a call means, by what is done with the
result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from pooclint.program.scopes import Scope
from pooclint.source.nodes import dotted


def is_awaited(func: cst.Attribute, scope: Scope) -> bool:
    """True where methods of what a call gives are awaited, by the variable or the attribute that it is put in; where
    none is called, in a coroutine function.

    Args:
        func: what is called.
        scope: where it stands.
    """
    function, owner = scope.function, scope.owner
    if function is None:
        return False
    variables = {n for n, found in scope.bindings.items() if any(_gives(b.value, func) for b in found)}
    called = list(_called(function.body_nodes, variables))
    own = {n for n, found in owner.attributes.items() if any(_gives(v, func) for v, _ in found)} if owner else set()
    for method in owner.methods.values() if owner and own else ():
        mine = method.parameters[0].name if method.parameters else ""
        called += _called(method.body_nodes, {f"{mine}.{attribute}" for attribute in own})
    return any(called) if called else function.is_async


def _gives(value: cst.BaseExpression | None, func: cst.Attribute) -> bool:
    given = value.expression if isinstance(value, cst.Await) else value
    return isinstance(given, cst.Call) and given.func is func


def _called(nodes: Iterable[cst.CSTNode], paths: set[str]) -> Iterator[bool]:
    """For each call of a method of what goes by one of these paths, whether it is waited for."""
    waiting: set[int] = set()
    for node in nodes:  # in source order: what waits stands around what it waits for
        match node:
            case cst.Await(expression=waited):
                waiting.add(id(waited))
            case cst.For(asynchronous=cst.Asynchronous(), iter=waited):
                waiting.add(id(waited))
            case cst.CompFor(asynchronous=cst.Asynchronous(), iter=waited):
                waiting.add(id(waited))
            case cst.With(asynchronous=cst.Asynchronous(), items=items):
                waiting.update(id(item.item) for item in items)
            case cst.Call(func=cst.Attribute(value=receiver)) if dotted(receiver) in paths:
                yield id(node) in waiting
