"""What an object is made of: resources that its constructor is given and keeps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import libcst as cst

from pooclint.flow.run import Run
from pooclint.flow.values import Fate, State, Value
from pooclint.models import Acquisition
from pooclint.program.attributes import takes_over
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


def built_of(run: Run, owner: Class, numbers: frozenset[int], state: State, built: Value) -> tuple[State, Value]:
    """The state after an object was built, and the object: what the caller was lent is lent to it in its turn.

    It has not been taken over then, unless a method of the object releases it or passes it on. Where the object goes,
    it goes, too.

    Args:
        run: the function.
        owner: the class of the object.
        numbers: what the constructor was given.
        state: the state after the constructor.
        built: the object.
    """
    known = [(n, o) for n in numbers if (o := state.obligations.get(n)) is not None]
    kept = [(n, o.site.acquisition) for n, o in known if o.site.parameter >= 0 and o.fate in _KEPT]
    lent = [n for n, acquisition in kept if not _taken_over(run, owner, acquisition)]
    if not lent:
        return state, built
    return state.change(lent, fate=Fate.HELD), replace(built, parts=built.parts.union(lent))


def _taken_over(run: Run, owner: Class, acquisition: Acquisition) -> bool:
    releases = run.models.release_names.union(r.name for r in acquisition.releases)
    taking = takes_over(run.names, owner, releases)
    # What is made of sessions passes them on as a rule, and whoever has lent it goes on with it.
    return bool(taking) and not (acquisition.lazy and "releases" not in taking)


_KEPT = (Fate.KEPT, Fate.FIELD)


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
