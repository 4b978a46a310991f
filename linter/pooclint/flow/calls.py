"""What a call does: it acquires, releases, hands over, wraps, waits outside the process, or fails."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import libcst as cst

from pooclint.flow.completions import CANCEL, EXIT, OTHER, RESOURCE, Completion, Outcomes
from pooclint.flow.run import Hold, Misuse, Run, Summary
from pooclint.flow.values import NOTHING, Closure, Fate, Lane, Obligation, Pending, State, Value
from pooclint.models import Acquisition, Argument, Call, External
from pooclint.program.names import Names
from pooclint.program.scopes import Class, Function, Scope

Results = list[tuple[State, Value]]
Attempt = Literal["await", "sync-with", "async-with"]
FAILED = "#failed"
"""The name under which a state carries the `id` of the acquiring call that raised."""
UNBOUND_LOCAL = Completion("raise", "builtins.UnboundLocalError")
ATTRIBUTE_ERROR = Completion("raise", "builtins.AttributeError")


@dataclass(frozen=True, slots=True)
class Invocation:
    """A call whose parts have been evaluated."""

    node: cst.Call
    head: Value
    """The receiver when `method` is set, else the called value."""
    method: str
    arguments: tuple[tuple[int | str, Value], ...]

    def argument(self, wanted: Argument) -> list[Value]:
        """Values of an argument named by position or keyword; `*` is all of them."""
        return [v for k, v in self.arguments if wanted in ("*", k)]

    def chosen(self, wanted: tuple[Argument, ...]) -> list[Value]:
        """Values of several arguments."""
        return [v for w in wanted for v in self.argument(w)]


def argument_keys(node: cst.Call) -> list[int | str]:
    """For each argument its position, its keyword, or `**`/`*` for unpacked ones."""
    return [a.keyword.value if a.keyword else a.star or i for i, a in enumerate(node.args)]


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
            run.record.misuses.setdefault((misuse.kind, site.number), misuse)
    out.add(UNBOUND_LOCAL, state.raised(node, {}, Lane.RESOURCE))


def call(run: Run, invocation: Invocation, state: State, out: Outcomes) -> Results:
    """Perform a call.

    Returns:
        Each way in which it completes normally, with its value; `out` receives the ways in which it raises.
    """
    if invocation.head.constant is None and invocation.method:
        out.add(ATTRIBUTE_ERROR, state.raised(invocation.node, {}, Lane.OTHER))
        return []
    if invocation.head.method and not invocation.method:
        invocation = replace(invocation, method=invocation.head.method, head=replace(invocation.head, method=""))
    models = _models(run, invocation)
    released = _released(run, invocation, state)
    if released:
        return _release(run, invocation, state, released, out)
    protocol = _protocol(run, invocation, state, out)
    if protocol is not None:
        return protocol
    if models:
        return _modelled(run, invocation, models[0], state, out)
    defined = run.names.definition(invocation.node.func, run.scope)
    function = invocation.head.function if not invocation.method else None
    function = function or as_function(defined)
    if function:
        return _project(run, invocation, function, state, out)
    if isinstance(defined, Class):
        return _construct(run, invocation, defined, state, out)
    return _unknown(run, invocation, state, out)


def _models(run: Run, invocation: Invocation) -> tuple[Call, ...]:
    receiver = invocation.head.type if invocation.method or invocation.head.type else ""
    return run.names.calls(invocation.node, run.scope, receiver)


# ------------------------------------------------------------------------------------------------------------ releases


def _released(run: Run, invocation: Invocation, state: State) -> tuple[frozenset[int], bool] | None:
    """Obligations that the call releases, and whether it must be awaited for that."""
    numbers: set[int] = set()
    awaited = False
    qualified = run.names.qualify(invocation.node.func, run.scope)
    given = frozenset[int]().union(*(v.refs for _, v in invocation.arguments))
    for number in invocation.head.refs | given:
        obligation = state.obligations.get(number)
        if obligation is None:
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


def _release(
    run: Run, invocation: Invocation, state: State, released: tuple[frozenset[int], bool], out: Outcomes
) -> Results:
    numbers, awaited = released
    if awaited:
        return [(state, Value(pending=Pending(invocation.node, releases=numbers, receiver=invocation.head)))]
    after = run.release(state, numbers, invocation.node)
    run.fail(after, invocation.node, out, RESOURCE, {}, Lane.OTHER)
    return [(after, NOTHING)]


def _protocol(run: Run, invocation: Invocation, state: State, out: Outcomes) -> Results | None:
    """`__enter__`, `__exit__` and their async twins called by hand."""
    head, method = invocation.head, invocation.method
    if method in ("__enter__", "__aenter__"):
        attempt: Attempt = "sync-with" if method == "__enter__" else "async-with"
        if head.pending:
            results = complete(run, invocation.node, head, state, out, attempt)
            return results if attempt == "sync-with" else [(s, replace(v, pending=None)) for s, v in results]
        return [(state, entered(run, head))] if head.refs else None
    if method in ("__exit__", "__aexit__") and head.refs:
        after = run.release(state, head.refs, invocation.node)
        run.fail(after, invocation.node, out, RESOURCE, {}, Lane.OTHER)
        return [(after, NOTHING)]
    return None


def entered(run: Run, value: Value) -> Value:
    """What `with value as x` binds."""
    if value.inner is not None:
        return value.inner
    type_ = run.models.type(value.type)
    if type_ and type_.enter:
        return replace(value, type=run.models.canonical(type_.enter))
    return value


# ----------------------------------------------------------------------------------------------------- modelled calls


def _modelled(run: Run, invocation: Invocation, model: Call, state: State, out: Outcomes) -> Results:
    node, head = invocation.node, invocation.head
    if model.raises == "exits":
        out.add(EXIT, state)
        return []
    if model.raises == "always":
        out.add(Completion("raise"), state.raised(node, {}, Lane.RESOURCE))
        return []
    state = run.keep(state, _reach(state, invocation.chosen(model.keeps)))
    if model.releases:
        state = run.release(state, _reach(state, invocation.chosen(model.releases)), node)
    if model.enters:
        return _register(run, invocation, model, state, out)
    if model.passes or model.calls:
        state = _started(run, invocation, model, state)
        return _pass(run, invocation, model, state, out)
    if model.owned_by and invocation.chosen(model.owned_by) and not model.acquires:
        return _wrap(run, invocation, model, state)
    type_ = run.models.type(model.returns)
    if type_ is not None and type_.kind == "factory":
        state = run.keep(state, _reach(state, [v for _, v in invocation.arguments]))
    elif not (model.borrows or model.acquires or head.refs or head.derived or model.raises == "never"):
        state = _doubt(run, invocation, state)
    state = _checkout(run, invocation, model, state)
    external = _external(run, invocation)
    acquired_now = run.models.acquisition(model) is not None and model.at == "call"
    if model.awaited != "no" or model.at != "call":
        return [(state, Value(model.returns, derived=head.refs | head.derived, pending=Pending(
            node, calls=(model,), arguments=invocation.arguments, receiver=head, external=external)))]  # fmt: skip
    if external and external.io == "blocking":
        hold(run, state, node, external, awaited=False, own=head.refs | head.derived)
    if not (acquired_now and _opens_nothing(run, model)):
        _fail(run, invocation, model, state, out, acquires=acquired_now)
    if acquired_now:
        return [acquire(run, node, model, state, invocation.arguments, head)]
    value = _result(run, invocation, model)
    return [(state, replace(value, pending=Pending(node, calls=(model,), external=external)) if external else value)]


def _opens_nothing(run: Run, model: Call) -> bool:
    """Constructors that connect later do not fail for want of a server."""
    acquisition = run.models.acquisition(model)
    return acquisition is not None and acquisition.kind in ("client", "engine", "session", "stack")


def _result(run: Run, invocation: Invocation, model: Call) -> Value:
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
    return Value(run.models.canonical(model.returns), derived=head.refs | head.derived, pending=swallowing)


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
    if acquisition is None or _shares(run, node, model, arguments):
        return state, Value(run.models.canonical(model.returns))
    site = run.site(node, acquisition, label_of(run, node, model))
    state, number = run.acquire(state, site)
    owned = frozenset[int]().union(
        *(v.reach() for w in model.owned_by for k, v in arguments if w in ("*", k) or k in ("*", "**"))
    )
    state = state.change(owned - {number}, owner=number)
    if head is not None and acquisition.kind in ("response", "subscription") and head.refs:
        state = state.change([number], owner=min(head.refs))  # closing the client closes what it handed out
    value = Value(acquisition.type, refs=frozenset({number}))
    if model.element >= 0:
        return state, Value(
            items=tuple(value if i == model.element else NOTHING for i in range(max(2, model.element + 1)))
        )
    return state, value


def _shares(run: Run, node: cst.Call, model: Call, arguments: tuple[tuple[int | str, Value], ...]) -> bool:
    """True when the object works on a pool or connection of somebody else (`Redis(connection_pool=pool)`,
    `Session(conn)`).

    An engine is the exception: a session that is given one, or something unknown, checks connections out of it.
    """
    for argument, (key, value) in zip(node.args, arguments, strict=False):
        if key in model.owned_by and not value.reach() and value.constant is not None:
            return True  # somebody else's transport or connector
        if key in model.shares:
            type_ = run.models.type(value.type or run.names.type_of(argument.value, run.scope))
            made = run.models.type(model.returns)
            return type_.kind != "engine" if type_ else made is None or made.kind != "session"
    return False


def label_of(run: Run, node: cst.Call, model: Call) -> str:
    """How messages name what was acquired: the model's function or method."""
    if model.names:
        return run.names.qualify(node.func, run.scope) or model.names[0]
    method = node.func.attr.value if isinstance(node.func, cst.Attribute) else model.methods[0]
    owner = model.on[0]
    return owner if method == "__call__" or model.methods == ("__call__",) else f"{owner}.{method}"


