"""What a decorator of the project gives to what it wraps: `@provide_session def save(order, session=None)`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from pooclint.program.literals import literal
from pooclint.program.names import Names
from pooclint.program.scopes import Function
from pooclint.source.nodes import nodes_of


@dataclass(frozen=True, slots=True)
class Supply:
    """A parameter that a decorator fills."""

    parameter: str
    wrapper: Function
    """The function by which the decorator replaces the one that it wraps."""
    type: str
    """Of what it gives."""
    decorator: str
    """The name of the decorator."""


def supplied(names: Names, function: Function) -> tuple[Supply, ...]:
    """The parameters of a function that its decorators fill with something of a modelled type, of a `with` or a call in
    their wrapper, where they are not given it."""
    if not function.decorators or not function.parameters:
        return ()
    return names.circles.answer(names.supplies, id(function), (), lambda: tuple(_found(names, function)))


def _found(names: Names, function: Function) -> Iterator[Supply]:
    positions = [p.name for p in function.parameters if p.kind == "positional"]
    known = {p.name for p in function.parameters}
    for decorator in function.decorators:
        callee = decorator.func if isinstance(decorator, cst.Call) else decorator
        made = names.definition(callee, function.parent)
        if not isinstance(made, Function):
            continue
        for wrapper in _nested(made):
            for call in nodes_of(cst.Call, wrapper.body_nodes):
                if not _is_wrapped(call.func, wrapper):
                    continue
                for parameter, value in _given(call, wrapper, positions):
                    type_ = names.type_of(value, wrapper.scope)
                    if parameter in known and names.models.type(type_):
                        yield Supply(parameter, wrapper, type_, made.name)


def _nested(function: Function) -> Iterator[Function]:
    """The functions in a function, however far inside."""
    for node in nodes_of(cst.FunctionDef, function.body_nodes):
        inner = function.scope.module.function(node)
        if inner is not None:
            yield inner
            yield from _nested(inner)


def _is_wrapped(node: cst.CSTNode, wrapper: Function) -> bool:
    """True for the name of what the decorator was given: the first parameter of a function around the wrapper."""
    found = wrapper.scope.lookup(node.value) if isinstance(node, cst.Name) else None
    around = found[0].function if found else None
    if around is None or around is wrapper or not around.parameters or not isinstance(node, cst.Name):
        return False
    return around.parameters[0].name == node.value


def _given(call: cst.Call, wrapper: Function, positions: list[str]) -> Iterator[tuple[str, cst.BaseExpression]]:
    """What a wrapper gives of its own, by parameter: `wrapped(session=session)`, `kwargs["session"] = session`."""
    own = {p.name for p in wrapper.parameters}
    for position, argument in enumerate(call.args):
        match argument:
            case cst.Arg(keyword=cst.Name(value=name), value=value):
                yield name, value
            case cst.Arg(star="**", value=cst.Name(value=name)):
                yield from _put_into(name, wrapper)
            case cst.Arg(star="", value=cst.Name(value=name) as value) if name not in own and position < len(positions):
                yield positions[position], value


def _put_into(keywords: str, wrapper: Function) -> Iterator[tuple[str, cst.BaseExpression]]:
    for node in nodes_of(cst.Assign, wrapper.body_nodes):
        match node:
            case cst.Assign(
                targets=[
                    cst.AssignTarget(
                        cst.Subscript(value=cst.Name(value=name), slice=[cst.SubscriptElement(cst.Index(key))])
                    )
                ],
                value=value,
            ) if name == keywords:
                yield str(literal(key)), value
