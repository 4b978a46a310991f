"""What settings of a framework make a request keep from its first query on: a transaction, a connection of a pool."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import libcst as cst

from pooclint.models import RequestHold
from pooclint.program.callers import Callers
from pooclint.program.circles import Memo
from pooclint.program.constants import Constants
from pooclint.program.literals import literal
from pooclint.program.modules import Modules
from pooclint.program.names import Names
from pooclint.program.places import Origin
from pooclint.program.scopes import Function, Index, Scope
from pooclint.program.sieve import programs_with_settings
from pooclint.source.nodes import descendants
from pooclint.source.parts import CODE


@dataclass(slots=True)
class RequestHolds:
    """Look-up of what requests keep. Its only state is a memo."""

    names: Names
    callers: Callers
    _known: Memo[tuple[str, ...], tuple[RequestHold, ...]] = field(default_factory=dict)

    def forget(self) -> None:
        """Forget what was looked up so far."""
        self._known.clear()

    def active(self, index: Index) -> tuple[RequestHold, ...]:
        """What the settings of the project of a module turn on."""
        return self._active(index.origin)

    def is_on(self, origin: Origin) -> bool:
        """True when the settings of the project of a module turn something on."""
        return bool(self._active(origin))

    def may_keep(self, file: str) -> bool:
        """True for a file that may call out of the process, in a project of which such a setting is on."""
        modules = self.names.modules
        if modules is None or not file:
            return False
        origin = modules.exports.places.origin(file)
        return bool(self._active(origin)) and bool(modules.exports.names(file, "calls-out"))

    def _active(self, origin: Origin) -> tuple[RequestHold, ...]:
        modules = self.names.modules
        if modules is None or not origin.path:
            return ()
        key = (*origin.roots, origin.project)
        files = programs_with_settings(self.names.models, modules.exports.places, origin)
        return self.names.circles.answer(self._known, key, (), lambda: self._looked_up(modules, files))

    def _looked_up(self, modules: Modules, files: tuple[str, ...]) -> tuple[RequestHold, ...]:
        for file in files:
            modules.exports.places.consulted.used(file, CODE)
        tables = [table for file in files for table in self._tables(modules, file)]
        for scope in tables:
            self.names.looks_around(scope)
        return tuple(h for h in self.names.models.request_holds if any(self._is_on(h, scope) for scope in tables))

    def of(self, function: Function) -> RequestHold | None:
        """What is kept while a function runs for a request; None when nothing is, or nothing says that it does."""
        holds = self.active(function.scope.module)
        if not holds:
            return None
        entry = self.callers.entry(function)
        if entry is None or entry.kind != "request":
            return None
        handler = entry.chain[0]
        bases = self.names.base_names(handler.owner) if handler.owner else frozenset[str]()
        marks = {self.names.qualify(_callee(d), handler.parent) for d in handler.decorators}
        for hold in holds:
            excepted = handler.is_async or marks.intersection(hold.exempt) or bases.intersection(hold.outside)
            if entry.framework in hold.frameworks and not excepted:
                return hold
        return None

    def _tables(self, modules: Modules, file: str) -> Iterator[Scope]:
        """The modules of settings that a program names, or from which those take the setting."""
        origin = modules.exports.places.origin(file)
        for hold in self.names.models.request_holds:
            text = modules.exports.read(file) or b""
            named = re.search(rb"%s\W+([\w.]+)" % re.escape(hold.named_by.encode()), text)
            target = self.names.target(f"{named[1].decode()}.{hold.setting}", origin, "anything") if named else None
            if target and target.scope:
                yield target.scope

    def _is_on(self, hold: RequestHold, scope: Scope) -> bool:
        """True when an entry of the setting has the key, with a value that is true."""
        for node in descendants(scope.module.module):
            match node:
                case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))], value=value):
                    if name == hold.setting and any(self._says(e, hold.path, scope) for e in _values(value)):
                        return True
                case cst.Assign(targets=[cst.AssignTarget(target=cst.Subscript() as target)], value=value):
                    keys = _keys(target)
                    if keys and keys[0] == hold.setting and self._is_set(keys[2:], value, hold.path, scope):
                        return True
        return False

    def _is_set(self, keys: tuple[str, ...], value: cst.BaseExpression, path: tuple[str, ...], scope: Scope) -> bool:
        """`DATABASES["default"]["ATOMIC_REQUESTS"] = True`, `DATABASES["default"] = {...}`."""
        return path[: len(keys)] == keys and self._says(value, path[len(keys) :], scope)

    def _says(self, node: cst.BaseExpression, path: tuple[str, ...], scope: Scope) -> bool:
        if path:
            return any(self._says(value, path[1:], scope) for key, value in _entries(node) if key == path[0])
        if isinstance(node, cst.Dict):
            return True
        constant = Constants(self.names).constant(node, scope)
        return constant is not None and constant.value is True


def _values(node: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    yield from (value for _, value in _entries(node))


def _entries(node: cst.BaseExpression) -> Iterator[tuple[str, cst.BaseExpression]]:
    """Keys and values of a dictionary that is written out, `dict(a=...)` and `{**other, "a": ...}` included."""
    match node:
        case cst.Dict(elements=elements):
            for element in elements:
                if isinstance(element, cst.DictElement):
                    yield str(literal(element.key)), element.value
        case cst.Call(func=cst.Name(value="dict"), args=args):
            yield from ((a.keyword.value, a.value) for a in args if a.keyword)


def _keys(node: cst.BaseExpression) -> tuple[str, ...]:
    """`("DATABASES", "default", "OPTIONS")` of `DATABASES["default"]["OPTIONS"]`."""
    keys: list[str] = []
    while isinstance(node, cst.Subscript):
        index = node.slice[0].slice
        keys.append(str(literal(index.value)) if isinstance(index, cst.Index) else "")
        node = node.value
    return (node.value, *reversed(keys)) if isinstance(node, cst.Name) else ()


def _callee(decorator: cst.BaseExpression) -> cst.BaseExpression:
    return decorator.func if isinstance(decorator, cst.Call) else decorator
