"""Evaluation of expressions: what they do, in Python's order, and what they give."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Final

import libcst as cst

from pooclint.flow import calls, collections, conditions, suspending
from pooclint.flow.acquiring import sent
from pooclint.flow.completions import ATTRIBUTE_ERROR, CANCEL, GENERATOR_EXIT, OTHER, Outcomes, telling
from pooclint.flow.invocations import Invocation, reach
from pooclint.flow.parts import built_from, given_by, own_objects, part_of, put_on
from pooclint.flow.reading import begun, exhausted, read_to_end
from pooclint.flow.run import CELL, MAX_STATES, UNPACKED, Run
from pooclint.flow.values import (
    COLLECTIONS,
    NONE,
    NOTHING,
    UNBOUND,
    UNKNOWN,
    Closure,
    Fate,
    Lane,
    Site,
    State,
    Value,
)
from pooclint.flow.waiting import complete
from pooclint.flow.work import note_attribute, out_of_sight
from pooclint.program.keywords import argument_keys
from pooclint.program.literals import constant, literal
from pooclint.source.nodes import children, descendants, dotted, loops_of, operands, variables
from pooclint.source.targets import place_of

Results = list[tuple[State, Value]]

_WIDE = 64
"""Operands from which each counts as an evaluation of its own."""
CLOSING = "#closing"
"""The name under which a state remembers that the generator is being closed."""
_MOST_TURNS = 8
"""Elements of literals up to which a comprehension, its inner loops included, is evaluated turn by turn."""


def evaluate(run: Run, node: cst.CSTNode, state: State, out: Outcomes) -> Results:
    """Evaluate an expression.

    Args:
        state: the state before it.
        out: receives the states in which it raises.

    Returns:
        Each way in which it completes normally, with its value; empty when it never does.
    """
    return _EVALUATION.get(type(node), _parts)(run, node, state, out)


def _variable(run: Run, node: cst.Name, state: State, out: Outcomes) -> Results:
    if state.get(node.value).constant is UNBOUND:
        calls.read_unbound(run, node, state, out)
        return []
    return [(state, _name(run, node, state))]


def _constant(run: Run, node: cst.BaseExpression, state: State, out: Outcomes) -> Results:
    return [(state, Value(constant=literal(node)))]


def _unary(run: Run, node: cst.UnaryOperation, state: State, out: Outcomes) -> Results:
    if not isinstance(node.operator, cst.Not):
        return _parts(run, node, state, out)
    true, false = test(run, node.expression, state, out)
    return _as_truths(false, true)


def _as_truths(holds: Sequence[State], fails: Sequence[State]) -> Results:
    return [*((s, Value(constant=True)) for s in holds), *((s, Value(constant=False)) for s in fails)]


def _named(run: Run, node: cst.NamedExpr, state: State, out: Outcomes) -> Results:
    return [(bind(run, node.target, v, s, out), v) for s, v in evaluate(run, node.value, state, out)]


def _dict(run: Run, node: cst.Dict, state: State, out: Outcomes) -> Results:
    parts = [e.value for e in node.elements]
    # Nobody asks for one of them by its place: texts and numbers would only tell states apart.
    ways = [
        (s, tuple(replace(v, constant=UNKNOWN, truth=None) if v.leads_nowhere else v for v in values))
        for s, values in evaluate_all(run, parts, state, out)
    ]
    found = _distinct(run, ways)
    if all(v.leads_nowhere for _, values in found for v in values):
        return [(s, Value(items=values)) for s, values in found]
    keys = tuple(_key(e.key) if isinstance(e, cst.DictElement) else UNKNOWN for e in node.elements)
    return [(s, Value(items=values, keys=keys)) for s, values in found]


def _key(node: cst.BaseExpression) -> object:
    key = literal(node)
    return key if isinstance(key, (str, int)) else UNKNOWN


def _lambda(run: Run, node: cst.Lambda, state: State, out: Outcomes) -> Results:
    results = evaluate_all(run, [p.default for p in node.params.params if p.default is not None], state, out)
    return [(after, closure(run, node, values)) for after, values in results]


def _wrapped(run: Run, node: cst.StarredElement | cst.Element | cst.Arg, state: State, out: Outcomes) -> Results:
    return evaluate(run, node.value, state, out)


def _parts(run: Run, node: cst.CSTNode, state: State, out: Outcomes) -> Results:
    """Whatever is in it, and nothing that is known."""
    if not isinstance(node, cst.BaseExpression):
        return [(s, NOTHING) for s, _ in evaluate_all(run, children(node), state, out)]
    results = evaluate_all(run, _operands(node), state, out)
    return [(collections.dropped(run, s, reach(s, values)), NOTHING) for s, values in results]


def evaluate_all(
    run: Run, nodes: Sequence[cst.CSTNode], state: State, out: Outcomes
) -> list[tuple[State, list[Value]]]:
    """Evaluate several expressions one after the other."""
    results: list[tuple[State, list[Value]]] = [(state, [])]
    for node in nodes:
        following: list[tuple[State, list[Value]]] = []
        for before, values in results:
            found = evaluate(run, node, before, out)
            more = [(after, [*values, value]) for after, value in found[1:]]
            if found:  # a long literal is evaluated in one way: its list grows in place
                values.append(found[0][1])
                following.append((found[0][0], values))
            following += more
        results = following if len(following) <= MAX_STATES else _joined(run, following)
        run.evaluations += len(results) * (len(nodes) > _WIDE)
    return results


def _joined(run: Run, results: list[tuple[State, list[Value]]]) -> list[tuple[State, list[Value]]]:
    """Too many ways through one expression (`f(a or b, c or d, …)`): those that end in the same state become one."""
    by_state: dict[tuple[object, ...], tuple[State, list[Value]]] = {}
    for state, values in results:
        known = by_state.get(state.key)
        if known is None:
            by_state[state.key] = (state, values)
        else:
            either = [_either(a, b) for a, b in zip(known[1], values, strict=True)]
            by_state[state.key] = (known[0].join(state), either)
    run.record.cut = True
    run.record.dropped = run.record.dropped or len(by_state) > MAX_STATES
    return telling(by_state.values(), MAX_STATES, lambda result: result[0])


def _few(run: Run, results: Results) -> Results:
    return [(state, values[0]) for state, values in _joined(run, [(state, [value]) for state, value in results])]


def _either(one: Value, other: Value) -> Value:
    """A value that is one or the other: what either leads to hangs on it."""
    if one == other:
        return one
    return Value(
        one.type if one.type == other.type else "",
        one.reach() | other.reach(),
        one.derived | other.derived,
        pending=one.pending or other.pending,
        closure=one.closure or other.closure,
    )


def _operands(node: cst.CSTNode) -> list[cst.CSTNode]:
    """Children of an expression; long left-nested operator chains are taken apart without recursion."""
    parts: list[cst.CSTNode] = []
    while isinstance(node, cst.BinaryOperation):
        parts.append(node.right)
        node = node.left
    if parts:
        return [node, *reversed(parts)]
    return [c for c in children(node) if not isinstance(c, (cst.Name,)) or not isinstance(node, cst.Arg)]


def _name(run: Run, node: cst.Name, state: State) -> Value:
    name = node.value
    if name in ("None", "True", "False"):
        return Value(constant=literal(node))
    known = state.env.get(name)
    if known is not None and (
        known.type or known.refs or known.constant is not UNKNOWN or known.items or known.pending or known.function
    ):
        return known
    if name in run.constants:
        return Value(constant=run.constants[name])
    if known is not None:
        static = run.names.type_of(node, run.scope)
        return replace(known, type=static) if static else known
    definition = run.names.definition(node, run.scope)
    from_file = calls.as_function(definition)
    if from_file:
        return Value(function=from_file)
    return Value(type=run.names.type_of(node, run.scope))


def _attribute(run: Run, node: cst.Attribute, state: State, out: Outcomes) -> Results:
    path = dotted(node)
    if path and path in state.env:
        if state.env[path].constant is UNBOUND:
            out.add(ATTRIBUTE_ERROR, state.raised(node, {}, Lane.OTHER))
            return []
        return [(state, state.env[path])]
    results: Results = []
    for after, base in evaluate(run, node.value, state, out):
        if base.constant is None and not node.attr.value.startswith("__"):
            out.add(ATTRIBUTE_ERROR, after.raised(node, {}, Lane.OTHER))
            continue
        type_ = run.models.type(base.type)
        note_attribute(run, node.attr.value, base, after)
        read = base.refs and type_ and node.attr.value in type_.reads_to_end
        ended = run.release(after, base.refs, node, explicit=False) if read else after
        same = _stood_for(run, node, after) if after.obligations else None
        value = same if same is not None else attribute_of(run, node, base, after)
        results.append((collections.dropped(run, ended, {base.collection}), value))
    return results


def _stood_for(run: Run, node: cst.Attribute, state: State) -> Value | None:
    """What reading a property of an object of the project gives that shows an attribute of it, where something is known
    of that; None for any other attribute. One that fills it may do so again once it is released."""
    owner = run.names.local_class(run.names.type_of(node.value, run.scope))
    method = run.names.method(owner, node.attr.value) if owner else None
    attribute = run.names.shows(method) if method else ""
    known = state.env.get(f"{dotted(node.value)}.{attribute}") if method and attribute else None
    if known is None or (method and run.names.stands_for(method)):
        return known
    held = all(n in state.obligations and state.obligations[n].fate is Fate.HELD for n in known.refs)
    return known if known.refs and held else None


def attribute_of(run: Run, node: cst.Attribute, base: Value, state: State) -> Value:
    """What reading an attribute of a value gives. Reading itself is not counted as a point of failure."""
    name = node.attr.value
    if (base.refs or base.derived) and name in run.models.release_names:
        return Value(type=base.type, refs=base.refs, derived=base.derived, method=name)
    if base.type and run.models.is_plain_attribute(base.type, name):
        return NOTHING
    static = run.names.type_of(node, run.scope)
    part: Value | None = None
    if base.parts or base.refs:
        static = static or run.names.attribute_type(base.type, name)
        part = part_of(base, name, static, state) if base.held_at else built_from(run, base, static, state)
        model = run.models.given_by_attribute(base.type, name) if part is None else None
        part = given_by(run, model, base, state) if model else part
    # Of something of which nothing is known it may be a method.
    within = base.parts if base.own and not base.type else frozenset[int]()
    return part or Value(type=static, derived=base.refs | base.derived, parts=within)


def _call(run: Run, node: cst.Call, state: State, out: Outcomes) -> Results:
    results: Results = []
    func = node.func
    if isinstance(func, cst.Name) and func.value == "bool" and (asked := _asked(run, node)):
        return _as_truths(*test(run, asked, state, out))
    if collections.makes_empty(run, node):
        return [(state, Value(items=()))]
    place = place_of(node) if run.taken_back else ""
    if place in run.taken_back and place in state.env:
        return _taken_from(run, node, place, state, out)
    arguments = [a.value for a in node.args]
    keys = argument_keys(node)
    unpacks = any(a.star for a in node.args)
    made = run.scope.module.function(node)
    if isinstance(func, cst.Attribute):
        path = dotted(func)
        bound = state.env.get(path) if path else None
        heads = [(state, bound)] if bound is not None else evaluate(run, func.value, state, out)
        method = "" if bound is not None else func.attr.value
    else:
        heads = evaluate(run, func, state, out)
        method = ""
    for after_head, head in heads:
        if head.constant is None and method:  # before an argument is looked at
            out.add(ATTRIBUTE_ERROR, after_head.raised(node, {}, Lane.OTHER))
            continue
        for before_call, evaluated in evaluate_all(run, arguments, after_head, out):
            values = [_constant_of(run, a, v) for a, v in zip(arguments, evaluated, strict=True)]
            if made is not None:
                kept = {id(a.value): v for a, v in zip(node.args, values, strict=True)}
                defaults = [kept[id(p.default)] for p in made.parameters if p.default is not None]
                results.append((before_call, closure(run, node, defaults)))
                continue
            given = tuple(zip(keys, values, strict=True))
            given = _unpacked(run, node, given, before_call) if unpacks else given
            results += calls.call(run, Invocation(node, head, method, given), before_call, out)
    return own_objects(run, node, results) if id(node) in run.objects else results


def _constant_of(run: Run, node: cst.BaseExpression, value: Value) -> Value:
    """What an argument gives; of a variable of the module, or of a function around, the text or number for which it
    stands, and of a class its name."""
    if type(node) not in (cst.Name, cst.Attribute) or value != NOTHING:
        return value
    found = constant(node, run.scope)
    return Value(constant=found) if found is not ... else conditions.class_named(run, node) or value


def _unpacked(
    run: Run, node: cst.Call, arguments: tuple[tuple[int | str, Value], ...], state: State
) -> tuple[tuple[int | str, Value], ...]:
    """The arguments of a call that passes on what the function takes up by its own `*args` and `**kwargs`."""
    own = {p.name: p.kind for p in run.function.parameters} if run.function else {}
    positional: list[Value] = []
    named: list[tuple[int | str, Value]] = []
    for argument, (key, value) in zip(node.args, arguments, strict=True):
        kind = own.get(dotted(argument.value), "") if argument.star and value.items is not None else ""
        if kind == "args":
            positional += value.items or ()
        elif kind == "kwargs":
            named += ((k.removeprefix(UNPACKED), v) for k, v in state.env.items() if k.startswith(UNPACKED))
        elif isinstance(key, int) and all(k != "*" for k, _ in named):
            positional.append(value)
        else:
            named.append((key, value))
    return (*enumerate(positional), *named)


def _taken_from(run: Run, node: cst.Call, place: str, state: State, out: Outcomes) -> Results:
    """`scope.pop("db")` and `scope.get("db")` of what the function has put there; what it has popped is its own
    again."""
    value = state.env[place]
    after = [s for s, _ in evaluate_all(run, [a.value for a in node.args[1:]], state, out)]
    if isinstance(node.func, cst.Attribute) and node.func.attr.value == "pop":
        mine = [n for n in value.refs if n in state.obligations and state.obligations[n].fate is Fate.FIELD]
        after = [s.bind(place, NOTHING).change(mine, fate=Fate.HELD) for s in after]
    return [(s, value) for s in after]


def _asked(run: Run, node: cst.Call) -> cst.BaseExpression | None:
    """What `bool(…)` asks."""
    match node.args:
        case [cst.Arg(value=inner, keyword=None, star="")] if (
            run.names.qualify(node.func, run.scope) == "builtins.bool"
        ):
            return inner
    return None


def _await(run: Run, node: cst.Await, state: State, out: Outcomes) -> Results:
    results: Results = []
    for after, value in evaluate(run, node.expression, state, out):
        results += complete(run, node, value, after, out, "await")
    return results


def _conditional(run: Run, node: cst.BaseExpression, state: State, out: Outcomes) -> Results:
    match node:
        case cst.IfExp(test=condition, body=body, orelse=orelse):
            true, false = test(run, condition, state, out)
            return [r for s in true for r in evaluate(run, body, s, out)] + [
                r for s in false for r in evaluate(run, orelse, s, out)
            ]
        case cst.BooleanOperation(left=left, operator=operator, right=right):
            results: Results = []
            stops_on = isinstance(operator, cst.Or)
            for after, value in evaluate(run, left, state, out):
                truth = value.known_truth
                refined = _refined(run, left, after, value)
                if truth is not (not stops_on):
                    results.append((refined[0 if stops_on else 1] or after, value))
                if truth is not stops_on:
                    results += evaluate(run, right, refined[1 if stops_on else 0] or after, out)
            return results if len(results) <= MAX_STATES else _few(run, results)
    true, false = test(run, node, state, out)
    if len(true) == len(false) == 1 and true[0] is false[0]:
        return [(true[0], NOTHING)]
    return [*((s, Value(truth=True)) for s in true), *((s, Value(truth=False)) for s in false)]


def _refined(run: Run, node: cst.BaseExpression, state: State, value: Value) -> tuple[State | None, State | None]:
    """The state refined by a plain name's truth, for both outcomes."""
    path = dotted(node)
    return conditions.refined(run, path, value, state) if path and value.known_truth is None else (state, state)


