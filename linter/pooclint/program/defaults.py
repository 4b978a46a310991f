"""Names that hold either what somebody handed in or what the function made itself: `client = client or Client()`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from pooclint.program.literals import literal
from pooclint.program.scopes import Function
from pooclint.source.nodes import descendants, dotted, nodes_of

_Leaves = dict[str, list[cst.BaseExpression]]


@dataclass(frozen=True, slots=True)
class Default:
    """A call whose result stands in for something that may have been handed in."""

    given: str
    """The parameter, or the path of an attribute (`self.session`), whose value is used when there is one."""
    made: cst.Call
    """What is made otherwise."""


def defaults(function: Function) -> tuple[Default, ...]:
    """What a function makes for want of an argument or an attribute.

    The forms are `given or make()`, `given if given else make()`, `if given is None: given = make()`, and a name that
    is assigned the one on one path and the other on another.
    """
    roots = frozenset(p.name for p in function.parameters)
    found: dict[tuple[str, int], Default] = {}
    assigned: _Leaves = {}
    for node in function.body_nodes:
        if type(node) not in _CHOOSING:  # to match on the classes of nodes is slow; most are none of these
            continue
        match node:
            case cst.BooleanOperation(operator=cst.Or()) | cst.IfExp():
                _pair(found, roots, alternatives(node))
            case cst.Assign(targets=targets, value=value):
                for target in targets:
                    _assign(assigned, target.target, value)
            case cst.AnnAssign(target=target, value=value) if value is not None:
                _assign(assigned, target, value)
            case cst.NamedExpr(target=target, value=value):
                _assign(assigned, target, value)
            case cst.If():
                for path, made in _replaced(node, roots, function):
                    found.setdefault((path, id(made)), Default(path, made))
    for path, leaves in assigned.items():
        if not _is_given(path, roots):
            _pair(found, roots, leaves)
    # What the function stores in an attribute is its object's own.
    return tuple(d for d in found.values() if "." not in d.given or d.given not in assigned)


def optional(node: cst.BaseExpression | None, function: Function) -> str:
    """The name of a parameter that need not be given, where an expression is nothing else."""
    return node.value if isinstance(node, cst.Name) and is_optional(node.value, function) else ""


def is_optional(name: str, function: Function) -> bool:
    """True for a parameter that is None where nobody gives it anything."""
    return any(p.name == name and p.default is not None and literal(p.default) is None for p in function.parameters)


_CHOOSING = frozenset({cst.BooleanOperation, cst.IfExp, cst.Assign, cst.AnnAssign, cst.NamedExpr, cst.If})


def alternatives(node: cst.BaseExpression) -> list[cst.BaseExpression]:
    """The expressions of which one gives the value of `a or b`, `a if c else b` and the like."""
    match node:
        case cst.BooleanOperation(left=left, right=right):
            return [*alternatives(left), *alternatives(right)]
        case cst.IfExp(body=body, orelse=orelse):
            return [*alternatives(body), *alternatives(orelse)]
        case cst.NamedExpr(value=value) | cst.Await(expression=value):
            return alternatives(value)
    return [node]


def _assign(assigned: _Leaves, target: cst.BaseExpression, value: cst.BaseExpression) -> None:
    path = dotted(target)
    if path:
        assigned.setdefault(path, []).extend(_others(path, value))


def _others(path: str, value: cst.BaseExpression) -> list[cst.BaseExpression]:
    """What may be assigned to a place, other than what it gives itself: `session = session()` makes nothing for want of
    one."""
    return [leaf for leaf in alternatives(value) if not isinstance(leaf, cst.Call) or dotted(leaf.func) != path]


def _pair(found: dict[tuple[str, int], Default], roots: frozenset[str], leaves: list[cst.BaseExpression]) -> None:
    given = [path for leaf in leaves if _is_given(path := dotted(leaf), roots)]
    for leaf in leaves:
        if isinstance(leaf, cst.Call):
            for path in given:
                found.setdefault((path, id(leaf)), Default(path, leaf))


def _is_given(path: str, roots: frozenset[str]) -> bool:
    return path.split(".", maxsplit=1)[0] in roots


def _replaced(node: cst.If, roots: frozenset[str], function: Function) -> Iterator[tuple[str, cst.Call]]:
    """`if client is None: client = make()`: assignments to what the condition, or the flag in it, asks about."""
    asked = _mentioned(node.test)
    for name in tuple(asked):
        for binding in function.scope.bindings.get(name, ()):
            if isinstance(binding.value, (cst.Comparison, cst.UnaryOperation)):
                asked |= _mentioned(binding.value)
    for inner in nodes_of(cst.Assign, descendants(node.body, into_functions=False)):
        for target in inner.targets:
            path = dotted(target.target)
            if path in asked and _is_given(path, roots):
                yield from ((path, made) for made in _others(path, inner.value) if isinstance(made, cst.Call))


def _mentioned(node: cst.CSTNode) -> set[str]:
    return {path for part in descendants(node) if (path := dotted(part))}
