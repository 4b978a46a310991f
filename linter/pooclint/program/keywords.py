"""Arguments of a call and entries of a mapping, those of an unpacked dictionary included."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import libcst as cst

from pooclint.program.literals import literal
from pooclint.program.scopes import Scope
from pooclint.source.nodes import descendants, dotted, is_none

_MAX_DEPTH = 12
"""Dictionaries in dictionaries, and names of names, are followed this far."""


@dataclass(frozen=True, slots=True)
class Value:
    """An expression that may give a name, an argument or an entry its value."""

    node: cst.BaseExpression | None
    """None: something gives it a value of which nothing is known."""
    scope: Scope
    """Where the expression stands."""
    field: str = ""
    """What overrides it when the program runs: `field Settings.pool_size`, `parameter 'size'`; empty: nothing."""
    variable: str = ""
    """The environment variable that does."""


Values = Callable[[cst.BaseExpression, Scope], Iterable[Value]]
"""Gives what a name stands for, or a call returns; nothing where that is not known."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a call gives its parameters."""

    positional: tuple[Value, ...] = ()
    more_positional: bool = False
    """True when there may be more of them (`*args`)."""
    named: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    """Each keyword with each expression that may be its value, on whatever path."""
    more_named: bool = False
    """True when there may be more of them (`**options`, and not all of its entries are known)."""

    def argument(self, which: int | str) -> Value | None:
        """The one value of an argument; None when it is not given, or has several."""
        if isinstance(which, int):
            return self.positional[which] if which < len(self.positional) else None
        found = self.named.get(which, ())
        return found[0] if len(found) == 1 else None


def argument_keys(node: cst.Call) -> list[int | str]:
    """For each argument its position, its keyword, or `**`/`*` for unpacked ones."""
    return [a.keyword.value if a.keyword else a.star or i for i, a in enumerate(node.args)]


def literal_arguments(node: cst.Call) -> dict[str, object]:
    """The literals that a call is given, by keyword or position (`"0"`); `...` for any other argument."""
    return {str(key): literal(a.value) for key, a in zip(argument_keys(node), node.args, strict=True)}


@dataclass(slots=True)
class Entries:
    """What a dictionary holds; filled while it is read."""

    named: dict[str, tuple[Value, ...]] = field(default_factory=dict)
    more: bool = False
    """True when there may be others."""


def keywords(node: cst.Call, scope: Scope) -> Iterator[tuple[str, cst.BaseExpression]]:
    """Each keyword of a call with each expression that may be its value; names are looked up in this module alone."""
    for key, values in given_arguments(node, scope, bound_values).named.items():
        yield from ((key, value.node) for value in values if value.node is not None)


def given_arguments(node: cst.Call, scope: Scope, values: Values) -> Given:
    """What a call gives its parameters.

    Args:
        node: the call.
        scope: where it stands.
        values: gives what an unpacked name stands for.
    """
    positional: list[Value] = []
    more_positional, found = False, Entries()
    for argument in node.args:
        if argument.keyword:
            found.named[argument.keyword.value] = (Value(argument.value, scope),)
        elif argument.star == "**":
            _merge(found, entries(argument.value, scope, values), argument.value)
        elif argument.star:
            more_positional = True
        elif not more_positional:
            positional.append(Value(argument.value, scope))
    return Given(tuple(positional), more_positional, found.named, found.more)


