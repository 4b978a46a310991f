"""Objects that live as long as the program: where they are kept, and what is said of them anywhere."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

import libcst as cst

from pooclint.program.literals import literal
from pooclint.program.scopes import Index, Scope
from pooclint.source.nodes import descendants

Keeping = cst.Assign | cst.AnnAssign | cst.NamedExpr
"""What may keep the result of a call."""


def kept_as(node: Keeping, scope: Scope) -> tuple[cst.Call, str] | None:
    """A call whose result is kept, and the name of the module's variable, or of the attribute or element of another
    object (`app.state.pool`, `app["pool"]`), that it is kept as; None for what is kept nowhere, or on the method's own
    object.

    Args:
        node: an assignment.
        scope: where it stands.
    """
    value = node.value
    while isinstance(value, (cst.Await, cst.NamedExpr)):
        value = value.expression if isinstance(value, cst.Await) else value.value
    if not isinstance(value, cst.Call):
        return None
    targets = [one.target for one in node.targets] if isinstance(node, cst.Assign) else [node.target]
    name = next(filter(None, (_lasting(target, scope) for target in targets)), "")
    return (value, name) if name else None


def _lasting(target: cst.BaseExpression, scope: Scope) -> str:
    match target:
        case cst.Name(value=name):
            return name if scope.kind == "module" or name in scope.declared_outside else ""
        case cst.Attribute(value=cst.Name(value=first)) if first == scope.own_object:
            return ""
    return _last(target)


def reads(name: str, wanted: Collection[str], indexes: Iterable[Index]) -> bool:
    """True when some module reads one of these attributes of what goes by a name there (`pool.close`,
    `app.state.pool.close`), or enters it as a context manager, if `with` is among them."""
    return any(_is_read(part, name, wanted) for index in indexes for part in descendants(index.module))


def _is_read(part: cst.CSTNode, name: str, wanted: Collection[str]) -> bool:
    match part:
        case cst.Attribute(value=value, attr=cst.Name(value=attribute)) if attribute in wanted:
            return _last(value) == name
        case cst.WithItem(item=item) if "with" in wanted:
            # `closing(pool)`, `stack.enter_async_context(pool)` and the like are calls with it as an argument.
            return _last(item) == name or (isinstance(item, cst.Call) and _has_argument(item, name))
        case cst.Call() if "with" in wanted and _last(part.func) in _ENTERING:
            return _has_argument(part, name)
    return False


_ENTERING = frozenset({"enter_context", "enter_async_context", "push", "push_async_exit"})


def _has_argument(node: cst.Call, name: str) -> bool:
    return any(_last(argument.value) == name for argument in node.args)


def _last(node: cst.CSTNode) -> str:
    match node:
        case cst.Name(value=name) | cst.Attribute(attr=cst.Name(value=name)):
            return name
        case cst.Subscript(slice=[cst.SubscriptElement(cst.Index(cst.SimpleString() as key))]):
            return str(literal(key))
    return ""


def handed_to(name: str, indexes: Iterable[Index]) -> Iterator[tuple[cst.Call, int, Scope]]:
    """Calls that are given what goes by a name, with its place among their arguments."""
    for index in indexes:
        for node, scope in index.visited:
            if isinstance(node, cst.Call):
                for position, argument in enumerate(node.args):
                    if not argument.keyword and not argument.star and _last(argument.value) == name:
                        yield node, position, scope


def imports(index: Index, roots: Collection[str]) -> bool:
    """True when a module imports one of these, or something out of it."""
    known = (b.qualified for s in _scopes(index) for bs in s.bindings.values() for b in bs if b.kind == "import")
    return any(name == root or name.startswith(f"{root}.") for name in known for root in roots)


def _scopes(index: Index) -> Iterator[Scope]:
    functions = index.functions  # of all of the module, however much of it was asked for before
    yield index.scope
    yield from (function.scope for function in functions.values())
