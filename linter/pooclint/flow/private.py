"""What a function makes for itself, and nobody else gets."""

from __future__ import annotations

import libcst as cst

from pooclint.program.names import Names
from pooclint.program.scopes import Binding, Function, Scope
from pooclint.source.nodes import unawaited

_LENDING = frozenset({"pool", "engine"})


def is_private(receiver: cst.BaseExpression, scope: Scope) -> bool:
    """True for a variable of a function that stands for what it makes and only calls methods of: nobody else could end
    a wait for a queue or event, or take something from a pool."""
    return bool(_making(receiver, scope))


def from_own_pool(names: Names, node: cst.CSTNode, function: Function) -> bool:
    """True for a call that takes something from a pool or an engine that the function has made, and that nobody else
    gets: nobody waits for what it takes."""
    if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Attribute):
        return False
    made = [_made(binding) for binding in _making(node.func.value, function.scope)]
    return bool(made) and all(call is not None and makes_pool(names, call, function.scope) for call in made)


def makes_pool(names: Names, node: cst.BaseExpression, scope: Scope) -> bool:
    """True for a call that makes a pool or an engine, awaited or not."""
    node = unawaited(node)
    if not isinstance(node, cst.Call):
        return False
    found = (names.models.acquisition(call) for call in names.calls(node, scope))
    return any(acquisition is not None and acquisition.kind in _LENDING for acquisition in found)


def _making(receiver: cst.BaseExpression, scope: Scope) -> tuple[Binding, ...]:
    """How such a variable gets its value; nothing for any other."""
    if not isinstance(receiver, cst.Name) or scope.function is None:
        return ()
    found = scope.lookup(receiver.value)
    if found is None or found[0] is not scope.function.scope or any(b.kind != "assign" for b in found[1]):
        return ()
    made = all(_made(binding) is not None for binding in found[1])
    uses = scope.function.uses.get(receiver.value, ())
    return tuple(found[1]) if made and all(use.of_attribute for use in uses) else ()


def _made(binding: Binding) -> cst.Call | None:
    value = binding.value.expression if isinstance(binding.value, cst.Await) else binding.value
    return value if isinstance(value, cst.Call) else None
