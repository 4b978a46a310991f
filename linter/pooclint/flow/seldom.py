"""Calls that a function seldom makes: for debugging, or until something is filled that lasts as long as the process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from pooclint.program.scopes import Function
from pooclint.source.nodes import descendants, dotted, is_none, nodes_of
from pooclint.source.targets import target_of


def seldom_made(function: Function) -> frozenset[int]:
    """Calls, by `id`, that most calls of the function do not make: nobody sets a flag for debugging where connections
    are short (`if "sleep-before-commit" in debugflags:`), and `if _key is None: _key = fetch()` fetches once."""
    parts = (*_for_debugging(function), *_until_filled(function))
    return frozenset(id(call) for part in parts for call in nodes_of(cst.Call, descendants(part)))


def _for_debugging(function: Function) -> Iterator[cst.CSTNode]:
    return (n.body for n in nodes_of(cst.If, function.body_nodes) if _asks(n.test))


def _asks(test: cst.BaseExpression) -> bool:
    match test:
        case cst.UnaryOperation(operator=cst.Not()):
            return False
        case cst.BooleanOperation(left=left, operator=operator, right=right):
            asked = _asks(left), _asks(right)
            return any(asked) if isinstance(operator, cst.And) else all(asked)
    words = (n.value for n in descendants(test) if isinstance(n, (cst.Name, cst.SimpleString)))
    return any("debug" in word.lower() for word in words)


def _until_filled(function: Function) -> Iterator[cst.CSTNode]:
    """What runs only where a variable of a module, or an attribute of a class, is empty, and fills it."""
    for test in nodes_of(cst.If, function.body_nodes):
        if _fills((test.body,), _empty(test.test), function):
            yield test.body
    for block in nodes_of(cst.IndentedBlock, function.body_nodes):
        for position, line in enumerate(block.body):
            if isinstance(line, cst.If) and line.orelse is None and _ends(line.body):
                rest = block.body[position + 1 :]
                if _fills(rest, _filled(line.test), function):
                    yield from rest


def _fills(parts: Sequence[cst.CSTNode], place: str, function: Function) -> bool:
    if not place or not _outlives(place, function):
        return False
    targets = (target_of(n) for part in parts for n in descendants(part, into_functions=False))
    return any(t is not None and dotted(t) == place for t in targets)


def _outlives(place: str, function: Function) -> bool:
    """True for a variable of a module, and for an attribute of a class: everybody in the process shares it."""
    base, _, attribute = place.partition(".")
    if attribute and function.owner and any(dotted(d) == "classmethod" for d in function.decorators):
        return base == function.parameters[0].name
    scope, bindings = function.scope.lookup(base) or (None, [])
    wanted = "class" if attribute else "assign"
    return scope is not None and scope.kind == "module" and all(b.kind == wanted for b in bindings)


def _empty(test: cst.BaseExpression) -> str:
    """The place that is empty where a condition holds."""
    match test:
        case cst.Comparison(left=left, comparisons=[cst.ComparisonTarget(operator=cst.Is(), comparator=right)]):
            return dotted(left) if is_none(right) else ""
        case cst.UnaryOperation(operator=cst.Not(), expression=asked):
            return dotted(asked)
        case cst.BooleanOperation(left=left, operator=cst.And(), right=right):
            return _empty(left) or _empty(right)
    return ""


def _filled(test: cst.BaseExpression) -> str:
    """The place that is empty where a condition does not hold."""
    match test:
        case cst.Comparison(left=left, comparisons=[cst.ComparisonTarget(operator=cst.IsNot(), comparator=right)]):
            return dotted(left) if is_none(right) else ""
    return dotted(test)


def _ends(body: cst.BaseSuite) -> bool:
    last = body.body[-1] if body.body else None
    small = last.body[-1] if isinstance(last, cst.SimpleStatementLine) else last
    return isinstance(small, cst.Return)
