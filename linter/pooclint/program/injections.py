"""What a framework injects into a parameter, and who provides it: `Depends(get_session)`."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from pooclint.program.definitions import Definitions
from pooclint.program.imports import Target
from pooclint.program.keywords import literal_arguments
from pooclint.program.scopes import Class, Function, Parameter, Scope
from pooclint.source.nodes import children, descendants, nodes_of


@dataclass(frozen=True, slots=True)
class Injection:
    """A parameter's value that a framework takes from a provider."""

    provider: Function | None
    """None where it is not a function of the project."""
    after_response: bool
    """True when a yielding provider is resumed only once the whole response has been sent."""
    runs_once: bool
    """True when the framework keeps what the provider gave, for as long as the application lives."""


@dataclass(frozen=True, slots=True)
class Injections:
    """Look-up of injections. It keeps nothing."""

    definitions: Definitions

    def injected(self, parameter: Parameter, scope: Scope) -> Injection | None:
        """How a framework injects a parameter's value.

        Args:
            parameter: of a function.
            scope: the one around the function.
        """
        found = self._injection(parameter.default, scope, parameter.annotation)
        return found or self._injection(parameter.annotation, scope)

    def is_injection(self, target: Target) -> bool:
        """True for a variable that stands for a framework's injection in an annotation or default."""
        found = target.scope.bindings.get(target.variable, ()) if target.scope else ()
        return any(self._injection(b.value, target.scope) for b in found if target.scope)

    def dependency(self, node: cst.BaseExpression | None, scope: Scope) -> Function | None:
        """The function that provides, for each request anew, what an annotation or a default injects; of a class, its
        constructor."""
        found = self._injection(node, scope)
        return found.provider if found and not found.runs_once else None

    def _injection(
        self, node: cst.BaseExpression | None, scope: Scope, annotation: cst.BaseExpression | None = None
    ) -> Injection | None:
        """The framework's injection in an annotation or a default (`Depends(get_session)`).

        Args:
            node: the annotation or default.
            scope: where it stands.
            annotation: what names the provider where the injection does not (`service: Service = Depends()`).
        """
        if node is None:
            return None
        alias = self._alias(node, scope)
        if alias:
            return self._injection(*alias)
        if annotation is None and isinstance(node, cst.Subscript) and isinstance(node.slice[0].slice, cst.Index):
            annotation = node.slice[0].slice.value  # `Annotated[Service, Depends()]`
        imports = self.definitions.imports
        parts = [node, *children(node)] if isinstance(node, cst.Call) else descendants(node)
        for inner in nodes_of(cst.Call, parts):
            model = imports.models.dependencies.get(imports.qualify(inner.func, scope))
            if model:
                named = inner.args[0].value if inner.args else annotation
                provider = self.definitions.definition(named, scope) if named is not None else None
                given = literal_arguments(inner)
                early = any(given.get(key, ...) == value for key, value in model.ends_early.items())
                once = any(given.get(key, ...) == value for key, value in model.runs_once.items())
                found = self.definitions.method(provider, "__init__") if isinstance(provider, Class) else provider
                return Injection(found, model.after_response and not early, once)
        return None

    def _alias(self, node: cst.BaseExpression, scope: Scope) -> tuple[cst.Subscript, Scope] | None:
        """The `Annotated[...]` that a name stands for, with the scope to read it in."""
        found = scope.lookup(node.value) if isinstance(node, cst.Name) else None
        if found and any(b.kind == "import" for b in found[1]):
            target = self.definitions.imports.leads_to(node, scope)
            found = target.scope.lookup(target.variable) if target and target.scope else None
        values = (b.value for b in found[1]) if found else ()
        return next(((v, found[0]) for v in values if isinstance(v, cst.Subscript) and found), None)
