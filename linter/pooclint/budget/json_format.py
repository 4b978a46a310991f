"""A budget for programs. Keys may be added; none is renamed or removed within a schema number."""

from __future__ import annotations

import json
from collections.abc import Callable

from pooclint.budget.arithmetic import Line, Sum
from pooclint.budget.choice import Budget
from pooclint.budget.resolved import Resolved
from pooclint.deployment.facts import Figure
from pooclint.program.pools import Amount

SCHEMA = 1


def render(budget: Budget, version: str, names: Callable[[str], str], shown: Callable[[str], str]) -> str:
    """The figures as JSON.

    Args:
        budget: what to write.
        version: of the linter.
        names: how people write a kind of server.
        shown: a file as reports show it.
    """
    content = {
        "schema": SCHEMA,
        "tool": "pooclint",
        "version": version,
        "over": budget.is_over,
        "deployment": budget.site.label if budget.site else None,
        "servers": [_sum(one, names(one.limit.kind), shown) for one in budget.sums],
        "other_pools": [_line(line, False, shown) for line in budget.others],
        "left_out": [{**_pool(one.pool, shown), "why": one.why} for one in budget.left_out],
        "assumptions": [{"text": one.text, "override": one.override} for one in budget.assumptions],
        "notes": [{"path": shown(note.path), "line": note.line, "text": note.text} for note in budget.notes],
    }
    return json.dumps(content, indent=2) + "\n"


def _sum(one: Sum, name: str, shown: Callable[[str], str]) -> dict[str, object]:
    shared = one.shared
    return {
        "kind": one.limit.kind,
        "name": name,
        "max_connections": _figure(one.limit.most, shown),
        "reserved": _figure(one.limit.reserved, shown),
        "usable": one.limit.usable,
        "total": one.total,
        "total_is_least": one.is_least,
        "over": one.is_over,
        "processes": one.processes,
        "largest_size": one.fits,
        "pooler_due_from": one.pooler_due,
        "pooler": None
        if shared is None
        else {
            "kind": shared.pooler.kind,
            "mode": shared.pooler.mode.value,
            "clients": shared.clients,
            "max_client_conn": shared.most_clients,
            "server_connections": shared.behind,
            "over": shared.is_over,
        },
        "pools": [
            *(_line(line, False, shown) for line in one.direct),
            *(_line(line, True, shown) for line in one.through),
        ],
    }


def _line(line: Line, through: bool, shown: Callable[[str], str]) -> dict[str, object]:
    program = line.program
    return {
        **_pool(line.pool, shown),
        "program": program.name,
        "per_process": line.per_process,
        "processes": _figure(program.processes, shown),
        "instances": _figure(program.instances, shown),
        "total": line.total,
        "through_pooler": through,
    }


def _pool(pool: Resolved, shown: Callable[[str], str]) -> dict[str, object]:
    return {
        "name": pool.pool.name,
        "made_by": pool.pool.made_by,
        "library": pool.pool.library,
        "path": pool.shown,
        "line": pool.pool.line,
        "column": pool.pool.column,
        "size": _amount(pool.size, shown),
        "overflow": _amount(pool.overflow, shown) if pool.overflow else None,
        "no_limit": pool.pool.unbounded or None,
        "per_thread": pool.pool.per_thread,
    }


def _amount(amount: Amount, shown: Callable[[str], str]) -> dict[str, object]:
    path = shown(amount.path) if amount.path else None
    return {"value": amount.value, "how": amount.how, "path": path, "line": amount.line or None}


def _figure(figure: Figure[int], shown: Callable[[str], str]) -> dict[str, object]:
    path = shown(figure.path) if figure.path else None
    return {"value": figure.value, "how": figure.how, "why": figure.why, "path": path, "line": figure.line or None}
