"""Nested functions and classes as values, and what they take with them."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from pooclint.flow.run import Run
from pooclint.flow.values import Closure, Value
from pooclint.source.nodes import operands, variables


def closure(
    run: Run, node: cst.FunctionDef | cst.Lambda | cst.Call | cst.ClassDef, defaults: Sequence[Value] = ()
) -> Value:
    """The value of a nested function or class, or of the function that a call makes.

    Args:
        defaults: values of its parameters' defaults, which it keeps.
    """
    index = run.scope.module
    function = index.function(node)
    defined = function or index.owner(node)
    assert defined is not None
    inner = defined.scope
    mentioned = variables(defined.node.body) - (inner.bindings.keys() - inner.declared_outside)
    captures = frozenset(mentioned & run.scope.bindings.keys()) if run.function else frozenset[str]()
    takes = captures & taken_names(function.node, run.models.release_names) if function else captures
    kept = tuple(defaults) if any(v.reach() for v in defaults) else None
    found = Closure(captures, takes) if captures else None
    return Value(function=function, closure=found, items=kept)


def taken_names(function: cst.FunctionDef | cst.Lambda, release_names: frozenset[str]) -> frozenset[str]:
    """Names with which a nested function does more than call harmless methods: it may release, return or store them."""
    taken: set[str] = set()
    stack: list[cst.CSTNode] = [function.body]
    while stack:
        node = stack.pop()
        match node:
            case cst.Call(func=cst.Attribute(value=cst.Name(), attr=cst.Name(value=method)), args=arguments) if (
                method not in release_names
            ):
                stack += arguments
                continue
            case cst.Attribute(value=cst.Name(), attr=cst.Name(value=method)) if method not in release_names:
                continue
            case cst.Name(value=name):
                taken.add(name)
        stack += operands(node)
    return frozenset(taken)
