"""Fewer states, where a function has many: what is given up first is what tells least.

Two states that hold the same, and whose names lead to the same, differ in nothing but knowledge: flags, what is None,
whether a list is empty. To go on from each of them doubles the work, and tells something only where a later condition
asks for it again. In long functions they become one, as in ESP (Das, Lerner, Seigle: "Path-Sensitive Program
Verification in Polynomial Time", PLDI 2002); what is acquired under a condition is told apart from then on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import reduce

from pooclint.flow.completions import States
from pooclint.flow.states import State
from pooclint.flow.values import COLLECTIONS, KEY, MORE, NOTHING, UNBOUND, UNKNOWN, Value


def merged(states: Sequence[State], most: int) -> list[State]:
    """The states, with one in place of all that hold the same and whose names lead to the same, where there are more
    than so many of them."""
    groups: dict[tuple[object, ...], list[State]] = {}
    known: dict[tuple[int, frozenset[int]], object] = {}
    plain: dict[int, Value] = {}  # most values are in many of the states
    for state in states:
        filled = frozenset(o.owner for o in state.obligations.values() if o.owner <= COLLECTIONS)
        key = (id(state.env), filled)
        if key not in known:
            known[key] = frozenset(_leading(state.env, filled, plain))
        groups.setdefault((known[key], state.key[1]), []).append(state)
    found = States()
    for group in groups.values():
        for state in group if len(group) <= most else _with_common_knowledge(group):
            found.add(state)
    return list(found)


def without_knowledge(states: Iterable[State]) -> list[State]:
    """The states without what they know of names that lead to nothing."""
    return list(
        States(
            State({k: v for k, v in s.env.items() if k[0] == "#" or _essential(v)}, s.obligations, s.trace, s.causes)
            for s in states
        )
    )


def _essential(value: Value) -> bool:
    return bool(value.reach() or value.derived or value.function or value.constant is UNBOUND or value.type)


def _leading(env: Mapping[str, Value], filled: frozenset[int], known: dict[int, Value]) -> Iterator[tuple[str, Value]]:
    """What names lead to, and what else a state remembers, but for notes of collections that hold nothing.

    Args:
        env: the names of a state.
        filled: the collections that hold something.
        known: by the `id` of a value that is no collection, what it leads to; is added to.
    """
    for name, value in env.items():
        if name[0] == "#":
            if not name.startswith((MORE, KEY)) or int(name.split(" ")[1]) in filled:
                yield name, value
            continue
        plain = known.get(id(value))
        if plain is None:
            plain = _plain(value, filled)
            if not value.collection:
                known[id(value)] = plain
        if plain is not NOTHING:
            yield name, plain


def _plain(value: Value, filled: frozenset[int]) -> Value:
    """A value without what is merely known of it; `NOTHING` itself where that is all."""
    if value.leads_nowhere:
        return NOTHING  # as most names
    collection = value.collection if value.collection in filled else 0
    items = value.items or None
    plain = replace(value, type="", constant=UNKNOWN, truth=None, collection=collection, items=items)
    return plain if plain != NOTHING else NOTHING


def _with_common_knowledge(states: Sequence[State]) -> list[State]:
    """The states with what all of them know, and nothing else."""
    first, *others = (s.env for s in states)
    both = ((n, reduce(_common, (e.get(n, NOTHING) for e in others), v)) for n, v in first.items() if n[0] != "#")
    known = {name: value for name, value in both if value != NOTHING}
    known |= {n: v for n, v in first.items() if n[0] == "#" and all(e.get(n) == v for e in others)}
    known |= {name: value for s in states for name, value in s.env.items() if name.startswith(MORE)}
    return [State(known, s.obligations, s.trace, s.causes) for s in states]


def _common(one: Value, other: Value) -> Value:
    """What is known of a value that is one or the other, where both lead to the same."""
    if one == other:
        return one
    return replace(
        one,
        type=one.type if one.type == other.type else "",
        constant=one.constant if one.constant == other.constant else UNKNOWN,
        truth=one.truth if one.truth == other.truth else None,
        collection=one.collection if one.collection == other.collection else 0,
        items=one.items if one.items == other.items else None,
        keys=one.keys if one.keys == other.keys else (),
    )
