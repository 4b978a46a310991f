"""Several expressions one after the other, and what is done with too many ways through them."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from pooclint.flow.completions import Outcomes, telling
from pooclint.flow.invocations import Results
from pooclint.flow.run import MAX_STATES, Run
from pooclint.flow.states import State
from pooclint.flow.values import Value

_WIDE = 64
"""Operands from which each counts as an evaluation of its own."""
Ways = list[tuple[State, tuple[Value, ...]]]
"""States after some turns, with the elements that have yet to be awaited."""


def evaluate_all(
    run: Run, nodes: Sequence[cst.CSTNode], state: State, out: Outcomes
) -> list[tuple[State, list[Value]]]:
    """Evaluate several expressions one after the other."""
    results: list[tuple[State, list[Value]]] = [(state, [])]
    for node in nodes:
        following: list[tuple[State, list[Value]]] = []
        for before, values in results:
            found = run.evaluate(run, node, before, out)
            more = [(after, [*values, value]) for after, value in found[1:]]
            if found:  # a long literal is evaluated in one way: its list grows in place
                values.append(found[0][1])
                following.append((found[0][0], values))
            following += more
        results = following if len(following) <= MAX_STATES else joined(run, following)
        run.evaluations += len(results) * (len(nodes) > _WIDE)
    return results


def joined(run: Run, results: list[tuple[State, list[Value]]]) -> list[tuple[State, list[Value]]]:
    """Too many ways through one expression (`f(a or b, c or d, …)`): those that end in the same state become one."""
    by_state: dict[tuple[object, ...], tuple[State, list[Value]]] = {}
    for state, values in results:
        known = by_state.get(state.key)
        if known is None:
            by_state[state.key] = (state, values)
        else:
            merged = [either(a, b) for a, b in zip(known[1], values, strict=True)]
            by_state[state.key] = (known[0].join(state), merged)
    run.record.cut = True
    run.record.dropped = run.record.dropped or len(by_state) > MAX_STATES
    return telling(by_state.values(), MAX_STATES, lambda result: result[0])


def few(run: Run, results: Results) -> Results:
    """The same, of the ways through one expression."""
    return [(state, values[0]) for state, values in joined(run, [(state, [value]) for state, value in results])]


def either(one: Value, other: Value) -> Value:
    """A value that is one or the other: what either leads to hangs on it."""
    if one == other:
        return one
    return Value(
        one.type if one.type == other.type else "",
        one.reach() | other.reach(),
        one.derived | other.derived,
        pending=one.pending or other.pending,
        closure=one.closure or other.closure,
    )


def distinct(run: Run, ways: Ways) -> Ways:
    """Of those that end in the same state one, and not too many."""
    found: dict[tuple[object, ...], tuple[State, tuple[Value, ...]]] = {}
    for state, awaited in ways:
        known = found.get((state.key, awaited))
        found[state.key, awaited] = (known[0].join(state) if known else state, awaited)
    if len(found) <= MAX_STATES:
        return list(found.values())
    run.record.cut = run.record.dropped = True
    return telling(found.values(), MAX_STATES, lambda way: way[0])
