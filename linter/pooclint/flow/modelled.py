"""Calls of which a library model says what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import libcst as cst

from pooclint.flow import misuses, nesting, sharing, stacks, suspending
from pooclint.flow.acquiring import acquire, checkout, entered, fail, opens_nothing, result_of
from pooclint.flow.completions import EXIT, TYPE_ERROR, Completion, Outcomes
from pooclint.flow.external import called_elsewhere, external_call, hold
from pooclint.flow.invocations import Attempt, Invocation, Results, reach
from pooclint.flow.parts import new_object
from pooclint.flow.project import settled_by
from pooclint.flow.reading import begun, exhausted
from pooclint.flow.run import Run
from pooclint.flow.states import State
from pooclint.flow.values import AWAITS, COLLECTIONS, NOTHING, OBJECTS, Closure, Fate, Lane, Obligation, Pending, Value
from pooclint.flow.waiting import complete
from pooclint.models import Call
from pooclint.program.keywords import argument_keys
from pooclint.source.nodes import dotted, unawaited


def modelled(run: Run, invocation: Invocation, model: Call, state: State, out: Outcomes) -> Results:
    node, head = invocation.node, invocation.head
    if model.raises == "exits":
        out.add(EXIT, state)
        return []
    if model.raises == "always":
        out.add(Completion("raise"), state.raised(node, {}, Lane.RESOURCE))
        return []
    if model.gives:
        same = next(iter(invocation.chosen(model.gives)), NOTHING)
        return [(state, same if same.type else replace(same, type=run.names.type_of(node, run.scope)))]
    if model.asks_awaitable:
        asked = invocation.chosen(model.asks_awaitable)
        awaitable = bool(asked) and all(_must_be_awaited(value, state) for value in asked)
        return [(state, Value("builtins.bool", truth=awaitable or None))]
    state = run.keep(state, reach(state, invocation.chosen(model.keeps)))
    if model.releases:
        state = run.release(state, reach(state, invocation.chosen(model.releases)), node)
    if model.enters:
        return _register(run, invocation, model, state, out)
    if model.passes or model.calls:
        state = _started(run, invocation, model, sharing.started(run, invocation, model, state))
        return _pass(run, invocation, model, state, out)
    if model.owned_by and invocation.chosen(model.owned_by) and not model.acquires:
        return _wrap(run, invocation, model, state)
    misuses.given_away(run, node, invocation.chosen(model.owned_by), state)
    suspending.body(run, invocation, model.returns)
    type_ = run.models.type(model.returns)
    makes_factory = type_ is not None and type_.kind == "factory" and not model.acquires
    uses = model.borrows or bool(model.derived_from) or model.acquires or model.raises == "never" or model.new_object
    if not (makes_factory or uses or head.refs or head.derived):
        state = doubt(run, invocation, state)
    state = checkout(run, invocation, model, state)
    external = external_call(run, invocation)
    acquired_now = run.models.acquisition(model) is not None and model.at == "call"
    if model.awaited != "no" or model.at != "call":
        return [(state, Value(model.returns, derived=head.refs | head.derived, pending=Pending(
            node, calls=(model,), arguments=invocation.arguments, receiver=head, external=external)))]  # fmt: skip
    if external and external.io == "blocking":
        hold(run, state, node, external, awaited=False, own=head.refs | head.derived)
    if model.self_contained:
        nesting.self_contained(run, state, node)
    if not (acquired_now and opens_nothing(run, model)):
        fail(run, invocation, model, state, out, acquires=acquired_now)
    states = [state]
    for read in invocation.chosen(model.iterates):
        states = [e for s in states for e in exhausted(run, node, read, begun(run, node, read, s), out)]
    if acquired_now:
        return [acquire(run, node, model, s, invocation.arguments, head) for s in states]
    value = result_of(run, invocation, model, state)
    if makes_factory:  # it refers to the engine it was made for, and does not answer for it
        value = replace(value, refs=value.refs | reach(state, [v for _, v in invocation.arguments]))
    if external and external.io == "await":
        value = replace(value, pending=Pending(node, calls=(model,), external=external))
    return [new_object(run, invocation, value, s) if model.new_object else (s, value) for s in states]


def _must_be_awaited(value: Value, state: State) -> bool:
    """True for what is known to be a coroutine, and for a method that releases by one."""
    pending = value.pending
    if value.method and pending is None:
        held = [state.obligations[n].site.acquisition for n in value.refs & state.obligations.keys()]
        releases = [next((r for r in a.releases if (r.target, r.name) == ("self", value.method)), None) for a in held]
        return bool(releases) and all(r is not None and r.awaited for r in releases)
    if pending is None:
        return False
    if pending.summary is not None:
        return pending.summary.is_async and not pending.summary.is_generator
    return bool(pending.releases) or (bool(pending.calls) and pending.calls[0].awaited == "must")


def _register(run: Run, invocation: Invocation, model: Call, state: State, out: Outcomes) -> Results:
    """`stack.enter_context(x)`, `stack.callback(x.close)`: the stack now owns `x`."""
    owner = min(invocation.head.refs, default=-1)
    values = invocation.chosen(model.enters)
    first = values[0] if len(values) == 1 else NOTHING
    if first.constant is None and model.raises != "never":  # it would be entered
        out.add(TYPE_ERROR, state.raised(invocation.node, {}, Lane.OTHER))
        return []
    attempt: Attempt = "async-with" if model.awaited == "must" else "sync-with"
    entering = (
        complete(run, invocation.node, first, state, out, attempt) if first.pending else [(state, entered(run, first))]
    )
    results: Results = []
    for entered_in, inside in entering:
        # What has been left can be used again.
        after = entered_in.change(invocation.head.refs, fate=Fate.HELD) if is_left(owner, entered_in) else entered_in
        called = first if first.constant is None else stacks.callback(invocation)
        if called is not None:
            known = is_own(owner, after)
            results.append((stacks.registered(after, owner, called) if known else run.hand_over(after, called), first))
            continue
        numbers = taken_over(run, invocation, model, inside, after)
        owned = after.change(numbers - {owner}, owner=owner) if is_own(owner, after) else run.keep(after, numbers)
        if first.pending and first.pending.summary:  # dropping the stack drops its generator, which closes it
            owned = owned.change(inside.refs, managed=1)
        if model.awaited == "must" and is_own(owner, after):
            owned = owned.assume(f"{AWAITS}{owner}", truth=True)
        if not numbers:  # what it will do at the end is not known
            owned = owned.change(invocation.head.refs, doubtful=True)
        for number in numbers & owned.obligations.keys():
            run.record.kept.add(owned.obligations[number].site.number)
        results.append(
            (owned, Value(pending=Pending(invocation.node, passes=(inside,))) if model.awaited == "must" else inside)
        )
    return results


def is_left(stack: int, state: State) -> bool:
    """Whether a stack has been left, or closed."""
    obligation = state.obligations.get(stack)
    return obligation is not None and obligation.fate is Fate.RELEASED


def is_own(stack: int, state: State) -> bool:
    """Whether what a stack does at its end is seen here: it is neither the caller's nor handed to somebody."""
    obligation = state.obligations.get(stack)
    return obligation is not None and obligation.site.parameter < 0 and obligation.fate is not Fate.KEPT


