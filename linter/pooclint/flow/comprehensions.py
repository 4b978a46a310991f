"""Comprehensions, turn by turn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import libcst as cst

from pooclint.flow import collections
from pooclint.flow.assignments import bind
from pooclint.flow.branches import test
from pooclint.flow.completions import Outcomes
from pooclint.flow.invocations import Results
from pooclint.flow.operands import Ways, distinct, either, evaluate_all, few
from pooclint.flow.reading import begun, exhausted
from pooclint.flow.run import MAX_STATES, Run
from pooclint.flow.states import State
from pooclint.flow.values import NOTHING, Value
from pooclint.source.nodes import descendants, loops_of

_MOST_TURNS = 8
"""Elements of literals up to which a comprehension, its inner loops included, is evaluated turn by turn."""


def comprehension(run: Run, node: cst.BaseComp, state: State, out: Outcomes) -> Results:
    """One turn for each element of a literal; for anything else one for an unknown element, or none, or two where they
    acquire something."""
    parts = [node.key, node.value] if isinstance(node, cst.DictComp) else [node.elt]  # type: ignore[attr-defined]
    number = 0 if isinstance(node, cst.GeneratorExp) else collections.of_comprehension(run, node)
    state = collections.dropped(run, state, {number})  # what it has made before
    turns = _Turns(node, tuple(parts), frozenset(state.obligations), number)
    results = _looped(run, turns, node.for_in, state, out, _MOST_TURNS)
    if not results and isinstance(node, cst.GeneratorExp):
        return [(state, NOTHING)]
    names = {n.value for loop in loops_of(node.for_in) for n in descendants(loop.target) if isinstance(n, cst.Name)}
    # Its own names end with it.
    restored = [
        (_restored(after, names, state), Value(items=v) if v else collections.made(number, after))
        for after, v in results
    ]
    return restored if len(restored) <= MAX_STATES else few(run, restored)


@dataclass(frozen=True, slots=True)
class _Turns:
    """What each turn of a comprehension evaluates."""

    node: cst.BaseComp
    parts: tuple[cst.BaseExpression, ...]
    before: frozenset[int]
    """Obligations before the comprehension."""
    number: int
    """What it makes, as a collection; 0 for a generator."""


def _looped(run: Run, turns: _Turns, loop: cst.CompFor, state: State, out: Outcomes, most: int) -> Ways:
    """The states after one `for` of a comprehension.

    Args:
        most: how many turns are told apart.
    """
    ended: Ways = []
    for after, iterable in run.evaluate(run, loop.iter, state, out):
        # Whoever reads a generator over a resource reads it to its end.
        reading = run.keep(after, iterable.refs) if isinstance(turns.node, cst.GeneratorExp) else after
        if collections.by_key(iterable):
            reading = collections.dropped(run, reading, {iterable.collection})
        for items in (
            [iterable.items] if iterable.items and not iterable.keys else collections.elements(iterable, after)
        ):
            entered = begun(run, loop.iter, iterable, reading, later=isinstance(turns.node, cst.GeneratorExp))
            ways = _in_order(run, turns, loop, items, entered, out, most)
            ended += [(e, awaited) for s, awaited in ways for e in exhausted(run, loop.iter, iterable, s, out)]
    return distinct(run, ended)


def _in_order(
    run: Run,
    turns: _Turns,
    loop: cst.CompFor,
    items: tuple[Value, ...],
    reading: State,
    out: Outcomes,
    most: int,
) -> Ways:
    """The states after the turns for these elements; for one that is not known, where there are none."""
    if len(items) > most:
        items = (reduce(either, items),)
    ways: Ways = [(reading, ())]
    for turn, value in enumerate(items or (NOTHING, NOTHING)):
        acquires = any(s.obligations.keys() - turns.before for s, _ in ways)
        if turn and not items and not (acquires and turns.number):
            break  # a second turn shows what is lost of the first
        following: Ways = []
        for before, awaited in ways:
            entered = [bind(run, loop.target, value, before, out)]
            for condition in loop.ifs:
                tested = [test(run, condition.test, s, out) for s in entered]
                following += [(s, awaited) for _, false in tested for s in false]
                entered = [s for true, _ in tested for s in true]
            for current in entered:
                done = _element(run, turns, loop, current, out, most // max(1, len(items)))
                following += [(s, (*awaited, *more)) for s, more in done]
        ways = distinct(run, following if items else [*following, *ways])
    return ways


def _element(run: Run, turns: _Turns, loop: cst.CompFor, state: State, out: Outcomes, most: int) -> Ways:
    if loop.inner_for_in is not None:
        return _looped(run, turns, loop.inner_for_in, state, out, most)
    ways: Ways = []
    for evaluated, values in evaluate_all(run, turns.parts, state, out):
        after = evaluated
        fresh = frozenset(after.obligations) - turns.before
        if any(v.pending for v in values):
            ways.append((after, tuple(values)))
        else:
            for value in values if turns.number else ():
                after = collections.put(run, turns.number, value, after)
            fresh = frozenset(n for n in fresh if n in after.obligations and after.obligations[n].owner != turns.number)
            ways.append((run.keep(after, fresh) if fresh else after, ()))
    return ways


def _restored(state: State, names: set[str], before: State) -> State:
    for name in names:
        if state.get(name) != before.get(name):
            state = state.bind(name, before.get(name))
    return state
