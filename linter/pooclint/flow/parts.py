"""What an object is made of: resources that its constructor is given and keeps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from pooclint.flow.run import Run
from pooclint.flow.values import Fate, State, Value
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


def still_lent(state: State, numbers: frozenset[int]) -> State:
    """The state in which an object that was given what the caller was lent has not taken it over."""
    known = (n for n in numbers if n in state.obligations)
    kept = [n for n in known if state.obligations[n].site.parameter >= 0 and state.obligations[n].fate in _KEPT]
    return state.change(kept, fate=Fate.HELD) if kept else state


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
