"""Evaluation of expressions: what they do, in Python's order, and what they give."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import libcst as cst

from pooclint.flow import calls, collections, conditions
from pooclint.flow.acquiring import sent
from pooclint.flow.assignments import bind
from pooclint.flow.branches import test
from pooclint.flow.closures import closure
from pooclint.flow.completions import ATTRIBUTE_ERROR, Outcomes
from pooclint.flow.comprehensions import comprehension
from pooclint.flow.invocations import Invocation, Results, reach
from pooclint.flow.operands import distinct, evaluate_all, few
from pooclint.flow.parts import built_from, given_by, own_objects, part_of
from pooclint.flow.run import MAX_STATES, UNPACKED, Run
from pooclint.flow.states import State
from pooclint.flow.values import NOTHING, UNBOUND, UNKNOWN, Fate, Lane, Value
from pooclint.flow.waiting import complete
from pooclint.flow.work import note_attribute
from pooclint.flow.yields import yield_
from pooclint.program.keywords import argument_keys
from pooclint.program.literals import constant, literal
from pooclint.source.nodes import children, dotted
from pooclint.source.targets import place_of


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
    found = distinct(run, ways)
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
            return results if len(results) <= MAX_STATES else few(run, results)
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
    cst.ListComp: comprehension,
    cst.SetComp: comprehension,
    cst.DictComp: comprehension,
    cst.GeneratorExp: comprehension,
    cst.Yield: yield_,
    cst.Subscript: _subscript,
    cst.SimpleString: _constant,
    cst.Integer: _constant,
    cst.Float: _constant,
    cst.StarredElement: _wrapped,
    cst.Element: _wrapped,
    cst.Arg: _wrapped,
}
