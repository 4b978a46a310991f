"""What is written out in an expression: literals, and the text that a string begins with."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import lru_cache

import libcst as cst

from pooclint.program.scopes import Binding, Scope
from pooclint.source.nodes import nonlocals

_MAX_STEPS = 12
"""Names of names are followed this far."""


def literal(node: cst.BaseExpression) -> object:
    """The value of a literal (numbers and their products, strings, True, False, None); `...` for anything else."""
    match node:
        case cst.Name(value="None"):
            return None
        case cst.Name(value="True"):
            return True
        case cst.Name(value="False"):
            return False
        case cst.Integer() | cst.Float():
            return node.evaluated_value
        case cst.SimpleString(value=text):
            return _string(text)
        case cst.UnaryOperation(operator=cst.Minus(), expression=cst.Integer() | cst.Float() as number):
            return -number.evaluated_value
        case cst.BinaryOperation(operator=cst.Multiply(), left=left, right=right):
            factors = literal(left), literal(right)
            if all(isinstance(f, (int, float)) for f in factors):
                return factors[0] * factors[1]  # type: ignore[operator]
    return ...


def constant(node: cst.BaseExpression, scope: Scope) -> object:
    """The same, also of a variable that stands for one text, number or truth value wherever it is bound."""
    found = scope.lookup(node.value) if isinstance(node, cst.Name) else None
    if found is None or not isinstance(node, cst.Name):
        return literal(node)
    value, around = only_literal(found[1]), found[0].function
    return ... if value is ... or (around is not None and node.value in nonlocals(around.node.body)) else value


def only_literal(bindings: Sequence[Binding]) -> object:
    """The one text, number or truth value to which all of these bind a name; `...` where there is none."""
    first: object = ...
    for position, binding in enumerate(bindings):  # a name may have thousands; most are none after two
        value = literal(binding.value) if binding.kind == "assign" and binding.value is not None else ...
        first = first if position else value
        if not isinstance(value, (bool, str, int, float)) or type(value) is not type(first) or value != first:
            return ...
    return first


@lru_cache(4096)
def _string(text: str) -> object:
    """What a string literal stands for. To find out takes the compiler, and the same ones are asked for often."""
    return ast.literal_eval(text)


def leading_text(node: cst.BaseExpression, scope: Scope, steps: int = 0) -> str:
    """The text that a string expression begins with, as far as it is written out; empty when it is not."""
    match node:
        case cst.SimpleString():
            value = node.evaluated_value
            return value if isinstance(value, str) else ""
        case cst.FormattedString(parts=[cst.FormattedStringText(value=text), *_]):
            return text
        case cst.ConcatenatedString(left=left) | cst.BinaryOperation(left=left):
            return leading_text(left, scope, steps)
        case cst.Call(func=cst.Attribute(value=receiver, attr=cst.Name(value="format" | "strip" | "join"))):
            return leading_text(receiver, scope, steps)
        case cst.Call(args=[first, *_]):
            return leading_text(first.value, scope, steps)  # `text("…")`, `dedent("…")`
        case cst.Name():
            found = scope.lookup(node.value)
            values = [b.value for b in found[1]] if found else []
            if found and len(values) == 1 and values[0] is not None and steps < _MAX_STEPS:
                return leading_text(values[0], found[0], steps + 1)
    return ""
