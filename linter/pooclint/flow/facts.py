"""What the text of a function says of its names before anything is evaluated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import libcst as cst

from pooclint.flow import collections
from pooclint.flow.liveness import Liveness, liveness
from pooclint.flow.seldom import seldom_made
from pooclint.flow.values import OBJECTS
from pooclint.graphs import reached
from pooclint.program.literals import literal, only_literal
from pooclint.program.scopes import Function, Index
from pooclint.source.nodes import children, descendants, dotted, nodes_of, nonlocals, variables
from pooclint.source.targets import paths, place_of, target_of


@dataclass(frozen=True, slots=True)
class Facts:
    """What the text of a function says."""

    repeated: frozenset[str]
    """Those that are tested at least twice, or assigned a constant and tested: worth telling apart."""
    answers: frozenset[str]
    """Those that stand for what a call gave, and are tested."""
    collections: Mapping[str, int]
    """Those to which something is added, by the numbers of the collections that they may stand for."""
    objects: Mapping[int, tuple[int, cst.Call]]
    """By their `id`, calls that give something on whose attributes the function puts something, with the number of
    that."""
    live: Liveness | None
    """Those that may still be read, by places; None: all of them, always."""
    unbound: tuple[str, ...]
    """Those that start out unbound; all others are simply unknown."""
    compared: frozenset[str]
    """Those that are compared with texts, numbers or classes: which of them they are given decides what happens."""
    constants: Mapping[str, object]
    """Variables that stand for one text, number or truth value wherever they have one, with that."""
    seldom: frozenset[int]
    """Calls, by `id`, that most calls of the function do not make."""
    taken_back: frozenset[str]
    """Paths of attributes and elements of something else that the function fills and, as far as names tell, releases
    from there."""


def facts_of(code: Function | Index, decisive_words: frozenset[str], release_names: frozenset[str]) -> Facts:
    """Read a function, or a module's own code.

    Args:
        code: what is read.
        decisive_words: names of functions that acquire or release.
        release_names: names of methods that release.
    """
    function = code if isinstance(code, Function) else None
    repeated, answers = _tested_names(code.node if isinstance(code, Function) else code.module, decisive_words)
    collected = collections.named(function)
    live = liveness(function) if function else None
    return Facts(
        repeated | collections.keys(function, collected),
        answers,
        collected,
        _objects(function) if function else {},
        live,
        _unbound(function, release_names, live) if function else (),
        _compared(function) if function else frozenset(),
        _constants(function) if function else {},
        seldom_made(function) if function else frozenset(),
        _taken_back(function, release_names) if function else frozenset(),
    )


_TESTING = frozenset({
    cst.If, cst.While, cst.IfExp, cst.Assert, cst.BooleanOperation, cst.MatchCase, cst.Match, cst.Assign, cst.Return
})  # fmt: skip


def _bound(target: cst.BaseExpression) -> Iterator[str]:
    """The name that a value is bound to, or those to which its elements are."""
    elements = [e.value for e in target.elements] if isinstance(target, (cst.Tuple, cst.List)) else [target]
    return (e.value for e in elements if isinstance(e, cst.Name))


def _tested_names(node: cst.CSTNode, decisive_words: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Names and dotted paths that are worth telling apart.

    Returns:
        Those on which control flow depends more than once, or that are assigned a constant and tested, where at least
        one of these conditions decides whether something is acquired, released or left (every other one joins again
        without consequence); and those that stand for what a call gave, and are tested.
    """
    tested: Counter[str] = Counter()
    decisive: set[str] = set()
    assigned: set[str] = set()
    answers: set[str] = set()
    known: dict[int, bool] = {}
    asked: dict[int, set[str]] = {}
    loops: list[cst.For | cst.While] = []
    decides = _Decisive(decisive_words, _holders(node, decisive_words))
    for inner in descendants(node):
        if isinstance(inner, (cst.For, cst.While)):
            loops.append(inner)
        if type(inner) not in _TESTING:  # matching on a class of nodes is slow; most are none of these
            continue
        match inner:
            case (
                cst.If(test=condition)
                | cst.While(test=condition)
                | cst.IfExp(test=condition)
                | cst.Assert(test=condition)
            ):
                names = _tested(condition)
            case cst.BooleanOperation(left=left):
                names = _tested(left)
            case cst.Match(subject=subject, cases=cases):
                names = _tested(subject)
                if len(cases) > 1:  # each case asks again
                    tested.update(names)
                for guard in [c.guard for c in cases if c.guard is not None]:  # it decides about the cases that follow
                    tested.update(_tested(guard))
                    names = names | _tested(guard)
            case cst.Assign(
                targets=targets,
                value=cst.Comparison() | cst.UnaryOperation() | cst.Call(func=cst.Name(value="bool")) as condition,
            ):
                assigned.update(path for t in targets if (path := dotted(t.target)))
                names = _tested(condition)
            case cst.Assign(targets=targets, value=cst.Tuple(elements=values)):
                for target in targets:
                    if isinstance(target.target, (cst.Tuple, cst.List)):
                        pairs = zip(target.target.elements, values, strict=False)
                        assigned.update(p for t, v in pairs if literal(v.value) is not ... and (p := dotted(t.value)))
                continue
            case cst.Return(value=cst.IfExp(test=condition) | cst.BooleanOperation(left=condition)):
                names = _tested(condition)
                decisive |= names
            case cst.Assign(targets=targets, value=value) if _is_literal(value):
                assigned.update(path for t in targets if (path := dotted(t.target)))
                continue
            case cst.Assign(targets=targets, value=cst.Call() | cst.Await(expression=cst.Call())):
                # `client, own = client_or_new(given)`: what it gave says whose the client is.
                answers.update(n for t in targets for n in _bound(t.target))
                continue
            case cst.Assign(targets=[cst.AssignTarget(target=cst.Tuple() | cst.List() as target)], value=cst.Name()):
                answers.update(_bound(target))  # `client, own = answer`
                continue
            case _:
                continue
        tested.update(names)
        asked[id(inner)] = names
        if not names <= decisive and _decides(inner, decides, known):
            decisive |= names
    for loop in loops:  # each turn asks again what no turn changes
        turn = list(descendants(loop))
        bound = frozenset[str]().union(*(paths(t) for inner in turn if (t := target_of(inner)) is not None))
        for names in [asked[id(inner)] for inner in turn if id(inner) in asked]:
            tested.update(names - bound)
    repeated = frozenset(n for n, count in tested.items() if n in decisive and (count > 1 or n in assigned))
    return repeated, frozenset(answers & tested.keys())


