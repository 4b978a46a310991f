# ruff: noqa: E501 -- programs are lines of text
"""The interpreter judges the analysis: generated programs are executed in every way, and checked.

Without settings a few hundred programs are compared, always the same ones. `POOCLINT_ORACLE_EXAMPLES=200000 pytest tests/oracle -s` is the
long run; `POOCLINT_ORACLE_SEED` makes it another one.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from oracle.comparison import Disagreement, judge
from oracle.counterexamples import CASES, Case
from oracle.execution import execute
from oracle.fakepool import Error
from oracle.known import category
from oracle.minimise import minimise, reads_unbound
from oracle.programs import functions

EXAMPLES = int(os.environ.get("POOCLINT_ORACLE_EXAMPLES", "0"))
SEED = int(os.environ.get("POOCLINT_ORACLE_SEED", "1"))
SHOWN = 5


@pytest.mark.parametrize(
    ("features", "count"),
    [((), 200), (("helpers",), 150), (("helpers", "async"), 150), (("nested",), 100)],
    ids=lambda value: "+".join(value) or "plain" if isinstance(value, tuple) else "",
)
def test_generated(features: tuple[str, ...], count: int, capsys: pytest.CaptureFixture[str]) -> None:
    """No leak is missed and no alarm is false, but for what has a name in `known.py`."""
    counts: Counter[str] = Counter()
    unexplained: list[tuple[Disagreement, str]] = []

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES // 4 or count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(functions(frozenset(features)))
    def compare(source: str) -> None:
        if reads_unbound(source):
            return
        judgement = judge(source)
        counts["programs"] += 1
        counts["undecided"] += not judgement.complete
        counts["runs"] += judgement.runs
        counts["leaking acquisitions"] += judgement.leaking
        counts["reported acquisitions"] += judgement.reported
        for difference in judgement.disagreements:
            name = category(source, difference)
            counts[f"{difference.kind}: {name or 'unexplained'}"] += 1
            if not name:
                unexplained.append((difference, source))

    compare()
    with capsys.disabled():
        print(f"\n{'+'.join(features) or 'plain'}: " + ", ".join(f"{counts[k]} {k}" for k in sorted(counts)))
    assert counts["leaking acquisitions"] > counts["programs"] // 4
    assert not unexplained, "\n\n".join(
        _smallest(*found) for found in sorted(unexplained, key=_missed_and_small_first)[:SHOWN]
    )


def _missed_and_small_first(found: tuple[Disagreement, str]) -> tuple[bool, int]:
    return (found[0].kind == "false alarm", len(found[1]))


def _smallest(difference: Disagreement, source: str) -> str:
    def shows(text: str) -> bool:
        return any(d.kind == difference.kind and not category(text, d) for d in judge(text, 600).disagreements)

    return f"{difference.kind}: {difference.detail}\n{minimise(source, shows)}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_counterexamples(case: Case) -> None:
    """Past differences stay mended; those that are not are still there."""
    kinds = {d.kind for d in judge(case.source).disagreements}
    if case.fixed:
        assert not kinds
    else:
        assert kinds == {case.kind}, f"{case.name} is mended: set fixed=True"


@pytest.mark.parametrize(
    ("body", "leaks"),
    [
        ("conn = fakepool.connect()\n    conn.close()", False),
        ("conn = fakepool.connect()\n    step(1)\n    conn.close()", True),
        ("conn = fakepool.connect()\n    return [conn]", False),
        ("conn = fakepool.connect()\n    return lambda: conn", False),
        ("conn = fakepool.connect()\n    box.conn = conn", False),
        ("with fakepool.connect() as conn:\n        conn.execute('q')", False),
        ("with fakepool.open() as conn:\n        pass", True),
        ("conn = pool.getconn()\n    conn.close()", True),
        ("conn = pool.getconn()\n    try:\n        step(1)\n    except Exception:\n        step(2)\n        raise\n    finally:\n        pool.putconn(conn)", False),
        ("conn = pool.getconn()\n    try:\n        step(1)\n    except Exception:\n        step(2)\n        pool.putconn(conn)\n        raise\n    pool.putconn(conn)", True),
        ("conn = pool.getconn()\n    while flag(1):\n        pass\n    pool.putconn(conn)", True),
    ],
)  # fmt: skip
def test_truth(body: str, leaks: bool) -> None:
    """The executor itself, on programs whose truth is plain."""
    truth = execute(
        f"import fakepool\nfrom elsewhere import flag, step\n\ndef f(pool: fakepool.Pool, box):\n    {body}\n"
    )
    assert truth.complete
    assert bool(truth.leaks) is leaks


def test_cancellation() -> None:
    """`except Exception` does not see a cancellation."""
    body = "    conn = await apool.acquire()\n    try:\n        await conn.execute('q')\n    except {}:\n        await apool.release(conn)\n        raise\n    await apool.release(conn)\n"
    head = "import fakepool\n\nasync def f(apool):\n"
    assert "CancelledError" in next(iter(execute(head + body.format("Exception")).leaks.values()))
    assert not execute(head + body.format("BaseException")).leaks


def test_minimise() -> None:
    """The reduction keeps what matters, and nothing else."""
    source = CASES[0].source.replace(
        "    conn.close()", "    if flag(1):\n        step(2)\n    conn.close()\n    conn = None"
    )
    small = minimise(source, lambda text: any("__exit__" in t or "close" in t for t in execute(text).leaks.values()))
    assert "flag" not in small.split("def f")[1]
    assert issubclass(Error, Exception)
