"""Sizes and times: the parameters that carry them, and how a constructor sizes its pool."""

from typing import Literal

from pooclint.models.schema.table import Argument, Table


class Parameter(Table, frozen=True, kw_only=True):
    """A parameter that carries a size or a time."""

    param: str
    """Its name."""
    position: int = -1
    """Its place among the positional arguments; -1: nobody passes it so."""
    default: int | float | str | bool | None = None
    """The library's default. `None`: no limit, unless `required`."""
    required: bool = False
    """True when there is no default."""
    unbounded: tuple[int | float | str | None, ...] = ()
    """Literal values that mean "no limit"; `"None"` is Python's None."""
    refused: tuple[int | float, ...] = ()
    """Literal values with which the call raises, or with which nobody ever gets a connection."""
    highest: int | None = None
    """The call raises for anything above. `None`: the library sets no bound of its own."""
    unit: str = ""
    """`s` or `ms`, for a time."""
    url: str = ""
    """The key of the connection URL's query that sets the same (`redis://host?max_connections=5`)."""
    url_wins: bool = True
    """True when the URL's value goes before the argument's, should both be given."""

    def means_no_limit(self, value: object) -> bool:
        """True for a value that removes the limit."""
        if value is None:
            return "None" in self.unbounded or None in self.unbounded
        return any(value == u and not isinstance(value, bool) for u in self.unbounded)


class Size(Table, frozen=True, kw_only=True):
    """How a constructor sizes its pool."""

    max: Parameter | None = None
    """The most connections it opens, `overflow` left aside."""
    min: Parameter | None = None
    """Those it opens at once, or keeps."""
    overflow: Parameter | None = None
    """Those it opens beyond `max` under load."""
    limit: Literal["database", "other"] = "database"
    """`database`: the server spends a process or thread per connection, `max-pool-size` applies. `other`: only the
    absurd and the unbounded are reported."""
    cap: bool = True
    """False when the figure is not a ceiling (extra connections are opened and thrown away)."""
    keeps: Literal["max", "min"] = "max"
    """Up to which figure connections stay open when they come back. `min`: those beyond the minimum are closed, however
    soon the next caller wants one."""


class Idle(Table, frozen=True, kw_only=True):
    """When a keyword argument counts for nothing: what it would decide is up to another one."""

    given: tuple[Argument, ...]
    """Where one of these is given, and is not None (`transport`)."""
    unless: tuple[Argument, ...] = ()
    """But not where one of these is given as well, and is not None, for which it counts again (`proxy`)."""
