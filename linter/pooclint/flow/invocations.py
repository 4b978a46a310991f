"""A call whose parts have been evaluated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import libcst as cst

from pooclint.flow.states import State
from pooclint.flow.values import Value
from pooclint.models import Argument

Results = list[tuple[State, Value]]
"""Ways in which an evaluation completes normally, each with its value."""
Attempt = Literal["await", "sync-with", "async-with"]
"""How a pending value is completed."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """A call whose parts have been evaluated."""

    node: cst.Call
    head: Value
    """The receiver when `method` is set, else the called value."""
    method: str
    arguments: tuple[tuple[int | str, Value], ...]

    def argument(self, wanted: Argument) -> list[Value]:
        """Values of an argument named by position or keyword; `*` is all of them."""
        return [v for k, v in self.arguments if wanted in ("*", k)]

    def chosen(self, wanted: tuple[Argument, ...]) -> list[Value]:
        """Values of several arguments."""
        return [v for w in wanted for v in self.argument(w)]


def reach(state: State, values: Iterable[Value]) -> frozenset[int]:
    return frozenset[int]().union(*(state.reach(v) for v in values))