def entries(node: cst.BaseExpression, scope: Scope, values: Values, depth: int = 0) -> Entries | None:
    """What a mapping holds: in a literal, in `dict(...)`, from another mapping that is unpacked into it, or by an
    assignment to `options["key"]` around it, on whatever path that is.

    Returns:
        Its entries; None when nothing is known of it.
    """
    if depth > _MAX_DEPTH:
        return None
    found = Entries()
    match node:
        case cst.Dict(elements=elements):
            for element in elements:
                if isinstance(element, cst.StarredDictElement):
                    _merge(found, entries(element.value, scope, values, depth + 1), element.value)
                elif isinstance(element, cst.DictElement):
                    key = _key(element.key, scope, values)
                    found.named |= {key: (Value(element.value, scope),)} if key else {}
                    found.more = found.more or not key
        case cst.Call(func=cst.Name(value="dict"), args=args):
            for argument in args:
                if argument.keyword:
                    found.named[argument.keyword.value] = (Value(argument.value, scope),)
                else:
                    _merge(found, entries(argument.value, scope, values, depth + 1), argument.value)
        case cst.BinaryOperation(left=left, operator=cst.BitOr(), right=right):
            for side in (left, right):
                _merge(found, entries(side, scope, values, depth + 1), side)
        case cst.BooleanOperation(left=first, right=second) | cst.IfExp(body=first, orelse=second):
            _join(found, [entries(side, scope, values, depth + 1) for side in (first, second)])
        case cst.Name() | cst.Attribute() | cst.Call():
            return _named_entries(node, scope, values, depth)
        case _:
            return None
    return found


def _key(node: cst.BaseExpression, scope: Scope, values: Values) -> str:
    """The text of a key, written here or as a constant; empty where it is not known."""
    if isinstance(node, (cst.Name, cst.Attribute)):
        found = list(values(node, scope))
        node = found[0].node if len(found) == 1 and found[0].node is not None else node
    return str(node.evaluated_value) if isinstance(node, cst.SimpleString) else ""


def bound_values(node: cst.BaseExpression, scope: Scope) -> Iterator[Value]:
    """What the bindings of a name in this module give it."""
    found = scope.lookup(node.value) if isinstance(node, cst.Name) else None
    for binding in found[1] if found else ():
        if binding.value is not None and not binding.entered and found:
            yield Value(binding.value, found[0])


def _named_entries(
    node: cst.Name | cst.Attribute | cst.Call, scope: Scope, values: Values, depth: int
) -> Entries | None:
    bound = list(values(node, scope))
    parts = [entries(v.node, v.scope, values, depth + 1) if v.node is not None else None for v in bound]
    found = Entries()
    _join(found, parts)
    path = dotted(node)
    homes = {id(v.scope): v.scope for v in (*bound, Value(None, scope))} if path else {}
    for key, value in (pair for home in homes.values() for pair in _assigned(path, home)):
        found.named[key] = (*found.named.get(key, ()), value)
    return found if found.named or any(parts) else None


def _assigned(path: str, scope: Scope) -> Iterator[tuple[str, Value]]:
    """`options["key"] = value` and `options.update(key=value)` in a function, or in a module's own code."""
    around = scope.function.node.body if scope.function else scope.module.module
    for part in descendants(around, into_functions=False):
        match part:
            case cst.Assign(targets=targets, value=value):
                for target in targets:
                    match target.target:
                        case cst.Subscript(
                            value=mapping,
                            slice=[cst.SubscriptElement(slice=cst.Index(value=cst.SimpleString() as key))],
                        ) if dotted(mapping) == path:
                            yield str(key.evaluated_value), Value(value, scope)
            case cst.Call(func=cst.Attribute(value=mapping, attr=cst.Name(value="update")), args=args):
                if dotted(mapping) == path:
                    yield from ((a.keyword.value, Value(a.value, scope)) for a in args if a.keyword)


def _merge(into: Entries, found: Entries | None, node: cst.BaseExpression) -> None:
    """Entries that take the place of earlier ones of the same key."""
    if found is None:
        into.more = into.more or not is_none(node)
        return
    into.named.update(found.named)
    into.more = into.more or found.more


def _join(into: Entries, ways: Iterable[Entries | None]) -> None:
    """Entries of which those of one or the other are there."""
    for found in ways:
        into.more = into.more or found is None or found.more
        for key, given in found.named.items() if found else ():
            into.named[key] = (*into.named.get(key, ()), *given)
