"""Every fixture, written in several ways: the findings are those that its comments name, and no others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fixture_files import (
    FIXTURES,
    LIBRARIES,
    VARIANTS,
    Place,
    differences,
    expectations,
    fixture_name,
    options,
    with_noqa,
)
from pooclint.config import Config, Pooler, Settings
from pooclint.packs import load_rules
from pooclint.run.check import Checker

FILES = [*sorted(FIXTURES.glob("*.py")), *sorted(LIBRARIES.glob("*.py"))]
CHECKER = Checker()
ON = frozenset(rule.code for rule in load_rules() if rule.default)
OPT_IN = frozenset(rule.code for rule in load_rules()) - ON
"""They are run on the fixtures that name them, or ask for them (`pooclint-fixture: extend-select=CNX501`)."""
CONFIGS: dict[tuple[bool, frozenset[str], tuple[tuple[str, str], ...]], Config] = {}


def config_for(source: str, wide: bool) -> Config:
    """The configuration of a fixture; the same object for the same settings, so that models are loaded once."""
    wanted = options(source)
    named = frozenset(code for code in OPT_IN if wide and code in source)
    key = (wide, named, tuple(sorted(wanted.items())))
    if key not in CONFIGS:
        settings = Settings(
            select=tuple(sorted(ON | named)) if wide else None,
            extend_select=tuple(filter(None, wanted.get("extend-select", "").split(","))),
            min_severity="info" if wide else "warning",
            min_confidence="low" if wide else "medium",
            max_pool_size=int(wanted.get("max-pool-size", "20")),
            max_acquire_timeout=float(wanted.get("max-acquire-timeout", "10")),
            pooler=Pooler(mode=wanted["pooler-mode"]) if "pooler-mode" in wanted else None,  # type: ignore[arg-type]
        )
        CONFIGS[key] = Config(settings=settings, root=FIXTURES)
    return CONFIGS[key]


def check(source: str, path: Path, wide: bool) -> set[Place]:
    """Line and code of each finding in `source`, which is checked as a file of an application, not of a test suite."""
    report = CHECKER.check_data(source.encode(), f"app/{path.name}", config_for(source, wide))
    return {(finding.line, finding.code) for finding in report.findings}


@pytest.mark.parametrize("path", FILES, ids=fixture_name)
@pytest.mark.parametrize("variant", VARIANTS)
def test_everything(path: Path, variant: str) -> None:
    """With every severity and confidence on, and every rule but the opt-in ones that the fixture does not ask for."""
    source = VARIANTS[variant](path.read_text(encoding="utf-8"))
    found = check(source, path, wide=True)
    wrong = differences(source, found, wide=True)
    assert not wrong, f"{path.name}, {variant}:\n" + "\n".join(wrong)


@pytest.mark.parametrize("path", FILES, ids=fixture_name)
def test_default(path: Path) -> None:
    """With the rules, severities and confidences that are reported unless something else is asked for."""
    source = path.read_text(encoding="utf-8")
    wrong = differences(source, check(source, path, wide=False), wide=False)
    assert not wrong, f"{path.name}, default settings:\n" + "\n".join(wrong)


@pytest.mark.parametrize("path", FILES, ids=fixture_name)
def test_suppressed(path: Path) -> None:
    """With `# noqa` on the line of each finding."""
    source = path.read_text(encoding="utf-8")
    found = check(source, path, wide=True)
    assert {place for place in check(with_noqa(source, found), path, wide=True) if place[1] != "CNX002"} == set()


@pytest.mark.parametrize("path", FILES, ids=fixture_name)
def test_variants_say_the_same(path: Path) -> None:
    """The variants are other text with as many expectations (else the test above would compare nothing)."""
    source = path.read_text(encoding="utf-8")
    counted = len(expectations(source).always)
    for name, variant in VARIANTS.items():
        text = variant(source)
        assert len(expectations(text).always) == counted, name
        if not path.name.startswith("CNX001"):
            compile(_portable(text), path.name, "exec", dont_inherit=True)


def _portable(text: str) -> str:
    """Python 3.10 has no `except*`; what remains is enough to see that the variant is valid."""
    return re.sub(r"\bexcept\*", "except", text)


def test_fixture_names() -> None:
    """A fixture of a rule carries the rule's code, and each such rule exists and has one that expects it."""
    codes = {rule.code for rule in load_rules()}
    named = {path.name[:6] for path in FILES if path.name.startswith("CNX")}
    assert named <= codes
    for code in named:
        text = "".join(path.read_text(encoding="utf-8") for path in FILES if path.name.startswith(code))
        expected = expectations(text)
        assert any(code in found for _, found in (*expected.always, *expected.wide)), code


@pytest.mark.parametrize("path", [path for path in FILES if path.name.startswith("silent")], ids=fixture_name)
def test_silent_files_expect_nothing(path: Path) -> None:
    """The files of correct code stay files of correct code."""
    expected = expectations(path.read_text(encoding="utf-8"))
    assert not expected.always
    assert not expected.wide
