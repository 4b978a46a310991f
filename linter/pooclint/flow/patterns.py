"""`match`: in which states a pattern fits, what it binds then, and in which states it does not fit."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import replace

import libcst as cst

from pooclint.flow.assignments import bind
from pooclint.flow.completions import Outcomes, States
from pooclint.flow.conditions import none_test, same
from pooclint.flow.run import Run
from pooclint.flow.states import State, condition_key
from pooclint.flow.values import NOT_NONE, UNKNOWN, Value
from pooclint.program.literals import literal
from pooclint.source.nodes import descendants, dotted

Fits = tuple[list[State], list[State]]
"""States in which a pattern fits, and those in which it does not."""


def fits(
    run: Run, pattern: cst.MatchPattern, node: cst.BaseExpression | None, subject: Value, state: State, out: Outcomes
) -> Fits:
    """Try a pattern.

    Args:
        node: the expression that gave the subject, where there is one: what the pattern says of it is remembered.
        subject: the value that is matched.
    """
    subject = _current(node, subject, state)
    match pattern:
        case cst.MatchAs(pattern=inner):
            return fits(run, inner, node, subject, state, out) if inner else ([state], [])
        case cst.MatchOr(patterns=alternatives):
            return _first_of([a.pattern for a in alternatives], run, node, subject, state, out)
        case cst.MatchValue(value=value):
            return _equal(run, node, value, subject, state)
        case cst.MatchSingleton(value=value):
            return _singleton(run, node, value, subject, state)
        case cst.MatchList(patterns=patterns) | cst.MatchTuple(patterns=patterns):
            return _sequence(run, patterns, node, subject, state, out)
        case cst.MatchClass(cls=cls) if (
            subject.constant is None and run.names.qualify(cls, run.scope) != "types.NoneType"
        ):
            return [], [state]
        case cst.MatchClass(cls=cls) if subject.refs and not subject.items:
            return _class(
                run, run.names.qualify(cls, run.scope), bool(pattern.patterns or pattern.kwds), subject, state
            )
        case cst.MatchClass(cls=cls) if isinstance(subject.constant, (str, int, float)):
            known = getattr(builtins, run.names.qualify(cls, run.scope).removeprefix("builtins."), None)
            if isinstance(known, type) and not pattern.patterns and not pattern.kwds:
                return ([state], []) if isinstance(subject.constant, known) else ([], [state])
        case cst.MatchMapping() if subject.constant is None or subject.items is not None:
            return [], [state]
    if isinstance(pattern, cst.MatchClass):
        name = run.names.qualify(pattern.cls, run.scope)
        fact = _class_fact(run, node, name)
        if fact and not pattern.patterns and not pattern.kwds:
            known = state.env.get(fact)
            if known is None and subject.known_truth is False and _is_no_empty(node, name, state):
                return [], [state]
            if known is not None:
                return ([state], []) if known.truth else ([], [state])
            fitting = state.assume(fact, truth=True)
            return [_not_none(run, node, name, subject, fitting)], [state.assume(fact, truth=False)]
    if isinstance(pattern, (cst.MatchClass, cst.MatchMapping)):
        name = run.names.qualify(pattern.cls, run.scope) if isinstance(pattern, cst.MatchClass) else ""
        return [_not_none(run, node, name, subject, state)], [state]
    return [state], [state]


def _not_none(run: Run, node: cst.BaseExpression | None, class_name: str, subject: Value, state: State) -> State:
    """The state in which the subject is an instance of some class; hardly any has None for an instance. What is an
    `int` and was found not to be 0 is true."""
    path = dotted(node) if node is not None else ""
    if (
        path not in run.repeated
        or subject.constant not in (UNKNOWN, NOT_NONE)
        or class_name in ("builtins.object", "types.NoneType")
    ):
        return state
    true = True if _is_no_empty(node, class_name, state) else subject.truth
    return state.know(path, replace(subject, constant=NOT_NONE, truth=true))


def _current(node: cst.BaseExpression | None, subject: Value, state: State) -> Value:
    """The subject with what earlier cases have said of its name, where that still has the same value."""
    known = state.env.get(dotted(node)) if node is not None else None
    if known is None or replace(known, constant=subject.constant, truth=subject.truth) != subject:
        return subject
    return known


def _class_fact(run: Run, node: cst.BaseExpression | None, name: str) -> str:
    """A key for what is known of a name's class; empty where nothing depends on the name."""
    path = dotted(node) if node is not None else ""
    return condition_key(path, "is-a", name) if path and path in run.repeated and name.startswith("builtins.") else ""


def _is_no_empty(node: cst.BaseExpression | None, name: str, state: State) -> bool:
    """Whether a name is known to differ from the one value of a builtin class that is false: 0 for `int`."""
    known = getattr(builtins, name.removeprefix("builtins."), None)
    if not isinstance(known, type) or not issubclass(known, (int, float, str)) or node is None:
        return False
    fact = state.env.get(condition_key(dotted(node), "same", repr(known())))
    return fact is not None and fact.truth is False