def _register(run: Run, invocation: Invocation, model: Call, state: State, out: Outcomes) -> Results:
    """`stack.enter_context(x)`, `stack.callback(x.close)`: the stack now owns `x`."""
    owner = min(invocation.head.refs, default=-1)
    values = invocation.chosen(model.enters)
    first = values[0] if len(values) == 1 else NOTHING
    attempt: Attempt = "async-with" if model.awaited == "must" else "sync-with"
    entering = (
        complete(run, invocation.node, first, state, out, attempt) if first.pending else [(state, entered(run, first))]
    )
    results: Results = []
    for after, inside in entering:
        numbers = _reach(state, values) | inside.reach()
        owned = after.change(numbers - {owner}, owner=owner) if owner >= 0 else run.keep(after, numbers)
        for number in numbers & owned.obligations.keys():
            run.record.kept.add(owned.obligations[number].site.number)
        results.append(
            (owned, Value(pending=Pending(invocation.node, passes=(inside,))) if model.awaited == "must" else inside)
        )
    return results


def _started(run: Run, invocation: Invocation, model: Call, state: State) -> State:
    """`Thread(target=work, args=(conn,))`: what is handed to code that runs elsewhere is that code's business."""
    wanted = (*model.calls, *model.passes)
    return (
        run.keep(state, _reach(state, [v for k, v in invocation.arguments if k not in wanted]))
        if model.calls
        else state
    )


