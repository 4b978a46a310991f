"""Which names of a module matter to connections, as far as its bytes tell: they decide which modules are parsed."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from pooclint.models import Models
from pooclint.program.consulted import Consulted, Question
from pooclint.program.places import Origin, Places, absolute
from pooclint.source.outline import ImportedName, Outline, imports, methods, number_of, outline
from pooclint.source.prefilter import imported_words

if TYPE_CHECKING:
    from pooclint.source.pieces import Extents

Interest = Literal["acquires", "calls-out", "anything"]
"""Which names of another module are worth parsing it for: those that acquire something or lead there; those that call
out of the process as well; or whatever is asked for."""

Known = Mapping[tuple[str, Interest, int], frozenset[str]]
"""What `Exports.names` gives, by file, interest and depth."""

Library = tuple[frozenset[bytes], frozenset[bytes]]
"""Top-level import names of a library, and last words of its calls."""

_MAX_IMPORTED = 250_000
"""Bytes. Parsing takes some two seconds a megabyte, and what is imported from everywhere is imported in every process:
the few modules beyond that are looked at only for themselves."""
_DEPTH = 3
"""Imports of imports are followed this far when deciding whether a name matters."""


@dataclass(slots=True)
class Exports:
    """The names by which the modules of a project acquire something. What it keeps is a memo of the files."""

    acquiring: tuple[Library, ...]
    """Calls that acquire."""
    calling_out: tuple[Library, ...]
    """Calls that leave the process."""
    types: tuple[Library, ...]
    """With the last words of what can be released, and of what acquires by its methods."""
    places: Places = field(default_factory=Places)
    _large: dict[str, bool] = field(default_factory=dict)
    _imports: dict[str, tuple[ImportedName, ...]] = field(default_factory=dict)
    _outlines: dict[str, Outline] = field(default_factory=dict)
    _imported_names: dict[ImportedName, ImportedName] = field(default_factory=dict)
    """Of all files, by themselves."""
    extents: dict[str, Extents | None] = field(default_factory=dict)
    """Where files are cut, as far as somebody has cut them: a memo that outlives their trees."""
    _methods: dict[str, frozenset[str]] = field(default_factory=dict)
    _words: dict[str, array[int]] = field(default_factory=dict)
    _seeds: dict[tuple[str, Interest], frozenset[str]] = field(default_factory=dict)
    _alive: dict[tuple[str, Interest, int], frozenset[str]] = field(default_factory=dict)
    _exports: dict[tuple[str, Interest, int], frozenset[str]] = field(default_factory=dict)
    _sets: dict[frozenset[str], frozenset[str]] = field(default_factory=dict)
    """Those of the two above, by themselves: most are those of another file, or of another depth."""
    _dotted: dict[tuple[str, frozenset[str]], frozenset[str]] = field(default_factory=dict)
    _called: frozenset[bytes] = field(init=False)
    """The words by which anything acquires or calls out."""
    _of_libraries: dict[Interest, dict[str, frozenset[str]]] = field(init=False)
    """Last words of a library's calls and types, by the names that it is imported under."""

    def __post_init__(self) -> None:
        """Work out the words."""
        self._called = frozenset[bytes]().union(*(words for _, words in (*self.acquiring, *self.calling_out)))
        self._of_libraries = {
            "acquires": _by_root((*self.acquiring, *self.types)),
            "calls-out": _by_root(self.calling_out),
        }

    def suppose(self, names: Known) -> None:
        """Take over what `names` gave for files that are as they were; what was worked out before is forgotten."""
        self._alive.clear()
        self._exports.clear()
        self._exports.update(names)

    def matters(self, path: str, data: bytes) -> bool:
        """True when a file imports, and mentions again, a name by which a module of its project acquires."""
        alive = self._imported(path, data, "acquires", _DEPTH)
        return bool(alive) and bool(self.outline(path, data).mentioning(alive))

    def leading(self, path: str, data: bytes) -> Iterator[tuple[str, str]]:
        """Imported names by which a module of the project may acquire: as they stand in a file, and in full."""
        if not self._imported(path, data, "acquires", _DEPTH):
            return
        origin = self.places.origin(path)
        for imported in self._imports_of(path, data):
            base = absolute(imported.base, origin.package)
            for stands in sorted(self._alive_through(imported, origin, "acquires", _DEPTH)):
                if imported.name == "*":
                    yield stands, f"{base}.{stands}"
                    continue
                head = imported.alias if imported.base else _prefix(imported)
                yield stands, (f"{base}." if base else "") + imported.name + stands[len(head) :]

    def mentions(self, path: str, word: str) -> bool:
        """True when a word stands somewhere in a file; nobody takes note of that."""
        if path not in self._words:
            data = self.read(path) or b""
            self._words[path] = self.outline(path, data).every_word()
        words, number = self._words[path], number_of(word)
        place = bisect_left(words, number)
        return place < len(words) and words[place] == number

    def aliases(self, path: str, words: Collection[str]) -> frozenset[str]:
        """The names by which a file imports what goes by one of the words."""
        data = self.read(path) or b""
        return frozenset(i.alias for i in self._imports_of(path, data) if i.name.rpartition(".")[2] in words)

    def mentioning(self, path: str, words: frozenset[str]) -> frozenset[str]:
        """The definitions of a file in whose text one of the words stands."""
        return self.outline(path, self.read(path) or b"").mentioning(words)

    def methods(self, path: str) -> frozenset[str]:
        """Names of the methods that a file defines."""
        if path not in self._methods:
            self._methods[path] = methods(self.read(path) or b"")
        self.places.consulted.answered(Question("methods", path), lambda: tuple(sorted(self._methods[path])))
        return self._methods[path]

    def imports(self, path: str) -> frozenset[str]:
        """Files of the project that a file imports something from."""
        found = self.imported_files(path)
        self.places.consulted.answered(Question("imports", path), lambda: tuple(sorted(found)))
        return found

    def imported_files(self, path: str) -> frozenset[str]:
        """As `imports`, of which nobody takes note."""
        data = self.read(path)
        if not data:
            return frozenset()
        origin = self.places.origin(path)
        found: set[str] = set()
        for imported in self._imports_of(path, data):
            base = absolute(imported.base, origin.package) if imported.base else imported.name
            place = self.places.place(base, origin)
            inner = self.places.child(place, imported.name, origin) if place and imported.base else ""
            found |= {place, inner}
        return frozenset(f for f in found if f.endswith(".py"))

    def names(self, path: str, interest: Interest) -> frozenset[str]:
        """Names of a module that acquire something (or call out), or lead to something that does.

        Args:
            path: the module's file.
            interest: which of the two.
        """
        found = self.names_at(path, interest, _DEPTH)
        question = Question("names", path, f"{interest} {_DEPTH}")
        self.places.consulted.answered(question, lambda: tuple(sorted(found)))
        return found

    def names_at(self, path: str, interest: Interest, depth: int) -> frozenset[str]:
        """As `names`, of which nobody takes note.

        Args:
            path: the module's file.
            interest: which of the two.
            depth: how far imports of imports are followed. The same depth always gives the same answer, whatever was
                asked before.
        """
        key = (path, interest, depth)
        if key not in self._exports:
            data = self.read(path) if path.endswith(".py") and not self.is_large(path) else None
            self._exports[key] = self._one(self._exported(path, data, interest, depth)) if data else frozenset()
        return self._exports[key]

    def _offered(self, path: str, interest: Interest, asker: str, depth: int) -> frozenset[str]:
        """The same for a file that imports the module."""
        found = self.names_at(path, interest, depth)
        if asker != path and self.places.consulted.kept:
            question = Question("names", path, f"{interest} {depth}")
            if self.places.consulted.is_new(asker, question):  # it is asked for every name that is imported
                self.places.consulted.asked(asker, question, tuple(sorted(found)))
        return found

    def _exported(self, path: str, data: bytes, interest: Interest, depth: int) -> frozenset[str]:
        alive = self._imported(path, data, interest, depth)
        if depth and alive == self._imported(path, data, interest, depth - 1):
            return self.names_at(path, interest, depth - 1)
        found = self.outline(path, data)
        defined = self._seeded(path, data, interest)
        if alive:
            defined |= found.mentioning(alive)
        known = defined
        while known:  # definitions that mention such a definition
            more = found.mentioning(known) - defined
            defined |= more
            known = more
        passed_on = self._passed_on(path, data, interest)
        return defined | frozenset(a for a in alive if "." not in a) | passed_on

    def _passed_on(self, path: str, data: bytes, interest: Interest) -> frozenset[str]:
        """Names of libraries that others may import from the module: `create_engine`, and `psycopg2` as a whole."""
        words = self._of_libraries[interest]
        return frozenset(
            i.alias
            for i in self._imports_of(path, data)
            if (known := words.get((i.base or i.name).partition(".")[0])) and (not i.base or i.name in known)
        )

    def _seeded(self, path: str, data: bytes, interest: Interest) -> frozenset[str]:
        """Top-level definitions that mention what an imported library acquires by."""
        key = (path, interest)
        if key not in self._seeds:
            imported = imported_words(data)
            libraries = self.acquiring if interest == "acquires" else self.calling_out
            words = frozenset[bytes]().union(*(w for roots, w in libraries if not roots.isdisjoint(imported)))
            self._seeds[key] = self.outline(path, data).calling(words) if words else frozenset()
        return self._seeds[key]

    def _imported(self, path: str, data: bytes, interest: Interest, depth: int) -> frozenset[str]:
        """Imported names that matter, as they stand in the file: `get_session`, or `db.get_session`."""
        if depth == 0:
            return frozenset()
        key = (path, interest, depth)
        if key not in self._alive:
            origin = self.places.origin(path)
            found = {self._alive_through(i, origin, interest, depth) for i in self._imports_of(path, data)}
            self._alive[key] = self._one(found.pop() if len(found) == 1 else frozenset[str]().union(*found))
        return self._alive[key]

    def _alive_through(self, imported: ImportedName, origin: Origin, interest: Interest, depth: int) -> frozenset[str]:
        base = absolute(imported.base, origin.package)
        if not imported.base:
            place = self.places.place(imported.name, origin)
            return self._prefixed(_prefix(imported), place, origin, interest, depth)
        place = self.places.place(base, origin)
        if not place:
            return frozenset()
        names = self._offered(place, interest, origin.path, depth - 1)
        if imported.name == "*":
            return frozenset(n for n in names if not n.startswith("_"))
        if imported.name in names:
            return frozenset({imported.alias})
        inner = self.places.child(place, imported.name, origin)
        return self._prefixed(imported.alias, inner, origin, interest, depth)

    def _prefixed(self, prefix: str, place: str, origin: Origin, interest: Interest, depth: int) -> frozenset[str]:
        """What is reached by the name of a module. Of the libraries that this one imports for itself, nothing: they
        have the names that stand everywhere."""
        names = self._offered(place, interest, origin.path, depth - 1) if place else frozenset[str]()
        whole = {i.alias for i in self._imports_of(place, self.read(place) or b"") if not i.base} if names else set()
        names = names if names.isdisjoint(whole) else self._one(names - whole)
        key = (prefix, names)
        if key not in self._dotted:
            self._dotted[key] = frozenset(f"{prefix}.{n}" for n in names)
        return self._dotted[key]

    def _one(self, names: frozenset[str]) -> frozenset[str]:
        """The one object that stands for equal sets."""
        return self._sets.setdefault(names, names)

    def is_large(self, path: str) -> bool:
        """True for a module that is too large to be read for what others import from it."""
        if path not in self._large:
            self._large[path] = len(self.read(path) or b"") > _MAX_IMPORTED
        return self._large[path]

    def read(self, path: str) -> bytes | None:
        """A file's bytes; None when it cannot be read."""
        return self.places.consulted.read(path)

    def _imports_of(self, path: str, data: bytes) -> tuple[ImportedName, ...]:
        if path not in self._imports:
            self._imports[path] = imports(data, self._imported_names)
        return self._imports[path]

    def outline(self, path: str, data: bytes) -> Outline:
        """The top-level definitions of a file."""
        if path not in self._outlines:
            self._outlines[path] = outline(data, self._called)
        return self._outlines[path]


