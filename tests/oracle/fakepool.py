# ruff: noqa: N818, PYI034 -- the fake copies the names and shapes of real libraries
"""A pool library that a script drives: each call is a place where the script may make it fail.

What the analysis is told about it stands in `fakepool.toml`.
"""

from __future__ import annotations

import builtins
import sys
from asyncio import CancelledError
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

PROGRAM = "<program>"
"""File name under which the programs are compiled: frames of it are where a connection was acquired."""
MAX_FAULTS = 2
MAX_TURNS = 5


class Error(Exception):
    """What operations of the library fail with."""


class Fault(KeyError):
    """What code outside the library fails with."""


class Thrown(Fault, ValueError, Error):
    """What somebody throws into a generator, when it is something that any handler catches."""


def _several() -> tuple[type[BaseException], ...]:
    """The type of a group in which code outside the library fails with more than one thing at once, where Python has
    groups."""
    group = getattr(builtins, "ExceptionGroup", None)
    if group is None:
        return ()

    def new(cls: type, what: str) -> object:
        return group.__new__(cls, what, [ValueError(what), Error(what)])

    return (type("Several", (group,), {"__new__": new}),)


SEVERAL = _several()


@dataclass
class Script:
    """The choices of one run: a prefix that is given, and the first alternative after it."""

    prefix: tuple[int, ...] = ()
    max_faults: int = MAX_FAULTS
    lenient: bool = False
    """Whether the library may fail with anything, not only with its own error, and has whatever method is asked for."""
    groups: tuple[type[BaseException], ...] = ()
    """The group that code outside the library may raise, where the program tells groups apart."""
    thrown: tuple[type[BaseException], ...] = ()
    """What may be thrown into the program beside the usual."""
    taken: list[tuple[int, int]] = field(default_factory=list)
    """What was chosen, out of how many."""
    labels: list[str] = field(default_factory=list)
    """What the choices that were not the first one meant: the run in words."""
    raised: list[frozenset[int]] = field(default_factory=list)
    """For each failure, the lines of the program on which it was raised or passed on by a call."""
    turns: int = 0

    def choose(self, width: int) -> int:
        """The next choice among so many."""
        position = len(self.taken)
        choice = self.prefix[position] if position < len(self.prefix) else 0
        self.taken.append((choice, width))
        return choice

    def fail(self, kinds: tuple[type[BaseException], ...], what: str) -> None:
        """A place where one of those exceptions may be raised."""
        if len(self.raised) >= self.max_faults:
            return
        if self.lenient and Error in kinds:
            kinds = (*kinds, Fault, ValueError, KeyError, *self.groups)
        choice = self.choose(1 + len(kinds))
        if choice:
            kind = kinds[choice - 1]
            self.raised.append(acquiring())
            self.labels.append(f"line {line()}: {what} raises {kind.__name__}")
            raise kind(what)

    def fail_anyhow(self, what: str, awaited: bool = False) -> None:
        """A place where code outside the library may raise what it likes, and may be cancelled where it is awaited."""
        self.fail((*((CancelledError,) if awaited else ()), Fault, ValueError, Error, *self.groups), what)

    def turn(self) -> bool:
        """False once the run has turned in loops often enough."""
        self.turns += 1
        return self.turns <= MAX_TURNS

    def void(self) -> None:
        """The run does not count."""
        self.turns = MAX_TURNS + 1

    @property
    def cut(self) -> bool:
        """True when a loop was left only because it had turned often enough: the run does not count."""
        return self.turns > MAX_TURNS


def line() -> int:
    """The line that the program is on; 0 outside it."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename == PROGRAM:
            return frame.f_lineno or 0
        frame = frame.f_back
    return 0


def function() -> str:
    """The function of the program that is running; empty outside it."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename == PROGRAM:
            return frame.f_code.co_name
        frame = frame.f_back
    return ""


def acquiring() -> frozenset[int]:
    """Lines of the program's calls that lead here, and to an acquisition or failure."""
    found: list[int] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename == PROGRAM:
            found.append(frame.f_lineno or 0)
        frame = frame.f_back
    return frozenset(found)


