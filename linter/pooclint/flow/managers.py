"""`with`: what entering acquires, and what leaving releases."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import libcst as cst

from pooclint.flow import ambient, sharing, stacks
from pooclint.flow.acquiring import checked_in, entered
from pooclint.flow.completions import CANCEL, GROUP, OTHER, RESOURCE, TYPE_ERROR, Outcomes
from pooclint.flow.external import hold
from pooclint.flow.given import entering_method, lent_by
from pooclint.flow.invocations import Attempt
from pooclint.flow.misuses import released_again
from pooclint.flow.project import block_of
from pooclint.flow.record import Misuse
from pooclint.flow.run import Run
from pooclint.flow.states import State
from pooclint.flow.values import ENTERED, NOTHING, Fate, Lane, Pending, Value
from pooclint.flow.waiting import complete, ended_by, lend
from pooclint.flow.work import out_of_sight
from pooclint.models import Call


@dataclass(frozen=True, slots=True)
class Entry:
    """A context manager that has been entered. Two are the same whatever the state."""

    state: State = field(compare=False)
    target: Value
    """What `as` binds."""
    numbers: frozenset[int] = frozenset()
    """Obligations that leaving releases."""
    kept_open: frozenset[int] = frozenset()
    """Obligations that leaving does not release although it looks so."""
    model: Call | None = None
    call: cst.Call | None = None
    begun: frozenset[int] = frozenset()
    """Obligations whose transaction ends with the block."""
    transaction: str = ""
    """Its type."""
    idle: frozenset[int] = frozenset()
    """Sessions that were lent to it, and have no connection when it is left."""
    wraps: bool = False
    """True for a wrapper such as `closing`: leaving calls a method of what it wraps."""
    groups: bool = False
    """True for a group of tasks: what fails in it leaves as an exception group."""
    wraps_none: bool = False
    """True for `closing(None)`: entering works, leaving raises."""
    forgotten: bool = False
    """True when nothing but the `with` refers any more to what leaving does not release: it may fail all the same."""


def enter(run: Run, item: cst.WithItem, value: Value, state: State, out: Outcomes, asynchronous: bool) -> list[Entry]:
    """Enter the manager that an item's expression gave; `out` receives the ways in which that raises."""
    if value.constant is None:
        out.add(TYPE_ERROR, state.raised(item.item, {}, Lane.OTHER))
        return []
    manager = value.type or run.names.type_of(item.item, run.scope)
    entering = "__aenter__" if asynchronous else "__enter__"
    waits = run.models.external_method(manager, entering) if state.holds else None
    if waits:  # `async with lock:`
        hold(run, state, item.item, waits, asynchronous, own=value.refs | value.derived)
    pending = value.pending
    model = pending.calls[0] if pending and pending.calls else None
    if value.inner is not None and value.inner.constant is None:
        made_by = run.names.calls(item.item, run.scope) if isinstance(item.item, cst.Call) else ()
        return [Entry(state, value.inner, wraps_none=any(c.through for c in made_by))]
    if pending and pending.summary:  # held in the body, released by the manager
        attempt: Attempt = "async-with" if asynchronous else "sync-with"
        entered_by: list[Entry] = []
        ended = ended_by(run, pending, state)
        for after, given in complete(run, item.item, value, state, out, attempt):
            out_of_sight(run, after, given.refs)  # the manager may commit or roll back when it is left
            # What it was given outlives the block, unless its end releases that.
            own = given.refs.difference(*(v.refs for _, v in pending.arguments)) | ended
            inside, idle = block_of(run, item.item, pending.summary, pending.arguments, after)
            inside = inside.change(ended, doubtful=False)
            entered_by.append(Entry(_manage(inside, own, 1), given, own, idle=idle))
        return entered_by
    if pending and model:
        return _enter_pending(run, item, value, pending, model, state, out, asynchronous)
    type_ = run.models.type(value.type)
    groups = type_ is not None and type_.groups
    suspends = not groups and not any(stacks.is_stack(state, n) for n in value.refs)
    if asynchronous and suspends:  # while it is being entered, its own `__aenter__` answers for it
        run.fail(state.settle(value.refs, Fate.KEPT), item.item, out, CANCEL, {}, Lane.CANCELLED)
    if value.refs:
        return [_enter_resource(run, item, value, state, asynchronous)]
    if groups:
        return [replace(_enter_plain(run, item, value, state, None, None), groups=True)]
    wraps = value.inner is not None
    method = None if wraps else entering_method(run.names, manager, asynchronous)
    lent = lent_by(run.names, method) if method else None
    if method and lent:
        run.fail(state, item.item, out, OTHER, {}, Lane.OTHER)
        after, given = lend(run, item.item, lent, method.qualname, state)
        return [Entry(_manage(after, given.refs, 1), given, given.refs)]
    if not wraps and not (type_ and entering in type_.cannot_raise):
        run.fail(state, item.item, out, OTHER, {}, Lane.OTHER)
    return [replace(_enter_plain(run, item, value, state, None, None), wraps=wraps)]


