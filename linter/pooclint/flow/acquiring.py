"""What a modelled call acquires, what it checks out, and how it may fail."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import libcst as cst

from pooclint.flow import ambient, nesting, stacks
from pooclint.flow.completions import OTHER, RESOURCE, Outcomes
from pooclint.flow.external import external_call
from pooclint.flow.invocations import Invocation
from pooclint.flow.parts import behind, built_from, given_by
from pooclint.flow.run import Run
from pooclint.flow.states import State
from pooclint.flow.values import NOTHING, Fate, Lane, Obligation, Pending, Value
from pooclint.models import Call
from pooclint.program.attributes import only_called
from pooclint.program.keywords import argument_keys
from pooclint.program.running import ENTERED_BY, MADE_BY
from pooclint.source.nodes import dotted

FAILED = "#failed"
"""The name under which a state carries the `id` of the acquiring call that raised."""


def acquire(
    run: Run,
    node: cst.Call,
    model: Call,
    state: State,
    arguments: tuple[tuple[int | str, Value], ...],
    head: Value | None,
) -> tuple[State, Value]:
    """The state after the acquisition, and the resource."""
    acquisition = run.models.acquisition(model)
    kept = model.kept and not _forgotten(run, node)
    if acquisition is None or kept or _shares(run, node, model, arguments):
        # A client leads to the pool that was made for it: who gets the one can close the other.
        # Closing what a registry of the function's own keeps gives back what the registry holds.
        registry = _made_here((head,) if kept and head is not None else (), state)
        parts = _made_here((v for k, v in arguments if k in model.shares), state)
        derived = frozenset[int]().union(
            *(v.refs for k, v in arguments if k in model.shares and k in model.derived_from)
        )
        return state, Value(
            run.models.canonical(model.returns), refs=registry, derived=derived, truth=True, parts=parts
        )
    receiver = head.type if head else ""
    site = run.site(
        node, acquisition, label_of(run, node, model, receiver), guessed=_guessed(run, node, model, receiver)
    )
    if not acquisition.lazy:
        nesting.taken(run, state, site, node)
    state, number = run.acquire(state, site)
    lent = any(k in model.lent_to for k, _ in arguments)
    state = state.change([number], doubtful=True) if lent else state
    owned = frozenset[int]().union(
        *(v.reach() for w in model.owned_by for k, v in arguments if w in ("*", k) or k in ("*", "**"))
    )
    if model.moves and head is not None:
        owned |= frozenset(n for n, o in state.obligations.items() if o.owner in head.refs)
        unknown = any(state.obligations[n].doubtful for n in head.refs & state.obligations.keys())
        state = state.change([number], doubtful=unknown).change(head.refs, doubtful=False)
        state = stacks.moved(state, head.refs, number)
    state = state.change(owned - {number}, owner=number)
    if head is not None and acquisition.kind in ("response", "subscription"):
        # Closing the client closes what it handed out; the caller's client is not closed here.
        own = [n for n in head.refs if n in state.obligations and state.obligations[n].site.parameter < 0]
        state = state.change([number], owner=min(own)) if own else state
    receivers, at = behind(run, model, head or NOTHING, state)
    parts = receivers | _made_here((v for k, v in arguments if k in model.derived_from), state)
    value = Value(acquisition.type, refs=frozenset({number}), derived=receivers, parts=parts, held_at=at)
    if model.element >= 0:
        return state, Value(
            items=tuple(value if i == model.element else NOTHING for i in range(max(2, model.element + 1)))
        )
    return state, value


def _made_here(values: Iterable[Value], state: State) -> frozenset[int]:
    """What values lead to, and the function has acquired itself."""
    given = frozenset[int]().union(*(v.reach() for v in values))
    return frozenset(n for n in given & state.obligations.keys() if state.obligations[n].site.parameter < 0)


def _guessed(run: Run, node: cst.Call, model: Call, receiver: str) -> bool:
    """True when the model was chosen by the method's name alone."""
    if receiver or not isinstance(node.func, cst.Attribute) or node.func.attr.value not in run.models.distinctive:
        return False
    return not model.names and not run.names.type_of(node.func.value, run.scope)


def _forgotten(run: Run, node: cst.Call) -> bool:
    """True when what keeps the result is an attribute of the function's own object, and its class never turns to it
    for a release, or nobody has the object to ask for one."""
    function, path = run.function, dotted(node.func)
    if function is None or function.owner is None or not function.parameters or path.count(".") != 1:
        return False
    own, attribute = path.split(".")
    if own != function.parameters[0].name:
        return False
    passing = run.making and function.name not in (*MADE_BY, *ENTERED_BY)
    return passing or only_called(run.names, function.owner, attribute)


