"""Which pool an expression stands for, and from which pool a call takes a connection.

Two expressions stand for one pool when they lead to the same variable: of a module, of a function, or, attribute by
attribute, of the same object. What is not known stands for nothing, so that it never equals anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import libcst as cst

from pooclint.models import Call
from pooclint.program.circles import Memo
from pooclint.program.literals import literal
from pooclint.program.names import Names
from pooclint.program.scopes import Binding, Class, Function, Scope
from pooclint.program.supplies import supplied
from pooclint.source.nodes import unawaited

_MAX_STEPS = 12
"""Names that only pass on another, calls that return it, and attributes are followed this far."""
_SOURCES = frozenset({"pool", "engine", "factory"})
"""Kinds of what connections are taken from."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Where connections come from: a variable, and the attributes that lead from it."""

    root: tuple[str, int | str, str]
    """`module`, its file and the variable; `parameter` or `local`, the `id` of its scope's node and its name; `class`,
    the file and the class's name; `call`, the `id` of the function whose one result it is."""
    path: tuple[str, ...] = ()

    def then(self, attribute: str) -> Pool:
        """What an attribute of it stands for."""
        return Pool(self.root, (*self.path, attribute))

    @property
    def name(self) -> str:
        """How people call it."""
        return ".".join(filter(None, (self.root[2], *self.path)))


def _unknown() -> None:
    """Where an expression leads too far."""