def _pass(run: Run, invocation: Invocation, model: Call, state: State, out: Outcomes) -> Results:
    """`gather(a, b)`, `wait_for(a, 5)`, `to_thread(f, x)`: the callee awaits or calls its arguments."""
    passed = [i for v in invocation.chosen(model.passes) for i in (v.items if v.items is not None else (v,))]
    releases = frozenset[int]().union(*(v.refs for v in invocation.chosen(model.calls) if v.method))
    called = _called_elsewhere(run, invocation, model)
    external = _external(run, invocation)
    pending = Pending(
        invocation.node, calls=called or (model,), passes=tuple(passed), releases=releases, external=external
    )
    value = Value(pending=pending)
    if model.awaited == "no":
        return complete(
            run, invocation.node, replace(value, pending=replace(pending, calls=called)), state, out, "await"
        )
    # A task runs whether it is awaited or not: what it releases is released.
    for item in passed:
        if item.pending and item.pending.releases and model.at == "call" and model.awaited == "may":
            state = run.release(state, item.pending.releases, invocation.node)
    return [(state, value)]


def _called_elsewhere(run: Run, invocation: Invocation, model: Call) -> tuple[Call, ...]:
    """`to_thread(connect, dsn)` gives what `connect(dsn)` gives: the model of a callable that acquires."""
    for key, argument in zip(argument_keys(invocation.node), invocation.node.args, strict=True):
        if key in model.calls:
            found = run.models.calls(run.names.qualify(argument.value, run.scope))
            return tuple(c for c in found if c.acquires and not c.only_if)[:1]
    return ()


