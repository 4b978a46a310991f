# ruff: noqa: E501 -- programs are lines of text
"""The interpreter judges the fixtures: what their comments expect is what their runs show.

Every function of every fixture about leaks, and of those of each library, is executed against fakes that the models generate, under every point of
failure and every bounded choice. A line that is marked as a leak must lose what it acquires in some run; no run may lose
anything else.
"""

from __future__ import annotations

import gc
import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from fixture_files import FIXTURES, Expectations, expectations
from oracle.written import Fixture, Outcome, Target
from pooclint.models import Models, load_models
from pooclint_rules import MODEL_FILES

FILES = sorted(
    path
    for pattern in ("CNX1*.py", "harm_*.py", "real_*.py", "seeds_*.py", "silent_*.py", "libraries/*.py")
    for path in FIXTURES.glob(pattern)
    if not path.stem.startswith("seeds_py311") or sys.version_info >= (3, 11)
)

EXACT = frozenset({"CNX125", "CNX127", "CNX128"})
"""Rules about transactions and pools of which some run shows each mark, and no run anything else."""
MISUSE = EXACT | {"CNX108", "CNX109", "CNX113", "CNX121", "CNX122", "CNX123", "CNX124", "CNX126"}
"""Rules about something that a run does on a line, whether it leaks or not."""
NOT_RUN = frozenset({"CNX112"})
"""Rules about what becomes of something when its thread ends: the functions run in the one of the test."""
DIFFERENT: dict[str, str] = {
    "CNX102_in_a_dictionary.by_a_key_of_somebody": "which key the caller gives is not known, and may be none of them: what may be meant is taken to be released",
    "CNX113_wrong_with.Ledger.entries": "the factory that a caller hands in was told to make asynchronous sessions; the fake one makes others",
    "CNX113_wrong_with.entries_by": "the same",
    "silent_lifetimes.engine_for": "with `pooled` it is never disposed of; what a dictionary holds is not known, and may say that nothing is pooled",
    "silent_transfer.read_by_own_generator": "making what is made around it fails: it is taken for the owner from the start, or each such call would be an alarm",
}
"""Functions that lose something on a line without a mark, and why that is not reported. Each must go on doing so."""


@dataclass(frozen=True)
class Judged:
    """A function of a fixture, and what its runs showed."""

    fixture: str
    target: Target
    outcome: Outcome

    @property
    def name(self) -> str:
        return f"{self.fixture}.{self.target}"


@cache
def models() -> Models:
    return load_models(MODEL_FILES())


