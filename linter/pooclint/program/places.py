"""Where the modules of a project stand: search paths, packages, namespace packages. Nothing is imported."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass, field, replace

from pooclint.program.consulted import Consulted, Question

_REPOSITORY = (".git", ".hg")
MARKERS = (*_REPOSITORY, "pyproject.toml", "setup.py", "setup.cfg", "pooclint.toml", ".pooclint.toml")
"""What the folder of a project has."""
_SOURCE_FOLDERS = ("src", "lib", "python")
SKIPPED = frozenset({"node_modules", "site-packages", "build", "dist", "__pycache__", "venv", "env"})
"""Folders that hold no source of the project's own."""
_MAX_FOLDERS = 4_000
"""Folders looked at when searching a repository for further packages."""
_MAX_LEVELS = 5
_MAX_FILES = 8_000


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a module comes from. Nothing of it is known for standard input or a lone snippet."""

    path: str = ""
    """Absolute path of its file."""
    package: str = ""
    """Dotted name of the package that relative imports start at."""
    roots: tuple[str, ...] = ()
    """Folders in which its absolute imports are looked up, first match first."""
    project: str = ""
    """The folder that holds the whole project."""

    def __hash__(self) -> int:
        """By the file alone, which tells most of them apart: they are keys of what is asked for every name."""
        return hash(self.path)


@dataclass(slots=True)
class Places:
    """Look-up of modules by name. What it keeps is a memo of the file system."""

    consulted: Consulted = field(default_factory=Consulted)
    _origins: dict[str, Origin] = field(default_factory=dict)
    _roots: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _files: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _entries: dict[str, frozenset[str]] = field(default_factory=dict)
    _signs: dict[str, frozenset[str]] = field(default_factory=dict)
    _tops: dict[tuple[str, tuple[str, ...]], tuple[str, ...]] = field(default_factory=dict)
    _places: dict[tuple[str, Origin], str] = field(default_factory=dict)

    def origin(self, path: str) -> Origin:
        """Package and search path of a file, given its absolute path."""
        folder = os.path.dirname(path)
        if folder not in self._origins:
            top = folder
            while self._has(top, "__init__.py") and os.path.dirname(top) != top:
                top = os.path.dirname(top)
            project = self._project_root(folder, top)
            roots = self._search_path(folder, top, project)
            # The folders of a namespace package are named from the project down.
            base = top if top != folder else project
            package = os.path.relpath(folder, base).replace(os.sep, ".").strip(".")
            self._origins[folder] = Origin("", package, roots, project)
        found = self._origins[folder]
        self.consulted.asked(path, Question("origin", folder), (found.package, found.project, *found.roots))
        return replace(found, path=path)

    def _search_path(self, folder: str, top: str, project: str) -> tuple[str, ...]:
        """Where absolute imports of a file are looked up: beside its top package, then as a `src` layout or a
        repository of several packages has it."""
        found = [top]
        above = folder
        while _inside(above, project):
            found += [above, *(os.path.join(above, s) for s in _SOURCE_FOLDERS if self._has(above, s))]
            if above == project:
                break
            above = os.path.dirname(above)
        # A folder inside the top package is no root: its modules are imported by their full names. That of the project
        # is still the last place to look: a stray `__init__.py` makes no package of it.
        within = frozenset(f for f in found if f not in (top, project) and _inside(f, top) and top != folder)
        return tuple(dict.fromkeys(f for f in found if f not in within))

    def _project_root(self, folder: str, top: str) -> str:
        """The folder that holds the whole project: the repository, else the outermost project file, else the working
        directory where it contains the file."""
        found, above = "", folder
        while True:
            entries = self._signs_in(above)
            if any(m in entries for m in MARKERS):
                found = above
            if any(v in entries for v in _REPOSITORY) or os.path.dirname(above) == above:
                break
            above = os.path.dirname(above)
        here = os.getcwd()
        return found or (here if _inside(folder, here) and os.path.dirname(here) != here else top)

    def _further_roots(self, project: str) -> tuple[str, ...]:
        """Folders of a repository that hold further distributions, each with a project file of its own. Another
        repository that lies within is none of them; a submodule, which has a file where that has a folder, may be."""
        if project not in self._roots:
            found: list[str] = []
            todo, seen = [(project, 0)], 0
            while todo and seen < _MAX_FOLDERS:
                folder, level = todo.pop(0)
                seen += 1
                entries = self.listing(folder)
                if level and any(v in entries and os.path.isdir(os.path.join(folder, v)) for v in _REPOSITORY):
                    continue
                if level and any(m in entries for m in MARKERS):
                    found += [folder, *(os.path.join(folder, s) for s in _SOURCE_FOLDERS if s in entries)]
                if level < _MAX_LEVELS and "__init__.py" not in entries:
                    below = sorted(e for e in entries if "." not in e and e not in SKIPPED)
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
        for found in self.tops(parts[0], origin):
            place = found
            for part in parts[1:]:
                place = self.child(place, part, origin) if place else ""
            if place:
                return place
        return ""

    def tops(self, name: str, origin: Origin) -> tuple[str, ...]:
        """Places of a top-level module, likeliest first: several folders may form a namespace package, or only look
        like one."""
        key = (name, origin.roots)
        if key not in self._tops:
            found = [p for r in origin.roots if (p := self._in_folder(r, name))]
            if origin.project and not any(p.endswith(".py") for p in found):
                found += [p for r in self._further_roots(origin.project) if (p := self._in_folder(r, name))]
            self._tops[key] = tuple(sorted(dict.fromkeys(found), key=lambda p: not p.endswith(".py")))
        self.consulted.asked(origin.path, Question("top", os.path.dirname(origin.path), name), self._tops[key])
        return self._tops[key]

    def child(self, place: str, name: str, origin: Origin) -> str:
        """The place of a submodule; empty when there is none.

        Args:
            place: of the package.
            name: of the submodule.
            origin: on whose behalf it is looked up.
        """
        found = self.find_child(place, name)
        self.consulted.asked(origin.path, Question("child", place, name), (found,))
        return found

    def find_child(self, place: str, name: str) -> str:
        """As `child`, on nobody's behalf."""
        folder = place if not place.endswith(".py") else os.path.dirname(place)
        if place.endswith(".py") and not is_package(place):
            return ""
        return self._in_folder(folder, name)

    def _in_folder(self, folder: str, name: str) -> str:
        entries = self.listing(folder)
        if name in entries:
            package = os.path.join(folder, name)
            inner = self.listing(package)
            if "__init__.py" in inner:
                return os.path.join(package, "__init__.py")
            if f"{name}.py" not in entries:
                # A namespace package; a folder without any Python in reach is none.
                return package if any(e.endswith(".py") or "." not in e for e in inner) else ""
        return os.path.join(folder, f"{name}.py") if f"{name}.py" in entries else ""

    def python_files(self, project: str) -> tuple[str, ...]:
        """The files of a project, nearest to its root first."""
        if project not in self._files:
            found: list[str] = []
            todo = deque([project])
            while todo and len(found) < _MAX_FILES:
                folder = todo.popleft()
                entries = self.listing(folder)
                if "pyvenv.cfg" in entries:  # an environment, by whatever name
                    continue
                for entry in sorted(entries):
                    if entry.endswith(".py"):
                        found.append(os.path.join(folder, entry))
                    elif "." not in entry and entry not in SKIPPED and os.path.isdir(os.path.join(folder, entry)):
                        todo.append(os.path.join(folder, entry))
            self._files[project] = tuple(found)
        return self._files[project]

    def _has(self, folder: str, name: str) -> bool:
        return name in self.listing(folder)

    def _signs_in(self, folder: str) -> frozenset[str]:
        if folder not in self._signs:
            self._signs[folder] = frozenset(self.consulted.signs(folder))
        return self._signs[folder]

    def listing(self, folder: str) -> frozenset[str]:
        """Names in a folder."""
        if folder not in self._entries:
            self._entries[folder] = frozenset(self.consulted.listing(folder))
        return self._entries[folder]


def may_serve(path: str) -> bool:
    """Tests have no requests to serve."""
    folders, name = os.path.split(path)
    return not (name.startswith("test_") or name == "conftest.py" or f"{os.sep}tests" in folders)


def is_package(path: str) -> bool:
    """True for the file of a package, which may pass on what its modules hold."""
    return os.path.basename(path) == "__init__.py"


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder if folder.endswith(os.sep) else folder + os.sep)


def absolute(dotted_name: str, package: str) -> str:
    """The full name of a possibly relative import (`..db` in the package `app.api` is `app.db`)."""
    name = dotted_name.lstrip(".")
    level = len(dotted_name) - len(name)
    if not level:
        return dotted_name
    parts = package.split(".") if package else []
    parts = parts[: len(parts) - level + 1]
    # Without a known package the leading dots stay: such a name never equals that of an installed library.
    base = ".".join(parts) or "." * level
    return f"{base}.{name}" if name else base