def _enter_plain(
    run: Run, item: cst.WithItem, value: Value, state: State, model: Call | None, call: cst.Call | None
) -> Entry:
    """A manager that acquires nothing; a transaction keeps its connection busy until it ends."""
    type_ = run.models.type(value.type)
    if type_ and type_.exit == "keeps-open":  # its end commits
        out_of_sight(run, state, value.derived)
    begun = (
        frozenset(n for n in value.derived if n in state.obligations)
        if type_ and type_.kind == "transaction"
        else frozenset[int]()
    )
    out_of_sight(run, state, begun)
    begun = frozenset(n for n in begun if not state.obligations[n].in_transaction)
    state = state.change(begun, in_transaction=True)
    return Entry(state, _target(run, item, value), model=model, call=call, begun=begun, transaction=value.type)


def _target(run: Run, item: cst.WithItem, value: Value) -> Value:
    """The target's value where nothing is acquired."""
    if value.derived or value.items is not None:
        return Value(value.type, derived=value.derived)
    return Value(run.names.entered_type(item.item, run.scope))


def _enter_resource(run: Run, item: cst.WithItem, value: Value, state: State, asynchronous: bool) -> Entry:
    """`with conn:`, `with closing(conn):`, `with stack:`."""
    type_ = run.models.type(value.type)
    form = "async" if asynchronous else "sync"
    keeps_open = type_ is not None and type_.exit == "keeps-open" and value.inner is None
    unsupported = type_ is not None and type_.with_form not in (form, "both") and value.inner is None
    if unsupported or (
        keeps_open
        and any(state.obligations[n].site.acquisition.entered_unawaited for n in value.refs if n in state.obligations)
    ):
        _wrong(run, item, value, state, asynchronous)
        keeps_open = False
    opened = _open(state, value.refs)
    if keeps_open:  # its end commits
        out_of_sight(run, state, value.refs)
        return Entry(state, entered(run, value), kept_open=value.refs)
    entering = "__aenter__" if asynchronous else "__enter__"
    filled = [n for n in opened if entering in state.obligations[n].site.acquisition.filled_by]
    state = _manage(state.occupy(filled, item.item), opened, 1)
    return Entry(state, _given_by(run, item, value), numbers=opened)


def _given_by(run: Run, item: cst.WithItem, value: Value) -> Value:
    """What `as` binds: of an object of the project, what its `__enter__` gives."""
    given = run.names.entered_type(item.item, run.scope) if run.names.local_class(value.type) else ""
    return Value(given, derived=value.refs) if given not in ("", value.type) else entered(run, value)


def _open(state: State, numbers: frozenset[int]) -> frozenset[int]:
    return frozenset(n for n in numbers if n in state.obligations)


def _manage(state: State, numbers: frozenset[int], by: int) -> State:
    for number in numbers:
        if number in state.obligations:
            state = state.change([number], managed=state.obligations[number].managed + by)
    return state


