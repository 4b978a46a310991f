"""Work on a connection that was begun and neither committed nor rolled back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import libcst as cst

from pooclint.flow.invocations import Invocation
from pooclint.flow.record import Misuse, MisuseKind
from pooclint.flow.run import Run
from pooclint.flow.states import State
from pooclint.flow.values import Fate, Lane, Value
from pooclint.program.literals import leading_text

_WRITES: Final = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE"})
_FIRST_WORD: Final = re.compile(r"[\s(]*([A-Za-z]+)(?=[\s;(*])")
_FROM: Final = re.compile(r"\bfrom\b", re.IGNORECASE)
_READS: Final = frozenset({"SELECT", "WITH", "TABLE"})
_NEUTRAL: Final = frozenset({"ANALYZE", "EXPLAIN", "LISTEN", "PRAGMA", "SHOW", "USE", "VALUES"})
"""What neither begins nor ends a transaction of any consequence."""


def note_work(run: Run, invocation: Invocation, state: State, known_callee: bool) -> State:
    """The state after a call that may send a statement, commit it or roll it back.

    Args:
        known_callee: a model says what is called; anything else may commit what it is given.
    """
    head, method = invocation.head, invocation.method
    if not known_callee:
        for value in (*(v for _, v in invocation.arguments), *(() if method else (head,))):
            out_of_sight(run, state, state.reach(value) | _of_cursor(run, value))
    type_ = run.models.type(head.type) if method else None
    touched = [n for n in head.refs | head.derived if n in state.obligations]
    if type_ is None or not touched:
        return state
    if method in type_.autocommits:
        out_of_sight(run, state, touched)
    if method in type_.commits:
        run.record.commits.update((state.obligations[n].site.number, invocation.node) for n in touched)
    if method in type_.commits or method in type_.rolls_back:
        return state.change(touched, worked=None, wrote=None)
    return _sent(run, invocation, state, touched) if method in type_.statements else state


def _of_cursor(run: Run, value: Value) -> frozenset[int]:
    type_ = run.models.type(value.type)
    return value.derived if type_ is not None and type_.kind == "cursor" else frozenset()


def _sent(run: Run, invocation: Invocation, state: State, touched: Iterable[int]) -> State:
    """The state after a statement, by the first word of its text."""
    verb = _verb(run, invocation)
    if verb in _NEUTRAL:
        return state
    if verb not in _WRITES | _READS:  # a definition commits by itself, a `BEGIN` or `CALL` is not seen into
        if verb:
            out_of_sight(run, state, touched)
        return state
    for number in touched:
        obligation = state.obligations[number]
        connection = run.models.type(obligation.site.acquisition.type)
        begins = verb in _WRITES or (connection is not None and connection.reads_begin)
        if begins and obligation.worked is None:
            state = state.change([number], worked=invocation.node)
        if verb in _WRITES and obligation.wrote is None:
            state = state.change([number], wrote=invocation.node)
    return state


def _verb(run: Run, invocation: Invocation) -> str:
    """The statement's first word in capitals; empty where the text is not known."""
    given = invocation.node.args[0].value if invocation.node.args else None
    value = next(iter(invocation.argument(0)), None)
    text = value.constant if value is not None and isinstance(value.constant, str) else ""
    text = text or (leading_text(given, run.scope) if given is not None else "")
    found = _FIRST_WORD.match(text)
    verb = found[1].upper() if found else ""
    whole = verb == "SELECT" and value is not None and value.constant == text
    return "VALUES" if whole and not _FROM.search(text) else verb  # `SELECT 1` reads no table


def out_of_sight(run: Run, state: State, numbers: Iterable[int]) -> None:
    """Note that the work on these may be committed or rolled back where this evaluation does not see it."""
    run.record.unseen.update(state.obligations[n].site.number for n in numbers if n in state.obligations)


def note_attribute(run: Run, attribute: str, value: Value, state: State) -> None:
    """Look at `conn.autocommit = True`, and at `conn.commit` that is handed on."""
    type_ = run.models.type(value.type)
    if type_ and (attribute in type_.autocommits or attribute in type_.commits):
        out_of_sight(run, state, value.refs)


def released(run: Run, state: State, numbers: Iterable[int], node: cst.CSTNode, by_with: bool, raised: bool) -> None:
    """Look at what is left behind on connections that are closed or given back.

    Args:
        by_with: True at the end of a `with`, which promises to tidy up; a plain `close()` says what it does.
        raised: True when that block is left by an exception: what it wrote is meant to be discarded.
    """
    for number in numbers:
        obligation = state.obligations.get(number)
        type_ = run.models.type(obligation.site.acquisition.type) if obligation else None
        if obligation is None or type_ is None:
            continue
        kind: MisuseKind | None = None
        if type_.discards and obligation.wrote is not None:
            kind = "writes-discarded" if by_with and not raised else None
        elif type_.stays_open and obligation.worked is not None:
            kind = "reads-stay-open"
        if kind:
            _note(run, kind, node, number, state)


def left(run: Run, state: State) -> None:
    """Look at the caller's connections when the function ends normally after an exception that it kept to itself."""
    for number, obligation in state.obligations.items():
        site = obligation.site
        caught = obligation.lane in (Lane.RESOURCE, Lane.OTHER) and obligation.fate is Fate.HELD
        if (
            caught
            and site.parameter >= 0
            and not site.injected
            and not site.of_object
            and obligation.worked is not None
        ):
            _note(run, "left-in-transaction", obligation.worked, number, state)


def _note(run: Run, kind: MisuseKind, node: cst.CSTNode, number: int, state: State) -> None:
    obligation, cause = state.obligations[number], state.causes.get(number)
    steps = tuple(state.trace.steps()) if state.trace else ()
    found = Misuse(kind, node, site=obligation.site, obligation=obligation, cause=cause, trace=steps)
    run.record.misuse(found, key=obligation.site.number)
