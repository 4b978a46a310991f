"""`while` and `for`."""

from __future__ import annotations

from dataclasses import replace

import libcst as cst

from pooclint.flow import collections
from pooclint.flow.assignments import bind
from pooclint.flow.branches import branch
from pooclint.flow.completions import (
    BREAK,
    CANCEL,
    CONTINUE,
    NORMAL,
    OTHER,
    RESOURCE,
    Completion,
    Outcomes,
    States,
    normal_end,
)
from pooclint.flow.losing import sweep
from pooclint.flow.reading import begun, exhausted, read_to_end
from pooclint.flow.run import MAX_ROUNDS, Run
from pooclint.flow.states import State
from pooclint.flow.values import NOTHING, Lane, Value
from pooclint.program.literals import literal
from pooclint.source.nodes import body_of

READING = "#reading "
"""Prefix of the names under which a state remembers what loops read, by the `id` of their nodes."""


MAX_UNROLLED = 8
"""Elements of a literal, or numbers of a `range`, up to which a loop over them is evaluated turn by turn."""


def while_(run: Run, node: cst.While, states: list[State]) -> Outcomes:
    """Evaluate a `while` loop from each of the states."""
    out = Outcomes()
    head, pending = States(states), states
    finished = States()
    for _ in range(MAX_ROUNDS):
        true, false = branch(run, node.test, pending, out)
        for state in false:
            finished.add(state)
        result = run.execute(run, body_of(node.body), true)
        turned = run.narrow([*result.take(NORMAL), *result.take(CONTINUE)], node.body)
        pending = run.limit([s for s in turned if head.add(s)])
        out.extend(NORMAL, result.take(BREAK))
        out.merge(result)
        if not pending:
            break
    else:
        run.record.dropped = True
    after = list(finished)
    out.merge(run.execute(run, body_of(node.orelse.body), after) if node.orelse else normal_end(after))
    return out


def for_(run: Run, node: cst.For, states: list[State]) -> Outcomes:
    """Evaluate a `for` loop from each of the states."""
    out = Outcomes()
    finished: list[State] = []
    turning: dict[Value, list[State]] = {}
    for state in states:
        for after, iterable in run.evaluate(run, node.iter, state, out):
            entered = sweep(
                run, node.iter, state, _reading(run, node, iterable, begun(run, node.iter, iterable, after))
            )
            items = iterable.items if iterable.items is not None and not iterable.keys else _range(run, node.iter)
            if collections.is_empty(iterable, entered):
                finished.append(entered)
                continue
            for order in [items] if items else collections.elements(iterable, entered):
                if 0 < len(order) <= MAX_UNROLLED and not node.asynchronous:
                    finished += _unrolled(run, node, order, entered, out)
                else:
                    turning.setdefault(iterable, []).append(entered)
    for iterable, entering in turning.items():
        finished += _turns(run, node, iterable, entering, out)
    finished = list(States(finished))
    out.merge(run.execute(run, body_of(node.orelse.body), finished) if node.orelse else normal_end(finished))
    return _read(run, node, out)


def _reading(run: Run, node: cst.For, iterable: Value, state: State) -> State:
    """The state in which a loop refers to the collection that it reads."""
    if collections.by_key(iterable):
        return collections.dropped(run, state, {iterable.collection})
    return state.know(f"{READING}{id(node)}", iterable) if iterable.collection else state


def _read(run: Run, node: cst.For, out: Outcomes) -> Outcomes:
    """After a loop over a collection nothing but its names leads to it."""
    name = f"{READING}{id(node)}"
    if not any(name in s.env for _, states in out.items() for s in states):
        return out
    read = Outcomes()
    for completion, states in out.items():
        read.extend(completion, (sweep(run, node, s, s.bind(name, NOTHING)) if name in s.env else s for s in states))
    return read


def _range(run: Run, node: cst.BaseExpression) -> tuple[Value, ...] | None:
    """The numbers of `range(3)`."""
    match node:
        case cst.Call(func=cst.Name(value="range") as func, args=[argument]):
            count = literal(argument.value)
            if isinstance(count, int) and count <= MAX_UNROLLED and run.names.qualify(func, run.scope):
                return tuple(Value(constant=number) for number in range(count))
    return None