def _wrap(run: Run, invocation: Invocation, model: Call, state: State) -> Results:
    """`closing(x)`: the result stands for what it owns."""
    owned = invocation.chosen(model.owned_by)
    inner = owned[0]
    refs = frozenset(n for n in _reach(state, owned) if _released_through(model, state.obligations.get(n)))
    return [
        (
            state,
            Value(
                run.models.canonical(model.returns),
                refs=refs,
                inner=replace(inner, pending=None) if inner.pending is None else None,
                pending=inner.pending,
            ),
        )
    ]


def _released_through(model: Call, obligation: Obligation | None) -> bool:
    """`closing(x)` calls `x.close()`: that helps only what is released so."""
    if not model.through or obligation is None:
        return True
    return any(r.target == "self" and r.name == model.through for r in obligation.site.acquisition.releases)


def _checkout(run: Run, invocation: Invocation, model: Call | None, state: State) -> State:
    """A lazy session takes a connection when it is used, and gives it back on commit, rollback or close."""
    for number in invocation.head.refs:
        obligation = state.obligations.get(number)
        type_ = run.models.type(obligation.site.acquisition.type) if obligation else None
        if obligation is None or type_ is None or not type_.lazy:
            continue
        method = invocation.method
        if method in type_.checks_in:
            state = state.change([number], holding=False)
        elif method in type_.checks_out or ("*" in type_.checks_out and method not in type_.cannot_raise):
            state = state.change([number], holding=True)
    return state


def _fail(
    run: Run, invocation: Invocation, model: Call | None, state: State, out: Outcomes, acquires: bool = False
) -> None:
    """Record how a call may raise: as a failure of the resource it is made on, or of anything else."""
    head = invocation.head
    touched = head.refs | head.derived
    if model is not None and model.raises == "never":
        touched = frozenset[int]().union(*(v.refs | v.derived for v in invocation.chosen(model.iterates)))
        if not touched:
            return
    type_ = run.models.type(head.type)
    if invocation.method and (
        (type_ and invocation.method in type_.cannot_raise) or _parent_cannot_raise(run, invocation, state)
    ):
        return
    # What a response's headers or a row's fields do is no failure of the connection.
    over = all(state.obligations[n].site.acquisition.kind == "response" for n in touched if n in state.obligations)
    if invocation.method in run.models.quiet_methods and not head.refs and over:
        return
    live = {n for n in touched if n in state.obligations and state.obligations[n].fate in (Fate.HELD, Fate.FIELD)}
    # Closing a cursor hardly ever fails; it must not weigh like the query before it.
    closing = invocation.method in run.models.release_names and not head.refs
    state = state.change(live & _ending_work(run, invocation, state), holding=True)
    if acquires or (live and not closing):
        if acquires:
            state = state.bind(FAILED, Value(constant=id(invocation.node)))
        lanes = dict.fromkeys(state.obligations, Lane.RESOURCE) if acquires else dict.fromkeys(live, Lane.RESOURCE)
        run.fail(state, invocation.node, out, RESOURCE, lanes, Lane.OTHER)
    else:
        run.fail(state, invocation.node, out, OTHER, {}, Lane.OTHER)


def _ending_work(run: Run, invocation: Invocation, state: State) -> frozenset[int]:
    """Lazy sessions on which the call is a `commit`: it flushes first, and one that fails leaves the connection out."""
    found: set[int] = set()
    for number in invocation.head.refs & state.obligations.keys():
        type_ = run.models.type(state.obligations[number].site.acquisition.type)
        if type_ and type_.lazy and invocation.method in type_.checks_in:
            found.add(number)
    return frozenset(found)


def _parent_cannot_raise(run: Run, invocation: Invocation, state: State) -> bool:
    for number in invocation.head.refs:
        obligation = state.obligations.get(number)
        type_ = run.models.type(obligation.site.acquisition.type) if obligation else None
        if type_ and invocation.method in type_.cannot_raise:
            return True
    return False


