"""What every way out of a function leaves behind: what it loses, and what it has put on attributes."""

from __future__ import annotations

from pooclint.flow import misuses, statements, suspending, work
from pooclint.flow.completions import Completion
from pooclint.flow.given import Within
from pooclint.flow.project import settled_by, settled_in
from pooclint.flow.record import Leak
from pooclint.flow.run import Run
from pooclint.flow.states import State
from pooclint.flow.values import UNBOUND, Fate, Lane, Obligation, Site, Value
from pooclint.program.attributes import not_yet_set
from pooclint.program.scopes import Function

MAKING = frozenset({"__init__", "__aenter__", "__enter__"})
"""Methods without which nobody has the object, or nobody calls its `__exit__`."""
_MAX_HELD = 12
"""A `__del__` is evaluated for each line of a constructor that may raise; beside more things than this on the object it
is taken to release them all."""
_SHORT_LIVED = frozenset({"connection", "session"})


def leave(run: Run, function: Function | None, state: State, completion: Completion) -> None:
    """What is still held when the function is left is leaked, unless the caller gets it."""
    if completion.kind == "exit" or function is None:
        return
    if not completion.exceptional:
        work.left(run, state)
        _note_given(run, state)
        suspending.left(run, state, state.get(statements.RETURNED))
        misuses.returned(run, state.get(statements.RETURNED), state)
    before = state
    if completion.kind == "return":
        state = run.hand_over(state, state.get(statements.RETURNED))
    state = run.keep_cells(state)
    if not completion.exceptional:
        shows = function.is_private or run.names.shows(function)  # what it returns stays the object's
        _note_fields(run, function, before if shows else state)
    ending: frozenset[int] | None = None
    for number, obligation in state.obligations.items():
        if completion.exceptional and obligation.fate is Fate.FIELD and obligation.lane < Lane.CANCELLED:
            run.record.half_filled.add(obligation.site.number)
        place = _place(state, number) if obligation.fate is Fate.FIELD and completion.exceptional else None
        half_built = place is not None and _is_half_built(function, place)
        stray = bool(place) and not half_built and _takes_back(run, function, obligation.site, place or "")
        lost = obligation.fate is Fate.HELD or half_built or stray
        if not lost or obligation.site.parameter >= 0 or obligation.managed:
            continue
        if obligation.site.acquisition.kind == "stack" or _follows_owner(state, obligation):
            continue
        if half_built and place:
            ending = _ended_with_object(run, function, state) if ending is None else ending
            if number in ending:
                continue
        steps = tuple(state.trace.steps()) if state.trace else ()
        run.record.leak(
            Leak(
                obligation.site,
                "exit",
                obligation,
                completion,
                steps[-1][0] if steps and completion.kind == "return" else None,
                state.causes.get(number),
                steps,
                place if place and stray else "",
                only_part=_is_only_part(run, state, number),
            )
        )


def _is_only_part(run: Run, state: State, number: int) -> bool:
    """True of what was acquired in the middle of an expression (`Client(url).shop`), of which an object of the library
    is left that works through it."""
    site = state.obligations[number].site
    if site.through or any(site in sites for sites in run.record.bound.values()):
        return False
    referring = [v for k, v in state.env.items() if number in v.parts and k[0] not in "#?"]
    return bool(referring) and all(number in v.derived and run.models.type(v.type) is not None for v in referring)


def _note_given(run: Run, state: State) -> None:
    """What becomes of what was handed in, on a way on which nothing has raised."""
    for site in run.record.given:
        obligation = state.obligations.get(site.number)
        if obligation is None or obligation.doubtful or obligation.lane is not Lane.NORMAL:
            continue
        run.record.ends.setdefault(site.number, set()).add(obligation.fate)
        now = state.get(site.label).refs & state.obligations.keys()
        run.record.remains[site.number] = site.number in now and run.record.remains.get(site.number, True)
        if obligation.fate is Fate.HELD and now and site.number not in now:
            run.record.replaced.setdefault(site.number, state.obligations[min(now)].site.node)