def _sequence(run: Run, node: cst.Tuple | cst.List | cst.Set, state: State, out: Outcomes) -> Results:
    return [
        (s, Value(items=tuple(values))) for s, values in evaluate_all(run, [e.value for e in node.elements], state, out)
    ]


def closure(
    run: Run, node: cst.FunctionDef | cst.Lambda | cst.Call | cst.ClassDef, defaults: Sequence[Value] = ()
) -> Value:
    """The value of a nested function or class, or of the function that a call makes.

    Args:
        defaults: values of its parameters' defaults, which it keeps.
    """
    index = run.scope.module
    function = index.function(node)
    defined = function or index.owner(node)
    assert defined is not None
    inner = defined.scope
    mentioned = variables(defined.node.body) - (inner.bindings.keys() - inner.declared_outside)
    captures = frozenset(mentioned & run.scope.bindings.keys()) if run.function else frozenset[str]()
    takes = captures & taken_names(function.node, run.models.release_names) if function else captures
    kept = tuple(defaults) if any(v.reach() for v in defaults) else None
    found = Closure(captures, takes) if captures else None
    return Value(function=function, closure=found, items=kept)


def taken_names(function: cst.FunctionDef | cst.Lambda, release_names: frozenset[str]) -> frozenset[str]:
    """Names with which a nested function does more than call harmless methods: it may release, return or store them."""
    taken: set[str] = set()
    stack: list[cst.CSTNode] = [function.body]
    while stack:
        node = stack.pop()
        match node:
            case cst.Call(func=cst.Attribute(value=cst.Name(), attr=cst.Name(value=method)), args=arguments) if (
                method not in release_names
            ):
                stack += arguments
                continue
            case cst.Attribute(value=cst.Name(), attr=cst.Name(value=method)) if method not in release_names:
                continue
            case cst.Name(value=name):
                taken.add(name)
        stack += operands(node)
    return frozenset(taken)


