"""The hooks, run by pre-commit from a clone of this project in a repository of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from console import CLEAN, LEAK, LEAK_CODE, LEAK_LINE, ROOT

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(find_spec("pre_commit") is None, reason="pre-commit is not installed"),
    pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed"),
]

LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "venv", "build", "dist", ".*_cache", "__pycache__", ".hypothesis")


def git(*arguments: str, cwd: Path) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    return subprocess.run(
        ["git", *identity, *arguments], cwd=cwd, capture_output=True, text=True, check=True, env=clean_environment()
    ).stdout.strip()


def clean_environment() -> dict[str, str]:
    # Inside a hook, git exports where its repository is.
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This tree, committed."""
    clone = tmp_path_factory.mktemp("hooks") / "pooclint"
    shutil.copytree(ROOT, clone, ignore=LEFT_OUT, symlinks=True)
    git("init", "-q", cwd=clone)
    git("add", "-A", cwd=clone)
    git("commit", "-q", "-m", "hooks", cwd=clone)
    return clone


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, hooks: Path) -> Path:
    """A repository that uses the hooks."""
    root = tmp_path_factory.mktemp("project")
    revision = git("rev-parse", "HEAD", cwd=hooks)
    (root / ".pre-commit-config.yaml").write_text(
        f"repos:\n- repo: {hooks.as_uri()}\n  rev: {revision}\n  hooks:\n  - id: pooclint\n  - id: pooclint-project\n",
        encoding="utf-8",
    )
    (root / "migrations").mkdir()
    (root / "app.py").write_text(LEAK, encoding="utf-8")
    (root / "fine.py").write_text(CLEAN, encoding="utf-8")
    (root / "migrations" / "old.py").write_text(LEAK, encoding="utf-8")
    (root / "pooclint.toml").write_text("extend-exclude = ['migrations/']\n", encoding="utf-8")
    git("init", "-q", cwd=root)
    git("add", "-A", cwd=root)
    return root


def pre_commit(*arguments: str, project: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pre_commit", "run", *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        env={**clean_environment(), "PRE_COMMIT_HOME": str(project / ".git" / "pre-commit")},
    )


def test_changed_files(project: Path) -> None:
    done = pre_commit("pooclint", "--files", "app.py", "fine.py", "migrations/old.py", project=project)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"app.py:{LEAK_LINE}:" in done.stdout
    assert LEAK_CODE in done.stdout
    assert "migrations" not in done.stdout
    done = pre_commit("pooclint", "--files", "fine.py", project=project)
    assert done.returncode == 0, done.stdout + done.stderr


def test_whole_project(project: Path) -> None:
    done = pre_commit("pooclint-project", "--files", "fine.py", project=project)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"app.py:{LEAK_LINE}:" in done.stdout
    assert "migrations" not in done.stdout
