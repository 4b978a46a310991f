"""The functions and classes of the project: which of them an expression names, and what a class inherits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import cast

import libcst as cst

from pooclint.program.circles import Memo
from pooclint.program.exports import Interest
from pooclint.program.forms import local_of
from pooclint.program.imports import Imports, Target
from pooclint.program.scopes import Binding, Class, Function, Scope
from pooclint.source.nodes import descendants, is_super, nodes_of

_MAX_STEPS = 12
"""Aliases of aliases are followed this far."""


@dataclass(slots=True)
class Definitions:
    """Look-up of functions and classes. Its state is a memo, and the type names that it has given to classes."""

    imports: Imports
    form_of: Callable[..., str] = field(init=False)
    """Finds the type of an expression: which method `pool.get` names depends on that of `pool`."""
    type_of_target: Callable[[Target | None], str] = field(init=False)
    """The same for a variable of another module."""
    _classes: dict[str, Class] = field(default_factory=dict)
    _binding: dict[tuple[int, str], Binding | None] = field(default_factory=dict)
    _attributes: Memo[int, frozenset[str]] = field(default_factory=dict)
    _bases: Memo[int, tuple[Class, ...]] = field(default_factory=dict)

    def forget(self) -> None:
        """Forget what was looked up so far."""
        self._classes.clear()
        self._binding.clear()
        self._attributes.clear()
        self._bases.clear()

    def definition(
        self, node: cst.CSTNode, scope: Scope, steps: int = 0, interest: Interest = "acquires"
    ) -> Function | Class | None:
        """The function or class of the project that an expression names.

        Args:
            interest: which definitions of other modules are worth a parse.
        """
        kind = type(node)  # asked for every call: `isinstance` of an abstract base class is slow
        if kind is cst.Lambda or kind is cst.Call:  # the call may make one
            return scope.module.function(node)
        if kind is cst.Attribute:
            return self._member(cast(cst.Attribute, node), scope, steps, interest) if steps <= _MAX_STEPS else None
        if kind is not cst.Name or steps > _MAX_STEPS:
            return None
        node = cast(cst.Name, node)
        found = scope.lookup(node.value)
        if found is None:
            target = self.imports.unbound(node.value, scope, interest)
            return target.defined if target else None
        binding = self._defining(node.value, *found)
        if binding is None:
            return self.own_class(node, scope)
        if binding.defined:
            return binding.defined
        if binding.kind == "import":
            target = self.imports.target(binding.qualified, found[0].origin, interest)
            return target.defined if target else None
        renamed = self.definition(binding.value, found[0], steps + 1, interest) if binding.value is not None else None
        bound = isinstance(binding.value, cst.Attribute) and isinstance(renamed, Function) and renamed.owner is not None
        return None if bound else renamed  # the name of a method does not say of which object

    def _defining(self, name: str, holder: Scope, bindings: list[Binding]) -> Binding | None:
        """The last binding of a name that can define a function or class. A name may have thousands."""
        key = (id(holder), name)
        if key not in self._binding:
            able = (
                b
                for b in reversed(bindings)
                if b.defined or b.kind == "import" or (_renames(b.value, holder) and not b.entered)
            )
            self._binding[key] = next(able, None)
        return self._binding[key]

    def own_class(self, node: cst.CSTNode, scope: Scope) -> Class | None:
        """The class that a class method knows by the name of its first parameter: `cls`, or one derived from it."""
        found = scope.lookup(node.value) if isinstance(node, cst.Name) else None
        function = found[0].function if found and all(b.kind == "parameter" for b in found[1]) else None
        if function is None or not isinstance(node, cst.Name) or not self.is_class_method(function):
            return None
        return function.owner if function.parameters[0].name == node.value else None

    def is_class_method(self, function: Function) -> bool:
        """True for a method whose first parameter is the class."""
        return any(self.imports.qualify(d, function.parent) == "builtins.classmethod" for d in function.decorators)

    def _member(self, node: cst.Attribute, scope: Scope, steps: int, interest: Interest) -> Function | Class | None:
        if is_super(node.value):
            return self._above(scope, node.attr.value)
        owner = self.local_class(local_of(self.form_of(node.value, scope)))
        if owner is None and interest == "anything":  # the class may acquire nothing
            owner = self.local_class(local_of(self.form_of(node.value, scope, interest)))
        if owner is None:
            named = self.definition(node.value, scope, steps, interest)
            owner = named if isinstance(named, Class) else None
        if owner is None and interest != "acquires":
            # A variable of a module that mattered to nobody so far: its object is now given something, or called.
            owner = self.local_class(self.type_of_target(self.imports.leads_to(node.value, scope, interest)))
        if owner:
            return self.method(owner, node.attr.value) or self._made_for(owner, node.attr.value)
        target = self.imports.leads_to(node, scope, interest)
        return target.defined if target else None

    def _above(self, scope: Scope, name: str) -> Function | None:
        """What `super().name` is in a method: the method of the nearest base that has one. Which heir the object is of,
        and so what other bases come first, is not known."""
        owner = scope.owner
        above = islice(self.ancestors(owner), 1, None) if owner else ()
        return next((c.methods[name] for c in above if name in c.methods), None)

    def local_class(self, type_name: str) -> Class | None:
        """The class of the project that a type name stands for; None for that of a modelled type."""
        return self._classes.get(type_name)

    def local_type(self, owner: Class) -> str:
        """The type name of a class of the project."""
        name = f"<{owner.scope.module.origin.path}:{owner.scope.qualname}>"
        self._classes[name] = owner
        return name

    def ancestors(self, owner: Class) -> Iterator[Class]:
        """The class and its bases in the project, nearest first, wherever they stand: a base that acquires nothing may
        release what the class acquires, or be what a framework calls."""
        todo, seen = [owner], set[int]()
        while todo:
            current = todo.pop(0)
            if id(current) in seen:
                continue
            seen.add(id(current))
            yield current
            todo += self._bases_of(current)

    def _bases_of(self, owner: Class) -> tuple[Class, ...]:
        """The bases of a class that the project defines. They are asked for wherever an attribute is looked up."""

        def found() -> tuple[Class, ...]:
            known = (self.definition(base, owner.parent, interest="anything") for base in owner.bases)
            return tuple(base for base in known if isinstance(base, Class))

        return self.imports.circles.answer(self._bases, id(owner), (), found) if owner.node.bases else ()

    def method(self, owner: Class, name: str) -> Function | None:
        """A method of a class or of its bases in the project."""
        return next((c.methods[name] for c in self.ancestors(owner) if name in c.methods), None)

    def setter(self, owner: Class, attribute: str) -> Function | None:
        """The method that an assignment to an attribute of an object calls; None where it only stores something."""
        return self.method(owner, f"{attribute}.setter")

    def base_names(self, owner: Class) -> frozenset[str]:
        """Qualified names of everything the class derives from."""
        return frozenset(
            name
            for current in self.ancestors(owner)
            for base in current.bases
            if (name := self.imports.qualify(base, current.parent))
        )

    def _made_for(self, owner: Class, attribute: str) -> Function | None:
        """The function that a call makes for an attribute of a class or of its objects (`connect = partial(...)`); None
        where anything else is put there, too."""
        for current in self.ancestors(owner):
            on_class = ((b.value, current.scope) for b in current.scope.bindings.get(attribute, ()))
            given = [*on_class, *current.attributes.get(attribute, ())]
            if given:
                value, scope = given[0]
                return scope.module.function(value) if len(given) == 1 and isinstance(value, cst.Call) else None
        return None

    def own_attributes(self, function: Function) -> frozenset[str]:
        """Attributes of its object that a method names, itself or through other methods of the object."""
        answer = self.imports.circles.answer
        return answer(self._attributes, id(function), frozenset(), lambda: self._named_by(function))

    def _named_by(self, function: Function) -> frozenset[str]:
        own = function.parameters[0].name if function.owner and function.parameters else ""
        found = {
            n.attr.value
            for n in nodes_of(cst.Attribute, descendants(function.node.body))
            if isinstance(n.value, cst.Name) and n.value.value == own
        }
        called = [m for n in found if function.owner and (m := self.method(function.owner, n))]
        return frozenset(found).union(*(self.own_attributes(m) for m in called))


def _renames(value: cst.BaseExpression | None, holder: Scope) -> bool:
    """True for what may stand for a function or class where it is bound to a name of that scope."""
    if isinstance(value, cst.Call):
        return holder.module.function(value) is not None
    return isinstance(
        value, (cst.Name, cst.Lambda, cst.Attribute) if holder.kind == "module" else (cst.Name, cst.Lambda)
    )
