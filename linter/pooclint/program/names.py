"""What names and expressions mean: qualified names, local definitions, types as far as connections need them."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import cast

import libcst as cst

from pooclint.models import Call, Models
from pooclint.program.circles import Circles
from pooclint.program.decorators import keeps_result
from pooclint.program.exports import Interest
from pooclint.program.keywords import argument_keys, keywords
from pooclint.program.literals import literal
from pooclint.program.modules import Modules
from pooclint.program.places import Origin
from pooclint.program.scopes import Binding, Class, Function, Index, Parameter, Scope, children, descendants, nodes_of
from pooclint.source.parts import CODE

_MAX_STEPS = 12  # aliases of aliases are followed this far
_MAX_IMPORTS = 24  # and names that modules pass on to each other
_OPTIONAL = frozenset(
    {"typing.Optional", "typing.Annotated", "typing_extensions.Annotated", "typing.Final", "typing.ClassVar"}
)
_UNION = frozenset({"typing.Union"})
_CONTAINERS = frozenset(
    {"list", "dict", "set", "tuple", "type", "List", "Dict", "Set", "Tuple", "Type", "Sequence", "Iterable", "Callable"}
)
_YIELDING = frozenset({"Generator", "AsyncGenerator", "Iterator", "AsyncIterator", "Iterable", "AsyncIterable"})
_ONCE = frozenset({"functools.lru_cache", "functools.cache", "functools.cached_property"})
_PROPERTIES = frozenset({"builtins.property", "functools.cached_property"})
_ABSTRACT = frozenset({"abc.abstractmethod", "abc.abstractproperty"})
_CONTEXT_MANAGERS = frozenset({"contextlib.contextmanager", "contextlib.asynccontextmanager"})


@dataclass(frozen=True, slots=True)
class Target:
    """What the dotted name of an import leads to in the project."""

    name: str = ""
    """The qualified name outside the project that it only passes on (`httpx.Client` of `app.http.Client`)."""
    defined: Function | Class | None = None
    scope: Scope | None = None
    """For a variable of a module: the scope that binds it as `variable`."""
    variable: str = ""


@dataclass(frozen=True, slots=True)
class Injection:
    """A parameter's value that a framework takes from a provider."""

    provider: Function | None
    """None where it is not a function of the project."""
    after_response: bool
    """True when a yielding provider is resumed only once the whole response has been sent."""


