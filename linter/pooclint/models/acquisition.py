"""What an acquiring call gives, put together from the entries of models."""

from __future__ import annotations

import msgspec

from pooclint.models.schema.release import Release
from pooclint.models.schema.types import Kind, Reclaimed


class Acquisition(msgspec.Struct, frozen=True, eq=False):
    """What one acquiring call gives: its model's facts, with the type's where the call says nothing."""

    type: str
    kind: Kind
    library: str
    releases: tuple[Release, ...]
    reclaimed: Reclaimed
    pooled: bool
    lazy: bool
    entered_unawaited: bool = False
    """True when the un-awaited call is itself the context manager that releases."""
    closes: frozenset[str] = frozenset()
    """Methods that release an instance which came from elsewhere, and not one that this call gave: they close it and
    keep its slot taken."""
    acquired_from: str = ""
    """Type of the pool or engine that the call is a method of."""
    raises_when_empty: bool = False
    """True when the call raises at once where the pool has no connection left."""
    keeps: str = ""
    """For an object of the project that is a resource because of what it keeps: the type of that."""
    filled_by: frozenset[str] = frozenset()
    """Methods of such an object after which it keeps that, where its constructor has left it empty."""
    opened_by: frozenset[str] = frozenset()
    """Those of them that leave nothing behind when they fail."""

    crowded: bool = True
    """False where practically any number of them may be open at a time."""

    @property
    def shown(self) -> str:
        """The type that messages name."""
        return self.keeps or self.type

    @property
    def released_by_awaiting(self) -> bool:
        """True when the way to release it is a coroutine, which no garbage collector awaits."""
        return any(r.awaited for r in self.releases[:1])
