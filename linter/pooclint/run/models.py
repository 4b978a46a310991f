"""The models that hold for the files of a folder: those of the versions that its project uses."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pooclint.config import Config
from pooclint.models import ModelFile, Models
from pooclint.models.versions import chosen, entries, newest, requirement
from pooclint.packs import models_of
from pooclint.program.consulted import Answer, Consulted, Question

if TYPE_CHECKING:
    from packaging.version import Version

    from pooclint.run.dependencies import DependencyFinder


class ModelSet:
    """The models of a configuration, indexed once for each set of versions that makes a difference.

    They are chosen by folder, not by what a file mentions: a file is looked at together with the modules around it.
    """

    def __init__(self, files: tuple[ModelFile, ...], consulted: Consulted | None = None) -> None:
        """Prepares a set.

        Args:
            files: Models with the entries of all versions.
            consulted: Where it is noted what the versions of a project rest on.
        """
        self._consulted = consulted or Consulted()
        self.newest = Models(newest(files))
        self.every = Models(files) if self.newest.files != files else self.newest
        """With the entries of all versions: what it says holds in any folder."""
        self._files = files
        self._packages = frozenset(
            needs[0] for file in files for entry in entries(file) if (needs := requirement(entry, file))
        )
        self._finder: DependencyFinder | None = None
        self._known: list[tuple[Mapping[str, Version], Models]] = []

    def noting(self, consulted: Consulted) -> ModelSet:
        """The same models, which take long to index; what the versions of a project rest on is noted elsewhere."""
        same = copy.copy(self)
        same._consulted, same._finder, same._known = consulted, None, []  # noqa: SLF001 - its own class
        return same

    def for_folder(self, folder: Path, asker: str = "") -> Models:
        """The models for the files of a folder (an absolute path), one of which is `asker`."""
        if not self._packages:
            return self.newest
        if self._finder is None:
            from pooclint.run.dependencies import DependencyFinder

            self._finder = DependencyFinder(self._packages, self._consulted)
        versions = self._finder.versions(folder)
        question = Question("versions", str(folder), " ".join(sorted(self._packages)))
        self._consulted.asked(asker, question, version_texts(versions))
        if not versions:
            return self.newest
        for known, models in self._known:
            if known == versions:
                return models
        files = chosen(self._files, versions)
        # Other versions may well mean the same entries.
        same = next((m for m in (self.newest, *(m for _, m in self._known)) if m.files == files), None)
        self._known.append((versions, same or Models(files)))
        return self._known[-1][1]


def model_set(config: Config) -> ModelSet:
    """The models of a configuration.

    Raises:
        ConfigError: a pack or a file that the configuration names cannot be used.
        ModelError: a model file has a mistake.
    """
    return ModelSet(models_of(config))


def version_texts(versions: Mapping[str, Version]) -> Answer:
    """Versions in words that mean the same in every run."""
    return tuple(sorted(f"{package}=={version}" for package, version in versions.items()))