def _shares(run: Run, node: cst.Call, model: Call, arguments: tuple[tuple[int | str, Value], ...]) -> bool:
    """True when the object works on a pool or connection of somebody else (`Redis(connection_pool=pool)`,
    `Session(conn)`).

    An engine is the exception: a session that is given one, or something unknown, checks connections out of it.
    """
    written = dict(zip(argument_keys(node), (a.value for a in node.args), strict=True))
    for key, value in arguments:
        if key in model.owned_by and not value.reach() and value.constant is not None:
            return True  # somebody else's transport or connector
        if key in model.shares:
            type_ = run.models.type(
                value.type or (run.names.type_of(written[key], run.scope) if key in written else "")
            )
            made = run.models.type(model.returns)
            return type_.kind != "engine" if type_ else made is None or made.kind != "session"
    return False


def label_of(run: Run, node: cst.Call, model: Call, receiver: str = "") -> str:
    """How messages name what was acquired: the model's function or method."""
    if model.names:
        return run.names.qualify(node.func, run.scope) or model.names[0]
    if model.methods == ("__call__",):
        return model.on[0]
    method = node.func.attr.value if isinstance(node.func, cst.Attribute) else model.methods[0]
    return f"{receiver or model.on[0]}.{method}"


def opens_nothing(run: Run, model: Call) -> bool:
    """Constructors that connect later do not fail for want of a server."""
    acquisition = run.models.acquisition(model)
    return acquisition is not None and acquisition.kind in ("client", "engine", "session", "stack")


def result_of(run: Run, invocation: Invocation, model: Call, state: State) -> Value:
    """The value of a modelled call that acquires nothing. A method that gives its own type back gives its receiver
    back."""
    head = invocation.head
    if head.refs and model.returns and run.models.canonical(model.returns) == head.type:
        return head
    swallowing = (
        Pending(invocation.node, calls=(model,), arguments=invocation.arguments)
        if model.swallows or model.with_form
        else None
    )
    part = built_from(run, head, model.returns, state) if model.returns else None
    if part is not None:
        return part
    type_ = run.models.type(model.returns)
    lasting = type_ is not None and type_.kind in ("connection", "session", "pool", "engine", "client", "factory")
    worked_on = [value.refs | value.derived for value in invocation.chosen(model.derived_from)]
    given = given_by(run, model, head, state)
    return replace(
        given,
        derived=given.derived.union(*worked_on),
        truth=True if lasting else None,
        pending=swallowing,
    )


def entered(run: Run, value: Value) -> Value:
    """What `with value as x` binds."""
    if value.inner is not None:
        return value.inner
    type_ = run.models.type(value.type)
    if type_ and type_.enter:
        return replace(value, type=run.models.canonical(type_.enter))
    return value


def checked_in(run: Run, transaction: str, numbers: Iterable[int], state: State) -> State:
    """The state after the end of a transaction of that type: one that `releases` gives the connections back of the lazy
    sessions that it was begun on."""
    type_ = run.models.type(transaction)
    if type_ is None or type_.kind != "transaction" or type_.exit != "releases":
        return state
    return given_back(numbers, state)


def given_back(numbers: Iterable[int], state: State) -> State:
    """The state in which those of these that are lazy have no connection."""
    known = [(n, state.obligations[n].site.acquisition) for n in numbers if n in state.obligations]
    return state.change([n for n, acquisition in known if acquisition.lazy], holding=False)


def checkout(run: Run, invocation: Invocation, model: Call | None, state: State) -> State:
    """A lazy session takes a connection when it is used, and gives it back on commit, rollback or close."""
    ended = run.models.acquisition_of_type(invocation.head.type)
    if ended and any(release.name == invocation.method for release in ended.releases):
        state = checked_in(run, ended.type, invocation.head.derived, state)
    worked_on = run.models.type(invocation.head.type)
    if worked_on and invocation.method in worked_on.ends:
        return given_back(invocation.head.derived, state)
    if worked_on and worked_on.deferred and invocation.method not in worked_on.cannot_raise:
        state = sent(run, invocation.head, invocation.node, state)
    for number in invocation.head.refs if not builds(run, (model,) if model else ()) else ():
        obligation = state.obligations.get(number)
        type_ = run.models.type(obligation.site.acquisition.type) if obligation else None
        method = invocation.method
        if obligation and method in obligation.site.acquisition.filled_by:
            state = state.occupy([number], invocation.node)
        if obligation is None or type_ is None or not (type_.lazy or method in type_.undone):
            continue
        if not type_.lazy:
            state = state.occupy([number], invocation.node)
        elif method in type_.checks_in:
            state = state.change([number], holding=False)
        elif method in type_.checks_out or ("*" in type_.checks_out and method not in type_.cannot_raise):
            state = _taken(run, number, invocation.node, state)
    return state


