# ruff: noqa: E501 -- programs are lines of text
"""The interpreter judges the analysis: generated programs are executed in every way, and checked.

Without settings a few thousand programs are compared, always the same ones. `POOCLINT_ORACLE_EXAMPLES` makes them more or fewer,
`POOCLINT_ORACLE_SEED` makes them others, `POOCLINT_ORACLE_JOBS` is the number of processes. The long run is a command of its own:
see `hunting.py`.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Callable, Iterator
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oracle import collecting
from oracle.cases import Case
from oracle.comparison import findings, judge
from oracle.counterexamples import CASES
from oracle.execution import Machine, execute, explore, quietly
from oracle.fakepool import Error
from oracle.hunting import Tally, hunt_in_processes, smallest, worst_first
from oracle.known import NAMES, WORLDS, World, category
from oracle.minimise import minimise, reads_unbound
from oracle.programs import SHAPES, numbered, program

EXAMPLES = int(os.environ.get("POOCLINT_ORACLE_EXAMPLES", "3000"))
SEED = int(os.environ.get("POOCLINT_ORACLE_SEED", "1"))
JOBS = int(os.environ.get("POOCLINT_ORACLE_JOBS", "1"))
SHOWN = 5
MOST_NAMED = 0.02
"""The share of programs that may differ in a way that has a name."""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quietly():
        yield


def test_generated(record_property: Callable[[str, object], None]) -> None:
    """No leak is missed; no alarm is false, and no line or kind wrong, but for what has a name in `known.py`."""
    total = Tally()
    for tally in hunt_in_processes(SEED, 0, EXAMPLES, JOBS):
        total.add(tally)
    record_property("measured", total.summary())
    found = sorted(total.unexplained, key=worst_first)
    assert not found, "\n\n".join(smallest(*f) for f in found[:SHOWN])
    named = sum(n for k, n in total.counts.items() if ": " in k)
    assert named <= max(5, MOST_NAMED * total.counts["programs"])
    assert total.counts["acquisitions that leak"] > total.counts["programs"] // 4


def test_collections() -> None:
    """No leak is missed of what is in a collection of the function's own."""
    sources = [collecting.numbered(SEED, n) for n in range(EXAMPLES // 10)]
    compared = [judge(s) for s in sources if not reads_unbound(s)]
    assert [d for j in compared for d in j.disagreements if d.kind == "missed"] == []
    assert sum(j.leaking for j in compared) > len(compared) // 2


@settings(max_examples=100, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_unusual_choices(random: Random) -> None:
    """Hypothesis makes the choices of the generator: it likes extremes, and makes what it finds smaller."""
    source = program(random)
    try:
        compile(source, "<generated>", "exec", dont_inherit=True)
    except SyntaxError:
        return
    if not reads_unbound(source):
        assert [d for d in judge(source).disagreements if not category(source, d)] == []


def test_every_shape_is_generated() -> None:
    """What the generator is for is in what it generates."""
    text = "\n".join(numbered(SEED, n) for n in range(400))
    for wanted in (
        "yield", "async def f", "@contextlib.contextmanager", "@contextlib.asynccontextmanager", "match ", "nonlocal", "while ", "else:", "finally:",
        "contextlib.suppress", "contextlib.closing", "contextlib.aclosing", "contextlib.nullcontext", "ExitStack()", "pop_all", "stack.push(", "stack.callback",
        "asyncio.gather", "asyncio.wait_for", "asyncio.shield", "TaskGroup", ":=", " if a else None", "lambda", "del ", "[i for i in",
    ):  # fmt: skip
        assert wanted in text, wanted
    assert ("except*" in text) is (sys.version_info >= (3, 11))
    assert len(SHAPES) == 6


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_counterexamples(case: Case) -> None:
    """Past differences stay mended; those that have a name still show it."""
    if case.needs > sys.version_info:
        pytest.skip("newer syntax")
    wrong = judge(case.source).disagreements
    if not case.category:
        assert wrong == ()
    else:
        assert {category(case.source, d) for d in wrong} == {case.category}, (
            f"{case.name} is mended: remove the category"
        )


def test_every_category_has_a_program() -> None:
    """A name without a program would hide what nobody has seen."""
    assert {case.category for case in CASES if case.category} == set(NAMES)


CLOSED = (
    "with fakepool.connect() as conn:\n    if a and flag(1):\n        conn.execute('q')\n    step(1)",
    "conn = pool.getconn()\ntry:\n    if flag(1):\n        return\n    step(1)\nfinally:\n    pool.putconn(conn)",
    "conn = fakepool.connect()\ntry:\n    match a:\n        case None:\n            conn.execute('q')\nexcept KeyError:\n    raise\nfinally:\n    conn.close()",
    "with contextlib.ExitStack() as stack:\n    conn = stack.enter_context(fakepool.connect())\n    conn.execute('q')\n    step(1)",
)


@pytest.mark.parametrize("body", CLOSED)
@pytest.mark.parametrize(
    "world", [pytest.param(w, id=f"{name}-{n}") for name, worlds in WORLDS.items() for n, w in enumerate(worlds)]
)
def test_no_world_hides_a_false_alarm(world: World, body: str) -> None:
    """A finding that is wrong in every world has no name: here, one on a connection that is closed whatever happens."""
    lines = "\n    ".join(body.splitlines())
    program = f"import contextlib\nimport fakepool\nfrom elsewhere import flag, step\n\n\ndef f(pool: fakepool.Pool, box, a):\n    {lines}\n"
    tree = ast.fix_missing_locations(world.change(ast.parse(program)))
    machine = Machine(tree, world.faults, world.lenient)
    truth = explore(machine, 6000)
    assert truth.runs > 1
    assert truth.leaks == {}


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
        ("conn = fakepool.connect()\n    yield conn\n    yield 1", False),
        ("conn = fakepool.connect()\n    yield conn", True),
        ("with fakepool.connect() as conn:\n        yield 1\n        yield 2", False),
        ("conn = fakepool.connect()\n    yield 1\n    yield 2\n    conn.close()", True),
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
    witnesses = next(iter(execute(head + body.format("Exception")).leaks.values()))
    assert all("CancelledError" in w.story for w in witnesses)
    assert not execute(head + body.format("BaseException")).leaks


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("pass", "CNX101"),
        ("step(1)\n    conn.close()", "CNX102"),
        ("if a:\n        return\n    conn.close()", "CNX103"),
        ("conn = None", "CNX105"),
    ],
)
def test_kinds(statement: str, code: str) -> None:
    """Each of these is borne out by its witnesses, and no other code would be."""
    source = f"import fakepool\nfrom elsewhere import step\n\ndef f(pool: fakepool.Pool, a):\n    conn = fakepool.connect()\n    {statement}\n"
    assert [f.code for f in findings(source)] == [code]
    assert judge(source).disagreements == ()


def test_minimise() -> None:
    """The reduction keeps what matters, and nothing else."""
    source = CASES[0].source.replace(
        "    conn.close()", "    if flag(1):\n        step(2)\n    conn.close()\n    conn = None"
    )
    small = minimise(
        source,
        lambda text: any(
            "__exit__" in w.story or "close" in w.story for found in execute(text).leaks.values() for w in found
        ),
    )
    assert "flag" not in small.split("def f")[1]
    assert issubclass(Error, Exception)
