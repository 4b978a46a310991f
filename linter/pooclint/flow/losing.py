"""What is lost with a statement: nothing refers to it any more."""

from __future__ import annotations

import libcst as cst

from pooclint.flow.completions import NORMAL
from pooclint.flow.record import Leak
from pooclint.flow.run import Run
from pooclint.flow.states import State
from pooclint.flow.values import Fate


def sweep(
    run: Run, node: cst.CSTNode, before: State | None, after: State, referred: frozenset[int] = frozenset()
) -> State:
    """After a statement: what nothing refers to any more is lost; what is settled and unreferenced is forgotten.

    Args:
        before: the state before it; None where it acquires nothing.
        referred: obligations to which something else than a name refers.
    """
    if not after.obligations:
        return after
    reachable = after.reachable() | after.owned(referred)
    gone: list[int] = []
    for number, obligation in after.obligations.items():
        if number in reachable or obligation.managed or obligation.owner >= 0:
            continue
        if obligation.fate is not Fate.HELD:
            gone += [number] if obligation.site.parameter < 0 else []  # the caller wants to know
        elif obligation.site.acquisition.kind == "stack":  # what only it was to release is lost with it
            for owned in after.owned(frozenset({number})) - {number}:
                if owned in reachable:
                    after = after.change([owned], owner=-1)
                    continue
                if after.obligations[owned].fate is Fate.HELD and not after.obligations[owned].managed:
                    _lose(run, node, owned, before, after)
                gone.append(owned)
            gone.append(number)
        elif obligation.site.parameter < 0:
            _lose(run, node, number, before, after)
            gone.append(number)
    return after.without(gone)


def _lose(run: Run, node: cst.CSTNode, number: int, before: State | None, after: State) -> None:
    obligation = after.obligations[number]
    known = before is None or (number in before.obligations and number in before.reachable())
    fresh = not known and not run.is_older(number)
    deleted = isinstance(node, cst.Del)
    leak = Leak(
        site=obligation.site,
        kind="discarded" if fresh else "exit" if deleted else "overwritten",
        obligation=obligation,
        completion=NORMAL,
        node=node,
        cause=after.causes.get(number),
        trace=tuple(after.trace.steps()) if after.trace else (),
    )
    run.record.leak(leak)
