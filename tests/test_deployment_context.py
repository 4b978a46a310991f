"""Rules ask for the deployment: it is read once, only when one asks, and a cache knows when it has changed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import libcst as cst
import pytest

import pooclint_rules
from console import CLEAN, python_path
from pooclint.app.flake8_plugin import Plugin
from pooclint.config import Config, ConfigFinder, Settings
from pooclint.deployment import reading
from pooclint.engine import FileContext
from pooclint.packs import rule_codes
from pooclint.program.consulted import WHOLE, Consulted, Use
from pooclint.rule import Report, Severity
from pooclint.run.cache import Caches
from pooclint.run.check import Checker
from pooclint.run.deployments import Deployments, deployment_of
from pooclint.run.discovery import discover

COMPOSE = """\
services:
  web:
    build: .
    command: gunicorn app:app -w {workers}
    deploy: {{replicas: {replicas}}}
  db: {{image: "postgres:16"}}
"""


class Processes:
    """Says of the first call of a file how many processes there are."""

    code: ClassVar[str] = "CNX499"
    name: ClassVar[str] = "processes"
    severity: ClassVar[Severity] = Severity.WARNING
    default: ClassVar[bool] = True

    def visit_Module(self, node: cst.Module, context: FileContext) -> Iterator[Report]:
        here = context.deployment.production
        total = sum(program.total for program in here.programs)
        limits = "".join(f" of {server.usable}" for server in here.servers)
        modes = "".join(f" {pooler.mode.value}" for pooler in here.poolers)
        yield Report(node.body[0], (f"{total}{limits}{modes}",), Severity.WARNING)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of two files, and a rule that asks."""
    monkeypatch.setattr(pooclint_rules, "RULES", (Processes,))
    put(tmp_path, {"pyproject.toml": "", "app.py": CLEAN, "inner/more.py": CLEAN, "compose.yaml": compose(4, 5)})
    return tmp_path


def compose(workers: int, replicas: int) -> str:
    return COMPOSE.format(workers=workers, replicas=replicas)


