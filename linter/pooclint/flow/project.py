"""Calls of functions of the project, by their summaries."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

import libcst as cst

from pooclint.flow import ambient, nesting
from pooclint.flow.completions import CANCEL, EXIT, GENERATOR_EXIT, OTHER, Outcomes
from pooclint.flow.external import awaited_at_once, hold
from pooclint.flow.invocations import Invocation, Results, reach
from pooclint.flow.record import Built, Reached, Summary
from pooclint.flow.run import UNPACKED, Run
from pooclint.flow.states import State
from pooclint.flow.switches import by_values
from pooclint.flow.values import COLLECTIONS, NONE, NOT_NONE, UNKNOWN, Fate, Lane, Value
from pooclint.program.failing import cannot_raise
from pooclint.program.literals import literal
from pooclint.program.scopes import Function
from pooclint.rule import Place
from pooclint.source.nodes import dotted


def with_receiver(
    run: Run, invocation: Invocation, function: Function, state: State
) -> tuple[tuple[int | str, Value], ...]:
    """Arguments by the callee's positions: a method's receiver comes first."""
    if not run.names.has_receiver(function) or not invocation.method:
        return invocation.arguments
    shifted = tuple((k + 1 if isinstance(k, int) else k, v) for k, v in invocation.arguments)
    return ((0, replace(invocation.head, refs=_of_library(run, invocation.head, state))), *shifted)


def _of_library(run: Run, receiver: Value, state: State) -> frozenset[int]:
    """What a receiver stands for that is an object of a class derived from a library's: what its methods do with it,
    they do with the resource. Of an object that only keeps something, its class says what they do (`owners`)."""
    sites = {n: state.obligations[n].site for n in receiver.refs & state.obligations.keys()}
    return frozenset(n for n, site in sites.items() if run.names.local_class(site.acquisition.type) is None)


def implied_arguments(callee: Value, state: State) -> tuple[tuple[str, Value], ...]:
    """What a nested function gets besides its arguments: the values of its defaults, and of the variables it refers
    to."""
    found: list[tuple[str, Value]] = []
    if callee.function and callee.items:
        optional = [p.name for p in callee.function.parameters if p.default is not None]
        found += zip(optional, callee.items, strict=False)
    if callee.closure:
        found += ((n, state.get(n)) for n in sorted(callee.closure.captures) if n in state.env)
    return tuple(found)


def apply_summary(
    run: Run,
    node: cst.CSTNode,
    function: Function,
    arguments: tuple[tuple[int | str, Value], ...],
    state: State,
    out: Outcomes,
    borrowed: frozenset[int] = frozenset(),
) -> Results:
    """The effect of calling a project function: one result for each way in which it completes.

    Args:
        run: the calling function.
        node: the call.
        function: the called function.
        arguments: what it is given.
        state: the state before.
        out: the ways on which it raises.
        borrowed: what stays the caller's, although the function keeps it: the result refers to it.
    """
    given = frozenset[int]().union(*(v.reach() for _, v in arguments))
    if any(n <= COLLECTIONS for n in given):  # the function takes what is in it
        state = run.keep(state, frozenset(n for n in given if n <= COLLECTIONS))
    if isinstance(node, cst.Call):
        nesting.drawn(run, state, node, function, arguments)
    on_own = run.is_on_own(node)
    making = on_own or (run.making and _runs_on_self(run, node))
    summaries = outcomes(run, function, arguments, state, making)
    reached = reached_by(run, node, function, arguments)
    if isinstance(node, cst.Call) and state.holds and run.names.is_abstract(function):
        # What is lent a session is looked at itself.
        reached = None if reach(state, [v for _, v in arguments]) else run.dispatched(node)
    if reached:
        # Of what it is lent, it may take the connection itself, or give it back first.
        waited = frozenset[int]().union(*(s.waited for s in summaries or ()))
        given = reach(state, [v for _, v in arguments])
        if run.ambient(function):  # what it does with a session that it finds is looked at there
            given |= {n for n in state.obligations if ambient.is_ambient(n)}
        own = given - waited if summaries is not None else frozenset(n for n in given if ambient.is_ambient(n))
        meanwhile = state.occupy(waited, node)
        if isinstance(node, cst.Call):
            meanwhile = run.given_back_by(node, arguments, meanwhile)
        awaited = reached.external.io == "await"
        hold(run, meanwhile, node, reached.external, awaited, own, reached, dict.fromkeys(waited, function))
    if isinstance(node, cst.Call):
        state = ambient.after_call(run, function, node, state)
    if summaries is None:
        numbers = reach(state, [v for _, v in arguments])
        state = run.used_by_somebody(state.change(numbers, doubtful=True), numbers, node) if numbers else state
        if not cannot_raise(run.names, function):
            run.fail(state, node, out, OTHER, {}, Lane.OTHER)
            if function.is_async:
                run.fail(state, node, out, CANCEL, {}, Lane.CANCELLED)
        return [(state, _unseen_result(run, function))]
    results: Results = []
    passed = reach(state, [v for _, v in arguments])
    lent = {n for n in passed & state.obligations.keys() if _is_lazy(state, n)}
    if on_own:
        summaries = tuple(_as_own(s) for s in summaries)
    acquires = any(s.fresh for s in summaries)
    if acquires and any(_gives_existing(s) for s in summaries):
        run.record.existing.add(id(node))
    chosen = acquires and _is_told_which(function, summaries, arguments)
    for summary in summaries:
        lent_on = _lent_on(summary, borrowed, state)
        after = _apply_fates(run, node, summary, state, lent_on)
        after = after.change(lent - summary.holding, holding=False).occupy(lent & summary.holding, node)
        after = after.change(lent & summary.scarcely, scarcely=True)
        if summary.completion.kind in ("normal", "return"):
            adopted, value = _adopt(run, node, function, summary, after)
            if chosen and summary.fresh:
                adopted = adopted.change((value.reach() - passed) & adopted.obligations.keys(), doubtful=True)
            results.append((adopted, replace(value, parts=value.parts | lent_on) if lent_on else value))
        elif summary.completion.kind == "exit":
            out.add(EXIT, after)
        elif summary.completion == GENERATOR_EXIT:
            continue  # whoever reads to the end does not close it
        else:
            after, _ = _adopt(run, node, function, summary, after)
            run.fail(after, node, out, summary.completion, {}, Lane.OTHER)
    return results


def reached_by(
    run: Run, node: cst.CSTNode, function: Function, arguments: tuple[tuple[int | str, Value], ...]
) -> Reached | None:
    """The external call that a project function makes when it is given this."""
    given = by_values(function, {parameter_name(function, k): v for k, v in arguments})
    reached = run.reaches(function, given)
    if reached and reached.handed_back and not awaited_at_once(run.function, node):
        return None
    of_object = run.settled(function, node) if reached and isinstance(node, cst.Call) else {}
    return run.reaches(function, {**given, **of_object}) if of_object else reached


def _is_told_which(
    function: Function, summaries: Iterable[Summary], arguments: Iterable[tuple[int | str, Value]]
) -> bool:
    """True where a function that acquires on one way, and gives something else on another, is told by a text which: had
    it been followed, one would be left."""
    others = (s for s in summaries if not s.completion.exceptional and not s.fresh)
    if not any(_gives_existing(s) or s.value.type for s in others):
        return False
    texts = {parameter_name(function, key) for key, value in arguments if isinstance(value.constant, str)}
    return bool(texts) and any(_tells_apart(inner, texts, function) for inner in function.body_nodes)


def _tells_apart(node: cst.CSTNode, names: Collection[str], function: Function) -> bool:
    """True for a comparison of one of these parameters that is not followed: with something else than a text, or after
    it was given another value."""
    match node:
        case cst.Comparison(
            left=cst.Name(value=name), comparisons=[cst.ComparisonTarget(operator=operator, comparator=other)]
        ) if name in names and isinstance(operator, (cst.Equal, cst.Is, cst.In)):
            return literal(other) is ... or len(function.scope.bindings.get(name, ())) > 1
    return False


def _gives_existing(summary: Summary) -> bool:
    """True of a way on which a function gives something that it has not made itself, as far as can be seen."""
    value = summary.value
    plain = value.constant is UNKNOWN and value.items is None and value.known_truth is None
    return not summary.completion.exceptional and not summary.fresh and plain


def block_of(
    run: Run, node: cst.CSTNode, function: Function, arguments: tuple[tuple[int | str, Value], ...], state: State
) -> tuple[State, frozenset[int]]:
    """A context manager of the project that is lent sessions: the state in its block, as to which of them have a
    connection, and those that have none when it is left."""
    lent = {n for n in reach(state, [v for _, v in arguments]) & state.obligations.keys() if _is_lazy(state, n)}
    summaries = outcomes(run, function, arguments, state) if lent else None
    if summaries is None:
        return state, frozenset()
    busy = frozenset[int]().union(*(s.yielding for s in summaries))
    after = frozenset[int]().union(*(s.holding for s in summaries if not s.completion.exceptional))
    return state.change(lent - busy, holding=False).occupy(lent & busy, node), frozenset(lent - after)


def _is_lazy(state: State, number: int) -> bool:
    obligation = state.obligations[number]
    return obligation.site.acquisition.lazy and obligation.fate is Fate.HELD


def _unseen_result(run: Run, function: Function) -> Value:
    """What a function gives whose evaluation is not needed, or not possible."""
    plain = isinstance(function.node, cst.FunctionDef) and function.owner is None and not function.decorators
    if plain and not function.returns_value and not function.is_generator:
        return NONE
    constant = NOT_NONE if _names_one_class(function) else UNKNOWN
    return Value(run.names.returned_type(function), constant=constant)


def _names_one_class(function: Function) -> bool:
    """True for a function that says of what class its result is, and so that it is not None."""
    said = function.node.returns if isinstance(function.node, cst.FunctionDef) else None
    return said is not None and dotted(said.annotation).rpartition(".")[2] not in ("", "None", "Any", "object")


def settled_by(
    run: Run, function: Function, arguments: tuple[tuple[int | str, Value], ...], state: State
) -> frozenset[int]:
    """Obligations that a call of the function releases or keeps in whichever way it completes."""
    ways = settled_in(run, function, arguments, state)
    return ways[0].intersection(*ways[1:]) if ways else frozenset()


def settled_in(
    run: Run, function: Function, arguments: tuple[tuple[int | str, Value], ...], state: State
) -> list[frozenset[int]]:
    """The same for each way in which it completes."""
    summaries = outcomes(run, function, arguments, state) or ()
    return [frozenset(n for n, fate in s.fates if fate is not Fate.HELD) for s in summaries]


def outcomes(
    run: Run, function: Function, arguments: tuple[tuple[int | str, Value], ...], state: State, making: bool = False
) -> tuple[Summary, ...] | None:
    """In which ways a call of the function completes; None when that is not known, or nothing depends on it."""
    return run.summarise(function, _given_to(function, arguments), state, making)


def _given_to(function: Function, arguments: tuple[tuple[int | str, Value], ...]) -> tuple[tuple[str, Value], ...]:
    """Arguments by the names of the parameters. What `*args` and `**kwargs` take up is only of interest where it leads
    to something."""
    taking = {p.kind: p.name for p in function.parameters if p.kind in ("args", "kwargs")}
    left = [(k, v) for k, v in arguments if taking and not _is_known_to(function, k)]
    found = [(parameter_name(function, k), v) for k, v in arguments if (k, v) not in left]
    for kind, key in (("args", int), ("kwargs", str)):
        values = tuple(v for k, v in left if isinstance(k, key))
        if kind in taking and any(v.reach() for v in values):
            found.append((taking[kind], Value(items=values)))
    found += ((f"{UNPACKED}{k}", v) for k, v in left if isinstance(k, str) and "kwargs" in taking and v.reach())
    return tuple(found)


def _is_known_to(function: Function, key: int | str) -> bool:
    """True for the argument for a parameter, or the value of a variable of a function around, or on an attribute."""
    if isinstance(key, int):
        return bool(parameter_name(function, key))
    if "." in key or "*" in key or any(p.name == key for p in function.parameters):
        return True
    found = function.parent.lookup(key)
    around = found is not None and found[0].kind != "module"
    return around and any(type(n) is cst.Name and n.value == key for n in function.body_nodes)


def _runs_on_self(run: Run, node: cst.CSTNode) -> bool:
    """True for a call of a method of the object whose method makes it."""
    match node:
        case cst.Call(func=cst.Attribute(value=cst.Call(func=cst.Name(value="super")))):
            return True
        case cst.Call(func=cst.Attribute(value=receiver), args=args):
            given = args[0].value if args else None
            return run.own in (dotted(receiver), dotted(given) if given is not None else "")
    return False


def _as_own(summary: Summary) -> Summary:
    """A way on which a method completes whose object nobody else gets: what it leaves there and returns is the
    caller's. The rest is the matter of the object's class (CNX109)."""
    reached = summary.value.reach()
    left = {b.number: b.site for b in summary.built if b.number in reached}
    return replace(summary, fresh=(*summary.fresh, *left.items()), built=())


def parameter_name(function: Function, key: int | str) -> str:
    """The name of the parameter that an argument by position or keyword is for; empty when there is none."""
    if isinstance(key, int):
        positional = [p for p in function.parameters if p.kind == "positional"]
        return positional[key].name if key < len(positional) else ""
    return key


def _lent_on(summary: Summary, borrowed: frozenset[int], state: State) -> frozenset[int]:
    """What a constructor puts on its object, of what that only borrows; what the caller was lent itself, wherever it
    puts it."""
    on_object = frozenset(n for n, fate in summary.fates if fate is Fate.FIELD)
    known = _kept(summary) & borrowed & state.obligations.keys()
    return frozenset(n for n in known if n in on_object or state.obligations[n].site.parameter >= 0)


def _kept(summary: Summary) -> frozenset[int]:
    return frozenset(n for n, fate in summary.fates if fate in (Fate.KEPT, Fate.FIELD))


def _apply_fates(
    run: Run, node: cst.CSTNode, summary: Summary, state: State, lent_on: frozenset[int] = frozenset()
) -> State:
    released = frozenset(n for n, fate in summary.fates if fate is Fate.RELEASED)
    kept = _kept(summary) - lent_on
    state = run.release(state, released & summary.explicit, node)
    state = state.settle(released - summary.explicit, Fate.RELEASED)  # found to be closed, or read to its end
    state = run.keep(state, kept) if kept else state
    return state.change(summary.doubtful, doubtful=True) if summary.doubtful else state


def _adopt(run: Run, node: cst.CSTNode, function: Function, summary: Summary, state: State) -> tuple[State, Value]:
    """Take over what the callee acquired and returned."""
    value, outer = summary.value, summary.outer
    # What the value stands for is what the call gives; the rest comes with it.
    ordered = sorted(summary.fresh, key=lambda fresh: fresh[0] not in value.refs)
    for nth, (number, origin) in enumerate(ordered):
        at = origin.origin or Place(origin.node, function.scope.module)
        site = run.site(node, origin.acquisition, origin.label, through=function.name, origin=at, place=nth)
        if not site.acquisition.lazy:
            nesting.taken(run, state, site, node)
        state, own = run.acquire(state, site, doubtful=number in summary.doubtful)
        value = value.renumbered(number, own)
        outer = tuple((k, v.renumbered(number, own)) for k, v in outer)
    for name, left in outer:
        state = state.bind(name, _begun_at(node, left))
    for nth, built in enumerate(summary.built, len(ordered)):
        state, number = _adopt_built(run, node, function, built, state, nth)
        value = value.renumbered(built.number, number)
    return state, _begun_at(node, value)


def _adopt_built(
    run: Run, node: cst.CSTNode, function: Function, left: Built, state: State, nth: int
) -> tuple[State, int]:
    """What a method of the object that is being made has left on it."""
    origin = left.site
    at = origin.origin or Place(origin.node, function.scope.module)
    site = run.site(node, origin.acquisition, origin.label, through=function.name, origin=at, place=nth)
    run.record.built.add(site.number)
    state, number = run.acquire(state, site)
    held = Value(site.acquisition.type, refs=frozenset({number}))
    state = state.bind(f"{run.own}.{left.attribute}", held).change([number], fate=Fate.FIELD, holding=left.holding)
    return state, number


def _begun_at(node: cst.CSTNode, value: Value) -> Value:
    """A returned value as the caller has it: what has yet to run was begun by its own call."""
    if value.items:
        return replace(value, items=tuple(_begun_at(node, v) for v in value.items))
    if value.pending is None or not isinstance(node, cst.Call):
        return value
    return replace(value, pending=replace(value.pending, node=node))
