"""What an object is made of: resources that its constructor is given and keeps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from pooclint.flow.project import parameter_name
from pooclint.flow.run import Run
from pooclint.flow.values import NOTHING, Site, State, Value
from pooclint.program.borrowing import takes_over
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


def led_to(run: Run, base: Value, type_name: str, state: State) -> Value | None:
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
