"""Which rules are on."""

from __future__ import annotations

from typing import ClassVar

import pytest

from pooclint.packs import load_rules, select_rules
from pooclint.rule import Rule, Severity


def make(number: str, on: bool = True) -> type[Rule]:
    class Made:
        code: ClassVar[str] = f"CNX{number}"
        name: ClassVar[str] = f"rule-{number}"
        severity: ClassVar[Severity] = Severity.ERROR
        default: ClassVar[bool] = on

    return Made


RULES = (make("101"), make("102"), make("201"), make("304", on=False))


@pytest.mark.parametrize(
    ("select", "extend", "ignore", "expected"),
    [
        (None, (), (), "101 102 201"),
        (("CNX",), (), (), "101 102 201 304"),
        (("CNX1",), (), (), "101 102"),
        (None, ("CNX304",), (), "101 102 201 304"),
        (None, (), ("CNX1",), "201"),
        (("CNX102",), (), ("CNX1",), "102"),
        (("CNX1",), (), ("CNX102",), "101"),
        (("CNX102",), (), ("CNX102",), ""),
        ((), (), (), ""),
        (None, ("CNX101",), ("CNX",), "101"),
    ],
)
def test_the_longer_one_wins_and_ignore_wins_a_tie(
    select: tuple[str, ...] | None, extend: tuple[str, ...], ignore: tuple[str, ...], expected: str
) -> None:
    chosen = select_rules(RULES, select, extend, ignore)
    assert " ".join(rule.code[3:] for rule in chosen) == expected


def test_unreadable_files_are_reported_whatever_is_selected() -> None:
    assert "CNX001" in [rule.code for rule in select_rules(load_rules(), ("CNX102",))]
    assert "CNX001" not in [rule.code for rule in select_rules(load_rules(), ("CNX102",), (), ("CNX001",))]
    assert "CNX003" not in [rule.code for rule in select_rules(load_rules(), ("CNX102",))]


def test_every_rule_is_complete() -> None:
    rules = load_rules()
    assert len({rule.code for rule in rules}) == len(rules) == len({rule.name for rule in rules})
    for rule in rules:
        assert rule.__doc__, rule.code
        for heading in ("What it does", "Why is this bad?", "Example", "Use instead"):
            assert heading in rule.__doc__, (rule.code, heading)