# ----------------------------------------------------------------------------------------- project functions, the rest


def _project(run: Run, invocation: Invocation, function: Function, state: State, out: Outcomes) -> Results:
    """A call of a function of this file."""
    arguments = _with_receiver(run, invocation, function)
    if invocation.head.closure and not invocation.method:
        arguments += tuple((n, state.get(n)) for n in sorted(invocation.head.closure.captures) if n in state.env)
    if function.is_generator or (function.is_async and not run.names.is_context_manager(function)):
        # A generator of a closure is handed on like the closure itself.
        pending = Pending(invocation.node, summary=function, arguments=arguments)
        return [(state, Value(pending=pending, closure=invocation.head.closure))]
    return apply_summary(run, invocation.node, function, arguments, state, out)


def _with_receiver(run: Run, invocation: Invocation, function: Function) -> tuple[tuple[int | str, Value], ...]:
    """Arguments by the callee's positions: a method's receiver comes first."""
    static = any(run.names.qualify(d, function.parent) == "builtins.staticmethod" for d in function.decorators)
    if function.owner is None or static or not invocation.method:
        return invocation.arguments
    shifted = tuple((k + 1 if isinstance(k, int) else k, v) for k, v in invocation.arguments)
    return ((0, replace(invocation.head, refs=frozenset())), *shifted)


def apply_summary(
    run: Run,
    node: cst.Call,
    function: Function,
    arguments: tuple[tuple[int | str, Value], ...],
    state: State,
    out: Outcomes,
) -> Results:
    """The effect of calling a project function: one result for each way in which it completes."""
    reached = run.reaches(function)
    if reached:
        external, inner = reached
        hold(run, state, node, external, awaited=external.io == "await", through=inner)
    named = tuple((_parameter_name(function, k), v) for k, v in arguments)
    summaries = run.summarise(function, named, state)
    if summaries is None:
        numbers = _reach(state, [v for _, v in arguments])
        state = state.change(numbers, doubtful=True) if numbers else state
        run.fail(state, node, out, OTHER, {}, Lane.OTHER)
        if function.is_async:
            run.fail(state, node, out, CANCEL, {}, Lane.CANCELLED)
        type_ = run.names.returned_type(function)
        return [(state, Value(type_) if type_ else NOTHING)]
    results: Results = []
    for summary in summaries:
        after = _apply_fates(run, node, summary, state)
        if summary.completion.kind in ("normal", "return"):
            results.append(_adopt(run, node, function, summary, after))
        elif summary.completion.kind == "exit":
            out.add(EXIT, after)
        else:
            run.fail(after, node, out, summary.completion, {}, Lane.OTHER)
    return results


def _parameter_name(function: Function, key: int | str) -> str:
    if isinstance(key, int):
        positional = [p for p in function.parameters if p.kind == "positional"]
        return positional[key].name if key < len(positional) else ""
    return key


def _apply_fates(run: Run, node: cst.Call, summary: Summary, state: State) -> State:
    released = frozenset(n for n, fate in summary.fates if fate is Fate.RELEASED)
    kept = frozenset(n for n, fate in summary.fates if fate in (Fate.KEPT, Fate.FIELD))
    state = run.release(state, released, node) if released else state
    state = run.keep(state, kept) if kept else state
    return state.change(summary.doubtful, doubtful=True) if summary.doubtful else state


def _adopt(run: Run, node: cst.Call, function: Function, summary: Summary, state: State) -> tuple[State, Value]:
    """Take over what the callee acquired and returned."""
    value = summary.value
    for number, origin in summary.fresh:
        site = run.site(node, origin.acquisition, origin.label, through=function.name)
        state, own = run.acquire(state, site, doubtful=number in summary.doubtful)
        value = value.renumbered(number, own)
    return state, value


def _construct(run: Run, invocation: Invocation, owner: Class, state: State, out: Outcomes) -> Results:
    """An instance of a class of this file: what its constructor stores belongs to the instance."""
    initializer = run.names.method(owner, "__init__")
    value = Value(run.names.local_type(owner))
    numbers = _reach(state, [v for _, v in invocation.arguments])
    if not numbers:
        run.fail(state, invocation.node, out, OTHER, {}, Lane.OTHER)
        return [(state, value)]
    if initializer is None:
        state = run.keep(state, numbers)
        run.fail(state, invocation.node, out, OTHER, {}, Lane.OTHER)
        return [(state, value)]
    arguments = ((0, value), *((k + 1 if isinstance(k, int) else k, v) for k, v in invocation.arguments))
    return [(s, value) for s, _ in apply_summary(run, invocation.node, initializer, arguments, state, out)]