def put(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")


def run(folder: Path) -> tuple[list[str], int]:
    """What a run with a cache reports, and how many files it had to look at."""
    caches = Caches(None, pytest.fail)
    checker = Checker()
    said: list[str] = []
    checked = 0
    for source in discover([str(folder)], ConfigFinder(rule_codes, start=folder)):
        report = caches.report(source)
        if report is None:
            checked += 1
            report = checker.check(source)
            assert report.crash == ""
            caches.add(source, report, checker.learned(source.config))
        said += [finding.message for finding in report.findings]
    caches.save()
    return said, checked


def test_a_rule_asks_and_the_files_are_read_once(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    original = reading.read_deployment
    monkeypatch.setattr(reading, "read_deployment", lambda root, *more: (read.append(root), original(root, *more))[1])
    assert run(project) == (["20 of 97", "20 of 97"], 2)
    assert read == [str(project)]


CHANGES: list[tuple[dict[str, str], str]] = [
    ({"compose.yaml": compose(4, 6)}, "24 of 97"),
    ({"compose.prod.yaml": compose(2, 2)}, "4 of 97"),
    ({"k8s/pgbouncer.ini": "[pgbouncer]\npool_mode = statement\n"}, "20 of 97 statement"),
    ({"compose.yaml": "services: ["}, "0"),
    ({".gitignore": "compose.yaml\n"}, "0"),
    ({"pooclint.toml": "[budget]\nmax-connections = 50\nreserved = 10\n"}, "20 of 40"),
    ({"pooclint.toml": "[budget]\ninstances = 3\nworkers = 7\n[pooler]\nmode = 'session'\n"}, "21 of 97 session"),
    ({"pooclint.toml": "[budget]\nexclude = ['compose.yaml']\n"}, "0"),
]


@pytest.mark.parametrize(("change", "expected"), CHANGES)
def test_a_cache_knows_a_changed_deployment(project: Path, change: dict[str, str], expected: str) -> None:
    run(project)
    assert run(project) == (["20 of 97", "20 of 97"], 0)
    put(project, change)
    assert run(project) == ([expected, expected], 2)
    assert run(project) == ([expected, expected], 0)


def test_a_cache_knows_a_changed_settings_module(project: Path) -> None:
    web = "services: {web: {build: ., command: 'gunicorn app:app'}}"
    put(project, {"compose.yaml": web, "gunicorn.conf.py": "workers = 3"})
    assert run(project)[0] == ["3", "3"]
    assert run(project) == (["3", "3"], 0)
    put(project, {"gunicorn.conf.py": "workers = 9"})
    assert run(project)[0] == ["9", "9"]


def test_what_is_reported_rests_on_the_settings_module(project: Path) -> None:
    web = "services: {web: {build: ., command: 'gunicorn app:app'}}"
    put(project, {"compose.yaml": web, "gunicorn.conf.py": "workers = 3"})
    consulted = Consulted()
    config = Config(settings=Settings(), root=project)
    deployments = Deployments(config, consulted)
    for name in ("app.py", "inner/more.py"):  # whoever asked first
        consulted.begin()
        assert deployments.of(str(project), str(project / name)).production.programs
        consulted.checked(name)
        assert consulted.take().rests[name] == (Use(str(project / "gunicorn.conf.py"), WHOLE),)


def test_what_says_nothing_of_the_deployment_changes_nothing(project: Path) -> None:
    put(project, {".github/workflows/ci.yml": "on: push\n"})
    run(project)
    put(project, {".github/workflows/ci.yml": "on: pull_request\n"})
    assert run(project) == (["20 of 97", "20 of 97"], 0)


def test_flake8_knows_it_too(project: Path) -> None:
    file = project / "inner" / "more.py"
    found = [text for _, _, text, _ in Plugin(cst.parse_module, str(file), CLEAN.splitlines(True)).run()]  # type: ignore[arg-type]
    assert found == ["CNX499 20 of 97"]


def test_nobody_asks_and_nothing_is_read(tmp_path: Path) -> None:
    put(tmp_path, {"pyproject.toml": "", "app.py": CLEAN, "compose.yaml": compose(1, 1)})
    code = (
        "import sys; from pooclint.app.main import main; status = main(['--no-cache', 'app.py']); "
        "print(status, sorted(m for m in sys.modules if m.startswith(('ruamel', 'pooclint.deployment.'))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={"PYTHONPATH": python_path(), "PATH": ""},
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "0 ['pooclint.deployment.facts']"


def test_who_asks_once(project: Path) -> None:
    config = ConfigFinder(rule_codes, start=project).for_folder(project)
    assert [program.total for program in deployment_of(str(project), config).programs] == [20]


def test_the_closest_project_with_a_deployment_counts(project: Path) -> None:
    """A repository may hold several projects, each with a deployment of its own, or with one for all."""
    (project / "pyproject.toml").unlink()
    put(project, {
        ".git/HEAD": "", "one/pyproject.toml": "", "one/src/a.py": CLEAN, "one/compose.yaml": compose(1, 3),
        "two/pyproject.toml": "", "two/b.py": CLEAN, "two/compose.test.yaml": compose(1, 1),
    })  # fmt: skip
    assert run(project)[0] == ["20 of 97", "20 of 97", "3 of 97", "20 of 97"]
    put(project, {"two/Procfile": "web: gunicorn -w 8 a:b\n"})
    assert run(project) == (["20 of 97", "20 of 97", "3 of 97", "8"], 3)


def test_what_is_for_tests_is_no_deployment(project: Path) -> None:
    (project / "compose.yaml").unlink()
    put(project, {"tests/docker-compose.yml": compose(4, 5), "docker-compose.dev.yml": compose(1, 1)})
    assert run(project)[0] == ["0", "0"]
