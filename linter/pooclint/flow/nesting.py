"""A second connection of a pool, taken while one of the same pool is held."""

from __future__ import annotations

import libcst as cst

from pooclint.flow.draws import Draw
from pooclint.flow.external import awaited_at_once, occupies
from pooclint.flow.record import Nested
from pooclint.flow.run import Run
from pooclint.flow.states import State
from pooclint.flow.values import Site, Value
from pooclint.program.pool_identity import Pool
from pooclint.program.scopes import Function

_SLOTS = frozenset({"connection", "session"})


def taken(run: Run, state: State, site: Site, node: cst.CSTNode) -> None:
    """Look at what is held of the same pool when a connection is taken out at `node`."""
    if site.acquisition.pooled and site.acquisition.kind in _SLOTS and _others(run, state, site):
        _note(run, state, _pool(run, site), node, site)


def self_contained(run: Run, state: State, node: cst.Call) -> None:
    """Look at what is held of the pool on which a call takes a connection and gives it back."""
    model = next((c for c in run.names.calls(node, run.scope) if c.self_contained), None)
    if model and _others(run, state):
        _note(run, state, run.draws.pools.taken_from(node, run.scope, model), node)


def drawn(
    run: Run, state: State, node: cst.Call, function: Function, arguments: tuple[tuple[int | str, Value], ...]
) -> None:
    """Look at what is held of the pools on which a function of the project draws that is called at `node`."""
    if not _others(run, state) or run.function is None:
        return
    given = frozenset[int]().union(*(state.reach(v) for _, v in arguments))
    if given and any(p.default is not None for p in function.parameters):
        return  # it may well use what it is given, and take one only without
    for draw in run.draws.at(function, node, run.function):
        if not draw.handed_back or awaited_at_once(run.function, node):
            _note(run, state, draw.pool, node, draw=draw)


def _others(run: Run, state: State, site: Site | None = None) -> bool:
    return any(_holds(run, state, n) and o.site is not site for n, o in state.obligations.items())


def _holds(run: Run, state: State, number: int) -> bool:
    obligation = state.obligations[number]
    acquisition = obligation.site.acquisition
    if acquisition.kind not in _SLOTS or not acquisition.pooled or not occupies(obligation):
        return False
    type_ = run.models.type(acquisition.type)
    return type_ is None or not type_.reentrant


def _pool(run: Run, site: Site) -> Pool | None:
    """The pool that an acquisition of this function comes from."""
    if site.parameter >= 0:
        return run.draws.pools.given_as(site.label, run.function) if run.function and site.injected else None
    return run.draws.pools.given_by(site.node, run.scope) if isinstance(site.node, cst.Call) else None


def _note(
    run: Run, state: State, pool: Pool | None, node: cst.CSTNode, site: Site | None = None, draw: Draw | None = None
) -> None:
    if pool is None:
        return
    for number, obligation in state.obligations.items():
        if _holds(run, state, number) and obligation.site is not site and _pool(run, obligation.site) == pool:
            key = (obligation.site.number, id(node))
            known = run.record.nested.get(key)
            if known is None or obligation.lane < known.obligation.lane:  # as in `hold`
                run.record.nested[key] = Nested(obligation.site, obligation, node, pool, site, draw)