@dataclass(slots=True)
class Names:
    """Look-up over the modules of a project and the models. Its only state is a memo."""

    models: Models
    modules: Modules | None = None
    """The module graph; None where a file is looked at alone."""
    keeps: Callable[[Origin], bool] = lambda _: False
    """Whether settings of the project of a module give the queries of classes a meaning that nothing imported shows."""
    circles: Circles = field(default_factory=Circles)
    """Of all questions about the project that may lead to themselves."""
    _types: dict[tuple[int, int], str] = field(default_factory=dict)
    _locals: dict[str, Class] = field(default_factory=dict)
    _targets: dict[tuple[str, Origin, Interest], Target | None] = field(default_factory=dict)
    _starring: dict[tuple[str, tuple[str, ...], Origin, Interest], Target | None] = field(default_factory=dict)
    _calls: dict[tuple[int, int, str, str], tuple[Call, ...]] = field(default_factory=dict)
    _qualified: dict[tuple[int, str], str] = field(default_factory=dict)
    _definers: dict[tuple[int, str], Binding | None] = field(default_factory=dict)
    _named: dict[tuple[int, str], str] = field(default_factory=dict)
    _returns: dict[int, tuple[cst.BaseExpression, ...]] = field(default_factory=dict)
    _attributes: dict[int, frozenset[str]] = field(default_factory=dict)
    only_called: dict[tuple[int, str], bool] = field(default_factory=dict)
    """By class and attribute, what `program/attributes.py` has found of it."""
    _inferring: int = 0
    """How many types are being worked out: what is concluded meanwhile may rest on one that is cut off."""
    _following: int = 0
    """How many imports are being followed; as above."""

    def forget(self) -> None:
        """Forget what was looked up so far."""
        for memo in (
            self._types,
            self._locals,
            self._targets,
            self._starring,
            self._calls,
            self._qualified,
            self._named,
            self.only_called,
        ):
            memo.clear()
        self.circles.forget()
        self._inferring = self._following = 0

    def looks_around(self, scope: Scope) -> None:
        """Note that what is known of the definition that a scope is part of rests on all of its module."""
        origin = scope.origin
        if self.modules is not None and origin.path:
            self.modules.exports.places.consulted.used(origin.path, origin.path, CODE, part=origin.part)

    def qualify(self, node: cst.CSTNode, scope: Scope, steps: int = 0) -> str:
        """The qualified name that an expression stands for; empty when it is no name of an import or a builtin.

        Assignments that only rename (`Client = httpx.AsyncClient`) are followed, and so is what modules of the project
        pass on.
        """
        found = self._qualify(node, scope, steps)
        if not found or self.modules is None or found.startswith("builtins."):
            return found
        target = self.target(found, scope.origin)
        return target.name if target and target.name else found

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
        if key in self._targets:
            return self._targets[key]
        if self._following > _MAX_IMPORTS:  # a circle in which the name grows with each turn
            return None
        modules, parts = self.modules, qualified.split(".")

        def work() -> Target | None:
            tops = modules.exports.places.tops(parts[0], origin)
            self._following += 1
            ways = (self._walk(modules, place, parts[1:], origin, interest) for place in tops)
            found = next((found for found in ways if found), None)
            self._following -= 1
            return found

        return self.circles.answer(self._targets, key, None, work)

    def _walk(
        self, modules: Modules, place: str, parts: list[str], origin: Origin, interest: Interest
    ) -> Target | None:
        """Follow attribute after attribute from a module: a name that it binds, else a submodule."""
        for position, part in enumerate(parts):
            index = modules.symbol(place, part, interest, origin)
            if index and index.binds(part):
                return self._bound(index, part, parts[position + 1 :], interest)
            for star in index.stars if index else ():
                inner = index.view(part).origin if index else origin
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

    def _bound(self, index: Index, name: str, rest: list[str], interest: Interest) -> Target | None:
        """What a name that a module binds leads to."""
        bindings, scope = index.bindings(name), index.view(name)
        for binding in reversed(bindings):
            if binding.kind == "import":
                qualified = ".".join((binding.qualified, *rest))
                return self.target(qualified, scope.origin, interest) or Target(qualified)
            if isinstance(binding.defined, Class):
                method = self.method(binding.defined, rest[0]) if len(rest) == 1 else None
                return Target(defined=method or binding.defined) if method or not rest else None
            if binding.defined:
                return Target(defined=binding.defined) if not rest else None
        renamed = next((b.value for b in bindings if isinstance(b.value, (cst.Name, cst.Attribute))), None)
        if renamed is not None and not any(b.entered for b in bindings):
            qualified = self.qualify(renamed, scope)
            if qualified:
                full = ".".join((qualified, *rest))
                return self.target(full, scope.origin, interest) or Target(full)
        return Target(scope=scope, variable=name) if not rest else None

    def _qualify(self, node: cst.CSTNode, scope: Scope, steps: int) -> str:
        kind = type(node)  # asked for every call: `isinstance` of an abstract base class is slow
        if kind is cst.Attribute:
            attribute = cast(cst.Attribute, node)
            base = self._qualify(attribute.value, scope, steps)
            return f"{base}.{attribute.attr.value}" if base else ""
        if kind is not cst.Name or steps > _MAX_STEPS:
            return ""
        node = cast(cst.Name, node)
        found = scope.lookup(node.value)
        if found is None:
            return f"builtins.{node.value}" if hasattr(builtins, node.value) else self._by_star(node.value, scope)
        key = (id(found[0]), node.value)
        known = self._qualified.get(key)
        if known is None:
            known = self._qualify_bound(node, *found, steps)
            if steps == 0:
                self._qualified[key] = known
        return known

    def _qualify_bound(self, node: cst.Name, holder: Scope, bindings: list[Binding], steps: int) -> str:
        imported = [b.qualified for b in bindings if b.kind == "import"]
        if imported:
            return next((q for q in imported if self.models.calls(q) or self.models.type(q)), imported[0])
        for binding in bindings:
            if isinstance(binding.value, (cst.Name, cst.Attribute)) and not binding.entered:
                return self._qualify(binding.value, _outside(holder, binding, node), steps + 1)
        return ""

    def _by_star(self, name: str, scope: Scope, interest: Interest = "acquires") -> str:
        """The qualified name of one that is bound nowhere in a module that imports everything of others."""
        module = scope.module
        for star in module.stars:
            qualified = f"{star}.{name}"
            if self.models.calls(qualified) or self.models.type(qualified):
                return qualified
            if self.target(qualified, scope.origin, interest):
                return qualified
        return ""

    def definition(
        self, node: cst.CSTNode, scope: Scope, steps: int = 0, interest: Interest = "acquires"
    ) -> Function | Class | None:
        """The function or class of the project that an expression names.

        Args:
            interest: which definitions of other modules are worth a parse.
        """
        kind = type(node)  # as in `_qualify`
        if kind is cst.Lambda:
            return scope.module.function(node)
        if kind is cst.Attribute:
            return self._method_definition(cast(cst.Attribute, node), scope, interest)
        if kind is not cst.Name or steps > _MAX_STEPS:
            return None
        node = cast(cst.Name, node)
        found = scope.lookup(node.value)
        if found is None:
            target = self.target(self._by_star(node.value, scope, interest), scope.origin, interest)
            return target.defined if target else None
        binding = self._defining(node.value, *found)
        if binding is None:
            return None
        if binding.defined:
            return binding.defined
        if binding.kind == "import":
            target = self.target(binding.qualified, found[0].origin, interest)
            return target.defined if target else None
        return self.definition(binding.value, found[0], steps + 1, interest) if binding.value is not None else None

    def _defining(self, name: str, holder: Scope, bindings: list[Binding]) -> Binding | None:
        """The last binding of a name that can define a function or class. A name may have thousands."""
        key = (id(holder), name)
        if key not in self._definers:
            renames = (cst.Name, cst.Lambda)
            able = (
                b
                for b in reversed(bindings)
                if b.defined or b.kind == "import" or (isinstance(b.value, renames) and not b.entered)
            )
            self._definers[key] = next(able, None)
        return self._definers[key]

    def _method_definition(self, node: cst.Attribute, scope: Scope, interest: Interest) -> Function | Class | None:
        owner = self.local_class(self.type_of(node.value, scope))
        if owner is None:
            named = self.definition(node.value, scope, interest=interest)
            owner = named if isinstance(named, Class) else None
        if owner is None and interest != "acquires" and self.modules:
            # A variable of a module that mattered to nobody so far: its object is now given something, or called.
            holder = self.target(self._qualify(node.value, scope, 0), scope.origin, interest)
            owner = self.local_class(self._type_of_target(holder))
        if owner:
            return self.method(owner, node.attr.value)
        target = self.target(self._qualify(node, scope, 0), scope.origin, interest) if self.modules else None
        return target.defined if target else None

    def local_class(self, type_name: str) -> Class | None:
        """The class of the project that a type name of `type_of` stands for."""
        return self._locals.get(type_name)

    def local_type(self, owner: Class) -> str:
        """The type name of a class of the project."""
        name = f"<{owner.scope.module.origin.path}:{owner.scope.qualname}>"
        self._locals[name] = owner
        return name

    def ancestors(self, owner: Class, interest: Interest = "acquires") -> Iterator[Class]:
        """The class and its bases in the project, nearest first.

        Args:
            interest: which bases in other modules are worth a parse.
        """
        todo, seen = [owner], set[int]()
        while todo:
            current = todo.pop(0)
            if id(current) in seen:
                continue
            seen.add(id(current))
            yield current
            for base in current.node.bases:
                found = self.definition(_plain(base.value), current.parent, interest=interest)
                if isinstance(found, Class):
                    todo.append(found)

    def method(self, owner: Class, name: str) -> Function | None:
        """A method of a class or of its bases in the project."""
        return next((c.methods[name] for c in self.ancestors(owner) if name in c.methods), None)

    def own_attributes(self, function: Function) -> frozenset[str]:
        """Attributes of its object that a method names, itself or through other methods of the object."""
        return self.circles.answer(self._attributes, id(function), frozenset(), lambda: self._named_by(function))

    def _named_by(self, function: Function) -> frozenset[str]:
        own = function.parameters[0].name if function.owner and function.parameters else ""
        found = {
            n.attr.value
            for n in nodes_of(cst.Attribute, descendants(function.node.body))
            if isinstance(n.value, cst.Name) and n.value.value == own
        }
        called = [m for n in found if function.owner and (m := self.method(function.owner, n))]
        return frozenset(found).union(*(self.own_attributes(m) for m in called))

    def modelled_base(self, owner: Class) -> str:
        """The modelled type that a class of the project derives from; empty when there is none."""
        for current in self.ancestors(owner):
            for base in current.node.bases:
                qualified = self.qualify(_plain(base.value), current.parent)
                qualified = (
                    qualified if self.models.type(qualified) else self.type_of(_plain(base.value), current.parent)
                )
                if self.models.type(qualified):
                    return self.models.canonical(qualified)
        return ""

    def base_names(self, owner: Class) -> frozenset[str]:
        """Qualified names of everything the class derives from."""
        return frozenset(
            name
            for current in self.ancestors(owner)
            for base in current.node.bases
            if (name := self.qualify(_plain(base.value), current.parent))
        )

    def is_context_manager(self, function: Function) -> bool:
        """True for a generator function under `contextmanager` or `asynccontextmanager`."""
        return any(self.qualify(_callee(d), function.parent) in _CONTEXT_MANAGERS for d in function.decorators)

    def is_property(self, function: Function) -> bool:
        """True for a method that is read like an attribute."""
        return any(self.qualify(d, function.parent) in _PROPERTIES for d in function.decorators)

    def has_receiver(self, function: Function) -> bool:
        """True for a method whose first parameter is its object or class."""
        static = any(self.qualify(d, function.parent) == "builtins.staticmethod" for d in function.decorators)
        return function.owner is not None and not static

    def is_class_method(self, function: Function) -> bool:
        """True for a method whose first parameter is the class."""
        return any(self.qualify(d, function.parent) == "builtins.classmethod" for d in function.decorators)

    def is_abstract(self, function: Function) -> bool:
        """True for a method that another class is to define: a call of it may do anything."""
        if function.owner is None or isinstance(function.node, cst.Lambda):
            return False
        marked = any(self.qualify(d, function.parent) in _ABSTRACT for d in function.decorators)
        return marked or all(_says_nothing(line) for line in function.node.body.body)

    def runs_once(self, function: Function) -> bool:
        """True when the function's result is cached, so that its body runs once for each argument."""
        return any(self._caches(_callee(d), function.parent) for d in function.decorators)

    def _caches(self, decorator: cst.BaseExpression, scope: Scope) -> bool:
        qualified = self.qualify(decorator, scope)
        if qualified in _ONCE or qualified in self.models.run_once:
            return True
        defined = self.definition(decorator, scope)
        if not isinstance(defined, Function):
            return False
        # `def cached(f): @lru_cache def wrapper(*args): ...` caches like the decorator that it uses.
        wrappers = (defined.scope.module.function(n) for n in descendants(defined.node.body) if n is not defined.node)
        return keeps_result(defined) or any(w is not None and self.runs_once(w) for w in wrappers)

    def calls(self, node: cst.Call, scope: Scope, receiver: str = "", callee: str = "") -> tuple[Call, ...]:
        """Model entries of a call whose conditions (`only-if`) its literal arguments meet.

        Args:
            receiver: type of the object a method is called on, where the caller knows it better.
            callee: type of what is called, where that is no method and the caller knows it better.
        """
        key = (id(node), id(scope), receiver, callee)
        known = self._calls.get(key)
        if known is None:
            known = tuple(c for c in self._candidates(node, scope, receiver, callee) if self._applies(c, node, scope))
            if not self._inferring and not self._following:
                self._calls[key] = known
        return known

    def _candidates(self, node: cst.Call, scope: Scope, receiver: str, callee: str) -> tuple[Call, ...]:
        qualified = self.qualify(node.func, scope)
        found = self.models.calls(qualified) if qualified else ()
        if not found and isinstance(node.func, cst.Attribute) and not callee:
            found = self._methods(node.func, scope, receiver)
        if found:
            return found
        defined = self.definition(node.func, scope)
        if isinstance(defined, Class):
            return self.models.calls(self.modelled_base(defined))
        return () if defined else self.models.methods(callee or self.type_of(node.func, scope), "__call__")

    def _methods(self, func: cst.Attribute, scope: Scope, receiver: str) -> tuple[Call, ...]:
        method = func.attr.value
        if method not in self.models.call_words:
            return ()
        receiver = receiver or self.type_of(func.value, scope)
        owner = self.local_class(receiver)
        if owner and not self.method(owner, method):
            receiver = self.modelled_base(owner)
        found = self.models.methods(receiver, method)
        if found:
            return found
        # A class method called on the class itself: `Redis.from_url(...)` of an alias or a subclass.
        base = self.models.canonical(self.qualify(func.value, scope))
        found = self.models.calls(f"{base}.{method}") if base else ()
        return found or (() if receiver or owner else self._by_name(method, scope))

    def _by_name(self, method: str, scope: Scope) -> tuple[Call, ...]:
        """Calls that a method's name alone stands for; of twins, the one that fits the kind of function."""
        found = self.models.distinctive.get(method, ())
        asynchronous = scope.function is not None and scope.function.is_async
        return tuple(c for c in found if (c.awaited != "no") == asynchronous)[:1] or found[:1]

    def _applies(self, call: Call, node: cst.Call, scope: Scope) -> bool:
        if call.unless and self._is_given(node, scope, call.unless):
            return False
        if call.when and not self._is_given(node, scope, call.when):
            return False
        if not call.only_if:
            return True
        given = {a.keyword.value: literal(a.value) for a in node.args if a.keyword}
        return all(key in given and given[key] == value for key, value in call.only_if.items())

    def _is_given(self, node: cst.Call, scope: Scope, wanted: Mapping[str, Collection[str]]) -> bool:
        """True when a keyword argument is one of the things that are wanted for it, or a class derived from one."""
        for key, value in keywords(node, scope):
            if key in wanted:
                defined = self.definition(value, scope)
                base = self.modelled_base(defined) if isinstance(defined, Class) else ""
                if self.qualify(value, scope) in wanted[key] or base in wanted[key]:
                    return True
        return False

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
            owner = self.local_class(self.type_of(node.value, scope))
            for current in self.ancestors(owner) if owner else ():
                values += [(b.value, current.scope) for b in current.scope.bindings.get(node.attr.value, ())]
                values += current.attributes.get(node.attr.value, ())
        given = [(v, s) for v, s in values if v is None or literal(v) is not None]  # `pool = None` only declares it
        if len(given) != 1 or given[0][0] is None:
            return None
        return self.origin(given[0][0], given[0][1], steps + 1)

    def type_of(self, node: cst.BaseExpression | cst.CSTNode, scope: Scope) -> str:
        """The modelled or local type of an expression, without regard to control flow; empty when unknown."""
        key = (id(node), id(scope))
        if key in self._types:
            return self._types[key]

        def work() -> str:
            self._inferring += 1
            found = self._infer(node, scope)
            self._inferring -= 1
            return found

        return self.circles.answer(self._types, key, "", work)

    def _infer(self, node: cst.CSTNode, scope: Scope) -> str:
        match node:
            case cst.Name(value=name):
                return self.type_of_name(name, scope)
            case cst.Attribute(value=base, attr=attribute):
                owner = self.type_of(base, scope)
                if owner:
                    return self.attribute_type(owner, attribute.value)
                leads = attribute.value in self.models.class_attributes
                far: Interest = "anything" if leads and self.keeps(scope.origin) else "acquires"
                named = self.definition(base, scope, interest=far) if leads else None
                if isinstance(named, Class):
                    return self.attribute_type(self.modelled_base(named), attribute.value)
                if self.modules is None:
                    return ""
                return self._type_of_target(self.target(self._qualify(node, scope, 0), scope.origin))
            case cst.Await(expression=inner) | cst.NamedExpr(value=inner):
                return self.type_of(inner, scope)
            case cst.BooleanOperation(left=left, right=right):
                return self.type_of(left, scope) or self.type_of(right, scope)
            case cst.IfExp(body=body, orelse=orelse):
                return self.type_of(body, scope) or self.type_of(orelse, scope)
            case cst.Call():
                return self._type_of_call(node, scope)
        return ""

    def type_of_name(self, name: str, scope: Scope) -> str:
        """The modelled or local type of what a name stands for in a scope; empty when unknown."""
        found = scope.lookup(name)
        if found is None:
            return self._type_of_target(self.target(self._by_star(name, scope), scope.origin))
        holder, bindings = found
        key = (id(holder), name)
        known = self._named.get(key)
        if known is None:
            known = _only(self._type_of_binding(name, binding, holder) for binding in bindings)
            if self._inferring == 1 and not self._following:
                self._named[key] = known
        return known

    def _type_of_binding(self, name: str, binding: Binding, holder: Scope) -> str:
        if binding.annotation is not None:
            annotated = self.annotated(binding.annotation, holder)
            if annotated:
                return annotated
        if binding.kind == "parameter" and holder.function:
            return self._type_of_parameter(name, holder.function)
        if binding.kind == "import":
            target = self.target(binding.qualified, holder.origin)
            return self._type_of_target(target)
        if binding.value is None:
            return ""
        if binding.entered:
            return self.entered_type(binding.value, holder)
        return self.type_of(binding.value, holder)

    def _type_of_target(self, target: Target | None) -> str:
        return self.type_of_name(target.variable, target.scope) if target and target.scope else ""

    def types_of(self, target: Target) -> tuple[str, ...]:
        """The types that a variable of a module is of, or stands for in an annotation; none when they are unknown."""
        if target.scope is None:
            return ()
        found = self.type_of_name(target.variable, target.scope), self._annotated_alias(target.variable, target.scope)
        return tuple(t for t in found if t)

    def is_injection(self, target: Target) -> bool:
        """True for a variable that stands for a framework's injection in an annotation or default."""
        found = target.scope.bindings.get(target.variable, ()) if target.scope else ()
        return any(self.injection(b.value, target.scope) for b in found if target.scope)

    def _type_of_parameter(self, name: str, function: Function) -> str:
        first = function.parameters[0].name if function.parameters else ""
        if function.owner and name == first:
            return self.local_type(function.owner)
        default = next((p.default for p in function.parameters if p.name == name), None)
        if isinstance(default, cst.Call):
            return self.provided(default, function.parent)
        return self.type_of(default, function.parent) if default is not None else ""

    def provided(self, node: cst.Call, scope: Scope) -> str:
        """Type that a framework injects for `Depends(provider)`; empty when the call is no such thing."""
        dependency = self.models.dependencies.get(self.qualify(node.func, scope))
        if dependency is None or not node.args:
            return ""
        provider = self.definition(node.args[0].value, scope)
        return self.yielded_type(provider) or self.returned_type(provider) if isinstance(provider, Function) else ""

    def attribute_type(self, owner_type: str, attribute: str) -> str:
        """The modelled or local type of an attribute of an object of that type; empty when unknown."""
        owner = self.local_class(owner_type)
        if owner is None:
            found = self.models.type(owner_type)
            return self.models.canonical(found.attributes.get(attribute, "")) if found else ""
        for current in self.ancestors(owner):
            # What methods assign is what is there; a declaration may say less, or be wrong.
            known = _only(self.type_of(v, s) for v, s in current.attributes.get(attribute, ()))
            declared = current.scope.bindings.get(attribute, ())
            known = known or _only(self._type_of_binding(attribute, binding, current.scope) for binding in declared)
            method = current.methods.get(attribute)
            if not known and method and self.is_property(method):
                known = self.returned_type(method)
            if known:
                return known
        return ""

    def _type_of_call(self, node: cst.Call, scope: Scope) -> str:
        found = self.calls(node, scope)
        if found:
            return self.models.canonical(found[0].returns) or self._type_by_argument(node, found[0], scope)
        defined = self.definition(node.func, scope)
        if isinstance(defined, Class):
            return self.local_type(defined)
        if isinstance(defined, Function) and not defined.is_generator:
            return self.returned_type(defined)
        return ""

    def _type_by_argument(self, node: cst.Call, model: Call, scope: Scope) -> str:
        """`cast(Pool, value)`: what the one argument names, or the type of the other."""
        if not model.gives:
            return ""
        given = dict(zip(argument_keys(node), (a.value for a in node.args), strict=True))
        named = (self.annotated(given[key], scope) for key in model.typed_by if key in given)
        return next((t for t in named if t), "") or next(
            (t for key in model.gives if key in given and (t := self.type_of(given[key], scope))), ""
        )

    def returned_type(self, function: Function) -> str:
        """Type of what a function returns: its annotation, else that of the first `return` whose type is known."""
        node = function.node
        if isinstance(node, cst.Lambda):
            return self.type_of(node.body, function.scope)
        if node.returns:
            annotated = self.annotated(node.returns.annotation, function.parent)
            if annotated:
                return annotated
        if id(function) not in self._returns:
            statements = nodes_of(cst.Return, function.body_nodes)
            self._returns[id(function)] = tuple(n.value for n in statements if n.value)
        return next((t for v in self._returns[id(function)] if (t := self.type_of(v, function.scope))), "")

    def yielded_type(self, function: Function) -> str:
        """Type of what a generator function yields first."""
        node = function.node
        if not function.is_generator or isinstance(node, cst.Lambda):
            return ""
        if node.returns and isinstance(node.returns.annotation, cst.Subscript):
            subscript = node.returns.annotation
            if _last(subscript.value) in _YIELDING and subscript.slice:
                item = subscript.slice[0].slice
                annotated = self.annotated(item.value, function.parent) if isinstance(item, cst.Index) else ""
                if annotated:
                    return annotated
        for inner in nodes_of(cst.Yield, function.body_nodes):
            if isinstance(inner.value, cst.BaseExpression):
                return self.type_of(inner.value, function.scope)
        return ""

    def entered_type(self, node: cst.BaseExpression, scope: Scope) -> str:
        """Type of the `as` target of `with node`."""
        if isinstance(node, cst.Call):
            found = self.calls(node, scope)
            if found:
                call = found[0]
                if call.owned_by and node.args and not call.acquires and isinstance(call.owned_by[0], int):
                    return self.type_of(node.args[call.owned_by[0]].value, scope)
                type_ = self.models.type(call.returns)
                return self.models.canonical(call.enter or (type_.enter if type_ and type_.enter else call.returns))
            defined = self.definition(node.func, scope)
            if isinstance(defined, Function) and self.is_context_manager(defined):
                return self.yielded_type(defined)
        entered = self.type_of(node, scope)
        type_ = self.models.type(entered)
        return self.models.canonical(type_.enter) if type_ and type_.enter else entered

    def annotated(self, node: cst.BaseExpression, scope: Scope) -> str:
        """The modelled or local type that an annotation names; `Optional`, unions, `Annotated` and strings included."""
        if isinstance(node, cst.SimpleString):
            parsed = _parse_annotation(node)
            return self.annotated(parsed, scope) if parsed is not None else ""
        if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.BitOr):
            return _only((self.annotated(node.left, scope), self.annotated(node.right, scope)))
        if isinstance(node, cst.Subscript):
            return self._annotated_generic(node, scope)
        if not isinstance(node, (cst.Name, cst.Attribute)):
            return ""
        qualified = self.qualify(node, scope)
        if self.models.type(qualified):
            return self.models.canonical(qualified)
        defined = self.definition(node, scope)
        if isinstance(defined, Class):
            return self.local_type(defined)
        target = self.target(self._qualify(node, scope, 0), scope.origin)
        if target and target.scope:
            return self._annotated_alias(target.variable, target.scope)
        if defined is None and not qualified and isinstance(node, cst.Name):
            return self._annotated_alias(node.value, scope)
        return ""

    def _annotated_alias(self, name: str, scope: Scope) -> str:
        """`SessionDep = Annotated[AsyncSession, Depends(...)]`."""
        found = scope.lookup(name)
        if found is None:
            return ""
        values = (b.value for b in found[1] if isinstance(b.value, cst.Subscript))
        return next((self.annotated(v, found[0]) for v in values), "")

    def _annotated_generic(self, node: cst.Subscript, scope: Scope) -> str:
        base = self.qualify(node.value, scope)
        items = [e.slice.value for e in node.slice if isinstance(e.slice, cst.Index)]
        if base in _UNION:
            return _only(self.annotated(i, scope) for i in items)
        if base in _OPTIONAL:
            return self.annotated(items[0], scope) if items else ""
        if _last(node.value) in _CONTAINERS | _YIELDING:
            return ""
        return self.annotated(node.value, scope)

    def injected(self, parameter: Parameter, scope: Scope) -> Injection | None:
        """How a framework injects a parameter's value.

        Args:
            parameter: of a function.
            scope: the one around the function.
        """
        found = self.injection(parameter.default, scope, parameter.annotation)
        return found or self.injection(parameter.annotation, scope)

    def injection(
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
            return self.injection(*alias)
        if annotation is None and isinstance(node, cst.Subscript) and isinstance(node.slice[0].slice, cst.Index):
            annotation = node.slice[0].slice.value  # `Annotated[Service, Depends()]`
        parts = [node, *children(node)] if isinstance(node, cst.Call) else descendants(node)
        for inner in nodes_of(cst.Call, parts):
            model = self.models.dependencies.get(self.qualify(inner.func, scope))
            if model:
                named = inner.args[0].value if inner.args else annotation
                provider = self.definition(named, scope) if named is not None else None
                given = {a.keyword.value: literal(a.value) for a in inner.args if a.keyword}
                early = any(given.get(key, ...) == value for key, value in model.ends_early.items())
                found = self.method(provider, "__init__") if isinstance(provider, Class) else provider
                return Injection(found, model.after_response and not early)
        return None

    def dependency(self, node: cst.BaseExpression | None, scope: Scope) -> Function | None:
        """The function that provides what an annotation or a default injects; of a class, its constructor."""
        found = self.injection(node, scope)
        return found.provider if found else None

    def _alias(self, node: cst.BaseExpression, scope: Scope) -> tuple[cst.Subscript, Scope] | None:
        """The `Annotated[...]` that a name stands for, with the scope to read it in."""
        found = scope.lookup(node.value) if isinstance(node, cst.Name) else None
        if found and isinstance(node, cst.Name) and any(b.kind == "import" for b in found[1]):
            target = self.target(self._qualify(node, scope, 0), scope.origin)
            found = target.scope.lookup(target.variable) if target and target.scope else None
        values = (b.value for b in found[1]) if found else ()
        return next(((v, found[0]) for v in values if isinstance(v, cst.Subscript) and found), None)


def _says_nothing(node: cst.CSTNode) -> bool:
    """True for a line that stands where a body is still to come: `pass`, `...`, a text, `raise NotImplementedError`."""
    if isinstance(node, cst.SimpleStatementLine):
        return all(_says_nothing(small) for small in node.body)
    match node:
        case cst.Pass() | cst.Expr(value=cst.Ellipsis() | cst.SimpleString() | cst.ConcatenatedString()):
            return True
        case cst.Raise(
            exc=cst.Name(value="NotImplementedError") | cst.Call(func=cst.Name(value="NotImplementedError"))
        ):
            return True
    return False


def _only(types: Iterable[str]) -> str:
    """The one known type among these; empty where they contradict each other."""
    known = {t for t in types if t}
    return known.pop() if len(known) == 1 else ""


def _outside(holder: Scope, binding: Binding, node: cst.Name) -> Scope:
    """`x = x` in a function or class body reads the outer `x`."""
    same = isinstance(binding.value, cst.Name) and binding.value.value == node.value
    return holder.parent if same and holder.parent else holder


def _callee(decorator: cst.BaseExpression) -> cst.BaseExpression:
    return decorator.func if isinstance(decorator, cst.Call) else decorator


def _plain(node: cst.BaseExpression) -> cst.BaseExpression:
    """`Base` of `Base[T]`."""
    return node.value if isinstance(node, cst.Subscript) else node


def _last(node: cst.BaseExpression) -> str:
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else ""


def _parse_annotation(node: cst.SimpleString) -> cst.BaseExpression | None:
    value = node.evaluated_value
    return _parse_expression(value) if isinstance(value, str) and len(value) <= 500 else None


@lru_cache(maxsize=4096)
def _parse_expression(text: str) -> cst.BaseExpression | None:
    try:
        return cst.parse_expression(text)
    except Exception:  # noqa: BLE001 - any parser failure: not an expression: a forward reference of another tool
        return None
