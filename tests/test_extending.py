"""The examples of docs/extending.md: written down, installed where they are distributions, and run as they say."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

from console import ROOT, pooclint, python_path, run
from wheels import install

TEXT = (ROOT / "docs" / "extending.md").read_text("utf-8")
FILE = re.compile(r"^`([\w./-]+)`\n(`{3,})\w+\n(.*?)^\2$", re.MULTILINE | re.DOTALL)
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ pooclint (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


def sections() -> dict[str, str]:
    """The parts of the page that have something to run, by heading."""
    parts = re.split(r"^##+ (.*)\n", TEXT, flags=re.MULTILINE)
    return {title: body for title, body in zip(parts[1::2], parts[2::2], strict=True) if CONSOLE.search(body)}


def test_there_are_examples() -> None:
    assert len(sections()) == 5
    assert sum(len(COMMAND.findall(body)) for body in map("\n".join, map(CONSOLE.findall, sections().values()))) == 8


@pytest.mark.parametrize("title", sections())
def test_example(title: str, tmp_path: Path) -> None:
    body = sections()[title]
    project, sources, site = tmp_path / "project", tmp_path / "sources", tmp_path / "site"
    distributions = set()
    for name, _, text in FILE.findall(body):
        top = name.partition("/")[0]
        is_distribution = top.startswith("acme-")
        path = (sources if is_distribution else project) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        if is_distribution:
            distributions.add(sources / top)
    for distribution in sorted(distributions):
        install(distribution, site)
    for console in CONSOLE.findall(body):
        for arguments, expected in COMMAND.findall(console):
            done = pooclint(*shlex.split(arguments), cwd=project, env={"PYTHONPATH": python_path(site)})
            output = (done.stdout + done.stderr).replace(f"{project}{os.sep}", "")
            shown = [line for line in output.splitlines() if line.strip()]
            if arguments == "--format concise":
                assert shown == expected.splitlines()
                assert done.returncode == 1
            else:
                assert [line for line in expected.splitlines() if line not in shown] == [], output
                assert done.returncode == (2 if expected.startswith("pooclint: ") else 0)


WITHOUT_NODE = """\
from pooclint.rule import Severity


class R:
    "Doc."

    code, name, severity, default = "AB100", "a", Severity.INFO, True

    def visit_Cal(self, node, context):
        return []


