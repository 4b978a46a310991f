"""`try`, with its handlers and its `finally`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from pooclint.flow import handlers
from pooclint.flow.assignments import bind
from pooclint.flow.completions import GROUP, NORMAL, Completion, Outcomes, States, normal_end
from pooclint.flow.losing import sweep
from pooclint.flow.run import Run
from pooclint.flow.states import State
from pooclint.flow.values import NOTHING, Lane, Value
from pooclint.source.nodes import body_of

CAUGHT = "#caught"
"""The name under which a state carries the exception that the current handler handles."""


def try_(run: Run, node: cst.Try | cst.TryStar, states: list[State]) -> Outcomes:
    """Evaluate a `try` from each of the states."""
    run.tries += 1
    try:
        result = run.execute(run, body_of(node.body), states)
    finally:
        run.tries -= 1
    in_finally = node.finalbody is not None
    run.tries += in_finally
    try:
        out = _handled(run, node, result)
    finally:
        run.tries -= in_finally
    return _finally(run, node.finalbody, out) if node.finalbody else out


def _handled(run: Run, node: cst.Try | cst.TryStar, result: Outcomes) -> Outcomes:
    """The `else` block after a normal end, and each handler from the exceptions that it catches."""
    out = Outcomes()
    normal = result.take(NORMAL)
    raised = [(c, s) for c, s in result.items() if c.exceptional]
    for completion, ended in result.items():
        if not completion.exceptional:
            out.extend(completion, ended)
    out.merge(run.execute(run, body_of(node.orelse.body), normal) if node.orelse else normal_end(normal))
    if isinstance(node, cst.TryStar):
        _handled_in_parts(run, node, raised, out)
        return out
    for handler in node.handlers:
        left: list[tuple[Completion, list[State]]] = []
        entry = States()
        for completion, ended in raised:
            match = handlers.catches(run, handler.type, completion)
            if match != "never":
                for state in run.narrow(ended, handler):
                    entry.add(_entering(run, handler, completion, state, out))
            if match != "always":
                left.append((completion, ended))
        out.merge(_handler(run, handler, entry))
        raised = left
    for completion, ended in raised:
        out.extend(completion, ended)
    return out


def _handler(run: Run, handler: cst.ExceptHandler | cst.ExceptStarHandler, entry: States) -> Outcomes:
    run.cleanups += 1
    body = run.execute(run, body_of(handler.body), run.limit(list(entry)))
    run.cleanups -= 1
    out = Outcomes()
    for completion, ended in body.items():
        out.extend(completion, (_leaving(handler, s) for s in ended))
    return out


def _handled_in_parts(
    run: Run, node: cst.TryStar, raised: Sequence[tuple[Completion, list[State]]], out: Outcomes
) -> None:
    """Each `except*` takes its part out of a group; the rest goes on to the next, or out. What they raise leaves after
    all of them have run."""
    parts = [_Part(completion, tuple(ended)) for completion, ended in raised]
    for handler in node.handlers:
        left: list[_Part] = []
        for part in parts:
            match = handlers.catches(run, handler.type, part.completion, in_groups=True)
            if match != "always":
                left.append(part)
            if match == "never":
                continue
            caught = handlers.as_group(part.completion)
            entry = States(_entering(run, handler, caught, s, out) for s in part.states)
            # Of what may be a group, a part may be left.
            rest = match == "maybe" and handlers.may_be_group(part.completion)
            run.tries += 1  # after what it raises, the next ones run
            body = _handler(run, handler, entry)
            run.tries -= 1
            for completion, ended in body.items():
                fails = handlers.grouped(part.fails, completion)
                only = part.only if part.fails and not completion.exceptional else None
                if part.fails and fails:
                    out.extend(only or fails, (s.raised(handler, {}, Lane.NORMAL) for s in ended))
                else:
                    out.extend(completion, ended)
                if rest:
                    going_on = tuple(s.raised(handler, {}, Lane.OTHER) for s in ended)
                    first = completion if completion.exceptional and not part.fails else None
                    left.append(_Part(GROUP, going_on, fails, only or first))
        parts = left
    for part in parts:
        out.extend(part.fails or part.completion, part.states)


@dataclass(frozen=True, slots=True)
class _Part:
    """What no `except*` has taken yet."""

    completion: Completion
    states: tuple[State, ...]
    fails: Completion | None = None
    """The group that the statement raises when anything is left, since an earlier handler has raised."""
    only: Completion | None = None
    """What it raises in its place when nothing is left, where only one handler has raised."""


def _entering(
    run: Run, handler: cst.ExceptHandler | cst.ExceptStarHandler, completion: Completion, state: State, out: Outcomes
) -> State:
    state = _handling(state, handler, completion)
    if handler.name is not None:
        state = sweep(run, handler, state, bind(run, handler.name.name, NOTHING, state, out))
        if isinstance(handler.name.name, cst.Name):
            state = state.bind(handler.name.name.value, Value(constant=completion))
    return state.note(handler, "the exception is caught here") if state.holds else state


def _leaving(handler: cst.ExceptHandler | cst.ExceptStarHandler, state: State) -> State:
    state = _done(state, handler)
    if handler.name is not None and isinstance(handler.name.name, cst.Name):
        state = state.bind(handler.name.name.value, NOTHING)
    return state


def _finally(run: Run, node: cst.Finally, result: Outcomes) -> Outcomes:
    """The block is evaluated once for each way in; where it completes normally, that way goes on."""
    out = Outcomes()
    for completion, ended in result.items():
        entry = [_handling(s, node, completion) for s in ended] if completion.exceptional else ended
        run.cleanups += 1
        body = run.execute(run, body_of(node.body), run.limit(run.narrow(entry, node)))
        run.cleanups -= 1
        for left, states in body.items():
            # However it is left, what was on its way tells the states after it no more apart.
            done = [_done(s, node) for s in states] if completion.exceptional else states
            out.extend(completion if left == NORMAL else left, done)
    return out


def _handling(state: State, node: cst.CSTNode, completion: Completion) -> State:
    """The state in a block that an exception has entered: what a bare `raise` in it raises."""
    outer = state.get(CAUGHT)
    state = state.bind(CAUGHT, Value(constant=completion))
    return state.bind(f"{CAUGHT} {id(node)}", outer) if outer is not NOTHING else state


def _done(state: State, node: cst.CSTNode) -> State:
    """The state after such a block."""
    saved = f"{CAUGHT} {id(node)}"
    state = state.bind(CAUGHT, state.get(saved))
    return state.bind(saved, NOTHING) if saved in state.env else state
