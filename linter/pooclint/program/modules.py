"""The parsed modules of a project, read on demand."""

from __future__ import annotations

from dataclasses import dataclass, field

import libcst as cst

from pooclint.program.exports import Exports, Interest
from pooclint.program.places import Origin
from pooclint.program.scopes import Index
from pooclint.program.walk import read_index
from pooclint.source.parse import Unreadable, parse
from pooclint.source.pieces import Pieces, cut, cut_again, extents
from pooclint.source.segments import LARGE


@dataclass(slots=True)
class Modules:
    """Trees of modules. What it keeps is a memo; what is known of their nodes is found by identity, so that no tree
    may go before all that was concluded from it."""

    exports: Exports
    wanted: frozenset[type[cst.CSTNode]] = frozenset()
    """Node classes to list in `Index.visited`."""
    partial: bool = True
    """False: what is imported from a module is found in all of it, and not in the definitions that are asked for."""
    _sources: dict[str, bytes] = field(default_factory=dict)
    _indexes: dict[str, Index | None] = field(default_factory=dict)
    _nameless: list[Index] = field(default_factory=list)

    def checked(self, path: str, data: bytes) -> Index | Unreadable:
        """The module of these bytes, whatever stands on the disk, all of it parsed; or why it has no tree."""
        known = self._indexes.get(path) or self._read(path, data, self._cut(path, data) if len(data) > LARGE else None)
        if isinstance(known, Index):
            known.complete()
        problem = known if isinstance(known, Unreadable) else known.problem
        if problem:
            whole = parse(data)  # with the place in the file
            return whole if isinstance(whole, Unreadable) else problem
        assert isinstance(known, Index)
        if path:
            self._sources[path], self._indexes[path] = data, known
        else:
            self._nameless.append(known)
        return known

    @property
    def weight(self) -> int:
        """Bytes of source of which the tree is kept."""
        known = (*self._indexes.values(), *self._nameless)
        return sum(index.weight for index in known if index)

    def release(self) -> None:
        """Let go of all trees."""
        for index in (*self._indexes.values(), *self._nameless):
            if index:
                index.release()
        self._indexes.clear()
        self._nameless.clear()
        self._sources.clear()

    def is_outdated(self, path: str, data: bytes) -> bool:
        """True when that file had other bytes before: what was concluded from them no longer holds."""
        return self._sources.get(path, data) != data

    def symbol(self, path: str, name: str, interest: Interest) -> Index | None:
        """The parsed module of a file in which to look for a name; None when the name is of no interest, or the file
        cannot be read.

        Args:
            path: the file.
            name: what is looked for in it; `CODE` of `source/parts.py` stands for all that is there.
            interest: which names are worth a parse.
        """
        if not path.endswith(".py"):
            return None
        if self.exports.is_large(path):
            self.exports.places.consulted.used(path)
            return None
        wanted = interest == "anything" or name in self.exports.names(path, "acquires")
        wanted = wanted or (interest == "calls-out" and name in self.exports.names(path, "calls-out"))
        if not wanted:
            return None
        index = self._index(path)
        self.exports.places.consulted.used(path, name, self._sources.get(path, b""))
        return index

    def _index(self, path: str) -> Index | None:
        if path not in self._indexes:
            data = self.exports.read(path) or b""
            index = self._read(path, data, self._cut(path, data))
            self._indexes[path] = None if isinstance(index, Unreadable) else index
            self._sources[path] = data
        return self._indexes[path]

    def _cut(self, path: str, data: bytes) -> Pieces | None:
        """The file in pieces; where it is cut is found once, however often its tree is dropped and made again."""
        if not self.partial:
            return None
        known = self.exports.extents.get(path)
        again = cut_again(data, known) if known else None
        if again is not None:
            return again
        found = cut(data)
        self.exports.extents[path] = extents(data, found) if found else None
        return found

    def _read(self, path: str, data: bytes, pieces: Pieces | None) -> Index | Unreadable:
        origin = self.exports.places.origin(path) if path else Origin()
        return read_index(data, origin, self.wanted, pieces)
