"""The documentation says what is so: its examples give what they are marked with, its links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import pooclint.program
from fixture_files import expectations
from pooclint.engine import Limits, check_bytes
from pooclint.models import Models, load_models
from pooclint.packs import load_rules, model_paths
from pooclint.rule import Confidence, Severity

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "how-it-works.md"
BUDGET = ROOT / "docs" / "budget.md"
_PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
_CONSOLE = re.compile(r"^```console\n\$ (pooclint [^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_FILE = re.compile(r"`((?:source|program|flow|run)/\w+\.py)`")
_LINK = re.compile(r"\]\(([^)#:]*)(?:#([^)]*))?\)")


@dataclass(frozen=True)
class Example:
    """A block of Python in a page."""

    line: int
    source: str


def examples(page: Path) -> list[Example]:
    """The blocks of Python, with the line on which each begins."""
    text = page.read_text(encoding="utf-8")
    return [Example(text.count("\n", 0, block.start()) + 1, block[1]) for block in _PYTHON.finditer(text)]


@cache
def models() -> Models:
    return load_models(model_paths())


@pytest.mark.parametrize("example", examples(PAGE), ids=lambda example: f"line {example.line}")
def test_examples_give_what_they_are_marked_with(example: Example) -> None:
    rules = [rule for rule in load_rules() if rule.default]
    findings = check_bytes(example.source.encode(), "app/example.py", rules, models(), Limits()).findings
    shown = [f for f in findings if f.severity >= Severity.WARNING and f.confidence >= Confidence.MEDIUM]
    marks = expectations(example.source)
    assert [(f.line, f.code) for f in shown] == _places(marks.always)
    assert [(f.line, f.code) for f in findings] == _places((*marks.always, *marks.wide))


def _places(marks: tuple[tuple[int, frozenset[str]], ...]) -> list[tuple[int, str]]:
    return sorted((line, code) for line, codes in marks for code in codes)


def test_the_readme_shows_what_the_command_prints() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"^<!-- real output .*?^```text\n(.*?)\n```", text, re.MULTILINE | re.DOTALL)
    assert len(shown) == 1
    command = [sys.executable, "-m", "pooclint", "--isolated", "--color", "never", "--no-progress", "examples/shop"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False).stdout
    assert [finding for finding in shown[0].split("\n\n") if finding not in printed] == []


def commands(page: Path) -> list[tuple[str, str]]:
    """The calls of pooclint in a page that are shown with all that they print."""
    return _CONSOLE.findall(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("command", "printed"), commands(BUDGET), ids=lambda text: text.splitlines()[0])
def test_commands_print_what_the_page_shows(command: str, printed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command.split()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.stdout, done.stderr) == (printed, "")


def test_there_are_commands() -> None:
    assert len(commands(BUDGET)) >= 3


def test_there_are_examples() -> None:
    assert len(examples(PAGE)) >= 6


@pytest.mark.parametrize(
    "page",
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "docs" / "deployments.md", PAGE, BUDGET],
    ids=lambda page: page.name,
)
def test_links_lead_somewhere(page: Path) -> None:
    for target, heading in _LINK.findall(page.read_text(encoding="utf-8")):
        file = page.parent / target if target else page
        assert file.exists(), target
        assert not heading or heading in _anchors(file), f"{target}#{heading}"


def _anchors(page: Path) -> set[str]:
    headings = _HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_named_files_exist() -> None:
    named = _FILE.findall(PAGE.read_text(encoding="utf-8"))
    assert len(named) > 10
    assert [name for name in named if not (ROOT / "linter" / "pooclint" / name).is_file()] == []


def test_the_overview_of_a_package_names_its_modules() -> None:
    named = set(re.findall(r"\w+", pooclint.program.__doc__ or ""))
    modules = {path.stem for path in Path(pooclint.program.__file__).parent.glob("*.py")} - {"__init__"}
    assert len(modules) > 30
    assert sorted(modules - named) == []
