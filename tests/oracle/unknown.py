"""A value of which nothing is known: it answers to everything, and the script decides what the program can tell."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any, Protocol

ITEMS = (1, 2)
"""How many items a value may have that is not empty."""


class Decider(Protocol):
    """What decides for unknown values, and where what is done with them may fail."""

    def choose(self, width: int, label: str) -> int:
        """One of so many; the first is the usual one."""

    def fail(self, what: str, library: str = "", awaited: bool = False) -> None:
        """A place that may raise."""

    def has_begun(self, value: Unknown) -> None:
        """Somebody asks for the first item of a value."""

    def has_read(self, value: Unknown) -> None:
        """Somebody has taken all the items of a value."""

    def call_unknown(self, value: Unknown, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What calling it gives."""


class Unknown:
    """Either something (true, not None, with items) or nothing (false, None, empty): decided when it is first asked.

    Args:
        world: decides.
        name: what it is, for the words of a run.
        library: library whose errors its operations raise; empty for code outside every library.
        truth: whether it is something, where that is known.
        kept: what it refers to.
    """

    def __init__(
        self, world: Decider, name: str = "", library: str = "", truth: bool | None = None, kept: tuple[Any, ...] = ()
    ) -> None:
        self._world, self._name, self._library, self._truth, self._kept = world, name, library, truth, kept
        self._given = False
        """Whether the caller has handed it in."""
        self._source: Any = None
        """What was acquired that it was derived from."""
        self._work: Any = None
        """What was sent over the connection that it is, or was derived from."""
        self._body: Any = None
        """The response whose body it is."""
        self._ends: tuple[Any, ...] = ()
        """What is released by releasing this: it is an attribute of theirs."""
        self._cached: dict[object, Any] = {}
        self._items: dict[object, Any] = {}

    def _something(self) -> bool:
        if self._truth is None:
            self._truth = not self._world.choose(2, f"{self._name or 'a result'} is nothing")
        return self._truth

    def _decided(self, question: object, width: int = 2) -> int:
        if question not in self._cached:
            self._cached[question] = self._world.choose(width, f"{self._name or 'a result'}: {question}")
        return int(self._cached[question])

    def _count(self) -> int:
        return ITEMS[self._decided("has two", len(ITEMS))] if self._something() else 0

    def _part(self, key: object, name: str) -> Any:
        if key not in self._items:
            self._items[key] = Unknown(self._world, name, self._library)
            self._items[key]._given, self._items[key]._source = self._given, self._source
        return self._items[key]

    def _new(self, *_: object) -> Unknown:
        return Unknown(self._world)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._part(("attribute", name), name)

    def __getitem__(self, key: object) -> Any:
        return self._part(("item", repr(key)), f"{self._name}[...]")

    def __setitem__(self, key: object, value: object) -> None:
        self._items["item", repr(key)] = value

    def __delitem__(self, key: object) -> None:
        self._items.pop(("item", repr(key)), None)

    def __contains__(self, item: object) -> bool:
        return ("item", repr(item)) in self._items or not self._decided(f"has no {item!r}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._world.call_unknown(self, args, kwargs)

    def __await__(self) -> Generator[None, None, Any]:
        self._world.fail(f"await {self._name}", self._library, awaited=True)
        return self
        yield

    def __bool__(self) -> bool:
        return self._something()

    def __len__(self) -> int:
        return self._count()

    def __index__(self) -> int:
        return self._count()

    __int__ = __index__

    def __float__(self) -> float:
        return float(self._count())

    def __iter__(self) -> Iterator[Any]:
        self._world.has_begun(self)
        for _ in range(self._count()):
            if self._library:
                self._next(awaited=False)
            yield Unknown(self._world, "an item")
        self._world.has_read(self)

    async def __aiter__(self) -> AsyncIterator[Any]:
        for _ in range(self._count()):
            self._next(awaited=True)
            yield Unknown(self._world, "an item")
        self._world.has_read(self)

    def _next(self, awaited: bool) -> None:
        try:
            self._world.fail(f"the next of {self._name}", self._library, awaited)
        except BaseException:
            self._world.has_read(self)  # who cannot read on closes the connection
            raise

    def __enter__(self) -> Any:
        self._world.fail(f"entering {self._name}", self._library)
        return Unknown(self._world, "", self._library)

    def __exit__(self, *exception: object) -> None:
        self._world.fail(f"leaving {self._name}", self._library)

    async def __aenter__(self) -> Any:
        self._world.fail(f"entering {self._name}", self._library, awaited=True)
        return Unknown(self._world, "", self._library)

    async def __aexit__(self, *exception: object) -> None:
        self._world.fail(f"leaving {self._name}", self._library, awaited=True)

    def __str__(self) -> str:
        return "unknown"

    __repr__ = __fspath__ = __str__

    def __format__(self, spec: str) -> str:
        return "unknown"

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other or not self._decided(f"is not {other!r}")

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: object) -> bool:
        return not self._decided(f"is not less than {other!r}")

    def __gt__(self, other: object) -> bool:
        return not self._decided(f"is not greater than {other!r}")

    def __le__(self, other: object) -> bool:
        return not self > other

    def __ge__(self, other: object) -> bool:
        return not self < other

    def __instancecheck__(self, instance: object) -> bool:
        return not self._decided("is not its class")

    def __mro_entries__(self, bases: tuple[object, ...]) -> tuple[type, ...]:
        return ()

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _new
    __floordiv__ = __mod__ = __rmod__ = __and__ = __or__ = __ror__ = __neg__ = __abs__ = _new


def is_none(value: object) -> bool:
    """`value is None`, where an unknown one decides."""
    return not value._something() if isinstance(value, Unknown) else value is None


def unpacked(value: object, count: int) -> object:
    """What stands before so many targets of an assignment."""
    return [value[i] for i in range(count)] if type(value) is Unknown else value
