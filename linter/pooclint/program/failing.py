"""Functions and classes of the project that cannot raise when they are called, as the evaluation of functions sees it:
they call nothing, wait for nothing and check nothing."""

from __future__ import annotations

import libcst as cst

from pooclint.program.attributes import made_as_usual
from pooclint.program.names import Names
from pooclint.program.scopes import Class, Function
from pooclint.source.nodes import is_super

_RAISING = frozenset({
    cst.Raise, cst.Assert, cst.Await, cst.Yield, cst.For, cst.CompFor, cst.With, cst.Import, cst.ImportFrom, cst.Del,
})  # fmt: skip


def cannot_raise(names: Names, called: Function | Class) -> bool:
    """True for a function, or a class whose constructor, does nothing that may fail: it puts what it is given on an
    object, or gives something back."""
    if isinstance(called, Function):
        return names.circles.answer(names.harmless, id(called), False, lambda: _does_nothing(names, called))
    constructor = names.method(called, "__init__")
    if constructor is None or not made_as_usual(names, called) or names.method(called, "__setattr__"):
        return False
    return cannot_raise(names, constructor)


def _does_nothing(names: Names, function: Function) -> bool:
    if isinstance(function.node, cst.Lambda) or not names.is_plain(function):
        return False
    return not any(type(n) in _RAISING for n in function.body_nodes) and all(
        _is_harmless(names, n, function) for n in function.body_nodes if type(n) is cst.Call
    )


def _is_harmless(names: Names, node: cst.Call, function: Function) -> bool:
    if is_super(node):
        return True
    models = names.calls(node, function.scope)
    if models:
        return all(m.raises == "never" and not m.acquires for m in models)
    called = names.definition(node.func, function.scope)
    return called is not None and cannot_raise(names, called)
