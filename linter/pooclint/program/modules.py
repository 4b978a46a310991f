"""The module graph, read on demand: where an import leads, and which names of a module matter to connections.

Nothing is imported. A module is parsed only when a name of it is asked for that, as far as its bytes tell, acquires
something or leads to something that does.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Literal

import libcst as cst

from pooclint.program.scopes import Index, Origin, absolute, build_index
from pooclint.source.outline import ImportedName, Outline, outline, words_pattern
from pooclint.source.parse import Unreadable, parse
from pooclint.source.prefilter import Prefilter

Interest = Literal["acquires", "calls-out", "anything"]
"""Which names of another module are worth parsing it for: those that acquire something or lead there; those that call
out of the process as well; or whatever is asked for."""

_DEPTH = 3
"""Imports of imports are followed this far when deciding whether a name matters."""
_MARKERS = (".git", ".hg", "pyproject.toml", "setup.py", "setup.cfg", "pooclint.toml", ".pooclint.toml")
_SOURCE_FOLDERS = ("src", "lib", "python")
_SKIPPED = frozenset({"node_modules", "site-packages", "build", "dist", "__pycache__", "venv", "env"})
_MAX_FOLDERS = 4_000
"""Folders looked at when searching a repository for further packages."""
_MAX_LEVELS = 5


@dataclass(slots=True)
class Modules:
    """The modules of the projects that the checked files belong to. What it keeps is a memo of the file system."""

    acquiring: Prefilter
    calling_out: Prefilter
    wanted: frozenset[type[cst.CSTNode]] = frozenset()
    """Node classes to list in `Index.visited`."""
    weight: int = 0
    """Bytes of source of which the tree is kept."""
    _alone: list[Index] = field(default_factory=list)
    """Keeps every tree alive: what is known of its nodes is found by their identity."""
    _bytes: dict[str, bytes | None] = field(default_factory=dict)
    _outlines: dict[str, Outline] = field(default_factory=dict)
    _indexes: dict[str, Index | None] = field(default_factory=dict)
    _origins: dict[str, Origin] = field(default_factory=dict)
    _roots: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _entries: dict[str, frozenset[str]] = field(default_factory=dict)
    _tops: dict[tuple[str, tuple[str, ...]], str] = field(default_factory=dict)
    _places: dict[tuple[str, Origin], str] = field(default_factory=dict)
    _exports: dict[tuple[str, Interest, int], frozenset[str]] = field(default_factory=dict)

    # ------------------------------------------------------------------------------------------------- where things are

    def origin(self, path: str) -> Origin:
        """Package and search path of a file, given its absolute path."""
        folder = os.path.dirname(path)
        if folder not in self._origins:
            top = folder
            while self._has(top, "__init__.py") and os.path.dirname(top) != top:
                top = os.path.dirname(top)
            roots = self._search_path(folder, top)
            # The folders of a namespace package are named from the project down.
            base = top if top != folder else self.project_root(folder, top)
            package = os.path.relpath(folder, base).replace(os.sep, ".").strip(".")
            self._origins[folder] = Origin("", package, roots)
        found = self._origins[folder]
        return Origin(path, found.package, found.roots)

    def _search_path(self, folder: str, top: str) -> tuple[str, ...]:
        """Where absolute imports of a file are looked up: beside its top package, then as a `src` layout or a
        repository of several packages has it."""
        project = self.project_root(folder, top)
        found = [top]
        above = folder
        while _inside(above, project):
            found += [above, *(os.path.join(above, s) for s in _SOURCE_FOLDERS if self._has(above, s))]
            if above == project:
                break
            above = os.path.dirname(above)
        # A folder inside the top package is no root: its modules are imported by their full names.
        within = frozenset(f for f in found if f != top and _inside(f, top) and top != folder)
        return tuple(dict.fromkeys(f for f in found if f not in within))

    def project_root(self, folder: str, top: str) -> str:
        """The folder that holds the whole project: the repository, else the outermost project file, else the working
        directory where it contains the file."""
        found, above = "", folder
        while True:
            entries = self._listing(above)
            if any(m in entries for m in _MARKERS):
                found = above
            if ".git" in entries or ".hg" in entries or os.path.dirname(above) == above:
                break
            above = os.path.dirname(above)
        here = os.getcwd()
        return found or (here if _inside(folder, here) and os.path.dirname(here) != here else top)

    def _further_roots(self, project: str) -> tuple[str, ...]:
        """Folders of a repository that hold further distributions, each with a project file of its own."""
        if project not in self._roots:
            found: list[str] = []
            todo, seen = [(project, 0)], 0
            while todo and seen < _MAX_FOLDERS:
                folder, level = todo.pop(0)
                seen += 1
                entries = self._listing(folder)
                if level and any(m in entries for m in _MARKERS):
                    found += [folder, *(os.path.join(folder, s) for s in _SOURCE_FOLDERS if s in entries)]
                if level < _MAX_LEVELS and "__init__.py" not in entries:
                    below = sorted(e for e in entries if "." not in e and e not in _SKIPPED)
                    todo += [(p, level + 1) for e in below if os.path.isdir(p := os.path.join(folder, e))]
            self._roots[project] = tuple(found)
        return self._roots[project]

    def place(self, dotted: str, origin: Origin) -> str:
        """The file of a module or package, or the folder of a namespace package; empty when the project has none."""
        key = (dotted, origin)
        if key not in self._places:
            self._places[key] = self._place(dotted.split("."), origin)
        return self._places[key]

    def _place(self, parts: list[str], origin: Origin) -> str:
        found = self.top(parts[0], origin)
        for part in parts[1:]:
            found = self.child(found, part) if found else ""
        return found

    def top(self, name: str, origin: Origin) -> str:
        """The place of a top-level module."""
        key = (name, origin.roots)
        if key not in self._tops:
            roots = origin.roots
            places = [p for r in roots if (p := self._in_folder(r, name))]
            if not places and roots:
                places = [p for r in self._further_roots(roots[-1]) if (p := self._in_folder(r, name))]
            self._tops[key] = next((p for p in places if p.endswith(".py")), places[0] if places else "")
        return self._tops[key]

    def child(self, place: str, name: str) -> str:
        """The place of a submodule."""
        folder = place if not place.endswith(".py") else os.path.dirname(place)
        if place.endswith(".py") and os.path.basename(place) != "__init__.py":
            return ""
        return self._in_folder(folder, name)

    def _in_folder(self, folder: str, name: str) -> str:
        entries = self._listing(folder)
        if name in entries:
            package = os.path.join(folder, name)
            inner = self._listing(package)
            if "__init__.py" in inner:
                return os.path.join(package, "__init__.py")
            if f"{name}.py" not in entries:
                # A namespace package; a folder without any Python in reach is none.
                return package if any(e.endswith(".py") or "." not in e for e in inner) else ""
        return os.path.join(folder, f"{name}.py") if f"{name}.py" in entries else ""

    def _has(self, folder: str, name: str) -> bool:
        return name in self._listing(folder)

    def _listing(self, folder: str) -> frozenset[str]:
        if folder not in self._entries:
            try:
                self._entries[folder] = frozenset(os.listdir(folder))
            except OSError:
                self._entries[folder] = frozenset()
        return self._entries[folder]

    # ---------------------------------------------------------------------------------------------- what a module holds

    def read(self, path: str) -> bytes | None:
        """A file's bytes; None when it cannot be read."""
        if path not in self._bytes:
            try:
                with open(path, "rb") as file:
                    self._bytes[path] = file.read()
            except (OSError, ValueError):
                self._bytes[path] = None
        return self._bytes[path]

    def index(self, path: str) -> Index | None:
        """The parsed module of a file; None when it cannot be read as Python."""
        if path not in self._indexes:
            data = self.read(path)
            module = parse(data) if data is not None else None
            if isinstance(module, cst.Module):
                self._indexes[path] = build_index(module, self.origin(path), self.wanted)
                self.weight += len(data or b"")
            else:
                self._indexes[path] = None
        return self._indexes[path]

    def parsed(self, path: str, data: bytes) -> Index | Unreadable:
        """The module that is checked, with these bytes, whatever stands on the disk; or why it has no tree."""
        known = self._indexes.get(path)
        if known and self._bytes.get(path) == data:
            return known
        module = parse(data)
        if isinstance(module, Unreadable):
            return module
        index = build_index(module, self.origin(path) if path else None, self.wanted)
        self._alone.append(index)
        if path:
            self._bytes[path], self._indexes[path] = data, index
        self.weight += len(data)
        return index

    def is_outdated(self, path: str, data: bytes) -> bool:
        """True when something else was read for that file before: what was concluded from it no longer holds."""
        return self._bytes.get(path, data) != data

    def symbol(self, path: str, name: str, interest: Interest) -> Index | None:
        """The parsed module of a file in which to look for a name; None when the name is of no interest, or the file
        cannot be read."""
        if not path.endswith(".py"):
            return None
        data = self.read(path)
        if not data or name.encode() not in data:
            return None
        wanted = interest == "anything" or name in self.exports(path, "acquires")
        wanted = wanted or (interest == "calls-out" and name in self.exports(path, "calls-out"))
        return self.index(path) if wanted else None

    def matters(self, path: str, data: bytes) -> bool:
        """True when a file imports, and mentions again, a name by which a module of its project acquires."""
        origin = self.origin(path)
        alive = self._alive(self._outline(path, data), origin, "acquires", _DEPTH)
        return bool(alive) and any(len(words_pattern((n.split(".")[-1],)).findall(data)) > 1 for n in alive)

    def exports(self, path: str, interest: Interest, depth: int = _DEPTH) -> frozenset[str]:
        """Names of a module that acquire something (or call out), or lead to something that does, as far as its bytes
        tell.

        Args:
            depth: how far imports of imports are followed. The same depth always gives the same answer, whatever was
                asked before.
        """
        key = (path, interest, depth)
        if key not in self._exports:
            data = self.read(path) if path.endswith(".py") else None
            self._exports[key] = self._exported(path, data, interest, depth) if data else frozenset()
        return self._exports[key]

    def _exported(self, path: str, data: bytes, interest: Interest, depth: int) -> frozenset[str]:
        found = self._outline(path, data)
        alive = self._alive(found, self.origin(path), interest, depth)
        patterns = (self.acquiring if interest == "acquires" else self.calling_out).words_of(data)
        defined = frozenset[str]().union(*(found.mentioning(data, p) for p in patterns))
        if alive:
            defined |= found.mentioning(data, words_pattern(alive))
        known = defined
        while known:  # definitions that mention such a definition
            more = found.mentioning(data, words_pattern(known)) - defined
            defined |= more
            known = more
        return defined | frozenset(a for a in alive if "." not in a)

    def _alive(self, found: Outline, origin: Origin, interest: Interest, depth: int) -> frozenset[str]:
        """Imported names that matter, as they stand in the file: `get_session`, or `db.get_session`."""
        if depth == 0:
            return frozenset()
        alive: set[str] = set()
        for imported in found.imports:
            alive |= self._alive_through(imported, origin, interest, depth)
        return frozenset(alive)

    def _alive_through(self, imported: ImportedName, origin: Origin, interest: Interest, depth: int) -> frozenset[str]:
        base = absolute(imported.base, origin.package)
        if not imported.base:
            place = self.place(imported.name, origin)
            prefix = imported.alias if imported.alias != imported.name.split(".")[0] else imported.name
            return self._prefixed(prefix, place, interest, depth)
        place = self.place(base, origin)
        if not place:
            return frozenset()
        names = self.exports(place, interest, depth - 1)
        if imported.name == "*":
            return frozenset(n for n in names if not n.startswith("_"))
        if imported.name in names:
            return frozenset({imported.alias})
        return self._prefixed(imported.alias, self.child(place, imported.name), interest, depth)

    def _prefixed(self, prefix: str, place: str, interest: Interest, depth: int) -> frozenset[str]:
        return frozenset(f"{prefix}.{n}" for n in self.exports(place, interest, depth - 1)) if place else frozenset()

    def _outline(self, path: str, data: bytes) -> Outline:
        if path not in self._outlines:
            self._outlines[path] = outline(data)
        return self._outlines[path]


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder if folder.endswith(os.sep) else folder + os.sep)
