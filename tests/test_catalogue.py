"""The rules in the code, the changelog, the readme and the fixtures are the same."""

from __future__ import annotations

import re

from console import ROOT
from pooclint.own_rules import OWN_RULES
from pooclint.packs import load_rules, rule_codes
from pooclint_rules import CODES

CODE = re.compile(r"\bCNX\d{3}\b")
RULES = {rule.code: rule.name for rule in load_rules()}
OWN = {rule.code for rule in OWN_RULES}


def test_source() -> None:
    """What the rule modules define is what the pack offers."""
    found = set()
    for file in (ROOT / "rules" / "pooclint_rules").glob("*.py"):
        found.update(re.findall(r"^\s+code\b[^=\n]*= \"(CNX\d{3})\"", file.read_text(encoding="utf-8"), re.MULTILINE))
    assert found | OWN == set(RULES)


def test_codes() -> None:
    """They can be had without the rules."""
    assert rule_codes() == tuple(RULES)
    assert sorted((*CODES, *OWN)) == list(RULES)


def test_changelog() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^- `(CNX\d{3})` ([a-z-]+)", text, re.MULTILINE))
    assert listed == RULES


def test_fixtures() -> None:
    names = {
        match.group()
        for path in (ROOT / "tests" / "fixtures").rglob("*.py")
        for match in [re.match(r"CNX\d{3}", path.name)]
        if match
    }
    assert names | OWN == set(RULES)


def test_readme() -> None:
    rows = [line for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    assert {code for row in rows for code in CODE.findall(row)} == set(RULES)