def _is_literal(node: cst.BaseExpression) -> bool:
    """True for a constant, and for `1 if condition else None`."""
    if isinstance(node, cst.IfExp):
        return _is_literal(node.body) or _is_literal(node.orelse)
    return literal(node) is not ...


_LEAVING = frozenset({cst.Return, cst.Raise, cst.Break, cst.Continue, cst.Yield})


@dataclass(frozen=True, slots=True)
class _Decisive:
    """What matters in a branch, besides leaving it and storing something."""

    words: frozenset[str]
    """Names of functions that acquire or release."""
    holders: frozenset[str]
    """Names of variables that may hold a resource: who binds one anew, or deletes it, may drop the last reference."""


def _holders(node: cst.CSTNode, words: frozenset[str]) -> frozenset[str]:
    """Names that are bound to what a call by one of these names gives, those that stand for the same, and closures that
    refer to them."""
    found: set[str] = set()
    same: dict[str, set[str]] = {}
    for inner in descendants(node):
        match inner:
            case cst.Assign(targets=targets, value=value):
                bound = frozenset[str]().union(*(paths(t.target) for t in targets))
            case cst.NamedExpr(target=name, value=value) | cst.WithItem(item=value, asname=cst.AsName(name=name)):
                bound = paths(name)
            case cst.AnnAssign(target=name, value=cst.BaseExpression() as value):
                bound = paths(name)
            case cst.FunctionDef(name=name) if inner is not node:
                for other in variables(inner):
                    same.setdefault(other, set()).add(name.value)
                continue
            case _:
                continue
        if any(_word(n) in words for n in nodes_of(cst.Call, descendants(value))):
            found |= bound
        else:
            for other in _stands_for(value):
                same.setdefault(other, set()).update(bound)
    return reached(found, lambda name: same.get(name, ()))