class Opaque:
    """A value of which nothing is known: the script decides, once, whether it is true."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._truth: bool | None = None
        self._number: bool | None = None
        self._equal: object = None

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """What `isinstance` and `case int():` of a program are told: the script decides once if it is a number."""
        if sys._getframe(1).f_code.co_filename != PROGRAM:
            return type(self)
        return int if self._is_number() else type(self)

    def _is_number(self) -> bool:
        if self._number is None:
            self._number = bool(self._script.choose(2))
            self._script.labels.append(f"line {line()}: a result is {'a' if self._number else 'no'} number")
        return self._number

    def __bool__(self) -> bool:
        if self._truth is None:
            self._truth = bool(self._script.choose(2))
            self._script.labels.append(f"line {line()}: a result is {self._truth}")
        return self._truth

    def __eq__(self, other: object) -> bool:
        """As a number it is 1 or 0; where runs have more of everything, it may be the first other one that is asked
        about."""
        if self._equal is None and other not in (0, 1) and self and self._script.max_faults > MAX_FAULTS:
            self._equal = other if self._script.choose(2) else 1
        number = self._equal if self else 0
        return other == (1 if number is None else number) and self._is_number()

    def __enter__(self) -> int:
        self._script.fail((Fault,), "__enter__")
        return 1

    def __exit__(self, *exception: object) -> None:
        """Leaving a manager of which nothing is known does not count as a point of failure."""

    __hash__ = None  # type: ignore[assignment]


class Anything(Opaque):
    """A value that can do whatever is asked of it."""

    def __getattr__(self, name: str) -> Callable[..., Anything]:
        if name.startswith("__") or name == "holding":
            raise AttributeError(name)
        return self.any_method

    def any_method(self, *arguments: object) -> Anything:
        """A method of which nothing is known."""
        self._script.fail_anyhow("a method")
        return self

    def __await__(self) -> Generator[None, None, Anything]:
        self._script.fail((CancelledError,), "await")
        return self
        yield


class Action:
    """An awaitable that fails where the script says so."""

    def __init__(self, body: Callable[[], Any]) -> None:
        self._body = body

    def __await__(self) -> Generator[None, None, Any]:
        return self._body()
        yield


@dataclass(eq=False)
class Holding:
    """What became of one connection."""

    lines: frozenset[int]
    """Lines of the program's calls that led to the acquisition."""
    raised_before: int
    """How many failures there had been."""
    made_in: str
    """The function of the program that acquired it."""
    held: bool = True
    released_in: str = ""
    """The function of the program that released it."""
    died: int = -1
    """The line on which the last reference to it went, 0 where that was outside the program; -1: it still lives."""
    raised_at_death: int = -1
    exited: bool = False
    """Whether a `with` statement has ended on it that does not release."""


_HASHES = 1023
"""More than any run acquires, and a number of which every power of two below is a part."""


class Held:
    """Anything that has to be given back."""

    def __init__(self, library: Library, lines: frozenset[int]) -> None:
        self.library = library
        self.holding = Holding(lines, len(library.script.raised), function())
        self._number = len(library.opened)
        library.opened.append(self.holding)

    def __hash__(self) -> int:
        """Sets give what is in them in the order of acquisition, or in the reverse one: the script decides."""
        return _HASHES - self._number if self.library.reversed else self._number

    def __del__(self) -> None:
        holding = self.holding
        if holding.held:
            holding.died = line()
            holding.raised_at_death = len(self.library.script.raised)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_") or name == "library" or not self.library.script.lenient:
            raise AttributeError(name)
        return Anything(self.library.script).any_method

    def execute(self, query: str) -> str:
        self.library.script.fail((Error,), "execute")
        return query

    def aclose(self) -> Any:
        """Releases nothing but a stream."""
        return Action(lambda: self.library.script.fail((Error, CancelledError), "await aclose"))

    def give_back(self) -> None:
        """From now on nobody has to release it."""
        self.holding.held = False
        self.holding.released_in = function()

    def _released(self, what: str) -> None:
        self.give_back()
        self.library.script.fail((Error,), what)

    def _left(self, what: str) -> None:
        self.holding.exited = True
        self.library.script.fail((Error,), what)


class Connection(Held):
    """Closed by `close` and by `with`."""

    def close(self) -> None:
        self._released("close")

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *exception: object) -> None:
        self._released("__exit__")


class KeptConnection(Held):
    """Closed by `close`; `with` leaves it open."""

    def close(self) -> None:
        self._released("close")

    def __enter__(self) -> KeptConnection:
        return self

    def __exit__(self, *exception: object) -> None:
        self._left("__exit__")


class PoolConnection(Held):
    """Given back by the pool's `putconn` alone."""

    def close(self) -> None:
        self.library.script.fail((Error,), "close")

    def __enter__(self) -> PoolConnection:
        return self

    def __exit__(self, *exception: object) -> None:
        self._left("__exit__")


class AsyncHeld(Held):
    """Its methods are coroutines."""

    def execute(self, query: str) -> Any:
        return Action(lambda: self.library.script.fail((Error, CancelledError), "await execute"))

    def _arelease(self, what: str) -> Any:
        def body() -> None:
            self.give_back()
            self.library.script.fail((Error, CancelledError), f"await {what}")

        return Action(body)


