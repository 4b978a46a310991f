"""The one walk over a file: scopes, bindings, functions and classes, and the nodes that rules want to see.

The walk is written by hand over the semantic fields of LibCST's nodes and keeps its own stack: it costs a few percent
of the parse, where `Module.visit` with the scope and name providers costs several times the parse (measured).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, cast

import libcst as cst

from pooclint.program.places import Origin, absolute

ScopeKind = Literal["module", "class", "function", "comprehension"]
BindingKind = Literal["import", "assign", "parameter", "function", "class", "other"]

# Layout, not meaning: these fields hold whitespace and punctuation.
_LAYOUT = frozenset({
    "lpar", "rpar", "comma", "semicolon", "equal", "colon", "lbracket", "rbracket", "lbrace", "rbrace",
    "header", "footer", "indent", "leading_lines", "lines_after_decorators", "trailing_whitespace", "newline",
    "dot", "separator", "star_etc", "first_colon", "second_colon", "operator", "encoding", "default_indent",
    "default_newline", "has_trailing_newline", "start", "end", "conversion", "format_spec_equal",
})  # fmt: skip


@cache
def semantic_fields(kind: Hashable) -> tuple[str, ...]:
    """Names of the fields of a node class that carry meaning, in source order as far as LibCST keeps it."""
    return tuple(
        f.name
        for f in dataclasses.fields(cast("type[cst.CSTNode]", kind))
        if f.name not in _LAYOUT and not f.name.startswith("whitespace")
    )


@cache
def _is_node(kind: Hashable) -> bool:
    """`issubclass` of an abstract base class is slow, and asked for every field of every node."""
    return issubclass(cast("type", kind), cst.CSTNode)


def children(node: cst.CSTNode) -> list[cst.CSTNode]:
    """Child nodes that carry meaning."""
    found: list[cst.CSTNode] = []
    for name in semantic_fields(type(node)):
        value = getattr(node, name)
        kind = type(value)
        if kind is tuple or kind is list:
            found += [v for v in value if _is_node(type(v))]  # type: ignore[arg-type]
        elif _is_node(kind):  # type: ignore[arg-type]
            found.append(value)
    return found


_DEFINITIONS = frozenset({cst.FunctionDef, cst.Lambda, cst.ClassDef})


def descendants(node: cst.CSTNode, into_functions: bool = True) -> Iterator[cst.CSTNode]:
    """The node and everything below it, in source order; bodies of nested functions and classes only if asked."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        if not into_functions and current is not node and type(current) in _DEFINITIONS:
            continue
        below = children(current)
        below.reverse()
        stack += below


@dataclass(frozen=True, slots=True)
class Binding:
    """One way a name gets its value in a scope."""

    kind: BindingKind
    node: cst.CSTNode
    """The binding statement or definition."""
    value: cst.BaseExpression | None = None
    """The assigned expression, of an assignment."""
    annotation: cst.BaseExpression | None = None
    qualified: str = ""
    """The imported name, of an import."""
    entered: bool = False
    """True for the target of a `with` item: `value` is the context manager."""
    defined: Function | Class | None = None
    """What a `def` or `class` statement defines."""