def _enter_pending(
    run: Run,
    item: cst.WithItem,
    value: Value,
    pending: Pending,
    model: Call,
    state: State,
    out: Outcomes,
    asynchronous: bool,
) -> list[Entry]:
    """`async with pool.acquire():`, `with engine.begin():`: the call acquires when it is entered."""
    form = "async" if asynchronous else "sync"
    accepted = model.with_form or "none"
    wrapped = value.refs or value.inner
    if model.acquires and accepted not in (form, "both") and not wrapped:
        _wrong(run, item, value, state, asynchronous)
    entries: list[Entry] = []
    attempt: Attempt = "async-with" if asynchronous else "sync-with"
    if model.owned_by and wrapped is not None and not model.acquires and model.exit == "keeps-open":
        return [Entry(state, value.inner or value)]
    if model.owned_by and wrapped is not None and not model.acquires:
        return [_enter_resource(run, item, replace(value, pending=None), state, asynchronous)]
    if not model.acquires:
        for after, entered in complete(run, item.item, value, state, out, attempt):
            type_name = run.models.canonical(model.enter) if model.enter else entered.type
            plain = _enter_plain(run, item, replace(entered, pending=None), after, model, pending.node)
            entries.append(replace(plain, target=replace(plain.target, type=type_name)))
        return entries
    for after, resource in complete(run, item.item, value, state, out, attempt):
        numbers = resource.refs
        type_ = run.models.type(model.returns)
        keeps = model.exit == "keeps-open" or (
            model.exit is None and model.with_form is None and type_ is not None and type_.exit == "keeps-open"
        )
        if keeps:
            out_of_sight(run, after, numbers)
            entries.append(Entry(after, resource, kept_open=numbers, model=model, call=pending.node))
        else:
            entries.append(Entry(_manage(after, numbers, 1), resource, numbers, model=model, call=pending.node))
    return entries


def remembered(item: cst.WithItem, entry: Entry) -> State:
    """The state in which a manager has been entered, and remembers what it answers for: a loop in its body may acquire
    at the same place again, and so give that another number."""
    known = (entry.numbers, entry.kept_open, entry.begun)
    return (
        entry.state.know(f"{ENTERED}{id(item)}", Value(items=tuple(Value(refs=n) for n in known)))
        if any(known)
        else entry.state
    )


def answering(item: cst.WithItem, entry: Entry, state: State) -> tuple[State, Entry]:
    """The state in which a manager is left, without what it remembered, and the manager with what it answers for by
    now."""
    name = f"{ENTERED}{id(item)}"
    known = state.get(name).items
    if known is None:
        return state, entry
    numbers, kept_open, begun = (v.refs for v in known)
    forgotten = bool(entry.kept_open) and not kept_open
    left = replace(entry, numbers=numbers, kept_open=kept_open, begun=begun, forgotten=forgotten)
    return state.bind(name, NOTHING), left


def leave(run: Run, item: cst.WithItem, entry: Entry, state: State, out: Outcomes, asynchronous: bool) -> State:
    """The state after the manager's exit, whichever way the body completed."""
    if entry.wraps_none:
        return state
    known = entry.state.obligations
    seen = frozenset(
        n
        for n in entry.kept_open & state.obligations.keys()
        if state.obligations[n].doubtful and not (n in known and known[n].doubtful)
    )
    state = state.change(seen, doubtful=False, lent=True) if seen else state
    state = state.change(entry.kept_open, kept_open=True).change(entry.begun, in_transaction=False)
    state = checked_in(run, entry.transaction, entry.begun, state.change(entry.idle, holding=False))
    state = ambient.ended_by(run, item.item, state)
    if entry.kept_open or entry.forgotten:
        lanes = dict.fromkeys(entry.kept_open, Lane.RESOURCE)
        run.fail(state, item.item, out, RESOURCE, lanes, Lane.OTHER, leaving=True)
    empty = stacks.do_nothing(state, entry.numbers)
    suspends = asynchronous and (not entry.numbers or stacks.may_suspend(state, entry.numbers))
    if entry.numbers:
        state = _manage(state, entry.numbers, -1)
        for number in _open(state, entry.numbers):  # what leaving calls is the preferred release
            preferred = state.obligations[number].site.acquisition.releases[:1]
            released_again(run, state, frozenset({number}), item.item, "".join(r.name for r in preferred))
        state = run.release(state, _open(state, entry.numbers), item.item)
    if empty:
        return state
    unsure = state.change(entry.numbers, released=None)
    if entry.numbers or entry.wraps:
        run.fail(unsure, item.item, out, OTHER, {}, Lane.OTHER, leaving=True)
    if entry.groups:
        state, unsure = sharing.ended(state), sharing.ended(unsure)
        run.fail(unsure, item.item, out, GROUP, {}, Lane.OTHER, leaving=True)
    if suspends:
        run.fail(unsure, item.item, out, CANCEL, {}, Lane.CANCELLED, leaving=True)
    return state


def _wrong(run: Run, item: cst.WithItem, value: Value, state: State, asynchronous: bool) -> None:
    site = next((state.obligations[n].site for n in value.refs if n in state.obligations), None)
    misuse = Misuse("wrong-with", item.item, type=value.type, asynchronous=asynchronous, site=site)
    run.record.misuse(misuse, key=id(item))
