"""Assignments: what names, attributes and elements stand for afterwards."""

from __future__ import annotations

import libcst as cst

from pooclint.flow import collections
from pooclint.flow.acquiring import sent
from pooclint.flow.completions import Outcomes
from pooclint.flow.parts import put_on
from pooclint.flow.run import CELL, Run
from pooclint.flow.states import State
from pooclint.flow.values import COLLECTIONS, NOTHING, UNKNOWN, Fate, Site, Value
from pooclint.flow.work import note_attribute
from pooclint.source.nodes import dotted
from pooclint.source.targets import place_of


def bind(run: Run, target: cst.CSTNode, value: Value, state: State, out: Outcomes) -> State:
    """The state after assigning a value to a target."""
    match target:
        case cst.Name(value=name):
            return _bind_name(run, name, value, state)
        case cst.Attribute():
            return _bind_attribute(run, target, value, state, out)
        case cst.Subscript():
            after, into = next(iter(run.evaluate(run, target.value, state, out)), (state, NOTHING))
            if into.collection and all(isinstance(e.slice, cst.Index) for e in target.slice):
                return collections.put(run, into.collection, value, after, collections.key_of(target, after))
            return _place(run, target, place_of(target), value, after)
        case cst.Tuple() | cst.List():
            return _bind_elements(run, target, value, state, out)
        case cst.StarredElement(value=inner):
            return bind(run, inner, value, state, out)
    return state


def _bind_name(run: Run, name: str, value: Value, state: State) -> State:
    if name in run.global_names:
        return run.hand_over(state, value, stored=True)
    state, value = collections.bound(run, name, value, state)
    for number in value.refs:
        obligation = state.obligations.get(number)
        if obligation and not value.method:
            run.record.bound.setdefault(name, [])
            if obligation.site not in run.record.bound[name]:
                run.record.bound[name].append(obligation.site)
    state = state.bind(name, value if _worth(run, name, value) else NOTHING)
    # An escaped closure refers to the variable: whoever has it may release what is bound now.
    return state.change(state.reach(value), doubtful=True) if CELL + name in state.env else state


def _worth(run: Run, name: str, value: Value) -> bool:
    """Plain constants and truths are followed only for names on which something depends."""
    more = value.type or value.refs or value.derived or value.items or value.pending or value.function
    if more or (value.constant is UNKNOWN and value.truth is None):
        return True
    return name in run.repeated or name in run.answers or value.constant is None


def _bind_attribute(run: Run, target: cst.Attribute, value: Value, state: State, out: Outcomes) -> State:
    path = dotted(target)
    after, owner = next(iter(run.evaluate(run, target.value, state, out)), (state, NOTHING))
    note_attribute(run, target.attr.value, owner, after)
    if owner.own:
        after, put = put_on(run, owner, target.attr.value, value, after)
        if put:
            return after.bind(path, NOTHING) if path else after
    reached = after.reach(value)
    if any(n <= COLLECTIONS for n in reached - {value.own}):
        return _store(run, target, value, after)
    class_ = run.names.local_class(owner.type)
    if class_ is not None and run.names.setter(class_, target.attr.value):
        # It is given to a method; who reads the property gets what that keeps.
        return _store(run, target, value, after.bind(path, NOTHING) if path else after)
    if not path or not reached:
        followed = path and (value.pending or value.derived or path in after.env or path in run.repeated)
        return _store(run, target, value, after.bind(path, value) if followed else after)
    own = (
        run.function
        and run.function.owner
        and run.function.parameters
        and path.split(".")[0] == run.function.parameters[0].name
    )
    if not own or path.count(".") != 1:
        return _place(run, target, path, value, after)
    if value.own:  # from here on others have it, too
        after, value = run.keep(after, frozenset({value.own})), value.without(value.own)
        reached = after.reach(value)
    bound = after.bind(path, value)
    for number in bound.owned(reached):
        if number in bound.obligations:
            run.record.kept.add(bound.obligations[number].site.number)
            run.record.stored.add(bound.obligations[number].site.number)
    bound = run.hand_callbacks(bound, reached, stored=True)
    known = bound.owned(reached) & bound.obligations.keys()
    held = frozenset(n for n in known if bound.obligations[n].fate is Fate.HELD)
    lasting = frozenset(n for n in held if _is_registry(run, bound.obligations[n].site))
    return run.keep(bound.change(held - lasting, fate=Fate.FIELD), lasting, stored=True)


def _is_registry(run: Run, site: Site) -> bool:
    """A registry of sessions is made to be kept; that who has used it removes what is there is asked where it is
    used."""
    type_ = run.models.type(site.acquisition.type)
    return type_ is not None and bool(type_.ambient)


def _store(run: Run, node: cst.CSTNode, value: Value, state: State) -> State:
    """Something is stored where it outlives the function; a child keeps a parent that has no other name."""
    state = sent(run, value, node, state)
    orphans = value.derived - state.reachable()
    return run.hand_over(run.keep(state, orphans, stored=True), value, stored=True)


def _place(run: Run, node: cst.CSTNode, path: str, value: Value, state: State) -> State:
    """Something is stored on an attribute or in an element of something else, which the function may take back from
    there."""
    stored = _store(run, node, value, state)
    if path not in run.taken_back:
        return stored
    held = (n for n in value.refs if n in state.obligations and state.obligations[n].fate is Fate.HELD)
    own = [n for n in held if not _is_lent_or_stack(state.obligations[n].site)]
    return stored.bind(path, value).change(own, fate=Fate.FIELD)


def _is_lent_or_stack(site: Site) -> bool:
    return site.parameter >= 0 or site.acquisition.kind == "stack"


def _bind_elements(run: Run, target: cst.Tuple | cst.List, value: Value, state: State, out: Outcomes) -> State:
    elements = target.elements
    starred = any(isinstance(e, cst.StarredElement) for e in elements)
    if value.items is not None and len(value.items) == len(elements) and not (starred or value.keys):
        for element, item in zip(elements, value.items, strict=True):
            state = bind(run, element.value, item, state, out)
        return state
    state = run.keep(state, value.reach())
    for element in elements:
        state = bind(run, element.value, Value(derived=value.derived), state, out)
    return state
