"""What an object is made of: resources that its constructor is given and keeps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import libcst as cst

from pooclint.flow.invocations import Invocation
from pooclint.flow.project import parameter_name
from pooclint.flow.run import CELL, Run
from pooclint.flow.states import State
from pooclint.flow.values import NOT_NONE, NOTHING, UNKNOWN, Fate, Site, Value
from pooclint.models import Call
from pooclint.program.borrowing import only_keeps, takes_over
from pooclint.program.scopes import Class, Function


def with_parts(run: Run, targets: Iterable[cst.CSTNode], node: cst.BaseExpression, state: State) -> State:
    """The state after `service = Service(session)`, in which `service.session` is known to be that session."""
    if not isinstance(node, cst.Call) or not node.args or not state.obligations:
        return state
    names = [t.value for t in targets if isinstance(t, cst.Name) and t.value not in run.global_names]
    for attribute, value in _parts(run, node, state) if names else ():
        for name in names:
            state = state.bind(f"{name}.{attribute}", value)
    return state


def borrowed(
    run: Run,
    owner: Class,
    constructor: Function,
    arguments: Iterable[tuple[int | str, Value]],
    state: State,
) -> frozenset[int]:
    """What an object only borrows of what its constructor is given: no method of it releases that or passes it on, so
    it stays the giver's.

    Args:
        run: the function that builds the object.
        owner: the class of the object.
        constructor: its constructor.
        arguments: what that is given, by its own positions.
        state: the state.
    """
    through: dict[int, set[str]] = {}
    for key, value in arguments:
        for number in state.reach(value) & state.obligations.keys():
            through.setdefault(number, set()).add(parameter_name(constructor, key))
    return frozenset(
        n for n, names in through.items() if _borrows(run, owner, constructor, state.obligations[n].site, names)
    )


def _borrows(run: Run, owner: Class, constructor: Function, site: Site, through: Iterable[str]) -> bool:
    acquisition = site.acquisition
    releases = run.models.release_names.union(r.name for r in acquisition.releases)
    taking = takes_over(run.names, owner, constructor, frozenset(through), releases)
    if site.parameter < 0:
        return not taking  # what the function has acquired itself: all that may become of it has to be in sight
    # What is made of sessions passes them on as a rule, and whoever has lent it goes on with it.
    return "releases" not in taking and (acquisition.lazy or "passes-on" not in taking)


def held_at(
    run: Run,
    owner: Class,
    constructor: Function,
    arguments: Iterable[tuple[int | str, Value]],
    parts: frozenset[int],
) -> frozenset[tuple[str, int]]:
    """The attributes of an object, by their paths, on which its constructor puts what it borrows.

    Args:
        run: the function that builds the object.
        owner: the class of the object.
        constructor: its constructor.
        arguments: what that is given, by its own positions.
        parts: what it borrows of that.
    """
    given = {parameter_name(constructor, key): value for key, value in arguments} if parts else {}
    found: set[tuple[str, int]] = set()
    for attribute, parameter in _stored(run, owner, constructor) if given else ():
        value = given.get(parameter, NOTHING)
        found |= {(attribute, n) for n in value.refs & parts}
        found |= {(f"{attribute}.{path}", n) for path, n in value.held_at if n in parts}
    return frozenset(found)


def part_of(base: Value, attribute: str, type_name: str, state: State) -> Value | None:
    """What reading an attribute of an object gives where that is something borrowed, or leads to it; None for any other
    attribute.

    Args:
        base: the object.
        attribute: the attribute.
        type_name: the type of what is there, as far as it is known.
        state: the state.
    """
    there = {n for path, n in base.held_at if path == attribute and n in state.obligations}
    within = {(path.partition(".")[2], n) for path, n in base.held_at if path.startswith(attribute + ".")}
    if not there and not within:
        return None
    known = type_name or min((state.obligations[n].site.acquisition.type for n in there), default="")
    return Value(
        known,
        refs=frozenset(there),
        derived=base.refs | base.derived,
        parts=frozenset(n for _, n in within),
        held_at=frozenset(within),
    )


def built_from(run: Run, base: Value, type_name: str, state: State) -> Value | None:
    """What an attribute or a method of a library's object gives where that is something that the object was built from
    (`client.connection_pool`, `registry.bind`), or leads to it; None for anything else.

    Args:
        run: the function.
        base: the object.
        type_name: the type of what is given, as far as it is known.
        state: the state.
    """
    type_ = run.models.type(base.type)
    if type_ is None:
        return None
    is_factory = type_.kind == "factory"
    behind = (base.parts | base.refs if is_factory else base.parts) & state.obligations.keys()
    if not behind:
        return None
    wanted = run.models.canonical(type_name)
    lineages = {n: run.models.lineage(state.obligations[n].site.acquisition.type) for n in behind}
    there = frozenset(n for n, lineage in lineages.items() if wanted in lineage)
    if there:
        return Value(wanted, refs=there, derived=base.derived)
    given = run.models.type(type_name)
    if given.kind == "factory" if given else is_factory:  # among the settings of a factory is what it was given
        return Value(wanted, derived=base.refs | base.derived, parts=behind)
    return None


def given_by(run: Run, model: Call, base: Value, state: State) -> Value:
    """What an object of a library gives by a subscript or an attribute of which a model says something.

    Args:
        run: the function.
        model: what it says.
        base: the object.
        state: the state.
    """
    parts, at = behind(run, model, base, state)
    known = NOT_NONE if parts else UNKNOWN
    return Value(
        run.models.canonical(model.returns), derived=base.refs | base.derived, constant=known, parts=parts, held_at=at
    )


def behind(run: Run, model: Call, base: Value, state: State) -> tuple[frozenset[int], frozenset[tuple[str, int]]]:
    """To what a result refers that works through its receiver, and the attributes by which it leads back there.

    Args:
        run: the function.
        model: the call.
        base: the receiver.
        state: the state.
    """
    if not model.needs_receiver:
        return frozenset(), frozenset()
    types = {n: state.obligations[n].site.acquisition.type for n in base.refs | base.parts if n in state.obligations}
    ways = {n: run.models.way_back(model.returns, name) for n, name in types.items()}
    return frozenset(types), frozenset((path, n) for n, path in ways.items() if path)


def own_objects(run: Run, node: cst.Call, results: Iterable[tuple[State, Value]]) -> list[tuple[State, Value]]:
    """The results of a call on whose value the function puts something: nobody else has that so far, if it is new."""
    number = run.objects[id(node)][0]
    return [
        # Of one that it has made before, in an earlier turn of a loop, nothing more is known.
        (run.keep(s, frozenset({number})), replace(v, own=number))
        if not (v.refs or v.pending or v.collection or v.items is not None)
        else (s, v)
        for s, v in results
    ]


def put_on(run: Run, base: Value, attribute: str, value: Value, state: State) -> tuple[State, bool]:
    """The state after something was put on an attribute of an object of the function's own, and whether the object
    refers to it from now on: it is lost with that. If not, it has still taken the place of what was there.

    Args:
        run: the function.
        base: the object.
        attribute: the attribute.
        value: what is put there.
        state: the state.
    """
    kept = state.reach(value)
    if not kept and all(path.partition(".")[0] != attribute for path, _ in base.held_at):
        return state, False
    known = _keeper(run, base, attribute, kept, state) if kept and _is_plain(value, state) else None
    if known is None or _is_elsewhere(base.own, state):
        kept, value = frozenset(), NOTHING
    has = replace(base, type=base.type or known or "", parts=kept, held_at=_at(attribute, value))
    env = {name: _with(other, attribute, has) for name, other in state.env.items()}
    return State(env, state.obligations, state.trace, state.causes), bool(kept)


def _is_plain(value: Value, state: State) -> bool:
    """True of a resource that the function has acquired and nobody else answers for, and of what refers to one."""
    reached = state.reach(value)
    on_attributes = {n for _, n in value.held_at}
    if reached != value.refs | on_attributes or value.pending or value.method or value.inner:
        return False
    found = [state.obligations.get(n) for n in reached]
    return all(
        o is not None
        and o.fate is Fate.HELD
        and not o.managed
        and o.owner == -1
        and o.site.parameter < 0
        and o.site.acquisition.kind != "stack"
        for o in found
    )


def _keeper(run: Run, base: Value, attribute: str, numbers: Iterable[int], state: State) -> str | None:
    """The type of an object that is new, and does nothing of itself with what is put on that attribute, as far as it is
    known; None for any other object."""
    node = next(call for number, call in run.objects.values() if number == base.own)
    model = next(iter(run.names.calls(node, run.scope)), None)
    if model is not None:
        return model.returns if model.new_object else None
    owner = run.names.definition(node.func, run.scope, interest="anything")
    ways = (r.name for n in numbers for r in state.obligations[n].site.acquisition.releases)
    releases = run.models.release_names.union(ways)
    if not isinstance(owner, Class) or not only_keeps(run.names, owner, attribute, releases):
        return None
    return run.names.local_type(owner)


def _is_elsewhere(own: int, state: State) -> bool:
    """True when more than names lead to an object of the function's own: a closure that somebody has, a coroutine."""
    names = [name for name, known in state.env.items() if known.own == own]
    return any(CELL + name in state.env for name in names) or any(
        known.pending is not None and own in known.reach() for known in state.env.values()
    )


