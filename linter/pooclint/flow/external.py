"""Calls that leave the process, and what is held while they are made."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import libcst as cst

from pooclint.flow.invocations import Invocation
from pooclint.flow.private import from_own_pool, is_private
from pooclint.flow.record import Hold, Reached
from pooclint.flow.run import Reaches, Run
from pooclint.flow.states import State
from pooclint.flow.values import Fate, Obligation, Site
from pooclint.models import Call, External
from pooclint.program.keywords import argument_keys, literal_arguments
from pooclint.program.literals import literal
from pooclint.program.names import Names
from pooclint.program.scopes import Function, Scope
from pooclint.rule import Place
from pooclint.source.nodes import descendants, dotted, loops_of, nodes_of


def external_call(run: Run, invocation: Invocation) -> External | None:
    """The external-call entry of a call, by what is known of its receiver here, or anywhere."""
    if invocation.method and invocation.head.type:
        found = run.models.external_method(_modelled_type(run.names, invocation.head.type), invocation.method)
        if found:
            return found if _waits(run.names, found, invocation.node, run.scope) else None
    return external_of(run.names, invocation.node, run.scope)


def external_of(names: Names, node: cst.Call, scope: Scope) -> External | None:
    """The external-call entry of a call: by its qualified name, or by the type of its receiver."""
    qualified = names.qualify(node.func, scope)
    found = names.models.external(qualified) if qualified else None
    known = isinstance(node.func, cst.Attribute) and names.models.external_words & {node.func.attr.value, "*"}
    if found is None and known and isinstance(node.func, cst.Attribute):
        receiver = _modelled_type(names, names.type_of(node.func.value, scope))
        found = names.models.external_method(receiver, node.func.attr.value)
    return found if found and _waits(names, found, node, scope) else None


def awaited_of_another(names: Names, function: Function | None, type_name: str) -> External | None:
    """The external-call entry of awaiting an object of a type that somebody else has made, and ends when they like.
    What the function has made itself, or had made, or may know to have ended, does not count."""
    found = names.models.external_method(type_name, "__await__") if type_name and function else None
    if found is None or function is None:
        return None
    made = names.circles.once(
        names.made_here,
        (id(function), type_name),
        lambda: any(_makes(names, node, function, type_name, found) for node in function.body_nodes),
    )
    return None if made else found


def _makes(names: Names, node: cst.CSTNode, function: Function, type_name: str, external: External) -> bool:
    """True where such an object is made, or asked whether it has ended, or told to."""
    match node:
        case cst.Call(func=cst.Attribute(attr=cst.Name(value=method))) if method in external.unless_called:
            return True
        case cst.Call():
            return names.type_of(node, function.scope) == type_name and not names.looked_up(node, function.scope)
        case cst.AnnAssign(annotation=cst.Annotation(annotation=named), value=cst.Call() as made):
            declared = names.annotated(named, function.scope)
            return declared == type_name and not names.looked_up(made, function.scope)
    return False


def passed_on(names: Names, function: Function, node: cst.Call, model: Call) -> External | None:
    """The same for what a call awaits that it is given (`gather(task, *others)`)."""
    for key, argument in zip(argument_keys(node), node.args, strict=True):
        if key in model.passes or "*" in model.passes:
            find = names.element_type if argument.star else names.type_of
            found = awaited_of_another(names, function, find(argument.value, function.scope))
            if found:
                return found
    return None


def _waits(names: Names, external: External, node: cst.Call, scope: Scope) -> bool:
    """False for a call that gives up at once by its arguments, or has no limit to wait for."""
    given = literal_arguments(node)
    if any(given.get(key, ...) == value for key, value in external.unless.items()):
        return False
    if external.category == "wait" and isinstance(node.func, cst.Attribute) and is_private(node.func.value, scope):
        return False
    if not external.bounded_by:
        return True
    made = names.origin(node.func.value, scope) if isinstance(node.func, cst.Attribute) else None
    limits = zip(argument_keys(made), made.args, strict=True) if made is not None else ()
    return any(key in external.bounded_by and literal(argument.value) != 0 for key, argument in limits)


def called_elsewhere(names: Names, reaches: Reaches, node: cst.Call, scope: Scope, model: Call) -> Reached | None:
    """The external call of a function that is handed over to be called in a thread, or later."""
    for key, argument in zip(argument_keys(node), node.args, strict=True):
        if key in model.calls:
            return _reached_by(names, reaches, argument.value, scope)
    return None


def _reached_by(names: Names, reaches: Reaches, callee: cst.BaseExpression, scope: Scope) -> Reached | None:
    if isinstance(callee, cst.Call) and callee.args:  # `partial(f, x)`
        made = names.calls(callee, scope)
        return _reached_by(names, reaches, callee.args[0].value, scope) if made and "*" in made[0].owned_by else None
    qualified = names.qualify(callee, scope)
    external = names.models.external(qualified) if qualified else None
    if external is None and isinstance(callee, cst.Attribute):
        owner = _modelled_type(names, names.type_of(callee.value, scope))
        external = names.models.external_method(owner, callee.attr.value)
    if external:
        known = external.category != "database"
        return Reached(external, (dotted(callee),), Place(callee, scope.module), ()) if known else None
    defined = names.definition(callee, scope, interest="calls-out")
    return reaches(defined) if isinstance(defined, Function) else None


def waited_for(names: Names, function: Function) -> frozenset[int]:
    """Calls, by `id`, whose result is awaited while the function runs, there or by way of a name (`task = ...`,
    `tasks.append(...)`, later `await gather(*tasks)`). A coroutine that a background task runs is not among them."""
    if isinstance(function.node, cst.Lambda):
        return frozenset(id(n) for n in descendants(function.node) if isinstance(n, cst.Call))
    roots: list[cst.CSTNode] = []
    for node in function.body_nodes:
        match node:
            case cst.Await(expression=value):
                roots.append(value)
            case (
                cst.For(asynchronous=cst.Asynchronous(), iter=value)
                | cst.CompFor(asynchronous=cst.Asynchronous(), iter=value)
            ):
                roots.append(value)
            case cst.With(asynchronous=cst.Asynchronous(), items=items):
                roots += items
            case cst.Return(value=cst.BaseExpression() as value) if not function.is_async:
                roots.append(value)
    return _calls_of(function, [*roots, *_run_to_their_end(names, function)])


def _run_to_their_end(names: Names, function: Function) -> list[cst.CSTNode]:
    """What the function gives to calls that run a coroutine (`asyncio.run(fetch())`)."""
    calls = nodes_of(cst.Call, function.body_nodes)
    running = (n for n in calls if any(c.passes and c.awaited == "no" for c in names.calls(n, function.scope)))
    return [argument for node in running for argument in node.args]


def handed_back(names: Names, function: Function) -> frozenset[int]:
    """Those of these calls whose result a function that is no coroutine gives to who calls it, to be awaited there."""
    if function.is_async or isinstance(function.node, cst.Lambda):
        return frozenset()
    found: set[int] = set()
    todo = [n.value for n in nodes_of(cst.Return, function.body_nodes) if n.value is not None]
    while todo:
        match todo.pop():
            case cst.Name(value=name):
                todo += (b.value for b in function.scope.bindings.get(name, ()) if isinstance(b.value, cst.Call))
            case cst.List(elements=elements) | cst.Tuple(elements=elements):
                todo += (e.value for e in elements)
            case cst.ListComp(elt=element):
                todo.append(element)
            case cst.Call() as call if id(call) not in found:
                found.add(id(call))
                if any(c.passes and c.awaited != "no" for c in names.calls(call, function.scope)):  # `create_task(f())`
                    todo += (a.value for a in call.args)
    return frozenset(found)


def awaited_at_once(function: Function | None, node: cst.CSTNode) -> bool:
    """True for a call that is part of what a function awaits: what it gives has no name before that."""
    awaited = nodes_of(cst.Await, function.own_nodes) if function else ()
    return any(n is node for each in awaited for n in descendants(each))


def read(names: Names, function: Function) -> frozenset[int]:
    """Calls, by `id`, of which the function reads what they give, element by element, there or by way of a name: that
    runs the body of a generator. A generator expression over one reads nothing before somebody reads that."""
    roots: list[cst.CSTNode] = []
    for node in function.body_nodes:
        match node:
            case cst.For(iter=value) | cst.From(item=value):
                roots.append(value)
            case cst.ListComp(for_in=loop) | cst.SetComp(for_in=loop) | cst.DictComp(for_in=loop):
                roots += (n.iter for n in loops_of(loop))
            case cst.Call(args=args):
                keys = {key for call in names.calls(node, function.scope) for key in call.iterates}
                roots += (a for key, a in zip(argument_keys(node), args, strict=True) if key in keys)
    return _calls_of(function, roots)


def while_read(reached: Reached | None) -> Reached | None:
    """What is waited for by who reads a generator. A pause stands between its elements, and is come to only where more
    are to be expected."""
    return reached if reached and reached.external.category != "sleep" else None


def _calls_of(function: Function, roots: list[cst.CSTNode]) -> frozenset[int]:
    """Calls, by `id`, in these parts of a function, and in what the names in them may stand for or contain."""
    given: dict[str, list[cst.CSTNode]] = {}
    for node in function.body_nodes:
        match node:
            case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))], value=value):
                given.setdefault(name, []).append(value)
            case cst.AnnAssign(target=cst.Name(value=name), value=cst.BaseExpression() as value):
                given.setdefault(name, []).append(value)
            case cst.For(target=cst.Name(value=name), iter=value):
                given.setdefault(name, []).append(value)
            case cst.Call(func=cst.Attribute(value=cst.Name(value=name)), args=args) if _is_collection(name, function):
                given.setdefault(name, []).extend(args)
    found: set[int] = set()
    while roots:
        for node in descendants(roots.pop(), into_functions=False):
            if isinstance(node, cst.Call):
                found.add(id(node))
            elif isinstance(node, cst.Name):
                roots += given.pop(node.value, ())
    return frozenset(found)


def _is_collection(name: str, function: Function) -> bool:
    """True for a variable of the function, to which a method may add (`tasks.append`): not for a module or `self`."""
    bindings = function.scope.bindings.get(name, ())
    return any(b.kind not in ("import", "parameter") for b in bindings)


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
    reached: Reached | None = None,
    lent: Mapping[int, Function] = MappingProxyType({}),
) -> None:
    """Record what is held while an external call is made.

    Args:
        own: what the call itself is made on: it is in use, not held.
        lent: the project function that makes the call, for what it is lent and holds while it does.
    """
    if external.category == "database":
        return
    held = [(n, o) for n, o in state.obligations.items() if n not in own and delays(run, o)]
    if not held or id(node) in run.seldom:
        return
    for number, obligation in held:
        key = (obligation.site.number, id(node))
        known = run.record.holds.get(key)
        if known is None or obligation.lane < known.obligation.lane:  # the least exceptional way tells it best
            passed_on = lent.get(number)
            run.record.holds[key] = Hold(obligation.site, obligation, node, external, awaited, reached, passed_on)


def occupies(obligation: Obligation) -> bool:
    """True while others cannot have the connection: it is checked out of a pool, or inside a transaction."""
    acquisition = obligation.site.acquisition
    holds = obligation.fate is Fate.HELD and obligation.holding and not obligation.scarcely
    return holds and (acquisition.pooled or obligation.in_transaction)


def delays(run: Run, obligation: Obligation) -> bool:
    """True while somebody else may wait for the connection: it is not one of a pool that the function has made for
    itself."""
    if not occupies(obligation):
        return False
    return obligation.in_transaction or not _is_from_own_pool(run, obligation.site)


def _is_from_own_pool(run: Run, site: Site) -> bool:
    if site.parameter >= 0 or run.function is None:
        return False
    if id(site.node) not in run.from_own_pools:
        run.from_own_pools[id(site.node)] = from_own_pool(run.names, site.node, run.function)
    return run.from_own_pools[id(site.node)]
