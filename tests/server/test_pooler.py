"""What CNX601 and CNX602 claim, behind a real PgBouncer in transaction mode.

The functions stand in `fixtures/pooler_postgres.py`; `tests/test_fixtures.py` compares what the linter says of them.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fixture_files import FIXTURES, expectations
from server.pgbouncer import PROGRAM, Bouncer, pgbouncer, version
from server.postgres import Postgres
from server.test_shapes import load

PATH = FIXTURES / "pooler_postgres.py"
FOLLOWS_STATEMENTS = (1, 21)
"""The first PgBouncer that can follow the prepared statements of the protocol."""

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed (a package of Debian and its kind)"),
    pytest.mark.filterwarnings("ignore"),
]


def _functions() -> list[tuple[str, frozenset[str]]]:
    """Each function of the fixture, with the codes that it is marked with."""
    source = PATH.read_text(encoding="utf-8")
    marks = expectations(source).always
    found: list[tuple[str, set[str]]] = []
    for number, line in enumerate(source.splitlines(), start=1):
        if line.startswith(("def ", "async def ")):
            found.append((line.partition("def ")[2].partition("(")[0], set()))
        if found:
            found[-1][1].update(code for at, codes in marks if at == number for code in codes)
    return [(name, frozenset(codes)) for name, codes in found]


@pytest.fixture
def bouncer(postgres: Postgres) -> Iterator[Bouncer]:
    """One that follows no prepared statements, and whose connections nobody has used."""
    with pgbouncer(postgres, 0 if version() >= FOLLOWS_STATEMENTS else None) as running:
        yield running


@pytest.fixture
def following(postgres: Postgres) -> Iterator[Bouncer]:
    """One that follows them."""
    if version() < FOLLOWS_STATEMENTS:
        pytest.skip("this pgbouncer has no max_prepared_statements: that came with 1.21")
    with pgbouncer(postgres, 100) as running:
        yield running


def works(name: str, bouncer: Bouncer) -> bool:
    """Whether a function of the fixture gets what it asks for."""
    function: Callable[..., Any] = getattr(load(PATH), name)
    try:
        said = function(bouncer.address, bouncer.others)
        return bool(asyncio.run(said) if inspect.iscoroutine(said) else said)
    except Exception as error:
        if type(error).__module__.split(".")[0] in ("asyncpg", "psycopg", "psycopg2", "sqlalchemy"):
            return False
        raise


@pytest.mark.parametrize(("name", "codes"), _functions())
def test_function(name: str, codes: frozenset[str], bouncer: Bouncer) -> None:
    """It fails where, and only where, it is marked."""
    assert works(name, bouncer) is not bool(codes)


@pytest.mark.parametrize(("name", "codes"), _functions())
def test_function_where_statements_are_followed(name: str, codes: frozenset[str], following: Bouncer) -> None:
    """`max_prepared_statements` mends what CNX601 reports, and nothing of what CNX602 does."""
    assert works(name, following) is ("CNX602" not in codes)
