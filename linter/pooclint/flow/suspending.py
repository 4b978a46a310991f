"""What is held while a generator is suspended, and while a response is sent."""

from __future__ import annotations

import libcst as cst

from pooclint.flow.external import delays, occupies
from pooclint.flow.invocations import Invocation
from pooclint.flow.record import Suspended
from pooclint.flow.run import Run
from pooclint.flow.states import State
from pooclint.flow.values import NOTHING, Fate, Value

_SLOTS = frozenset({"connection", "session"})


def yielded(run: Run, node: cst.Yield, given: Value, state: State) -> None:
    """Look at what is held when a generator is suspended: its consumer decides for how long.

    What it gives is the consumer's own, and what a caller has lent is held by the caller anyway.
    """
    for number, obligation in state.obligations.items():
        site = obligation.site
        lent = site.parameter >= 0 and not site.injected
        if number in given.refs or lent or site.acquisition.kind not in _SLOTS or not delays(run, obligation):
            continue
        run.record.suspended.setdefault((site.number, id(node)), Suspended(site, obligation, node))


def left(run: Run, state: State, returned: Value) -> None:
    """Look at the injected sessions that have a connection when the function returns, and at the response that is
    returned: one that is sent piece by piece keeps them for as long."""
    type_ = run.models.type(_modelled(run, returned.type))
    streams = type_ is not None and type_.streams
    used = state.reach(returned) | returned.derived
    for number, obligation in state.obligations.items():
        site = obligation.site
        if not site.injected or obligation.fate is Fate.RELEASED:
            continue
        if occupies(obligation):
            run.record.left.add(site.number)
        if streams and site.outlives and (occupies(obligation) or number in used):
            node = _return_of(state) or site.node
            lasting = number in used or any(run.record.bodies.values())
            run.record.suspended.setdefault((site.number, id(node)), Suspended(site, obligation, node, lasting))


def body(run: Run, invocation: Invocation, type_name: str) -> None:
    """Look at what a response is made of that is sent piece by piece: does it wait for anything itself?"""
    type_ = run.models.type(type_name)
    if type_ is None or not type_.streams:
        return
    value = next(iter(invocation.argument(0)), None) or next(iter(invocation.argument("content")), NOTHING)
    given = invocation.node.args[0].value if invocation.node.args else None
    run.record.bodies[id(invocation.node)] = _waits(run, value, given)


def _waits(run: Run, value: Value, given: cst.BaseExpression | None) -> bool:
    """False for a collection, an iterator over one, and a generator that awaits nothing and calls nothing external."""
    generator = value.pending.summary if value.pending else value.function
    if generator is None:
        known = run.names.type_of(given, run.scope) if given is not None else ""
        called = run.names.qualify(given.func, run.scope) if isinstance(given, cst.Call) else ""
        return not (value.items is not None or called.startswith("builtins.") or known)
    if run.reaches(generator) is not None:
        return True
    endless = (cst.Await, cst.While)
    return any(
        isinstance(n, endless) or (isinstance(n, (cst.For, cst.CompFor)) and n.asynchronous is not None)
        for n in generator.body_nodes
    )


def _modelled(run: Run, type_name: str) -> str:
    owner = run.names.local_class(type_name)
    return run.names.modelled_base(owner) if owner else type_name


def _return_of(state: State) -> cst.CSTNode | None:
    """The `return` by which the state has left the function."""
    steps = state.trace.steps() if state.trace else []
    return steps[-1][0] if steps and isinstance(steps[-1][0], cst.Return) else None
