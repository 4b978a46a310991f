"""What a database server keeps for a session, and how long it lets a query run."""

from typing import Any, Literal

from pooclint.models.schema.table import Argument, Table


class Prepares(Table, frozen=True, kw_only=True):
    """How the connections that a call opens, or lets a pool open, prepare statements at the server by themselves. Such
    a statement is gone when the next transaction meets another connection of the server."""

    schemes: tuple[str, ...] = ()
    """The schemes of the URLs for which it holds (`postgresql+asyncpg`); empty: whatever the URL."""
    inside: str = ""
    """The argument whose dictionary holds the keywords for the driver (`connect_args`); empty: they are the call's
    own."""
    off: dict[str, tuple[Any, ...]]
    """Keywords, all of which must have one of their literals for nothing to be prepared (`"None"` is Python's None)."""
    mistaken: dict[str, tuple[Any, ...]] = {}
    """Keywords with the literals that look like a remedy, and are none."""
    decided_by: tuple[Argument, ...] = ()
    """Given one of these arguments, other code decides (`creator=`, `configure=`)."""
    remedy: str
    """How to switch it off, as code."""


class SessionState(Table, frozen=True, kw_only=True):
    """Statements that leave something behind in the server's session, where the next statement may not find it: a
    pooler in transaction mode gives each transaction whatever connection is free. Words are compared without regard to
    case, comments and layout."""

    name: str
    """What to call it; `session-state` of a call refers to it."""
    begins: tuple[str, ...] = ()
    """The words that such a statement begins with."""
    functions: tuple[str, ...] = ()
    """Functions whose call does it, wherever it stands in the statement."""
    last_argument: tuple[str, ...] = ()
    """And whose last argument is one of these words."""
    contains: tuple[str, ...] = ()
    """And which contains one of these sequences of words (`WITH HOLD`)."""
    unless: tuple[str, ...] = ()
    """Not where it contains one of these (`ON COMMIT DROP`)."""
    unless_begins: tuple[str, ...] = ()
    """Not where it begins with these words (`SET LOCAL`)."""
    lost: str
    """What becomes of it, as the second half of a sentence."""
    instead: str
    """What to do instead."""


class ServerSetting(Table, frozen=True, kw_only=True):
    """A setting of a database server that limits a time."""

    name: str
    """Its name (`statement_timeout`)."""
    limits: Literal["query"]
    """What it limits, as in `timeouts`."""
    unit: Literal["s", "ms"]
    """Of a number without one."""
