"""Uses of a resource that are wrong where they stand: after its release, a second release, a release that is none.

What is released stays followed for as long as a name leads to it; these functions look at that.
"""

from __future__ import annotations

from collections.abc import Iterable

import libcst as cst

from pooclint.flow.invocations import Invocation, reach
from pooclint.flow.record import Misuse, MisuseKind
from pooclint.flow.run import Run
from pooclint.flow.states import State
from pooclint.flow.values import Fate, Obligation, Value
from pooclint.source.nodes import dotted


def note_use(run: Run, invocation: Invocation, state: State) -> State:
    """Look at a method call on what may have been released.

    Returns:
        The state after it: what was released, and then had a method called that needs no connection (`reconnect`), may
        be open again.
    """
    head, method = invocation.head, invocation.method
    touched = _connections(run, head, state)
    if not method or not touched:
        return state
    fatal = _needs_connection(run, head, state, touched, method)
    for number in touched:
        obligation = state.obligations[number]
        if not fatal:
            continue
        if obligation.released is None:
            run.record.used_while_held.setdefault((obligation.site.number, id(invocation.node)), invocation.node)
        else:
            _record(run, "use-after-release", invocation.node, obligation, state)
    if fatal or not head.refs or method in run.models.release_names or method in run.models.closed_tests:
        return state
    return state.change(head.refs, released=None)


def shown_to_be_lent(run: Run, invocation: Invocation, state: State) -> frozenset[int]:
    """What an unknown callee has seen, and a method call on it needs: where that succeeds, the callee has not closed
    it. An object that was made of it, or that it is kept on, may still release it later."""
    head, method = invocation.head, invocation.method
    if not method or not (head.refs or head.derived):
        return frozenset()
    seen = [n for n in _connections(run, head, state) if state.obligations[n].doubtful]
    on_objects = [v.refs for k, v in state.env.items() if "." in k and k[0] not in "#?"] if seen else []
    touched = [n for n in seen if not any(n in refs for refs in on_objects)]
    types = {n: run.models.type(state.obligations[n].site.acquisition.type) for n in touched}
    needed = [n for n, type_ in types.items() if type_ is not None and method in type_.checks_out]
    if len(needed) < len(touched) and _needs_connection(run, head, state, touched, method):
        needed = touched
    return frozenset(n for n in needed if state.obligations[n].site.number not in run.record.built_upon)


def given_away(run: Run, node: cst.CSTNode, given: Iterable[Value], state: State) -> None:
    """Look at what a new owner is given (`ClientSession(connector=connector)`): it works with what may be closed, as
    the owner of the turn before has left it."""
    for number in reach(state, given) & state.obligations.keys():
        if _is_closed(run, state.obligations[number]):
            _record(run, "use-after-release", node, state.obligations[number], state)


def _is_closed(run: Run, obligation: Obligation) -> bool:
    """True for what was released, and cannot be used since."""
    type_ = run.models.type(obligation.site.acquisition.type)
    released = obligation.released is not None and obligation.fate is Fate.RELEASED
    return type_ is not None and bool(type_.uses) and released


def returned(run: Run, value: Value, state: State) -> None:
    """Look at a generator or coroutine of the project that is returned: it runs only after the function has ended, on
    what has been released by then."""
    pending = value.pending
    if pending is None or pending.summary is None:
        return
    steps = state.trace.steps() if state.trace else []
    node = next((n for n, _ in reversed(steps) if isinstance(n, cst.Return)), pending.node)
    for number in frozenset[int]().union(*(v.refs for _, v in pending.arguments)) & state.obligations.keys():
        if _is_closed(run, state.obligations[number]):
            _record(run, "use-after-release", node, state.obligations[number], state)


def _connections(run: Run, head: Value, state: State) -> list[int]:
    """Obligations that a method of the value works on: itself, or the connection of a cursor."""
    type_ = run.models.type(head.type)
    through = head.derived if type_ is not None and type_.kind == "cursor" else frozenset[int]()
    return [n for n in head.refs | through if n in state.obligations]


def _needs_connection(run: Run, head: Value, state: State, touched: Iterable[int], method: str) -> bool:
    names = [head.type] if not head.refs else [state.obligations[n].site.acquisition.type for n in touched]
    for name in names:
        type_ = run.models.type(name)
        if type_ is None:
            continue
        if method in type_.uses:
            return True
        known = {*type_.cannot_raise, *run.models.release_names, *run.models.closed_tests}
        if "*" in type_.uses and not method.startswith("_") and method not in known:
            return True
    return False


def released_again(run: Run, state: State, numbers: frozenset[int], node: cst.CSTNode, method: str) -> None:
    """Look at a release of what may be released already."""
    for number in numbers & state.obligations.keys():
        obligation = state.obligations[number]
        type_ = run.models.type(obligation.site.acquisition.type)
        if type_ and method in type_.once and obligation.fate is Fate.RELEASED and obligation.released is not None:
            _record(run, "double-release", node, obligation, state)


def closes_instead(run: Run, invocation: Invocation, state: State) -> State:
    """`conn.close()` on what its pool has to take back: the state remembers it, in case nothing else follows."""
    for number in invocation.head.refs & state.obligations.keys():
        acquisition = state.obligations[number].site.acquisition
        if acquisition.pooled and invocation.method in acquisition.closes and state.obligations[number].closed is None:
            state = state.change([number], closed=invocation.node)
    return state


def other_pool(run: Run, invocation: Invocation, state: State, numbers: frozenset[int]) -> None:
    """`second.release(conn)` of a connection that came from `first`."""
    func = invocation.node.func
    if not isinstance(func, cst.Attribute):
        return
    given = frozenset[int]().union(*(v.refs for _, v in invocation.arguments))
    for number in numbers & given & state.obligations.keys():
        obligation = state.obligations[number]
        acquired = obligation.site.node
        if not isinstance(acquired, cst.Call) or not isinstance(acquired.func, cst.Attribute) or not dotted(func.value):
            continue
        here = run.names.origin(func.value, run.scope)
        there = run.names.origin(acquired.func.value, run.scope)
        if here is not None and there is not None and here is not there:
            _record(run, "wrong-pool", invocation.node, obligation, state, dotted(func.value))


def not_awaited(run: Run, node: cst.CSTNode, value: Value, state: State) -> None:
    """An expression statement drops a coroutine that would have released something."""
    pending = value.pending
    passed = [v.pending for v in pending.passes if v.pending] if pending else []
    never_runs = pending is not None and all(c.awaited == "must" for c in pending.calls)
    for dropped in (pending, *(passed if never_runs else ())):
        numbers = dropped.releases & state.obligations.keys() if dropped else frozenset[int]()
        for number in numbers:
            _record(run, "release-not-awaited", node, state.obligations[number], state)


def _record(
    run: Run, kind: MisuseKind, node: cst.CSTNode, obligation: Obligation, state: State, name: str = ""
) -> None:
    if run.expected and kind != "release-not-awaited":  # a test, more often than not, that it does raise
        return
    steps = tuple(state.trace.steps()) if state.trace else ()
    site = obligation.site
    misuse = Misuse(kind, node, name, site=site, obligation=obligation, trace=steps)
    run.record.misuse(misuse, key=id(node))
