"""What the evaluator knows of a value, of an obligation, and of one way through a function."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import libcst as cst

from pooclint.models import Acquisition

if TYPE_CHECKING:
    from pooclint.flow.record import Reached
    from pooclint.models import Call, External
    from pooclint.program.scopes import Function
    from pooclint.rule import Place


class _Marker(enum.Enum):
    UNKNOWN = enum.auto()
    UNBOUND = enum.auto()
    NOT_NONE = enum.auto()


UNKNOWN: Final = _Marker.UNKNOWN
"""A constant that is not known."""
UNBOUND: Final = _Marker.UNBOUND
"""The name has no value yet."""
NOT_NONE: Final = _Marker.NOT_NONE
"""A constant that is not known, except that it is not None."""


class Fate(enum.Enum):
    """Where an obligation stands."""

    HELD = "held"
    RELEASED = "released"
    KEPT = "kept"  # somebody else will release it: returned, stored, handed over
    FIELD = "field"  # on self: the class's business, unless the constructor fails; or where it is taken back from


class Lane(enum.IntEnum):
    """How an obligation's way out became exceptional; the higher, the less it is reported."""

    NORMAL = 0
    RESOURCE = 1  # an explicit raise, or a failure of the resource itself or of what derives from it
    OTHER = 2  # any other call or await
    CANCELLED = 3  # cancellation at an await, or a generator closed early


@dataclass(frozen=True, eq=False, slots=True)
class Site:
    """A place that acquires. Compared by identity."""

    number: int
    node: cst.CSTNode
    acquisition: Acquisition
    label: str = ""
    """How the message names the source: `asyncpg.Pool.acquire`, or the project function that returned it."""
    parameter: int = -1
    """For the symbolic obligation of a parameter: its position."""
    injected: bool = False
    """True when a framework hands it in and takes it back."""
    outlives: bool = False
    """True when the framework takes it back only once the whole response has been sent."""
    used_by: str = ""
    """What had it before the function was entered, and left it with a connection."""
    hidden: bool = False
    """True when the function itself has no name for it."""
    registry: str = ""
    """For a session that nobody acquires: the type by which it is got hold of."""
    of_object: bool = False
    """True when an object keeps it, which the function works on."""
    within: bool = False
    """True when the function's own object has it only through another one, which refers to it."""
    guessed: bool = False
    """True when only the method's name says what it acquires."""
    provider: Function | None = None
    """The function that the framework takes it from."""
    through: str = ""
    """The project function that acquired it for the caller."""
    origin: Place | None = None
    """Where that function does so."""


@dataclass(frozen=True, slots=True)
class Obligation:
    """One acquired resource on one way through the function."""

    site: Site
    fate: Fate = Fate.HELD
    lane: Lane = Lane.NORMAL
    doubtful: bool = False
    """True once an unknown callee has seen it: it may have taken it over."""
    holding: bool = True
    """True while it occupies a connection (lazy sessions only between checkout and commit)."""
    scarcely: bool = False
    """True when it does so only where a loop that gives the connection back in each turn has none."""
    since: cst.CSTNode | None = None
    """The call by which a lazy session took its connection."""
    kept_open: bool = False
    """True once a `with` that does not close it has ended."""
    lent: bool = False
    """True when an unknown callee has seen it in such a `with`: had that closed it, leaving would have failed."""
    managed: int = 0
    """How many enclosing `with` statements will release it."""
    owner: int = -1
    """The obligation (a stack, a wrapper) whose release releases this one."""
    in_transaction: bool = False
    """True inside a `with` that is a transaction on it."""
    task: cst.CSTNode | None = None
    """What started a task or thread that uses it and has not been waited for."""
    released: cst.CSTNode | None = None
    """What released it, where that is sure to have happened: the call returned, and nothing opened it again."""
    reopened: cst.CSTNode | None = None
    """Where it was used again after a release."""
    worked: cst.CSTNode | None = None
    """The first statement that was sent over it and neither committed nor rolled back since."""
    wrote: cst.CSTNode | None = None
    """The first of those that changes data."""
    closed: cst.CSTNode | None = None
    """The call that closed it, where its pool should have taken it back."""

    @property
    def is_empty(self) -> bool:
        """True for an object of the project that keeps nothing yet: a method that opens it has not been called."""
        return bool(self.site.acquisition.filled_by) and not self.holding

    def is_opened_by(self, node: cst.CSTNode) -> bool:
        """True for such an object that has something since this call, or since it was awaited, where it has nothing if
        the call fails."""
        called = node.expression if isinstance(node, cst.Await) else node
        if self.since is not called or not isinstance(called, cst.Call) or not isinstance(called.func, cst.Attribute):
            return False
        return called.func.attr.value in self.site.acquisition.opened_by


