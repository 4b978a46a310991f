"""Scopes, bindings, functions and classes of a module, as the walk over its tree (`program/walk.py`) finds them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import libcst as cst

from pooclint.program.places import Origin
from pooclint.source.nodes import children, descendants, nodes_of, variable_nodes
from pooclint.source.parse import Unreadable
from pooclint.source.pieces import Piece
from pooclint.source.positions import Span, locate
from pooclint.source.targets import target_of

ScopeKind = Literal["module", "class", "function", "comprehension"]
BindingKind = Literal["import", "assign", "parameter", "function", "class", "other"]


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
    unpacked: tuple[cst.BaseExpression, int] | None = None
    """Of `a, b = value`: the value, and which of its elements the name stands for."""


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
    def own_object(self) -> str:
        """The name of the object in the method that the scope belongs to; empty outside methods."""
        function = self.function
        while function and function.owner is None and function.parent.function:
            function = function.parent.function
        return function.parameters[0].name if function and function.owner and function.parameters else ""

    @property
    def module(self) -> Index:
        """The module that the scope is part of."""
        scope = self
        while scope.parent:
            scope = scope.parent
        assert scope.index is not None
        return scope.index

    @property
    def origin(self) -> Origin:
        """Where the module comes from."""
        return self.module.origin

    @property
    def qualname(self) -> str:
        """Dotted name from the module down, as `__qualname__` without `<locals>`; empty for the module."""
        above = self.parent.qualname if self.parent else ""
        return f"{above}.{self.name}" if above and self.name else above or self.name

    def lookup(self, name: str) -> tuple[Scope, list[Binding]] | None:
        """The scope that binds the name, and what it binds it to; class bodies around this one are skipped."""
        scope: Scope | None = self
        while scope is not None:
            if scope.kind != "class" or scope is self:
                if scope.index is not None and name in scope.index.waiting:
                    return scope, scope.index.bindings(name)
                found = scope.bindings.get(name)
                if found is not None and name not in scope.declared_outside:
                    return scope, found
            scope = scope.parent
        return None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function."""

    name: str
    annotation: cst.BaseExpression | None
    default: cst.BaseExpression | None
    kind: Literal["positional", "keyword", "args", "kwargs"] = "positional"


class Use(NamedTuple):
    """A place in a function where a variable stands."""

    node: cst.Name
    of_attribute: bool
    """True where the function itself reads an attribute of it, or calls a method."""


@dataclass(eq=False, slots=True)
class Function:
    """A function, method or lambda."""

    node: cst.FunctionDef | cst.Lambda
    scope: Scope
    parent: Scope
    parameters: tuple[Parameter, ...]
    made_by: cst.Call | None = None
    """The call of `functools.partial` that makes it: its own nodes stand nowhere in the source."""
    is_generator: bool = False
    returns_value: bool = False
    """True when a `return` in it gives a value."""
    _body: tuple[cst.CSTNode, ...] = ()
    _uses: dict[str, list[Use]] | None = None

    @property
    def body_nodes(self) -> tuple[cst.CSTNode, ...]:
        """Its body and all that is in it, in source order, without what is in functions and classes nested in it.

        Worked out once, since all that is asked of a function looks through them."""
        if not self._body:
            self._body = tuple(descendants(self.node.body, into_functions=False))
        return self._body

    @property
    def uses(self) -> Mapping[str, list[Use]]:
        """Where variables stand in its body and in functions nested in it, other than to be bound: by their names.

        Worked out once, as above."""
        if self._uses is None:
            self._uses = {}
            targets = {id(target_of(node)) for node in self.body_nodes}
            objects = {id(node.value) for node in nodes_of(cst.Attribute, self.body_nodes)}
            others = set(_variables_of_nested(self))
            for node in variable_nodes(self.node.body):
                if id(node) not in targets and id(node) not in others:
                    self._uses.setdefault(node.value, []).append(Use(node, id(node) in objects))
        return self._uses

    @property
    def own_nodes(self) -> tuple[cst.CSTNode, ...]:
        """The function and all that is in it, decorators and parameters included; as above."""
        found: list[cst.CSTNode] = [self.node]
        for child in children(self.node):
            if type(child) is cst.Lambda:  # the body of a lambda that is one itself
                found.append(child)
            else:
                found += self.body_nodes if child is self.node.body else descendants(child, into_functions=False)
        return tuple(found)

    @property
    def name(self) -> str:
        """Its name; `<lambda>` for a lambda, `<partial>` for what a call makes."""
        return self.node.name.value if isinstance(self.node, cst.FunctionDef) else self.scope.name

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
    def has_private_name(self) -> bool:
        """True for a method that only its own class and relatives are meant to use."""
        return bool(self.owner) and re.match(r"_(?!_)|__\w*[^_]$", self.name) is not None

    @property
    def is_private(self) -> bool:
        """True for a plain one of those."""
        return self.has_private_name and not self.decorators

    @property
    def decorators(self) -> tuple[cst.BaseExpression, ...]:
        """Decorator expressions, outermost first."""
        return tuple(d.decorator for d in self.node.decorators) if isinstance(self.node, cst.FunctionDef) else ()