def exports_by(models: Models, consulted: Consulted) -> Exports:
    """The look-up of names that acquire, or call out, as far as models say.

    Args:
        models: what is known of libraries.
        consulted: where it is noted what results rest on.
    """
    return Exports(*_words(models), Places(consulted))


@lru_cache(maxsize=4)
def _words(models: Models) -> tuple[tuple[Library, ...], tuple[Library, ...], tuple[Library, ...]]:
    words = models.acquiring_words(), models.words_that_call_out(), models.words_of_types()
    return _encoded(words[0]), _encoded(words[1]), _encoded(words[2])


def _encoded(pairs: Iterable[tuple[Iterable[str], Iterable[str]]]) -> tuple[Library, ...]:
    return tuple(
        (frozenset(root.encode() for root in roots), frozenset(word.encode() for word in words))
        for roots, words in pairs
    )


def _by_root(libraries: Iterable[Library]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for roots, words in libraries:
        known = frozenset(word.decode() for word in words)
        found |= {name: found.get(name, frozenset()) | known for name in (root.decode() for root in roots)}
    return found


def _prefix(imported: ImportedName) -> str:
    """What stands before the names of a module in the file that says `import module` or `import module as alias`."""
    return imported.alias if imported.alias != imported.name.split(".")[0] else imported.name
