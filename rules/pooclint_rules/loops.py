"""CNX303: clients and pools that are built in every turn of a loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar

import libcst as cst

from pooclint.program.names import literal
from pooclint.program.scopes import descendants
from pooclint.rule import Confidence, Report, Severity
from pooclint_rules.construction import constructed

if TYPE_CHECKING:
    from pooclint.engine import FileContext


class ClientInLoop:
    """A client or pool is built in every turn of a loop though nothing in it depends on the turn.

    ## What it does
    Reports the construction of a client, pool or engine inside a `for` loop whose arguments are the same in every
    turn. Loops that are left early (retries) and collections of clients are left alone.

    ## Why is this bad?
    Each turn pays for a new connection and a new handshake, and drops the old one.

    ## Example
    ```python
    for url in urls:
        with httpx.Client() as client:
            client.get(url)
    ```

    ## Use instead
    ```python
    with httpx.Client() as client:
        for url in urls:
            client.get(url)
    ```
    """

    code: ClassVar[str] = "CNX303"
    name: ClassVar[str] = "client-in-loop"
    severity: ClassVar[Severity] = Severity.WARNING
    default: ClassVar[bool] = True

    def visit_For(self, node: cst.For, context: FileContext) -> Iterable[Report]:
        """Report clients built in each turn of the loop."""
        return self._turns(node, context)

    def visit_While(self, node: cst.While, context: FileContext) -> Iterable[Report]:
        """Report clients built in each turn of the loop; `while True` is a daemon's reconnecting."""
        return () if literal(node.test) is not ... else self._turns(node, context)

    def _turns(self, node: cst.For | cst.While, context: FileContext) -> Iterator[Report]:
        inside = list(descendants(node.body, into_functions=False))
        if any(isinstance(n, (cst.Break, cst.Return)) for n in inside):
            return
        assigned = _assigned(node, inside)
        function = context.scope.function
        for part in inside:
            if not isinstance(part, cst.Call):
                continue
            call = constructed(part, context, frozenset({"client", "pool", "engine"}))
            if call is None or _mentions(part, assigned) or _kept(part, context):
                continue
            yield Report(
                part,
                (
                    f"{call.returns} is built in every turn of the loop on line ",
                    node,
                    ", and nothing in it depends on the turn",
                ),
                self.severity,
                Confidence.HIGH,
                function.qualname if function else "",
                context.models.library(call),
                ((node, "for each turn"), (part, "built here")),
            )


def _assigned(loop: cst.For | cst.While, inside: list[cst.CSTNode]) -> frozenset[str]:
    """Names that the loop binds: its target and what its body assigns."""
    targets: list[cst.CSTNode] = [loop.target] if isinstance(loop, cst.For) else []
    for node in inside:
        match node:
            case cst.Assign(targets=assigned):
                targets += [t.target for t in assigned]
            case (
                cst.AnnAssign(target=target)
                | cst.NamedExpr(target=target)
                | cst.For(target=target)
                | cst.AugAssign(target=target)
            ):
                targets.append(target)
            case cst.AsName(name=target):
                targets.append(target)
    return frozenset(n.value for t in targets for n in descendants(t) if isinstance(n, cst.Name))


def _mentions(node: cst.Call, names: frozenset[str]) -> bool:
    return any(isinstance(n, cst.Name) and n.value in names for a in node.args for n in descendants(a.value))


def _kept(node: cst.Call, context: FileContext) -> bool:
    """True when each turn's object is kept: a collection of clients is no waste."""
    function = context.scope.function
    record = context.record(function) if function else None
    site = record.sites.get(id(node)) if record else None
    return bool(record and site and site.number in record.kept)