def _stands_for(value: cst.BaseExpression) -> set[str]:
    """The names of which an expression may be the value or one of its elements, or to which a closure refers."""
    match value:
        case cst.Name(value=name):
            return {name}
        case cst.Tuple(elements=elements) | cst.List(elements=elements):
            return set[str]().union(*(_stands_for(e.value) for e in elements))
        case cst.IfExp(body=one, orelse=other) | cst.BooleanOperation(left=one, right=other):
            return _stands_for(one) | _stands_for(other)
        case cst.Lambda():
            return set(variables(value))
    return set()


def _decides(node: cst.CSTNode, decisive: _Decisive, known: dict[int, bool]) -> bool:
    """True when a branch, or one of the `elif` branches that it shuts out, leaves, stores something, or, as far as
    names tell, acquires, releases, hands over, or drops the last reference.

    Args:
        known: the answers for what was asked already, by the `id` of an `if`: each is part of the chain before it.
    """
    if isinstance(node, cst.Assert):
        return True
    if not isinstance(node, cst.If):
        return _has_decisive(children(node), decisive)
    chain: list[cst.If] = []
    current: cst.If | cst.Else | None = node
    while isinstance(current, cst.If) and id(current) not in known:
        chain.append(current)
        current = current.orelse
    decides = (
        known[id(current)] if isinstance(current, cst.If) else _has_decisive([current] if current else [], decisive)
    )
    for each in reversed(chain):
        decides = decides or _has_decisive([each.body], decisive)
        known[id(each)] = decides
    return decides


def _has_decisive(parts: Sequence[cst.CSTNode], decisive: _Decisive) -> bool:
    for part in parts:
        for inner in descendants(part):
            if type(inner) in _LEAVING:
                return True
            if type(inner) is cst.AssignTarget and isinstance(inner.target, (cst.Attribute, cst.Subscript)):
                return True  # it stores something
            if type(inner) is cst.Call and (_word(inner) in decisive.words or _hands_over(inner, decisive.holders)):
                return True
            target = target_of(inner)
            if target is not None and not paths(target).isdisjoint(decisive.holders):
                return True
    return False


def _hands_over(call: cst.Call, holders: frozenset[str]) -> bool:
    return any(not holders.isdisjoint(_stands_for(a.value)) for a in call.args)


def _word(call: cst.Call) -> str:
    """The last name of what is called."""
    path = dotted(call.func)
    if path:
        return path.rpartition(".")[2]
    return call.func.attr.value if isinstance(call.func, cst.Attribute) else ""


def _tested(condition: cst.BaseExpression) -> set[str]:
    match condition:
        case cst.BooleanOperation(left=left, right=right):
            return _tested(left) | _tested(right)
        case cst.UnaryOperation(expression=inner):
            return _tested(inner)
        case cst.Comparison(left=left, comparisons=comparisons):
            return _tested(left).union(*(_tested(c.comparator) for c in comparisons))
        case cst.NamedExpr(target=target):
            return _tested(target)
        case cst.Call(func=cst.Name(value="bool"), args=[cst.Arg(value=inner)]):
            return _tested(inner)
        case cst.Tuple(elements=elements):
            return set[str]().union(*(_tested(e.value) for e in elements))
    path = dotted(condition)
    return {path} if path and path not in ("None", "True", "False") else set()


def _compared(function: Function) -> frozenset[str]:
    found: set[str] = set()
    for inner in function.body_nodes:
        if type(inner) is cst.Comparison:
            sides = (inner.left, *(c.comparator for c in inner.comparisons))
            if any(_is_text_or_number(side) or _may_name_class(side) for side in sides):
                found.update(side.value for side in sides if isinstance(side, cst.Name))
        elif type(inner) is cst.Match and isinstance(inner.subject, cst.Name):
            found.add(inner.subject.value)
    return frozenset(found)