def _comprehension(run: Run, node: cst.BaseComp, state: State, out: Outcomes) -> Results:
    """One turn for each element of a literal; for anything else one for an unknown element, or none, or two where they
    acquire something."""
    parts = [node.key, node.value] if isinstance(node, cst.DictComp) else [node.elt]  # type: ignore[attr-defined]
    number = 0 if isinstance(node, cst.GeneratorExp) else collections.of_comprehension(run, node)
    state = collections.dropped(run, state, {number})  # what it has made before
    turns = _Turns(node, tuple(parts), frozenset(state.obligations), number)
    results = _looped(run, turns, node.for_in, state, out, _MOST_TURNS)
    if not results and isinstance(node, cst.GeneratorExp):
        return [(state, NOTHING)]
    names = {n.value for loop in loops_of(node.for_in) for n in descendants(loop.target) if isinstance(n, cst.Name)}
    # Its own names end with it.
    restored = [
        (_restored(after, names, state), Value(items=v) if v else collections.made(number, after))
        for after, v in results
    ]
    return restored if len(restored) <= MAX_STATES else _few(run, restored)


@dataclass(frozen=True, slots=True)
class _Turns:
    """What each turn of a comprehension evaluates."""

    node: cst.BaseComp
    parts: tuple[cst.BaseExpression, ...]
    before: frozenset[int]
    """Obligations before the comprehension."""
    number: int
    """What it makes, as a collection; 0 for a generator."""