COLLECTIONS: Final = -10
"""Numbers from here down stand for collections of the function's own, in place of an obligation that owns others."""
OBJECTS: Final = -1_000_000
"""Numbers from here down stand for objects of the function's own, on whose attributes it puts something."""
MORE: Final = "#more "
"""Prefix of the names under which a state remembers that something else is in a collection, by its number."""
FORGOTTEN: Final = -2
"""The number of an obligation that is about to be dropped."""
KEY: Final = "#key "
"""Prefix of the names under which a state remembers what a dictionary has under a key, by the dictionary's number."""
CALLBACKS: Final = "#callbacks "
"""Prefix of the names under which a state keeps what a stack will call at its end, by the stack's number."""
ENTERED: Final = "#entered "
"""Prefix of the names under which a state remembers what an enclosing `with` answers for, by the `id` of its item."""
AWAITS: Final = "#awaits "
"""Prefix of the names under which a state remembers that the end of a stack awaits something, by its number."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A call whose effect comes later: when it is awaited, or entered by `with`."""

    node: cst.Call
    calls: tuple[Call, ...] = ()
    summary: Function | None = None
    arguments: tuple[tuple[int | str, Value], ...] = ()
    receiver: Value | None = None
    releases: frozenset[int] = frozenset()
    """Obligations that awaiting it releases."""
    external: External | None = None
    reached: Reached | None = None
    """The external call that something else makes meanwhile, which is waited for: a thread, a function."""
    passes: tuple[Value, ...] = ()
    """Awaitables that awaiting it awaits."""
    holder: str = ""
    """The name of the manager whose `__enter__` this is: it answers for what that acquires."""

    @property
    def acquires(self) -> bool:
        """True when its effect may be to acquire something."""
        return any(c.acquires for c in self.calls) or any(
            p.acquires or p.summary is not None for item in self.passes if (p := item.pending)
        )

    @property
    def runs_by_itself(self) -> bool:
        """True for a task: what it is given runs, whether somebody awaits it or not."""
        return bool(self.passes) and any(c.at == "call" and c.awaited == "may" for c in self.calls)


@dataclass(frozen=True, slots=True)
class ClassNamed:
    """A class that is handed in, or asked for, by its name."""

    name: str
    """Of its type, as `Types` has it."""


@dataclass(frozen=True, slots=True)
class Closure:
    """What a nested function refers to. It refers to the variables: what they hold later counts, too."""

    captures: frozenset[str]
    """Free names that are local to the enclosing function."""
    takes: frozenset[str]
    """Those of them that it may release, return or store; on the others it only calls harmless methods."""