def builds(run: Run, models: tuple[Call, ...]) -> bool:
    """Whether a modelled call gives what is only built, and sent when it is used: that uses nothing it is given."""
    made = run.models.type(models[0].returns) if models else None
    return made is not None and made.deferred


def sent(run: Run, value: Value, node: cst.CSTNode, state: State) -> State:
    """The state once what was only built is used: the sessions that it was made of take a connection now."""
    for item in value.items or ():
        state = sent(run, item, node, state)
    type_ = run.models.type(value.type) if value.type else None
    if type_ is None or not type_.deferred:
        return state
    shared, state = ambient.of_value(run, value, node, state)
    for number in (value.derived | shared) & state.obligations.keys():
        obligation = state.obligations[number]
        if obligation.site.acquisition.lazy and (
            obligation.fate in (Fate.HELD, Fate.FIELD) or _reopens(run, obligation)
        ):
            state = _taken(run, number, node, state)
    return state


def _taken(run: Run, number: int, node: cst.CSTNode, state: State) -> State:
    obligation = state.obligations[number]
    if not obligation.holding:
        nesting.taken(run, state, obligation.site, node)
    if _reopens(run, obligation):
        state = state.change([number], fate=Fate.HELD, released=None, reopened=node)
    return state.occupy([number], node)


def _reopens(run: Run, obligation: Obligation) -> bool:
    """Whether what the function has acquired, and released, is as before its first use. What somebody else has got as
    well is theirs to release once more."""
    site = obligation.site
    if obligation.fate is not Fate.RELEASED or site.parameter >= 0:
        return False
    type_ = run.models.type(site.acquisition.type)
    return type_ is not None and type_.reopens and site.number not in run.record.kept


def fail(
    run: Run, invocation: Invocation, model: Call | None, state: State, out: Outcomes, acquires: bool = False
) -> None:
    """Record how a call may raise: as a failure of the resource it is made on, or of anything else."""
    head = invocation.head
    # A factory only refers to the engine it was made for.
    made_for = run.models.type(head.type)
    touched = frozenset[int]() if made_for and made_for.kind == "factory" else head.refs | head.derived
    if model is not None and model.raises == "never":
        touched = frozenset[int]().union(*(v.refs | v.derived for v in invocation.chosen(model.iterates)))
        # Rows come from the server one by one; a response's headers are all there.
        touched = frozenset(
            n for n in touched & state.obligations.keys() if state.obligations[n].site.acquisition.kind != "response"
        )
        if not touched:
            return
    type_ = run.models.type(head.type)
    if invocation.method and (
        (type_ and invocation.method in type_.cannot_raise) or _parent_cannot_raise(run, invocation, state)
    ):
        return
    # What a response's headers or a row's fields do is no failure of the connection.
    over = all(state.obligations[n].site.acquisition.kind == "response" for n in touched if n in state.obligations)
    quiet = invocation.method in run.models.quiet_methods and external_call(run, invocation) is None
    if quiet and not head.refs and over:
        return
    live = {n for n in touched if n in state.obligations and state.obligations[n].fate in (Fate.HELD, Fate.FIELD)}
    # Closing a cursor hardly ever fails; it must not weigh like the query before it.
    closing = invocation.method in run.models.release_names and not head.refs
    state = state.change(live & _ending_work(run, invocation, state), holding=True)
    state = state.change(live & _undone(run, invocation, state), holding=False)
    if acquires or (live and not closing):
        if acquires:
            state = state.bind(FAILED, Value(constant=id(invocation.node)))
        lanes = dict.fromkeys(state.obligations, Lane.RESOURCE) if acquires else dict.fromkeys(live, Lane.RESOURCE)
        run.fail(state, invocation.node, out, RESOURCE, lanes, Lane.OTHER)
    else:
        run.fail(state, invocation.node, out, OTHER, {}, Lane.OTHER)


def _ending_work(run: Run, invocation: Invocation, state: State) -> frozenset[int]:
    """Lazy sessions on which the call is a `commit`: it flushes first, and one that fails leaves the connection out."""
    known = invocation.head.refs & state.obligations.keys()
    return frozenset(n for n in known if run.checks_in(state.obligations[n], invocation.method))


def _undone(run: Run, invocation: Invocation, state: State) -> frozenset[int]:
    """What the call was to open, and has closed again when it fails."""
    found: set[int] = set()
    for number in invocation.head.refs & state.obligations.keys():
        type_ = run.models.type(state.obligations[number].site.acquisition.type)
        if type_ and invocation.method in type_.undone:
            found.add(number)
    return frozenset(found)


def _parent_cannot_raise(run: Run, invocation: Invocation, state: State) -> bool:
    for number in invocation.head.refs:
        obligation = state.obligations.get(number)
        type_ = run.models.type(obligation.site.acquisition.type) if obligation else None
        if type_ and invocation.method in type_.cannot_raise:
            return True
    return False
