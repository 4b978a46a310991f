"""The budget of a project: its pools, found by checking its files, and its deployment."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from pooclint.budget.assumptions import KnownServer, server_name
from pooclint.budget.choice import Budget, budget_of
from pooclint.config import Config
from pooclint.deployment.facts import Deployment, Figure, Program
from pooclint.program.consulted import Consulted
from pooclint.program.exports import Exports
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


def find_budget(
    pools: Iterable[Pool], files: Sequence[str], config: Config, consulted: Consulted | None = None
) -> Budget:
    """What pools may open, against what the servers of their deployment take.

    Args:
        pools: those of all files.
        files: the files that were looked at, absolute.
        config: what applies to them.
        consulted: where it is noted what the budget rests on.

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

    consulted = consulted or Consulted()
    imports = _Imports(Exports((), (), (), Places(consulted)), folder)
    deployment = find_deployment(files, config, consulted)
    return budget_of(pools, deployment, known_servers(), display_path, in_passing, imports.of)


def find_deployment(files: Sequence[str], config: Config, consulted: Consulted | None = None) -> Deployment:
    """The deployment of files: that of the closest project around the folder that holds them all; arguments as in
    `find_budget`."""
    from pooclint.run.deployments import Deployments

    folder = _folder_of(files)
    consulted = consulted or Consulted()
    project = Places(consulted).origin(files[0]).project if files else ""
    return Deployments(config, consulted).of(project, os.path.join(folder, ""))


@dataclass(frozen=True, slots=True)
class _Imports:
    """Which files programs import, directly or through others. What it keeps is a memo."""

    exports: Exports
    folder: str
    """Where to look for a module, if not in the program's own folder."""
    _known: dict[str, frozenset[str]] = field(default_factory=dict)

    def of(self, program: Program) -> frozenset[str] | None:
        """The files of the project that a program imports; None when it is not known what it runs."""
        module = program.target.partition(":")[0]
        if not module:
            return None
        places = self.exports.places
        for folder in filter(None, (program.root, self.folder)):
            start = places.place(module, places.origin(os.path.join(folder, "none.py")))
            if start.endswith(".py"):
                if start not in self._known:
                    self._known[start] = self._reached(start)
                return self._known[start]
        return None

    def _reached(self, start: str) -> frozenset[str]:
        seen: set[str] = set()
        todo = [start]
        while todo:
            file = todo.pop()
            if file in seen:
                continue
            seen.add(file)
            # A module is not imported without the packages around it.
            package = os.path.join(os.path.dirname(file), "__init__.py")
            todo += [*self.exports.imported_files(file), *([package] if os.path.isfile(package) else [])]
        return frozenset(seen)


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
    from pooclint.extent import Extent
    from pooclint.run.check import Checker

    return Checker(extent=Extent(pools=True))


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
