"""Awaiting a value, or entering a pending one: now the call has its effect."""

from __future__ import annotations

from dataclasses import dataclass, replace

import libcst as cst

from pooclint.flow import nesting, sharing, stacks
from pooclint.flow.acquiring import acquire, fail, result_of
from pooclint.flow.completions import CANCEL, OTHER, RESOURCE, TYPE_ERROR, Completion, Outcomes
from pooclint.flow.external import awaited_of_another, hold
from pooclint.flow.given import lent_by
from pooclint.flow.invocations import Attempt, Invocation, Results
from pooclint.flow.misuses import released_again
from pooclint.flow.project import apply_summary, outcomes, parameter_name
from pooclint.flow.run import Run
from pooclint.flow.states import State
from pooclint.flow.values import NOTHING, Fate, Lane, Pending, Value
from pooclint.models import Acquisition
from pooclint.program.scopes import Function
from pooclint.source.nodes import descendants, variables


def complete(run: Run, node: cst.CSTNode, value: Value, state: State, out: Outcomes, attempt: Attempt) -> Results:
    """Await a value, or enter a pending one by `with`: now the call has its effect.

    Returns:
        The states after it with the awaited value, or with the `as` target's for `with`.
    """
    asynchronous = attempt != "sync-with"
    pending = value.pending
    if pending is None and attempt == "await":
        _await_another(run, node.expression if isinstance(node, cst.Await) else node, value, state)
    if pending is None and attempt == "await" and value.constant is None:
        out.add(TYPE_ERROR, state.raised(node, {}, Lane.OTHER))
        return []
    if pending is None:
        if asynchronous:  # what is awaited here (`await anext(generator)`) is given when that is done
            run.fail(state.settle(value.refs, Fate.KEPT), node, out, CANCEL, {}, Lane.CANCELLED)
            if attempt == "await" and not value.refs:
                run.fail(state, node, out, OTHER, {}, Lane.OTHER)
        return [(state, value)]
    if node is not pending.node:  # else it has only begun
        state = sharing.waited_for(state, pending)
    if pending.external and pending.external.io == "await":
        own = pending.receiver.refs | pending.receiver.derived if pending.receiver else frozenset[int]()
        hold(run, state, pending.node, pending.external, awaited=True, own=own)
    if pending.reached:
        hold(run, state, pending.node, pending.reached.external, awaited=True, reached=pending.reached)
    if pending.releases:
        released_again(run, state, pending.releases, pending.node, _method_name(pending.node))
        return [(s, NOTHING) for s in given_back(run, node, pending.releases, state, out, pending.node, asynchronous)]
    if pending.summary and not pending.summary.is_generator:
        # Awaiting a coroutine of one's own suspends only where that does.
        return apply_summary(run, pending.node, pending.summary, pending.arguments, state, out)
    if pending.passes:
        return _complete_passed(run, node, pending, state, out)
    if asynchronous:
        run.fail(state.settle(ended_by(run, pending, state), Fate.RELEASED), node, out, CANCEL, {}, Lane.CANCELLED)
    if pending.summary:
        return [(state, value)] if attempt == "await" else [enter_project(run, node, pending, state, out)]
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
    if model.self_contained:
        nesting.self_contained(run, state, pending.node)
    fail(run, invocation, model, state, out)
    result = result_of(run, invocation, model, state)
    return [(state, replace(result, pending=None))]


def _await_another(run: Run, node: cst.CSTNode, value: Value, state: State) -> None:
    """Await a task or future that somebody else has made: it takes as long as they like."""
    external = awaited_of_another(run.names, run.function, value.type) if state.holds else None
    if external:
        hold(run, state, node, external, awaited=True, own=value.refs | value.derived)