def taken_over(run: Run, invocation: Invocation, model: Call, inside: Value, state: State) -> frozenset[int]:
    """Obligations that the stack's exit releases.

    Args:
        inside: what entering the argument gives.
    """
    values = invocation.chosen(model.enters)
    if "*" not in model.enters:
        numbers = reach(state, values) | inside.reach()
        return frozenset(n for n in numbers if not _stays_open(run, values, inside, state.obligations.get(n)))
    callee, given = values[0] if values else NOTHING, values[1:]
    func = invocation.node.args[0].value if invocation.node.args else None
    word = func.attr.value if isinstance(func, cst.Attribute) else ""
    numbers = reach(state, given) | callee.refs
    return frozenset(n for n in numbers if _calls_release(run, word, state.obligations.get(n), n in callee.refs))


def _stays_open(run: Run, values: list[Value], inside: Value, obligation: Obligation | None) -> bool:
    """Whether leaving what is entered does not release it: `enter_context(conn)` where `with conn` only commits."""
    if obligation is None or obligation.site.acquisition.kind == "stack":
        return False
    value = values[0]
    if value.inner is not None:
        return False
    if value.pending and value.pending.calls:
        model = value.pending.calls[0]
        type_ = run.models.type(model.returns)
        return model.exit == "keeps-open" or (
            model.exit is None and model.with_form is None and type_ is not None and type_.exit == "keeps-open"
        )
    type_ = run.models.type(value.type)
    return type_ is not None and type_.exit == "keeps-open"


