"""What modules keep in their variables: which calls built it, and which functions use it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from pooclint.program.names import Names
from pooclint.program.scopes import Function, Index, Scope
from pooclint.source.nodes import descendants, is_none

_MAX_STEPS = 4
"""Variables that are built from each other: an engine, a factory of sessions, a registry of them."""


@dataclass(frozen=True, slots=True)
class Built:
    """A call that ran while a module was imported, and whose value, or what was made of it, a variable keeps."""

    node: cst.Call
    module: Index
    variable: str


def variable_of(node: cst.Call, index: Index) -> str:
    """The variable of a module in which what a call gives, or what was made of it, is kept; empty when there is none,
    or when something else assigns it as well."""
    for name, bindings in index.scope.bindings.items():
        values = [b.value for b in bindings if b.value is not None and not is_none(b.value)]
        if len(values) == 1 and any(part is node for part in descendants(values[0], into_functions=False)):
            return name
    return ""


def used_by(names: Names, function: Function) -> Iterator[Built]:
    """What a function uses of the variables of modules, its own and others, with the calls that built it."""
    for node in descendants(function.node.body):
        if isinstance(node, (cst.Name, cst.Attribute)):
            yield from _variable(names, node, function.scope, _MAX_STEPS)


def _variable(names: Names, node: cst.Name | cst.Attribute, scope: Scope, steps: int) -> Iterator[Built]:
    found = scope.lookup(node.value) if isinstance(node, cst.Name) else None
    if found and found[0].kind == "module" and all(b.kind == "assign" for b in found[1]):
        yield from _built(names, found[0], node.value if isinstance(node, cst.Name) else "", steps)
        return
    if names.modules is None or (found and found[0].kind != "module"):
        return
    target = names.target(names.qualify(node, scope), scope.origin)
    if target and target.scope and target.variable:
        yield from _built(names, target.scope, target.variable, steps)


def _built(names: Names, scope: Scope, variable: str, steps: int) -> Iterator[Built]:
    """Calls in the one value of a variable, and in those of the variables that it is made of."""
    values = [b.value for b in scope.bindings.get(variable, ()) if b.value is not None and not is_none(b.value)]
    if len(values) != 1 or scope.index is None or steps == 0:
        return
    for part in descendants(values[0], into_functions=False):
        if isinstance(part, cst.Call):
            yield Built(part, scope.index, variable)
        elif isinstance(part, cst.Name) and part.value != variable:
            yield from _variable(names, part, scope, steps - 1)
