"""Look-ups of attributes by their names: `getattr(self, name)`, `vars(self)`, a method that is told the name."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from pooclint.program.literals import literal
from pooclint.program.names import Names
from pooclint.program.scopes import Class, Scope

_BY_NAME = frozenset({"builtins.getattr", "builtins.setattr", "builtins.delattr", "operator.attrgetter"})
"""What takes the names of attributes."""
_EVERY = frozenset({"builtins.vars", "builtins.dir"})
_ASKS = "builtins.hasattr"


@dataclass(frozen=True, slots=True)
class LookUp:
    """What a call in a method may look up of the object."""

    attributes: frozenset[str] = frozenset()
    """Those whose names are written in the call."""
    every: bool = False
    """True for whatever the object has."""
    unnamed: bool = False
    """True for one of a name that is worked out: in a method that releases, it may be any."""
    computed: bool = False
    """True for one whose name may be written elsewhere in the class."""
    texts: tuple[cst.CSTNode, ...] = ()
    """The arguments in which names are written: they are told to this call, and to nobody else."""


def looked_up(names: Names, node: cst.Call, scope: Scope, own: str, family: list[Class]) -> LookUp:
    """What a call may look up.

    Args:
        names: look-up of names and types.
        node: the call, in a method.
        scope: the scope it stands in.
        own: the name of the object there.
        family: the class of the object, and its relatives.
    """
    called = names.qualify(node.func, scope)
    if called == _ASKS:
        return LookUp(texts=tuple(node.args))  # it only asks
    # What another object is told of the same name (`Cache("entries")`) is no look-up.
    texts = tuple(a for a in node.args if isinstance(a.value, cst.SimpleString))
    found = frozenset(str(literal(a.value)) for a in texts)
    return LookUp(
        found if called in _BY_NAME or _is_told(node, own) else frozenset(),
        bool(node.args) and called in _EVERY and is_one(names, node.args[0].value, scope, own, family),
        called == "builtins.getattr" and len(node.args) > 1 and literal(node.args[1].value) is ...,
        _takes_names(names, node, called, scope, own, family),
        texts,
    )


def _is_told(node: cst.Call, own: str) -> bool:
    """True where a call is one of a method of the object, or is given the object."""
    match node.func:
        case cst.Attribute(value=cst.Name(value=name)) if name == own:
            return True
        case cst.Attribute(value=cst.Call(func=cst.Name(value="super"))):
            return True
    return any(isinstance(a.value, cst.Name) and a.value.value == own for a in node.args)


def _takes_names(names: Names, node: cst.Call, called: str, scope: Scope, own: str, family: list[Class]) -> bool:
    given = [a.value for a in node.args]
    if called == "operator.attrgetter":
        return any(not isinstance(value, cst.SimpleString) for value in given)
    if called in _BY_NAME:
        computed = any(not isinstance(value, cst.SimpleString) for value in given[1:2])
        return computed and may_be(names, given[0], scope, family)
    others = [v for v in given if not isinstance(v, cst.Name) or v.value != own]
    named = any(isinstance(v, (cst.Name, cst.Tuple, cst.List, cst.Set)) for v in others)
    return named and len(others) < len(given)


def may_be(names: Names, node: cst.BaseExpression, scope: Scope, family: list[Class]) -> bool:
    """True unless the expression is known to be an object of another class than these."""
    type_name = names.type_of(node, scope)
    owner = names.local_class(type_name)
    return not type_name if owner is None else any(c is owner for c in family)


def is_one(names: Names, node: cst.BaseExpression, scope: Scope, own: str, family: list[Class]) -> bool:
    """True where the expression is the object, or is known to be one of its class or a relative."""
    if isinstance(node, cst.Name) and node.value == own:
        return True
    owner = names.local_class(names.type_of(node, scope))
    return owner is not None and any(c is owner for c in family)
