"""Bodies of responses: once they are read to their end, the connection goes back."""

from __future__ import annotations

import libcst as cst

from pooclint.flow.run import Run
from pooclint.flow.values import State, Value


def read_to_end(run: Run, node: cst.CSTNode, iterable: Value, state: State) -> State:
    """At the end of a loop over a response's body there is nothing left to read: the connection goes back."""
    touched = (iterable.refs | iterable.derived) & state.obligations.keys()
    responses = frozenset(n for n in touched if state.obligations[n].site.acquisition.kind == "response")
    return run.release(state, responses, node, explicit=False) if responses else state
