"""flake8 gives the same findings as the command."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path

import pytest

from console import CLEAN, LEAK, LEAK_CODE, LEAK_LINE, ROOT, pooclint, run
from pooclint.run.cache_file import Kept, read_cache, write_cache


def flake8(*arguments: str, cwd: Path, stdin: str = "") -> set[tuple[str, int, int, str]]:
    done = run("flake8", "--select", "CNX", *arguments, cwd=cwd, stdin=stdin)
    assert done.returncode in (0, 1), done.stderr
    assert done.stderr == ""
    found = set()
    for line in done.stdout.splitlines():
        match = re.fullmatch(r"(.+?):(\d+):(\d+): (CNX\d{3}) .+", line)
        assert match, line
        found.add((match[1].removeprefix("./"), int(match[2]), int(match[3]), match[4]))
    return found


def command(*arguments: str, cwd: Path) -> set[tuple[str, int, int, str]]:
    document = json.loads(pooclint(*arguments, "--format", "json", cwd=cwd).stdout)
    return {
        (finding["path"], finding["line"], finding["column"], finding["code"])
        for finding in document["findings"]
        if parses(cwd / finding["path"])
    }


def parses(path: Path) -> bool:
    """Where ast cannot parse (also: what is too new for this interpreter), flake8 reports E999 and starts no plugin."""
    try:
        ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return False
    return True


def of_files(findings: AbstractSet[tuple[str, int, int, str]]) -> set[tuple[str, int, int, str]]:
    """Those that need no more than files: the budget is a question of the whole project."""
    return {finding for finding in findings if finding[-1] != "CNX403"}


def test_is_installed(tmp_path: Path) -> None:
    assert "pooclint: 0." in run("flake8", "--version", cwd=tmp_path).stdout


@pytest.mark.parametrize("folder", ["tests/fixtures", "examples"])
def test_same_findings_over_the_examples(folder: str) -> None:
    found = of_files(command(folder, cwd=ROOT))
    assert found
    assert flake8("--isolated", folder, cwd=ROOT) == found


def test_same_findings_with_everything_on() -> None:
    own = ("--select", "CNX", "--min-severity", "info", "--min-confidence", "low")
    theirs = ("--pooclint-select", "CNX", "--pooclint-min-severity", "info", "--pooclint-min-confidence", "low")
    found = of_files(command(*own, "tests/fixtures", cwd=ROOT))
    assert found
    assert flake8("--isolated", *theirs, "tests/fixtures", cwd=ROOT) == found


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_what_flake8_has_found_the_command_knows(tmp_path: Path, jobs: str) -> None:
    """Each process of flake8 adds its share to the cache."""
    (tmp_path / ".git").mkdir()
    for number in range(12):
        (tmp_path / f"app{number}.py").write_text(LEAK, encoding="utf-8")
    assert len(flake8("--jobs", jobs, cwd=tmp_path)) == 12
    verbose = pooclint("--verbose", cwd=tmp_path)
    assert verbose.returncode == 1
    assert "12 of 12 files known from an earlier run" in verbose.stderr


def test_flake8_knows_what_the_command_has_found(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "app.py").write_text(LEAK, encoding="utf-8")
    pooclint(cwd=tmp_path)
    (file,) = (tmp_path / ".pooclint_cache").glob("*.msgpack")
    contents = read_cache(file, file.stem)
    assert contents is not None
    ((path, kept),) = contents.reports.items()
    contents.reports[path] = Kept(kept.day, replace(kept.report, findings=()))
    write_cache(file, contents)
    assert flake8(cwd=tmp_path) == set()
    assert len(flake8("--pooclint-no-cache", cwd=tmp_path)) == 1
    assert len(flake8("--pooclint-cache-dir", "elsewhere", cwd=tmp_path)) == 1
    assert (tmp_path / "elsewhere" / file.name).is_file()
    (tmp_path / "app.py").write_text(f"# a line\n{LEAK}", encoding="utf-8")
    assert {line for _, line, *_ in flake8(cwd=tmp_path)} == {LEAK_LINE + 1}


def test_a_run_with_nothing_to_check_imports_no_parser(tmp_path: Path) -> None:
    """What is imported takes up time and memory in each of flake8's processes. To know the codes takes no rules."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "app.py").write_text(LEAK, encoding="utf-8")
    (tmp_path / "pooclint.toml").write_text("ignore = ['CNX601']\n", encoding="utf-8")
    for warm in (False, True):
        done = run("flake8", "--jobs", "1", "app.py", cwd=tmp_path, env={"PYTHONPROFILEIMPORTTIME": "1"})
        assert LEAK_CODE in done.stdout
        assert "pooclint.run.cache" in done.stderr
        assert ("libcst" in done.stderr) is not warm