def _unrolled(run: Run, node: cst.For, items: tuple[Value, ...], state: State, out: Outcomes) -> list[State]:
    """A loop over a literal: one turn for each element."""
    states = [state]
    for item in items:
        entered = [sweep(run, node, s, bind(run, node.target, item, s, out)) for s in states]
        result = run.execute(run, body_of(node.body), run.limit(entered))
        states = list(States(run.narrow([*result.take(NORMAL), *result.take(CONTINUE)], node.body)))
        out.extend(NORMAL, result.take(BREAK))
        out.merge(result)
    return states


def _turns(run: Run, node: cst.For, iterable: Value, states: list[State], out: Outcomes) -> list[State]:
    """A loop over anything else, to a fixpoint."""
    pending = [run.keep(s, iterable.reach()) for s in states] if iterable.items else states
    head = States(pending)
    entering = [] if _never_empty(node.iter) else list(head)
    finished = States()
    derived = Value(derived=iterable.refs | iterable.derived)
    for _ in range(MAX_ROUNDS):
        entered: list[State] = []
        for current in pending:
            _step(run, node, iterable, current, out)
            entered.append(sweep(run, node, current, bind(run, node.target, derived, current, out)))
        result = run.execute(run, body_of(node.body), run.limit(list(States(entered))))
        normal = run.narrow([*result.take(NORMAL), *result.take(CONTINUE)], node.body)
        for current in normal:
            finished.add(current)
        pending = run.limit([s for s in normal if head.add(s)])
        out.extend(NORMAL, result.take(BREAK))
        out.merge(result)
        if not pending:
            break
    else:
        run.record.dropped = True
    ended = States([*_without_turn(entering, list(finished)), *finished])
    return [after for s in run.limit(list(ended)) for after in exhausted(run, node.iter, iterable, s, out)]


def _without_turn(states: list[State], after: list[State]) -> list[State]:
    """The states in which a loop has no turn. Whatever has a connection in none of those `after` turns is not taken
    for held for that alone."""
    numbers = {n for s in states for n, o in s.obligations.items() if o.holding and o.site.acquisition.lazy}
    given_back = {n for n in numbers if after and not any(_is_holding(s, n) for s in after)}
    return [s.change(given_back & s.obligations.keys(), scarcely=True) for s in states] if given_back else states


def _is_holding(state: State, number: int) -> bool:
    obligation = state.obligations.get(number)
    return obligation is not None and obligation.holding and not obligation.scarcely


def _step(run: Run, node: cst.For, iterable: Value, state: State, out: Outcomes) -> None:
    """Each step of an iterator may raise; over a resource that is a failure of the resource."""
    touched = iterable.refs | iterable.derived
    # A generator of the project works with what it was given.
    given = iterable.reach() if iterable.pending and iterable.pending.summary else frozenset[int]()
    # A body that cannot be read any further is closed.
    failed = read_to_end(run, node.iter, replace(iterable, refs=iterable.refs | given), state)
    if iterable.pending and iterable.pending.summary:
        run.fail(failed, node.iter, out, OTHER, {}, Lane.OTHER)
        if given:
            run.fail(failed, node.iter, out, RESOURCE, dict.fromkeys(given, Lane.RESOURCE), Lane.OTHER)
    if touched:
        run.fail(failed, node.iter, out, Completion("resource"), dict.fromkeys(touched, Lane.RESOURCE), Lane.OTHER)
    if node.asynchronous:
        run.fail(state, node.iter, out, CANCEL, {}, Lane.CANCELLED)
        run.fail(failed, node.iter, out, OTHER, {}, Lane.OTHER)


def _never_empty(node: cst.BaseExpression) -> bool:
    match node:
        case cst.Tuple() | cst.List():
            return bool(node.elements) and not any(isinstance(e, cst.StarredElement) for e in node.elements)
        case cst.Call(func=cst.Name(value="range"), args=[argument]):
            value = literal(argument.value)
            return isinstance(value, int) and value > 0
    return False
