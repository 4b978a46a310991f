"""Which functions run again and again: handlers that a framework calls, and what they call in the same file."""

from __future__ import annotations

from dataclasses import dataclass, field

import libcst as cst

from pooclint.models import Argument
from pooclint.models import Scope as ScopeModel
from pooclint.program.names import Names
from pooclint.program.scopes import Class, Function, Index, Scope, descendants, dotted


@dataclass(frozen=True, slots=True)
class Entry:
    """How a function comes to run repeatedly."""

    kind: str
    """`request`, `event`, `task` or `tool`."""
    framework: str
    chain: tuple[Function, ...]
    """From the handler to the function itself."""


@dataclass(slots=True)
class RequestScopes:
    """Request scope of the functions of one file. Its only state is a memo."""

    names: Names
    index: Index
    _entries: dict[int, Entry] | None = field(default=None)

    def entry(self, function: Function | None) -> Entry | None:
        """How the function comes to run per request, event or task; None when nothing says that it does.

        A function nested in a handler runs with it. `lru_cache` and its kind end the reach.
        """
        if self._entries is None:
            self._entries = self._reach()
        current = function
        while current is not None:
            if self.names.runs_once(current):
                return None
            found = self._entries.get(id(current))
            if found:
                return found
            current = current.parent.function
        return None

    def _reach(self) -> dict[int, Entry]:
        """Handlers, and everything of this file that they call."""
        found: dict[int, Entry] = {}
        todo: list[tuple[Function, Entry]] = []
        for function in self.index.functions.values():
            model = self._handler(function)
            if model and model.scope != "app":
                todo.append((function, Entry(model.scope, model.framework, (function,))))
        for function, model in self._registered():
            if model.scope != "app":
                todo.append((function, Entry(model.scope, model.framework, (function,))))
        while todo:
            function, entry = todo.pop(0)
            if id(function) in found or self.names.runs_once(function):
                continue
            found[id(function)] = entry
            todo += [
                (called, Entry(entry.kind, entry.framework, (*entry.chain, called)))
                for called in self._called(function)
                if id(called) not in found
            ]
        return found

    def _called(self, function: Function) -> list[Function]:
        """Functions of this file that it calls, or that its injected parameters name."""
        found: list[Function] = []
        if isinstance(function.node, cst.Lambda):
            return found
        for inner in descendants(function.node.body, into_functions=False):
            if isinstance(inner, cst.Call):
                called = self.names.definition(inner.func, function.scope)
                if isinstance(called, Class):
                    called = self.names.method(called, "__init__")
                if isinstance(called, Function) and called.scope.module is self.index:
                    found.append(called)
        for parameter in function.parameters:
            for source in (parameter.annotation, parameter.default):
                provider = self.names.dependency(source, function.parent)
                if provider and provider.scope.module is self.index:
                    found.append(provider)
        return found

    def _handler(self, function: Function) -> ScopeModel | None:
        """The framework entry that makes the function a handler by its own form."""
        for model in self.names.models.scopes:
            if model.callable_argument is None and any(
                self._decorates(model, d, function.parent) for d in function.decorators
            ):
                return model
            named = function.owner and function.name in model.methods
            if function.owner and named and self.names.base_names(function.owner).intersection(model.bases):
                return model
            if self._conventional(model, function):
                return model
        return None

    def _decorates(self, model: ScopeModel, node: cst.BaseExpression, scope: Scope) -> bool:
        callee = node.func if isinstance(node, cst.Call) else node
        if self.names.qualify(callee, scope) in model.decorators:
            return True
        return (
            isinstance(callee, cst.Attribute)
            and callee.attr.value in model.methods
            and self._is_on(model, callee.value, scope)
        )

    def _is_on(self, model: ScopeModel, receiver: cst.BaseExpression, scope: Scope) -> bool:
        if not model.on:
            return False
        type_name = self.names.type_of(receiver, scope)
        owner = self.names.local_class(type_name)
        lineage = self.names.models.lineage(self.names.modelled_base(owner) if owner else type_name)
        return any(self.names.models.canonical(o) in lineage for o in model.on) if type_name else False

    def _conventional(self, model: ScopeModel, function: Function) -> bool:
        """A handler by its parameters: typed as the framework's request, or named as its runtime does."""
        if model.parameters and not function.decorators and (function.owner is None or model.bases == ()):
            offset = 1 if function.owner else 0
            for key, type_name in model.parameters.items():
                position = int(key) + offset if key.isdigit() else -1
                chosen = [p for i, p in enumerate(function.parameters) if i == position or p.name == key]
                if any(p.annotation and self.names.qualify(p.annotation, function.parent) == type_name for p in chosen):
                    return True
        if function.name in model.function_names and function.owner is None and function.parent.kind == "module":
            given = tuple(p.name for p in function.parameters)[: len(model.parameter_names)]
            return given == model.parameter_names
        return False

    def _registered(self) -> list[tuple[Function, ScopeModel]]:
        """Functions that are passed to a registering call: `app.add_api_route("/", handler)`."""
        by_word: dict[str, list[ScopeModel]] = {}
        for model in self.names.models.scopes:
            if model.callable_argument is not None:
                for word in {w.rpartition(".")[2] for w in (*model.decorators, *model.methods)}:
                    by_word.setdefault(word, []).append(model)
        found: list[tuple[Function, ScopeModel]] = []
        for node, scope in self.index.visited:
            if not isinstance(node, cst.Call):
                continue
            for model in by_word.get(dotted(node.func).rpartition(".")[2], ()):
                if self._registers(model, node, scope):
                    handler = _argument(node, model.callable_argument)
                    defined = self.names.definition(handler, scope) if handler is not None else None
                    if isinstance(defined, Function):
                        found.append((defined, model))
        return found

    def _registers(self, model: ScopeModel, node: cst.Call, scope: Scope) -> bool:
        if model.decorators and self.names.qualify(node.func, scope) in model.decorators:
            return True
        callee = node.func
        return (
            isinstance(callee, cst.Attribute)
            and callee.attr.value in model.methods
            and self._is_on(model, callee.value, scope)
        )


def _argument(node: cst.Call, wanted: Argument | None) -> cst.BaseExpression | None:
    for index, argument in enumerate(node.args):
        if (argument.keyword and argument.keyword.value == wanted) or (argument.keyword is None and index == wanted):
            return argument.value
    return None
