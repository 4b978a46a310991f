"""The deployments of projects: which files describe them, read once for each project, when somebody asks.

What is found rests on files and folders that no rule names; all of them are noted, so that a cache knows when one
changes.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from pooclint.config import DEFAULT_EXCLUDE, Config, Settings
from pooclint.deployment.facts import Deployment
from pooclint.program.consulted import Answer, Consulted, Question

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
    def answer(self) -> Answer:
        """The deployment in words that mean the same in every run."""
        # All of it is plain data, which every process writes in the same way.
        text = repr(self.deployment).encode("utf-8", "surrogateescape")
        return (hashlib.blake2b(text, digest_size=16).hexdigest(),)


@dataclass(slots=True)
class Deployments:
    """What the deployment files of projects say, under one configuration."""

    config: Config
    consulted: Consulted
    _known: dict[str, tuple[Deployment, Found]] = field(default_factory=dict)

    def of(self, root: str, asker: str) -> Deployment:
        """The deployment of a project, with what the configuration says on top.

        Args:
            root: The project's folder, absolute; empty: not known.
            asker: The file on whose behalf that is asked, absolute.

        Raises:
            ServerModelError: a bundled model has a mistake.
        """
        if root not in self._known:
            self._known[root] = self._read(root)
        deployment, found = self._known[root]
        if root and asker:
            self.consulted.asked(asker, question(root, self.config.settings), found.answer)
            # A change of nothing but Python modules asks no question anew: whoever used one is checked again.
            for path in found.modules:
                self.consulted.used(asker, path)
        return deployment

    def _read(self, root: str) -> tuple[Deployment, Found]:
        from pooclint.deployment.configured import configured

        models = _models()
        settings = self.config.settings
        found = find(root, _patterns(settings), self.consulted) if root else Found(Deployment(), ())
        source = str(self.config.source or "")
        return configured(found.deployment, settings.budget, settings.pooler, models, source), found


def deployment_of(root: str, config: Config) -> Deployment:
    """The deployment of a project, for who asks once.

    Args:
        root: The project's folder, absolute.
        config: The configuration that applies to it.

    Raises:
        ServerModelError: a bundled model has a mistake.
    """
    return Deployments(config, Consulted()).of(root, "")


def question(root: str, settings: Settings) -> Question:
    """What stands for the deployment of a project in a cache."""
    return Question("deployment", root, _SEPARATOR.join(_patterns(settings)))


def answer_now(asked: Question, consulted: Consulted) -> Answer:
    """What is answered to such a question today."""
    return find(asked.place, tuple(filter(None, asked.name.split(_SEPARATOR))), consulted).answer


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
    for folder in islice(visit(Path(root), config, lambda name: is_deployment_file(name, models)), _MAX_FOLDERS):
        place = str(folder.path)
        if ".gitignore" in consulted.listing(place):
            consulted.read(os.path.join(place, ".gitignore"))
        files += (os.path.join(place, name) for name in folder.files)
    found = read_deployment(root, files, consulted.read, models)
    return Found(found, tuple(path for path in files if path.endswith(".py")))


def _models() -> ServerModels:
    import pooclint_rules
    from pooclint.deployment.models import load_server_models

    return load_server_models(pooclint_rules.SERVER_FILES())


def _patterns(settings: Settings) -> tuple[str, ...]:
    # `exclude` is about what is checked: a folder whose code is nobody's concern may well hold what runs everything.
    return (*DEFAULT_EXCLUDE, *(settings.budget.exclude if settings.budget else ()))
