"""What a thread of the project's own leaves open: a session that nobody acquires, of which each thread has its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from pooclint.models import Type
from pooclint.program.names import Names
from pooclint.program.running import Edges, argument, meant
from pooclint.program.scopes import Class, Function, Scope
from pooclint.source.nodes import descendants, nodes_of

_MAX_FRAMES = 5
"""Functions between the one that a thread runs and the call that opens something."""
_MAX_FUNCTIONS = 80
"""Those that are looked at for one thread; with more, nobody knows what it does."""


_NAMED = frozenset({cst.Name, cst.Attribute})


@dataclass(frozen=True, slots=True)
class Opened:
    """The first call by which a thread comes to such a session."""

    node: cst.Call
    chain: tuple[Function, ...]
    """From what the thread runs to the function of the call."""
    type: Type


def started(names: Names, node: cst.Call, scope: Scope) -> Function | None:
    """The function of the project that a call has a thread run, where the thread ends with it; None of any other
    call."""
    model = next((c for c in names.calls(node, scope) if c.in_thread), None)
    if model is None or (model.on and not _ends_here(names, node, scope)):
        return None
    targets = (argument(node, position) for position in model.calls)
    found = [f for target in targets if target is not None for f in meant(names, target, scope, "anything")]
    return found[0] if len(found) == 1 and isinstance(found[0], Function) else None


def run_by_thread(names: Names, owner: Class) -> Function | None:
    """The method that a thread of a class runs; None of any other class, and of one whose threads others derive."""
    type_ = names.models.type(names.modelled_base(owner))
    return owner.methods.get(type_.runs) if type_ is not None and type_.runs and not type_.processes else None


def left_open(edges: Edges, function: Function) -> Opened | None:
    """What a thread that runs the function opens for itself, and nobody ends when it does; None when there is nothing,
    or something that it runs may end it.

    A thread that loops for as long as the process lives keeps its one, and is left alone.
    """
    if any(type(n) is cst.While for n in function.body_nodes):
        return None
    seen = {id(function): function}
    opened: Opened | None = None
    todo: list[tuple[Function, ...]] = [(function,)]
    while todo:
        chain = todo.pop(0)
        opened = opened or _opened(edges.names, chain)
        for called in (*_decorating(edges.names, chain[-1]), *(f for _, f in edges.runs(chain[-1]))):
            if id(called) not in seen:
                seen[id(called)] = called
                todo.append((*chain, called))
        if len(seen) > _MAX_FUNCTIONS:
            return None
    if opened is None or len(opened.chain) > _MAX_FRAMES:
        return None
    return None if any(_ends(edges.names, f, opened.type) for f in seen.values()) else opened


def _ends_here(names: Names, node: cst.Call, scope: Scope) -> bool:
    """True when the receiver, whose threads they are, is made in the function itself, and ends with its `with`."""
    receiver = node.func.value if isinstance(node.func, cst.Attribute) else None
    found = scope.lookup(receiver.value) if isinstance(receiver, cst.Name) else None
    type_ = names.models.type(names.type_of(receiver, scope)) if receiver is not None else None
    return (
        found is not None
        and type_ is not None
        and not type_.processes
        and all(binding.entered for binding in found[1])
        and found[0].kind != "module"
    )


def _opened(names: Names, chain: tuple[Function, ...]) -> Opened | None:
    scope = chain[-1].scope
    for node in nodes_of(cst.Call, chain[-1].body_nodes):
        for name in _worked_on(names, node, scope):
            type_ = names.models.type(name)
            if type_ is not None and type_.per_thread:
                return Opened(node, chain, type_)
    return None


def _worked_on(names: Names, node: cst.Call, scope: Scope) -> Iterator[str]:
    """The types of the sessions that nobody acquires on which a call works."""
    yield from (c.works_on for c in names.calls(node, scope) if c.works_on)
    part: cst.BaseExpression = node
    while isinstance(part, (cst.Call, cst.Attribute)):
        part = part.func if isinstance(part, cst.Call) else part.value
        # Of whatever module the class is: most have nothing else to tell, and nobody has looked at them.
        type_ = names.models.type(names.type_of(part, scope, "anything"))
        if type_ is not None and type_.ambient:
            yield type_.ambient


def _ends(names: Names, function: Function, type_: Type) -> bool:
    """True when something in a function, or in one that is nested in it, may end the session of its thread."""
    for node in descendants(function.node):
        if type(node) in _NAMED and names_an_end(names, node, function.scope, type_):
            return True
        if type(node) is cst.Call and isinstance(node.func, cst.Attribute) and node.func.attr.value in type_.checks_in:
            receiver = names.type_of(node.func.value, function.scope)
            if not receiver or _is_or_made_by(names, receiver, type_):
                return True
    return False


def _is_or_made_by(names: Names, receiver: str, type_: Type) -> bool:
    """True of the type, and of that of the sessions that its objects give and keep: who closes one of these has ended
    what the thread has."""
    own = names.models.canonical(type_.name)
    return own in names.models.lineage(receiver) or names.models.canonical(receiver) in names.models.lineage(own)


def names_an_end(names: Names, node: cst.CSTNode, scope: Scope, type_: Type) -> bool:
    """True of what stands for something by which sessions of the type are ended, whoever uses them."""
    if isinstance(node, cst.Attribute) and node.attr.value in type_.ended_by:
        return True
    return names.qualify(node, scope) in type_.ended_by


def _decorating(names: Names, function: Function) -> Iterator[Function]:
    """The functions of the project that decorate it."""
    for decorator in function.decorators:
        callee = decorator.func if isinstance(decorator, cst.Call) else decorator
        defined = names.definition(callee, function.parent, interest="anything")
        if isinstance(defined, Function):
            yield defined
