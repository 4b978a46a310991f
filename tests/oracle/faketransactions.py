"""What was sent over the connections of fake libraries, and committed, rolled back, or neither."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from pooclint.models import Type

Switch = Literal["on", "off", "unknown"]
_WORDS = re.compile(r"[A-Za-z]+")
_WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE"})


@dataclass(eq=False)
class Work:
    """The open transaction of one connection, with its cursors and whatever else was made from it."""

    type: Type
    autocommit: Switch = "off"
    begun: frozenset[int] = frozenset()
    """Lines of the call that began the transaction; empty where none is open."""
    written: bool = False
    """Whether something was written in it."""
    lines: frozenset[int] = frozenset()
    """Lines of the connection's acquisition; empty for one that is the caller's."""

    def sent(self, text: object, lines: frozenset[int], ledger: Ledger) -> None:
        """A statement was sent: what it is, its words say."""
        words = [w.upper() for w in _WORDS.findall(text)] if isinstance(text, str) else []
        verb = words[0] if words else ""
        if verb in ("COMMIT", "ROLLBACK"):
            self.ended(ledger, committed=verb == "COMMIT")
        elif verb in _WRITES:
            self.begun, self.written = self.begun or lines, True
        elif verb in ("WITH", "TABLE") or (verb == "SELECT" and "FROM" in words):
            self.begun = self.begun or (lines if self.type.reads_begin else frozenset())

    def ended(self, ledger: Ledger, committed: bool) -> None:
        """The transaction is over."""
        self.begun, self.written = frozenset(), False
        if committed:
            ledger.committed.add(self.lines)

    def given_back(self, lines: Iterable[int], by_with: bool, raised: bool, ledger: Ledger) -> None:
        """The connection was closed, or given back to its pool.

        Args:
            lines: where.
            by_with: whether a `with` did that, which promises to tidy up; a plain `close()` says what it does.
            raised: whether that block was left by an exception: what it wrote is meant to be discarded.
        """
        if self.autocommit == "off" and self.type.discards and self.written:
            ledger.discarded |= {(at, self.lines) for at in lines if by_with and not raised}
        elif self.autocommit == "off" and self.type.stays_open and self.begun:
            ledger.left_open |= set(lines)
        self.begun, self.written = frozenset(), False


@dataclass
class Ledger:
    """What the runs of a function showed of transactions."""

    committed: set[frozenset[int]] = field(default_factory=set)
    """Lines of acquisitions of which some run commits something."""
    discarded: set[tuple[int, frozenset[int]]] = field(default_factory=set)
    """Lines on which a block ends that discards what was written, and those of the acquisition."""
    left_open: set[int] = field(default_factory=set)
    """Lines on which a connection goes back to its pool inside a transaction."""
    swallowed: set[int] = field(default_factory=set)
    """Lines that began a transaction on the caller's connection, in which it has it back after an exception that the
    function kept to itself."""

    def add(self, other: Ledger) -> None:
        """Take over what another run showed."""
        self.committed |= other.committed
        self.discarded |= other.discarded
        self.left_open |= other.left_open
        self.swallowed |= other.swallowed

    def misuses(self) -> set[tuple[str, int]]:
        """Codes of rules, and lines on which some run does what they are about.

        Who commits on one way knows of commits: that nothing is written on another is meant. And who never commits
        leaves the transaction to the caller.
        """
        found = {("CNX127", at) for at, lines in self.discarded if lines not in self.committed}
        found |= {("CNX125", at) for at in self.left_open}
        if frozenset() in self.committed:
            found |= {("CNX125", at) for at in self.swallowed}
        return found


def switched(kwargs: dict[str, Any], switches: dict[str, tuple[object, ...]]) -> Switch:
    """What the arguments of the call that connects say of autocommit."""
    for name, values in switches.items():
        if name in kwargs and (kwargs[name] in values or (kwargs[name] is None and "None" in values)):
            return "on"
    return "off"


def closing() -> bool:
    """Whether `contextlib` calls, for a `with`."""
    frame = sys._getframe(1)
    while frame is not None and "oracle" in frame.f_code.co_filename:
        frame = frame.f_back  # type: ignore[assignment]
    return frame is not None and frame.f_code.co_filename.endswith("contextlib.py")
