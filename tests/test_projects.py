"""Fixtures of several files: what one module acquires and another forgets."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from fixture_files import FIXTURES, Place, differences
from pooclint.config import Config, Settings
from pooclint.program.consulted import Consulted
from pooclint.program.places import Places
from pooclint.rule import Finding
from pooclint.run.check import Checker

PROJECTS = sorted(p.name for p in (FIXTURES / "projects").iterdir() if p.is_dir())
CONFIG = Config(settings=Settings(), root=FIXTURES)
WIDE = Config(settings=Settings(min_severity="info"), root=FIXTURES)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The projects in a folder of their own: where they stand, they are part of this repository."""
    shutil.copytree(FIXTURES / "projects", tmp_path / "projects")
    for name in PROJECTS:
        (tmp_path / "projects" / name / ".git").mkdir()
    return tmp_path / "projects"


def findings(checker: Checker, file: Path, config: Config = CONFIG) -> tuple[Finding, ...]:
    """What is found in a file, which is shown as a file of an application, not of a test suite."""
    return checker.check_data(file.read_bytes(), f"app/{file.name}", config, str(file)).findings


def places(found: tuple[Finding, ...]) -> set[Place]:
    return {(finding.line, finding.code) for finding in found}


@pytest.mark.parametrize("project", PROJECTS)
@pytest.mark.parametrize("order", ["forwards", "backwards", "each alone"])
def test_findings(project: str, order: str, copy: Path) -> None:
    """They are the ones that the comments name, whatever was checked before."""
    files = sorted((copy / project).rglob("*.py"), reverse=order == "backwards")
    checker = Checker()
    wrong = []
    for file in files:
        found = findings(Checker() if order == "each alone" else checker, file)
        wrong += [f"{file.name}: {d}" for d in differences(file.read_text(encoding="utf-8"), places(found), wide=False)]
    assert not wrong, "\n".join(wrong)


def test_the_trace_names_both_files(copy: Path) -> None:
    """Where the connection comes from, and where it is lost."""
    found = findings(Checker(), copy / "shop/shop/api/orders.py")
    steps = next(f.trace for f in found if f.function == "through_two_modules")
    assert [(Path(s.path).name, s.line) for s in steps] == [
        ("orders.py", 29),
        ("db.py", 12),
        ("orders.py", 30),
        ("orders.py", 31),
    ]


def test_the_way_from_a_loop_names_both_files(copy: Path) -> None:
    """A client that a function of another module builds and drops, by way of one of the loop's own module."""
    found = findings(Checker(), copy / "getters/mail/service.py", WIDE)
    steps = next(f.trace for f in found if f.code == "CNX303")
    assert [(Path(s.path).name, s.text) for s in steps] == [
        ("service.py", "for each turn"),
        ("service.py", "in each turn"),
        ("service.py", "called there"),
        ("backends.py", "called there"),
        ("backends.py", "built here, and dropped"),
    ]


def test_what_a_test_may_replace(copy: Path) -> None:
    """In test code, only what the test makes itself is certain: what it calls may be made to return something else."""
    file = copy / "shop/shop/api/orders.py"
    data = file.read_bytes() + b"\n\ndef own():\n    conn = sqlite3.connect('x')\n    conn.cursor()\n    del conn\n"
    data = b"import sqlite3\n" + data.replace(b"from __future__ import annotations\n", b"")
    shown = {"app": set[str](), "tests": set[str]()}
    for folder, functions in shown.items():
        config = Config(settings=Settings(min_severity="info"), root=FIXTURES)
        found = Checker().check_data(data, f"{folder}/orders.py", config, str(file)).findings
        functions |= {f.function for f in found}
    assert {"through_two_modules", "own"} <= shown["app"]
    assert "own" in shown["tests"]
    assert "through_two_modules" not in shown["tests"]


