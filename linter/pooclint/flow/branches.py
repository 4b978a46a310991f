"""Conditions, evaluated: the states in which they are true, and those in which they are false."""

from __future__ import annotations

from collections.abc import Iterable

import libcst as cst

from pooclint.flow import collections, conditions
from pooclint.flow.completions import Outcomes, States
from pooclint.flow.losing import sweep
from pooclint.flow.operands import evaluate_all
from pooclint.flow.run import Run
from pooclint.flow.states import State
from pooclint.flow.values import Fate, Value
from pooclint.program.literals import literal
from pooclint.source.nodes import dotted

_TAKING = frozenset({"pop", "popitem", "clear"})
"""Methods that take something out of a dictionary."""


def test(run: Run, node: cst.BaseExpression, state: State, out: Outcomes) -> tuple[list[State], list[State]]:
    """Evaluate a condition.

    Returns:
        The states in which it is true and those in which it is false, refined by what that says of names.
    """
    match node:
        case cst.UnaryOperation(operator=cst.Not(), expression=inner):
            true, false = test(run, inner, state, out)
            return false, true
        case cst.BooleanOperation(left=left, operator=operator, right=right):
            true, false = test(run, left, state, out)
            if isinstance(operator, cst.And):
                pairs = [test(run, right, s, out) for s in true]
                return [s for t, _ in pairs for s in t], run.limit(false + [s for _, f in pairs for s in f])
            pairs = [test(run, right, s, out) for s in false]
            return run.limit(true + [s for t, _ in pairs for s in t]), [s for _, f in pairs for s in f]
        case cst.Comparison():
            return _compare(run, node, state, out)
    true_states: list[State] = []
    false_states: list[State] = []
    for after, value in run.evaluate(run, node, state, out):
        closed = _closed_test(run, node, after, value, out)
        if closed:
            true_states += closed[0]
            false_states += closed[1]
            continue
        empty = collections.is_empty(value, after)
        empty = False if empty is None and _is_filled(run, node, value) else empty
        truth = value.known_truth if empty is None else not empty
        truth = conditions.is_instance(run, node, after) if truth is None else truth
        name = dotted(node.target) if isinstance(node, cst.NamedExpr) else dotted(node)
        if_true, if_false = conditions.refined(run, name, value, after) if name and truth is None else (after, after)
        if truth is not False:
            true_states.append(if_true)
        if truth is not True:
            false_states.append(if_false)
    return true_states, false_states


def _is_filled(run: Run, node: cst.BaseExpression, value: Value) -> bool:
    """True for a dictionary that is written out with a resource in it, and out of which the function takes nothing."""
    name = dotted(node)
    if not name or not value.keys or not value.reach() or run.function is None:
        return False
    taken = (n for n in run.function.body_nodes if isinstance(n, (cst.Attribute, cst.Del)))
    return not any(
        dotted(n.value) == name and n.attr.value in _TAKING if isinstance(n, cst.Attribute) else True for n in taken
    )


def _closed_test(
    run: Run, node: cst.BaseExpression, state: State, value: Value, out: Outcomes
) -> tuple[list[State], list[State]] | None:
    """`conn.closed`, `conn.is_connected()`, `getattr(conn, "closed", None)`: on the branch that says so, nothing
    is left to release."""
    func = node.func if isinstance(node, cst.Call) else node
    if isinstance(func, cst.Attribute):
        tested, name = func.value, func.attr.value
    elif isinstance(node, cst.Call) and isinstance(func, cst.Name) and func.value == "getattr" and len(node.args) > 1:
        tested, name = node.args[0].value, str(literal(node.args[1].value))
    else:
        return None
    if name not in run.models.closed_tests:
        return None
    says_closed = run.models.closed_tests[name]
    for _, base in run.evaluate(run, tested, state, Outcomes()):
        if base.refs:
            gone = state.settle(base.refs, Fate.RELEASED)  # somebody has; this is no release
            still = state.change(base.refs, released=None)  # it is open after all: something opened it again
            return ([gone], [still]) if says_closed else ([still], [gone])
    return None


def _compare(run: Run, node: cst.Comparison, state: State, out: Outcomes) -> tuple[list[State], list[State]]:
    states = evaluate_all(run, [node.left, *(c.comparator for c in node.comparisons)], state, out)
    if len(node.comparisons) != 1:
        return [s for s, _ in states], [s for s, _ in states]
    true_states: list[State] = []
    false_states: list[State] = []
    for after, (left, right) in states:
        true, false = conditions.compared(run, node, left, right, after)
        true_states += [true] if true else []
        false_states += [false] if false else []
    return true_states, false_states


def branch(
    run: Run, condition: cst.BaseExpression, states: Iterable[State], out: Outcomes
) -> tuple[list[State], list[State]]:
    """The states in which a statement goes on where its condition holds, and where it does not."""
    true: list[State] = []
    false: list[State] = []
    for state in states:
        if_true, if_false = test(run, condition, state, out)
        true += [sweep(run, condition, state, s) for s in if_true]
        false += [sweep(run, condition, state, s) for s in if_false]
    return run.limit(list(States(true))), run.limit(list(States(false)))
