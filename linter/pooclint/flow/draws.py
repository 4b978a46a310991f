"""From which pools a function of the project takes connections for as long as it runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import libcst as cst

from pooclint.flow.external import handed_back, waited_for
from pooclint.models import Call, Type
from pooclint.program.circles import Memo
from pooclint.program.defaults import defaults, optional
from pooclint.program.literals import literal
from pooclint.program.names import Names
from pooclint.program.pool_identity import Pool, Pools
from pooclint.program.scopes import Function
from pooclint.program.supplies import Supply, supplied
from pooclint.rule import Place
from pooclint.source.nodes import nodes_of, spelled

_MAX_DRAWS = 6
"""Of a function; those beyond are of the same few pools."""
_SLOTS = frozenset({"connection", "session"})


@dataclass(frozen=True, slots=True)
class Draw:
    """A connection that a function takes from a pool, itself or through others, and gives back before it returns."""

    pool: Pool
    """In terms of the function's parameters."""
    way: str
    """The functions between, outermost first."""
    place: Place
    raises: bool = False
    """True when it is an error at once that the pool has none left."""
    unless: str = ""
    """The parameter of the function for want of which it takes one; empty when it does in any case."""
    handed_back: bool = False
    """True when the function only gives what takes it (a task, a coroutine)."""


@dataclass(slots=True)
class Draws:
    """Draws of functions, worked out on demand. Its only state is a memo."""

    names: Names
    pools: Pools
    _known: Memo[int, tuple[Draw, ...]] = field(default_factory=dict)

    def forget(self) -> None:
        """Forget what was worked out so far."""
        self._known.clear()
        self.pools.forget()

    def of(self, function: Function) -> tuple[Draw, ...]:
        """The pools from which a call of the function takes a connection; what it hands over is not among them."""
        return self.names.circles.answer(self._known, id(function), (), lambda: tuple(self._found(function)))

    def at(self, function: Function, node: cst.Call, caller: Function | None) -> Iterator[Draw]:
        """The draws of a call, in terms of its caller."""
        if caller is None or not (draws := self.of(function)) or self._hands_on(function, node, caller):
            return
        for draw in draws:
            given = self.pools.argument(function, draw.unless, node) if draw.unless else None
            passed_on = optional(given, caller)
            if given is not None and literal(given) is not None and not passed_on:
                continue
            pool = self.pools.translated(draw.pool, function, node, caller.scope)
            if pool:
                yield replace(draw, pool=pool, unless=passed_on)

    def _hands_on(self, function: Function, node: cst.Call, caller: Function) -> bool:
        """True for a call that hands on a session or connection: the function may well use that, and take one only
        without."""
        optional = any(p.default is not None for p in function.parameters)
        types = (self.names.models.type(self.names.type_of(a.value, caller.scope)) for a in node.args if optional)
        return any(type_ is not None and type_.kind in _SLOTS for type_ in types)

    def _found(self, function: Function) -> list[Draw]:
        if self.names.runs_in_first_call(function):
            return []
        found: dict[Pool, Draw] = {}
        waited: frozenset[int] | None = None
        given_back: frozenset[int] | None = None
        handed_over = self.names.returned_type(function)
        wanting: dict[int, str] | None = None
        for supply in supplied(self.names, function):
            drawn = self._by_decorator(supply, function, handed_over)
            if drawn:
                found[drawn.pool] = drawn
        for node in nodes_of(cst.Call, function.body_nodes):
            for draw, waits in self._by_call(node, function, handed_over):
                if waits and waited is None:
                    waited = waited_for(self.names, function)
                if waits and waited is not None and id(node) not in waited:
                    continue
                if waits and given_back is None:
                    given_back = handed_back(self.names, function)
                later = waits and given_back is not None and id(node) in given_back
                if wanting is None:
                    wanting = {id(d.made): d.given for d in defaults(function) if "." not in d.given}
                here = replace(draw, unless=wanting.get(id(node), draw.unless), handed_back=later)
                if draw.pool not in found or not here.unless:
                    found[draw.pool] = here
            if len(found) >= _MAX_DRAWS:
                break
        return list(found.values())

    def _by_call(self, node: cst.Call, function: Function, handed_over: str) -> Iterator[tuple[Draw, bool]]:
        """What a call in a function draws, and whether it does so only when it is awaited or entered."""
        scope = function.scope
        model = next((c for c in self.names.calls(node, scope) if c.self_contained or self._takes(c)), None)
        if model:
            type_ = self.names.models.type(model.returns)
            pool = self.pools.taken_from(node, scope, model)
            if pool and (model.self_contained or (type_ and self._stays(type_, function, handed_over))):
                way = f"{function.name} → {spelled(node.func)}"
                yield (
                    Draw(pool, way, Place(node, scope.module), model.raises_when_empty),
                    model.awaited != "no" and model.at != "call",
                )
            return
        called = self.names.definition(node.func, scope)
        if not isinstance(called, Function):
            return
        if called.is_generator:
            type_ = self.names.models.type(self.names.yielded_type(called))
            entered = self.names.is_context_manager(called) and type_ is not None and type_.pooled
            pool = self.pools.given_by(node, scope) if entered else None
            if pool and type_ and self._stays(type_, function, handed_over):
                yield Draw(pool, f"{function.name} → {called.name}", Place(node, scope.module)), False
            return
        for draw in self.at(called, node, function):
            yield replace(draw, way=f"{function.name} → {draw.way}"), called.is_async or draw.handed_back

    def _by_decorator(self, supply: Supply, function: Function, handed_over: str) -> Draw | None:
        """What the decorator of a function takes for it, where it is not given one."""
        type_ = self.names.models.type(supply.type)
        if type_ is None or type_.kind not in _SLOTS or not self._stays(type_, function, handed_over):
            return None
        pool = self.pools.provided_by(supply.wrapper)
        if pool is None or pool.root[0] == "parameter":
            return None
        place = Place(supply.wrapper.node, supply.wrapper.scope.module)
        return Draw(pool, f"{function.name} → {supply.decorator}", place, unless=supply.parameter)

    def _takes(self, model: Call) -> bool:
        acquisition = self.names.models.acquisition(model)
        return acquisition is not None and acquisition.pooled and acquisition.kind in _SLOTS

    def _stays(self, type_: Type, function: Function, handed_over: str) -> bool:
        """True when the function itself uses what it takes: a session that only passes through has no connection."""
        if self.names.models.canonical(handed_over) in self.names.models.lineage(type_.name) or function.is_generator:
            return False
        return not type_.lazy or "*" in type_.checks_out or any(
            n.attr.value in type_.checks_out for n in nodes_of(cst.Attribute, function.body_nodes)
        )  # fmt: skip