_Ways = list[tuple[State, tuple[Value, ...]]]
"""States after some turns, with the elements that have yet to be awaited."""


def _looped(run: Run, turns: _Turns, loop: cst.CompFor, state: State, out: Outcomes, most: int) -> _Ways:
    """The states after one `for` of a comprehension.

    Args:
        most: how many turns are told apart.
    """
    ended: _Ways = []
    for after, iterable in evaluate(run, loop.iter, state, out):
        # Whoever reads a generator over a resource reads it to its end.
        reading = run.keep(after, iterable.refs) if isinstance(turns.node, cst.GeneratorExp) else after
        if collections.by_key(iterable):
            reading = collections.dropped(run, reading, {iterable.collection})
        for items in (
            [iterable.items] if iterable.items and not iterable.keys else collections.elements(iterable, after)
        ):
            entered = begun(run, loop.iter, iterable, reading, later=isinstance(turns.node, cst.GeneratorExp))
            ways = _in_order(run, turns, loop, items, entered, out, most)
            ended += [(e, awaited) for s, awaited in ways for e in exhausted(run, loop.iter, iterable, s, out)]
    return _distinct(run, ended)


def _in_order(
    run: Run,
    turns: _Turns,
    loop: cst.CompFor,
    items: tuple[Value, ...],
    reading: State,
    out: Outcomes,
    most: int,
) -> _Ways:
    """The states after the turns for these elements; for one that is not known, where there are none."""
    if len(items) > most:
        items = (reduce(_either, items),)
    ways: _Ways = [(reading, ())]
    for turn, value in enumerate(items or (NOTHING, NOTHING)):
        acquires = any(s.obligations.keys() - turns.before for s, _ in ways)
        if turn and not items and not (acquires and turns.number):
            break  # a second turn shows what is lost of the first
        following: _Ways = []
        for before, awaited in ways:
            entered = [bind(run, loop.target, value, before, out)]
            for condition in loop.ifs:
                tested = [test(run, condition.test, s, out) for s in entered]
                following += [(s, awaited) for _, false in tested for s in false]
                entered = [s for true, _ in tested for s in true]
            for current in entered:
                done = _element(run, turns, loop, current, out, most // max(1, len(items)))
                following += [(s, (*awaited, *more)) for s, more in done]
        ways = _distinct(run, following if items else [*following, *ways])
    return ways


def _element(run: Run, turns: _Turns, loop: cst.CompFor, state: State, out: Outcomes, most: int) -> _Ways:
    if loop.inner_for_in is not None:
        return _looped(run, turns, loop.inner_for_in, state, out, most)
    ways: _Ways = []
    for evaluated, values in evaluate_all(run, turns.parts, state, out):
        after = evaluated
        fresh = frozenset(after.obligations) - turns.before
        if any(v.pending for v in values):
            ways.append((after, tuple(values)))
        else:
            for value in values if turns.number else ():
                after = collections.put(run, turns.number, value, after)
            fresh = frozenset(n for n in fresh if n in after.obligations and after.obligations[n].owner != turns.number)
            ways.append((run.keep(after, fresh) if fresh else after, ()))
    return ways


def _distinct(run: Run, ways: _Ways) -> _Ways:
    """Of those that end in the same state one, and not too many."""
    found: dict[tuple[object, ...], tuple[State, tuple[Value, ...]]] = {}
    for state, awaited in ways:
        known = found.get((state.key, awaited))
        found[state.key, awaited] = (known[0].join(state) if known else state, awaited)
    if len(found) <= MAX_STATES:
        return list(found.values())
    run.record.cut = run.record.dropped = True
    return telling(found.values(), MAX_STATES, lambda way: way[0])


def _restored(state: State, names: set[str], before: State) -> State:
    for name in names:
        if state.get(name) != before.get(name):
            state = state.bind(name, before.get(name))
    return state


def _yield(run: Run, node: cst.Yield, state: State, out: Outcomes) -> Results:
    value = node.value.item if isinstance(node.value, cst.From) else node.value
    results: Results = []
    for after, given in evaluate(run, value, state, out) if value is not None else [(state, NONE)]:
        lent = (o for o in after.obligations.values() if o.site.parameter >= 0)
        run.record.yielding.update(o.site.number for o in lent if o.holding)
        # Whoever gets it uses it, and may commit.
        current = after.change(given.refs, holding=True, scarcely=False)
        out_of_sight(run, current, given.refs | given.derived)
        # That is an error of whoever closes it, and nobody resumes it. What it yields from may be empty.
        if CLOSING in current.env and (not isinstance(node.value, cst.From) or given.items):
            _closed(run, node, current, out)
            continue
        if isinstance(node.value, cst.From) and given.pending:
            results += _delegated(run, node, given, current, out)
            continue
        if run.yields_to == "consumer":
            suspending.yielded(run, node, given, current)
        read = isinstance(node.value, cst.From)  # its items are the consumer's, not what they are read from
        if run.yields_to in ("consumer", "reader"):
            current = run.hand_over(current, replace(given, derived=frozenset()) if read else given)
            _closed(run, node, current, out)
        if run.yields_to == "consumer":
            run.fail(current, node, out, OTHER, {}, Lane.CANCELLED)  # thrown in
        if run.yields_to == "manager":
            run.fail(current, node, out, OTHER, {}, Lane.RESOURCE)
            _closed(run, node, current, out)
            if run.function and run.function.is_async:  # the block that it serves may be cancelled
                run.fail(current, node, out, CANCEL, {}, Lane.CANCELLED)
        results.append((read_to_end(run, node, given, current) if read else current, NOTHING))
    return results


def _closed(run: Run, node: cst.Yield, state: State, out: Outcomes) -> None:
    """The generator is closed while it is suspended at a `yield`."""
    run.fail(state.assume(CLOSING, truth=True), node, out, GENERATOR_EXIT, {}, Lane.CANCELLED)


def _delegated(run: Run, node: cst.Yield, given: Value, state: State, out: Outcomes) -> Results:
    """`yield from generator(resource)`: the one who reads may stop early; else the generator runs to its end."""
    state = begun(run, node, given, state)
    if run.yields_to in ("consumer", "reader"):
        _closed(run, node, state, out)
    if run.yields_to == "consumer":
        suspending.yielded(run, node, given, state)
        run.fail(state, node, out, OTHER, {}, Lane.CANCELLED)  # thrown in
    return [(s, NOTHING) for s in exhausted(run, node, given, state, out)]


def _subscript(run: Run, node: cst.Subscript, state: State, out: Outcomes) -> Results:
    place = place_of(node)
    if place in run.taken_back and place in state.env:
        return [(state, state.env[place])]
    results: Results = []
    for after, base in evaluate(run, node.value, state, out):
        index = node.slice[0].slice
        position = literal(index.value) if isinstance(index, cst.Index) else ...
        chosen = collections.chosen(base, position)
        if chosen is not None:
            results.append((after, chosen))
            continue
        for inner, _ in evaluate_all(run, [e.slice for e in node.slice], after, out):
            inside = collections.item(base, position, inner) if base.collection else None
            if inside is not None:
                results.append((inner, inside))
                continue
            left = sent(run, base, node, collections.left(run, base, inner))
            model = next(iter(run.models.methods(base.type, "__getitem__")), None)
            if model is not None and isinstance(index, cst.Index):
                results.append((left, given_by(run, model, base, left)))
                continue
            within = frozenset[int]() if base.type else base.parts
            results.append((left, Value(derived=base.refs | base.derived, parts=within)))
    return results


def bind(run: Run, target: cst.CSTNode, value: Value, state: State, out: Outcomes) -> State:
    """The state after assigning a value to a target."""
    match target:
        case cst.Name(value=name):
            return _bind_name(run, name, value, state)
        case cst.Attribute():
            return _bind_attribute(run, target, value, state, out)
        case cst.Subscript():
            after, into = next(iter(evaluate(run, target.value, state, out)), (state, NOTHING))
            if into.collection and all(isinstance(e.slice, cst.Index) for e in target.slice):
                return collections.put(run, into.collection, value, after, collections.key_of(target, after))
            return _place(run, target, place_of(target), value, after)
        case cst.Tuple() | cst.List():
            return _bind_elements(run, target, value, state, out)
        case cst.StarredElement(value=inner):
            return bind(run, inner, value, state, out)
    return state


def _bind_name(run: Run, name: str, value: Value, state: State) -> State:
    if name in run.global_names:
        return run.hand_over(state, value, stored=True)
    state, value = collections.bound(run, name, value, state)
    for number in value.refs:
        obligation = state.obligations.get(number)
        if obligation and not value.method:
            run.record.bound.setdefault(name, [])
            if obligation.site not in run.record.bound[name]:
                run.record.bound[name].append(obligation.site)
    state = state.bind(name, value if _worth(run, name, value) else NOTHING)
    # An escaped closure refers to the variable: whoever has it may release what is bound now.
    return state.change(state.reach(value), doubtful=True) if CELL + name in state.env else state


def _worth(run: Run, name: str, value: Value) -> bool:
    """Plain constants and truths are followed only for names on which something depends."""
    more = value.type or value.refs or value.derived or value.items or value.pending or value.function
    if more or (value.constant is UNKNOWN and value.truth is None):
        return True
    return name in run.repeated or name in run.answers or value.constant is None


def _bind_attribute(run: Run, target: cst.Attribute, value: Value, state: State, out: Outcomes) -> State:
    path = dotted(target)
    after, owner = next(iter(evaluate(run, target.value, state, out)), (state, NOTHING))
    note_attribute(run, target.attr.value, owner, after)
    if owner.own:
        after, put = put_on(run, owner, target.attr.value, value, after)
        if put:
            return after.bind(path, NOTHING) if path else after
    reached = after.reach(value)
    if any(n <= COLLECTIONS for n in reached - {value.own}):
        return _store(run, target, value, after)
    class_ = run.names.local_class(owner.type)
    if class_ is not None and run.names.setter(class_, target.attr.value):
        # It is given to a method; who reads the property gets what that keeps.
        return _store(run, target, value, after.bind(path, NOTHING) if path else after)
    if not path or not reached:
        followed = path and (value.pending or value.derived or path in after.env or path in run.repeated)
        return _store(run, target, value, after.bind(path, value) if followed else after)
    own = (
        run.function
        and run.function.owner
        and run.function.parameters
        and path.split(".")[0] == run.function.parameters[0].name
    )
    if not own or path.count(".") != 1:
        return _place(run, target, path, value, after)
    if value.own:  # from here on others have it, too
        after, value = run.keep(after, frozenset({value.own})), value.without(value.own)
        reached = after.reach(value)
    bound = after.bind(path, value)
    for number in bound.owned(reached):
        if number in bound.obligations:
            run.record.kept.add(bound.obligations[number].site.number)
            run.record.stored.add(bound.obligations[number].site.number)
    bound = run.hand_callbacks(bound, reached, stored=True)
    known = bound.owned(reached) & bound.obligations.keys()
    held = frozenset(n for n in known if bound.obligations[n].fate is Fate.HELD)
    lasting = frozenset(n for n in held if _is_registry(run, bound.obligations[n].site))
    return run.keep(bound.change(held - lasting, fate=Fate.FIELD), lasting, stored=True)


def _is_registry(run: Run, site: Site) -> bool:
    """A registry of sessions is made to be kept; that who has used it removes what is there is asked where it is
    used."""
    type_ = run.models.type(site.acquisition.type)
    return type_ is not None and bool(type_.ambient)


def _store(run: Run, node: cst.CSTNode, value: Value, state: State) -> State:
    """Something is stored where it outlives the function; a child keeps a parent that has no other name."""
    state = sent(run, value, node, state)
    orphans = value.derived - state.reachable()
    return run.hand_over(run.keep(state, orphans, stored=True), value, stored=True)


def _place(run: Run, node: cst.CSTNode, path: str, value: Value, state: State) -> State:
    """Something is stored on an attribute or in an element of something else, which the function may take back from
    there."""
    stored = _store(run, node, value, state)
    if path not in run.taken_back:
        return stored
    held = (n for n in value.refs if n in state.obligations and state.obligations[n].fate is Fate.HELD)
    own = [n for n in held if not _is_lent_or_stack(state.obligations[n].site)]
    return stored.bind(path, value).change(own, fate=Fate.FIELD)


def _is_lent_or_stack(site: Site) -> bool:
    return site.parameter >= 0 or site.acquisition.kind == "stack"


def _bind_elements(run: Run, target: cst.Tuple | cst.List, value: Value, state: State, out: Outcomes) -> State:
    elements = target.elements
    starred = any(isinstance(e, cst.StarredElement) for e in elements)
    if value.items is not None and len(value.items) == len(elements) and not (starred or value.keys):
        for element, item in zip(elements, value.items, strict=True):
            state = bind(run, element.value, item, state, out)
        return state
    state = run.keep(state, value.reach())
    for element in elements:
        state = bind(run, element.value, Value(derived=value.derived), state, out)
    return state


# ---------------------------------------------------------------------------------------------------------- conditions


def test(run: Run, node: cst.BaseExpression, state: State, out: Outcomes) -> tuple[list[State], list[State]]:
    """Evaluate a condition.

    Returns:
        The states in which it is true and those in which it is false, refined by what that says of names.
    """
    match node:
        case cst.UnaryOperation(operator=cst.Not(), expression=inner):
            true, false = test(run, inner, state, out)
            return false, true
        case cst.BooleanOperation(left=left, operator=operator, right=right):
            true, false = test(run, left, state, out)
            if isinstance(operator, cst.And):
                pairs = [test(run, right, s, out) for s in true]
                return [s for t, _ in pairs for s in t], run.limit(false + [s for _, f in pairs for s in f])
            pairs = [test(run, right, s, out) for s in false]
            return run.limit(true + [s for t, _ in pairs for s in t]), [s for _, f in pairs for s in f]
        case cst.Comparison():
            return _compare(run, node, state, out)
    true_states: list[State] = []
    false_states: list[State] = []
    for after, value in evaluate(run, node, state, out):
        closed = _closed_test(run, node, after, value, out)
        if closed:
            true_states += closed[0]
            false_states += closed[1]
            continue
        empty = collections.is_empty(value, after)
        truth = value.known_truth if empty is None else not empty
        truth = conditions.is_instance(run, node, after) if truth is None else truth
        name = dotted(node.target) if isinstance(node, cst.NamedExpr) else dotted(node)
        if_true, if_false = conditions.refined(run, name, value, after) if name and truth is None else (after, after)
        if truth is not False:
            true_states.append(if_true)
        if truth is not True:
            false_states.append(if_false)
    return true_states, false_states


def _closed_test(
    run: Run, node: cst.BaseExpression, state: State, value: Value, out: Outcomes
) -> tuple[list[State], list[State]] | None:
    """`conn.closed`, `conn.is_connected()`, `getattr(conn, "closed", None)`: on the branch that says so, nothing
    is left to release."""
    func = node.func if isinstance(node, cst.Call) else node
    if isinstance(func, cst.Attribute):
        tested, name = func.value, func.attr.value
    elif isinstance(node, cst.Call) and isinstance(func, cst.Name) and func.value == "getattr" and len(node.args) > 1:
        tested, name = node.args[0].value, str(literal(node.args[1].value))
    else:
        return None
    if name not in run.models.closed_tests:
        return None
    says_closed = run.models.closed_tests[name]
    for _, base in evaluate(run, tested, state, Outcomes()):
        if base.refs:
            gone = state.settle(base.refs, Fate.RELEASED)  # somebody has; this is no release
            still = state.change(base.refs, released=None)  # it is open after all: something opened it again
            return ([gone], [still]) if says_closed else ([still], [gone])
    return None


def _compare(run: Run, node: cst.Comparison, state: State, out: Outcomes) -> tuple[list[State], list[State]]:
    states = evaluate_all(run, [node.left, *(c.comparator for c in node.comparisons)], state, out)
    if len(node.comparisons) != 1:
        return [s for s, _ in states], [s for s, _ in states]
    true_states: list[State] = []
    false_states: list[State] = []
    for after, (left, right) in states:
        true, false = conditions.compared(run, node, left, right, after)
        true_states += [true] if true else []
        false_states += [false] if false else []
    return true_states, false_states


# What `match` would do takes a look at the classes of LibCST one after the other, which is slow.
_EVALUATION: Final[Mapping[type[cst.CSTNode], Callable[[Run, Any, State, Outcomes], Results]]] = {
    cst.Name: _variable,
    cst.Attribute: _attribute,
    cst.Call: _call,
    cst.Await: _await,
    cst.BooleanOperation: _conditional,
    cst.IfExp: _conditional,
    cst.Comparison: _conditional,
    cst.UnaryOperation: _unary,
    cst.NamedExpr: _named,
    cst.Tuple: _sequence,
    cst.List: _sequence,
    cst.Set: _sequence,
    cst.Dict: _dict,
    cst.Lambda: _lambda,
    cst.ListComp: _comprehension,
    cst.SetComp: _comprehension,
    cst.DictComp: _comprehension,
    cst.GeneratorExp: _comprehension,
    cst.Yield: _yield,
    cst.Subscript: _subscript,
    cst.SimpleString: _constant,
    cst.Integer: _constant,
    cst.Float: _constant,
    cst.StarredElement: _wrapped,
    cst.Element: _wrapped,
    cst.Arg: _wrapped,
}