@dataclass(slots=True)
class Scope:
    """A namespace. Filled during the walk, then only read."""

    kind: ScopeKind
    node: cst.CSTNode
    parent: Scope | None
    name: str = ""
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    declared_outside: set[str] = field(default_factory=set)
    """Names declared `global` or `nonlocal`."""
    function: Function | None = None
    """The innermost function this scope belongs to."""
    owner: Class | None = None
    """The class whose body this is, or whose method this belongs to."""
    index: Index | None = field(default=None, repr=False)
    """Of a module's scope: all that the walk found in it."""

    @property
    def module(self) -> Index:
        """The module that the scope is part of."""
        scope = self
        while scope.parent:
            scope = scope.parent
        assert scope.index is not None
        return scope.index

    @property
    def qualname(self) -> str:
        """Dotted name from the module down, as `__qualname__` without `<locals>`; empty for the module."""
        above = self.parent.qualname if self.parent else ""
        return f"{above}.{self.name}" if above and self.name else above or self.name

    def enclosing(self) -> Iterator[Scope]:
        """This scope and those in which a name is looked up from it (class bodies are skipped, as Python does)."""
        yield self
        scope = self.parent
        while scope:
            if scope.kind != "class":
                yield scope
            scope = scope.parent

    def lookup(self, name: str) -> tuple[Scope, list[Binding]] | None:
        """The scope that binds the name, and its bindings."""
        for scope in self.enclosing():
            if name in scope.bindings and name not in scope.declared_outside:
                return scope, scope.bindings[name]
        return None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function."""

    name: str
    annotation: cst.BaseExpression | None
    default: cst.BaseExpression | None
    kind: Literal["positional", "keyword", "args", "kwargs"] = "positional"


@dataclass(eq=False, slots=True)
class Function:
    """A function, method or lambda."""

    node: cst.FunctionDef | cst.Lambda
    scope: Scope
    parent: Scope
    parameters: tuple[Parameter, ...]
    is_generator: bool = False
    returns_value: bool = False
    """True when a `return` in it gives a value."""

    @property
    def name(self) -> str:
        """Its name; `<lambda>` for a lambda."""
        return self.node.name.value if isinstance(self.node, cst.FunctionDef) else "<lambda>"

    @property
    def qualname(self) -> str:
        """Dotted name from the module down."""
        return self.scope.qualname

    @property
    def is_async(self) -> bool:
        """True for `async def`."""
        return isinstance(self.node, cst.FunctionDef) and self.node.asynchronous is not None

    @property
    def owner(self) -> Class | None:
        """The class it is a method of."""
        return self.parent.owner if self.parent.kind == "class" else None

    @property
    def is_private(self) -> bool:
        """True for a plain method that only its own class and relatives are meant to call."""
        return bool(self.owner) and re.match(r"_(?!_)|__\w*[^_]$", self.name) is not None and not self.decorators

    @property
    def decorators(self) -> tuple[cst.BaseExpression, ...]:
        """Decorator expressions, outermost first."""
        return tuple(d.decorator for d in self.node.decorators) if isinstance(self.node, cst.FunctionDef) else ()


@dataclass(eq=False, slots=True)
class Class:
    """A class."""

    node: cst.ClassDef
    scope: Scope
    parent: Scope
    methods: dict[str, Function] = field(default_factory=dict)
    attributes: dict[str, list[tuple[cst.BaseExpression, Scope]]] = field(default_factory=dict)
    """Expressions assigned to `self.<name>` in any method, with the scope to read them in."""

    @property
    def name(self) -> str:
        """Its name."""
        return self.node.name.value


@dataclass(eq=False, slots=True)
class Index:
    """What the walk found in a module."""

    module: cst.Module
    scope: Scope
    origin: Origin = field(default_factory=Origin)
    stars: list[str] = field(default_factory=list)
    """Modules of which it imports every name."""
    functions: dict[int, Function] = field(default_factory=dict)
    """By `id` of the `FunctionDef` or `Lambda` node."""
    classes: dict[int, Class] = field(default_factory=dict)
    """By `id` of the `ClassDef` node."""
    visited: list[tuple[cst.CSTNode, Scope]] = field(default_factory=list)
    """Nodes of the wanted classes with the scope they stand in, in source order."""


def build_index(
    module: cst.Module, origin: Origin | None = None, wanted: frozenset[type[cst.CSTNode]] = frozenset()
) -> Index:
    """Walk a module once.

    Args:
        module: the tree.
        origin: where it comes from, to resolve its imports; None when nothing is known.
        wanted: node classes to list in `Index.visited`.
    """
    root = Scope("module", module, None)
    root.index = index = Index(module, root, origin or Origin())
    stack: list[tuple[cst.CSTNode, Scope]] = [(module, root)]
    while stack:
        node, scope = stack.pop()
        kind = type(node)
        if kind in _LEAVES:
            continue
        if kind in wanted:
            index.visited.append((node, scope))
        below = _enter(node, scope, index) if kind in _BINDING else None
        if below is None:
            below = [(child, scope) for child in children(node)]
        below.reverse()
        stack += below
    return index


# Nothing below these matters to the walk.
_LEAVES = frozenset({cst.Name, cst.SimpleString, cst.Integer, cst.Float, cst.Ellipsis, cst.Pass})
# Nodes that bind a name or open a scope. Matching on a class of nodes is slow; most nodes are none of these.
_BINDING = frozenset({
    cst.FunctionDef, cst.Lambda, cst.ClassDef, cst.ListComp, cst.SetComp, cst.GeneratorExp, cst.DictComp, cst.CompFor,
    cst.Import, cst.ImportFrom, cst.Assign, cst.AnnAssign, cst.AugAssign, cst.NamedExpr, cst.For, cst.WithItem,
    cst.ExceptHandler,
    cst.ExceptStarHandler, cst.MatchAs, cst.MatchStar, cst.Del, cst.Global, cst.Nonlocal, cst.Yield,
})  # fmt: skip

_Below = list[tuple[cst.CSTNode, Scope]]


def _enter(node: cst.CSTNode, scope: Scope, index: Index) -> _Below | None:
    """Record what a node binds. Returns the children with their scopes where these differ from the node's own."""
    match node:
        case cst.FunctionDef():
            return _enter_function(node, scope, index)
        case cst.Lambda():
            inner = Scope("function", node, scope, "<lambda>", owner=scope.owner)
            inner.function = function = Function(node, inner, scope, _parameters(node.params))
            index.functions[id(node)] = function
            _bind_parameters(inner, function)
            return [(node.params, scope), (node.body, inner)]
        case cst.ClassDef():
            inner = Scope("class", node, scope, node.name.value, function=scope.function)
            inner.owner = found = Class(node, inner, scope)
            index.classes[id(node)] = found
            _bind(scope, node.name.value, Binding("class", node, defined=found))
            outside: list[cst.CSTNode] = [*node.decorators, *node.bases, *node.keywords]
            return [*((c, scope) for c in outside), (node.body, inner)]
        case cst.ListComp() | cst.SetComp() | cst.GeneratorExp() | cst.DictComp():
            inner = Scope("comprehension", node, scope, function=scope.function, owner=scope.owner)
            return [(c, inner) for c in children(node)]
        case cst.CompFor(target=target):
            _bind_target(scope, target, Binding("other", node), index)
        case cst.Import():
            for alias in node.names:
                full = dotted(alias.name)
                if alias.asname:
                    _bind(scope, _alias(alias), Binding("import", node, qualified=full))
                else:
                    top = full.split(".")[0]
                    _bind(scope, top, Binding("import", node, qualified=top))
            return []
        case cst.ImportFrom():
            written = "." * len(node.relative) + (dotted(node.module) if node.module else "")
            base = absolute(written, index.origin.package)
            if isinstance(node.names, cst.ImportStar):
                index.stars.append(base)
                return []
            for alias in node.names:
                name = dotted(alias.name)
                _bind(
                    scope, _alias(alias) or name, Binding("import", node, qualified=f"{base}.{name}" if base else name)
                )
            return []
        case cst.Assign(value=value):
            for assigned in node.targets:
                _bind_target(scope, assigned.target, Binding("assign", node, value), index)
        case cst.AnnAssign(target=annotated):
            _bind_target(scope, annotated, Binding("assign", node, node.value, node.annotation.annotation), index)
        case cst.AugAssign(target=augmented):
            _bind_target(scope, augmented, Binding("other", node), index)
        case cst.NamedExpr(target=walrus, value=value):
            holder = scope
            while holder.kind == "comprehension" and holder.parent:
                holder = holder.parent
            _bind_target(holder, walrus, Binding("assign", node, value), index)
        case cst.For(target=loop_target):
            _bind_target(scope, loop_target, Binding("other", node), index)
        case cst.WithItem(item=manager, asname=cst.AsName(name=with_target)):
            _bind_target(scope, with_target, Binding("assign", node, manager, entered=True), index)
        case cst.ExceptHandler(name=cst.AsName(name=caught)) | cst.ExceptStarHandler(name=cst.AsName(name=caught)):
            _bind_target(scope, caught, Binding("other", node), index)
        case cst.MatchAs(name=cst.Name(value=captured)):
            _bind(scope, captured, Binding("other", node))
        case cst.MatchStar(name=cst.Name(value=captured)):
            _bind(scope, captured, Binding("other", node))
        case cst.Del(target=deleted):
            _bind_target(scope, deleted, Binding("other", node), index)
        case cst.Global() | cst.Nonlocal():
            scope.declared_outside.update(n.name.value for n in node.names)
            holder = scope
            if isinstance(node, cst.Global):
                for name_item in node.names:
                    index.scope.bindings.setdefault(name_item.name.value, [])
        case cst.Yield():
            if scope.function:
                scope.function.is_generator = True
        case cst.Return(value=cst.BaseExpression()):
            if scope.function:
                scope.function.returns_value = True
    return None


