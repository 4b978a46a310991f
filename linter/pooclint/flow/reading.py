"""What is read to its end: bodies of responses, and generators of the project."""

from __future__ import annotations

import libcst as cst

from pooclint.flow.completions import Outcomes
from pooclint.flow.project import apply_summary, settled_by
from pooclint.flow.run import Run
from pooclint.flow.values import Fate, State, Value


def read_to_end(run: Run, node: cst.CSTNode, iterable: Value, state: State) -> State:
    """At the end of a loop over a response's body there is nothing left to read: the connection goes back."""
    touched = (iterable.refs | iterable.derived) & state.obligations.keys()
    responses = frozenset(n for n in touched if state.obligations[n].site.acquisition.kind == "response")
    return run.release(state, responses, node, explicit=False) if responses else state


def begun(run: Run, iterable: Value, state: State) -> State:
    """The state once somebody reads an iterable: a generator of the project answers for what it releases however it
    ends, and be it that nobody reads on."""
    pending = iterable.pending
    if pending is None or pending.summary is None or not pending.summary.is_generator:
        return state
    settled = settled_by(run, pending.summary, pending.arguments, state)
    held = [n for n in settled if n in state.obligations and state.obligations[n].fate is Fate.HELD]
    return state.settle(frozenset(held), Fate.RELEASED) if held else state


def exhausted(run: Run, node: cst.CSTNode, iterable: Value, state: State, out: Outcomes) -> list[State]:
    """The states after an iterable was read to its end; a generator of the project has then run to its own."""
    pending = iterable.pending
    if pending is None or pending.summary is None or not pending.summary.is_generator:
        return [read_to_end(run, node, iterable, state)]
    if not any(state.reach(v) for _, v in pending.arguments):
        return [state]
    return [s for s, _ in apply_summary(run, pending.node, pending.summary, pending.arguments, state, out)]