def given_back(
    run: Run,
    node: cst.CSTNode,
    numbers: frozenset[int],
    state: State,
    out: Outcomes,
    by: cst.CSTNode | None = None,
    awaited: bool = False,
) -> list[State]:
    """Release resources at `node`: that may fail, and then counts as done all the same.

    Args:
        by: the call that releases, where that is not `node`.
        awaited: whether it may be cancelled.

    Returns:
        the states after it.
    """
    done: list[State] = []
    for way in stacks.unwound(run, node, numbers, state):
        idle = stacks.do_nothing(way.state, numbers)
        after = run.release(way.state, numbers, by or node)
        if way.failed is not None:
            out.add(way.failed, after)
            continue
        done.append(after)
        if not idle:
            unsure = after.change(numbers, released=None)
            if not _cannot_raise(run, by or node, numbers, way.state):
                run.fail(unsure, node, out, RESOURCE, {}, Lane.OTHER)
            if awaited and stacks.may_suspend(way.state, numbers):
                run.fail(unsure, node, out, CANCEL, {}, Lane.CANCELLED)
    return done


def _cannot_raise(run: Run, node: cst.CSTNode, numbers: frozenset[int], state: State) -> bool:
    """Whether a method that releases these does not fail in practice (`abort()` of a transport)."""
    if not isinstance(node, cst.Call):
        return False
    released = (state.obligations[n].site.acquisition.type for n in numbers & state.obligations.keys())
    types = [run.models.type(name) for name in released]
    return bool(types) and all(t is not None and _method_name(node) in t.cannot_raise for t in types)


def _method_name(node: cst.Call) -> str:
    return node.func.attr.value if isinstance(node.func, cst.Attribute) else ""


@dataclass(frozen=True, slots=True)
class _Passed:
    """One way in which what was passed has gone so far."""

    state: State
    values: tuple[Value, ...] = ()
    failed: Completion | None = None


def _complete_passed(run: Run, node: cst.CSTNode, pending: Pending, state: State, out: Outcomes) -> Results:
    """Await what `gather` or `wait_for` was given; the value is that of a single one.

    All of what `gather` is given runs, whichever fails: what the others acquire is lost then.
    """
    gathers = any("*" in c.passes for c in pending.calls)
    collects = any(c.collects for c in pending.calls)
    ways = [_Passed(state)]
    for item in pending.passes:
        following: list[_Passed] = []
        for way in ways:
            failures = Outcomes()
            if item.pending is None:
                _await_another(run, pending.node, item, way.state)
            done = complete(run, node, item, way.state, failures, "await") if item.pending else [(way.state, item)]
            following += [_Passed(after, (*way.values, value), way.failed) for after, value in done]
            for completion, ended in failures.items():
                if collects and completion != CANCEL:
                    following += [_Passed(s, (*way.values, NOTHING), way.failed) for s in ended]
                elif gathers:
                    following += [_Passed(s, (), way.failed or completion) for s in ended]
                else:
                    out.extend(completion, ended)
                if completion == CANCEL and not gathers:  # `wait_for` cancels it when the time is up
                    out.extend(OTHER, ended)
        ways = list({(w.state.key, w.values, w.failed): w for w in following}.values())
    for way in ways:
        if way.failed:
            lane = Lane.CANCELLED if way.failed == CANCEL else Lane.OTHER
            out.add(way.failed, way.state.raised(node, {}, lane))
    results = [(w.state, w.values) for w in ways if not w.failed]
    if any(c.shields for c in pending.calls):
        for after, _ in results:
            run.fail(after, node, out, CANCEL, {}, Lane.CANCELLED)
    started = frozenset[int]().union(*(i.pending.releases for i in pending.passes if i.pending))
    begun = run.release(state, started, node) if started else state
    if not collects:
        run.fail(begun, node, out, OTHER, {}, Lane.OTHER)
    if pending.calls and pending.calls[0].awaited != "no":
        run.fail(begun, node, out, CANCEL, {}, Lane.CANCELLED)
    return [(s, Value(items=v) if gathers else next(iter(v), NOTHING)) for s, v in results]


