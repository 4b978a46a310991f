"""One connection or session that several tasks or threads use at the same time."""

from __future__ import annotations

from collections import Counter

import libcst as cst

from pooclint.flow.invocations import Invocation
from pooclint.flow.record import Shared
from pooclint.flow.run import Run
from pooclint.flow.states import State
from pooclint.flow.values import COLLECTIONS, Fate, Pending, Value
from pooclint.models import Call

_SLOTS = frozenset({"connection", "session"})


def started(run: Run, invocation: Invocation, model: Call, state: State) -> State:
    """The state after a call that lets other tasks or threads run what it is given: `gather(a, b)`, `create_task(a)`,
    `submit(f, x)`, `map(f, items)`."""
    if "*" in model.passes:
        _note_all(run, state, invocation)
        return state
    if model.awaited == "must" or not (model.passes or model.calls) or model.after_response:
        return state
    if model.awaited == "no" and model.passes:
        return state  # it runs it to its end
    wanted = invocation.chosen(model.passes) if model.passes else [v for _, v in invocation.arguments]
    used = frozenset[int]().union(*(_used(state, v) for v in wanted))
    begun = [v.pending.node for v in wanted if v.pending]  # `shield(task)` is no other user than the task
    for number in sorted(used):
        obligation = state.obligations.get(number)
        if obligation is None or not _is_single(run, state, number) or any(obligation.task is n for n in begun):
            continue
        if model.repeats or obligation.task is not None:
            _note(run, state, number, invocation.node, obligation.task)
        state = state.change([number], task=obligation.task or invocation.node)
    return state


def waited_for(state: State, pending: Pending) -> State:
    """The state after a task, a thread or several of them have been waited for."""
    if all(o.task is None for o in state.obligations.values()):
        return state
    begun = (n for n, o in state.obligations.items() if o.task is pending.node)
    return ended(state, frozenset(begun).union(*(_used(state, v) for v in pending.passes)))


def ended(state: State, numbers: frozenset[int] | None = None) -> State:
    """The state in which no task uses these any more; None: nor any other."""
    busy = [n for n, o in state.obligations.items() if o.task is not None and (numbers is None or n in numbers)]
    return state.change(busy, task=None) if busy else state


def _note_all(run: Run, state: State, invocation: Invocation) -> None:
    """What is gathered runs at the same time; of what is unpacked nobody knows how many there are."""
    uses: Counter[int] = Counter()
    unpacked = (a.value for a in invocation.node.args if a.star == "*")
    unlisted = any(not isinstance(value, (cst.List, cst.Tuple)) for value in unpacked)
    for key, value in invocation.arguments:
        for item in value.items if value.items is not None else (value,):
            for number in _used(state, item):
                obligation = state.obligations.get(number)
                collected = obligation is not None and obligation.owner <= COLLECTIONS  # each turn has another one
                uses[number] += 2 if key == "*" and unlisted and not collected else 1
    for number, count in sorted(uses.items()):
        if count > 1 and _is_single(run, state, number):
            _note(run, state, number, invocation.node, None)


def _used(state: State, value: Value) -> frozenset[int]:
    """Obligations on which a task, or a function that a thread calls, works."""
    found = state.reach(value) | value.derived
    if value.pending and value.pending.receiver:
        found |= value.pending.receiver.refs | value.pending.receiver.derived
    return found | value.refs if value.method else found


def _is_single(run: Run, state: State, number: int) -> bool:
    obligation = state.obligations.get(number)
    if obligation is None or obligation.site.acquisition.kind not in _SLOTS or obligation.fate is Fate.RELEASED:
        return False
    type_ = run.models.type(obligation.site.acquisition.type)
    return type_ is not None and bool(type_.concurrent)


def _note(run: Run, state: State, number: int, node: cst.CSTNode, first: cst.CSTNode | None) -> None:
    obligation = state.obligations[number]
    run.record.shared.setdefault(obligation.site.number, Shared(obligation.site, obligation, node, first))