def _unknown(run: Run, invocation: Invocation, state: State, out: Outcomes) -> Results:
    """A callee of which nothing is known: it may keep what it is given, and it may raise."""
    next_value = _next(run, invocation, state, out)
    if next_value is not None:
        return next_value
    state = _checkout(run, invocation, None, state)
    head = invocation.head
    external = _external(run, invocation)
    if not (invocation.method in run.models.quiet_methods and _borrowing_container(invocation)):
        state = _doubt(run, invocation, state)
    else:
        state = run.keep(state, _reach(state, [v for _, v in invocation.arguments]))
    if external and external.io == "blocking":
        hold(run, state, invocation.node, external, awaited=False, own=head.refs | head.derived)
    _fail(run, invocation, None, state, out)
    derives = head.refs | head.derived
    pending = Pending(invocation.node, external=external) if external and external.io == "await" else None
    return [(state, Value(run.names.type_of(invocation.node, run.scope), derived=derives, pending=pending))]


def _borrowing_container(invocation: Invocation) -> bool:
    """`items.append(conn)`: a container takes it over."""
    given = any(v.reach() for _, v in invocation.arguments)
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
    acquisition = acquisition_of_type(run, run.names.yielded_type(function))
    if acquisition is None:
        return [(state, NOTHING)]
    site = run.site(invocation.node, acquisition, acquisition.type, through=function.name)
    after, number = run.acquire(state, site)
    return [(after, Value(acquisition.type, refs=frozenset({number})))]


def acquisition_of_type(run: Run, type_name: str) -> Acquisition | None:
    """What holding an instance of a modelled type means, for instances that come from elsewhere; None for plain
    values."""
    return run.models.acquisition_of_type(type_name)


def _doubt(run: Run, invocation: Invocation, state: State) -> State:
    """An unknown callee has seen these: it may have taken them over; a fresh one that nothing else refers to, it
    has."""
    registered = frozenset[int]().union(*(v.refs for _, v in invocation.arguments if v.method))
    state = run.keep(state, registered) if registered else state  # `addfinalizer(conn.close)`
    for _, value in invocation.arguments:
        if value.closure:  # `finalize(lambda: conn.close())`, but not `retry(lambda: conn.execute(query))`
            taken = Value(closure=Closure(value.closure.takes, value.closure.takes))
            state = run.hand_over(state, taken)
        if value.function and value.items:
            state = run.hand_over(state, Value(items=value.items))
    numbers = _reach(state, [v for _, v in invocation.arguments]) - registered
    if not numbers:
        return state
    pending = frozenset[int]().union(*(v.pending.releases for _, v in invocation.arguments if v.pending))
    state = run.release(state, pending, invocation.node) if pending else state
    named = state.reachable()
    state = run.keep(state, numbers - named)
    return state.change(numbers & named, doubtful=True, holding=True)


def _reach(state: State, values: Iterable[Value]) -> frozenset[int]:
    return frozenset[int]().union(*(state.reach(v) for v in values))


# --------------------------------------------------------------------------------------------------- awaiting, waiting


