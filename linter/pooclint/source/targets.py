"""What statements and expressions bind, or delete: names, and paths of attributes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

import libcst as cst

from pooclint.source.nodes import dotted

_TARGETS: Mapping[type[cst.CSTNode], Callable[[Any], cst.BaseExpression | None]] = {
    cst.AssignTarget: attrgetter("target"),
    cst.AnnAssign: attrgetter("target"),
    cst.AugAssign: attrgetter("target"),
    cst.NamedExpr: attrgetter("target"),
    cst.AsName: attrgetter("name"),
    cst.For: attrgetter("target"),
    cst.CompFor: attrgetter("target"),
    cst.Del: attrgetter("target"),
}


def target_of(node: cst.CSTNode) -> cst.BaseExpression | None:
    """What a node itself binds or deletes, not those below it; None when it is nothing."""
    get = _TARGETS.get(type(node))
    return get(node) if get else None


def place_of(node: cst.CSTNode) -> str:
    """The path of an attribute, or of an element under a literal key, of something that has a name: `request.state.db`,
    `scope["db"]`, or `scope.pop("db")` of what a call reads there. Empty for anything else."""
    match node:
        case cst.Attribute():
            return dotted(node)
        case cst.Subscript(value=base, slice=[cst.SubscriptElement(slice=cst.Index(value=cst.SimpleString() as key))]):
            return _element(base, key)
        case cst.Call(
            func=cst.Attribute(value=base, attr=cst.Name(value="get" | "pop")),
            args=[cst.Arg(value=cst.SimpleString() as key), *_],
        ):
            return _element(base, key)
    return ""


def shown_place(place: str) -> str:
    """Such a path as it is written in the source."""
    return re.sub(r"\.(?=\[)", "", place)


def _element(base: cst.BaseExpression, key: cst.SimpleString) -> str:
    path, text = dotted(base), key.evaluated_value
    return f'{path}.["{text}"]' if path and isinstance(text, str) else ""


def paths(target: cst.BaseExpression) -> frozenset[str]:
    """The names and dotted paths that binding a target binds: `a` and `b.c` of `a, *b.c`."""
    if isinstance(target, (cst.Tuple, cst.List)):
        return frozenset[str]().union(*(paths(element.value) for element in target.elements))
    path = dotted(target)
    return frozenset((path,)) if path else frozenset()