RULES = R
"""
BROKEN = {
    "no-class": ("RULES = (1,)", "`broken:RULES`: 1 is no class"),
    "no-code": (
        "class R:\n    pass\nRULES = R",
        "R has the code None; codes are up to three capitals and three digits",
    ),
    "taken": ("class R:\n    'Doc.'\n    code = 'CNX101'\nRULES = [R]", "R has the code 'CNX101'"),
    "short": ("class R:\n    code, name = 'A1', 'a'\nRULES = R", "R has the code 'A1'"),
    "no-severity": ("class R:\n    code, name = 'AB100', 'a'\nRULES = R", "R has no `severity` of type Severity"),
    "no-node": (WITHOUT_NODE, "R has a method `visit_Cal`, but LibCST has no node of that name"),
    "no-import": ("import absent_module", "cannot be loaded: ModuleNotFoundError: No module named 'absent_module'"),
    "no-attribute": ("", "cannot be loaded: AttributeError"),
}
PROJECT = """\
[project]
name = "broken"
version = "1"
[project.entry-points."pooclint.rules"]
broken = "broken:RULES"
[tool.hatch.build.targets.wheel]
packages = ["broken"]
"""


def with_pack(folder: Path, code: str, packs: str = '["broken"]') -> dict[str, str]:
    """Installs a distribution of one module, and enables packs in a project; gives the environment to run in."""
    (folder / "broken" / "broken").mkdir(parents=True)
    (folder / "broken" / "pyproject.toml").write_text(PROJECT, "utf-8")
    (folder / "broken" / "broken" / "__init__.py").write_text(code, "utf-8")
    install(folder / "broken", folder / "site")
    (folder / "project").mkdir()
    (folder / "project" / "pooclint.toml").write_text(f"min-severity = 'info'\npacks = {packs}\n", "utf-8")
    (folder / "project" / "use.py").write_text("import sqlite3\n\nc = sqlite3.connect('x')\n", "utf-8")
    return {"PYTHONPATH": python_path(folder / "site")}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_pack_is_one_line_and_2(case: str, tmp_path: Path) -> None:
    code, says = BROKEN[case]
    env = with_pack(tmp_path, code)
    done = pooclint(cwd=tmp_path / "project", env=env)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"pooclint: {tmp_path / 'project' / 'pooclint.toml'}:2: packs: `broken`: ")
    assert says in done.stderr


GOOD = '''\
from pooclint.rule import Report, Severity


class Noted:
    """A call is noted."""

    code, name, severity, default = "AB100", "noted", Severity.INFO, False

    def visit_Call(self, node, context):
        yield Report(node, ("noted",), self.severity)


RULES = Noted
'''


def test_codes_of_packs_can_be_selected_ignored_and_suppressed(tmp_path: Path) -> None:
    env = with_pack(tmp_path, GOOD)
    project = tmp_path / "project"

    def codes(*arguments: str) -> list[str]:
        done = pooclint("--format", "concise", *arguments, cwd=project, env=env)
        assert done.returncode in (0, 1), done.stderr
        return re.findall(r"\b[A-Z]{2,3}\d{3}\b", done.stdout)

    assert codes() == []
    assert codes("--select", "AB1") == ["AB100"]
    assert codes("--extend-select", "AB100") == ["AB100"]
    assert "AB100" not in codes("--select", "CNX")
    wrong = pooclint("--select", "AC100", cwd=project, env=env)
    assert (wrong.returncode, "unknown code `AC100`; did you mean `AB100`?" in wrong.stderr) == (2, True)
    isolated = pooclint("--select", "AB100", "--isolated", cwd=project, env=env)
    assert (isolated.returncode, "unknown code `AB100`" in isolated.stderr) == (2, True)
    sarif = pooclint("--select", "AB", "--format", "sarif", cwd=project, env=env)
    assert '"ruleId": "AB100"' in sarif.stdout
    with (project / "pooclint.toml").open("a", encoding="utf-8") as stream:
        stream.write("select = ['AB100']\nper-file-ignores = {'other.py' = ['AB']}\n")
    assert codes() == ["AB100"]
    (project / "use.py").write_text("import sqlite3\n\nc = sqlite3.connect('x')  # noqa: AB100\n", "utf-8")
    assert codes() == []
    assert "AB100  noted" in pooclint("rules", cwd=project, env=env).stdout


def test_an_unknown_pack_names_the_closest_that_is_installed(tmp_path: Path) -> None:
    env = with_pack(tmp_path, GOOD, '["brokn"]')
    done = pooclint(cwd=tmp_path / "project", env=env)
    assert done.returncode == 2
    assert "pooclint.toml:2: packs: no installed distribution offers `brokn`; did you mean `broken`?" in done.stderr


def test_packs_that_nobody_enables_are_not_imported(tmp_path: Path) -> None:
    env = with_pack(tmp_path, "raise SystemExit('imported')", "[]")
    done = pooclint(cwd=tmp_path / "project", env=env)
    assert done.returncode in (0, 1)
    assert "imported" not in done.stderr


def test_flake8_reports_them_when_it_is_told_to(tmp_path: Path) -> None:
    env = with_pack(tmp_path, GOOD.replace("False", "True"))
    project = tmp_path / "project"
    assert "AB100" not in run("flake8", "use.py", cwd=project, env=env).stdout
    assert "use.py:3:5: AB100 noted" in run("flake8", "--extend-select", "AB", "use.py", cwd=project, env=env).stdout
    wrong = run("flake8", "--pooclint-select", "AC100", "use.py", cwd=project, env=env)
    assert "unknown code `AC100`; did you mean `AB100`?" in wrong.stdout + wrong.stderr
