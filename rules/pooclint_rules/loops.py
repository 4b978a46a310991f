"""CNX303: clients and pools that are built in every turn of a loop."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, cast

import libcst as cst

from pooclint.program.constructions import POOLED
from pooclint.program.literals import literal
from pooclint.program.running import IMPLIED
from pooclint.rule import Confidence, Place, Report, Severity
from pooclint.source.nodes import descendants, dotted, loops_of, nodes_of, variables
from pooclint.source.targets import paths, target_of
from pooclint_rules.construction import built, gives_existing, leaks, named

if TYPE_CHECKING:
    from pooclint.engine import FileContext
    from pooclint.models import Acquisition


class ClientInLoop:
    """A client or pool is built in every turn of a loop though nothing in it depends on the turn.

    ## What it does
    Reports the construction of a client, pool or engine inside a loop, by itself, by a function that hands it out, or
    by one that builds it, uses it and drops it, through several functions and modules, whose arguments are the same in
    every turn. Retries, which a turn that succeeds leaves, polls and collections of clients are left alone, and so are
    functions that keep what they build, and those that the loop gives a client to use.

    It is only information where building one costs little more than time (a gRPC channel, a boto3 client), where the
    loop goes through at most three elements that are written out (`for kind in ["svg", "png"]`), where a function
    builds the client for a host that the turn names, and where the turns only start coroutines or tasks, which then run
    at the same time, each with a client of its own. What one loop builds of one type is told once. That nothing closes
    the client is not said again by CNX101, CNX104 or CNX105.

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
        return _by_type(self._turns(node, context))

    def visit_While(self, node: cst.While, context: FileContext) -> Iterable[Report]:
        """Report clients built in each turn of the loop; `while True` is a daemon's reconnecting."""
        return () if literal(node.test) is not ... else _by_type(self._turns(node, context))

    def visit_ListComp(self, node: cst.ListComp, context: FileContext) -> Iterable[Report]:
        """Report clients that functions build and drop which the comprehension calls."""
        return _of_comprehension(node, (node.elt,), context)

    def visit_SetComp(self, node: cst.SetComp, context: FileContext) -> Iterable[Report]:
        """Report clients that functions build and drop which the comprehension calls."""
        return _of_comprehension(node, (node.elt,), context)

    def visit_GeneratorExp(self, node: cst.GeneratorExp, context: FileContext) -> Iterable[Report]:
        """Report clients that functions build and drop which the expression calls."""
        return _of_comprehension(node, (node.elt,), context)

    def visit_DictComp(self, node: cst.DictComp, context: FileContext) -> Iterable[Report]:
        """Report clients that functions build and drop which the comprehension calls."""
        return _of_comprehension(node, (node.key, node.value), context)

    def _turns(self, node: cst.For | cst.While, context: FileContext) -> Iterator[tuple[str, Report]]:
        inside = list(descendants(node.body, into_functions=False))
        if not _goes_on(node, inside):
            return
        assigned = _assigned(node, inside)
        # What an inner loop builds is the same in its turns as well, and is said of that one.
        directly = {id(n) for loop in inside if type(loop) in _LOOPS for n in _said_of(cast(_Loop, loop))}
        arms, told = _arms(inside), dict[int, int]()
        for part in (n for n in nodes_of(cst.Call, inside) if id(n) not in directly):
            acquired = built(part, context, POOLED)
            if acquired is None:
                continue
            directly.add(id(part))
            conditional, arm = arms.get(id(part), (0, 0))
            other_arm = conditional and told.get(conditional, arm) != arm
            kept = _kept(part, context) or _is_lazy(part, inside)
            if not other_arm and not _mentions(part, assigned) and not kept:
                told[conditional] = arm
                advice = f": build it before the loop{', and close it after it' if leaks(part, context) else ''}"
                yield acquired.type, _report(node, part, acquired, context, advice, ((part, "built here"),))
        if context.scope.function is not None and not _pauses(inside, context):
            yield from _below(node, inside, assigned, directly, context)


def _by_type(found: Iterable[tuple[str, Report]]) -> Iterator[Report]:
    """With one report for what one loop builds of one type, as surely and as badly: one place says it all."""
    alike: dict[tuple[str, Severity, Confidence], list[Report]] = {}
    for type_name, report in found:
        alike.setdefault((type_name, report.severity, report.confidence), []).append(report)
    for first, *others in alike.values():
        yield replace(first, trace=(*first.trace, *((other.node, "and here") for other in others)))


def _is_lazy(part: cst.CSTNode, inside: list[cst.CSTNode]) -> bool:
    """True for what only the first turn builds that needs it: `if client is None: client = Client()`."""
    for node in nodes_of(cst.If, inside):
        match node.test:
            case (
                cst.Comparison(
                    left=cst.Name(value=name),
                    comparisons=[cst.ComparisonTarget(operator=cst.Is(), comparator=cst.Name(value="None"))],
                )
                | cst.UnaryOperation(operator=cst.Not(), expression=cst.Name(value=name))
            ):
                filling = [n for n in inside if type(n) in _BINDING and name in _bound_by(n)]
                if filling and all(_is_in(n, node.body) for n in filling) and any(_is_in(part, n) for n in filling):
                    return True
    return False


