"""What makes a run fast hides nothing: the findings are the same without prefilter, partial parse or cache."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from console import run
from fixture_files import FIXTURES

SWITCHES = ("--no-prefilter", "--no-partial-parse")
PACKAGES = ("httpx", "psycopg_pool")
"""Published code that is installed to run the tests."""
ALL = ("--isolated", "--exit-zero", "--select", "CNX", "--min-severity", "info", "--min-confidence", "low")


def report(folder: Path, *options: str) -> dict[str, Any]:
    done = run("pooclint", *ALL, "--format", "json", "--jobs", "2", *options, ".", cwd=folder)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    first, second = ({json.dumps(f, sort_keys=True) for f in found["findings"]} for found in (one, other))
    return sorted(first ^ second)


def copied(name: str, target: Path) -> Path:
    """A folder in which the code stands by itself."""
    if name == "fixtures":
        shutil.copytree(FIXTURES, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        for project in (target / name / "projects").iterdir():
            (project / ".git").mkdir()
    else:
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        shutil.copytree(Path(spec.origin).parent, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    (target / ".git").mkdir()
    return target


@pytest.fixture(scope="module", params=("fixtures", *PACKAGES))
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def usual(folder: Path) -> dict[str, Any]:
    """What a run without a cache says, and writes into one."""
    return report(folder, "--cache-dir", "kept")


def test_nothing_is_hidden(folder: Path, usual: dict[str, Any]) -> None:
    for switch in SWITCHES:
        assert differences(report(folder, "--no-cache", switch), usual) == [], switch
    assert differences(report(folder, "--cache-dir", "kept"), usual) == [], "from the cache"
    assert differences(report(folder, "--no-cache"), usual) == [], "without a cache"


def test_there_is_something_to_hide(tmp_path: Path) -> None:
    """The switches do something: without the prefilter a file that imports nothing is looked at."""
    (tmp_path / "plain.py").write_text("def add(a, b):\n    return a + b\n", encoding="utf-8")
    assert report(tmp_path, "--no-cache")["files"]["skipped"] == 1
    assert report(tmp_path, "--no-cache", "--no-prefilter")["files"]["checked"] == 1
