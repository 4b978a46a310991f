"""Which pools count, in which programs, against which server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pooclint.budget.arithmetic import Limit, Line, Sum, line_of, programs_of, sum_of
from pooclint.budget.assumptions import KNOWN, Assumption, KnownServer, assumptions_of, kind_of
from pooclint.budget.resolved import Resolved, environment_of, resolve
from pooclint.deployment.facts import Deployment, Note, Pooler, Program, Server, Site
from pooclint.program.pools import Pool


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A pool that is not in a sum, and why."""

    pool: Resolved
    why: str


@dataclass(frozen=True, slots=True)
class Budget:
    """All pools of a project against what its servers take."""

    sums: tuple[Sum, ...] = ()
    """One for each kind of database server, the fullest first."""
    others: tuple[Line, ...] = ()
    """Pools of other servers: brokers, caches, document stores, HTTP."""
    left_out: tuple[LeftOut, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    notes: tuple[Note, ...] = ()
    site: Site | None = None
    """The deployment that was looked at; None: none was found."""
    other_sites: tuple[Site, ...] = ()

    @property
    def is_over(self) -> bool:
        """True when a server or pooler takes fewer connections than the pools may open."""
        return any(one.is_over for one in self.sums)


def budget_of(
    pools: Iterable[Pool],
    deployment: Deployment,
    servers: Sequence[KnownServer],
    shown: Callable[[str], str],
    in_passing: Callable[[str], str],
    imports: Callable[[Program], frozenset[str] | None] = lambda _: None,
) -> Budget:
    """Choose and add up.

    Args:
        pools: all pools of the project.
        deployment: what its deployment files and configuration say.
        servers: the kinds of database servers there are; the first is assumed where nothing says which.
        shown: a file as reports show it.
        in_passing: says of a file why its pools are none of the program's (it is a test); an empty text otherwise.
        imports: gives the files that a program imports; None when that is not known.
    """
    here = deployment.production
    site = deployment.sites[0] if here.sites else None
    environment = environment_of(here)
    resolved = [resolve(pool, shown(pool.path), environment, deployment.urls) for pool in pools]
    counted, left_out = _counted(resolved, in_passing)
    programs = _programs(here)
    code = [(program, imports(program)) for program in programs]
    unused = [pool for pool in counted if not any(_runs(program, files, pool, programs) for program, files in code)]
    left_out += [LeftOut(pool, f"not imported by {_names(programs)}") for pool in unused]
    lines = [line_of(p, program) for p in counted for program, files in code if _runs(program, files, p, programs)]
    ours = {kind for pool in counted if (kind := kind_of(pool, servers))}
    unknown = next((s.kind for s in here.servers), "") or (ours.pop() if len(ours) == 1 else servers[0].kind)
    by_kind: dict[str, list[Line]] = {}
    others: list[Line] = []
    for line in lines:
        kind = kind_of(line.pool, servers)
        if kind is None and line.pool.pool.is_database:
            kind = unknown
        if line.pool.pool.is_database and kind:
            by_kind.setdefault(kind, []).append(line)
        else:
            others.append(line)
    sums = [_sum(kind, group, here, servers) for kind, group in by_kind.items()]
    sums.sort(key=lambda one: -one.total / max(one.limit.most.value, 1))
    return Budget(
        sums=tuple(sums),
        others=tuple(others),
        left_out=tuple(left_out),
        assumptions=tuple(dict.fromkeys(assumptions_of(sums, here, servers))),
        notes=deployment.notes,
        site=site,
        other_sites=tuple(s for s in deployment.sites if s != site and s.system not in ("configuration", "settings")),
    )


def is_known(one: Sum) -> bool:
    """True when somebody wrote down what the server takes, and how many processes or instances there are."""
    return one.limit.most.how in KNOWN and any(
        program.processes.how in KNOWN or program.instances.how in KNOWN for program in programs_of(one.lines)
    )


def _counted(pools: Sequence[Resolved], in_passing: Callable[[str], str]) -> tuple[list[Resolved], list[LeftOut]]:
    counted: list[Resolved] = []
    left_out: list[LeftOut] = []
    for pool in pools:
        why = in_passing(pool.pool.path) or _why_not(pool)
        if why:
            left_out.append(LeftOut(pool, why))
        else:
            counted.append(pool)
    groups: dict[str, list[Resolved]] = {}
    for pool in counted:
        groups.setdefault(pool.pool.group or f"{pool.pool.path}:{pool.pool.line}:{pool.pool.column}", []).append(pool)
    kept: list[Resolved] = []
    for group in groups.values():
        certain = [pool for pool in group if not pool.pool.fallback] or group
        # A pool without a limit, or of unknown size, is the largest there may be.
        largest = max(certain, key=lambda pool: (pool.most is None, pool.most or 0))
        known = [pool for pool in certain if pool.most is not None]
        largest = largest if not known or largest.pool.unbounded else max(known, key=lambda pool: pool.most or 0)
        kept.append(largest)
        left_out += [
            LeftOut(pool, f"made instead of {largest.pool.name} ({largest.shown}:{largest.pool.line})")
            for pool in group
            if pool is not largest
        ]
    return kept, left_out


def _why_not(pool: Resolved) -> str:
    return "closed at the end of a `with` block" if pool.pool.doubt == "with" else ""


def _programs(here: Deployment) -> tuple[Program, ...]:
    found = tuple(program for program in here.programs if program.kind in ("web", "worker", "function"))
    if found:
        return found
    jobs = tuple(program for program in here.programs if program.kind == "job")
    return jobs or (Program("program", "web", Site("settings", here.root, "")),)


def _runs(program: Program, files: frozenset[str] | None, pool: Resolved, programs: Sequence[Program]) -> bool:
    """True when a program has the pool: it imports its module, or, where that is not known, the module is in its
    folder, or in nobody's. A setting is read by its framework."""
    if files is not None and not pool.pool.group.startswith("setting:"):
        return pool.pool.path in files
    if _inside(pool.pool.path, program.root):
        return True
    return not any(_inside(pool.pool.path, other.root) for other in programs)


def _names(programs: Sequence[Program]) -> str:
    return " or ".join(dict.fromkeys(program.name for program in programs))


def _inside(path: str, folder: str) -> bool:
    return bool(folder) and path.startswith(folder.rstrip(os.sep) + os.sep)


def _sum(kind: str, lines: Sequence[Line], here: Deployment, servers: Sequence[KnownServer]) -> Sum:
    found = [server for server in here.servers if server.kind == kind]
    hosts = {line.pool.address.host for line in lines}
    named = [server for server in found if server.name and server.name in hosts]
    server = min(named or found, key=lambda one: one.usable, default=None)
    limit = _limit(server) if server else _default_limit(kind, servers)
    through = {id(line): pooler for line in lines if (pooler := _pooler(line, here, server))}
    pooler = next(iter(through.values()), None)
    direct, pooled = ([x for x in lines if (id(x) in through) is wanted] for wanted in (False, True))
    return sum_of(limit, direct, pooler, pooled)


def _limit(server: Server) -> Limit:
    return Limit(server.kind, server.max_connections, server.reserved, server.name)


def _default_limit(kind: str, servers: Sequence[KnownServer]) -> Limit:
    known = next(server for server in servers if server.kind == kind)
    return Limit(kind, known.most, known.reserved)


def _pooler(line: Line, here: Deployment, server: Server | None) -> Pooler | None:
    """The pooler that a pool's connections lead to: by its address, else the only one there is."""
    address = line.pool.address
    for pooler in here.poolers:
        if (pooler.name and pooler.name == address.host) or (pooler.port and pooler.port == address.port):
            return pooler
    if server and ((server.name and server.name == address.host) or (server.port and server.port == address.port)):
        return None
    if address.host and any(pooler.name for pooler in here.poolers):
        return None
    return here.poolers[0] if here.poolers else None
