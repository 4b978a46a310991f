"""Keyword arguments of a call, those in an unpacked dictionary included."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from pooclint.program.scopes import Scope, descendants


def keywords(node: cst.Call, scope: Scope) -> Iterator[tuple[str, cst.BaseExpression]]:
    """Each keyword of a call with each expression that may be its value.

    Of `f(**options)` the keys are those that the code around it names: in a literal, in `dict(...)`, or by an
    assignment to `options["key"]`, on whatever path that is.
    """
    for argument in node.args:
        if argument.keyword:
            yield argument.keyword.value, argument.value
        elif argument.star == "**":
            yield from _unpacked(argument.value, scope)


def _unpacked(node: cst.BaseExpression, scope: Scope) -> Iterator[tuple[str, cst.BaseExpression]]:
    if not isinstance(node, cst.Name):
        yield from _entries(node)
        return
    found = scope.lookup(node.value)
    if found is None:
        return
    home, bindings = found
    for binding in bindings:
        if binding.value is not None:
            yield from _entries(binding.value)
    around = home.function.node.body if home.function else home.module.module
    for part in descendants(around, into_functions=False):
        if isinstance(part, cst.Assign):
            for target in part.targets:
                match target.target:
                    case cst.Subscript(
                        value=cst.Name(value=name),
                        slice=[cst.SubscriptElement(slice=cst.Index(value=cst.SimpleString() as key))],
                    ) if name == node.value:
                        yield str(key.evaluated_value), part.value


def _entries(node: cst.BaseExpression) -> Iterator[tuple[str, cst.BaseExpression]]:
    match node:
        case cst.Dict(elements=elements):
            for element in elements:
                if isinstance(element, cst.DictElement) and isinstance(element.key, cst.SimpleString):
                    yield str(element.key.evaluated_value), element.value
        case cst.Call(func=cst.Name(value="dict"), args=args):
            yield from ((a.keyword.value, a.value) for a in args if a.keyword)
