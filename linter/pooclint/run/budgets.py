"""The budget of a project: its pools, found by checking its files, and its deployment."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from pooclint.budget.assumptions import KnownServer, server_name
from pooclint.budget.choice import Budget, budget_of
from pooclint.config import Config
from pooclint.deployment.facts import Deployment, Figure
from pooclint.program.places import Places
from pooclint.program.pools import Pool
from pooclint.run.discovery import Source, display_path, is_test_path

if TYPE_CHECKING:
    from pooclint.run.check import Checker

_SCRIPTS = frozenset(
    {
        "alembic", "bench", "benchmark", "benchmarks", "demo", "demos", "doc", "docs", "example", "examples",
        "migrations", "notebooks", "sample", "samples", "script", "scripts", "tool", "tools", "tutorial", "tutorials",
    }
)  # fmt: skip


def find_budget(pools: Iterable[Pool], files: Sequence[str], config: Config) -> Budget:
    """What pools may open, against what the servers of their deployment take.

    Args:
        pools: those of all files.
        files: the files that were looked at, absolute.
        config: what applies to them.

    Raises:
        ServerModelError: a bundled model has a mistake.
    """
    folder = _folder_of(files)

    def in_passing(path: str) -> str:
        # What stands above the files that were asked for says nothing: somebody may look at an example on purpose.
        inside = os.path.relpath(path, folder).replace(os.sep, "/") if folder else path
        if is_test_path(inside):
            return "in test code"
        return "" if _SCRIPTS.isdisjoint(inside.lower().split("/")[:-1]) else "in a script or an example"

    return budget_of(pools, find_deployment(files, config), known_servers(), display_path, in_passing)


def find_deployment(files: Sequence[str], config: Config) -> Deployment:
    """The deployment of files: what describes one in the folder that holds them all, else in the nearest one above it,
    up to the folder of the project."""
    from pooclint.run.deployments import deployment_of

    folder = _folder_of(files)
    if not folder:
        return deployment_of("", config)
    project = Places().origin(files[0]).project
    while True:
        found = deployment_of(folder, config)
        above = os.path.dirname(folder)
        if any(site.system != "configuration" for site in found.sites):
            return found
        if folder in (project, above) or not above.startswith(project):
            return found
        folder = above


def _folder_of(files: Sequence[str]) -> str:
    return os.path.commonpath([os.path.dirname(file) for file in files]) if files else ""


@lru_cache(maxsize=1)
def known_servers() -> tuple[KnownServer, ...]:
    """The kinds of database servers there are, the one that most programs use first.

    Raises:
        ServerModelError: a bundled model has a mistake.
    """
    import pooclint_rules
    from pooclint.deployment.models import load_server_models

    found = []
    for about, model in load_server_models(pooclint_rules.SERVER_FILES()).servers:
        why = f"default of {about.name} {about.version}"
        most = Figure(int(model.limit.default or 0), how="default", why=why)
        reserved = Figure(sum(reserve.default for reserve in model.reserved), how="default", why=why)
        found.append(KnownServer(model.kind, about.name, frozenset(model.schemes), most, reserved))
    return tuple(sorted(found, key=lambda server: server.kind != "postgresql"))


def name_of_server(kind: str) -> str:
    """How people write a kind of server."""
    return server_name(kind, known_servers())


def pool_checker() -> Checker:
    """Makes a checker that lists pools."""
    from pooclint.run.check import Checker

    return Checker(pools=True)


def pools_of(sources: Sequence[Source], jobs: int = 0, make: Callable[[], Checker] = pool_checker) -> list[Pool]:
    """The pools of files; a file that cannot be read has none.

    Args:
        sources: the files.
        jobs: in how many processes to look; 0 leaves it to the work.
        make: makes the checker of a process; a function that can be imported.
    """
    from pooclint.run.workers import check_here, check_in_workers, suitable_jobs

    # One object for each configuration: checkers know them by identity.
    configs = {id(source.config): _without_rules(source.config) for source in sources}
    quiet = [replace(source, config=configs[id(source.config)]) for source in sources]
    number = suitable_jobs(quiet, jobs) if quiet else 1
    done = check_in_workers(quiet, number, make=make) if number > 1 else check_here(make(), quiet)
    found = sorted(done, key=lambda one: one.index)
    return [pool for one in found for pool in one.report.pools]


def _without_rules(config: Config) -> Config:
    settings = msgspec.structs.replace(config.settings, select=(), extend_select=())
    return Config(settings, config.root, config.source)
