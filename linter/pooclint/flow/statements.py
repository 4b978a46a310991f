"""Evaluation of statements into completions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import libcst as cst

from pooclint.flow import calls, collections, handlers, misuses
from pooclint.flow.acquiring import sent
from pooclint.flow.assignments import bind
from pooclint.flow.branches import branch, test
from pooclint.flow.closures import closure
from pooclint.flow.completions import (
    BREAK,
    CONTINUE,
    EXIT,
    NORMAL,
    OTHER,
    RETURN,
    Completion,
    Outcomes,
    States,
    normal_end,
)
from pooclint.flow.expressions import evaluate
from pooclint.flow.loops import for_, while_
from pooclint.flow.losing import sweep
from pooclint.flow.matching import match_
from pooclint.flow.operands import evaluate_all
from pooclint.flow.parts import with_parts
from pooclint.flow.run import Run
from pooclint.flow.states import State
from pooclint.flow.try_statements import CAUGHT, try_
from pooclint.flow.values import NONE, NOTHING, UNBOUND, Lane, Value
from pooclint.flow.with_statements import with_
from pooclint.source.nodes import body_of, dotted
from pooclint.source.targets import place_of

RETURNED = "#return"
"""The name under which a state carries the value of its `return`."""


def evaluate_block(run: Run, statements: Sequence[cst.CSTNode], states: Iterable[State]) -> Outcomes:
    """Evaluate statements one after the other.

    Returns:
        For each way to complete, the states that complete so.

    Raises:
        GaveUp: a bound was exceeded.
    """
    out = Outcomes()
    current = list(states)
    for statement in statements:
        if not current:
            break
        current = run.limit(run.narrow(current, statement))
        run.tick(current)
        result = evaluate_statement(run, statement, current)
        current = result.take(NORMAL)
        for completion, ended in run.left(result, statement):
            out.extend(completion, ended)
    out.extend(NORMAL, current)
    return out


def evaluate_statement(run: Run, node: cst.CSTNode, states: list[State]) -> Outcomes:
    """Evaluate one statement from each of the states."""
    match node:
        case cst.SimpleStatementLine() | cst.SimpleStatementSuite():
            return _simple_line(run, node, states)
        case cst.If():
            return _if(run, node, states)
        case cst.While():
            return while_(run, node, states)
        case cst.For():
            return for_(run, node, states)
        case cst.With():
            return with_(run, node.items, node, states)
        case cst.Try() | cst.TryStar():
            return try_(run, node, states)
        case cst.Match():
            return match_(run, node, states)
        case cst.FunctionDef() | cst.ClassDef():
            return _definition(run, node, states)
        case cst.IndentedBlock():
            return evaluate_block(run, node.body, states)
    return normal_end(states)


def _simple_line(run: Run, node: cst.SimpleStatementLine | cst.SimpleStatementSuite, states: list[State]) -> Outcomes:
    out = Outcomes()
    current = states
    for small in node.body:
        following: list[State] = []
        for state in current:
            following += [sweep(run, small, state, after) for after in _small(run, small, state, out)]
        current = list(States(following))
    out.extend(NORMAL, current)
    return out


def _small(run: Run, node: cst.BaseSmallStatement, state: State, out: Outcomes) -> list[State]:
    """Evaluate a simple statement; returns the states in which control goes on to the next one."""
    match node:
        case cst.Expr(value=value):
            return [_discard(run, value, given, after) for after, given in evaluate(run, value, state, out)]
        case cst.Assign(targets=targets, value=value):
            named = [t.target for t in targets]
            return [
                with_parts(run, named, value, _assign(run, named, given, after, out))
                for after, given in evaluate(run, value, state, out)
            ]
        case cst.AnnAssign(target=target, value=value):
            if value is None:
                return [state]
            return [_assign(run, [target], given, after, out) for after, given in evaluate(run, value, state, out)]
        case cst.AugAssign(target=target, value=value):
            return [_augmented(run, target, given, after, out) for after, given in evaluate(run, value, state, out)]
        case cst.Return(value=value):
            for after, given in evaluate(run, value, state, out) if value else [(state, NONE)]:
                out.add(
                    RETURN,
                    sweep(run, node, state, _returning(run, node, after, given)).note(node, "returns here"),
                )
            return []
        case cst.Raise():
            _raise(run, node, state, out)
            return []
        case cst.Break():
            out.add(BREAK, state)
            return []
        case cst.Continue():
            out.add(CONTINUE, state)
            return []
        case cst.Assert(test=condition):
            true, false = test(run, condition, state, out)
            for failed in false:
                run.fail(failed, node, out, Completion("raise", "builtins.AssertionError"), {}, Lane.OTHER)
            return true
        case cst.Del(target=target):
            if isinstance(target, cst.Name) and state.get(target.value).constant is UNBOUND:
                calls.read_unbound(run, target, state, out)
                return []
            return [_delete(target, state)]
        case cst.Import() | cst.ImportFrom():
            run.fail(state, node, out, OTHER, {}, Lane.OTHER)
            return [state]
    return [state]


def _returning(run: Run, node: cst.Return, state: State, value: Value) -> State:
    pending = value.pending
    state = sent(run, value, node, state)
    if pending and pending.releases:  # `return conn.close()`: whoever awaits the result releases
        state = run.release(state, pending.releases, pending.node)
    return run.keep(state, run.comes_with(value, state)).bind(RETURNED, value)


def _assign(run: Run, targets: Sequence[cst.BaseExpression], value: Value, state: State, out: Outcomes) -> State:
    for target in targets:
        state = bind(run, target, value, state, out)
    return state


def _augmented(run: Run, target: cst.BaseExpression, value: Value, state: State, out: Outcomes) -> State:
    """`name += value`: a list goes on to be the one that it was."""
    known = state.get(target.value) if isinstance(target, cst.Name) else NOTHING
    if not known.collection:
        return run.hand_over(bind(run, target, NOTHING, state, out), value)
    if value.items is None:
        return run.hand_over(state, value)
    for item in value.items:
        state = collections.put(run, known.collection, item, state)
    return state


def _delete(target: cst.BaseExpression, state: State) -> State:
    names = [e.value for e in target.elements] if isinstance(target, cst.Tuple) else [target]
    for name in names:
        path = dotted(name) or place_of(name)
        if path:
            state = state.bind(path, Value(constant=UNBOUND) if "." not in path else NOTHING)
    return state


def _discard(run: Run, node: cst.BaseExpression, value: Value, state: State) -> State:
    """An expression statement drops its value: an un-awaited release has not happened."""
    if value.pending and not isinstance(node, cst.Await):
        misuses.not_awaited(run, node, value, state)
    return state


def _raise(run: Run, node: cst.Raise, state: State, out: Outcomes) -> None:
    if node.exc is None:
        caught = state.get(CAUGHT).constant
        completion = caught if isinstance(caught, Completion) else Completion("raise")
        out.add(completion, state.raised(node, {}, Lane.NORMAL))
        return
    exception = node.exc.func if isinstance(node.exc, cst.Call) else node.exc
    known = state.get(exception.value).constant if isinstance(exception, cst.Name) else None
    # Making the exception does not fail; what it is made from may.
    parts: list[cst.CSTNode] = [a.value for a in node.exc.args] if isinstance(node.exc, cst.Call) else [node.exc]
    parts += [node.cause.item] if node.cause else []
    for after, _ in evaluate_all(run, parts, state, out):
        if isinstance(known, Completion):  # `except E as e: raise e`
            out.add(known, after.raised(node, {}, Lane.NORMAL))
        else:
            name = handlers.exception_name(run, exception)
            completion = EXIT if name == "builtins.SystemExit" else Completion("raise", name)
            out.add(completion, after.raised(node, {}, Lane.RESOURCE))


def _definition(run: Run, node: cst.FunctionDef | cst.ClassDef, states: list[State]) -> Outcomes:
    """A nested function or class: its decorators and defaults run now, its body later."""
    out = Outcomes()
    decorators: list[cst.CSTNode] = [d.decorator for d in node.decorators]
    defaults: list[cst.CSTNode] = []
    body: list[cst.CSTNode] = []
    if isinstance(node, cst.FunctionDef):
        params = (*node.params.posonly_params, *node.params.params, *node.params.kwonly_params)
        defaults = [p.default for p in params if p.default is not None]
    else:
        body = [s for s in body_of(node.body) if not isinstance(s, (cst.FunctionDef, cst.ClassDef))]
    for state in states:
        for after, values in evaluate_all(run, [*decorators, *defaults], state, out):
            value = closure(run, node, values[len(decorators) :])
            # A decorator may register the function: it then belongs to somebody else.
            bound = run.hand_over(after, value) if decorators else after
            rebinds = state.get(node.name.value) != NOTHING
            named = bound.bind(node.name.value, value)
            out.add(NORMAL, sweep(run, node, state, named) if rebinds else named)
    if body:
        result = evaluate_block(run, body, out.take(NORMAL))
        out.merge(result)
    return out


def _if(run: Run, node: cst.If, states: list[State]) -> Outcomes:
    out = Outcomes()
    current: cst.If | cst.Else | None = node
    while isinstance(current, cst.If):  # `elif` chains are long; they do not recurse
        true, false = branch(run, current.test, states, out)
        out.merge(
            evaluate_block(
                run,
                body_of(current.body),
                [s.note(node, "the condition holds") if node is current else s for s in true],
            )
        )
        states, current = false, current.orelse
        if not states:
            return out
    out.merge(evaluate_block(run, body_of(current.body), states) if current else normal_end(states))
    return out
