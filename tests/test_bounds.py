"""Whatever there is much of: the analysis ends, says where it was cut, and leaves the rest of the file alone.

What is asserted is work (calls that the analysis makes), never time.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

import pytest

from pooclint.deep import with_deep_stack
from pooclint.engine import FileResult, Limits, check_bytes
from pooclint.flow import run as flow_run
from pooclint.flow.analysis import Analysis
from pooclint.flow.record import Summary
from pooclint.models import Models, load_models
from pooclint.own_rules import AnalysisGaveUp, UnreadableFile
from pooclint.packs import load_rules, model_paths
from pooclint.program.scopes import Function
from shapes import HEAD, SHAPES, TAIL


@cache
def models() -> Models:
    return load_models(model_paths())


def check(source: str) -> FileResult:
    return check_bytes((HEAD + source + TAIL).encode(), "big.py", load_rules(), models(), Limits())


def leaks(source: str) -> list[str]:
    """What is reported of leaks in the function `big`, and of the analysis itself."""
    return [f.code for f in check(source).findings if f.function == "big" and f.code.startswith(("CNX0", "CNX1"))]


def work(source: str) -> int:
    """How many Python functions are called to check it."""
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    check("")  # what is loaded once
    sys.setprofile(count)
    try:
        check(source)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("shape", SHAPES)
def test_much_of_anything_ends_and_the_rest_is_seen(shape: str) -> None:
    result = check(SHAPES[shape](320))
    assert result.status == "checked"
    found = [f for f in result.findings if f.code.startswith("CNX1")]
    assert [f.function for f in found if f.function == "plain"] == ["plain"]


@pytest.mark.parametrize("shape", ["items of one with", "nested in finally", "acquires, each with a flag"])
def test_where_it_was_cut_is_reported(shape: str) -> None:
    found = [f for f in check(SHAPES[shape](320)).findings if f.code == AnalysisGaveUp.code]
    assert [f.function for f in found] == ["big"]
    assert "'big' was " in found[0].message


def test_five_thousand_lines_are_analysed_to_the_end() -> None:
    assert leaks(SHAPES["lines"](5000)) == ["CNX102"]


def test_sixty_flags_are_analysed_to_the_end() -> None:
    assert "CNX103" in leaks(SHAPES["independent flags"](60))


def test_what_is_read_no_more_is_not_told_apart() -> None:
    """Forty flags, each asked twice and then forgotten, leave room for the one by which the connection goes back."""
    assert leaks(SHAPES["flags that are read no more"](40)) == []


def test_in_long_functions_states_that_hold_the_same_become_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is acquired under a condition is told apart from then on, however much was forgotten before."""
    monkeypatch.setattr(flow_run, "MAX_EVALUATIONS", 1_500)
    source = SHAPES["flags that are read at the end"](100)
    assert leaks(source) == []
    assert leaks(source.replace("if conn:", "if items.other:")) == ["CNX103"]


def test_states_share_what_they_enter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty-two states enter a block together, so that they are one once their flags are read no more: each by itself
    would exceed the bound."""
    monkeypatch.setattr(flow_run, "MAX_EVALUATIONS", 2_000)
    assert leaks(SHAPES["loops in a with, by flags"](100)) == []


def heirs(number: int, shown: str = "") -> str:
    """Classes that inherit a method which gives what it acquires, and call it with more or less."""
    base = f"""
import psycopg2.pool

class Base:
    def take(self, pool: psycopg2.pool.ThreadedConnectionPool, name, size=None):
        {shown or "pass"}
        conn = pool.getconn()
        if size is None:
            conn.autocommit = True
        return conn
"""
    one = """
class Heir{0}(Base):
    def one(self, pool: psycopg2.pool.ThreadedConnectionPool, name):
        self.take(pool, name, size=None).close()

    def other(self, pool: psycopg2.pool.ThreadedConnectionPool, name):
        self.take(name=name, pool=pool).close()
"""
    return base + "".join(one.format(n) for n in range(number))


def test_what_all_heirs_inherit_is_summarised_once(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Analysis._summarise
    taken: list[str] = []

    def counted(analysis: Analysis, function: Function, *rest: Any, **more: Any) -> tuple[Summary, ...]:
        taken.append(function.name)
        return plain(analysis, function, *rest, **more)

    monkeypatch.setattr(Analysis, "_summarise", counted)
    counts = []
    for source in (heirs(1), heirs(6), heirs(6, shown="register(self)")):
        taken.clear()
        check(source)
        counts.append(taken.count("take"))
    few, many, told_apart = counts
    assert many == few
    assert told_apart > many  # it hands its object out, whose class may matter there


def test_flags_in_a_dictionary_tell_no_states_apart() -> None:
    def asked(value: str) -> str:
        fields = ", ".join(f"'k{i}': {value.format(i)}" for i in range(5))
        queries = "".join(f"    conn.execute('q{i}', options)\n" for i in range(10))
        return f"def big(a, b):\n    conn = pool.getconn()\n    options = {{{fields}}}\n{queries}    conn.close()\n"

    assert work(asked("1 if a > {} else 0")) < 2 * work(asked("a"))


def test_deep_code_is_analysed_like_any_other() -> None:
    """Beyond the interpreter's recursion limit: the leak is found at the far end of the chain."""
    source = SHAPES["elif"](900).replace("    await pool.release(conn)\n", "")
    assert ("big", "CNX101") in {(f.function, f.code) for f in check(source).findings}


@pytest.mark.parametrize(
    "shape", ["lines", "plain lines", "functions", "methods", "elif", "match", "closures", "list of calls", "loops"]
)
def test_twice_as_much_is_about_twice_the_work(shape: str) -> None:
    once, twice = (work(SHAPES[shape](size)) for size in (400, 800))
    # The closures of a function are compared with each other where states join: a little more than linear.
    assert twice < (3.0 if shape == "closures" else 2.6) * once


def test_the_budget_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function may cost no more than its bound, whatever the bound is."""
    monkeypatch.setattr(flow_run, "MAX_EVALUATIONS", 500)
    small = work(SHAPES["nested in finally"](12))
    large = work(SHAPES["nested in finally"](40))
    assert large < 3 * small


def test_a_deep_stack_gives_back_and_raises_what_the_work_does() -> None:
    def depth(left: int) -> int:
        return 0 if left == 0 else 1 + depth(left - 1)

    limit = sys.getrecursionlimit()
    assert with_deep_stack(lambda: depth(5 * limit)) == 5 * limit
    with pytest.raises(RecursionError):
        with_deep_stack(lambda: depth(100 * limit))
    with pytest.raises(KeyError):
        with_deep_stack(lambda: {}["missing"])
    assert sys.getrecursionlimit() == limit


def test_an_unreadable_file_is_one_finding() -> None:
    result = check("x = " + "(" * 5000 + ")" * 5000)
    assert [f.code for f in result.findings] == [UnreadableFile.code]
