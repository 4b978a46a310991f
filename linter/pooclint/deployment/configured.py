"""What the user says of a deployment goes before all that was read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pooclint.config import Budget
from pooclint.config import Pooler as PoolerTable
from pooclint.deployment.facts import Deployment, Figure, Pooler, Program, Server, Site
from pooclint.deployment.models import ServerModels


def configured(
    found: Deployment, budget: Budget | None, pooler: PoolerTable | None, models: ServerModels, source: str = ""
) -> Deployment:
    """A deployment with what the configuration says on top.

    Args:
        found: What files say.
        budget: `[tool.pooclint.budget]`.
        pooler: `[tool.pooclint.pooler]`.
        models: The servers there are, for their defaults.
        source: The configuration file; empty: none.
    """
    if budget is None and pooler is None:
        return found
    site = Site("configuration", found.root, "configuration", 1000)
    real = found.production
    programs = tuple(_programs(real.programs, budget, site, source)) if budget else ()
    servers = tuple(_servers(real.servers, budget, models, site, source)) if budget else ()
    poolers = (_pooler(pooler, site, source),) if pooler else ()
    here = (
        *(programs or (replace(program, site=site) for program in real.programs)),
        *(servers or (replace(server, site=site) for server in real.servers)),
        *(poolers or (replace(one, site=site) for one in real.poolers)),
    )
    return replace(
        found,
        programs=(*(one for one in here if isinstance(one, Program)), *found.programs),
        servers=(*(one for one in here if isinstance(one, Server)), *found.servers),
        poolers=(*(one for one in here if isinstance(one, Pooler)), *found.poolers),
    )


def _figure(value: int, key: str, source: str) -> Figure[int]:
    return Figure(value, source, how="configured", why=key)


def _programs(known: tuple[Program, ...], budget: Budget, site: Site, source: str) -> Iterator[Program]:
    here = [replace(program, site=site) for program in known]
    if budget.program:
        names = {entry.name for entry in budget.program}
        yield from (program for program in here if program.name not in names)
        for entry in budget.program:
            base = next((p for p in here if p.name == entry.name), Program(entry.name, entry.kind, site))
            yield _changed(base, entry.instances, entry.workers, entry.threads, source)
        return
    if budget.instances is None and budget.workers is None:
        return
    # One program is meant. The web server is what most projects have several processes of.
    base = max(
        here, key=lambda program: (program.kind == "web", program.total), default=Program("program", "web", site)
    )
    yield _changed(base, budget.instances, budget.workers, None, source)


def _changed(base: Program, instances: int | None, workers: int | None, threads: int | None, source: str) -> Program:
    return replace(
        base,
        instances=_figure(instances, "instances", source) if instances is not None else base.instances,
        processes=_figure(workers, "workers", source) if workers is not None else base.processes,
        threads=_figure(threads, "threads", source) if threads is not None else base.threads,
    )


def _servers(
    known: tuple[Server, ...], budget: Budget, models: ServerModels, site: Site, source: str
) -> Iterator[Server]:
    if budget.max_connections is None and budget.reserved is None and budget.server is None:
        return
    kind = budget.server or (known[0].kind if known else "postgresql")
    about, model = next(pair for pair in models.servers if pair[1].kind == kind)
    why = f"default of {about.name} {about.version}"
    default = Server(
        kind,
        site,
        Figure(int(model.limit.default or 0), how="default", why=why),
        Figure(sum(reserve.default for reserve in model.reserved), how="default", why=why),
        port=model.port,
    )
    base = next((replace(server, site=site) for server in known if server.kind == kind), default)
    most, kept = budget.max_connections, budget.reserved
    yield replace(
        base,
        max_connections=_figure(most, "max-connections", source) if most is not None else base.max_connections,
        reserved=_figure(kept, "reserved", source) if kept is not None else base.reserved,
    )
    yield from (replace(server, site=site) for server in known if server.kind != kind)


def _pooler(table: PoolerTable, site: Site, source: str) -> Pooler:
    def number(value: int | None, key: str) -> Figure[int] | None:
        return None if value is None else _figure(value, key, source)

    return Pooler(
        kind=table.kind,
        site=site,
        mode=Figure(table.mode, source, how="configured", why="mode"),
        name=table.host,
        port=table.port or 0,
        default_pool_size=number(table.default_pool_size, "default-pool-size"),
        reserve_pool_size=number(table.reserve_pool_size, "reserve-pool-size"),
        max_client_conn=number(table.max_client_conn, "max-client-conn"),
        max_prepared_statements=number(table.max_prepared_statements, "max-prepared-statements"),
        path=source,
    )
