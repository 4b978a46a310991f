"""Calls that build an object with a pool of its own, in a function and in those that it runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import libcst as cst

from pooclint.models import Call
from pooclint.program.circles import Memo
from pooclint.program.keywords import keywords
from pooclint.program.running import Edges
from pooclint.program.scopes import Function, Index, Scope
from pooclint.source.nodes import nodes_of

POOLED = frozenset({"client", "pool", "engine"})
"""The kinds of what has connections of its own, and shares them."""
_MAX_FRAMES = 4
"""Functions between the one that is asked about and the one that builds."""
_MAX_FUNCTIONS = 40
"""Functions that are looked at for one."""


@dataclass(frozen=True, slots=True)
class Construction:
    """An object that is built when a function runs."""

    node: cst.Call
    call: Call
    """What is known of it."""
    chain: tuple[Function, ...]
    """From the function that is asked about to the one that builds."""


@dataclass(slots=True)
class Constructions:
    """Look-up of what is built where. Its only state is a memo."""

    edges: Edges
    _takers: dict[int, dict[int, cst.Call]] = field(default_factory=dict)
    _own: Memo[tuple[int, frozenset[str]], tuple[tuple[cst.Call, Call], ...]] = field(default_factory=dict)

    def taker(self, node: cst.CSTNode, index: Index) -> cst.Call | None:
        """The call of which an expression of a module is an argument."""
        if id(index) not in self._takers:
            calls = (n for n, _ in index.visited if isinstance(n, cst.Call))
            self._takers[id(index)] = {id(v): call for call in calls for a in call.args for v in _given(a.value)}
        return self._takers[id(index)].get(id(node))

    def constructed(self, node: cst.Call, scope: Scope, kinds: frozenset[str]) -> Call | None:
        """The model of a call that builds an object with a pool of its own; None where it shares somebody else's, or
        is part of another that is built (the connector of a session).

        Args:
            node: the call.
            scope: where it stands.
            kinds: of what it acquires.
        """
        names, models = self.edges.names, self.edges.names.models
        for call in names.calls(node, scope):
            acquisition = models.acquisition(call)
            if acquisition is None or acquisition.kind not in kinds or self._asks_nobody(node, scope, acquisition.type):
                continue
            # A transport or connector that is not built on the spot belongs to somebody else; its pool is reused.
            given: dict[int | str, bool] = {i: _is_built(a.value) for i, a in enumerate(node.args) if not a.keyword}
            given |= {name: _is_built(value) for name, value in keywords(node, scope)}
            shares = any(key in given for key in call.shares) or any(not given.get(key, True) for key in call.owned_by)
            # What a pool or client hands out is its own affair; a settings object (`boto3.Session`) makes clients.
            owner = models.type(acquisition.acquired_from)
            if not shares and (owner is None or owner.kind == "value"):
                taker = self.taker(node, scope.module)
                taken = taker and any(c.acquires and c.owned_by for c in names.calls(taker, scope))
                return None if taken else call
        return None

    def _asks_nobody(self, node: cst.Call, scope: Scope, type_name: str) -> bool:
        """True for an object on which its function calls nothing but what it does by itself."""
        type_ = self.edges.names.models.type(type_name)
        function = scope.function
        if type_ is None or not type_.local or function is None:
            return False
        called = {id(n.value): n.attr.value for n in nodes_of(cst.Attribute, function.body_nodes)}
        if id(node) in called:
            return called[id(node)] in type_.local
        named = [name for name, found in scope.bindings.items() if any(b.value is node for b in found)]
        uses = [use.node for name in named for use in function.uses.get(name, ())]
        return bool(uses) and all(called.get(id(use), "") in type_.local for use in uses)

    def below(self, function: Function, kinds: frozenset[str]) -> Iterator[Construction]:
        """What is built when a function runs, by it or by what it runs; nothing where the result is cached."""
        names = self.edges.names
        todo: list[tuple[Function, ...]] = [(function,)]
        seen = {id(function)}
        while todo and len(seen) <= _MAX_FUNCTIONS:
            chain = todo.pop(0)
            current = chain[-1]
            suspended = current.is_generator and not names.is_context_manager(current)
            if suspended or names.runs_once(current):
                continue
            yield from (Construction(node, call, chain) for node, call in self._built_in(current, kinds))
            for _, called in self.edges.runs(current) if len(chain) <= _MAX_FRAMES else ():
                if id(called) not in seen:
                    seen.add(id(called))
                    todo.append((*chain, called))

    def _built_in(self, function: Function, kinds: frozenset[str]) -> tuple[tuple[cst.Call, Call], ...]:
        def work() -> tuple[tuple[cst.Call, Call], ...]:
            calls = nodes_of(cst.Call, function.body_nodes)
            found = ((n, self.constructed(n, function.scope, kinds)) for n in calls)
            return tuple((n, call) for n, call in found if call)

        return self.edges.names.circles.once(self._own, (id(function), kinds), work)


def _given(node: cst.BaseExpression) -> tuple[cst.BaseExpression, ...]:
    """An argument, or what is in one that is a dictionary (`mounts`)."""
    return tuple(element.value for element in node.elements) if isinstance(node, cst.Dict) else (node,)


def _is_built(node: cst.BaseExpression) -> bool:
    return any(isinstance(given, (cst.Call, cst.Await)) for given in _given(node))
