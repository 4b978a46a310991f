"""Which call out of the process a function of the project makes, itself or through others, and the way there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from types import MappingProxyType

import libcst as cst

from pooclint.flow.external import (
    awaited_of_another,
    called_elsewhere,
    external_of,
    handed_back,
    passed_on,
    read,
    waited_for,
    while_read,
)
from pooclint.flow.record import Reached
from pooclint.flow.retries import between_attempts
from pooclint.flow.seldom import seldom_made
from pooclint.flow.settled import making, settled
from pooclint.flow.switches import Literals, Switches, by_text, switched_off, switches
from pooclint.models import External
from pooclint.program.circles import Memo
from pooclint.program.dispatch import Dispatch
from pooclint.program.names import Names
from pooclint.program.pool_identity import Pools
from pooclint.program.running import Edges, meant
from pooclint.program.scopes import Function, Scope
from pooclint.rule import Place
from pooclint.source.nodes import dotted, is_super, spelled

_NOTHING_GIVEN: Literals = MappingProxyType({})


@dataclass(slots=True)
class Reaching:
    """External calls of functions, worked out on demand. Its only state is a memo."""

    names: Names
    pools: Pools
    dispatch: Dispatch
    _reaches: Memo[tuple[int, frozenset[tuple[str, object]]], Reached | None] = field(default_factory=dict)
    _switches: dict[int, Switches] = field(default_factory=dict)
    _read: Memo[int, frozenset[int]] = field(default_factory=dict)
    """By the `id` of a function, that of the calls that give something which it reads."""

    def forget(self) -> None:
        """Forget what was worked out so far."""
        self._reaches.clear()
        self._switches.clear()
        self._read.clear()

    def reaches(self, function: Function, given: Literals = _NOTHING_GIVEN) -> Reached | None:
        """The external call that the function makes, itself or through functions of the project, with the way to it.

        Args:
            function: The function.
            given: What is known of its parameters.
        """
        matters = self._switches_of(function).among(given) if given else given
        key = (id(function), frozenset(matters.items()))
        return self.names.circles.answer(self._reaches, key, None, lambda: self._first_external(function, matters))

    def dispatched(self, node: cst.Call, scope: Scope) -> Reached | None:
        """The external call of a method whose receiver is not known, or only by a class that leaves the method to
        others, where every method of its heirs, or of that name which the module can get hold of, makes one; pauses,
        and what is usually fast, are not worth a guess."""
        func = node.func
        if not isinstance(func, cst.Attribute) or self.names.qualify(func.value, scope):
            return None
        # What others derive from neither acquires nor calls anything itself.
        defined = self.names.definition(func, scope, interest="anything")
        known = self.names.type_of(func.value, scope) or self.names.calls(node, scope) or defined is not None
        if known and not (isinstance(defined, Function) and self.names.is_abstract(defined)):
            return None
        of_heirs = self._of_all(self.dispatch.implementations(defined)) if isinstance(defined, Function) else None
        if of_heirs:
            return of_heirs
        found = self._of_all(self.dispatch.methods(func.attr.value, scope.origin.path))
        return replace(found, guessed=True) if found else None

    def _of_all(self, methods: Sequence[Function]) -> Reached | None:
        """The external call of methods of which each makes one that may take long."""
        reached = [self.reaches(method) for method in methods]
        slowest = [r for r in reached if r is not None and not any(r.rank)]
        return slowest[0] if slowest and len(slowest) == len(reached) else None

    def settled(
        self, method: Function, node: cst.Call, scope: Scope, given: Literals = _NOTHING_GIVEN
    ) -> dict[str, object]:
        """What attributes of its own object, by their paths, stand for in a method that is called.

        Args:
            method: What is called.
            node: The call.
            scope: Where it stands.
            given: What is known of the parameters of the function around it, and of its own object.
        """
        if not isinstance(node.func, cst.Attribute) or not method.parameters or not self.names.has_receiver(method):
            return {}
        receiver, own = node.func.value, method.parameters[0].name
        around = scope.function
        mine = around.parameters[0].name if around is not None and around.owner and around.parameters else ""
        if mine and (dotted(receiver) == mine or is_super(receiver)):
            return {own + n.removeprefix(mine): v for n, v in given.items() if n.startswith(f"{mine}.")}
        wanted = self.names.own_attributes(method)
        made = making(self.names, receiver, scope) if wanted else None
        return {f"{own}.{n}": v for n, v in settled(self.names, self.pools, made, wanted)} if made else {}

    def comes_to(self, edges: Edges, chain: Sequence[Function], node: cst.CSTNode) -> bool:
        """False where what the functions of a chain give each other (`Client(pooled=True)`) rules out that the last one
        comes to `node`."""
        given = _NOTHING_GIVEN
        for caller, called in pairwise(chain):
            off = switched_off(caller, given) if given else frozenset[int]()
            calls = edges.between(caller, called)
            told = [self._told(call, called, caller.scope, given) for call in calls if id(call) not in off]
            if calls and not told:
                return False
            first = told[0] if told else _NOTHING_GIVEN  # a function inside the caller may run it
            given = {n: v for n, v in first.items() if all(n in other and other[n] == v for other in told)}
        return not given or id(node) not in switched_off(chain[-1], given)

    def _told(self, call: cst.CSTNode, called: Function, scope: Scope, given: Literals) -> Literals:
        """What the parameters and the object of a function stand for in a call of it."""
        if not isinstance(call, cst.Call):
            return _NOTHING_GIVEN
        told = by_text(self.names, self.pools, called, self._switches_of(called).names, call, scope, given)
        return {**told, **self.settled(called, call, scope, given)}

    def _switches_of(self, function: Function) -> Switches:
        if id(function) not in self._switches:
            self._switches[id(function)] = switches(function)
        return self._switches[id(function)]

    def _slowest_of(
        self, callees: Sequence[Function], node: cst.Call, function: Function, given: Literals
    ) -> tuple[Reached | None, bool]:
        """The external call of the functions for which a callee may stand that may take longest, and whether a
        coroutine makes it."""
        slowest: Reached | None = None
        suspends = False
        for called in callees:
            if not self._runs_in(called, node, function):
                continue
            wanted = self._switches_of(called).names
            scope = function.scope
            told = by_text(self.names, self.pools, called, wanted, node, scope, given) if wanted else _NOTHING_GIVEN
            inner = self.reaches(called, told)
            of_object = self.settled(called, node, function.scope, given) if inner else _NOTHING_GIVEN
            inner = self.reaches(called, {**told, **of_object}) if of_object else inner
            inner = while_read(inner) if called.is_generator else inner
            if inner and (slowest is None or inner.order < slowest.order):
                slowest, suspends = inner, called.is_async or inner.handed_back
        return slowest, suspends

    def _runs_in(self, called: Function, node: cst.Call, function: Function) -> bool:
        """True when what is called in a function runs there: a generator does where somebody reads it."""
        if not called.is_generator:
            return True
        return id(node) in self.names.circles.once(self._read, id(function), lambda: read(self.names, function))

    def _first_external(self, function: Function, given: Literals) -> Reached | None:
        """The one that may take longest; of equals the one with the shortest way, of these the first."""
        if self.names.runs_in_first_call(function):
            return None
        slowest: Reached | None = None
        off = switched_off(function, given) if given else frozenset[int]()
        waited: frozenset[int] | None = None
        seldom: frozenset[int] | None = None
        for node in function.own_nodes:
            if (type(node) is not cst.Call and type(node) is not cst.Await) or id(node) in off:
                continue
            if isinstance(node, cst.Call):
                found, suspends = self._by_call(node, function, given)
            else:
                found, suspends = self._by_await(node, function), False
            if found is None or (slowest and slowest.order <= found.order):
                continue
            seldom = seldom_made(function) if seldom is None else seldom
            if id(node) in seldom:
                continue
            if suspends and waited is None:
                waited = waited_for(self.names, function)
            if not suspends or waited is None or id(node) in waited:
                later = suspends and id(node) in handed_back(self.names, function)
                slowest = replace(found, handed_back=later)
                if not any(found.rank) and len(found.functions) == 1:
                    break
        return slowest

    def _by_call(self, node: cst.Call, function: Function, given: Literals) -> tuple[Reached | None, bool]:
        """The external call that a call of a function is or leads to, and whether a coroutine makes it."""
        scope = function.scope
        external = external_of(self.names, node, scope)
        if external and external.category != "database":
            retries = external.category == "sleep" and _between_attempts(function, node)
            return replace(_made_in(function, external, node, node.func), retries=retries), external.io == "await"
        models = self.names.calls(node, scope)
        if (model := next((c for c in models if c.calls), None)) is not None:
            suspends = model.awaited != "no"
            inner = called_elsewhere(self.names, self.reaches, node, scope, model) if suspends else None
            return inner.under(function) if inner else None, suspends
        if models and models[0].passes:
            external = passed_on(self.names, function, node, models[0])
            return _made_in(function, external, node, node.func) if external else None, models[0].awaited != "no"
        called = [c for c in meant(self.names, node.func, scope, "calls-out") if isinstance(c, Function)]
        inner, suspends = self._slowest_of(called, node, function, given)
        if any(self.names.is_abstract(c) for c in called):
            inner = self.dispatched(node, scope)
            suspends = inner is not None and inner.external.io == "await"
        return inner.under(function) if inner else None, suspends

    def _by_await(self, node: cst.Await, function: Function) -> Reached | None:
        """What somebody else has made, and a function awaits."""
        if isinstance(node.expression, cst.Call):
            return None
        type_ = self.names.type_of(node.expression, function.scope)
        external = awaited_of_another(self.names, function, type_)
        return _made_in(function, external, node, node.expression) if external else None


def _made_in(function: Function, external: External, node: cst.CSTNode, named: cst.BaseExpression) -> Reached:
    return Reached(external, (function.name, spelled(named)), Place(node, function.scope.module), (id(function),))


def _between_attempts(function: Function, node: cst.Call) -> bool:
    """True for a pause between attempts at what the function is given: `op()`, `conn.execute(text)`."""
    return between_attempts(function, node, {p.name for p in function.parameters})
