"""Calls seen from both sides: arguments as the callee sees them, and its ways to complete as its caller does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pooclint.flow.completions import NORMAL, Completion
from pooclint.flow.record import Built, Summary
from pooclint.flow.statements import RETURNED
from pooclint.flow.states import State
from pooclint.flow.values import NONE, NOT_NONE, NOTHING, UNBOUND, Fate, Lane, Pending, Site, Value

SYMBOLIC = 1_000_000
"""The number of the first of a callee's arguments."""
_RETURNED = 2_000_000
"""The number of the first thing that a callee returns to its caller."""


def summarised(completion: Completion, state: State, shared: frozenset[str], own: str = "") -> Summary:
    """One way in which a call completes.

    Args:
        completion: how the callee ends.
        state: the state in which it does.
        shared: variables of functions around it that it binds.
        own: its name for its object, where what it leaves on that counts.
    """
    value = state.get(RETURNED) if completion.kind == "return" else NONE
    outer = {name: state.get(name) for name in sorted(shared)}
    reached = value.reach().union(*(v.reach() for v in outer.values()))
    fates = tuple(
        (n, o.fate) for n, o in sorted(state.obligations.items()) if n >= SYMBOLIC and o.fate is not Fate.HELD
    )
    fresh: list[tuple[int, Site]] = []
    held = [n for n in reached if n < SYMBOLIC and n in state.obligations and state.obligations[n].fate is Fate.HELD]
    for number in sorted(held):
        value = value.renumbered(number, _RETURNED + number)
        outer = {k: v.renumbered(number, _RETURNED + number) for k, v in outer.items()}
        fresh.append((_RETURNED + number, state.obligations[number].site))
    built = tuple(_built(state, own)) if own else ()
    for left in built:
        value = value.renumbered(left.number - _RETURNED, left.number)
    doubtful = frozenset(n for n, o in state.obligations.items() if n >= SYMBOLIC and o.doubtful)
    doubtful |= frozenset(_RETURNED + n for n in held if state.obligations[n].doubtful)
    explicit = frozenset(n for n, o in state.obligations.items() if n >= SYMBOLIC and o.released is not None)
    completed = NORMAL if completion.kind == "return" else completion
    outer_values = tuple((k, _portable(v)) for k, v in outer.items())
    lent = {n: o for n, o in state.obligations.items() if n >= SYMBOLIC and o.holding}
    # Where the callee has caught a failure of the session, nobody goes on in earnest: what is held for long then is the
    # lesser evil.
    holding = frozenset(n for n, o in lent.items() if completion.exceptional or o.lane is not Lane.RESOURCE)
    scarcely = frozenset(n for n in holding if lent[n].scarcely)
    return Summary(
        completed, _portable(value), fates, doubtful, tuple(fresh), explicit, outer_values, holding, scarcely,
        built=built,
    )  # fmt: skip


def _built(state: State, own: str) -> Iterator[Built]:
    """What is on the attributes of an object, by their names."""
    for path, value in state.env.items():
        if path.startswith(own + ".") and path.count(".") == 1 and not value.method:
            for number in sorted(n for n in value.refs if n < SYMBOLIC and n in state.obligations):
                obligation = state.obligations[number]
                if obligation.fate is Fate.FIELD and obligation.owner < 0 and not obligation.doubtful:
                    attribute = path.removeprefix(own + ".")
                    yield Built(attribute, _RETURNED + number, obligation.site, obligation.holding)


