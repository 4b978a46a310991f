"""`match`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import libcst as cst

from pooclint.flow import collections, patterns
from pooclint.flow.branches import test
from pooclint.flow.completions import NORMAL, Outcomes, States
from pooclint.flow.losing import sweep
from pooclint.flow.run import Run
from pooclint.flow.states import State
from pooclint.flow.values import Value
from pooclint.source.nodes import body_of

MAX_REMEMBERED = 16
"""Cases of a `match`, up to which what each one says of the subject is remembered for the next."""


def match_(run: Run, node: cst.Match, states: list[State]) -> Outcomes:
    """Evaluate a `match` from each of the states."""
    out = Outcomes()
    nothing = frozenset[str]()
    left = [
        _Unmatched(collections.dropped(run, s, v.reach()), v, nothing, nothing)
        for state in states
        for s, v in run.evaluate(run, node.subject, state, out)
    ]
    remembered = node.subject if len(node.cases) <= MAX_REMEMBERED else None
    for case in node.cases:
        text = cst.Module([]).code_for_node(case.pattern)
        entered: list[State] = []
        following: list[_Unmatched] = []
        for way in left:
            yes, no = way.tried(text) or patterns.fits(run, case.pattern, remembered, way.subject, way.state, out)
            for bare in yes:
                fitting = patterns.bound(run, case.pattern, way.subject, bare, out)
                true, false = test(run, case.guard, fitting, out) if case.guard else ([fitting], [])
                entered += [sweep(run, case, way.state, s) for s in true]
                fits = way.fits | {text}
                following += [replace(way, state=sweep(run, case, way.state, s), fits=fits) for s in false]
            following += [replace(way, state=s, fails=way.fails | {text}) for s in no]
        out.merge(run.execute(run, body_of(case.body), run.limit(list(States(entered)))))
        left = following
    out.extend(NORMAL, (way.state for way in left))
    return out


@dataclass(frozen=True, slots=True)
class _Unmatched:
    """A way through a `match` on which no case has been entered yet."""

    state: State
    subject: Value
    fits: frozenset[str]
    """Patterns that fit, with guards that did not hold."""
    fails: frozenset[str]
    """Patterns that did not fit."""

    def tried(self, pattern: str) -> patterns.Fits | None:
        """What trying the pattern again gives; None where it is new."""
        if pattern in self.fits:
            return [self.state], []
        return ([], [self.state]) if pattern in self.fails else None
