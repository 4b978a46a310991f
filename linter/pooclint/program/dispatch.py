"""Methods that a call may mean whose receiver is not known, or only by a class that leaves the method to others: those
of the classes that derive from that, or those of that name which its module can get hold of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, partial

from pooclint.program.circles import Memo
from pooclint.program.importers import Importers
from pooclint.program.modules import Modules
from pooclint.program.names import Names
from pooclint.program.scopes import Function
from pooclint.source.outline import bases
from pooclint.source.parts import CODE

_MAX_FILES = 200
"""Modules that another one imports, itself or through those; one with more of them is not looked into."""
_MAX_DEFINING = 4
"""Modules that define a method of some name; a name that more define says nothing."""
_IMPORTS = 2
"""Imports of imports are followed this far."""


@dataclass(slots=True)
class Dispatch:
    """Look-up of methods by their names. Its only state is a memo."""

    names: Names
    importing: Importers
    _near: Memo[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    _known: Memo[tuple[str, str], tuple[Function, ...]] = field(default_factory=dict)
    _implementing: Memo[int, tuple[Function, ...]] = field(default_factory=dict)

    def implementations(self, method: Function) -> tuple[Function, ...]:
        """What the classes of the project that derive from that of an abstract method have in its place, tests left
        aside; none where there are many of them."""
        work = partial(self._implementations, method)
        return self.names.circles.once(self._implementing, id(method), work)

    def _implementations(self, method: Function) -> tuple[Function, ...]:
        owner, modules = method.owner, self.names.modules
        if owner is None or modules is None:
            return ()
        path = method.scope.module.origin.path
        files = [f for f in self.importing.naming(path, (owner.name,)) if self._derives(f, owner.name)] if path else []
        if len(files) > _MAX_DEFINING or any(map(modules.exports.is_large, files)):
            return ()
        self.names.looks_around(owner.scope)
        indexes = [owner.scope.module, *(i for f in files if (i := modules.symbol(f, CODE, "anything")))]
        heirs = [c for index in indexes for c in index.classes.values() if c is not owner]
        meant = (self.names.method(c, method.name) for c in heirs if any(a is owner for a in self.names.ancestors(c)))
        return tuple({id(m): m for m in meant if m and not self.names.is_abstract(m)}.values())

    def _derives(self, path: str, name: str) -> bool:
        """A quick look: does a class of a file derive from what has that name?"""
        exports = self.importing.exports
        words = {name, *exports.aliases(path, (name,))}
        return any(not words.isdisjoint(found) for found in bases(exports.read(path) or b""))

    def methods(self, name: str, path: str) -> tuple[Function, ...]:
        """The methods of a name of all classes in the modules that one imports, two imports away, which do anything;
        none where the name says too little.

        Args:
            name: the name.
            path: the module's file.
        """
        return self.names.circles.once(self._known, (name, path), lambda: self._found(name, path))

    def _found(self, name: str, path: str) -> tuple[Function, ...]:
        modules = self.names.modules
        models = self.names.models
        known = name in models.call_words or name in models.external_words or name in models.quiet_methods
        if modules is None or not path or known or name in models.release_names | _of_builtins():
            return ()
        near = self.names.circles.once(self._near, path, lambda: self._around(modules, path))
        files = near.get(name, ())
        if any(modules.exports.is_large(file) for file in files):  # it is not looked into
            return ()
        return tuple(self._of_files(modules, files, name)) if 0 < len(files) <= _MAX_DEFINING else ()

    def _of_files(self, modules: Modules, files: tuple[str, ...], name: str) -> Iterator[Function]:
        for file in files:
            index = modules.symbol(file, CODE, "anything")
            for owner in index.classes.values() if index else ():
                method = owner.methods.get(name)
                if method and not self.names.is_abstract(method):
                    yield method

    def _around(self, modules: Modules, path: str) -> dict[str, tuple[str, ...]]:
        """Names of methods, with the files near a module that define them."""
        exports = modules.exports
        seen, level = {path: None}, [path]
        for _ in range(_IMPORTS):
            level = [f for file in level for f in sorted(exports.imports(file)) if f not in seen]
            seen |= dict.fromkeys(level)
        found: dict[str, list[str]] = {}
        for file in seen if len(seen) <= _MAX_FILES else ():
            for name in exports.methods(file):
                found.setdefault(name, []).append(file)
        return {name: tuple(files) for name, files in found.items()}


@cache
def _of_builtins() -> frozenset[str]:
    """Names that everybody's strings and collections have as well."""
    kinds = (str, bytes, list, dict, set, tuple, int, float, Exception)
    return frozenset(name for kind in kinds for name in dir(kind))