def symbolic(value: Value, numbers: Mapping[int, int], compared: bool = False) -> Value:
    """An argument as the callee sees it: with its own numbers, and of constants only whether they are true, unless it
    compares them.

    It is what a summary depends on, so it must hold nothing that tells one call from the next without need.
    """
    plain = not (compared or value.constant is None or isinstance(value.constant, (bool, type(UNBOUND))))
    pending = value.pending
    if pending is not None:
        pending = replace(
            pending,
            arguments=tuple((k, symbolic(v, numbers)) for k, v in pending.arguments),
            receiver=symbolic(pending.receiver, numbers) if pending.receiver else None,
            releases=_known(pending.releases, numbers),
            passes=tuple(symbolic(v, numbers) for v in pending.passes),
        )
    return replace(
        value,
        refs=_known(value.refs, numbers),
        derived=_known(value.derived, numbers),
        items=tuple(symbolic(v, numbers) for v in value.items) if value.items is not None else None,
        constant=NOT_NONE if plain else value.constant,
        truth=bool(value.constant) if plain else value.truth,
        pending=pending,
        closure=None,  # the variables to which it refers are the caller's
        inner=symbolic(value.inner, numbers) if value.inner else None,
        collection=0,
        parts=_known(value.parts, numbers),
        held_at=frozenset((path, numbers[n]) for path, n in value.held_at if n in numbers),
        own=0,
    )


def _known(found: frozenset[int], numbers: Mapping[int, int]) -> frozenset[int]:
    return frozenset(numbers[n] for n in found if n in numbers)


def _portable(value: Value) -> Value:
    """What of a returned value means something to the caller."""
    pending = value.pending
    if pending is not None:  # a generator or coroutine of the project that has yet to run
        arguments = tuple((k, _portable(v)) for k, v in pending.arguments)
        pending = Pending(pending.node, summary=pending.summary, arguments=arguments) if pending.summary else None
    return Value(
        type=value.type,
        refs=_of_caller(value.refs),
        derived=_of_caller(value.derived),
        items=tuple(_portable(v) for v in value.items) if value.items is not None else None,
        keys=value.keys,
        constant=value.constant if value.constant is None or isinstance(value.constant, bool) else NOTHING.constant,
        truth=value.truth,
        pending=pending,
        method=value.method,
        inner=_portable(value.inner) if value.inner else None,
        parts=_of_caller(value.parts),
        held_at=frozenset((path, n) for path, n in value.held_at if n >= SYMBOLIC),
    )


def _of_caller(numbers: frozenset[int]) -> frozenset[int]:
    return frozenset(n for n in numbers if n >= SYMBOLIC)


def holding_as_either(one: Summary, other: Summary) -> Summary:
    """A summary that stands for another as well, which differs in nothing but what has a connection afterwards."""
    surely = (one.holding - one.scarcely) | (other.holding - other.scarcely)
    holding = one.holding | other.holding
    return replace(one, holding=holding, scarcely=holding - surely)


def translated(summary: Summary, known: list[int]) -> Summary:
    """A memoised summary with the caller's numbers in place of the symbolic ones."""
    value = summary.value
    outer = summary.outer
    for index, number in enumerate(known):
        value = value.renumbered(SYMBOLIC + index, number)
        outer = tuple((k, v.renumbered(SYMBOLIC + index, number)) for k, v in outer)
    return Summary(
        summary.completion,
        value,
        tuple((known[n - SYMBOLIC], fate) for n, fate in summary.fates if n - SYMBOLIC < len(known)),
        frozenset(
            n if n >= _RETURNED else known[n - SYMBOLIC]
            for n in summary.doubtful
            if n >= _RETURNED or n - SYMBOLIC < len(known)
        ),
        summary.fresh,
        frozenset(known[n - SYMBOLIC] for n in summary.explicit if n - SYMBOLIC < len(known)),
        outer,
        frozenset(known[n - SYMBOLIC] for n in summary.holding if n - SYMBOLIC < len(known)),
        frozenset(known[n - SYMBOLIC] for n in summary.scarcely if n - SYMBOLIC < len(known)),
        frozenset(known[n - SYMBOLIC] for n in summary.waited if n - SYMBOLIC < len(known)),
        frozenset(known[n - SYMBOLIC] for n in summary.yielding if n - SYMBOLIC < len(known)),
        summary.built,
    )
