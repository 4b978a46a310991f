"""Calls that are made only where a flag for debugging is set: nobody sets it where connections are short."""

from __future__ import annotations

import libcst as cst

from pooclint.program.scopes import Function
from pooclint.source.nodes import descendants, nodes_of


def for_debugging(function: Function) -> frozenset[int]:
    """Calls, by `id`, that a function makes only then: `if "sleep-before-commit" in debugflags:`."""
    asked = (n.body for n in nodes_of(cst.If, function.body_nodes) if _asks(n.test))
    return frozenset(id(call) for body in asked for call in nodes_of(cst.Call, descendants(body)))


def _asks(test: cst.BaseExpression) -> bool:
    match test:
        case cst.UnaryOperation(operator=cst.Not()):
            return False
        case cst.BooleanOperation(left=left, operator=operator, right=right):
            asked = _asks(left), _asks(right)
            return any(asked) if isinstance(operator, cst.And) else all(asked)
    words = (n.value for n in descendants(test) if isinstance(n, (cst.Name, cst.SimpleString)))
    return any("debug" in word.lower() for word in words)