@pytest.fixture(scope="module", autouse=True)
def quiet() -> Iterator[None]:
    """Fixtures log, and read where their database is; what exists already is left out of the search for garbage."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", "postgresql://db/shop")
        logging.disable(logging.CRITICAL)
        gc.collect()
        gc.freeze()
        yield
        gc.unfreeze()
        logging.disable(logging.NOTSET)


def _name(path: Path) -> str:
    return ".".join(path.relative_to(FIXTURES).with_suffix("").parts)


@cache
def judged(path: Path) -> tuple[Judged, ...]:
    fixture = Fixture(path.read_text(encoding="utf-8"), models())
    return tuple(Judged(_name(path), target, fixture.judge(target)) for target in fixture.targets)


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_fixture(path: Path) -> None:
    """What is marked happens in some run, and nothing else is lost in any."""
    expected = expectations(path.read_text(encoding="utf-8"))
    wrong = [f"{each.name}: {text}" for each in judged(path) for text in _differences(each, expected)]
    assert not wrong, "\n".join(wrong)


def _differences(each: Judged, expected: Expectations) -> Iterator[str]:
    leaks, misuses = each.outcome.leaks, each.outcome.misuses
    marks = [*expected.always, *expected.wide]
    marked = {line for line, _ in marks} | {line for line, _ in expected.allowed | expected.allowed_wide}
    inside = range(each.target.first, each.target.last + 1)
    misused_here = any(line in inside and codes & MISUSE for line, codes in marks)
    unmarked = [how for lines, how in leaks.items() if not lines & marked and not misused_here]
    if bool(unmarked) != (each.name in DIFFERENT):
        yield f"leaks without a mark: {unmarked[0]}" if unmarked else "does not leak any more: take it out of DIFFERENT"
    allowed = {(code, line) for line, codes in marks for code in codes}
    allowed |= {(code, line) for line, code in expected.allowed | expected.allowed_wide}
    for code, line in sorted(misuses - allowed):
        if code in EXACT and line in inside:
            yield f"some run shows {code} on line {line}, which has no mark"
    for line, codes in marks:
        if line not in inside or not any(code.startswith("CNX1") for code in codes - NOT_RUN):
            continue
        leaked = not codes <= MISUSE and any(line in lines for lines in leaks)
        misused = any((code, line) in misuses for code in codes)
        # An object that does not support its `with` may have been acquired, and is lost then.
        lost = "CNX113" in codes and any(line in lines for lines in leaks)
        if not (leaked or misused or lost):
            yield f"line {line} is marked {'|'.join(sorted(codes))}, and no run of {each.outcome.runs} shows it"


def test_everything_is_executed(record_property: Callable[[str, object], None]) -> None:
    """The functions run, to a regular end unless they have none, and their runs are all made."""
    counts: Counter[str] = Counter()
    cut: list[str] = []
    for path in FILES:
        for each in judged(path):
            counts["functions"] += 1
            counts["runs"] += each.outcome.runs
            counts["with an acquisition"] += each.outcome.acquired > 0
            counts["that leak"] += bool(each.outcome.leaks)
            counts["without a regular end"] += not each.outcome.ended
            cut += [] if each.outcome.complete else [each.name]
    record_property("measured", f"fixtures: {', '.join(f'{counts[k]} {k}' for k in counts)}")
    assert not cut
    assert counts["functions"] > 1500
    assert counts["with an acquisition"] > counts["functions"] * 2 // 3
    assert counts["without a regular end"] < counts["functions"] // 20


IMPORTS = "import asyncpg, atexit, psycopg, psycopg2, requests, sqlite3; from psycopg_pool import ConnectionPool"
CASES = {
    "release awaited": (
        "async def f(pool: asyncpg.Pool):\n    c = await pool.acquire()\n    await pool.release(c)\n",
        "",
    ),
    "release forgotten": (
        "async def f(pool: asyncpg.Pool):\n    c = await pool.acquire()\n    pool.release(c)\n",
        "leak at 2",
    ),
    "wrong pool": (
        "def f(a: ConnectionPool, b: ConnectionPool):\n    c = a.getconn()\n    b.putconn(c)\n",
        "leak at 2",
    ),
    "with that keeps": ("def f():\n    with sqlite3.connect('x') as c:\n        c.execute('q')\n", "leak at 2"),
    "with that closes": ("def f():\n    with psycopg.connect('x') as c:\n        c.execute('q')\n", ""),
    "body of a response": ("def f(s: requests.Session):\n    return s.get('u', stream=True).content\n", ""),
    "headers of a response": ("def f(s: requests.Session):\n    return s.get('u', stream=True).headers\n", "leak at 2"),
    "no stream": ("def f(s: requests.Session):\n    return s.get('u').headers\n", ""),
    "keyword": ("def f():\n    atexit.register(sqlite3.connect('x').close)\n", ""),
    "never fails": ("def f():\n    c = psycopg2.connect('x')\n    k = c.cursor()\n    c.close()\n", ""),
    "library error": (
        "def f():\n    c = sqlite3.connect('x')\n    try:\n        c.execute('q')\n    except sqlite3.Error:\n        pass\n    c.close()\n",
        "",
    ),
    "other error": (
        "def f(g):\n    c = sqlite3.connect('x')\n    try:\n        g()\n    except sqlite3.Error:\n        pass\n    c.close()\n",
        "leak at 2",
    ),
    "cancelled": (
        "async def f(g):\n    c = sqlite3.connect('x')\n    try:\n        await g\n    except Exception:\n        pass\n    c.close()\n",
        "leak at 2",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_models_are_what_runs(case: str) -> None:
    """The fakes themselves, on functions whose truth is plain."""
    source, leak = CASES[case]
    outcome = _judge(source, models())
    assert outcome.complete
    assert outcome.ended
    assert sorted(outcome.leaks) == ([frozenset({int(leak[-1]) + 1})] if leak else [])


MUTATIONS = {
    "with closes": ("sqlite3.toml", 'exit = "keeps-open"\n', "", "with that keeps"),
    "with keeps": ("psycopg.toml", 'with = "sync"\nrelease', 'with = "sync"\nexit = "keeps-open"\nrelease', "with that closes"),
    "release not awaited": ("asyncpg.toml", '"await @.release($)"', '"@.release($)"', "release forgotten"),
    "another release": ("asyncpg.toml", '"await @.release($)"', '"await @.give_back($)"', "release awaited"),
    "always acquires": ("requests.toml", "only-if = { stream = true }\n", "", "no stream"),
    "other errors": ("sqlite3.toml", "errors = [", 'errors = ["sqlite3.Mistake"] #', "library error"),
    "keeps nothing": ("python.toml", 'names = ["atexit.register", "weakref.finalize", "signal.signal"]\nkeeps = ["*"]', 'names = ["atexit.register"]', "keyword"),
    "may fail": ("psycopg2.toml", 'cannot-raise = ["cursor", "set_isolation_level"]', "", "never fails"),
}  # fmt: skip
"""What stands in a model, what stands there instead, and the case whose truth that changes."""


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_wrong_models_show(mutation: str, tmp_path: Path) -> None:
    """A model that says something else gives fakes that do something else."""
    name, old, new, case = MUTATIONS[mutation]
    path = next(p for p in MODEL_FILES() if p.name == name)
    text = path.read_text(encoding="utf-8")
    assert old in text
    changed = tmp_path / name
    changed.write_text(text.replace(old, new), encoding="utf-8")
    others = [p for p in MODEL_FILES() if p.stem in ("python", "sqlite3") and p != path]
    source, leak = CASES[case]
    outcome = _judge(source, load_models([changed, *others]))
    assert bool(outcome.leaks) != bool(leak)


TRANSACTIONS = {
    "write is discarded": ("def f():\n    with closing(sqlite3.connect('x')) as c:\n        c.execute('insert into t values (1)')\n", {("CNX127", 3)}),
    "write is committed": ("def f():\n    with closing(sqlite3.connect('x')) as c:\n        c.execute('insert into t values (1)')\n        c.commit()\n", set()),
    "read is not missed": ("def f():\n    with closing(sqlite3.connect('x')) as c:\n        c.execute('select * from t')\n", set()),
    "no transaction": ("def f():\n    with closing(psycopg2.connect('x')) as c:\n        c.autocommit = True\n        c.cursor().execute('delete from t')\n", set()),
    "error is kept from the caller": ("def f(c: sqlite3.Connection):\n    try:\n        c.execute('delete from t')\n        c.commit()\n    except sqlite3.Error:\n        pass\n", {("CNX125", 4)}),
    "caller commits": ("def f(c: sqlite3.Connection):\n    try:\n        c.execute('delete from t')\n    except sqlite3.Error:\n        pass\n", set()),
    "pool of the caller": ("def f(p: ConnectionPool):\n    with p:\n        with p.connection() as c:\n            c.execute('q')\n", {("CNX128", 3)}),
    "pool of another function": ("def f():\n    with pool:\n        with pool.connection() as c:\n            c.execute('q')\ndef g():\n    with pool.connection() as c:\n        c.execute('q')\n", {("CNX128", 3)}),
    "pool of nobody else": ("def f():\n    with pool:\n        with pool.connection() as c:\n            c.execute('q')\n", set()),
}  # fmt: skip


@pytest.mark.parametrize("case", TRANSACTIONS)
def test_transactions_and_pools(case: str) -> None:
    """What is sent, committed and closed, on functions of which that is plain."""
    source, expected = TRANSACTIONS[case]
    head = f"{IMPORTS}; from contextlib import closing; pool = ConnectionPool('x')"
    fixture = Fixture(f"{head}\n{source}", models())
    found = fixture.judge(fixture.targets[0]).misuses
    assert {(code, at) for code, at in found if code in EXACT} == expected


def test_wrong_model_of_transactions_shows(tmp_path: Path) -> None:
    """A library whose models do not say that closing discards what was written discards nothing."""
    source, expected = TRANSACTIONS["write is discarded"]
    known = {path.stem: path for path in MODEL_FILES()}
    text = known["sqlite3"].read_text(encoding="utf-8")
    assert "discards = true\n" in text
    changed = tmp_path / "sqlite3.toml"
    changed.write_text(text.replace("discards = true\n", ""), encoding="utf-8")
    fixture = Fixture(
        f"import sqlite3; from contextlib import closing\n{source}", load_models([changed, known["python"]])
    )
    assert expected
    assert not {code for code, _ in fixture.judge(fixture.targets[0]).misuses} & EXACT


def _judge(source: str, known: Models) -> Outcome:
    fixture = Fixture(f"{IMPORTS}\n{source}", known)
    return fixture.judge(fixture.targets[0])


def test_nothing_is_left_behind() -> None:
    """The fakes are seen by the code under execution alone."""
    before = set(sys.modules)
    for source, _ in CASES.values():
        _judge(source, models())
    assert set(sys.modules) == before
