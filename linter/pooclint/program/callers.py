"""Who calls a function from another module of the project: what a handler reaches runs as often as the handler."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, islice

import libcst as cst

from pooclint.program.importers import Importers
from pooclint.program.names import Names
from pooclint.program.requests import Entry, RequestScopes
from pooclint.program.running import IMPLIED, UNNAMED, Edges, tables_with
from pooclint.program.scopes import Function, Index
from pooclint.source.parts import CODE

_MAX_FRAMES = 6
"""Functions between a handler and the function that is asked about."""
_MAX_IMPORTERS = 12
"""Modules that mention a name and are looked at, the first ones in the order of their paths."""
_MAX_MODULES = 24
"""Modules that are looked at for one function."""


@dataclass(slots=True)
class Callers:
    """Request scope of functions through the modules that import theirs. Its only state is a memo."""

    names: Names
    edges: Edges
    importing: Importers
    _scopes: dict[int, RequestScopes] = field(default_factory=dict)

    def entry(self, function: Function) -> Entry | None:
        """How the function comes to run per request, event or task, be it through other modules; None when nothing says
        so.

        The nearest handler is the answer. It does not depend on what was asked before.
        """
        own = self.scopes(function.scope.module).entry(function)
        if own:
            return own
        todo: list[tuple[Function, tuple[Function, ...]]] = [(function, ())]
        looked_at: set[int] = set()
        seen = {id(function)}
        while todo:
            current, below = todo.pop(0)
            if len(below) >= _MAX_FRAMES or self.names.runs_once(current):
                continue
            for caller in self._callers(current):
                found = self.scopes(caller.scope.module).entry(caller)
                if found:
                    return replace(found, chain=(*found.chain, current, *below))
                looked_at.add(id(caller.scope.module))
                if id(caller) not in seen:
                    seen.add(id(caller))
                    todo.append((caller, (current, *below)))
            if len(looked_at) > _MAX_MODULES:
                return None
        return None

    def is_entered(self, function: Function) -> bool:
        """True when a framework may call a function, so that it gets what its annotations say from there: the form of
        the function shows it, or the project names it where handlers or dependencies are named. Who merely borrows such
        an annotation for a type is called by the project, with arguments.
        """
        if not self.names.is_plain(function):
            return True
        if any(p.default and self.names.dependency(p.default, function.parent) for p in function.parameters):
            return True
        if function.parent.function is not None or function.name in IMPLIED:
            return True
        modules = chain((function.scope.module,), self._importers(function))
        return any(self.scopes(index).enters(function) for index in modules)

    def importers(self, path: str, words: Collection[str]) -> Iterator[Index]:
        """Modules of the project that import a module and in which one of these words stands, tests left aside.

        Args:
            path: of the module.
            words: what to look for; without any, every importer counts.
        """
        modules = self.names.modules
        if not path or modules is None:
            return
        for importer in self.importing.naming(path, words)[:_MAX_MODULES]:
            index = modules.symbol(importer, CODE, "anything")
            if index:
                yield index

    def scopes(self, index: Index) -> RequestScopes:
        """The request scopes of any module of the project."""
        if id(index) not in self._scopes:
            self._scopes[id(index)] = RequestScopes(self.names, index, self.edges)
        return self._scopes[id(index)]

    def _callers(self, function: Function) -> Iterator[Function]:
        """Functions that call it, or that name it as a dependency: of its own module, and of those that import that."""
        yield from self.edges.callers(function.scope.module, function)
        words = _imported_names(function)
        for index in self._importers(function):
            if function.name in UNNAMED:
                yield from self.edges.callers(index, function)
            else:
                yield from self.edges.naming(index, function, self.importing.words_for(index, words))

    def _importers(self, function: Function) -> Iterator[Index]:
        """Other modules that may name it."""
        words = _imported_names(function)
        found = self.importers(function.scope.module.origin.path, words) if words else iter(())
        yield from islice(found, _MAX_IMPORTERS)


def _variables_for(function: Function) -> tuple[str, ...]:
    """The variables of its module that stand for a lambda, or for what a call has made."""
    made = function.made_by or function.node
    bound = function.parent.bindings.items()
    return tuple(name for name, bindings in bound if any(b.value is made for b in bindings))


def _imported_names(function: Function) -> tuple[str, ...]:
    """The words by which other modules call it: its own name, that of its class, those of the tables that list it; none
    for what they cannot name."""
    if isinstance(function.node, cst.Lambda):
        return _variables_for(function) if function.parent.kind == "module" else ()
    if function.owner and function.name not in IMPLIED:
        return (function.name,)
    named = function.owner or function
    return (named.name, *tables_with(named.name, function.scope.module)) if named.parent.kind == "module" else ()