def _enter_function(node: cst.FunctionDef, scope: Scope, index: Index) -> _Below:
    inner = Scope("function", node, scope, node.name.value, owner=scope.owner)
    inner.function = function = Function(node, inner, scope, _parameters(node.params))
    index.functions[id(node)] = function
    _bind(scope, node.name.value, Binding("function", node, defined=function))
    if scope.kind == "class" and scope.owner:
        scope.owner.methods[node.name.value] = function
    _bind_parameters(inner, function)
    outside: list[cst.CSTNode] = [*node.decorators, node.params]
    if node.returns:
        outside.append(node.returns)
    return [*((c, scope) for c in outside), (node.body, inner)]


def _bind_parameters(scope: Scope, function: Function) -> None:
    for parameter in function.parameters:
        _bind(scope, parameter.name, Binding("parameter", function.node, annotation=parameter.annotation))


def _parameters(params: cst.Parameters) -> tuple[Parameter, ...]:
    found = [_parameter(p, "positional") for p in (*params.posonly_params, *params.params)]
    if isinstance(params.star_arg, cst.Param):
        found.append(_parameter(params.star_arg, "args"))
    found += [_parameter(p, "keyword") for p in params.kwonly_params]
    if params.star_kwarg:
        found.append(_parameter(params.star_kwarg, "kwargs"))
    return tuple(found)


