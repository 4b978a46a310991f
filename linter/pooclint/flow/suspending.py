"""What is held while a generator is suspended, and while a response is sent."""

from __future__ import annotations

import libcst as cst

from pooclint.flow.external import occupies
from pooclint.flow.run import Run, Suspended
from pooclint.flow.values import Fate, State, Value

_SLOTS = frozenset({"connection", "session"})


def yielded(run: Run, node: cst.Yield, given: Value, state: State) -> None:
    """Look at what is held when a generator is suspended: its consumer decides for how long.

    What it gives is the consumer's own, and what a caller has lent is held by the caller anyway.
    """
    for number, obligation in state.obligations.items():
        site = obligation.site
        lent = site.parameter >= 0 and not site.injected
        if number in given.refs or lent or site.acquisition.kind not in _SLOTS or not occupies(obligation):
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
            run.record.suspended.setdefault((site.number, id(node)), Suspended(site, obligation, node))


def _modelled(run: Run, type_name: str) -> str:
    owner = run.names.local_class(type_name)
    return run.names.modelled_base(owner) if owner else type_name


def _return_of(state: State) -> cst.CSTNode | None:
    """The `return` by which the state has left the function."""
    steps = state.trace.steps() if state.trace else []
    return steps[-1][0] if steps and isinstance(steps[-1][0], cst.Return) else None
