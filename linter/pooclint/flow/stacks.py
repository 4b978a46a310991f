"""Stacks (`contextlib.ExitStack`): what they call at their end, the last that was registered first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import libcst as cst

from pooclint.flow.completions import OTHER, TYPE_ERROR, Completion, Outcomes
from pooclint.flow.invocations import Invocation
from pooclint.flow.project import apply_summary, implied_arguments, outcomes
from pooclint.flow.run import Run
from pooclint.flow.states import State
from pooclint.flow.values import AWAITS, CALLBACKS, NOTHING, Fate, Lane, Pending, Value


@dataclass(frozen=True, slots=True)
class Unwound:
    """A state after what stacks had to call was called."""

    state: State
    failed: Completion | None = None
    """How the last of those that raised has raised; the others were called all the same."""


def is_stack(state: State, number: int) -> bool:
    """Whether an obligation is a stack."""
    obligation = state.obligations.get(number)
    return obligation is not None and obligation.site.acquisition.kind == "stack"


def do_nothing(state: State, numbers: frozenset[int]) -> bool:
    """Whether these are stacks in which nothing is (any more), so that leaving them does nothing."""
    known = frozenset(n for n in numbers if n in state.obligations)
    if not known or not all(is_stack(state, n) and not state.obligations[n].doubtful for n in known):
        return False
    inside = state.owned(known) - known
    if all(state.obligations[n].fate is Fate.RELEASED for n in known):  # they have been left before
        inside = frozenset(n for n in inside if state.obligations[n].fate is not Fate.RELEASED)
    return not inside and all(f"{CALLBACKS}{n}" not in state.env for n in known)


def may_suspend(state: State, numbers: frozenset[int]) -> bool:
    """Whether leaving these by `async with` may be cancelled; stacks that only do what awaits nothing are not."""
    if not all(is_stack(state, n) for n in numbers & state.obligations.keys()):
        return True
    if any(f"{AWAITS}{n}" in state.env or state.obligations[n].doubtful for n in numbers & state.obligations.keys()):
        return True
    return any(state.obligations[n].site.acquisition.released_by_awaiting for n in state.owned(numbers) - numbers)


def callback(invocation: Invocation) -> Value | None:
    """What a stack that is given these arguments will call, where it is a function of the project; else None."""
    callee = invocation.arguments[0][1] if invocation.arguments else NOTHING
    if callee.function is None:
        return None
    given = tuple((k - 1 if isinstance(k, int) else k, v) for k, v in invocation.arguments[1:])
    return replace(callee, pending=Pending(invocation.node, summary=callee.function, arguments=given))


def registered(state: State, stack: int, called: Value) -> State:
    """The state in which a stack will call something at its end."""
    name = f"{CALLBACKS}{stack}"
    return state.know(name, Value(items=(*(state.get(name).items or ()), called)))


def moved(state: State, stacks: Iterable[int], target: int) -> State:
    """The state in which another stack will call what these would have called."""
    for stack in sorted(stacks):
        for called in state.get(f"{CALLBACKS}{stack}").items or ():
            state = registered(state, target, called)
        if f"{AWAITS}{stack}" in state.env:
            state = state.assume(f"{AWAITS}{target}", truth=True).bind(f"{AWAITS}{stack}", NOTHING)
        state = state.bind(f"{CALLBACKS}{stack}", NOTHING)
    return state


def unwound(run: Run, node: cst.CSTNode, numbers: frozenset[int], state: State) -> list[Unwound]:
    """Call at `node` what those of the obligations that are stacks call at their end."""
    ways = [Unwound(state)]
    for stack in sorted(numbers):
        callbacks = state.get(f"{CALLBACKS}{stack}").items or ()
        if callbacks:
            ways = [replace(w, state=w.state.bind(f"{CALLBACKS}{stack}", NOTHING)) for w in ways]
        for called in reversed(callbacks):
            following = [after for way in ways for after in _call(run, node, called, way)]
            ways = list({(w.state.key, w.failed): w for w in following}.values())
    return ways


def _call(run: Run, node: cst.CSTNode, called: Value, way: Unwound) -> list[Unwound]:
    pending, state = called.pending, way.state
    if called.constant is None:  # `stack.push(None)`
        return [Unwound(state.raised(node, {}, Lane.OTHER), TYPE_ERROR)]
    if pending is None or pending.summary is None:
        return [replace(way, state=run.release(state, state.reach(called), node))]
    function = pending.summary
    arguments = implied_arguments(called, state) + pending.arguments
    failures = Outcomes()
    if outcomes(run, function, arguments, state) is None and state.reach(called):
        # Nothing is known of it: it does what it is there for.
        done = [run.release(state, state.reach(called), node)]
        run.fail(done[0], node, failures, OTHER, {}, Lane.OTHER)
    else:
        done = [s for s, _ in apply_summary(run, node, function, arguments, state, failures)]
    after = [replace(way, state=s) for s in done]
    return after + [Unwound(s, completion) for completion, ended in failures.items() for s in ended]