@dataclass(slots=True)
class Pools:
    """Look-up of pools. Its only state is a memo."""

    names: Names
    _known: Memo[tuple[int, int], Pool | None] = field(default_factory=dict)
    _made: dict[Pool, cst.Call] = field(default_factory=dict)

    def forget(self) -> None:
        """Forget what was looked up so far."""
        self._known.clear()
        self._made.clear()

    def of(self, node: cst.BaseExpression, scope: Scope, steps: int = 0) -> Pool | None:
        """The pool that an expression stands for, or makes its sessions take connections from; None when unknown."""
        key = (id(node), id(scope))
        known = self._known.get(key)
        if known is not None:
            return self.names.circles.again(known)
        work = partial(self._of, node, scope, steps) if steps <= _MAX_STEPS else _unknown
        found = self.names.circles.answer(self._known, key, None, work)
        if found is None and steps:  # another way to it may be shorter
            self._known.pop(key, None)
        return found

    def taken_from(self, node: cst.Call, scope: Scope, model: Call) -> Pool | None:
        """The pool from which a modelled call takes a connection."""
        given = next(self._given(node, model), None)
        if given is not None:
            return self.of(given, scope)
        if model.on:
            receiver = node.func.value if isinstance(node.func, cst.Attribute) else node.func
            if "__call__" in model.methods and model.methods == ("__call__",):
                receiver = node.func
            return self.of(receiver, scope)
        return None

    def given_by(self, node: cst.Call, scope: Scope) -> Pool | None:
        """The pool of what a call gives, be it a modelled call or one of a function of the project."""
        model = next((c for c in self.names.calls(node, scope) if c.acquires), None)
        if model:
            return self.taken_from(node, scope, model)
        function = self.names.definition(node.func, scope)
        if isinstance(function, Function):
            found = self.provided_by(function)
            return self.translated(found, function, node, scope) if found else None
        if node.args and self.names.qualify(node.func, scope) in ("builtins.next", "builtins.anext"):
            inner = node.args[0].value
            return self.given_by(inner, scope) if isinstance(inner, cst.Call) else None
        return None

    def provided_by(self, function: Function, steps: int = 0) -> Pool | None:
        """The one pool from which a function takes what it returns or yields, in terms of its own parameters."""
        found: set[Pool | None] = set()
        for inner in function.body_nodes:
            if not isinstance(inner, cst.Call):
                continue
            model = next((c for c in self.names.calls(inner, function.scope) if c.acquires), None)
            if model and self._kind(model.returns) in ("connection", "session"):
                found.add(self.taken_from(inner, function.scope, model))
            elif model is None and steps < _MAX_STEPS:
                called = self.names.definition(inner.func, function.scope)
                if isinstance(called, Function) and called is not function:
                    passed_on = self.provided_by(called, steps + _MAX_STEPS // 3)
                    found |= {self.translated(passed_on, called, inner, function.scope)} if passed_on else set()
        return found.pop() if len(found) == 1 else None

    def translated(self, pool: Pool, function: Function, node: cst.Call, scope: Scope) -> Pool | None:
        """A pool in terms of a function's parameters, in terms of one who calls it; None when it is the function's
        own."""
        kind, holder, name = pool.root
        if kind == "local" and holder == id(function.scope.node):
            return None
        if kind != "parameter" or holder != id(function.node):
            return pool
        given = self.argument(function, name, node)
        if given is None:
            return None
        found = self.of(given, scope)
        owner = self.names.local_class(self.names.type_of(given, scope))
        for attribute in pool.path:
            found = self._attribute(found, owner, attribute, 0) if found else None
            owner = None
        return found

    def given_as(self, name: str, function: Function) -> Pool | None:
        """The pool of what is handed in as a parameter, where a framework takes it from a provider."""
        provider = self._provider(name, function)
        return self.provided_by(provider) if provider else None

    def made_by(self, pool: Pool) -> cst.Call | None:
        """The call that makes a pool, where there is only one."""
        return self._made.get(pool)

    # ------------------------------------------------------------------------------------------------- expressions

    def _of(self, node: cst.BaseExpression, scope: Scope, steps: int) -> Pool | None:
        match node:
            case cst.Await(expression=inner) | cst.NamedExpr(value=inner):
                return self.of(inner, scope, steps + 1)
            case cst.Name(value=name):
                found = scope.lookup(name)
                return self._variable(name, *found, steps) if found else None
            case cst.Attribute(value=base, attr=attribute):
                return self._of_attribute(node, base, attribute.value, scope, steps)
            case cst.Call():
                return self._of_call(node, scope, steps)
        return None

    def _variable(self, name: str, holder: Scope, bindings: list[Binding], steps: int) -> Pool | None:
        imported = next((b for b in bindings if b.kind == "import"), None)
        if imported:
            target = self.names.target(imported.qualified, holder.origin)
            if target and target.scope:
                return self._variable(target.variable, target.scope, target.scope.bindings[target.variable], steps + 1)
            defined = target.defined if target else None
            return Pool(("class", defined.scope.module.origin.path, defined.scope.qualname)) if isinstance(
                defined, Class) else None  # fmt: skip
        values = [b.value for b in bindings if b.value is None or literal(b.value) is not None]
        if len(values) == 1 and values[0] is not None and not any(b.entered for b in bindings):
            value = values[0].expression if isinstance(values[0], cst.Await) else values[0]
            passed_on = self.of(value, holder, steps + 1)
            if passed_on is not None:
                return passed_on
        own = self._named(name, holder, bindings)
        if own and len(values) == 1 and values[0] is not None:
            made = values[0].expression if isinstance(values[0], cst.Await) else values[0]
            if isinstance(made, cst.Call):
                self._made[own] = made
        return own

    def _named(self, name: str, holder: Scope, bindings: list[Binding]) -> Pool | None:
        """The variable itself."""
        if any(isinstance(b.defined, Class) for b in bindings):
            defined = next(b.defined for b in bindings if isinstance(b.defined, Class))
            return Pool(("class", holder.module.origin.path, defined.scope.qualname))
        if holder.kind == "module":
            return Pool(("module", holder.module.origin.path, name))
        if bindings and bindings[0].kind == "parameter" and holder.function:
            provider = self._provider(name, holder.function)
            found = self.provided_by(provider) or self._returned(provider, 0) if provider else None
            return found or Pool(("parameter", id(holder.function.node), name))
        return Pool(("local", id(holder.node), name))

    def _provider(self, name: str, function: Function) -> Function | None:
        """The function from which a framework, or a decorator, takes a parameter's value; None for what is no
        parameter."""
        wrapper = next((s.wrapper for s in supplied(self.names, function) if s.parameter == name), None)
        if wrapper is not None:
            return wrapper
        parameter = next((p for p in function.parameters if p.name == name), None)
        found = self.names.injected(parameter, function.parent) if parameter else None
        return found.provider if found else None

    def _of_attribute(
        self, node: cst.Attribute, base: cst.BaseExpression, attribute: str, scope: Scope, steps: int
    ) -> Pool | None:
        owner = self.names.local_class(self.names.type_of(base, scope))
        held_by = self.of(base, scope, steps + 1)
        if held_by is not None:
            if owner is None:  # an attribute of the class itself
                defined = self.names.definition(base, scope)
                owner = defined if isinstance(defined, Class) else None
            return self._attribute(held_by, owner, attribute, steps)
        target = self.names.leads_to(node, scope)
        if target and target.scope:
            return self._variable(target.variable, target.scope, target.scope.bindings[target.variable], steps + 1)
        return None

    def _attribute(self, held_by: Pool, owner: Class | None, attribute: str, steps: int) -> Pool | None:
        """What an attribute of an object stands for: what it was given, where that leads to a variable."""
        own = held_by.then(attribute)
        values: list[tuple[cst.BaseExpression, Scope]] = []
        for current in self.names.ancestors(owner) if owner else ():
            values += [(b.value, current.scope) for b in current.scope.bindings.get(attribute, ()) if b.value]
            values += current.attributes.get(attribute, ())
        given = [(v, s) for v, s in values if literal(v) is not None]
        if len(given) != 1:
            return own
        value, scope = given[0]
        value = unawaited(value)
        found = self.of(value, scope, steps + 1)
        if found is None:
            if isinstance(value, cst.Call):
                self._made[own] = value
            return own
        kind, holder, name = found.root
        function = scope.function
        if function and kind == "parameter" and holder == id(function.node):
            first = function.parameters[0].name if function.owner and function.parameters else ""
            return Pool(held_by.root, (*held_by.path, *found.path)) if name == first and found.path else own
        return own if kind == "local" else found

    def _of_call(self, node: cst.Call, scope: Scope, steps: int) -> Pool | None:
        model = next(iter(self.names.calls(node, scope)), None)
        if model is not None:
            given = next(self._given(node, model), None)
            if given is not None:
                return self.of(given, scope, steps + 1)
            same = self._kind(model.returns) in _SOURCES and not model.acquires and bool(model.on)
            if same and isinstance(node.func, cst.Attribute):  # `engine.execution_options(...)`
                return self.of(node.func.value, scope, steps + 1)
            return None
        function = self.names.definition(node.func, scope)
        if not isinstance(function, Function) or function.is_generator:
            return None
        found = self._returned(function, steps)
        return self.translated(found, function, node, scope) if found else None

    def _returned(self, function: Function, steps: int) -> Pool | None:
        """The pool that a function returns: always the same where it is cached, or a variable that outlives the
        call."""
        if self.names.runs_once(function):
            return Pool(("call", id(function.node), function.name))
        if isinstance(function.node, cst.Lambda):
            return self.of(function.node.body, function.scope, steps + 1)
        body = function.body_nodes
        returned = [n.value for n in body if isinstance(n, cst.Return) and n.value is not None]
        found = {self.of(v, function.scope, steps + 1) for v in returned if literal(v) is not None}
        return found.pop() if len(found) == 1 else None

    # ------------------------------------------------------------------------------------------------- arguments

    def _given(self, node: cst.Call, model: Call) -> Iterator[cst.BaseExpression]:
        """The argument that is the pool, or leads to it: `Session(engine)`, `scoped_session(factory)`."""
        for wanted in (*model.shares, *(model.owned_by if self._kind(model.returns) in ("session", "factory") else ())):
            for index, argument in enumerate(node.args):
                named = argument.keyword is not None and argument.keyword.value == wanted
                if named or (argument.keyword is None and not argument.star and index == wanted):
                    yield argument.value

    def argument(self, function: Function, name: str, node: cst.Call) -> cst.BaseExpression | None:
        """What a call hands over as a parameter: the receiver as the first of a method."""
        positional = [p.name for p in function.parameters if p.kind == "positional"]
        bound = self.names.has_receiver(function)
        if bound and positional and name == positional[0]:
            return node.func.value if isinstance(node.func, cst.Attribute) else None
        for argument in node.args:
            if argument.keyword and argument.keyword.value == name:
                return argument.value
        place = positional.index(name) - bound if name in positional else -1
        plain = [a.value for a in node.args if a.keyword is None and not a.star]
        return plain[place] if 0 <= place < len(plain) else None

    def _kind(self, type_name: str) -> str:
        type_ = self.names.models.type(type_name)
        return type_.kind if type_ else ""
