"""CNX306: clients and pools that are built while a module is imported, and used in another event loop or process."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar

import libcst as cst

from pooclint.program.scopes import Class, Function
from pooclint.program.shared import used_by, variable_of
from pooclint.rule import Confidence, Place, Report, Severity

if TYPE_CHECKING:
    from pooclint.engine import FileContext
    from pooclint.models import Acquisition, Type
    from pooclint.program.requests import Entry

_KINDS = frozenset({"client", "pool", "engine", "connection"})


class BoundToImport:
    """A client or pool is built at import, but works only in the event loop, or the process, that comes later.

    ## What it does
    Reports three things: an object that cannot be built where no event loop runs (`aiohttp.ClientSession`), built at
    import; an asynchronous client or pool of a module that code which runs again and again uses in an event loop made
    for the occasion (`asyncio.run` in a Celery task, `async_to_sync` in a view); a client or pool that does not survive
    a fork, built in the parent and used in forked children, in whatever module: Celery's tasks, and the handlers of a
    server that loads the application before it forks (gunicorn with `preload_app`). An asynchronous client at import
    that lives in one loop is right, and not reported.

    ## Why is this bad?
    The connections of an asynchronous client belong to the loop that opened them. In the next loop the first reused
    one fails: "Event loop is closed", "attached to a different loop". After a fork, parent and child talk over the same
    socket and read each other's answers, or wait for a thread that only the parent has.

    ## Example
    ```python
    client = httpx.AsyncClient()

    @app.task
    def notify(order_id):
        asyncio.run(send(order_id))  # uses `client`, in a new loop each time
    ```

    ## Use instead
    ```python
    @app.task
    def notify(order_id):
        asyncio.run(send(order_id))

    async def send(order_id):
        async with httpx.AsyncClient() as client:
            await client.post(URL, json={"order": order_id})
    ```
    or the synchronous client, which needs no loop. Before a fork, build it in the child: in a handler of
    `worker_process_init`, or at its first use.
    """

    code: ClassVar[str] = "CNX306"
    name: ClassVar[str] = "bound-to-import"
    severity: ClassVar[Severity] = Severity.ERROR
    default: ClassVar[bool] = True

    def visit_Call(self, node: cst.Call, context: FileContext) -> Iterable[Report]:
        """Report what is built at import, and loops in which it is used."""
        function = context.scope.function
        if function is None:
            return _at_import(node, context)
        if function.name == "__init__" and function.owner:
            return _in_registered(node, context, function, function.owner)
        return _in_new_loop(node, context, function)


def _acquired(node: cst.Call, context: FileContext) -> tuple[Acquisition, Type] | None:
    call = context.constructed(node, _KINDS)
    acquisition = context.models.acquisition(call) if call else None
    type_ = context.models.type(acquisition.type) if acquisition else None
    return (acquisition, type_) if acquisition and type_ else None


def _survives(node: cst.Call, context: FileContext, type_: Type) -> bool:
    """True when what the call builds works in a child that is forked later."""
    return type_.forks or any(context.is_given(node, c.forks_given) for c in context.names.calls(node, context.scope))


def _at_import(node: cst.Call, context: FileContext) -> Iterator[Report]:
    found = _acquired(node, context)
    if found is None:
        return
    acquisition, type_ = found
    if type_.loop == "needs":
        text = f"{type_.name} is built while the module is imported, where no event loop runs: it fails; "
        yield Report(
            node,
            (text + "build it in a coroutine, such as the application's startup",),
            Severity.ERROR,
            Confidence.HIGH,
            "",
            acquisition.library,
            ((node, "runs at import"),),
        )
    variable = "" if _survives(node, context, type_) else variable_of(node, context.index)
    for user in _users(node, variable, context) if variable else ():
        entry = context.entry(user)
        forking = _forking(entry, context) if entry else ""
        if forking:
            text = (
                f"{type_.name} is built before {forking} forks, and '{user.name}' uses it in the children: "
                f"its sockets are shared and its threads are gone; build '{variable}' in each child"
            )
            yield Report(
                node,
                (text,),
                Severity.WARNING,
                Confidence.HIGH,
                "",
                acquisition.library,
                (
                    (node, "built in the parent, at import"),
                    (Place(user.node, user.scope.module), "runs in a forked child"),
                ),
            )
            return


def _users(node: cst.Call, variable: str, context: FileContext) -> Iterator[Function]:
    """Functions of this module, and of those that import it, that use what the call builds."""
    for index in (context.index, *context.callers.importers(context.index.origin.path, (variable,))):
        for user in index.functions.values():
            if any(built.node is node for built in used_by(context.names, user)):
                yield user


def _forking(entry: Entry, context: FileContext) -> str:
    """What forks after the module was imported, and runs the function in the child; empty when nothing is known to."""
    if entry.forked:
        return entry.framework
    if entry.kind != "request":
        return ""
    for program in context.deployment.production.programs:
        first = program.loads_first
        alone = first is not None and first.how == "default" and program.processes.value == 1  # nothing to fork
        if program.kind == "web" and first is not None and not alone:
            where = f", {os.path.basename(first.path)}:{first.line}" if first.path else ""
            return f"{program.runner} ({first.why}{where})"
    return ""


def _in_registered(node: cst.Call, context: FileContext, function: Function, owner: Class) -> Iterator[Report]:
    """An object that the framework builds where it is defined, before it forks."""
    found = _acquired(node, context)
    bases = context.names.base_names(owner) if found else frozenset()
    models = [s for s in context.models.scopes if s.forked and bases.intersection(s.bases)]
    if found is None or not models or _survives(node, context, found[1]):
        return
    acquisition, type_ = found
    text = (
        f"{type_.name} is built in the constructor of '{owner.name}', which {models[0].framework} calls before it "
        "forks: its sockets are shared and its threads are gone in the children; build it at its first use"
    )
    yield Report(
        node,
        (text,),
        Severity.WARNING,
        Confidence.HIGH,
        function.qualname,
        acquisition.library,
        ((owner.node, f"one object, made by {models[0].framework} in the parent"), (node, "built with it")),
    )


def _in_new_loop(node: cst.Call, context: FileContext, function: Function) -> Iterator[Report]:
    """Something that belongs to one loop, used in a loop that is made each time the function runs."""
    if not any(c.new_loop for c in context.names.calls(node, context.scope)) or not node.args:
        return
    run = node.args[0].value
    started = context.names.definition(
        run.func if isinstance(run, cst.Call) else run, context.scope, interest="anything"
    )
    entry = context.entry(function) if isinstance(started, Function) else None
    if entry is None or not isinstance(started, Function):
        return
    scopes = context.callers.scopes(started.scope.module)
    seen: set[int] = set()
    for user in scopes.reached_from(started):
        for built in used_by(context.names, user):
            calls = context.names.calls(built.node, built.module.scope)
            acquired = next((a for c in calls if (a := context.models.acquisition(c))), None)
            type_ = context.models.type(acquired.type) if acquired else None
            if acquired is None or type_ is None or type_.loop != "binds" or id(built.node) in seen:
                continue
            seen.add(id(built.node))
            here = built.module is context.index
            text = (
                f"'{built.variable}' ({type_.name}) belongs to the event loop that used it first, and every "
                f"{entry.kind} of '{function.name}' uses it in a new one: the second fails; build it inside the "
                "coroutine, or use a synchronous one"
            )
            yield Report(
                built.node if here else node,
                (text,),
                Severity.WARNING,
                Confidence.HIGH if here else Confidence.MEDIUM,
                "" if here else function.qualname,
                acquired.library,
                (
                    (Place(built.node, built.module), "built at import"),
                    (node, f"a new event loop for each {entry.kind}"),
                    (Place(user.node, user.scope.module), "uses it there"),
                ),
            )
