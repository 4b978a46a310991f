"""Which functions of the project a piece of code runs: the edges of the call graph."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import libcst as cst

from pooclint.models import Argument
from pooclint.program.circles import Memo
from pooclint.program.exports import Interest
from pooclint.program.names import Names
from pooclint.program.scopes import Binding, Class, Function, Index, Scope
from pooclint.source.nodes import descendants, nodes_of

_MAX_STEPS = 4
"""Names that stand for a choice, and tables in tables, are followed this far."""
_MAX_BINDINGS = 16
"""What is bound more often is taken for unknown."""
MADE_BY = ("__init__", "__post_init__")
"""What building an object runs."""
ENTERED_BY = ("__aenter__", "__enter__")
"""What entering an object runs."""
UNNAMED = (*ENTERED_BY, "__call__")
"""Methods that run where an object of their class is named."""
IMPLIED = (*MADE_BY, *UNNAMED)
"""And those that run where only the class is."""
_TABLES = (cst.Dict, cst.List, cst.Tuple, cst.Set)
_LOOK_UPS = frozenset({"get", "pop", "setdefault"})
RUNNING = frozenset({cst.Call, cst.WithItem, cst.Attribute})
"""Nodes that may run a function."""

Edge = tuple[cst.BaseExpression, Function]
"""An expression of a function, and a function of the project that it runs."""


@dataclass(slots=True)
class Edges:
    """What the functions of a project run, worked out on demand. Its only state is a memo."""

    names: Names
    _runs: Memo[int, tuple[Edge, ...]] = field(default_factory=dict)
    _of: Memo[int, tuple[Edge, ...]] = field(default_factory=dict)
    _into: Memo[int, dict[int, list[Function]]] = field(default_factory=dict)
    _words: dict[int, frozenset[str]] = field(default_factory=dict)

    def runs(self, function: Function) -> tuple[Edge, ...]:
        """The functions that one runs itself. What they run in their turn, and what is run by functions nested in it,
        is not among them."""
        return self.names.circles.once(self._runs, id(function), lambda: tuple(self._run_by(function)))

    def _run_by(self, function: Function) -> Iterator[Edge]:
        for node in function.body_nodes:
            if type(node) in RUNNING:
                for called in run_by(self.names, node, function.scope, "calls-out"):
                    yield node.item if isinstance(node, cst.WithItem) else node, called  # type: ignore[misc]

    def of(self, function: Function) -> tuple[Edge, ...]:
        """The functions that one runs itself, and those by which a framework provides its parameters."""
        return self.names.circles.once(
            self._of, id(function), lambda: (*self.runs(function), *self._provided_to(function))
        )

    def _provided_to(self, function: Function) -> Iterator[Edge]:
        for parameter in function.parameters:
            injection = self.names.injected(parameter, function.parent)
            source = parameter.default or parameter.annotation
            if injection and injection.provider and source and not injection.runs_once:
                yield source, injection.provider

    def callers(self, index: Index, called: Function) -> list[Function]:
        """Functions of a module that run another, in source order."""
        into = self.names.circles.once(self._into, id(index), lambda: self._all_callers(index))
        return into.get(id(called), [])

    def naming(self, index: Index, called: Function, words: frozenset[str]) -> list[Function]:
        """Those in which a name stands that may lead there, whatever of the module has been looked at.

        Args:
            index: the module, of which no more is parsed than that.
            called: the function that they run.
            words: by which the module may name it.
        """
        parts = sorted(index.mentioning(*sorted(words)), key=lambda part: part.line)
        functions = [f for part in parts for f in part.functions.values() if not words.isdisjoint(self._named_in(f))]
        return [caller for caller in functions if any(f is called for _, f in self.of(caller))]

    def _named_in(self, function: Function) -> frozenset[str]:
        if id(function) not in self._words:
            names = nodes_of(cst.Name, descendants(function.node))
            self._words[id(function)] = frozenset(name.value for name in names)
        return self._words[id(function)]

    def _all_callers(self, index: Index) -> dict[int, list[Function]]:
        """By the `id` of what they run."""
        self.names.looks_around(index.scope)
        found: dict[int, list[Function]] = {}
        for caller in index.functions.values():
            for key in dict.fromkeys(id(f) for _, f in self.of(caller)):
                found.setdefault(key, []).append(caller)
        return found

    def calls(self, caller: Function, called: Function) -> list[cst.Call]:
        """The calls in one function that give another its arguments; none where something else runs it as well."""
        found = self.between(caller, called)
        direct = [n for n in found if isinstance(n, cst.Call) and self._is_called(n, caller, called)]
        return direct if len(direct) == len(found) else []

    def _is_called(self, node: cst.Call, caller: Function, called: Function) -> bool:
        return any(d is called or d is called.owner for d in meant(self.names, node.func, caller.scope, "calls-out"))

    def between(self, caller: Function, called: Function) -> list[cst.BaseExpression]:
        """The expressions of one function that run another."""
        return [node for node, function in self.of(caller) if function is called]


def run_by(names: Names, node: cst.CSTNode, scope: Scope, interest: Interest = "acquires") -> Iterator[Function]:
    """The functions that evaluating a node runs, apart from those that its parts run.

    Args:
        node: a call (of a function, a class, an object, an entry of a table, or of what runs its argument:
            `to_thread(work)`), an item of a `with`, or an attribute that is a property.
        scope: where it stands.
        interest: which definitions of other modules are worth a parse.
    """
    match node:
        case cst.Call(func=func):
            for callee in (func, *_passed_on(names, node, scope)):
                for defined in meant(names, callee, scope, interest):
                    yield from (defined,) if isinstance(defined, Function) else _methods(names, defined, MADE_BY)
        case cst.WithItem(item=item):
            owner = names.local_class(names.type_of(item, scope))
            yield from _methods(names, owner, ENTERED_BY) if owner else ()
        case cst.Attribute(value=value, attr=cst.Name(value=attribute)):
            owner = names.local_class(names.type_of(value, scope))
            method = names.method(owner, attribute) if owner else None
            if method and names.is_property(method):
                yield method


def meant(
    names: Names, node: cst.BaseExpression, scope: Scope, interest: Interest = "acquires", steps: int = 0
) -> Iterator[Function | Class]:
    """The functions and classes of the project for which a callee may stand: by its name, or as one of several."""
    defined = names.definition(node, scope, interest=interest)
    if defined is not None:
        yield defined
        return
    if steps > _MAX_STEPS:
        return
    match node:
        case cst.IfExp(body=one, orelse=other) | cst.BooleanOperation(left=one, right=other):
            yield from meant(names, one, scope, interest, steps + 1)
            yield from meant(names, other, scope, interest, steps + 1)
        case cst.Subscript(value=table):
            yield from listed(names, table, scope, interest, steps + 1)
        case cst.Call(func=cst.Attribute(value=table, attr=cst.Name(value=word))) if word in _LOOK_UPS:
            yield from listed(names, table, scope, interest, steps + 1)
        case cst.Call(func=func, args=[cst.Arg(value=callee), *_]):
            if any("*" in call.owned_by for call in names.calls(node, scope)):  # `partial(f, x)`
                yield from meant(names, callee, scope, interest, steps + 1)
            elif names.qualify(func, scope) == "builtins.type":  # `type(self)()`
                owner = names.local_class(names.type_of(callee, scope))
                yield from (owner,) if owner else ()
        case cst.Attribute(value=value, attr=cst.Name(value="__class__")):
            owner = names.local_class(names.type_of(value, scope))
            yield from (owner,) if owner else ()
        case cst.Name(value=name):
            own = names.own_class(node, scope)
            yield from (own,) if own else _bound(names, name, scope, interest, steps)


def _bound(names: Names, name: str, scope: Scope, interest: Interest, steps: int) -> Iterator[Function | Class]:
    found = scope.lookup(name)
    if found is None or len(found[1]) > _MAX_BINDINGS:
        return
    holder, bindings = found
    for binding in bindings:
        if isinstance(binding.node, cst.For):
            yield from listed(names, binding.node.iter, holder, interest, steps + 1)
        elif binding.value is not None and not binding.entered:
            yield from meant(names, binding.value, holder, interest, steps + 1)
    if all(b.kind == "other" for b in bindings):
        return
    owner = names.local_class(names.type_of_name(name, scope)) if _is_object(bindings) else None
    call = names.method(owner, "__call__") if owner else None
    yield from (call,) if call else ()


def _is_object(bindings: list[Binding]) -> bool:
    return any(isinstance(b.value, cst.Call) or b.annotation is not None for b in bindings)


def listed(
    names: Names, table: cst.BaseExpression, scope: Scope, interest: Interest = "acquires", steps: int = 0
) -> Iterator[Function | Class]:
    """Functions and classes in a literal, in one that a name stands for, or in its `items()`."""
    if steps > _MAX_STEPS:
        return
    match table:
        case cst.Call(func=cst.Attribute(value=cst.Name() as receiver)):
            yield from listed(names, receiver, scope, interest, steps + 1)
        case cst.Name(value=name):
            for value, holder in _values(names, name, scope):
                yield from listed(names, value, holder, interest, steps + 1)
        case cst.Dict() | cst.List() | cst.Tuple() | cst.Set():
            for part in descendants(table):
                if isinstance(part, (cst.Name, cst.Attribute)):
                    defined = names.definition(part, scope, interest=interest)
                    yield from (defined,) if defined else ()


def tables_with(name: str, index: Index) -> Iterator[str]:
    """The variables of a module whose literals list something that it defines."""
    for variable, bindings in index.scope.bindings.items():
        tables = (b.value for b in bindings if isinstance(b.value, _TABLES))
        if any(isinstance(part, cst.Name) and part.value == name for table in tables for part in descendants(table)):
            yield variable


def _values(names: Names, name: str, scope: Scope) -> Iterator[tuple[cst.BaseExpression, Scope]]:
    """The literals for which a name stands, in this module or in the one that it is imported from."""
    found = scope.lookup(name)
    for binding in found[1] if found else ():
        if isinstance(binding.value, _TABLES) and found:
            yield binding.value, found[0]
        elif binding.kind == "import" and found:
            target = names.target(binding.qualified, found[0].origin, "anything")
            there = target.scope.bindings.get(target.variable, ()) if target and target.scope else ()
            for other in there:
                if isinstance(other.value, _TABLES) and target and target.scope:
                    yield other.value, target.scope


def _passed_on(names: Names, node: cst.Call, scope: Scope) -> Iterator[cst.BaseExpression]:
    """Arguments that the callee calls (`to_thread(work)`)."""
    for position in {p for call in names.calls(node, scope) for p in call.calls}:
        passed = argument(node, position)
        if passed is not None:
            yield passed


def argument(node: cst.Call, wanted: Argument | None) -> cst.BaseExpression | None:
    """The argument of a call at a position, or by a keyword."""
    for index, given in enumerate(node.args):
        if (given.keyword and given.keyword.value == wanted) or (given.keyword is None and index == wanted):
            return given.value
    return None


def _methods(names: Names, owner: Class, wanted: tuple[str, ...]) -> Iterator[Function]:
    yield from (m for name in wanted if (m := names.method(owner, name)))
