"""`with`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import libcst as cst

from pooclint.flow import handlers, managers, stacks, work
from pooclint.flow.assignments import bind
from pooclint.flow.completions import ATTRIBUTE_ERROR, GROUP, NORMAL, RESOURCE, Completion, Outcomes
from pooclint.flow.losing import sweep
from pooclint.flow.run import Run
from pooclint.flow.states import State
from pooclint.flow.values import Lane
from pooclint.source.nodes import body_of


def with_(run: Run, items: Sequence[cst.WithItem], node: cst.With, states: list[State]) -> Outcomes:
    """Evaluate a `with` from each of the states: `with a, b: body` is `with a: with b: body`."""
    if not items:
        return run.execute(run, body_of(node.body), states)
    item, rest = items[0], items[1:]
    out = Outcomes()
    for entry, entered in _entered(run, item, node, states, out):
        suppresses = entry.model is not None and bool(entry.model.swallows)
        expected = suppresses and handlers.swallows(run, entry, RESOURCE) != "never"
        run.tries += suppresses
        run.expected += expected
        result = with_(run, rest, node, entered)
        run.tries -= suppresses
        run.expected -= expected
        for completion, ended in result.items():
            run.tick(ended)
            for end in ended:
                inside, left = managers.answering(item, entry, end)
                work.released(run, inside, left.numbers, item.item, True, completion.exceptional)
                for way in stacks.unwound(run, item.item, left.numbers, inside):
                    # What only a callback referred to is lost once that has been called.
                    after = way.state if way.state is inside else sweep(run, item.item, None, way.state)
                    _left(run, item, left, after, way.failed, completion, node.asynchronous, out)
    # What the target was bound to before, and a manager that nothing else refers to, may be lost now.
    out.extend(NORMAL, (sweep(run, item.item, None, s) for s in run.narrow(out.take(NORMAL), node.body)))
    return out


def _entered(
    run: Run, item: cst.WithItem, node: cst.With, states: Iterable[State], out: Outcomes
) -> list[tuple[managers.Entry, list[State]]]:
    """The ways to enter a manager, each with the states in which its body begins."""
    found: list[tuple[managers.Entry, list[State]]] = []
    for state in states:
        for after, value in run.evaluate(run, item.item, state, out):
            for entry in managers.enter(run, item, value, after, out, node.asynchronous is not None):
                entered = managers.remembered(item, entry)
                if item.asname:
                    bound = bind(run, item.asname.name, entry.target, entered, out)
                    entered = sweep(run, item.item, entered, bound, entry.kept_open | entered.reach(value))
                known = next((states for other, states in found if other == entry), None)
                if known is None:
                    found.append((entry, [entered]))
                else:
                    known.append(entered)
    return found


def _left(
    run: Run,
    item: cst.WithItem,
    entry: managers.Entry,
    state: State,
    failed: Completion | None,
    completion: Completion,
    asynchronous: cst.Asynchronous | None,
    out: Outcomes,
) -> None:
    """Leave a manager after its body has completed, and what a stack had to call was called.

    Args:
        failed: how that has raised.
    """
    closed = managers.leave(run, item, entry, state, out, asynchronous is not None)
    if failed is not None:
        out.add(failed, closed)
        return
    if entry.wraps_none:
        out.add(ATTRIBUTE_ERROR, closed.raised(item.item, {}, Lane.OTHER))
        return
    if entry.groups and completion.kind in ("raise", "resource", "other"):
        out.add(GROUP, closed)
        return
    suppressed = handlers.swallows(run, entry, completion)
    if suppressed != "always":
        out.add(completion, closed)
    if suppressed != "never":
        out.add(NORMAL, closed)