def _constants(function: Function) -> dict[str, object]:
    known = ((name, only_literal(bindings)) for name, bindings in function.scope.bindings.items())
    found = {name: value for name, value in known if value is not ...}
    below = nonlocals(function.node.body) if found else frozenset[str]()
    return {n: v for n, v in found.items() if n not in below}


def _is_text_or_number(node: cst.BaseExpression) -> bool:
    if isinstance(node, (cst.Tuple, cst.List, cst.Set)):
        return any(_is_text_or_number(e.value) for e in node.elements)
    return isinstance(literal(node), (str, int, float))


def _may_name_class(node: cst.BaseExpression) -> bool:
    return dotted(node).rpartition(".")[2][:1].isupper() and literal(node) is ...


_CLEANUP = frozenset({cst.Finally, cst.ExceptHandler})


def _tested_in_cleanup(function: Function) -> frozenset[str]:
    """Names that decide something in a handler or `finally`, where they may have no value yet."""
    found: set[str] = set()
    for inner in function.own_nodes:
        if type(inner) in _CLEANUP:
            below = descendants(cast("cst.Finally | cst.ExceptHandler", inner).body, into_functions=False)
            for condition in nodes_of(cst.If, below):
                found |= {n for n in _tested(condition.test) if "." not in n}
    return frozenset(found)


def _unbound(function: Function, release_names: frozenset[str], live: Liveness | None) -> tuple[str, ...]:
    """Names that have no value at first, where that matters: they may be read before they have one, are released
    somewhere, or decide what a cleanup does."""
    if isinstance(function.node, cst.Lambda):
        return ()
    read = live.unassigned if live else frozenset[str]()
    wanted = read | _released_names(function, release_names) | _tested_in_cleanup(function)
    return tuple(
        name
        for name, bindings in function.scope.bindings.items()
        if name in wanted
        and name not in function.scope.declared_outside
        and all(b.kind in ("assign", "other") for b in bindings)
        and any(b.kind == "assign" or type(b.node) is cst.Assign for b in bindings)
    )


def _objects(function: Function) -> dict[int, tuple[int, cst.Call]]:
    assigned = [n.target for n in nodes_of(cst.AssignTarget, function.own_nodes)]
    filled = [t.value for t in assigned if isinstance(t, cst.Attribute)]
    names = {n.value for n in filled if isinstance(n, cst.Name)} - function.scope.declared_outside
    made = [n for n in filled if isinstance(n, cst.Call)]
    for node in function.own_nodes if names else ():
        match node:
            case cst.Assign(targets=bound, value=cst.Call() as call):
                targets = [t.target.value for t in bound if isinstance(t.target, cst.Name)]
                # In `app.state = state = State()` somebody else has it, too.
                made += [call] if len(targets) == len(bound) and not names.isdisjoint(targets) else []
            case cst.AnnAssign(target=cst.Name(value=name), value=cst.Call() as call) if name in names:
                made.append(call)
    return {id(call): (OBJECTS - position, call) for position, call in enumerate(made)}


def _taken_back(function: Function, release_names: frozenset[str]) -> frozenset[str]:
    targets = {
        id(n.target): path for n in nodes_of(cst.AssignTarget, function.own_nodes) if (path := place_of(n.target))
    }
    filled = frozenset(targets.values())
    found: set[str] = set()
    for node in function.own_nodes if filled else ():
        match node:
            case cst.Attribute(value=value, attr=cst.Name(value=word)) if word in release_names:
                found.add(place_of(value))
            case cst.Call(func=cst.Attribute(attr=cst.Name(value="pop"))):
                found.add(place_of(node))
            case cst.Arg(value=value):
                found.add(place_of(value))
    return frozenset(filled & found)


def _released_names(function: Function, release_names: frozenset[str]) -> frozenset[str]:
    """Names on which a release method is called, or that are passed to one."""
    found: set[str] = set()
    for inner in nodes_of(cst.Call, function.own_nodes):
        if isinstance(inner.func, cst.Attribute) and inner.func.attr.value in release_names:
            found.update(
                n for n in (dotted(inner.func.value), *(dotted(a.value) for a in inner.args)) if n and "." not in n
            )
    return frozenset(found)
