"""Types of expressions, as far as connections need them, without regard to control flow.

A type is the name of a modelled one (`asyncpg.Pool`), or that which `Definitions.local_type` gives a class of the
project. An empty text stands for what is not known. A form is a type, or says how something leads to one: a list of
pools is of no type that matters, but its elements are (`program/forms.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import libcst as cst

from pooclint.models import Call
from pooclint.program.annotations import Annotations
from pooclint.program.circles import Memo
from pooclint.program.decorators import Decorators
from pooclint.program.definitions import Definitions
from pooclint.program.exports import Interest
from pooclint.program.forms import CLASS, FACTORY, ITEMS, VALUES, heir_form, led_to, only, plain
from pooclint.program.imports import Imports, Target
from pooclint.program.keywords import argument_keys
from pooclint.program.literals import literal
from pooclint.program.places import Origin
from pooclint.program.scopes import Binding, Class, Function, Scope
from pooclint.source.nodes import nodes_of

_MAX_STEPS = 12
"""Names of names are followed this far."""


@dataclass(slots=True)
class Types:
    """Look-up of types. Its state is a memo, and what is being worked out."""

    imports: Imports
    definitions: Definitions
    decorators: Decorators
    annotations: Annotations
    calls: Callable[[cst.Call, Scope], tuple[Call, ...]] = field(init=False)
    """Finds the model entries of a call: they say what it returns."""
    keeps: Callable[[Origin], bool] = lambda _: False
    """Whether settings of the project of a module give the queries of classes a meaning that nothing imported shows."""
    inferring: int = 0
    """How many types are being worked out: what is concluded meanwhile may rest on one that is cut off."""
    _types: Memo[tuple[int, int, Interest], str] = field(default_factory=dict)
    _named: Memo[tuple[int, str, Interest], str] = field(default_factory=dict)
    _parts: Memo[tuple[int, int, int, Interest], str] = field(default_factory=dict)
    _returns: dict[int, tuple[cst.BaseExpression, ...]] = field(default_factory=dict)
    _built: Memo[int, tuple[tuple[cst.Call, Scope, int], ...]] = field(default_factory=dict)

    def forget(self) -> None:
        """Forget what was looked up so far."""
        self._types.clear()
        self._named.clear()
        self._parts.clear()
        self._returns.clear()
        self._built.clear()
        self.inferring = 0

    # ---------------------------------------------------------------- expressions

    def type_of(self, node: cst.CSTNode, scope: Scope, interest: Interest = "acquires") -> str:
        """The modelled or local type of an expression, without regard to control flow; empty when unknown.

        Args:
            interest: which names of other modules are worth a parse.
        """
        return plain(self.form_of(node, scope, interest))

    def form_of(self, node: cst.CSTNode, scope: Scope, interest: Interest = "acquires") -> str:
        """The type of an expression, or how it leads to one; empty when unknown. Arguments as in `type_of`."""
        key = (id(node), id(scope), interest)
        known = self._types.get(key)
        if known is not None:
            return self.imports.circles.again(known)

        def work() -> str:
            self.inferring += 1
            found = self._infer(node, scope, interest)
            self.inferring -= 1
            return found

        return self.imports.circles.answer(self._types, key, "", work)

    def _infer(self, node: cst.CSTNode, scope: Scope, interest: Interest) -> str:
        match node:
            case cst.Name(value=name):
                return self._form_of_name(name, scope, interest)
            case cst.Attribute(value=base, attr=attribute):
                owner = self.type_of(base, scope, interest)
                if owner:
                    return self._form_of_attribute(owner, attribute.value, interest)
                leads = attribute.value in self.imports.models.class_attributes
                far: Interest = "anything" if leads and self.keeps(scope.origin) else interest
                named = self.definitions.definition(base, scope, interest=far) if leads else None
                if isinstance(named, Class):
                    return self.attribute_type(self.modelled_base(named), attribute.value)
                return self.type_of_target(self.imports.leads_to(node, scope, interest), interest)
            case cst.Await(expression=inner) | cst.NamedExpr(value=inner):
                return self.type_of(inner, scope, interest)
            case cst.BooleanOperation(left=one, right=other) | cst.IfExp(body=one, orelse=other):
                first = self.form_of(one, scope, interest)
                second = "" if plain(first) else self.form_of(other, scope, interest)
                return second if plain(second) else first or second
            case cst.Subscript(value=several):
                return self._type_of_item(self.form_of(several, scope, interest)) if _is_index(node) else ""
            case cst.Call():
                return self._type_of_call(node, scope, interest)
        return ""

    def _type_of_item(self, form: str) -> str:
        """The type of what an index gives, of a collection or of what a library lets be indexed."""
        models = self.imports.models
        found = next(iter(models.methods(plain(form), "__getitem__")), None)
        return models.canonical(found.returns) if found else led_to(form, ITEMS, VALUES)

    def _type_of_call(self, node: cst.Call, scope: Scope, interest: Interest) -> str:
        found = self.calls(node, scope)
        if found:
            known = self.imports.models.canonical(found[0].returns) or self._type_by_argument(node, found[0], scope)
            return self._heir(node, known, scope, interest) or known
        defined = self.definitions.definition(node.func, scope, interest=interest)
        if isinstance(defined, Class):
            return self.definitions.local_type(defined)
        if isinstance(defined, Function) and not defined.is_generator:
            return self.returned_type(defined)
        if defined is not None:
            return ""
        return led_to(self.form_of(node.func, scope), CLASS, FACTORY) or self.looked_up(node, scope, interest)

    def _heir(self, node: cst.Call, known: str, scope: Scope, interest: Interest) -> str:
        """The form of what a call gives that makes an object of a class which the project derives from that type."""
        made = self.definitions.definition(node.func, scope, interest=interest)
        if not known or not isinstance(made, Class) or self.modelled_base(made) != known:
            return ""
        return heir_form(self.definitions.local_type(made), known)

    def _type_by_argument(self, node: cst.Call, model: Call, scope: Scope) -> str:
        """`cast(Pool, value)`: what the one argument names, or the type of the other."""
        if not model.gives:
            return ""
        given = dict(zip(argument_keys(node), (a.value for a in node.args), strict=True))
        named = (self.annotations.annotated(given[key], scope) for key in model.typed_by if key in given)
        return next((t for t in named if t), "") or next(
            (t for key in model.gives if key in given and (t := self.type_of(given[key], scope))), ""
        )

    # ---------------------------------------------------------------- names

    def type_of_name(self, name: str, scope: Scope, interest: Interest = "acquires") -> str:
        """The modelled or local type of what a name stands for in a scope; empty when unknown. Arguments as in
        `type_of`."""
        return plain(self._form_of_name(name, scope, interest))

    def _form_of_name(self, name: str, scope: Scope, interest: Interest) -> str:
        found = scope.lookup(name)
        if found is None:
            return self.type_of_target(self.imports.unbound(name, scope, interest), interest)
        holder, bindings = found
        key = (id(holder), name, interest)
        known = self._named.get(key)
        if known is not None:
            return self.imports.circles.again(known)

        def work() -> str:
            return only(self._type_of_binding(name, binding, holder, interest) for binding in bindings)

        settled = self.inferring == 1 and not self.imports.following
        return self.imports.circles.once(self._named, key, work, settled)

    def _type_of_binding(self, name: str, binding: Binding, holder: Scope, interest: Interest = "acquires") -> str:
        if binding.annotation is not None:
            annotated = self.annotations.form(binding.annotation, holder, interest)
            if annotated:
                return annotated
        if binding.kind == "parameter" and holder.function:
            return self._type_of_parameter(name, holder.function)
        if binding.kind == "import":
            return self.type_of_target(self.imports.target(binding.qualified, holder.origin, interest), interest)
        if isinstance(binding.node, (cst.For, cst.CompFor)):
            return self._type_of_element(name, binding.node, holder, interest)
        if binding.unpacked is not None:
            return self._type_of_part(*binding.unpacked, holder, interest)
        if binding.value is None:
            return ""
        if binding.entered:
            return self.entered_type(binding.value, holder)
        return self.form_of(binding.value, holder, interest)

    def _type_of_part(self, node: cst.BaseExpression, place: int, scope: Scope, interest: Interest) -> str:
        """The type of an element of a tuple that is written out, or that a function of the project returns."""
        key, answer = (id(node), id(scope), place, interest), self.imports.circles.answer
        return answer(self._parts, key, "", lambda: self._infer_part(node, place, scope, interest))

    def _infer_part(self, node: cst.BaseExpression, place: int, scope: Scope, interest: Interest) -> str:
        match node:
            case cst.Await(expression=inner):
                return self._type_of_part(inner, place, scope, interest)
            case cst.Tuple(elements=elements) if place < len(elements):
                return self.type_of(elements[place].value, scope, interest)
            case cst.Name(value=name) if found := scope.lookup(name):
                tuples = (b.value for b in found[1] if isinstance(b.value, cst.Tuple))
                return only(self._type_of_part(t, place, found[0], interest) for t in tuples)
            case cst.Call(func=called):
                maker = self.definitions.definition(called, scope, interest=interest)
                if isinstance(maker, Function) and not maker.is_generator:
                    annotated = maker.node.returns if isinstance(maker.node, cst.FunctionDef) else None
                    known = self.annotations.part(annotated.annotation, place, maker.parent) if annotated else ""
                    returned = () if known else self._returned(maker)
                    return known or only(self._type_of_part(v, place, maker.scope, interest) for v in returned)
        return ""

    def _type_of_element(self, name: str, loop: cst.For | cst.CompFor, scope: Scope, interest: Interest) -> str:
        """The type of what a loop binds to a name: an element of a list, a value of a dictionary."""
        match loop.iter, loop.target:
            case (
                cst.Call(func=cst.Attribute(value=mapping, attr=cst.Name(value="items")), args=[]),
                cst.Tuple(elements=[_, cst.Element(value=bound)]),
            ):
                found = led_to(self.form_of(mapping, scope, interest), VALUES)
            case several, bound:
                found = self.element_type(several, scope, interest)
        return found if isinstance(bound, cst.Name) and bound.value == name else ""

    def element_type(self, node: cst.BaseExpression, scope: Scope, interest: Interest = "acquires") -> str:
        """The type of what reading a collection gives; empty when unknown. Arguments as in `type_of`."""
        match node:
            case cst.Call(func=cst.Attribute(value=mapping, attr=cst.Name(value="values")), args=[]):
                return led_to(self.form_of(mapping, scope, interest), VALUES)
        return led_to(self.form_of(node, scope, interest), ITEMS)

    def looked_up(self, node: cst.Call, scope: Scope, interest: Interest = "acquires") -> str:
        """The type of what `get` and its kind find in a mapping; empty when unknown, or no such call. Arguments as
        in `type_of`."""
        match node.func:
            case cst.Attribute(value=mapping, attr=cst.Name(value="get" | "pop" | "setdefault")):
                return led_to(self.form_of(mapping, scope, interest), VALUES)
        return ""

    def _type_of_parameter(self, name: str, function: Function) -> str:
        first = function.parameters[0].name if function.parameters else ""
        if function.owner and name == first:
            return self.definitions.local_type(function.owner)
        default = next((p.default for p in function.parameters if p.name == name), None)
        if isinstance(default, cst.Call):
            return self.provided(default, function.parent)
        known = self.form_of(default, function.parent) if default is not None else ""
        return known or self._given_to_constructor(name, function)

    def _given_to_constructor(self, name: str, function: Function) -> str:
        """The type of what a parameter of a constructor that has no annotation is given wherever its module builds such
        an object; empty where nothing is known of one of the calls, or they contradict each other."""
        which = next((p for p in function.parameters if p.name == name), None)
        if function.owner is None or function.name != "__init__" or which is None or which.annotation:
            return ""
        if which.kind in ("args", "kwargs"):
            return ""
        place = function.parameters.index(which) - 1 if which.kind == "positional" else None
        found = set[str]()
        for node, scope, before in self._constructions(function.owner):
            given = dict(zip(argument_keys(node), (a.value for a in node.args), strict=True))
            if "*" in given or "**" in given:
                return ""
            at = place + before if place is not None else name
            value = given.get(name, given.get(at, which.default))
            if value is None:
                return ""
            if literal(value) is not None:  # without one it is not used
                found.add(self.form_of(value, scope))
        return found.pop() if len(found) == 1 else ""

    def _constructions(self, owner: Class) -> tuple[tuple[cst.Call, Scope, int], ...]:
        """The calls of its module that run the constructor of a class, each with the number of arguments before those
        that are the constructor's."""
        answer = self.imports.circles.answer
        return answer(self._built, id(owner), (), lambda: tuple(self._runs_constructor(owner)))

    def _runs_constructor(self, owner: Class) -> Iterator[tuple[cst.Call, Scope, int]]:
        self.imports.looks_around(owner.scope)
        for part in owner.scope.module.mentioning(owner.name):
            for node, scope in part.calls(owner.name):
                if self.definitions.definition(node.func, scope) is owner:
                    yield node, scope, 0
            for heir in part.heirs(owner.name):
                named = (b for b in heir.bases if isinstance(b, cst.Name))
                if any(self.definitions.definition(b, heir.parent) is owner for b in named):
                    own = heir.methods.get("__init__")
                    yield from _passed_on(own, owner) if own else self._constructions(heir)

    def provided(self, node: cst.Call, scope: Scope) -> str:
        """Type that a framework injects for `Depends(provider)`; empty when the call is no such thing."""
        dependency = self.imports.models.dependencies.get(self.imports.qualify(node.func, scope))
        if dependency is None or not node.args:
            return ""
        provider = self.definitions.definition(node.args[0].value, scope)
        return self.yielded_type(provider) or self.returned_type(provider) if isinstance(provider, Function) else ""

    def type_of_target(self, target: Target | None, interest: Interest = "acquires") -> str:
        """The type of a variable of another module; empty when the target is none. Arguments as in `type_of`."""
        return self.type_of_name(target.variable, target.scope, interest) if target and target.scope else ""

    def types_of(self, target: Target) -> tuple[str, ...]:
        """The types that a variable of a module is of, or stands for in an annotation; none when they are unknown."""
        if target.scope is None:
            return ()
        found = self.type_of_target(target), self.annotations.alias(target.variable, target.scope)
        return tuple(t for t in found if t)

    # ---------------------------------------------------------------- classes

    def attribute_type(self, owner_type: str, attribute: str) -> str:
        """The modelled or local type of an attribute of an object of that type; empty when unknown."""
        return plain(self._form_of_attribute(owner_type, attribute))

    def _form_of_attribute(self, owner_type: str, attribute: str, interest: Interest = "acquires") -> str:
        owner = self.definitions.local_class(owner_type)
        if owner is None:
            return self.imports.models.attribute(owner_type, attribute)
        for current in self.definitions.ancestors(owner):
            # What methods assign is what is there; a declaration may say less, or be wrong.
            known = only(self.form_of(v, s, interest) for v, s in current.attributes.get(attribute, ()))
            declared = current.scope.bindings.get(attribute, ())
            known = known or only(self._type_of_binding(attribute, b, current.scope, interest) for b in declared)
            method = current.methods.get(attribute)
            if not known and method and self.decorators.is_property(method):
                known = self.returned_type(method)
            if known:
                return known
        return ""

    def modelled_base(self, owner: Class) -> str:
        """The modelled type that a class of the project derives from; empty when there is none."""
        models = self.imports.models
        for current in self.definitions.ancestors(owner):
            for base in current.bases:
                qualified = self.imports.qualify(base, current.parent)
                named = qualified if models.type(qualified) else self.type_of(base, current.parent)
                if models.type(named):
                    return models.canonical(named)
        return ""

    # ---------------------------------------------------------------- what functions and managers give

    def returned_type(self, function: Function) -> str:
        """Type of what a function returns: its annotation, unless that names several, else that of the first `return`
        whose type is known; nothing where they are of several types of libraries (a client, or its asynchronous
        twin)."""
        node = function.node
        if isinstance(node, cst.Lambda):
            return self.type_of(node.body, function.scope)
        if node.returns:
            named = self.annotations.named(node.returns.annotation, function.parent)
            if named:
                return only(named)
        known = [t for v in self._returned(function) if (t := self.type_of(v, function.scope))]
        of_libraries = {t for t in known if self.imports.models.type(t)}
        return "" if len(of_libraries) > 1 else next(iter(known), "")

    def _returned(self, function: Function) -> tuple[cst.BaseExpression, ...]:
        """What the `return` statements of a function give."""
        if id(function) not in self._returns:
            statements = nodes_of(cst.Return, function.body_nodes)
            self._returns[id(function)] = tuple(n.value for n in statements if n.value)
        return self._returns[id(function)]

    def yielded_type(self, function: Function) -> str:
        """Type of what a generator function yields first."""
        node = function.node
        if not function.is_generator or isinstance(node, cst.Lambda):
            return ""
        annotated = self.annotations.yielded(node.returns.annotation, function.parent) if node.returns else ""
        if annotated:
            return annotated
        for inner in nodes_of(cst.Yield, function.body_nodes):
            if isinstance(inner.value, cst.BaseExpression):
                return self.type_of(inner.value, function.scope)
        return ""

    def entered_type(self, node: cst.BaseExpression, scope: Scope) -> str:
        """Type of the `as` target of `with node`."""
        models = self.imports.models
        if isinstance(node, cst.Call):
            found = self.calls(node, scope)
            if found:
                call = found[0]
                if call.owned_by and node.args and not call.acquires and isinstance(call.owned_by[0], int):
                    return self.type_of(node.args[call.owned_by[0]].value, scope)
                type_ = models.type(call.returns)
                return models.canonical(call.enter or (type_.enter if type_ and type_.enter else call.returns))
            defined = self.definitions.definition(node.func, scope)
            if isinstance(defined, Function) and self.decorators.is_context_manager(defined):
                return self.yielded_type(defined)
        entered = self.type_of(node, scope)
        type_ = models.type(entered)
        return models.canonical(type_.enter) if type_ and type_.enter else entered

    # ---------------------------------------------------------------- values

    def origin(self, node: cst.BaseExpression, scope: Scope, steps: int = 0) -> cst.Call | None:
        """The one call that makes what a name or attribute stands for; None where there are several, or none is
        known."""
        if isinstance(node, cst.Await):
            return self.origin(node.expression, scope, steps)
        if isinstance(node, cst.Call):
            return node
        if steps > _MAX_STEPS:
            return None
        values: list[tuple[cst.BaseExpression | None, Scope]] = []
        if isinstance(node, cst.Name):
            found = scope.lookup(node.value)
            values = [(b.value, found[0]) for b in found[1]] if found else []
        elif isinstance(node, cst.Attribute):
            owner = self.definitions.local_class(self.type_of(node.value, scope))
            for current in self.definitions.ancestors(owner) if owner else ():
                values += [(b.value, current.scope) for b in current.scope.bindings.get(node.attr.value, ())]
                values += current.attributes.get(node.attr.value, ())
        given = [(v, s) for v, s in values if v is None or literal(v) is not None]  # `pool = None` only declares it
        if len(given) != 1 or given[0][0] is None:
            return None
        return self.origin(given[0][0], given[0][1], steps + 1)


def _is_index(node: cst.Subscript) -> bool:
    """True for `x[i]`, and not for a slice."""
    return len(node.slice) == 1 and isinstance(node.slice[0].slice, cst.Index)


def _passed_on(function: Function, owner: Class) -> Iterator[tuple[cst.Call, Scope, int]]:
    """How a constructor calls that of its base: `super().__init__(...)`, `Base.__init__(self, ...)`."""
    for node in nodes_of(cst.Call, function.body_nodes):
        match node.func:
            case cst.Attribute(value=cst.Call(func=cst.Name(value="super")), attr=cst.Name(value="__init__")):
                yield node, function.scope, 0
            case cst.Attribute(value=cst.Name(value=base), attr=cst.Name(value="__init__")) if base == owner.name:
                yield node, function.scope, 1