def enter_project(run: Run, node: cst.CSTNode, pending: Pending, state: State, out: Outcomes) -> tuple[State, Value]:
    """Enter a project `@contextmanager`: what it yields is held until it is left; what it was given remains the
    giver's.

    Returns:
        the state in which that is acquired, and the value.
    """
    function = pending.summary
    assert function is not None
    run.fail(state.settle(ended_by(run, pending, state), Fate.RELEASED), node, out, OTHER, {}, Lane.OTHER)
    given = frozenset[int]().union(*(v.reach() for _, v in pending.arguments))
    concerned = _concerned(run, function, pending, given, state) if given else frozenset[int]()
    run.record.built_upon.update(state.obligations[n].site.number for n in concerned & state.obligations.keys())
    state = state.change(concerned, doubtful=True)
    if not run.names.is_context_manager(function):
        return state, NOTHING
    lent = _lent(pending, function, state)
    if lent is not None:
        return state, lent
    type_ = run.names.yielded_type(function)
    acquisition = lent_by(run.names, function)
    if acquisition is None:
        return state, Value(type_)
    after, given_out = lend(run, pending.node, acquisition, function.name, state)
    return answer_for(run, pending.holder, "", given_out, after), given_out


def ended_by(run: Run, pending: Pending, state: State) -> frozenset[int]:
    """What a manager of the project is given, and releases in whichever way it ends."""
    manager = pending.summary if pending.summary and run.names.is_context_manager(pending.summary) else None
    ways = outcomes(run, manager, pending.arguments, state) or () if manager else ()
    released = [frozenset(n for n, fate in way.fates if fate is Fate.RELEASED) for way in ways]
    known = state.obligations
    every = released[0].intersection(*released[1:]) & known.keys() if released else frozenset[int]()
    return frozenset(n for n in every if known[n].fate is Fate.HELD and not known[n].doubtful)


def _concerned(run: Run, function: Function, pending: Pending, given: frozenset[int], state: State) -> frozenset[int]:
    """Those of the given that a manager may release, keep, or show to somebody who may: the others it only uses. On an
    attribute of its own object it may put another, and release that."""
    summaries = outcomes(run, function, pending.arguments, state) if run.names.is_context_manager(function) else None
    if summaries is None:
        return given
    concerned = frozenset[int]().union(*(v.reach() for k, v in pending.arguments if isinstance(k, str) and "." in k))
    for summary in summaries:
        concerned |= summary.doubtful | {n for n, fate in summary.fates if fate is not Fate.HELD}
    return given & concerned


def lend(
    run: Run, node: cst.BaseExpression, acquisition: Acquisition, through: str, state: State
) -> tuple[State, Value]:
    """A manager of the project acquires something for its block.

    Returns:
        the state in which that is held, and the value.
    """
    site = run.site(node, acquisition, acquisition.shown, through=through)
    if not acquisition.lazy:
        nesting.taken(run, state, site, node)
    after, number = run.acquire(state, site)
    return after, Value(acquisition.type, refs=frozenset({number}))


def _lent(pending: Pending, function: Function, state: State) -> Value | None:
    """What a manager is given and passes to the block (`yield session`, else one of its own): it is the giver's, and
    the manager does nothing to it. One that does so under a setting is left alone."""
    nodes = function.own_nodes
    yielded = {n.value.value: n for n in nodes if isinstance(n, cst.Yield) and isinstance(n.value, cst.Name)}
    used = (n.func.value for n in nodes if isinstance(n, cst.Call) and isinstance(n.func, cst.Attribute))
    worked_on = {n.value for n in used if isinstance(n, cst.Name)}
    tests = [n for n in nodes if isinstance(n, cst.If)]
    for key, value in pending.arguments:
        name = parameter_name(function, key)
        if name not in yielded or name in worked_on or not value.refs & state.obligations.keys():
            continue
        deciding = (t.test for t in tests if any(n is yielded[name] for n in descendants(t, into_functions=False)))
        if all(_asks_only_for(name, test) for test in deciding):
            return value
    return None


def _asks_only_for(name: str, test: cst.BaseExpression) -> bool:
    """True for a condition on that name alone: `name`, `name is not None`, `isinstance(name, Session)`."""
    match test:
        case cst.BooleanOperation(left=left, right=right):
            return _asks_only_for(name, left) and _asks_only_for(name, right)
        case cst.UnaryOperation(expression=inner):
            return _asks_only_for(name, inner)
        case cst.Call(func=cst.Name(value="isinstance"), args=[cst.Arg(value=cst.Name(value=asked)), *_]):
            return asked == name
    return variables(test) <= {name, "None"}


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
