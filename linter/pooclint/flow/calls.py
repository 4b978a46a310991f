"""What a call does: which of the ways below is taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import libcst as cst

from pooclint.flow import ambient, collections, misuses, work
from pooclint.flow.acquiring import FAILED, builds, checkout, entered, fail
from pooclint.flow.completions import OTHER, UNBOUND_LOCAL, Outcomes
from pooclint.flow.external import external_call, hold
from pooclint.flow.invocations import Invocation, Results, reach
from pooclint.flow.modelled import doubt, modelled
from pooclint.flow.parts import borrowed, held_at
from pooclint.flow.project import apply_summary, implied_arguments, parameter_name, with_receiver
from pooclint.flow.reading import begun
from pooclint.flow.record import Misuse, Reached
from pooclint.flow.run import Run
from pooclint.flow.states import State
from pooclint.flow.values import NOTHING, UNBOUND, Lane, Pending, Value
from pooclint.flow.waiting import answer_for, complete, given_back
from pooclint.models import Acquisition, Call, Kind, parse_release
from pooclint.program.attributes import has_unknown_base
from pooclint.program.exports import Interest
from pooclint.program.failing import cannot_raise
from pooclint.program.scopes import Class, Function
from pooclint.source.nodes import dotted

_KEPT_BY_CHILD: Mapping[Kind, Kind] = {"response": "response", "pool": "client"}
"""What is released with a child of it, by the kind of the child."""


_TRUE = Value("builtins.bool", truth=True)


def as_function(definition: Function | Class | None) -> Function | None:
    """The definition when it is a function."""
    return definition if isinstance(definition, Function) else None


def read_unbound(run: Run, node: cst.Name, state: State, out: Outcomes) -> None:
    """A name without a value is read: that raises.

    In a handler or `finally` it is a defect where the acquiring call itself failed and so left the name unbound.
    """
    failed = state.get(FAILED).constant
    for site in run.record.bound.get(node.value, ()) if run.cleanups else ():
        if id(site.node) == failed:
            misuse = Misuse("unbound-release", node, node.value, site=site)
            run.record.misuse(misuse, key=site.number)
    out.add(UNBOUND_LOCAL, state.raised(node, {}, Lane.RESOURCE))


def call(run: Run, invocation: Invocation, state: State, out: Outcomes) -> Results:
    """Perform a call.

    Returns:
        Each way in which it completes normally, with its value; `out` receives the ways in which it raises.
    """
    lent = misuses.shown_to_be_lent(run, invocation, state)
    results = _performed(run, invocation, state, out)
    return [(after.change(lent, doubtful=False, lent=True), value) for after, value in results] if lent else results


def _performed(run: Run, invocation: Invocation, state: State, out: Outcomes) -> Results:
    if invocation.head.method and not invocation.method:
        invocation = replace(invocation, method=invocation.head.method, head=replace(invocation.head, method=""))
    if invocation.head.collection and invocation.method:
        done = collections.called(run, invocation, state, out)
        if done is not None:
            return done
        state = collections.dropped(run, state, {invocation.head.collection})
    if invocation.head.keys and invocation.method:
        return collections.of_literal(run, invocation, state)
    same = collections.viewed(run, invocation, state)
    if same is not None:
        return [(state, same)]
    read = _read_by_name(run, invocation, state)
    if read is not None:
        return [(state, read)]
    models = _models(run, invocation)
    if models or run.names.qualify(invocation.node.func, run.scope).startswith("builtins."):
        state = collections.passed(run, invocation, state)
    for _, value in invocation.arguments if not builds(run, models) else ():
        state = begun(run, invocation.node, value, state, by_somebody=True)
    state = misuses.note_use(run, invocation, state)
    released = _released(run, invocation, models, state)
    if released:
        return _release(run, invocation, state, released, out)
    invocation, state = ambient.joined(run, invocation, state)
    state = work.note_work(run, invocation, state, known_callee=bool(models))
    state = misuses.closes_instead(run, invocation, state)
    protocol = _protocol(run, invocation, state, out)
    if protocol is not None:
        return protocol
    if models:
        return modelled(run, invocation, models[0], state, out)
    defined = run.names.definition(invocation.node.func, run.scope, interest=_interest(run, invocation, state))
    function = invocation.head.function if not invocation.method else None
    function = function or as_function(defined)
    if function:
        results = _project(run, invocation, function, state, out)
    elif isinstance(defined, Class):
        results = _construct(run, invocation, defined, state, out)
    else:
        results = _unknown(run, invocation, state, out)
    if not state.holds:
        return results
    return [(run.given_back_by(invocation.node, invocation.arguments, s), value) for s, value in results]


def _read_by_name(run: Run, invocation: Invocation, state: State) -> Value | None:
    """What `hasattr(conn, "close")`, `getattr(conn, "close", None)` and `callable(conn.close)` give, where the object
    is known to have such a method, or what is known of its attribute; None where nobody can say. Whether it is closed
    is only asked."""
    attribute = _attribute_by_name(run, invocation, state)
    if attribute is not None:
        return attribute
    values = [value for _, value in invocation.arguments]
    match run.names.qualify(invocation.node.func, run.scope), values:
        case "builtins.callable", [value] if value.function or (value.method and value.refs):
            return _TRUE
        case "builtins.hasattr", [value, Value(constant=str(name))] if _has_method(run, value, name, state):
            return _TRUE
        case "builtins.getattr", [value, Value(constant=str(name)), *_] if _has_method(run, value, name, state):
            return Value(type=value.type, refs=value.refs, derived=value.derived, method=name)
        case "builtins.getattr", [value, Value(constant=str(name)), *_] if (
            value.refs and name in run.models.closed_tests
        ):
            return NOTHING
    return None


def _attribute_by_name(run: Run, invocation: Invocation, state: State) -> Value | None:
    """What `hasattr(self, "conn")` and `getattr(self, "conn", None)` give, where something is known of that
    attribute."""
    match invocation.arguments:
        case [_, (_, Value(constant=str(name))), *default] if len(invocation.node.args) == len(invocation.arguments):
            known = state.env.get(f"{dotted(invocation.node.args[0].value)}.{name}", NOTHING)
        case _:
            return None
    if known == NOTHING:  # what was deleted is that, too
        return None
    missing = known.constant is UNBOUND
    match run.names.qualify(invocation.node.func, run.scope), default:
        case "builtins.hasattr", []:
            return Value(constant=not missing)
        case "builtins.getattr", [(_, otherwise)]:
            return otherwise if missing else known
    return None


def _has_method(run: Run, value: Value, name: str, state: State) -> bool:
    """True for what was acquired here and is released by that method of its own, and for an object of a class of the
    project that defines it."""
    if value.pending or value.method or not value.refs:
        return False
    owner = run.names.local_class(value.type)
    if owner is not None and run.names.method(owner, name):
        return True
    found = [state.obligations[n].site.acquisition for n in value.refs if n in state.obligations]
    return bool(found) and all(any(r.target == "self" and r.name == name for r in a.releases) for a in found)


def _interest(run: Run, invocation: Invocation, state: State) -> Interest:
    """How far to look for the callee: whoever is given a resource may release it, or what acquires one may call it;
    while one is held, it matters who calls out."""
    given = [v for _, v in invocation.arguments]
    if reach(state, given) or any(v.function and run.hands_over(v.function) for v in given):
        return "anything"
    return "calls-out" if state.holds else "acquires"


def _models(run: Run, invocation: Invocation) -> tuple[Call, ...]:
    known = invocation.head.type
    if invocation.method:
        return run.names.calls(invocation.node, run.scope, receiver=known)
    return run.names.calls(invocation.node, run.scope, callee=known)


def _released(
    run: Run, invocation: Invocation, models: tuple[Call, ...], state: State
) -> tuple[frozenset[int], bool] | None:
    """Obligations that the call releases, and whether it must be awaited for that."""
    of_given = next((model for model in models[:1] if model.releases_given), None)
    numbers = set(invocation.head.parts & state.obligations.keys()) if of_given else set[int]()
    awaited = bool(numbers) and of_given is not None and of_given.awaited == "must"
    qualified = run.names.qualify(invocation.node.func, run.scope)
    given = frozenset[int]().union(*(v.refs for _, v in invocation.arguments))
    for number in invocation.head.refs | given | _through_child(run, invocation, state):
        obligation = state.obligations.get(number)
        if obligation is None:
            continue
        if number not in invocation.head.refs | given:
            numbers.add(number)
            continue
        for release in obligation.site.acquisition.releases:
            own = release.target == "self" and number in invocation.head.refs and release.name == invocation.method
            other = release.target == "owner" and number in given and release.name == invocation.method
            function = release.target == "function" and number in given and release.name == qualified
            if own or other or function:
                numbers.add(number)
                awaited = awaited or release.awaited
                break
    return (frozenset(numbers), awaited) if numbers else None


def _through_child(run: Run, invocation: Invocation, state: State) -> frozenset[int]:
    """Responses whose body is read to its end through a child (`response.raw.read()`), and clients whose pool is closed
    (`client.connection_pool.disconnect()`): they have nothing else. And what is released by an attribute of its own, or
    of what works on it (`api.api_client.close()`)."""
    head, method = invocation.head, invocation.method
    type_ = run.models.type(head.type)
    if type_ is None or not method or all(parse_release(r).name != method for r in type_.release):
        return frozenset()
    parents = {n: state.obligations[n].site.acquisition for n in head.derived & state.obligations.keys()}
    kind = _KEPT_BY_CHILD.get(type_.kind)
    if kind == "response" and invocation.node.args:
        kind = None
    return frozenset(
        n for n, a in parents.items() if a.kind == kind or a.type == type_.name or _ends_by(run, a, type_.name, method)
    )


def _ends_by(run: Run, acquisition: Acquisition, type_name: str, method: str) -> bool:
    """True when it is released by that method of an attribute, which is of that type."""
    type_ = run.models.type(acquisition.type)
    ways = (r for r in acquisition.releases if r.target == "part" and r.name == method)
    return type_ is not None and any(
        run.models.canonical(type_.attributes.get(r.through, "")) == type_name for r in ways
    )


def _release(
    run: Run, invocation: Invocation, state: State, released: tuple[frozenset[int], bool], out: Outcomes
) -> Results:
    numbers, awaited = released
    misuses.other_pool(run, invocation, state, numbers)
    if awaited:
        return [(state, Value(pending=Pending(invocation.node, releases=numbers, receiver=invocation.head)))]
    misuses.released_again(run, state, numbers, invocation.node, invocation.method)
    work.released(run, state, numbers, invocation.node, by_with=False, raised=False)
    types = (
        (n, run.models.type(state.obligations[n].site.acquisition.type)) for n in numbers & state.obligations.keys()
    )
    usable = [n for n, type_ in types if type_ and invocation.method in type_.usable_after]
    done = given_back(run, invocation.node, numbers, state, out)
    return [(after.change(usable, released=None), NOTHING) for after in done]


def _protocol(run: Run, invocation: Invocation, state: State, out: Outcomes) -> Results | None:
    """`__enter__`, `__exit__` and their async twins called by hand."""
    head, method = invocation.head, invocation.method
    if method in ("__enter__", "__aenter__"):
        if head.pending:
            func = invocation.node.func
            holder = dotted(func.value) if isinstance(func, cst.Attribute) else ""
            entering = replace(head, pending=replace(head.pending, holder=holder))
            if method == "__aenter__":  # a coroutine, that has yet to be awaited
                return [(state, entering)]
            return complete(run, invocation.node, entering, state, out, "sync-with")
        return [(state, entered(run, head))] if head.refs else None
    closes = method in ("__exit__", "__aexit__") or (method in ("close", "aclose") and not head.type)
    if closes and head.refs:
        return [(after, NOTHING) for after in given_back(run, invocation.node, head.refs, state, out)]
    return None


def _project(run: Run, invocation: Invocation, function: Function, state: State, out: Outcomes) -> Results:
    """A call of a function of this file."""
    state = checkout(run, invocation, None, state)
    arguments = with_receiver(run, invocation, function, state) + _fields(run, invocation, function, state)
    if not invocation.method:
        arguments = implied_arguments(invocation.head, state) + arguments
    later = function.is_async or run.defers(function)
    if function.is_generator or (later and not run.names.is_context_manager(function)):
        # A generator of a closure is handed on like the closure itself.
        pending = Pending(invocation.node, summary=function, arguments=arguments)
        return [(state, Value(pending=pending, closure=invocation.head.closure))]
    return apply_summary(run, invocation.node, function, arguments, state, out)


def _fields(run: Run, invocation: Invocation, function: Function, state: State) -> tuple[tuple[str, Value], ...]:
    """What is known of the receiver's attributes, under the name that the method has for it: `self.close()` in a
    constructor releases what the constructor has stored."""
    receiver = dotted(invocation.node.func.value) if isinstance(invocation.node.func, cst.Attribute) else ""
    if not receiver or not function.owner or not function.parameters:
        return ()
    own = function.parameters[0].name
    held = {p: v for p, v in state.env.items() if p.startswith(receiver + ".") and v.refs and not v.method}
    named = run.names.own_attributes(function) if held else frozenset[str]()
    return tuple((own + p.removeprefix(receiver), v) for p, v in held.items() if p.split(".")[-1] in named)


def _construct(run: Run, invocation: Invocation, owner: Class, state: State, out: Outcomes) -> Results:
    """An instance of a class of this file: what its constructor stores belongs to the instance."""
    initializer = run.names.method(owner, "__init__")
    value = Value(run.names.local_type(owner), truth=True if _is_always_true(run, owner) else None)
    numbers = reach(state, [v for _, v in invocation.arguments])
    if not numbers:
        if not cannot_raise(run.names, owner):
            run.fail(state, invocation.node, out, OTHER, {}, Lane.OTHER)
        return [_holding(run, invocation, owner, state, value)]
    if initializer is None:
        state = run.keep(state, numbers)
        run.fail(state, invocation.node, out, OTHER, {}, Lane.OTHER)
        return [(state, value)]
    arguments = ((0, value), *((k + 1 if isinstance(k, int) else k, v) for k, v in invocation.arguments))
    lent = borrowed(run, owner, initializer, arguments, state)
    built = apply_summary(run, invocation.node, initializer, arguments, state, out, lent)
    results: Results = []
    for after, made in built:
        # Where the object goes, what it has borrowed goes, too.
        at = held_at(run, owner, initializer, arguments, made.parts)
        results.append(_holding(run, invocation, owner, after, replace(value, parts=made.parts, held_at=at)))
    return results


def _is_always_true(run: Run, owner: Class) -> bool:
    """True for a class that does not say otherwise of its objects."""
    says = any(run.names.method(owner, name) for name in ("__bool__", "__len__"))
    return not says and not has_unknown_base(run.names, owner)


def _holding(run: Run, invocation: Invocation, owner: Class, state: State, built: Value) -> tuple[State, Value]:
    """An object that holds something from now on has to be released as what it holds would."""
    owned = run.owned(owner)
    if owned is None or _is_given(run, invocation, owner, owned.unless):
        return state, built
    site = run.site(invocation.node, owned.acquisition, owned.label, through=owner.name, origin=owned.origin)
    state, number = run.acquire(state, site)
    return state, replace(built, refs=built.refs | {number})


def _is_given(run: Run, invocation: Invocation, owner: Class, wanted: frozenset[str]) -> bool:
    """True where the constructor of a class may be given something for one of these parameters."""
    constructor = run.names.method(owner, "__init__") if wanted else None
    if constructor is None:
        return False
    shifted = ((k + 1 if isinstance(k, int) else k, v) for k, v in invocation.arguments)
    given = ((parameter_name(constructor, k), v) for k, v in shifted)
    return any(v.constant is not None for k, v in given if k in wanted or k in ("*", "**"))


def _passes_to_base(run: Run, invocation: Invocation) -> bool:
    """True for `super().put(conn)` in a method `put`, where the base is not in sight: it does what the method is there
    for."""
    match invocation.node.func:
        case cst.Attribute(value=cst.Call(func=cst.Name(value="super")), attr=cst.Name(value=name)):
            return run.function is not None and run.function.name == name != "__init__"
    return False


def _unknown(run: Run, invocation: Invocation, state: State, out: Outcomes) -> Results:
    """A callee of which nothing is known: it may keep what it is given, and it may raise."""
    next_value = _next(run, invocation, state, out)
    if next_value is not None:
        return next_value
    state = checkout(run, invocation, None, state)
    head = invocation.head
    external = external_call(run, invocation)
    if not head.type and (head.parts or head.own):  # what it is, and does, nobody knows
        state = run.keep(state, frozenset({head.own})) if head.own else state
        state = state.change(head.parts & state.obligations.keys(), doubtful=True)
    # Its type has none of that name: it may be of another. What waits is known.
    if invocation.method in run.models.release_names and external is None:
        through = head.parts if run.names.local_class(head.type) else frozenset[int]()
        held = {n: state.obligations[n].site.acquisition for n in (head.refs | through) & state.obligations.keys()}
        state = state.change((n for n, a in held.items() if invocation.method not in a.closes), doubtful=True)
    owner = run.names.local_class(head.type) if head.refs else None
    if owner and run.models.run_by_base(run.names.modelled_base(owner)):
        # `start()`: the thread refers to it from now on.
        state = state.change(head.refs & state.obligations.keys(), doubtful=True)
    contained = invocation.method in run.models.quiet_methods and _borrowing_container(invocation)
    if contained or _passes_to_base(run, invocation):
        for _, value in invocation.arguments:
            state = run.hand_over(state, value)
    else:
        state = doubt(run, invocation, state)
    if external and external.io == "blocking":
        hold(run, state, invocation.node, external, awaited=False, own=head.refs | head.derived)
    # What is lent a session is looked at itself.
    unknown = invocation.method and not head.type and not reach(state, [v for _, v in invocation.arguments])
    elsewhere = run.dispatched(invocation.node) if unknown and state.holds else None
    if elsewhere and elsewhere.external.io == "blocking":
        hold(run, state, invocation.node, elsewhere.external, awaited=False, reached=elsewhere)
    elif elsewhere:
        return _waited_for(run, invocation, elsewhere, state, out)
    fail(run, invocation, None, state, out)
    derives = head.refs | head.derived
    pending = Pending(invocation.node, external=external) if external and external.io == "await" else None
    return [(state, Value(run.names.type_of(invocation.node, run.scope), derived=derives, pending=pending))]


def _waited_for(run: Run, invocation: Invocation, reached: Reached, state: State, out: Outcomes) -> Results:
    """A coroutine of an object of which only the method's name is known."""
    fail(run, invocation, None, state, out)
    return [(state, Value(pending=Pending(invocation.node, reached=reached)))]


def _borrowing_container(invocation: Invocation) -> bool:
    """`items.append(conn)`: a container takes it over."""
    given = any(v.reach() or v.closure for _, v in invocation.arguments)
    return given and not invocation.head.refs and not invocation.head.derived


def _next(run: Run, invocation: Invocation, state: State, out: Outcomes) -> Results | None:
    """`next(generator())` of a project generator: the caller now owns what it yielded."""
    if invocation.method or run.names.qualify(invocation.node.func, run.scope) not in (
        "builtins.next",
        "builtins.anext",
    ):
        return None
    value = next(iter(invocation.argument(0)), NOTHING)
    function = value.pending.summary if value.pending else None
    if function is None or not function.is_generator:
        return None
    run.fail(state, invocation.node, out, OTHER, {}, Lane.OTHER)
    acquisition = run.models.acquisition_of_type(run.names.yielded_type(function))
    if acquisition is None:
        return [(state, NOTHING)]
    site = run.site(invocation.node, acquisition, acquisition.shown, through=function.name)
    after, number = run.acquire(state, site)
    given = Value(acquisition.type, refs=frozenset({number}))
    holder = dotted(invocation.node.args[0].value) if invocation.node.args else ""
    return [(answer_for(run, holder, "", given, after), given)]
