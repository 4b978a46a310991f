"""Finds the pools that a module makes, works out their figures, and says where each is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import libcst as cst

from pooclint.models import Parameter
from pooclint.program.constants import Worth
from pooclint.program.names import Names
from pooclint.program.pool_calls import Repeats, pools_by_calls
from pooclint.program.pool_drafts import Draft
from pooclint.program.pool_settings import pools_by_settings
from pooclint.program.pools import Amount, Pool
from pooclint.program.scopes import Index
from pooclint.rule import Place
from pooclint.source.positions import Span


def find_pools(index: Index, names: Names, repeats: Repeats, with_settings: bool) -> tuple[Pool, ...]:
    """The pools of a module, in source order.

    Args:
        index: the module; its calls have to be listed in `visited`.
        names: look-up.
        repeats: says whether a function runs per request, event or task.
        with_settings: look for settings of which frameworks make pools as well.
    """
    drafts = [*pools_by_calls(index, names, repeats), *(pools_by_settings(index, names) if with_settings else ())]
    return _placed(drafts, index)


def _placed(drafts: list[Draft], index: Index) -> tuple[Pool, ...]:
    figures = [
        (draft, {p: draft.figures(p) for p in (draft.size.max, draft.size.min, draft.size.overflow) if p})
        for draft in drafts
    ]
    spans = _located([Place(d.node, index) for d in drafts] + [
        worth.constant.place for _, worths in figures for worth in worths.values() if worth.constant
    ])  # fmt: skip
    found = [_pool(draft, worths, spans, index.origin.path) for draft, worths in figures if id(draft.node) in spans]
    return tuple(sorted(found, key=lambda pool: (pool.line, pool.column)))


def _located(places: Iterable[Place]) -> dict[int, Span]:
    by_module: dict[int, tuple[Index, list[cst.CSTNode]]] = {}
    for place in places:
        by_module.setdefault(id(place.module), (place.module, []))[1].append(place.node)
    found: dict[int, Span] = {}
    for module, nodes in by_module.values():
        found |= module.locate(nodes)
    return found


def _pool(draft: Draft, worths: Mapping[Parameter, Worth], spans: Mapping[int, Span], path: str) -> Pool:
    span = spans[id(draft.node)]
    size, unbounded = _amount(draft.size.max, draft, worths, spans)
    overflow, no_overflow_limit = _amount(draft.size.overflow, draft, worths, spans)
    return Pool(
        name=draft.name,
        made_by=draft.made_by,
        library=draft.library,
        path=path,
        line=span.line,
        column=span.column,
        end_line=span.end_line,
        end_column=span.end_column,
        size=size or Amount(None, "unknown"),
        overflow=overflow,
        unbounded=unbounded or no_overflow_limit,
        address=draft.address,
        url_key=draft.size.max.url if draft.size.max else "",
        is_database=draft.size.limit == "database",
        per_thread=draft.per_thread,
        group=draft.group,
        fallback=draft.fallback,
        doubt=draft.doubt,
    )


def _amount(
    parameter: Parameter | None, draft: Draft, worths: Mapping[Parameter, Worth], spans: Mapping[int, Span]
) -> tuple[Amount | None, str]:
    """A figure, and what removes the limit where there is none."""
    if parameter is None:
        return None, ""
    worth = worths[parameter]
    if worth.constant:
        value, place = worth.constant.value, worth.constant.place
        if parameter.means_no_limit(value):
            return Amount(None, worth.constant.how), f"{parameter.param}={value!r}"
        number = worth.constant.number
        span = spans.get(id(place.node))
        line = span.line if span else 0
        if number is not None:
            how, variable = worth.constant.how, worth.constant.variable
            return Amount(int(number), how, place.module.origin.path, line, variable), ""
        if value is not None:
            return Amount(None, "unknown", place.module.origin.path, line, worth.constant.variable), ""
    elif worth.given:
        return Amount(None, "unknown", variable=worth.variable), ""
    return _default(parameter, draft, worths, spans)


def _default(
    parameter: Parameter, draft: Draft, worths: Mapping[Parameter, Worth], spans: Mapping[int, Span]
) -> tuple[Amount | None, str]:
    default = parameter.default
    how = f"default of {draft.library}"
    if draft.per_thread:
        return Amount(1, "one connection for each thread"), ""
    if isinstance(default, str):
        other = next((p for p in worths if p.param == default and p is not parameter), None)
        return _amount(other, draft, worths, spans) if other else (Amount(None, f"{how}: {default}"), "")
    if parameter.means_no_limit(default) or (default is None and not parameter.required):
        return Amount(None, how), f"no {parameter.param}"
    if isinstance(default, (int, float)) and not isinstance(default, bool):
        return Amount(int(default), how), ""
    return Amount(None, "unknown"), ""
