"""What imported names stand for: qualified names, and what they lead to in the modules of the project."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import libcst as cst

from pooclint.models import Models
from pooclint.program.circles import Circles, Memo
from pooclint.program.exports import Interest
from pooclint.program.modules import Modules
from pooclint.program.places import Origin
from pooclint.program.scopes import Binding, Class, Function, Index, Scope
from pooclint.source.nodes import is_none
from pooclint.source.parts import CODE

_MAX_STEPS = 12
"""Aliases of aliases are followed this far."""
_MAX_IMPORTS = 24
"""And names that modules pass on to each other."""


@dataclass(frozen=True, slots=True)
class Target:
    """What the dotted name of an import leads to in the project."""

    name: str = ""
    """The qualified name outside the project that it only passes on (`httpx.Client` of `app.http.Client`)."""
    defined: Function | Class | None = None
    scope: Scope | None = None
    """For a variable of a module: the scope that binds it as `variable`."""
    variable: str = ""


@dataclass(slots=True)
class Imports:
    """Look-up of qualified names. Its state is a memo, and what is being followed."""

    models: Models
    modules: Modules | None
    """The module graph; None where a file is looked at alone."""
    circles: Circles
    method: Callable[[Class, str], Function | None] = field(init=False)
    """Finds a method of a class, inherited ones included: of a dotted name, that alone is no question of imports."""
    following: int = 0
    """How many imports are being followed: what is concluded meanwhile may rest on one that is cut off."""
    _targets: Memo[tuple[str, Origin, Interest], Target | None] = field(default_factory=dict)
    _starring: Memo[tuple[str, tuple[str, ...], Origin, Interest], Target | None] = field(default_factory=dict)
    _bound: Memo[tuple[int, str], str] = field(default_factory=dict)

    def forget(self) -> None:
        """Forget what was looked up so far."""
        self._targets.clear()
        self._starring.clear()
        self._bound.clear()
        self.following = 0

    def qualify(self, node: cst.CSTNode, scope: Scope) -> str:
        """The qualified name that an expression stands for; empty when it is no name of an import or a builtin.

        Assignments that only rename (`Client = httpx.AsyncClient`) are followed, and so is what modules of the project
        pass on.
        """
        found = self.imported(node, scope)
        if not found or self.modules is None or found.startswith("builtins."):
            return found
        target = self.target(found, scope.origin)
        return target.name if target and target.name else found

    def imported(self, node: cst.CSTNode, scope: Scope, steps: int = 0) -> str:
        """As `qualify`, with the name under which the module itself imports it: what others pass on is not followed."""
        kind = type(node)  # asked for every call: `isinstance` of an abstract base class is slow
        if kind is cst.Attribute:
            attribute = cast(cst.Attribute, node)
            base = self.imported(attribute.value, scope, steps)
            return f"{base}.{attribute.attr.value}" if base else ""
        if kind is not cst.Name or steps > _MAX_STEPS:
            return ""
        node = cast(cst.Name, node)
        found = scope.lookup(node.value)
        if found is None:
            return f"builtins.{node.value}" if hasattr(builtins, node.value) else self._by_star(node.value, scope)
        key = (id(found[0]), node.value)
        known = self._bound.get(key)
        if known is not None:
            return self.circles.again(known)
        return self.circles.once(self._bound, key, lambda: self._imported_as(node, *found, steps), settled=steps == 0)

    def _imported_as(self, node: cst.Name, holder: Scope, bindings: list[Binding], steps: int) -> str:
        imported = [b.qualified for b in bindings if b.kind == "import"]
        if imported:
            modelled = list(dict.fromkeys(q for q in imported if self._is_modelled(q)))
            if len(modelled) > 1 and holder.kind == "function":
                return ""  # what the function is given may decide which (`if is_async: from … import … as connect`)
            return modelled[0] if modelled else imported[0]
        for binding in bindings:
            value = binding.value
            if isinstance(value, (cst.Name, cst.Attribute)) and not binding.entered and not is_none(value):
                return self.imported(value, _outside(holder, binding, node), steps + 1)
        return ""

    def _by_star(self, name: str, scope: Scope, interest: Interest = "acquires") -> str:
        """The qualified name of one that is bound nowhere in a module that imports everything of others."""
        for star in scope.module.stars:
            qualified = f"{star}.{name}"
            if self._is_modelled(qualified) or self.target(qualified, scope.origin, interest):
                return qualified
        return ""

    def _is_modelled(self, qualified: str) -> bool:
        return bool(self.models.calls(qualified) or self.models.type(qualified))

    def leads_to(self, node: cst.CSTNode, scope: Scope, interest: Interest = "acquires") -> Target | None:
        """What a name or a dotted name leads to in other modules of the project; None as in `target`."""
        return self.target(self.imported(node, scope), scope.origin, interest) if self.modules else None

    def looks_around(self, scope: Scope) -> None:
        """Note that what is concluded rests on all of the module that a scope is part of."""
        if self.modules is not None and scope.origin.path:
            self.modules.exports.places.consulted.used(scope.origin.path, CODE)

    def unbound(self, name: str, scope: Scope, interest: Interest = "acquires") -> Target | None:
        """The same for a name that no scope binds: it may come from a module of which everything is imported."""
        return self.target(self._by_star(name, scope, interest), scope.origin, interest)

    def target(self, qualified: str, origin: Origin, interest: Interest = "acquires") -> Target | None:
        """What a qualified name leads to in the project; None when it is a library's, or does not matter.

        Args:
            qualified: as `qualify` gives it.
            origin: of the module in which it stands.
            interest: which names of other modules are worth a parse.
        """
        if self.modules is None or not qualified:
            return None
        key = (qualified, origin, interest)
        known = self._targets.get(key)
        if known is not None:
            return self.circles.again(known)
        if self.following > _MAX_IMPORTS:  # a circle in which the name grows with each turn
            return None
        modules, parts = self.modules, qualified.split(".")

        def work() -> Target | None:
            tops = modules.exports.places.tops(parts[0], origin)
            self.following += 1
            ways = (self._walk(modules, place, parts[1:], origin, interest) for place in tops)
            found = next((found for found in ways if found), None)
            self.following -= 1
            return found

        return self.circles.answer(self._targets, key, None, work)

    def _walk(
        self, modules: Modules, place: str, parts: list[str], origin: Origin, interest: Interest
    ) -> Target | None:
        """Follow attribute after attribute from a module: a name that it binds, else a submodule.

        A package may bind the name of its submodule (`from .take import take`); `from pkg.take import other` means the
        submodule all the same.
        """
        for position, part in enumerate(parts):
            index = modules.symbol(place, part, interest)
            if index and index.binds(part):
                rest = parts[position + 1 :]
                submodule = modules.exports.places.child(place, part, origin) if rest else ""
                below = self._walk(modules, submodule, rest, origin, interest) if submodule else None
                return below or self._from_module(index, part, rest, interest)
            for star in index.stars if index else ():
                inner = index.origin if index else origin
                found = self._starred(modules, star, tuple(parts[position:]), inner, interest)
                if found:
                    return found
            place = modules.exports.places.child(place, part, origin)
            if not place:
                return None
        return None

    def _starred(
        self, modules: Modules, star: str, parts: tuple[str, ...], origin: Origin, interest: Interest
    ) -> Target | None:
        """What a name leads to that may come from a module of which everything is imported.

        The module is found by its path alone: were it looked up like any name, the star imports of its packages would
        be followed for each part of it, and theirs for each of those.
        """

        def work() -> Target | None:
            places = modules.exports.places
            head, *rest = star.split(".")
            for top in places.tops(head, origin):
                place = top
                for part in rest:
                    place = places.child(place, part, origin) if place else ""
                found = self._walk(modules, place, list(parts), origin, interest) if place else None
                if found:
                    return found
            return None

        return self.circles.answer(self._starring, (star, parts, origin, interest), None, work)

    def _from_module(self, index: Index, name: str, rest: list[str], interest: Interest) -> Target | None:
        """What a name that a module binds leads to."""
        bindings, scope = index.bindings(name), index.scope
        for binding in reversed(bindings):
            if binding.kind == "import":
                qualified = ".".join((binding.qualified, *rest))
                return self.target(qualified, scope.origin, interest) or Target(qualified)
            if isinstance(binding.defined, Class):
                method = self.method(binding.defined, rest[0]) if len(rest) == 1 else None
                return Target(defined=method or binding.defined) if method or not rest else None
            made = binding.defined or (index.function(binding.value) if binding.value and not binding.entered else None)
            if made:
                return Target(defined=made) if not rest else None
        given = (b.value for b in bindings if isinstance(b.value, (cst.Name, cst.Attribute)) and not is_none(b.value))
        renamed = next(given, None)
        if renamed is not None and not any(b.entered for b in bindings):
            qualified = self.qualify(renamed, scope)
            if qualified:
                full = ".".join((qualified, *rest))
                return self.target(full, scope.origin, interest) or Target(full)
        return Target(scope=scope, variable=name) if not rest else None


def _outside(holder: Scope, binding: Binding, node: cst.Name) -> Scope:
    """`x = x` in a function or class body reads the outer `x`."""
    same = isinstance(binding.value, cst.Name) and binding.value.value == node.value
    return holder.parent if same and holder.parent else holder