def _note_fields(run: Run, function: Function, state: State) -> None:
    """What the function leaves on the attributes of its object."""
    run.record.doubtful.update(o.site.number for o in state.obligations.values() if o.doubtful)
    left = (o for o in state.obligations.values() if o.fate in (Fate.FIELD, Fate.KEPT))
    run.record.left_behind.update(o.site.number for o in left)
    own = function.parameters[0].name + "." if function.owner and function.parameters else ""
    held = {p: v for p, v in state.env.items() if own and p.startswith(own) and not v.method}
    # What a collection holds besides may be released through that.
    collected = frozenset[int]().union(*(_besides(run, v, state) for v in held.values()))
    filled: set[str] = set()
    for path, value in held.items():
        attribute = path.removeprefix(own)
        for number in (value.refs | value.parts) - collected if "." not in attribute else ():
            obligation = state.obligations.get(number)
            if obligation is None or obligation.fate is not Fate.FIELD or obligation.site.number in run.record.built:
                continue
            if obligation.site.parameter >= 0 or obligation.owner >= 0:
                continue
            if number in value.refs and not _is_factory(run, value):
                run.record.fields.setdefault(obligation.site.number, set()).add(attribute)
                filled.add(attribute)
                continue
            within = Within(value.type, frozenset(path for path, n in value.held_at if n == number))
            run.record.within.setdefault(obligation.site.number, {})[attribute] = within
    run.record.filled = filled if run.record.filled is None else run.record.filled & filled


def _is_factory(run: Run, value: Value) -> bool:
    """True of what makes something of a resource: it refers to that, and is no way to release it."""
    type_ = run.models.type(value.type)
    return type_ is not None and type_.kind == "factory"


def _follows_owner(state: State, obligation: Obligation) -> bool:
    """An obligation with an owner shares its fate; only what a forgotten stack holds is reported for itself."""
    if obligation.owner < 0:
        return False
    owner = state.obligations.get(obligation.owner)
    return owner is None or owner.fate is not Fate.HELD or owner.site.acquisition.kind != "stack"


def _place(state: State, number: int) -> str:
    """The path of the attribute or element that holds an obligation; empty where nothing but an owner of it does."""
    paths = (k for k, v in state.env.items() if "." in k and k[0] not in "#?" and number in v.refs and not v.method)
    return min(paths, default="")


def _is_half_built(function: Function, place: str) -> bool:
    """True of what is on the object whose constructor fails: nobody has the object, or nobody calls its `__exit__`."""
    return function.name in MAKING and (not place or _is_own(function, place))


def _ended_with_object(run: Run, function: Function, state: State) -> frozenset[int]:
    """What `__del__` releases of what is on the object: Python calls it for one whose constructor has failed, too, with
    the attributes that this has got so far."""
    ending = run.names.method(function.owner, "__del__") if function.owner else None
    if ending is None or not ending.parameters:
        return frozenset()
    own, object_ = function.parameters[0].name, ending.parameters[0].name
    held = [(p, v) for p, v in state.env.items() if p.startswith(own + ".") and v.refs and not v.method]
    there = {p.removeprefix(own + "."): v for p, v in held}
    if len(held) > _MAX_HELD:
        return frozenset(n for _, value in held for n in value.refs)
    acquired = (state.obligations[n].site.node for _, v in held for n in v.refs & state.obligations.keys())
    missing = run.names.own_attributes(ending) - there.keys()
    for node in acquired:  # what had a value when any of them was acquired has one
        missing &= not_yet_set(run.names, function, node)
    known = {**there, **dict.fromkeys(sorted(missing), Value(constant=UNBOUND))}
    arguments = tuple((f"{object_}.{attribute}", value) for attribute, value in known.items())
    return settled_by(run, ending, arguments, state)


def _is_own(function: Function, place: str) -> bool:
    own = function.parameters[0].name if function.owner and function.parameters else ""
    return bool(own) and place.count(".") == 1 and place.startswith(own + ".")


def _takes_back(run: Run, function: Function, site: Site, place: str) -> bool:
    """True when the function counts as the one who is to release what it has put there."""
    if function.is_generator and not (_is_own(function, place) and site.acquisition.kind in _SHORT_LIVED):
        return False  # what an application starts and stops around a `yield` lives as long as the process
    return run.record.takes_back(site)


def _besides(run: Run, value: Value, state: State) -> frozenset[int]:
    """What an attribute leads to and does not stand for. A task uses what it does not release on any way."""
    task = value.pending
    if task is None or not task.runs_by_itself:
        return value.reach() - value.refs - value.parts
    ways = (
        settled_in(run, p.summary, p.arguments, state) if (p := item.pending) and p.summary else [item.reach()]
        for item in task.passes
    )
    return frozenset[int]().union(*(numbers for way in ways for numbers in way))