def _variables_of_nested(function: Function) -> Iterator[int]:
    """Names, by `id`, that stand for variables of functions nested in one, however far inside."""
    for node in function.body_nodes:
        inner = function.scope.module.function(node)
        if inner is not None:
            own = inner.scope.bindings.keys() - inner.scope.declared_outside
            yield from (id(n) for n in variable_nodes(inner.node.body) if n.value in own)
            yield from _variables_of_nested(inner)


@dataclass(eq=False, slots=True)
class Class:
    """A class."""

    node: cst.ClassDef
    scope: Scope
    parent: Scope
    methods: dict[str, Function] = field(default_factory=dict)
    """By their names; what sets a property `conn` is `conn.setter`."""
    attributes: dict[str, list[tuple[cst.BaseExpression, Scope]]] = field(default_factory=dict)
    """Expressions assigned to `self.<name>` in any method, with the scope to read them in."""

    @property
    def name(self) -> str:
        """Its name."""
        return self.node.name.value

    @property
    def bases(self) -> list[cst.BaseExpression]:
        """What names its bases, without their type arguments: `Base` of `class A(Base[T])`."""
        return [b.value.value if isinstance(b.value, cst.Subscript) else b.value for b in self.node.bases]


@dataclass(eq=False, slots=True)
class Part:
    """What the walk found in a statement of the top level, or in the whole module."""

    line: int
    """Of the file, where it begins."""
    statements: Sequence[cst.SimpleStatementLine | cst.BaseCompoundStatement]
    functions: dict[int, Function] = field(default_factory=dict)
    classes: dict[int, Class] = field(default_factory=dict)
    visited: list[tuple[cst.CSTNode, Scope]] = field(default_factory=list)
    _calls: dict[str, list[tuple[cst.Call, Scope]]] | None = None
    _heirs: dict[str, list[Class]] | None = None

    def calls(self, word: str) -> list[tuple[cst.Call, Scope]]:
        """Calls of what goes by a plain name."""
        if self._calls is None:
            self._calls = {}
            for node, scope in self.visited:
                if isinstance(node, cst.Call) and isinstance(node.func, cst.Name):
                    self._calls.setdefault(node.func.value, []).append((node, scope))
        return self._calls.get(word, [])

    def heirs(self, word: str) -> list[Class]:
        """Classes of which a base goes by a plain name."""
        if self._heirs is None:
            self._heirs = {}
            for owner in self.classes.values():
                for base in owner.bases:
                    if isinstance(base, cst.Name):
                        self._heirs.setdefault(base.value, []).append(owner)
        return self._heirs.get(word, [])


