"""CNX112: sessions and connections of a thread that outlive it, since nobody ends them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar

import libcst as cst

from pooclint.program.threads import left_open, run_by_thread, started
from pooclint.rule import Confidence, Place, Report, Severity

if TYPE_CHECKING:
    from pooclint.engine import FileContext
    from pooclint.program.scopes import Function


class LeftByThread:
    """A thread ends and leaves the connection open that it came to without acquiring one.

    ## What it does
    Reports a function that runs in a thread of the project's own (`threading.Thread`, `Timer`, an executor that is
    closed where it is made) and works with a session or connection of which each thread has one, such as Django's or
    that of a `scoped_session`, where nothing that the thread runs ends it. Threads that loop are left alone: they keep
    their one for as long as they live.

    ## Why is this bad?
    Nobody acquires such a connection, so nobody sees that it has to be given back. The framework does it at the end of
    a request; a thread of one's own is no request. When the thread has ended its connection stays open, or checked out
    of its pool, until the garbage collector happens to run, and a burst of threads is a burst of connections.

    ## Example
    ```python
    def export(order_id):
        order = Order.objects.get(pk=order_id)
        upload(order)

    threading.Thread(target=export, args=(order.pk,)).start()
    ```

    ## Use instead
    ```python
    def export(order_id):
        try:
            order = Order.objects.get(pk=order_id)
            upload(order)
        finally:
            connection.close()  # django.db.connection; of a scoped_session: Session.remove()
    ```
    """

    code: ClassVar[str] = "CNX112"
    name: ClassVar[str] = "left-by-thread"
    severity: ClassVar[Severity] = Severity.WARNING
    default: ClassVar[bool] = True
    about_threads: ClassVar[bool] = True

    def visit_Call(self, node: cst.Call, context: FileContext) -> Iterable[Report]:
        """Report what a call has a thread run."""
        function = started(context.names, node, context.scope)
        return _reports(function, node, context) if function else ()

    def visit_ClassDef(self, node: cst.ClassDef, context: FileContext) -> Iterable[Report]:
        """Report what the threads of a class run."""
        owner = context.index.owner(node)
        function = run_by_thread(context.names, owner) if owner else None
        return _reports(function, node, context) if function else ()


def _reports(function: Function, start: cst.CSTNode, context: FileContext) -> Iterator[Report]:
    edges = context.callers.edges
    opened = left_open(edges, function)
    if opened is None:
        return
    here = function.scope.module is context.index
    leading = edges.between(function, opened.chain[1]) if len(opened.chain) > 1 else [opened.node]
    first = leading[0] if leading else function.node  # where a decorator comes to it, nothing in the function does
    around = context.scope.function
    once = around is not None and context.scripts.happens_once(around, start)
    name = opened.type.name.rpartition(".")[2]
    way = "".join(f" → {f.name}" for f in opened.chain[1:])
    text = (
        f"'{function.name}{way}' runs in a thread of its own, and nothing ends the {name} that it comes to there: "
        "that stays open when the thread has ended"
    )
    yield Report(
        first if here else start,
        (text,),
        Severity.INFO if once else Severity.WARNING,
        Confidence.HIGH if len(opened.chain) == 1 else Confidence.MEDIUM,
        function.qualname if here else around.qualname if around else "",
        context.models.library(opened.type),
        (
            (start, "a thread of its own runs it"),
            (Place(opened.node, opened.chain[-1].scope.module), "here the thread comes to one"),
        ),
    )
