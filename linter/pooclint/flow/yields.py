"""`yield`: what is given to whoever reads or manages, and what may come back."""

from __future__ import annotations

from dataclasses import replace

import libcst as cst

from pooclint.flow import suspending
from pooclint.flow.completions import CANCEL, GENERATOR_EXIT, OTHER, Outcomes
from pooclint.flow.invocations import Results
from pooclint.flow.reading import begun, exhausted, read_to_end
from pooclint.flow.run import Run
from pooclint.flow.states import State
from pooclint.flow.values import NONE, NOTHING, Lane, Value
from pooclint.flow.work import out_of_sight

CLOSING = "#closing"
"""The name under which a state remembers that the generator is being closed."""


def yield_(run: Run, node: cst.Yield, state: State, out: Outcomes) -> Results:
    """Evaluate a `yield` or `yield from`.

    Args:
        state: the state before it.
        out: receives the states in which it raises, also what is thrown in.

    Returns:
        Each way in which the generator goes on after it.
    """
    value = node.value.item if isinstance(node.value, cst.From) else node.value
    results: Results = []
    for after, given in run.evaluate(run, value, state, out) if value is not None else [(state, NONE)]:
        lent = (o for o in after.obligations.values() if o.site.parameter >= 0)
        run.record.yielding.update(o.site.number for o in lent if o.holding)
        # Whoever gets it uses it, and may commit.
        current = after.change(given.refs, holding=True, scarcely=False)
        out_of_sight(run, current, given.refs | given.derived)
        # That is an error of whoever closes it, and nobody resumes it. What it yields from may be empty.
        if CLOSING in current.env and (not isinstance(node.value, cst.From) or given.items):
            _closed(run, node, current, out)
            continue
        if isinstance(node.value, cst.From) and given.pending:
            results += _delegated(run, node, given, current, out)
            continue
        if run.yields_to == "consumer":
            suspending.yielded(run, node, given, current)
        read = isinstance(node.value, cst.From)  # its items are the consumer's, not what they are read from
        if run.yields_to in ("consumer", "reader"):
            current = run.hand_over(current, replace(given, derived=frozenset()) if read else given)
            _closed(run, node, current, out)
        if run.yields_to == "consumer":
            run.fail(current, node, out, OTHER, {}, Lane.CANCELLED)  # thrown in
        if run.yields_to == "manager":
            run.fail(current, node, out, OTHER, {}, Lane.RESOURCE)
            _closed(run, node, current, out)
            if run.function and run.function.is_async:  # the block that it serves may be cancelled
                run.fail(current, node, out, CANCEL, {}, Lane.CANCELLED)
        results.append((read_to_end(run, node, given, current) if read else current, NOTHING))
    return results


def _closed(run: Run, node: cst.Yield, state: State, out: Outcomes) -> None:
    """The generator is closed while it is suspended at a `yield`."""
    run.fail(state.assume(CLOSING, truth=True), node, out, GENERATOR_EXIT, {}, Lane.CANCELLED)


def _delegated(run: Run, node: cst.Yield, given: Value, state: State, out: Outcomes) -> Results:
    """`yield from generator(resource)`: the one who reads may stop early; else the generator runs to its end."""
    state = begun(run, node, given, state)
    if run.yields_to in ("consumer", "reader"):
        _closed(run, node, state, out)
    if run.yields_to == "consumer":
        suspending.yielded(run, node, given, state)
        run.fail(state, node, out, OTHER, {}, Lane.CANCELLED)  # thrown in
    return [(s, NOTHING) for s in exhausted(run, node, given, state, out)]