def _calls_release(run: Run, word: str, obligation: Obligation | None, own: bool) -> bool:
    """Whether a registered callback releases it: as its own method, or as a method of its pool that is given it."""
    if obligation is None or word not in run.models.release_names:
        return True  # an unknown function takes it over
    target = "self" if own else "owner"
    return any(r.target == target and r.name == word for r in obligation.site.acquisition.releases)


def _started(run: Run, invocation: Invocation, model: Call, state: State) -> State:
    """`Thread(target=work, args=(conn,))`: what is handed to code that runs elsewhere is that code's business."""
    for called in invocation.chosen(model.calls):
        state = _taken(run, called, state)  # `executor.submit(work)`, where `work` closes a variable's connection
    wanted = (*model.calls, *model.passes)
    given = reach(state, [v for k, v in invocation.arguments if k not in wanted]) if model.calls else frozenset()
    if model.after_response:
        _note_task(run, invocation, model, state, given)
        given = frozenset(n for n in given if n in state.obligations and not state.obligations[n].site.injected)
    return run.keep(state, given) if given else state


def _note_task(run: Run, invocation: Invocation, model: Call, state: State, given: frozenset[int]) -> None:
    """A task that runs after the response keeps what a framework takes back only then."""
    reached = called_elsewhere(run.names, run.reaches, invocation.node, run.scope, model)
    if reached is None:
        return
    lent = [n for n in given if n in state.obligations and state.obligations[n].site.outlives]
    kept = state.occupy(lent, invocation.node)  # the task uses what it is given
    others = frozenset(state.obligations) - frozenset(lent)
    asynchronous = reached.external.io == "await"
    hold(run, kept, invocation.node, reached.external, awaited=asynchronous, own=others, reached=reached)


def _pass(run: Run, invocation: Invocation, model: Call, state: State, out: Outcomes) -> Results:
    """`gather(a, b)`, `wait_for(a, 5)`, `to_thread(f, x)`: the callee awaits or calls its arguments."""
    given = invocation.chosen(model.passes)
    if len(given) == len(invocation.node.args):
        given = [_one_of(run, a, v) for a, v in zip(invocation.node.args, given, strict=True)]
    passed = [i for v in given for i in (v.items if v.items is not None else (v,))]
    releases = frozenset[int]().union(*(v.refs for v in invocation.chosen(model.calls) if v.method))
    called = _called_elsewhere(run, invocation, model)
    external = external_call(run, invocation)
    reached = (
        called_elsewhere(run.names, run.reaches, invocation.node, run.scope, model) if model.awaited != "no" else None
    )
    pending = Pending(
        invocation.node,
        calls=called or (model,),
        passes=tuple(passed),
        releases=releases,
        external=external,
        reached=reached,
    )
    value = Value(pending=pending)
    if model.awaited == "no":
        return complete(
            run, invocation.node, replace(value, pending=replace(pending, calls=called)), state, out, "await"
        )
    # A task runs whether it is awaited or not: what it releases is released.
    for item in passed if pending.runs_by_itself else ():
        task = item.pending
        if task and task.releases:
            state = run.release(state, task.releases, invocation.node)
        if task and task.summary and not task.summary.is_generator:
            state = run.release(state, settled_by(run, task.summary, task.arguments, state), invocation.node)
    return [(state, value)]


def _one_of(run: Run, argument: cst.Arg, value: Value) -> Value:
    """An argument; of a collection that is unpacked, and of which nothing else is known, one element by its type."""
    type_ = run.names.element_type(argument.value, run.scope) if argument.star == "*" and value == NOTHING else ""
    return Value(type_) if type_ else value


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
    if model.exit == "keeps-open":  # `nullcontext(x)` gives `x`, and leaves it alone
        pending = Pending(invocation.node, calls=(model,), arguments=invocation.arguments)
        return [(state, Value(inner=inner, pending=pending))]
    refs = frozenset(n for n in reach(state, owned) if _released_through(model, state.obligations.get(n)))
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


