"""CNX303: clients and pools that are built in every turn of a loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar

import libcst as cst

from pooclint.program.names import literal
from pooclint.program.scopes import descendants, dotted
from pooclint.rule import Confidence, Report, Severity
from pooclint_rules.construction import built

if TYPE_CHECKING:
    from pooclint.engine import FileContext


class ClientInLoop:
    """A client or pool is built in every turn of a loop though nothing in it depends on the turn.

    ## What it does
    Reports the construction of a client, pool or engine inside a loop, itself or by a function that hands it out, whose
    arguments are the same in every turn. Retries, which a turn that succeeds leaves, polls and collections of clients
    are left alone.

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
        left = any(isinstance(n, (cst.Break, cst.Return)) for n in inside)
        if left and (not isinstance(node, cst.For) or _attempts(node) or _leaves(node.body)):
            return
        assigned = _assigned(node, inside)
        function = context.scope.function
        for part in inside:
            if not isinstance(part, cst.Call):
                continue
            acquired = built(part, context, frozenset({"client", "pool", "engine"}))
            if acquired is None or _mentions(part, assigned) or _kept(part, context):
                continue
            yield Report(
                part,
                (
                    f"{acquired.type} is built in every turn of the loop on line ",
                    node,
                    ", and nothing in it depends on the turn: build it before the loop",
                ),
                self.severity,
                Confidence.HIGH,
                function.qualname if function else "",
                acquired.library,
                ((node, "for each turn"), (part, "built here")),
            )


def _attempts(loop: cst.For) -> bool:
    """True for a loop over a number of attempts, which has no data to go through."""
    return isinstance(loop.iter, cst.Call) and dotted(loop.iter.func).rpartition(".")[2] in ("range", "count")


def _leaves(block: cst.BaseSuite) -> bool:
    """True when a turn in which nothing fails leaves the loop: the next one is another attempt."""
    last = block.body[-1] if block.body else None
    match last:
        case cst.SimpleStatementLine(body=[*_, cst.Return() | cst.Break()]) | cst.Return() | cst.Break():
            return True
        case cst.With(body=inner):
            return _leaves(inner)
        case cst.Try(body=inner, orelse=orelse):
            return _leaves(inner) or (orelse is not None and _leaves(orelse.body))
        case cst.If(body=inner, orelse=cst.Else(body=other)):
            return _leaves(inner) and _leaves(other)
    return False


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
    return bool(record and site and site.number in record.placed)
