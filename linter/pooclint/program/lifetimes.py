"""How long what a call makes lives, over the functions between a handler and the place that builds it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import pairwise

import libcst as cst

from pooclint.program.defaults import defaults, optional
from pooclint.program.homes import Flow, Home, homes
from pooclint.program.literals import literal
from pooclint.program.making import built_per_request, is_single, making
from pooclint.program.requests import Entry
from pooclint.program.running import Edges
from pooclint.program.scopes import Function
from pooclint.source.nodes import descendants, dotted, nodes_of
from pooclint.source.targets import paths, target_of


def outlives(edges: Edges, entry: Entry, function: Function, node: cst.CSTNode) -> bool:
    """True when what `node` makes in `function` outlives the request that `entry` describes.

    What a function returns is looked for in its caller, and what it puts on its object where that was made, up to the
    handler.
    """
    names = edges.names
    chain = entry.chain if any(f is function for f in entry.chain) else (*entry.chain, function)
    made: dict[int, list[cst.CSTNode]] = {len(chain) - 1: [node]}
    for depth in range(len(chain) - 1, -1, -1):
        current = chain[depth]
        found = homes(names, current, made.get(depth, ()))
        if Home.STORED in found:
            return True
        if Home.OBJECT in found:
            made_at = making(edges, chain, depth)
            if made_at is None:
                # What a framework makes for a request may see several events: a WebSocket has many messages.
                several = entry.kind == "event"
                return several or current.owner is None or not built_per_request(edges, current.owner, chain)
            made.setdefault(made_at[0], []).extend(made_at[1])
        if Home.CALLER in found and depth:
            made.setdefault(depth - 1, []).extend(edges.between(chain[depth - 1], current))
        if all(place >= depth for place in made):
            break
    # A function that runs to fill a variable runs once, whatever it makes on the way.
    return any(_fills(edges, caller, called) for caller, called in pairwise(chain))


def answer_lasts(edges: Edges, entry: Entry, function: Function, node: cst.CSTNode) -> bool:
    """True when what `node` answers in `function` is kept for later requests, and asked for only where it is not there
    yet: `if KEYS is None: KEYS = get(url).json()`."""
    names = edges.names
    chain = entry.chain if any(f is function for f in entry.chain) else (*entry.chain, function)
    made: Collection[cst.CSTNode] = (node,)
    for depth in range(len(chain) - 1, -1, -1):
        current = chain[depth]
        flow = Flow(names, current, {id(m) for m in made}, set(), answers=True)
        found = flow.found()
        on_object = Home.OBJECT in found and current.owner and not built_per_request(edges, current.owner, chain)
        if (Home.STORED in found and Home.GIVEN not in found) or on_object:
            kept = flow.kept | frozenset(_set_by(current))
            return any(_asks_first(current, m, kept) for m in made) or any(
                _asks_first(caller, call, kept)
                for caller, called in pairwise(chain[: depth + 1])
                for call in edges.between(caller, called)
            )
        if depth == 0 or Home.CALLER not in found:
            return False
        made = edges.between(chain[depth - 1], current)
    return False


def _set_by(function: Function) -> Iterator[str]:
    """What a function sets that outlives it: variables of the module, attributes."""
    for node in function.body_nodes:
        target = target_of(node)
        for path in paths(target) if target is not None else ():
            if "." in path or path in function.scope.declared_outside:
                yield path


def _asks_first(function: Function, node: cst.CSTNode, wanted: Collection[str]) -> bool:
    """True when a node of a function is evaluated only under a condition that mentions one of these names or paths, or
    a variable that was read from there."""
    order = {id(n): place for place, n in enumerate(function.body_nodes)}
    for test, ends, part in _conditions(function):
        if order[id(part)] > order.get(id(node), -1):
            return False
        mentioned = {path for n in descendants(test) if (path := dotted(n))}
        read = (b.value for n in mentioned for b in function.scope.bindings.get(n, ()) if b.value is not None)
        mentioned |= {path for value in read for n in descendants(value) if (path := dotted(n))}
        if mentioned.intersection(wanted) and (ends or any(n is node for n in descendants(part))):
            return True
    return False


def _fills(edges: Edges, caller: Function, called: Function) -> bool:
    """True when one function calls another for nothing but what it then stores."""
    calls = edges.between(caller, called)
    found = [homes(edges.names, caller, (call,)) for call in calls]
    return bool(found) and all(Home.STORED in h and Home.GIVEN not in h for h in found)


def in_new_loop(edges: Edges, chain: tuple[Function, ...]) -> bool:
    """True when a function of the chain runs the next one in an event loop of its own (`asyncio.run(fetch())`): what is
    used there is of no use in another."""
    for caller, called in pairwise(chain):
        # What a nested function runs counts as run by the function around it.
        nested = (caller.scope.module.function(n) for n in nodes_of(cst.Lambda, caller.body_nodes))
        runners = (caller, *(f for f in nested if f is not None))
        running = {id(node) for runner in runners for node in edges.between(runner, called)}
        loops = (c for c in nodes_of(cst.Call, caller.body_nodes) if c.args and _makes_loop(edges, c, caller))
        if any(id(n) in running for c in loops for n in descendants(c.args[0].value)):
            return True
    return False


def _makes_loop(edges: Edges, node: cst.Call, function: Function) -> bool:
    """True for a call that runs something in a new event loop, or is of a function that does."""
    if any(c.new_loop for c in edges.names.calls(node, function.scope)):
        return True
    called = edges.names.definition(node.func, function.scope, interest="anything")
    if not isinstance(called, Function) or called.is_async:
        return False
    inner = nodes_of(cst.Call, called.body_nodes)
    return any(c.new_loop for n in inner for c in edges.names.calls(n, called.scope))


def conditions_before(edges: Edges, chain: tuple[Function, ...], node: cst.CSTNode) -> int:
    """How many functions of a chain run the next one, or make `node`, in a branch of an `if` or once something has
    failed: only in some of their calls."""
    made: list[cst.CSTNode] = [node]
    count = 0
    for position in range(len(chain) - 1, -1, -1):
        branches = {id(n) for branch in _branches(chain[position]) for n in descendants(branch)}
        count += bool(made) and all(id(n) in branches for n in made)
        made = [*edges.between(chain[position - 1], chain[position])] if position else []
    return count


def _branches(function: Function) -> Iterator[cst.CSTNode]:
    for part in function.body_nodes:
        match part:
            case cst.If(body=body, orelse=orelse) | cst.IfExp(body=body, orelse=orelse):
                yield from (b for b in (body, orelse) if b is not None)
            case cst.ExceptHandler(body=body) | cst.MatchCase(body=body):
                yield body


def dropped(edges: Edges, chain: tuple[Function, ...], node: cst.CSTNode) -> bool:
    """True when what `node` makes in the last function of a chain is gone when the first one goes on: some function of
    the chain uses it up, and neither it nor what keeps it is stored or collected."""
    made: Collection[cst.CSTNode] = (node,)
    for depth in range(len(chain) - 1, -1, -1):
        current = chain[depth]
        flow = Flow(edges.names, current, {id(m) for m in made}, set())
        found = flow.found()
        if flow.collected or found & {Home.STORED, Home.REQUEST}:
            return False
        if not found:
            return True
        builds = current.name == "__init__" and current.owner and not is_single(edges.names, current.owner)
        if depth == 0 or (Home.OBJECT in found and not builds):
            return False
        made = edges.between(chain[depth - 1], current)
    return False


def is_handed_in(edges: Edges, entry: Entry, function: Function, node: cst.CSTNode) -> bool:
    """True when `function` makes `node` for want of an argument that whoever calls it for the request gives it."""
    chain = entry.chain if entry.chain[-1] is function else (*entry.chain, function)
    wanted = frozenset(d.given for d in defaults(function) if d.made is node)
    calls = edges.between(chain[-2], function) if wanted and len(chain) > 1 else []
    return bool(calls) and all(isinstance(c, cst.Call) and _hands_in(c, chain[-2], function, wanted) for c in calls)


def _hands_in(call: cst.Call, caller: Function, called: Function, names: frozenset[str]) -> bool:
    passed_on = any(optional(argument.value, caller) or argument.star for argument in call.args)
    return not passed_on and _gives(call, called, names)


def is_guarded(edges: Edges, chain: tuple[Function, ...], node: cst.CSTNode, by: cst.CSTNode) -> bool:
    """True when a function of the chain builds `node`, or runs the next one, only under a condition about what lasts
    (`if self._client is None`), or about an argument that the one before gives it (`client or Client()`).

    Args:
        by: the expression of the first function that runs the second.
    """
    inner: list[cst.CSTNode] = [node]
    for position in range(len(chain) - 1, 0, -1):
        caller, current = chain[position - 1], chain[position]
        asked = frozenset(name for part in inner for name in _asked(current, part))
        calls: list[cst.CSTNode] = [by] if position == 1 else [*edges.between(caller, current)]
        if "" in asked or any(isinstance(call, cst.Call) and _gives(call, current, asked) for call in calls):
            return True
        inner = calls
    return False


_ASKING = frozenset({cst.If, cst.IfExp, cst.BooleanOperation})


def _asked(function: Function, node: cst.CSTNode) -> Iterator[str]:
    """The optional parameters that the conditions mention under which a node of a function is evaluated: those around
    it, and those with which the function may have ended before. Empty for what outlives the call."""
    optional = {p.name for p in function.parameters if p.default is not None}
    for test, ends, part in _conditions(function):
        names = {n.value for n in descendants(test) if isinstance(n, cst.Name)}
        lasting = any(_lasts(name, function) for name in names)
        if not lasting and not names & optional:
            continue
        if ends or any(n is node for n in descendants(part)):
            yield from names & optional
            yield from ("",) if lasting else ()


def _conditions(function: Function) -> Iterator[tuple[cst.BaseExpression, bool, cst.CSTNode]]:
    """The conditions of a function, with whether the function may end where one holds, and all that depends on it."""
    for part in function.body_nodes:
        if type(part) not in _ASKING:
            continue
        match part:
            case cst.If(test=test) | cst.IfExp(test=test) | cst.BooleanOperation(left=test):
                ends = isinstance(part, cst.If) and any(isinstance(n, cst.Return) for n in descendants(part.body))
                yield test, ends, part


def _lasts(name: str, function: Function) -> bool:
    """True for the method's own object, and for a variable of the module."""
    if function.owner and function.parameters and function.parameters[0].name == name:
        return True
    found = function.scope.lookup(name)
    return found is not None and found[0].kind == "module" and any(b.kind == "assign" for b in found[1])


def _gives(call: cst.Call, function: Function, names: frozenset[str]) -> bool:
    """True when a call gives one of these parameters a value other than None."""
    offset = 1 if function.owner else 0
    for position, argument in enumerate(call.args):
        if argument.star:
            return bool(names)
        place = function.parameters[position + offset : position + offset + 1]
        name = argument.keyword.value if argument.keyword else place[0].name if place else ""
        if name in names and literal(argument.value) is not None:
            return True
    return False