def _at(attribute: str, value: Value) -> frozenset[tuple[str, int]]:
    return frozenset(
        {*((attribute, n) for n in value.refs), *((f"{attribute}.{path}", n) for path, n in value.held_at)}
    )


def _with(known: Value, attribute: str, has: Value) -> Value:
    """A value, as it is once an object, if it is or leads to that, has something else on an attribute.

    Args:
        known: the value.
        attribute: the attribute.
        has: the object, with nothing but what is there.
    """
    if known.items:
        known = replace(known, items=tuple(_with(item, attribute, has) for item in known.items))
    if known.own != has.own:
        return known
    left = frozenset((path, n) for path, n in known.held_at if path.partition(".")[0] != attribute)
    gone = {n for _, n in known.held_at - left} - {n for _, n in left}
    return replace(known, type=has.type, parts=known.parts - gone | has.parts, held_at=left | has.held_at)


def new_object(run: Run, invocation: Invocation, value: Value, state: State) -> tuple[State, Value]:
    """What a call gives that makes a new object, which refers to what it is given by name; a copy refers to what the
    original does."""
    parts, at = frozenset[int](), frozenset[tuple[str, int]]()
    for key, given in invocation.arguments:
        if _is_plain(given, state):
            parts |= given.refs | given.parts
            at |= given.held_at if isinstance(key, int) else _at(key, given)
        elif not isinstance(key, int):
            state = run.hand_over(state, given)
    return state, replace(value, parts=parts, held_at=at)


def _parts(run: Run, node: cst.Call, state: State) -> Iterator[tuple[str, Value]]:
    given = {
        argument.keyword.value if argument.keyword else position: state.get(argument.value.value)
        for position, argument in enumerate(node.args, start=1)
        if not argument.star and isinstance(argument.value, cst.Name)
    }
    given = {key: value for key, value in given.items() if value.refs}
    owner = run.names.definition(node.func, run.scope, interest="anything") if given else None
    constructor = run.names.method(owner, "__init__") if isinstance(owner, Class) else None
    if not isinstance(owner, Class) or constructor is None:
        return
    for attribute, parameter in _stored(run, owner, constructor):
        position = next(i for i, p in enumerate(constructor.parameters) if p.name == parameter)
        value = given.get(parameter) or given.get(position)
        if value:
            yield attribute, value


def _stored(run: Run, owner: Class, constructor: Function) -> Iterator[tuple[str, str]]:
    """Attributes that a constructor fills with its parameters as they are."""
    parameters = {p.name for p in constructor.parameters}
    for current in run.names.ancestors(owner):
        for attribute, values in current.attributes.items():
            for value, scope in values:
                if isinstance(value, cst.Name) and value.value in parameters and scope.function is constructor:
                    yield attribute, value.value