def _taken(run: Run, value: Value, state: State) -> State:
    """Somebody else will run a closure: what it releases or passes on is that closure's business."""
    if not value.closure:
        return state
    return run.hand_over(state, Value(closure=Closure(value.closure.takes, value.closure.takes)))


def doubt(run: Run, invocation: Invocation, state: State) -> State:
    """An unknown callee has seen these: it may have taken them over; a fresh one that nothing else refers to, it
    has."""
    registered = frozenset[int]().union(*(v.refs for _, v in invocation.arguments if v.method))
    state = run.keep(state, registered) if registered else state  # `addfinalizer(conn.close)`
    for _, value in invocation.arguments:
        # `finalize(lambda: conn.close())`, but not `retry(lambda: conn.execute(query))`
        state = _taken(run, value, state)
        if value.function and value.items:
            state = run.hand_over(state, Value(items=value.items))
    numbers = reach(state, [v for _, v in invocation.arguments]) - registered
    numbers = numbers.union(*(run.comes_with(v, state) for _, v in invocation.arguments))
    if not numbers:
        return state
    pending = frozenset[int]().union(*(v.pending.releases for _, v in invocation.arguments if v.pending))
    state = run.release(state, pending, invocation.node) if pending else state
    named = state.reachable()
    numbers |= frozenset(n for n, o in state.obligations.items() if o.owner in numbers and o.owner <= COLLECTIONS)
    state = run.keep(state, numbers - named | frozenset(n for n in numbers if n <= OBJECTS))
    if _may_answer(run, invocation.node):
        run.record.built_upon.update(state.obligations[n].site.number for n in numbers & state.obligations.keys())
    # Who is given a connection may release that, and not the engine behind it.
    behind = frozenset[int]().union(*(v.parts - v.refs for _, v in invocation.arguments if v.refs))
    doubtful = state.change((numbers - behind) & named, doubtful=True)
    if invocation.method.startswith(run.models.keeping_methods):
        return doubtful
    return run.used_by_somebody(doubtful, numbers & named, invocation.node)


def _may_answer(run: Run, node: cst.Call) -> bool:
    """True of an unknown class, whose object may refer to what it was given (`Store(conn)`, `Store.open(conn)`; PEP 8),
    of who is told a name besides, by which to keep it, or to replace a part of it (`monkeypatch.setattr`), and of
    whose answer the function does not let go."""
    parts = dotted(node.func).split(".")
    if any(part.lstrip("_")[:1].isupper() or part.endswith(("cls", "class")) for part in parts):
        return True
    if run.let_go is None:
        run.let_go = _let_go(run.function.body_nodes) if run.function else frozenset()
    return any(isinstance(a.value, cst.SimpleString) for a in node.args[1:2]) or id(node) not in run.let_go


def _let_go(nodes: Sequence[cst.CSTNode]) -> frozenset[int]:
    """By `id`, calls that are statements by themselves, or whose value only gets a name by which the function reads."""
    alone: set[int] = set()
    named: dict[int, str] = {}
    given_on: set[str] = set()
    for node in nodes:
        match node:
            case cst.Expr(value=value):
                alone.add(id(unawaited(value)))
            case cst.Assign(targets=[cst.AssignTarget(cst.Name(name))], value=value):
                named[id(unawaited(value))] = name
        given = _given_on(node)
        if isinstance(given, cst.Name):
            given_on.add(given.value)
    return frozenset(alone | {n for n, name in named.items() if name not in given_on})


def _given_on(node: cst.CSTNode) -> cst.CSTNode | None:
    """What a node returns, stores, enters or gives to another."""
    match node:
        case cst.Return(value=value) | cst.Yield(value=value) | cst.Arg(value=value) | cst.Assign(value=value):
            return value
        case cst.Element(value=value) | cst.DictElement(value=value) | cst.WithItem(item=value):
            return value
    return None
