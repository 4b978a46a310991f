"""What a call gives its parameters, as far as that is known before the program runs."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qs

import libcst as cst

from pooclint.models import Argument, Call, Parameter
from pooclint.program.constants import ABSENT, UNKNOWN, Constant, Constants, Worth
from pooclint.program.keywords import Given, entries, given_arguments
from pooclint.program.partial_texts import GAP, UNKNOWN_PART, split_url
from pooclint.program.scopes import Scope
from pooclint.rule import Place


def parameter_of(node: cst.Call, parameter: Parameter, scope: Scope, constants: Constants) -> Worth:
    """What a call gives a modelled parameter: as an argument, in an unpacked dictionary, or in its URL."""
    given = _argument(node, parameter.position, parameter.param, scope, constants)
    if not parameter.url:
        return given
    written = _in_url(node, parameter.url, scope, constants)
    first, second = (written, given) if parameter.url_wins else (given, written)
    return first if first.given and (first.constant or not second.constant) else second


def entry_of(node: cst.Call, path: Sequence[str], scope: Scope, constants: Constants) -> Worth:
    """What a keyword of a call, or a dictionary that it is given, holds: `connect_args={"timeout": 5}`.

    Args:
        path: the keyword, and the keys that lead to the entry, outermost first.
    """
    found = given_arguments(node, scope, constants.objects.values)
    for keyword in path[:-1]:
        values = found.named.get(keyword, ())
        if not values:
            return UNKNOWN if found.more_named else ABSENT
        mapping = values[0].node if len(values) == 1 else None
        inner = entries(mapping, values[0].scope, constants.objects.values) if mapping is not None else None
        if inner is None:
            return UNKNOWN
        found = Given(named=inner.named, more_named=inner.more)
    return constants.worth(found, -1, path[-1])


def is_idle(node: cst.Call, keyword: str, call: Call, scope: Scope, constants: Constants) -> bool:
    """True when a keyword argument of a call counts for nothing beside what else the call is given.

    Args:
        call: what is known of the call.
    """
    rule = call.idle.get(keyword)
    if rule is None:
        return False
    given = given_arguments(node, scope, constants.objects.values)
    return _any_given(given, rule.given, constants) and not _any_given(given, rule.unless, constants)


def uses_of(node: cst.BaseExpression, scope: Scope) -> tuple[cst.BaseExpression, ...]:
    """The expressions that give what `node` gives: itself, or, where a function keeps it in a variable of its own that
    stands for nothing else, each use of that. A variable of a module or class has others as well."""
    function = scope.function
    for name, bindings in scope.bindings.items() if function and scope is function.scope else ():
        if function and any(b.value is node for b in bindings):
            if len(bindings) > 1 or name in scope.declared_outside:
                return (node,)
            return tuple(use.node for use in function.uses.get(name, ()))
    return (node,)


def _any_given(given: Given, wanted: Sequence[Argument], constants: Constants) -> bool:
    """True when one of these arguments is given something that is not None, or may not be."""
    for key in wanted:
        position, name = (key, "") if isinstance(key, int) else (-1, key)
        there = position in range(len(given.positional)) or name in given.named
        constant = constants.worth(given, position, name).constant if there else None
        if there and not (constant is not None and constant.value is None and not constant.origin):
            return True
    return False


def _argument(node: cst.Call, position: int, keyword: str, scope: Scope, constants: Constants) -> Worth:
    """What a call gives an argument.

    Args:
        position: its place among the positional arguments; -1 where there is none.
        keyword: its name.
    """
    return constants.worth(given_arguments(node, scope, constants.objects.values), position, keyword)


def _in_url(node: cst.Call, key: str, scope: Scope, constants: Constants) -> Worth:
    """What the query of a URL among the arguments says: `redis://host?max_connections=5`."""
    unreadable = False
    for argument in node.args:
        if argument.star:
            continue
        text = constants.text(argument.value, scope)
        if "://" in text:
            return _query(text, key, Place(argument.value, scope.module))
        unreadable = unreadable or (argument.keyword is None and text.startswith(UNKNOWN_PART))
    return UNKNOWN if unreadable else ABSENT


def _query(url: str, key: str, place: Place) -> Worth:
    """What a URL says about a key of its query."""
    try:
        query = split_url(url).query
    except ValueError:
        return UNKNOWN
    values = parse_qs(query, keep_blank_values=True).get(key, [])
    if not values:
        # An unknown end may hold a query; an unknown user, host or name of a database does not.
        return UNKNOWN if GAP in query or (not query and url.endswith(UNKNOWN_PART) and url.count("/") < 3) else ABSENT
    if GAP in values[-1]:
        return UNKNOWN
    return Worth(True, Constant(_figure(values[-1]), place))


def _figure(text: str) -> object:
    return int(text) if text.isdecimal() else text
