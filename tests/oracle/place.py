"""Where a statement of a generated program stands: what is allowed there, and what chooses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Literal, TypeVar

from oracle.resources import Resource

Shape = Literal["function", "coroutine", "generator", "async generator", "manager", "async manager"]
"""What `f` is. A manager yields once; it serves the code of whoever entered it."""
T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """Where a statement stands."""

    random: Random
    shape: Shape
    resources: Mapping[str, Resource]
    modern: bool = True
    """Whether `except*` may be used."""
    depth: int = 0
    in_loop: bool = False
    in_handler: bool = False
    in_star: bool = False
    """In the body of an `except*`, where `return`, `break` and `continue` are no Python."""

    @property
    def asynchronous(self) -> bool:
        """Whether `await` is allowed."""
        return self.shape in ("coroutine", "async generator", "async manager")

    @property
    def yields(self) -> bool:
        """Whether any statement may yield."""
        return self.shape in ("generator", "async generator")

    @property
    def returns_value(self) -> bool:
        """Whether `return value` is allowed and means something."""
        return self.shape in ("function", "coroutine")

    def deeper(self, in_loop: bool | None = None, in_handler: bool = False, in_star: bool = False) -> Place:
        """A place one block further in."""
        return replace(
            self,
            depth=self.depth + 1,
            in_loop=self.in_loop if in_loop is None else in_loop,
            in_handler=self.in_handler or in_handler,
            in_star=(self.in_star or in_star) and not in_loop,
        )

    def star(self) -> Place:
        """The body of an `except*`."""
        return replace(self.deeper(in_handler=True), in_star=True, in_loop=False)

    def choice(self, options: Sequence[T]) -> T:
        """One of them."""
        return self.random.choice(options)

    def chance(self, one_in: int) -> bool:
        """True once in so many times."""
        return self.random.randrange(one_in) == 0

    def name(self) -> str:
        """The name of a resource."""
        return self.choice(sorted(self.resources))


def indented(lines: Sequence[str]) -> list[str]:
    """A block's lines."""
    return ["    " + line for line in lines]