def complete(run: Run, node: cst.CSTNode, value: Value, state: State, out: Outcomes, attempt: Attempt) -> Results:
    """Await a value, or enter a pending one by `with`: now the call has its effect.

    Returns:
        The states after it with the awaited value, or with the `as` target's for `with`.
    """
    asynchronous = attempt != "sync-with"
    pending = value.pending
    if pending is None:
        if asynchronous:
            run.fail(state, node, out, CANCEL, {}, Lane.CANCELLED)
            if attempt == "await" and not value.refs:
                run.fail(state, node, out, OTHER, {}, Lane.OTHER)
        return [(state, value)]
    if pending.external and pending.external.io == "await":
        own = pending.receiver.refs | pending.receiver.derived if pending.receiver else frozenset[int]()
        hold(run, state, pending.node, pending.external, awaited=True, own=own)
    if pending.releases:
        after = run.release(state, pending.releases, pending.node)
        run.fail(after, node, out, RESOURCE, {}, Lane.OTHER)
        if asynchronous:
            run.fail(after, node, out, CANCEL, {}, Lane.CANCELLED)
        return [(after, NOTHING)]
    if pending.summary and not pending.summary.is_generator:
        # Awaiting a coroutine of one's own suspends only where that does.
        return apply_summary(run, pending.node, pending.summary, pending.arguments, state, out)
    if asynchronous:
        run.fail(state, node, out, CANCEL, {}, Lane.CANCELLED)
    if pending.summary:
        return [(state, value)]
    if pending.passes:
        return _complete_passed(run, node, pending, state, out)
    receiver = pending.receiver or NOTHING
    invocation = Invocation(pending.node, receiver, _method_name(pending.node), pending.arguments)
    model = pending.calls[0] if pending.calls else None
    if model is None:
        run.fail(state, node, out, OTHER, {}, Lane.OTHER)
        return [(state, replace(value, pending=None))]
    if model.acquires:
        _fail(run, invocation, model, state, out, acquires=True)
        after, resource = acquire(run, pending.node, model, state, pending.arguments, receiver)
        if attempt != "await" and model.enter:
            resource = replace(resource, type=run.models.canonical(model.enter))
        return [(after, resource)]
    _fail(run, invocation, model, state, out)
    result = _result(run, invocation, model)
    return [(state, replace(result, pending=None))]


def _method_name(node: cst.Call) -> str:
    return node.func.attr.value if isinstance(node.func, cst.Attribute) else ""


def _complete_passed(run: Run, node: cst.CSTNode, pending: Pending, state: State, out: Outcomes) -> Results:
    """Await what `gather` or `wait_for` was given, in turn; the value is that of a single one."""
    results: list[tuple[State, tuple[Value, ...]]] = [(state, ())]
    for item in pending.passes:
        following: list[tuple[State, tuple[Value, ...]]] = []
        for current, values in results:
            done = complete(run, node, item, current, out, "await") if item.pending else [(current, item)]
            following += [(after, (*values, value)) for after, value in done]
        results = following
    run.fail(state, node, out, OTHER, {}, Lane.OTHER)
    gathers = any("*" in c.passes for c in pending.calls)
    return [(s, Value(items=v) if gathers else next(iter(v), NOTHING)) for s, v in results]


def _external(run: Run, invocation: Invocation) -> External | None:
    """The external-call entry of a call, by what is known of its receiver here, or anywhere."""
    if invocation.method and invocation.head.type:
        found = run.models.external_method(_modelled_type(run.names, invocation.head.type), invocation.method)
        if found:
            return found
    return external_of(run.names, invocation.node, run.scope)


def external_of(names: Names, node: cst.Call, scope: Scope) -> External | None:
    """The external-call entry of a call: by its qualified name, or by the type of its receiver."""
    qualified = names.qualify(node.func, scope)
    found = names.models.external(qualified) if qualified else None
    if (
        found
        or not isinstance(node.func, cst.Attribute)
        or not names.models.external_words & {node.func.attr.value, "*"}
    ):
        return found
    return names.models.external_method(
        _modelled_type(names, names.type_of(node.func.value, scope)), node.func.attr.value
    )


def _modelled_type(names: Names, type_name: str) -> str:
    owner = names.local_class(type_name)
    return names.modelled_base(owner) if owner else type_name


def hold(
    run: Run,
    state: State,
    node: cst.CSTNode,
    external: External,
    awaited: bool,
    own: frozenset[int] = frozenset(),
    through: str = "",
) -> None:
    """Record what is held while an external call is made; what the call itself is made on (`own`) is in use, not
    held."""
    if external.category == "database":
        return
    for number, obligation in state.obligations.items():
        if number not in own and _occupies(obligation):
            key = (obligation.site.number, id(node))
            run.record.holds.setdefault(key, Hold(obligation.site, obligation, node, external, awaited, through))


def _occupies(obligation: Obligation) -> bool:
    acquisition = obligation.site.acquisition
    return obligation.fate is Fate.HELD and obligation.holding and (acquisition.pooled or obligation.in_transaction)