class AsyncConnection(AsyncHeld):
    """Closed by awaiting `close` and by `async with`."""

    def close(self) -> Any:
        return self._arelease("close")

    async def __aenter__(self) -> AsyncConnection:
        if self.library.script.lenient:
            self.library.script.fail((CancelledError,), "await __aenter__")
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._arelease("__aexit__")


class AsyncPoolConnection(AsyncHeld):
    """Given back by the pool's `release` alone."""

    def close(self) -> Any:
        return Action(lambda: self.library.script.fail((Error, CancelledError), "await close"))


class AsyncStream(AsyncHeld):
    """Closed by awaiting `aclose`."""

    def aclose(self) -> Any:
        return self._arelease("aclose")


class _Entered:
    """What `pool.connection()` gives: acquired on entry, given back on exit."""

    def __init__(self, library: Library, lines: frozenset[int]) -> None:
        self._library, self._lines = library, lines
        self._held: PoolConnection | None = None

    def __enter__(self) -> PoolConnection:
        self._library.script.fail((Error,), "__enter__")
        self._held = PoolConnection(self._library, self._lines)
        return self._held

    def __exit__(self, *exception: object) -> None:
        assert self._held is not None
        self._held.give_back()
        self._library.script.fail((Error,), "__exit__")


class _Acquire:
    """What `pool.acquire()` gives: awaited, or entered by `async with`."""

    def __init__(self, library: Library, lines: frozenset[int]) -> None:
        self._library, self._lines = library, lines
        self._held: AsyncPoolConnection | None = None

    def _acquired(self) -> AsyncPoolConnection:
        self._library.script.fail((Error, CancelledError), "await acquire")
        return AsyncPoolConnection(self._library, self._lines)

    def __await__(self) -> Generator[None, None, AsyncPoolConnection]:
        return self._acquired()
        yield

    async def __aenter__(self) -> AsyncPoolConnection:
        self._held = self._acquired()
        return self._held

    async def __aexit__(self, *exception: object) -> None:
        assert self._held is not None
        self._held.give_back()
        self._library.script.fail((Error, CancelledError), "await __aexit__")


class Pool:
    """A pool whose connections come back by `putconn`."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def getconn(self) -> PoolConnection:
        self._library.script.fail((Error,), "getconn")
        return PoolConnection(self._library, acquiring())

    def connection(self) -> _Entered:
        return _Entered(self._library, acquiring())

    def putconn(self, connection: object) -> None:
        if isinstance(connection, PoolConnection):
            connection.give_back()
        self._library.script.fail((Error,), "putconn")


class AsyncPool:
    """A pool whose connections come back by awaiting `release`."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def acquire(self) -> _Acquire:
        return _Acquire(self._library, acquiring())

    def release(self, connection: object) -> Any:
        def body() -> None:
            if isinstance(connection, AsyncPoolConnection):
                connection.give_back()
            self._library.script.fail((Error, CancelledError), "await release")

        return Action(body)


class Library:
    """What `import fakepool` gives a program, for one run after another."""

    Error = Error
    Connection = Connection
    KeptConnection = KeptConnection
    PoolConnection = PoolConnection
    AsyncConnection = AsyncConnection
    AsyncStream = AsyncStream
    Pool = Pool
    AsyncPool = AsyncPool

    def __init__(self) -> None:
        self.begin(Script())

    def begin(self, script: Script) -> None:
        """Forget the last run."""
        self.script = script
        self.opened: list[Holding] = []
        self._reversed: bool | None = None

    @property
    def reversed(self) -> bool:
        """Whether sets give the latest first: decided when the first set asks."""
        if self._reversed is None:
            self._reversed = bool(self.script.choose(2))
            self.script.labels += ["sets give the latest first"] if self._reversed else []
        return self._reversed

    def connect(self) -> Connection:
        self.script.fail((Error,), "connect")
        return Connection(self, acquiring())

    def open(self) -> KeptConnection:
        self.script.fail((Error,), "open")
        return KeptConnection(self, acquiring())

    def aconnect(self) -> Any:
        lines = acquiring()

        def body() -> AsyncConnection:
            self.script.fail((Error, CancelledError), "await aconnect")
            return AsyncConnection(self, lines)

        return Action(body)

    def astream(self) -> Any:
        lines = acquiring()

        def body() -> AsyncStream:
            self.script.fail((Error, CancelledError), "await astream")
            return AsyncStream(self, lines)

        return Action(body)