def test_columns_and_text(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(LEAK, encoding="utf-8")
    (tmp_path / "fine.py").write_text(CLEAN, encoding="utf-8")
    done = run("flake8", "--select", "CNX", ".", cwd=tmp_path)
    assert done.returncode == 1
    concise = pooclint("--format", "concise", cwd=tmp_path).stdout
    assert done.stdout.replace("./", "") == concise


def test_standard_input(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(CLEAN, encoding="utf-8")
    found = flake8("-", cwd=tmp_path, stdin=LEAK)
    assert {(line, code) for _, line, _, code in found} == {(LEAK_LINE, LEAK_CODE)}
    # The buffer of an editor counts, not the file of that name.
    found = flake8("--stdin-display-name", "app.py", "-", cwd=tmp_path, stdin=LEAK)
    assert {(path, line) for path, line, _, _ in found} == {("app.py", LEAK_LINE)}


@pytest.mark.parametrize(
    ("comment", "shown", "shown_without_noqa"),
    [
        ("", True, True),
        (f"# noqa: {LEAK_CODE}", False, True),
        ("# noqa", False, True),
        ("# noqa: E501", True, True),
        (f"# pooclint: ignore[{LEAK_CODE}] closed by the caller", False, False),
        ("# pooclint: file-ignore", False, False),
    ],
)
def test_suppression(tmp_path: Path, comment: str, shown: bool, shown_without_noqa: bool) -> None:
    text = LEAK.replace("acquire()", f"acquire(  {comment}\n    )")
    (tmp_path / "app.py").write_text(text, encoding="utf-8")
    assert bool(flake8("app.py", cwd=tmp_path)) is shown
    assert bool(flake8("--disable-noqa", "app.py", cwd=tmp_path)) is shown_without_noqa
    assert bool(command("app.py", cwd=tmp_path)) is shown


def test_both_configurations_are_read(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(LEAK, encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(f"[tool.pooclint]\nignore = ['{LEAK_CODE}']\n", encoding="utf-8")
    assert flake8("app.py", cwd=tmp_path) == set()
    (tmp_path / ".flake8").write_text("[flake8]\npooclint-select = CNX1, CNX4\n", encoding="utf-8")
    assert len(flake8("app.py", cwd=tmp_path)) == 1
    (tmp_path / ".flake8").write_text(
        f"[flake8]\npooclint-select = CNX1\npooclint-ignore = {LEAK_CODE}\n", encoding="utf-8"
    )
    assert flake8("app.py", cwd=tmp_path) == set()


def test_exclusions_of_the_configuration_hold(tmp_path: Path) -> None:
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "app.py").write_text(LEAK, encoding="utf-8")
    assert len(flake8(".", cwd=tmp_path)) == 1
    (tmp_path / "pooclint.toml").write_text("extend-exclude = ['migrations/']\n", encoding="utf-8")
    assert flake8(".", cwd=tmp_path) == set()


@pytest.mark.parametrize("where", ["option", "file"])
def test_mistakes_are_named(tmp_path: Path, where: str) -> None:
    (tmp_path / "app.py").write_text(LEAK, encoding="utf-8")
    if where == "file":
        (tmp_path / "pooclint.toml").write_text("\nselct = []\n", encoding="utf-8")
        done = run("flake8", "app.py", cwd=tmp_path)
        assert "pooclint.toml:2: unknown key `selct`; did you mean `select`?" in done.stdout + done.stderr
    else:
        done = run("flake8", "--pooclint-select", "CNX999", "app.py", cwd=tmp_path)
        assert "pooclint-select: unknown code `CNX999`" in done.stdout + done.stderr
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
