"""How a statement can complete, and the sets of states that complete each way.

Python has no goto, so a recursive evaluation of blocks into completion records (as in ECMAScript's specification) is
exact for `finally` and `with`: each way out passes through them by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

from pooclint.flow.states import State

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Completion:
    """A way in which a statement completes."""

    kind: Literal[
        "normal", "return", "break", "continue", "raise", "resource", "other", "cancel", "generator-exit", "exit"
    ]
    exception: str = ""
    """Qualified type of an explicitly raised exception, where it is known."""
    inside: Completion | None = None
    """Of a group that `except*` has made or taken apart: what is in it, where that is of one kind."""

    @property
    def exceptional(self) -> bool:
        """True for every kind of exception."""
        return self.kind not in ("normal", "return", "break", "continue")


NORMAL = Completion("normal")
RETURN = Completion("return")
BREAK = Completion("break")
CONTINUE = Completion("continue")
RESOURCE = Completion("resource")
OTHER = Completion("other")
CANCEL = Completion("cancel")
GENERATOR_EXIT = Completion("generator-exit")
EXIT = Completion("exit")
TYPE_ERROR = Completion("raise", "builtins.TypeError")
ATTRIBUTE_ERROR = Completion("raise", "builtins.AttributeError")
INDEX_ERROR = Completion("raise", "builtins.IndexError")
UNBOUND_LOCAL = Completion("raise", "builtins.UnboundLocalError")
GROUP = Completion("raise", "builtins.ExceptionGroup")
BASE_GROUP = Completion("raise", "builtins.BaseExceptionGroup")


class States:
    """A set of states, one for each key: where several have it, their join."""

    __slots__ = ("_by_key",)

    def __init__(self, states: Iterable[State] = ()) -> None:
        self._by_key: dict[tuple[object, ...], State] = {}
        for state in states:
            self.add(state)

    def add(self, state: State) -> bool:
        """Add a state; True when that changed the set."""
        known = self._by_key.get(state.key)
        joined = state if known is None else known.join(state)
        if joined is known:
            return False
        self._by_key[state.key] = joined
        return True

    def __iter__(self) -> Iterator[State]:
        return iter(self._by_key.values())

    def __len__(self) -> int:
        return len(self._by_key)


def telling(found: Iterable[T], most: int, state: Callable[[T], State]) -> list[T]:
    """At most so many of them, by their states: one for each way in which something is held, then the best-ranked.

    A leak is lost with the last state that holds what leaks, and with no other.
    """
    ranked = sorted(found, key=lambda item: state(item).rank)
    if len(ranked) <= most:
        return ranked
    seen: set[tuple[object, ...]] = set()
    needed: list[T] = []
    others: list[T] = []
    for item in ranked:
        ways = state(item).ways_held()
        (others if ways <= seen else needed).append(item)
        seen |= ways
    return [*needed, *others][:most]


class Outcomes:
    """For each way to complete, the states that complete so. The one mutable thing of an evaluation step."""

    __slots__ = ("by_completion",)

    def __init__(self) -> None:
        self.by_completion: dict[Completion, States] = {}

    def add(self, completion: Completion, state: State) -> None:
        """Record one state."""
        states = self.by_completion.get(completion)
        if states is None:
            states = self.by_completion[completion] = States()
        states.add(state)

    def extend(self, completion: Completion, states: Iterable[State]) -> None:
        """Record several states."""
        for state in states:
            self.add(completion, state)

    def merge(self, other: Outcomes) -> None:
        """Record all of another's states."""
        for completion, states in other.by_completion.items():
            self.extend(completion, states)

    def take(self, completion: Completion) -> list[State]:
        """Remove and return the states of one completion."""
        return list(self.by_completion.pop(completion, ()))

    def items(self) -> list[tuple[Completion, list[State]]]:
        """All completions with their states."""
        return [(c, list(s)) for c, s in self.by_completion.items()]


def normal_end(states: Iterable[State]) -> Outcomes:
    """The outcomes of a statement that does nothing: control goes on."""
    out = Outcomes()
    out.extend(NORMAL, states)
    return out