def _arms(inside: list[cst.CSTNode]) -> dict[int, tuple[int, int]]:
    """By the `id` of what stands in an arm of a conditional expression, the `id` of that, the outermost, and which arm
    it is: a turn builds what one of them does."""
    found: dict[int, tuple[int, int]] = {}
    for conditional in nodes_of(cst.IfExp, inside):
        if id(conditional) not in found:
            for number, arm in enumerate((conditional.body, conditional.orelse)):
                found |= {id(part): (id(conditional), number) for part in descendants(arm)}
    return found


_Loop = cst.For | cst.While | cst.ListComp | cst.SetComp | cst.GeneratorExp | cst.DictComp
_LOOPS = frozenset({cst.For, cst.While, cst.ListComp, cst.SetComp, cst.GeneratorExp, cst.DictComp})
_LEAVING = frozenset({cst.Break, cst.Return})
_BINDING = frozenset({cst.Assign, cst.AnnAssign, cst.NamedExpr})
_ASSIGNING = frozenset({cst.Assign, cst.AnnAssign, cst.NamedExpr, cst.For, cst.AugAssign, cst.AsName})


@dataclass(frozen=True, slots=True)
class _Below:
    """How a turn comes to build what it does not build by itself."""

    way: str = ""
    """The functions on the way; empty where the turn builds it by itself."""
    far: bool = False
    """True when there are several."""
    together: bool = False
    """True when what the turns start runs at the same time."""
    elsewhere: bool = False
    """True when each turn may name another host."""


_DIRECTLY = _Below()


def _said_of(loop: _Loop) -> Iterator[cst.CSTNode]:
    """What stands in the turns of a loop that is looked at itself."""
    if not isinstance(loop, (cst.For, cst.While)):
        yield from descendants(loop, into_functions=False)
        return
    inside = list(descendants(loop.body, into_functions=False))
    endless = isinstance(loop, cst.While) and literal(loop.test) is not ...
    # A loop of few turns in one of many says less than that one.
    yield from inside if not endless and not _is_short(loop) and _goes_on(loop, inside) else ()


def _goes_on(loop: cst.For | cst.While, inside: list[cst.CSTNode]) -> bool:
    """False for attempts: a loop that is left as soon as a turn succeeds."""
    if not any(type(n) in _LEAVING for n in inside):
        return True
    return isinstance(loop, cst.For) and not _attempts(loop) and not _leaves(loop.body)


def _of_comprehension(
    node: cst.ListComp | cst.SetComp | cst.GeneratorExp | cst.DictComp,
    elements: tuple[cst.BaseExpression, ...],
    context: FileContext,
) -> Iterator[Report]:
    if context.scope.function is None:
        return
    inside = [n for element in elements for n in descendants(element, into_functions=False)]
    bound = frozenset(n.value for n in descendants(node.for_in) if isinstance(n, cst.Name))
    yield from _by_type(_below(node, inside, bound, frozenset(), context))


def _below(
    loop: _Loop, inside: list[cst.CSTNode], assigned: frozenset[str], directly: Collection[int], context: FileContext
) -> Iterator[tuple[str, Report]]:
    """What functions build and drop that each turn runs."""
    parts = {id(n) for n in inside}.difference(directly)
    seen: set[int] = set()
    for node, called in context.runs():
        if id(node) not in parts or gives_existing(node, context) or _in_another_process(node, context):
            continue
        found = context.rebuilt(called, POOLED, assigned, node)
        acquired = context.models.acquisition(found.call) if found else None
        if found is None or acquired is None or id(found.node) in seen:
            continue
        seen.add(id(found.node))
        way = " → ".join(f.owner.name if f.owner and f.name in IMPLIED else f.name for f in found.chain)
        trace: list[tuple[cst.CSTNode | Place, str]] = [(node, "in each turn")]
        trace += [(Place(f.node, f.scope.module), "called there") for f in found.chain]
        trace.append((Place(found.node, found.chain[-1].scope.module), "built here, and dropped"))
        together = called.is_async and _only_starts(inside, node, context)
        elsewhere = context.turns_lead_elsewhere(found, assigned, node)
        below = _Below(way, len(found.chain) > 1, together, elsewhere)
        report = _report(loop, node, acquired, context, ": build it once, and share it", tuple(trace), below)
        yield acquired.type, report


def _only_starts(inside: list[cst.CSTNode], node: cst.BaseExpression, context: FileContext) -> bool:
    """True for a call of a coroutine function that no turn of a loop waits for: all of them run at the same time, after
    it. Not so where another loop awaits one after the other, before the next is started."""
    names = {name for n in inside if type(n) in _BINDING and _is_in(node, n) for name in _bound_by(n)}
    waiting = nodes_of(cst.Await, inside)
    if any(_is_in(node, wait) or not names.isdisjoint(variables(wait)) for wait in waiting):
        return False
    if any(n.asynchronous and _is_in(node, n) and _is_group(n, context) for n in nodes_of(cst.With, inside)):
        return False
    taker, function = context.constructions.taker(node, context.index), context.scope.function
    started = taker is not None and any(call.passes for call in context.names.calls(taker, context.scope))
    return started or function is None or not _awaits_each(function.body_nodes)


