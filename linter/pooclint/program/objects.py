"""What names lead to across the modules of a project: expressions, classes and their instances, settings.

`Names` asks of another module only what leads to a connection. Figures stand anywhere, so this looks into whatever
module a name comes from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from pooclint.models import Setting
from pooclint.program.keywords import Value, bound_values, given_arguments
from pooclint.program.literals import literal
from pooclint.program.names import Names
from pooclint.program.scopes import Binding, Class, Function, Scope
from pooclint.source.nodes import descendants

_MAX_DEPTH = 12
_MAX_BINDINGS = 16  # what is bound more often is taken for unknown: each use of it looks at all of them


@dataclass(frozen=True, slots=True)
class Object:
    """A class, or an instance of one."""

    owner: Class | None = None
    """A class of the project."""
    library: str = ""
    """The qualified name of what was called to make it, where that is no part of the project."""
    made: tuple[cst.Call, Scope] | None = None
    """The call that makes it, with its scope; None for the class itself, and where it is not known."""
    is_instance: bool = True


@dataclass(frozen=True, slots=True)
class Objects:
    """Look-up over all modules of a project. It keeps nothing."""

    names: Names

    def values(self, node: cst.BaseExpression, scope: Scope) -> Iterator[Value]:
        """The expressions for which a name stands, or whose value a call of a project's function returns; nothing
        where that is not known."""
        yield from self._values(node, scope, 0)

    def object(self, node: cst.BaseExpression, scope: Scope) -> Object | None:
        """The class or instance for which an expression stands."""
        return self._object(node, scope, 0)

    def setting(self, node: cst.Call, scope: Scope) -> Setting | None:
        """What is known of a call that reads a setting, or declares one."""
        known = self.names.models.settings
        found = known.get(self.names.qualify(node.func, scope))
        if found:
            return found
        method = node.func.attr.value if isinstance(node.func, cst.Attribute) else "__call__"
        if method not in self.names.models.setting_words:
            return None
        receiver = node.func.value if isinstance(node.func, cst.Attribute) else node.func
        instance = self.object(receiver, scope)
        return known.get(f"{instance.library}.{method}") if instance and instance.library else None

    def _values(self, node: cst.BaseExpression, scope: Scope, depth: int) -> Iterator[Value]:
        if depth > _MAX_DEPTH:
            return
        match node:
            case cst.Name():
                yield from (self._value(b, s, node.value) for b, s in self._bindings(node, scope, depth))
            case cst.Attribute(attr=cst.Name(value=attribute)):
                found = list(self._bindings(node, scope, depth))
                if found:
                    yield from (self._value(b, s, attribute) for b, s in found)
                    return
                base = self._object(node.value, scope, depth + 1)
                yield from self._attribute(base, attribute) if base else ()
            case cst.Call():
                defined = self.names.definition(node.func, scope, interest="anything")
                if isinstance(defined, Function):
                    yield from self._returned(defined)

    def _bindings(self, node: cst.Name | cst.Attribute, scope: Scope, depth: int) -> Iterator[tuple[Binding, Scope]]:
        """The bindings of a variable, with the scope that has it; an imported one is looked up where it comes from."""
        found = scope.lookup(node.value) if isinstance(node, cst.Name) else None
        if found is None:
            yield from self._elsewhere(node, scope, depth)
            return
        for binding in found[1] if len(found[1]) <= _MAX_BINDINGS else ():
            if binding.kind == "import":
                yield from self._imported(binding.qualified, found[0], depth)
            else:
                yield binding, found[0]

    def _elsewhere(self, node: cst.Name | cst.Attribute, scope: Scope, depth: int) -> Iterator[tuple[Binding, Scope]]:
        if isinstance(node, cst.Attribute):
            qualified = self.names.qualify(node, scope)
            yield from self._imported(qualified, scope, depth) if qualified else ()
            return
        for star in scope.module.stars:
            found = list(self._imported(f"{star}.{node.value}", scope, depth))
            if found:
                yield from found
                return

    def _imported(self, qualified: str, scope: Scope, depth: int) -> Iterator[tuple[Binding, Scope]]:
        target = self.names.target(qualified, scope.origin, "anything")
        if depth > _MAX_DEPTH or target is None or target.scope is None:
            return
        bindings = target.scope.bindings.get(target.variable, ())
        for binding in bindings if len(bindings) <= _MAX_BINDINGS else ():
            if binding.kind == "import":
                yield from self._imported(binding.qualified, target.scope, depth + 1)
            else:
                yield binding, target.scope

    def _value(self, binding: Binding, scope: Scope, name: str) -> Value:
        if binding.kind == "parameter" and scope.function:
            default = next((p.default for p in scope.function.parameters if p.name == name), None)
            return Value(default, scope.function.parent, f"parameter '{name}'")
        return Value(None if binding.entered else binding.value, scope)

    def _object(self, node: cst.BaseExpression, scope: Scope, depth: int) -> Object | None:
        if depth > _MAX_DEPTH:
            return None
        match node:
            case cst.Await(expression=inner) | cst.NamedExpr(value=inner):
                return self._object(inner, scope, depth + 1)
            case cst.Call():
                return self._made(node, scope, depth)
            case cst.Name() | cst.Attribute():
                defined = self.names.definition(node, scope, interest="anything")
                if isinstance(defined, Class):
                    return Object(defined, is_instance=False)
                return self._own(node, scope) or self._bound(node, scope, depth)
        return None

    def _own(self, node: cst.BaseExpression, scope: Scope) -> Object | None:
        """`self` in a method."""
        function = scope.function
        if function and function.owner and function.parameters and isinstance(node, cst.Name):
            return Object(function.owner) if function.parameters[0].name == node.value else None
        return None

    def _bound(self, node: cst.Name | cst.Attribute, scope: Scope, depth: int) -> Object | None:
        for binding, home in self._bindings(node, scope, depth):
            found = self._annotated(binding.annotation, home)
            if found:
                return found
        if isinstance(node, cst.Attribute):  # `database: DatabaseSettings = Field(default_factory=...)`
            for current in self._classes(self._object(node.value, scope, depth + 1)):
                for binding in current.scope.bindings.get(node.attr.value, ()):
                    found = self._annotated(binding.annotation, current.scope)
                    if found:
                        return found
        values = list(self._values(node, scope, depth + 1))
        known = [o for v in values if v.node is not None and (o := self._object(v.node, v.scope, depth + 1))]
        return known[0] if len(known) == 1 else None

    def _made(self, node: cst.Call, scope: Scope, depth: int) -> Object | None:
        defined = self.names.definition(node.func, scope, interest="anything")
        if isinstance(defined, Class):
            return Object(defined, made=(node, scope))
        if isinstance(defined, Function):
            returns = defined.node.returns if isinstance(defined.node, cst.FunctionDef) else None
            annotated = self._annotated(returns.annotation, defined.parent) if returns else None
            made = [self._object(v.node, v.scope, depth + 1) for v in self._returned(defined) if v.node is not None]
            return made[0] if len(made) == 1 and made[0] else annotated
        qualified = self.names.qualify(node.func, scope)
        return Object(library=qualified, made=(node, scope)) if qualified else None

    def _annotated(self, annotation: cst.BaseExpression | None, scope: Scope) -> Object | None:
        """An instance of the class that an annotation names: `Settings`, `Annotated[Settings, Depends(...)]`."""
        if isinstance(annotation, cst.Subscript):
            first = annotation.slice[0].slice
            annotation = first.value if isinstance(first, cst.Index) else None
        if annotation is None:
            return None
        defined = self.names.definition(annotation, scope, interest="anything")
        return Object(defined) if isinstance(defined, Class) else None

    def _classes(self, base: Object | None) -> Iterator[Class]:
        yield from self.names.ancestors(base.owner) if base and base.owner else ()

    def _attribute(self, base: Object, name: str) -> Iterator[Value]:
        if base.made:
            given = given_arguments(*base.made, bound_values).named.get(name, ())
            if given:
                yield from given
                return
        classes = list(self._classes(base))
        fields = base.is_instance and not any("__init__" in c.methods for c in classes)
        prefix = self._variables(base) if fields else None
        variable = f"{prefix}{name}".upper() if prefix is not None else ""
        for current in classes:
            found = [
                Value(b.value, current.scope, f"field {current.name}.{name}", variable)
                if fields and b.annotation
                else Value(b.value, current.scope)
                for b in current.scope.bindings.get(name, ())
                if b.value is not None or (variable and b.annotation)
            ]
            found += [Value(value, scope) for value, scope in current.attributes.get(name, ())]
            method = current.methods.get(name)
            if not found and method and self.names.is_property(method):
                found += self._returned(method)
            if found:
                yield from found
                return

    def _variables(self, base: Object) -> str | None:
        """What the environment variables that set the fields of a class begin with; None when none do."""
        names = {name for current in self._classes(base) for name in self._bases(current)}
        setting = next((s for n in names if (s := self.names.models.settings.get(n)) and s.prefix), None)
        if setting is None:
            return None
        for current in self._classes(base):
            for node in descendants(current.node.body, into_functions=False):
                match node:
                    case cst.Arg(keyword=cst.Name(value=word), value=value) if word == setting.prefix:
                        return str(literal(value))
                    case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=word))], value=value):
                        if word == setting.prefix:
                            return str(literal(value))
        return ""

    def _bases(self, owner: Class) -> Iterator[str]:
        yield from (self.names.qualify(base.value, owner.parent) for base in owner.node.bases)

    def _returned(self, function: Function) -> Iterator[Value]:
        node = function.node
        if isinstance(node, cst.Lambda):
            yield Value(node.body, function.scope)
            return
        if function.is_generator:
            return
        for part in descendants(node.body, into_functions=False):
            if isinstance(part, cst.Return):
                yield Value(part.value, function.scope)
