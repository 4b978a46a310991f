"""Methods that a call may mean whose receiver is not known: those of that name which its module can get hold of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from pooclint.program.modules import Modules
from pooclint.program.names import Names
from pooclint.program.places import Origin
from pooclint.program.scopes import Function
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
    _near: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    _known: dict[tuple[str, Origin], tuple[Function, ...]] = field(default_factory=dict)

    def methods(self, name: str, asker: Origin) -> tuple[Function, ...]:
        """The methods of a name of all classes in the modules that one imports, two imports away, which do anything;
        none where the name says too little.

        Args:
            name: the name.
            asker: the module, and the definition on whose behalf that is asked.
        """
        key = (name, asker)
        if key not in self._known:
            self._known[key] = self._found(name, asker)
        return self._known[key]

    def _found(self, name: str, asker: Origin) -> tuple[Function, ...]:
        modules = self.names.modules
        models = self.names.models
        known = name in models.call_words or name in models.external_words or name in models.quiet_methods
        if modules is None or not asker.path or known or name in models.release_names | _of_builtins():
            return ()
        if asker.path not in self._near:
            self._near[asker.path] = self._around(modules, asker.path)
        files = self._near[asker.path].get(name, ())
        if any(modules.exports.is_large(file) for file in files):  # it is not looked into
            return ()
        return tuple(self._of_files(modules, files, name, asker)) if 0 < len(files) <= _MAX_DEFINING else ()

    def _of_files(self, modules: Modules, files: tuple[str, ...], name: str, asker: Origin) -> Iterator[Function]:
        for file in files:
            index = modules.symbol(file, CODE, "anything", asker)
            for owner in index.classes.values() if index else ():
                method = owner.methods.get(name)
                if method and not self.names.is_abstract(method):
                    yield method

    def _around(self, modules: Modules, path: str) -> dict[str, tuple[str, ...]]:
        """Names of methods, with the files near a module that define them."""
        exports = modules.exports
        seen, level = {path: None}, [path]
        for _ in range(_IMPORTS):
            level = [f for file in level for f in sorted(exports.imports(file, path)) if f not in seen]
            seen |= dict.fromkeys(level)
        found: dict[str, list[str]] = {}
        for file in seen if len(seen) <= _MAX_FILES else ():
            for name in exports.methods(file, path):
                found.setdefault(name, []).append(file)
        return {name: tuple(files) for name, files in found.items()}


@cache
def _of_builtins() -> frozenset[str]:
    """Names that everybody's strings and collections have as well."""
    kinds = (str, bytes, list, dict, set, tuple, int, float, Exception)
    return frozenset(name for kind in kinds for name in dir(kind))