def bound(run: Run, pattern: cst.MatchPattern, subject: Value, state: State, out: Outcomes) -> State:
    """The state in which the names of a pattern that fits have their values."""
    match pattern:
        case cst.MatchAs(pattern=inner, name=name):
            after = bound(run, inner, subject, state, out) if inner else state
            return bind(run, name, subject, after, out) if name else after
        case cst.MatchList(patterns=patterns) | cst.MatchTuple(patterns=patterns):
            values = _values(patterns, subject)
            for part, value in zip(patterns, values, strict=True):
                if not isinstance(part, cst.MatchStar):
                    state = bound(run, part.value, value, state, out)
                elif part.name:
                    state = bind(run, part.name, value, state, out)
            return state
    derived = Value(derived=subject.derived | subject.refs)
    for inside in descendants(pattern):  # what a class or mapping pattern binds was part of the subject
        if isinstance(inside, (cst.MatchAs, cst.MatchStar)) and inside.name is not None:
            state = bind(run, inside.name, derived, state, out)
    return state


def _values(patterns: Sequence[cst.MatchSequenceElement | cst.MatchStar], subject: Value) -> list[Value]:
    """For each part of a sequence pattern what it is compared with."""
    if subject.items is None:
        return [Value(derived=subject.derived | subject.refs)] * len(patterns)
    starred = next((i for i, p in enumerate(patterns) if isinstance(p, cst.MatchStar)), None)
    values = list(subject.items)
    if starred is not None:
        end = len(values) - (len(patterns) - starred - 1)
        values[starred:end] = [Value(items=tuple(values[starred:end]))]
    return values


def _first_of(
    alternatives: Sequence[cst.MatchPattern],
    run: Run,
    node: cst.BaseExpression | None,
    subject: Value,
    state: State,
    out: Outcomes,
) -> Fits:
    fitting: list[State] = []
    left = [state]
    for alternative in alternatives:
        tried = [fits(run, alternative, node, subject, s, out) for s in left]
        fitting += [s for yes, _ in tried for s in yes]
        left = [s for _, no in tried for s in no]
    return fitting, left


def _equal(run: Run, node: cst.BaseExpression | None, value: cst.BaseExpression, subject: Value, state: State) -> Fits:
    constant = literal(value)
    if constant is ...:  # a dotted name: an attribute of something
        return [state], [state]
    fact = _class_fact(run, node, f"builtins.{type(constant).__name__}")
    known = state.env.get(fact) if fact else None
    if known is not None and known.truth is False:
        return [], [state]
    equal, different = same(run, node or value, value, subject, Value(constant=constant), state)
    if subject.items is not None or subject.refs:
        equal = None
    return _listed(equal), _listed(different)


def _singleton(run: Run, node: cst.BaseExpression | None, value: cst.Name, subject: Value, state: State) -> Fits:
    if value.value == "None":
        is_none, other = none_test(run, node or value, subject, state)
        return _listed(is_none), _listed(other)
    wanted = value.value == "True"
    if subject.refs or subject.items is not None or subject.constant is None or subject.known_truth is (not wanted):
        return [], [state]
    return [state], [] if subject.constant is wanted else [state]


def _class(run: Run, name: str, narrowed: bool, subject: Value, state: State) -> Fits:
    """A class pattern against a resource whose type is known."""
    wanted, own = run.models.type(name), run.models.type(subject.type)
    if wanted is None or own is None:
        return [state], [state]
    if wanted is own or wanted.name in own.bases:
        return [state], [state] if narrowed else []
    return ([state], [state]) if own.name in wanted.bases else ([], [state])


def _sequence(
    run: Run,
    patterns: Sequence[cst.MatchSequenceElement | cst.MatchStar],
    node: cst.BaseExpression | None,
    subject: Value,
    state: State,
    out: Outcomes,
) -> Fits:
    if subject.constant is None:
        return [], [state]
    starred = next((i for i, p in enumerate(patterns) if isinstance(p, cst.MatchStar)), None)
    count = len(subject.items) if subject.items is not None else len(patterns)
    if (count != len(patterns)) if starred is None else (count < len(patterns) - 1):
        return [], [state]
    values = _values(patterns, subject)
    nodes = _elements(node, len(patterns)) if starred is None else [None] * len(patterns)
    current, left = [state], ([] if subject.items is not None else [state])
    for part, part_node, value in zip(patterns, nodes, values, strict=True):
        if isinstance(part, cst.MatchStar):
            continue
        tried = [fits(run, part.value, part_node, value, s, out) for s in current]
        current = [s for yes, _ in tried for s in yes]
        left += [s for _, no in tried for s in no]
    return [_not_none(run, node, "", subject, s) for s in States(current)], list(States(left))


def _elements(node: cst.BaseExpression | None, count: int) -> list[cst.BaseExpression | None]:
    if isinstance(node, (cst.Tuple, cst.List)) and len(node.elements) == count:
        return [e.value for e in node.elements]
    return [None] * count


def _listed(state: State | None) -> list[State]:
    return [] if state is None else [state]