def test_what_is_edited_counts(copy: Path) -> None:
    """A file that changes between two checks is seen as it is now, and so is what it imports from a changed one."""
    file = copy / "shop/shop/lending.py"
    checker = Checker()
    assert not findings(checker, file)
    changed = file.read_bytes() + b"\n\ndef lose():\n    conn = borrow()\n    conn.cursor()\n"
    report = checker.check_data(changed, "shop/lending.py", CONFIG, str(file))
    assert [f.code for f in report.findings] == ["CNX101"]


def test_star_imports_in_circles(tmp_path: Path) -> None:
    """A package that imports everything of its own modules, which import from the package: found, and in no time."""
    package = tmp_path / "kit"
    package.mkdir()
    (tmp_path / ".git").mkdir()
    names = [f"part{n}" for n in range(12)]
    (package / "__init__.py").write_text("".join(f"from kit.{n}.{n} import *\n" for n in names))
    for name in names:
        (package / name).mkdir()
        (package / name / "__init__.py").write_text(f"from kit.{name}.{name} import *\n")
        (package / name / f"{name}.py").write_text(f"import httpx\nimport kit\nfrom kit import {name}_call\n")
    (package / "part7" / "part7.py").write_text(
        "import httpx\n\ndef opened(url):\n    return httpx.Client(base_url=url)\n"
    )
    file = package / "use.py"
    file.write_text(
        "from kit import opened, part3_call\n\n\ndef get(url):\n    part3_call(url)\n    client = opened(url)\n"
        "    client.get('/')\n"
    )
    assert [(f.line, f.code) for f in findings(Checker(), file)] == [(6, "CNX101")]


def test_pipes_are_not_read(tmp_path: Path) -> None:
    """Whoever reads one waits for who writes to it. Some tools put one where a file of secrets would be."""
    (tmp_path / ".git").mkdir()
    for name in ("helper.py", "other.py", ".env"):
        os.mkfifo(tmp_path / name)
    main = tmp_path / "main.py"
    main.write_text("import httpx\n\nfrom helper import db\n\n\ndef fetch():\n    return httpx.Client().get(db())\n")
    for consulted in (Consulted(), Consulted(kept=False)):
        assert consulted.read(str(tmp_path / "helper.py")) is None
    assert findings(Checker(), main)


def test_environments_are_nobody_s_callers(tmp_path: Path) -> None:
    """What is installed in one, by whatever name, calls nothing of the project."""
    (tmp_path / "env311" / "lib").mkdir(parents=True)
    (tmp_path / "env311" / "pyvenv.cfg").touch()
    for name in ("main.py", "lib.py", "env311/lib/tool.py"):
        (tmp_path / name).touch()
    assert [Path(f).name for f in Places(Consulted()).python_files(str(tmp_path))] == ["lib.py", "main.py"]


def test_a_method_that_a_module_too_large_to_read_defines_may_do_anything(copy: Path) -> None:
    """What another class does in its method of that name says nothing then."""
    depot = copy / "layers" / "depot"
    views = depot / "views.py"
    guessed = next(f for f in findings(Checker(), views) if "hand_over" in f.message)
    walking = "\n\nclass OnFoot(Carrier):\n    def hand_over(self, parcel):\n        return parcel\n"
    (depot / "walking.py").write_text("from depot.carriers import Carrier\n" + "# on foot\n" * 30_000 + walking)
    views.write_text(views.read_text() + "\n\nimport depot.walking\n")
    assert guessed.line not in {f.line for f in findings(Checker(), views)}


def test_a_repository_within_is_another_project(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    for name in ("vendored", "submodule", "part"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pyproject.toml").touch()
        (tmp_path / name / f"of_{name}.py").touch()
    (tmp_path / "vendored/.git").mkdir()
    (tmp_path / "submodule/.git").write_text("gitdir: ../.git/modules/submodule\n", encoding="utf-8")
    places = Places(Consulted())
    origin = places.origin(str(tmp_path / "main.py"))
    found = [name for name in ("vendored", "submodule", "part") if places.tops(f"of_{name}", origin)]
    assert found == ["submodule", "part"]
