"""What a report rests on: the same, whatever was checked before, and by whom it was found out."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from fixture_files import FIXTURES
from pooclint.config import Config, Settings
from pooclint.program.consulted import Dependency
from pooclint.run.check import Checker

PROJECTS = sorted(folder.name for folder in (FIXTURES / "projects").iterdir() if folder.is_dir())


def rests_on(checker: Checker, config: Config, file: Path) -> frozenset[Dependency]:
    checker.check_data(file.read_bytes(), str(file.relative_to(config.root)), config, str(file))
    return frozenset(checker.learned(config).rests[str(file)])


@pytest.mark.parametrize("name", PROJECTS)
def test_it_does_not_matter_what_was_checked_before(name: str) -> None:
    """An answer that one file has from another's question carries what it rests on: were that forgotten anywhere, a
    kept report would survive a change that concerns it; were too much taken along, more would be checked again."""
    config = Config(settings=Settings(select=("CNX",)), root=FIXTURES / "projects" / name)
    files = sorted(config.root.rglob("*.py"))
    alone = {file: rests_on(Checker(), config, file) for file in files}
    random.Random(name).shuffle(files)
    after_others = Checker()
    assert {file: rests_on(after_others, config, file) for file in files} == alone


def test_something_rests_on_others() -> None:
    config = Config(settings=Settings(select=("CNX",)), root=FIXTURES / "projects")
    files = sorted(config.root.rglob("*.py"))
    checker = Checker()
    assert sum(len(rests_on(checker, config, file)) for file in files) > len(files)