@dataclass(frozen=True, slots=True)
class Value:
    """An abstract value. The empty one is unknown."""

    type: str = ""
    refs: frozenset[int] = frozenset()
    """Obligations that it stands for (a resource, or a wrapper that owns it)."""
    derived: frozenset[int] = frozenset()
    """Obligations it was made from (a cursor's connection)."""
    items: tuple[Value, ...] | None = None
    """Elements of a tuple or list literal, or what is in a dictionary literal."""
    keys: tuple[object, ...] = ()
    """Of a dictionary literal, under which key each of `items` is; `UNKNOWN` for one that is no literal."""
    constant: object = UNKNOWN
    truth: bool | None = None
    pending: Pending | None = None
    method: str = ""
    """For a bound method: its name; `refs`, `derived` and `type` are then those of the receiver."""
    function: Function | None = None
    closure: Closure | None = None
    inner: Value | None = None
    """What entering a wrapper gives (`closing(x)`)."""
    collection: int = 0
    """The number of the collection that it is, or through which it leads to what is in that; 0 for anything else."""
    parts: frozenset[int] = frozenset()
    """Obligations to which it refers without standing for them: of an object, what its constructor was lent."""
    held_at: frozenset[tuple[str, int]] = frozenset()
    """Those of them that are on attributes of it, with the paths of these."""
    own: int = 0
    """The number of an object that the function has made, as long as nobody else has got it; 0 for anything else."""
    _hash: int = field(default=0, init=False, repr=False, compare=False)

    def __hash__(self) -> int:
        # Asked for every name of every state; the fields of a value never change.
        if not self._hash:
            parts = (
                self.type, self.refs, self.derived, self.items, self.keys, self.constant, self.truth, self.pending,
                self.method, self.function, self.closure, self.inner, self.collection, self.parts, self.held_at,
                self.own,
            )  # fmt: skip
            object.__setattr__(self, "_hash", hash(parts) or 1)
        return self._hash

    @property
    def holds_nothing(self) -> bool:
        """True when no obligation hangs on it: to forget the name that it is bound to loses nothing."""
        leads = self.refs or self.items or self.pending or self.closure or self.collection or self.parts
        return not leads and self.constant is not UNBOUND

    @property
    def leads_nowhere(self) -> bool:
        """True for a plain value: no obligation hangs on it, it was made from none, and nobody can call it."""
        return self.holds_nothing and not (self.derived or self.function or self.method or self.inner)

    @property
    def known_truth(self) -> bool | None:
        """Whether the value is true, where that is known."""
        if self.truth is not None:
            return self.truth
        if isinstance(self.constant, _Marker):
            return True if (self.refs or self.function) and not self.pending else None
        return bool(self.constant)

    def reach(self) -> frozenset[int]:
        """Every obligation that this value keeps reachable as such, through tuples and un-awaited calls too."""
        found = self.refs | {self.collection} if self.collection else self.refs
        if self.parts:
            found |= self.parts
        if self.own:
            found |= {self.own}
        if self.items:
            found = found.union(*(v.reach() for v in self.items))
        if self.pending:
            found = found.union(self.pending.releases, *(v.reach() for _, v in self.pending.arguments))
            if self.pending.receiver:
                found |= self.pending.receiver.reach()
            found = found.union(*(v.reach() for v in self.pending.passes))
        return found

    def borrowed(self) -> frozenset[int]:
        """What it leads to only through objects that have borrowed it."""
        values = list(_elements(self))
        parts = frozenset[int]().union(*(v.parts for v in values))
        return parts.difference(*(replace(v, parts=frozenset(), items=None).reach() for v in values if parts))

    def captured(self) -> frozenset[str]:
        """Names through which nested functions in this value reach further."""
        found = self.closure.captures if self.closure else frozenset[str]()
        return found.union(*(v.captured() for v in self.items or ()))

    def renumbered(self, old: int, new: int) -> Value:
        """The value with one obligation's number replaced."""
        direct = old in self.refs or old in self.derived or old in self.parts
        if not direct and not self.items and not self.pending:
            return self
        pending = self.pending
        if pending:
            pending = replace(
                pending,
                arguments=tuple((k, v.renumbered(old, new)) for k, v in pending.arguments),
                receiver=pending.receiver.renumbered(old, new) if pending.receiver else None,
                releases=_swap(pending.releases, old, new),
                passes=tuple(v.renumbered(old, new) for v in pending.passes),
            )
        return replace(
            self,
            refs=_swap(self.refs, old, new),
            derived=_swap(self.derived, old, new),
            items=tuple(v.renumbered(old, new) for v in self.items) if self.items else self.items,
            pending=pending,
            parts=_swap(self.parts, old, new),
            held_at=frozenset((path, new if n == old else n) for path, n in self.held_at),
        )

    def without(self, number: int) -> Value:
        """The value without a reference to an obligation."""
        if number not in self.reach() and number not in self.derived:
            return self
        return replace(
            self,
            collection=0 if self.collection == number else self.collection,
            refs=self.refs - {number},
            derived=self.derived - {number},
            items=tuple(v.without(number) for v in self.items) if self.items else self.items,
            pending=None if self.pending and number in self.reach() else self.pending,
            parts=self.parts - {number},
            held_at=frozenset((path, n) for path, n in self.held_at if n != number),
            own=0 if self.own == number else self.own,
        )


def _elements(value: Value) -> Iterator[Value]:
    """The value, and the elements of a tuple or list literal that it is."""
    yield value
    for element in value.items or ():
        yield from _elements(element)


def _swap(numbers: frozenset[int], old: int, new: int) -> frozenset[int]:
    return (numbers - {old}) | {new} if old in numbers else numbers


NOTHING: Final = Value()
NONE: Final = Value(constant=None)
