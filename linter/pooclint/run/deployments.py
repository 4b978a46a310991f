"""The deployments of projects: which files describe them, read once for each project, when somebody asks.

What is found rests on files and folders that no rule names; all of them are noted, so that a cache knows when one
changes.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from pooclint.config import DEFAULT_EXCLUDE, Config, Settings
from pooclint.deployment.facts import Deployment
from pooclint.program.consulted import Answer, Consulted, Question
from pooclint.program.places import MARKERS

if TYPE_CHECKING:
    from pooclint.deployment.models import ServerModels

_MAX_FOLDERS = 4_000
_SEPARATOR = "\n"


@dataclass(frozen=True, slots=True)
class Found:
    """What the files of a project say."""

    deployment: Deployment
    modules: tuple[str, ...]
    """Of the files, those that are Python modules."""

    @property
    def digest(self) -> str:
        """What tells the deployment from others, in every run."""
        # All of it is plain data, which every process writes in the same way.
        text = repr(self.deployment).encode("utf-8", "surrogateescape")
        return hashlib.blake2b(text, digest_size=16).hexdigest()

    @property
    def stands_alone(self) -> bool:
        """True when programs of it run, by files that say more than what is in an image."""
        here = self.deployment.production
        return any(p.kind != "other" and p.site.system not in ("image", "settings") for p in here.programs)


@dataclass(slots=True)
class Deployments:
    """What the deployment files of projects say, under one configuration."""

    config: Config
    consulted: Consulted
    _found: dict[str, Found] = field(default_factory=dict)
    _known: dict[tuple[str, str], tuple[Deployment, Answer]] = field(default_factory=dict)

    def of(self, project: str, asker: str) -> Deployment:
        """The deployment that a file belongs to, with what the configuration says on top.

        Args:
            project: The folder that holds the whole project, absolute; empty: not known.
            asker: The file, absolute; what is reported of it rests on the answer.

        Raises:
            ServerModelError: a bundled model has a mistake.
        """
        folder = os.path.dirname(asker)
        if (project, folder) not in self._known:
            self._known[project, folder] = self._read(project, folder)
        deployment, answer = self._known[project, folder]
        if project:
            patterns = _patterns(self.config.settings)
            question = Question("deployment", folder, _SEPARATOR.join((project, *patterns)))
            self.consulted.asked(asker, question, answer)
            # A change of nothing but Python modules asks no question anew: whoever used one is checked again.
            for path in self._found[answer[0]].modules:
                self.consulted.used(path)
        return deployment

    def _read(self, project: str, folder: str) -> tuple[Deployment, Answer]:
        from pooclint.deployment.configured import configured
        from pooclint.deployment.databases import well_known

        settings = self.config.settings
        root, found = "", Found(Deployment(), ())
        if project:
            root, found = closest(project, folder, _patterns(settings), self.consulted, self._found)
        source = str(self.config.source or "")
        models = _models()
        deployment = configured(found.deployment, settings.budget, settings.pooler, models, source)
        return replace(deployment, well_known=tuple(well_known(models))), (root, found.digest)


def deployment_of(root: str, config: Config) -> Deployment:
    """The deployment of a project, for who asks once.

    Args:
        root: The project's folder, absolute.
        config: The configuration that applies to it.

    Raises:
        ServerModelError: a bundled model has a mistake.
    """
    return Deployments(config, Consulted()).of(root, os.path.join(root, ""))


def answer_now(asked: Question, consulted: Consulted, known: dict[str, Found]) -> Answer:
    """What is answered to a question about a deployment today; the last argument keeps what was found for others of the
    same configuration."""
    project, *exclude = asked.name.split(_SEPARATOR)
    root, found = closest(project, asked.place, tuple(exclude), consulted, known)
    return root, found.digest


def closest(
    project: str, folder: str, exclude: tuple[str, ...], consulted: Consulted, known: dict[str, Found]
) -> tuple[str, Found]:
    """The deployment of the closest project around a folder that has one of its own, and the folder of that project: a
    repository may hold several, each with its own deployment, or with one for all.

    Args:
        project: The folder that holds all of them, absolute.
        folder: Where to begin, absolute.
        exclude: Patterns of files and folders to leave out.
        consulted: Where it is noted what was looked at.
        known: What was found before, by folder; what is found is added.
    """
    around = [str(one) for one in (Path(folder), *Path(folder).parents) if Path(project) in one.parents]
    inner = [one for one in around if not frozenset(MARKERS).isdisjoint(consulted.listing(one))]
    for root in (*inner, project):
        if root not in known:
            known[root] = find(root, exclude, consulted)
        if known[root].stands_alone:
            return root, known[root]
    return project, known[project]


def find(root: str, exclude: tuple[str, ...], consulted: Consulted) -> Found:
    """What the deployment files of a project say.

    Args:
        root: The project's folder, absolute.
        exclude: Patterns of files and folders to leave out.
        consulted: Where it is noted what was looked at.
    """
    from pooclint.deployment.reading import is_deployment_file, read_deployment
    from pooclint.run.discovery import visit

    models = _models()
    config = Config(Settings(exclude=exclude), Path(root))
    files: list[str] = []
    inner: list[str] = []
    for folder in islice(visit(root, config, lambda name: is_deployment_file(name, models)), _MAX_FOLDERS):
        place = folder.path
        names = consulted.listing(place)
        if place != root and not frozenset(MARKERS).isdisjoint(names):
            inner.append(place)
        if ".gitignore" in names:
            consulted.read(os.path.join(place, ".gitignore"))
        files += (os.path.join(place, name) for name in folder.files)
    found = read_deployment(root, files, consulted.read, models, tuple(inner))
    return Found(found, tuple(path for path in files if path.endswith(".py")))


@lru_cache(maxsize=1)
def _models() -> ServerModels:
    import pooclint_rules
    from pooclint.deployment.models import load_server_models

    return load_server_models(pooclint_rules.SERVER_FILES())


def _patterns(settings: Settings) -> tuple[str, ...]:
    # `exclude` is about what is checked: a folder whose code is nobody's concern may well hold what runs everything.
    return (*DEFAULT_EXCLUDE, *(settings.budget.exclude if settings.budget else ()))