def _is_group(node: cst.With, context: FileContext) -> bool:
    """True for a group of tasks, the end of which waits for them."""
    types = (context.models.type(context.names.type_of(item.item, context.scope)) for item in node.items)
    return any(type_ is not None and type_.groups for type_ in types)


def _bound_by(node: cst.CSTNode) -> Iterator[str]:
    """The names that an assignment binds."""
    targets = [t.target for t in node.targets] if isinstance(node, cst.Assign) else [target_of(node)]
    yield from (path for target in targets if target is not None for path in paths(target))


def _awaits_each(nodes: Collection[cst.CSTNode]) -> bool:
    """True where a loop awaits what it goes through."""
    names = {path for n in nodes if isinstance(n, (cst.For, cst.CompFor)) for path in paths(n.target)}
    return any(dotted(wait.expression) in names for wait in nodes_of(cst.Await, nodes))


def _is_in(node: cst.CSTNode, around: cst.CSTNode) -> bool:
    return any(part is node for part in descendants(around))


def _in_another_process(node: cst.BaseExpression, context: FileContext) -> bool:
    """True for a call that has something run in another process: what that builds cannot be shared with it."""
    calls = context.names.calls(node, context.scope) if isinstance(node, cst.Call) else ()
    if not isinstance(node, cst.Call) or not any(call.calls for call in calls):
        return False
    receiver = (node.func.value,) if isinstance(node.func, cst.Attribute) else ()
    types = (context.names.type_of(part, context.scope) for part in (node, *receiver, *(a.value for a in node.args)))
    found = (context.models.type(name) for name in types)
    return any(type_ is not None and type_.processes for type_ in found)


def _report(
    loop: _Loop,
    part: cst.CSTNode,
    acquired: Acquisition,
    context: FileContext,
    advice: str,
    trace: tuple[tuple[cst.CSTNode | Place, str], ...],
    below: _Below = _DIRECTLY,
) -> Report:
    function = context.scope.function
    type_ = context.models.type(acquired.type)
    slow = type_ is not None and type_.rebuilding == "time"
    # A client that is several functions away may be nobody's to hand in; a pool opens connections of its own.
    slight = slow or below.together or below.elsewhere or _is_short(loop) or (below.far and acquired.kind == "client")
    host = " but the host" if below.elsewhere else ""
    way, dropped = below.way, "and dropped " if below.way and not below.together else ""
    when = "for each of what runs at the same time, started by" if below.together else "in every turn of"
    return Report(
        part,
        (
            f"{named(part, acquired, context)} is built {dropped}{when} the loop on line ",
            loop,
            f"{f' ({way})' if way else ''}, and nothing in it depends on the turn{host}{advice}",
        ),
        Severity.INFO if slight else ClientInLoop.severity,
        Confidence.HIGH if not way else Confidence.MEDIUM,
        function.qualname if function else "",
        acquired.library,
        ((loop, "for each turn"), *trace),
        _COVERED,
    )


_COVERED = frozenset({"CNX101", "CNX104", "CNX105", ClientInLoop.code})
"""That nobody closes what each turn builds is part of it, and so is that an outer loop builds it as well, or a function
for which the same name stands."""
_FEW = 3
"""A loop of so many turns costs little more than the two or three lines that it saves."""


def _is_short(loop: _Loop) -> bool:
    """True for a loop over few elements that are written out."""
    if isinstance(loop, cst.While):
        return False
    iterated = [loop.iter] if isinstance(loop, cst.For) else [inner.iter for inner in loops_of(loop.for_in)]
    return math.prod(_written_out(node) for node in iterated) <= _FEW


def _written_out(node: cst.BaseExpression) -> float:
    """How many elements a literal has; of anything else, any number."""
    if not isinstance(node, (cst.List, cst.Tuple, cst.Set)):
        return math.inf
    return math.inf if any(isinstance(e, cst.StarredElement) for e in node.elements) else len(node.elements)


def _pauses(inside: list[cst.CSTNode], context: FileContext) -> bool:
    """True for a loop that sleeps in each turn: what connecting costs is nothing beside that."""
    found = map(context.external, nodes_of(cst.Call, inside))
    return any(external is not None and external.category == "sleep" for external in found)


def _attempts(loop: cst.For) -> bool:
    """True for a loop over a number of attempts, which has no data to go through."""
    return isinstance(loop.iter, cst.Call) and dotted(loop.iter.func).rpartition(".")[2] in ("range", "count")


def _leaves(block: cst.BaseSuite) -> bool:
    """True when a turn in which nothing fails leaves the loop: the next one is another attempt."""
    last = block.body[-1] if block.body else None
    match last:
        case cst.SimpleStatementLine(body=[*_, end]) | (cst.BaseSmallStatement() as end):
            return isinstance(end, (cst.Return, cst.Break, cst.Raise))
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
    for node in (n for n in inside if type(n) in _ASSIGNING):
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
