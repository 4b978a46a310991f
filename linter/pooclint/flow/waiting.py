"""Awaiting a value, or entering a pending one: now the call has its effect."""

from __future__ import annotations

from dataclasses import replace

import libcst as cst

from pooclint.flow.acquiring import acquire, fail, result_of
from pooclint.flow.completions import CANCEL, OTHER, RESOURCE, Outcomes
from pooclint.flow.external import hold
from pooclint.flow.invocations import Attempt, Invocation, Results
from pooclint.flow.misuses import released_again
from pooclint.flow.project import apply_summary
from pooclint.flow.run import Run
from pooclint.flow.values import NOTHING, Fate, Lane, Pending, State, Value


def complete(run: Run, node: cst.CSTNode, value: Value, state: State, out: Outcomes, attempt: Attempt) -> Results:
    """Await a value, or enter a pending one by `with`: now the call has its effect.

    Returns:
        The states after it with the awaited value, or with the `as` target's for `with`.
    """
    asynchronous = attempt != "sync-with"
    pending = value.pending
    if pending is None:
        if asynchronous:  # what is awaited here (`await anext(generator)`) is given when that is done
            run.fail(state.settle(value.refs, Fate.KEPT), node, out, CANCEL, {}, Lane.CANCELLED)
            if attempt == "await" and not value.refs:
                run.fail(state, node, out, OTHER, {}, Lane.OTHER)
        return [(state, value)]
    if pending.external and pending.external.io == "await":
        own = pending.receiver.refs | pending.receiver.derived if pending.receiver else frozenset[int]()
        hold(run, state, pending.node, pending.external, awaited=True, own=own)
    if pending.releases:
        released_again(run, state, pending.releases, pending.node, _method_name(pending.node))
        after = run.release(state, pending.releases, pending.node)
        unsure = after.change(pending.releases, released=None)
        run.fail(unsure, node, out, RESOURCE, {}, Lane.OTHER)
        if asynchronous:
            run.fail(unsure, node, out, CANCEL, {}, Lane.CANCELLED)
        return [(after, NOTHING)]
    if pending.summary and not pending.summary.is_generator:
        # Awaiting a coroutine of one's own suspends only where that does.
        return apply_summary(run, pending.node, pending.summary, pending.arguments, state, out)
    if asynchronous:
        run.fail(state, node, out, CANCEL, {}, Lane.CANCELLED)
    if pending.summary:
        return [(state, value)]
    if pending.passes:
        return _complete_passed(run, node, pending, state, out)
    receiver = pending.receiver or NOTHING
    invocation = Invocation(pending.node, receiver, _method_name(pending.node), pending.arguments)
    model = pending.calls[0] if pending.calls else None
    if model is None:
        run.fail(state, node, out, OTHER, {}, Lane.OTHER)
        return [(state, replace(value, pending=None))]
    if model.acquires:
        fail(run, invocation, model, state, out, acquires=True)
        after, resource = acquire(run, pending.node, model, state, pending.arguments, receiver)
        if attempt != "await" and model.enter:
            resource = replace(resource, type=run.models.canonical(model.enter))
        return [(answer_for(run, pending.holder, value.type, resource, after), resource)]
    fail(run, invocation, model, state, out)
    result = result_of(run, invocation, model)
    return [(state, replace(result, pending=None))]


def _method_name(node: cst.Call) -> str:
    return node.func.attr.value if isinstance(node.func, cst.Attribute) else ""


def _complete_passed(run: Run, node: cst.CSTNode, pending: Pending, state: State, out: Outcomes) -> Results:
    """Await what `gather` or `wait_for` was given, in turn; the value is that of a single one."""
    results: list[tuple[State, tuple[Value, ...]]] = [(state, ())]
    for item in pending.passes:
        following: list[tuple[State, tuple[Value, ...]]] = []
        for current, values in results:
            done = complete(run, node, item, current, out, "await") if item.pending else [(current, item)]
            following += [(after, (*values, value)) for after, value in done]
        results = following
    run.fail(state, node, out, OTHER, {}, Lane.OTHER)
    gathers = any("*" in c.passes for c in pending.calls)
    return [(s, Value(items=v) if gathers else next(iter(v), NOTHING)) for s, v in results]


def answer_for(run: Run, holder: str, type_name: str, given: Value, state: State) -> State:
    """The state in which a manager or generator answers for what it gave: closing it releases that.

    Args:
        holder: the name or path that the manager is bound to; empty when it has none.
    """
    if not holder or not given.refs:
        return state
    state = state.bind(holder, Value(type_name, refs=given.refs))
    own = run.function.parameters[0].name if run.function and run.function.owner and run.function.parameters else ""
    if holder.split(".", maxsplit=1)[0] != own:
        return state
    for number in given.refs & state.obligations.keys():
        run.record.kept.add(state.obligations[number].site.number)
    return state.change(given.refs, fate=Fate.FIELD)
