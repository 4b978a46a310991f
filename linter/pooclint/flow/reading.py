"""What is read to its end: bodies of responses, and generators of the project."""

from __future__ import annotations

import libcst as cst

from pooclint.flow.acquiring import given_back, sent
from pooclint.flow.completions import Outcomes
from pooclint.flow.external import hold, while_read
from pooclint.flow.invocations import reach
from pooclint.flow.project import apply_summary, reached_by, settled_in
from pooclint.flow.run import Run
from pooclint.flow.states import State
from pooclint.flow.values import Fate, Value


def read_to_end(run: Run, node: cst.CSTNode, iterable: Value, state: State) -> State:
    """At the end of a loop over a response's body, or over rows that no transaction has read, there is nothing left to
    read: the connection goes back."""
    type_ = run.models.type(iterable.type)
    if type_ is not None and type_.ends:
        state = given_back(iterable.derived, state)
    touched = (iterable.refs | iterable.derived) & state.obligations.keys()
    responses = frozenset(n for n in touched if state.obligations[n].site.acquisition.kind == "response")
    return run.release(state, responses, node, explicit=False) if responses else state


def begun(
    run: Run, node: cst.CSTNode, iterable: Value, state: State, by_somebody: bool = False, later: bool = False
) -> State:
    """The state once somebody reads an iterable: a generator of the project answers for what it releases however it
    ends, and be it that nobody reads on.

    Args:
        run: the function.
        node: where it is read.
        iterable: what is read.
        state: the state before.
        by_somebody: whether it is not known how far it is read: then it may have released the rest, too.
        later: whether nothing is read yet.
    """
    pending = iterable.pending
    if pending is not None and pending.external and pending.external.io == "await" and not (by_somebody or later):
        own = pending.receiver.refs | pending.receiver.derived if pending.receiver else frozenset[int]()
        hold(run, state, pending.node, pending.external, awaited=True, own=own)
    if pending is None or pending.summary is None or not pending.summary.is_generator:
        return sent(run, iterable, node, state)
    if not (by_somebody or later) and (
        reached := while_read(reached_by(run, pending.node, pending.summary, pending.arguments))
    ):
        # Of what it is lent, its end says more.
        lent = frozenset(reach(state, [v for _, v in pending.arguments]))
        hold(run, state, pending.node, reached.external, reached.external.io == "await", lent, reached)
    ways = settled_in(run, pending.summary, pending.arguments, state)
    if not ways:
        return state
    held = frozenset(n for n, o in state.obligations.items() if o.fate is Fate.HELD)
    settled = ways[0].intersection(*ways[1:]) & held
    state = state.settle(settled, Fate.RELEASED) if settled else state
    unsure = (held & frozenset[int]().union(*ways)) - settled
    return state.change(unsure, doubtful=True) if by_somebody and unsure else state


def exhausted(run: Run, node: cst.CSTNode, iterable: Value, state: State, out: Outcomes) -> list[State]:
    """The states after an iterable was read to its end; a generator of the project has then run to its own."""
    pending = iterable.pending
    if pending is None or pending.summary is None or not pending.summary.is_generator:
        return [read_to_end(run, node, iterable, state)]
    if not any(state.reach(v) for _, v in pending.arguments):
        return [state]
    return [s for s, _ in apply_summary(run, pending.node, pending.summary, pending.arguments, state, out)]