def _parameter(param: cst.Param, kind: Literal["positional", "keyword", "args", "kwargs"]) -> Parameter:
    return Parameter(param.name.value, param.annotation.annotation if param.annotation else None, param.default, kind)


def _bind(scope: Scope, name: str, binding: Binding) -> None:
    scope.bindings.setdefault(name, []).append(binding)


def _bind_target(scope: Scope, target: cst.BaseExpression, binding: Binding, index: Index) -> None:
    match target:
        case cst.Name(value=name):
            if name in scope.declared_outside:
                index.scope.bindings.setdefault(name, []).append(binding)
            _bind(scope, name, binding)
        case cst.Attribute(value=cst.Name(value=base), attr=cst.Name(value=attribute)):
            if binding.value is not None and _is_self(scope, base) and scope.owner and not binding.entered:
                scope.owner.attributes.setdefault(attribute, []).append((binding.value, scope))
        case cst.Tuple() | cst.List():
            for element in target.elements:
                _bind_target(scope, element.value, Binding("other", binding.node), index)


def _is_self(scope: Scope, name: str) -> bool:
    """True when the name is the first parameter of the method that the scope belongs to."""
    function = scope.function
    while function and function.owner is None and function.parent.function:
        function = function.parent.function
    return bool(function and function.owner and function.parameters and function.parameters[0].name == name)


def dotted(node: cst.CSTNode) -> str:
    """`a.b.c` of a name or attribute chain; empty when it is anything else."""
    parts: list[str] = []
    while isinstance(node, cst.Attribute):
        parts.append(node.attr.value)
        node = node.value
    if not isinstance(node, cst.Name):
        return ""
    parts.append(node.value)
    return ".".join(reversed(parts))


def _alias(alias: cst.ImportAlias) -> str:
    return alias.asname.name.value if alias.asname and isinstance(alias.asname.name, cst.Name) else ""