@dataclass(eq=False, slots=True)
class Index:
    """What the walk found in a module. Definitions of the top level may wait for somebody who asks for them: by their
    name, or for all there is."""

    scope: Scope
    origin: Origin = field(default_factory=Origin)
    function_names: frozenset[str] = frozenset()
    """Names of all functions in it, nested ones included, as far as its bytes tell."""
    waiting: dict[str, Piece] = field(default_factory=dict)
    """Definitions that nobody has asked for."""
    load: Callable[[Index, Piece], Unreadable | None] | None = field(default=None, repr=False)
    """Parses and walks such a piece."""
    problem: Unreadable | None = None
    """Why one of them has no tree."""
    stars: list[str] = field(default_factory=list)
    """Modules of which it imports every name."""
    partials: set[str] = field(default_factory=set)
    """By which names it may know `functools.partial`."""
    trees: list[tuple[Piece, cst.Module]] = field(default_factory=list, repr=False)
    parts: list[Part] = field(default_factory=list, repr=False)
    weight: int = 0
    """Bytes of source that have been parsed."""
    _whole: Part | None = field(default=None, repr=False)
    _known: dict[int, Function | Class] = field(default_factory=dict, repr=False)
    _made: dict[int, cst.Call] = field(default_factory=dict, repr=False)
    """By the `id` of a function that a call makes, and of its body, that call."""
    _module: cst.Module | None = field(default=None, repr=False)

    def binds(self, name: str) -> bool:
        """True when the module binds a name at its top level."""
        return name in self.waiting or name in self.scope.bindings

    def bindings(self, name: str) -> list[Binding]:
        """How the module binds a name at its top level; empty when it does not."""
        piece = self.waiting.pop(name, None)
        if piece is not None and self.load is not None:
            self.problem = self.load(self, piece) or self.problem
        return self.scope.bindings.get(name, [])

    def mentioning(self, *words: str) -> list[Part]:
        """Of the module's parts, at least those in which one of the words stands."""
        wanted = re.compile(rb"\b(?:%s)\b" % b"|".join(word.encode() for word in words))
        for name in [name for name, piece in self.waiting.items() if wanted.search(piece.text)]:
            self.bindings(name)
        return list(self.parts)

    def complete(self) -> Part:
        """All that is in the module, in source order."""
        for name in list(self.waiting):
            self.bindings(name)
        if self._whole is None:
            ordered = sorted(self.parts, key=lambda part: part.line)
            self._whole = Part(
                0,
                [statement for part in ordered for statement in part.statements],
                {key: function for part in ordered for key, function in part.functions.items()},
                {key: owner for part in ordered for key, owner in part.classes.items()},
                [pair for part in ordered for pair in part.visited],
            )
        return self._whole

    @property
    def module(self) -> cst.Module:
        """The tree of the whole module."""
        if self._module is None:
            statements = self.complete().statements
            self._module = self.trees[0][1] if len(self.trees) == 1 else cst.Module(statements)
        return self._module

    @property
    def functions(self) -> dict[int, Function]:
        """All functions by `id` of the `FunctionDef` or `Lambda` node, or of the call that makes them."""
        return self.complete().functions

    @property
    def classes(self) -> dict[int, Class]:
        """All classes by `id` of the `ClassDef` node."""
        return self.complete().classes

    @property
    def visited(self) -> list[tuple[cst.CSTNode, Scope]]:
        """Nodes of the wanted classes with the scope they stand in, in source order."""
        return self.complete().visited

    def function(self, node: cst.CSTNode) -> Function | None:
        """The function that a `FunctionDef` or `Lambda` node of what has been parsed defines, or a call of
        `functools.partial` makes."""
        found = self._known.get(id(node))
        return found if isinstance(found, Function) else None

    @property
    def parsed_functions(self) -> Iterator[Function]:
        """The functions of what has been parsed, as far as anybody has asked for it."""
        return (found for found in self._known.values() if isinstance(found, Function))

    def owner(self, node: cst.CSTNode) -> Class | None:
        """The class that a `ClassDef` node of what has been parsed defines."""
        found = self._known.get(id(node))
        return found if isinstance(found, Class) else None

    def add(self, piece: Piece, tree: cst.Module, parts: Iterable[Part]) -> None:
        """Add what was parsed and walked."""
        self.trees.append((piece, tree))
        self.weight += len(piece.text)
        for part in parts:
            self.parts.append(part)
            self._known |= part.functions
            self._known |= part.classes
            made = ((f.node, f.made_by) for f in part.functions.values() if f.made_by is not None)
            self._made |= {id(node): call for function, call in made for node in (function, function.body)}

    def release(self) -> None:
        """Take apart what refers to itself, so that the trees go with their last user. It is of no use after that."""
        scopes = [self.scope]
        for part in self.parts:
            scopes += (function.scope for function in part.functions.values())
            for owner in part.classes.values():
                scopes.append(owner.scope)
                owner.methods.clear()
                owner.attributes.clear()
        for scope in scopes:
            scope.bindings.clear()
            scope.function = scope.owner = scope.index = None
        self._whole = None

    def locate(self, nodes: Iterable[cst.CSTNode]) -> dict[int, Span]:
        """Places of nodes in the file, by their `id`. Those that generate no code are left out; those of a function
        that a call makes are where that call is."""
        shown = {id(node): self._made.get(id(node), node) for node in nodes}
        wanted = {id(node): node for node in shown.values()}
        found: dict[int, Span] = {}
        for piece, tree in self.trees:
            # To look for them costs little beside generating the code of a tree in which none of them is.
            if len(self.trees) == 1 or any(id(node) in wanted for node in descendants(tree)):
                found |= {key: piece.shifted(span) for key, span in locate(tree, wanted.values()).items()}
        return {key: found[id(node)] for key, node in shown.items() if id(node) in found}
