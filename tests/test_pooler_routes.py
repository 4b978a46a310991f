"""Which connections are said to lead through a pooler: by the configuration, deployment files, or the URL itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from pooclint.config import Config, Pooler, Settings
from pooclint.rule import Finding, Severity
from pooclint.run.check import Checker

BOUNCER = "[databases]\n* = host=db\n[pgbouncer]\npool_mode = transaction\nlisten_port = 6432\n"
COMPOSE = """
services:
  db: {image: "postgres:18"}
  pgbouncer:
    image: edoburu/pgbouncer:v1.20.1
    environment: {POOL_MODE: transaction, DB_HOST: db}
  web:
    build: .
    command: gunicorn -w 4 app:app
    environment: {DATABASE_URL: "postgresql://app@pgbouncer:5432/shop"}
"""
READS_ENVIRONMENT = """
import os
import asyncpg

async def main():
    return await asyncpg.create_pool(os.environ["DATABASE_URL"], max_size=10)
"""


def findings(
    folder: Path, source: str, files: Mapping[str, str] | None = None, pooler: Pooler | None = None
) -> list[Finding]:
    """What is found in a module of a project with these files, of whatever severity and confidence."""
    (folder / ".git").mkdir(exist_ok=True)
    for name, content in {"app.py": source, **(files or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    settings = Settings(select=("CNX6",), min_severity="info", min_confidence="low", pooler=pooler)
    report = Checker().check_data(source.encode(), "app.py", Config(settings, folder), str(folder / "app.py"))
    return list(report.findings)


def opens(url: str) -> str:
    return f'import asyncpg\n\nasync def main():\n    return await asyncpg.create_pool("{url}", max_size=10)\n'


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://app@db:6432/shop", [("low", "error")]),  # PgBouncer, in whatever mode
        ("postgresql://app@db.abcdefgh.supabase.co:6543/postgres", [("high", "error")]),
        ("postgresql://app.x@aws-0-eu-west-1.pooler.supabase.com:6543/postgres", [("high", "error")]),
        ("postgresql://app.x@aws-0-eu-west-1.pooler.supabase.com:5432/postgres", []),  # session mode
        ("postgresql://app@ep-cool-1-pooler.eu-central-1.aws.neon.tech/shop", []),  # follows them
        ("postgresql://app@ep-cool-1.eu-central-1.aws.neon.tech/shop", []),
        ("postgresql://app@shop.proxy-abc.eu-west-1.rds.amazonaws.com/shop", [("medium", "info")]),  # pins
        ("postgresql://app@db/shop", []),
    ],
)
def test_the_url_itself(url: str, expected: list[tuple[str, str]], tmp_path: Path) -> None:
    found = findings(tmp_path, opens(url))
    assert [(f.confidence.name.lower(), f.severity.name.lower()) for f in found] == expected


def test_a_settings_file_of_the_pooler(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, READS_ENVIRONMENT, {"deploy/pgbouncer.ini": BOUNCER})
    assert found.confidence.name == "LOW"  # neither the address nor the version is known
    assert "pgbouncer in transaction mode (deploy/pgbouncer.ini:4)" in found.message


@pytest.mark.parametrize(
    "change",
    [
        ("pool_mode = transaction", "pool_mode = session"),
        ("pool_mode = transaction", ""),  # which is the default
        ("listen_port = 6432", "listen_port = 6432\nmax_prepared_statements = 200"),
    ],
)
def test_a_pooler_that_does_no_harm(change: tuple[str, str], tmp_path: Path) -> None:
    assert not findings(tmp_path, READS_ENVIRONMENT, {"pgbouncer.ini": BOUNCER.replace(*change)})


def test_the_environment_leads_to_it(tmp_path: Path) -> None:
    """The version is known, and follows no statements."""
    (found,) = findings(tmp_path, READS_ENVIRONMENT, {"docker-compose.yml": COMPOSE})
    assert found.confidence.name == "HIGH"
    newer = COMPOSE.replace("v1.20.1", "v1.24.0")
    assert not findings(tmp_path, READS_ENVIRONMENT, {"docker-compose.yml": newer})


def test_the_environment_leads_elsewhere(tmp_path: Path) -> None:
    direct = COMPOSE.replace("app@pgbouncer:5432", "app@db:5432")
    assert not findings(tmp_path, READS_ENVIRONMENT, {"docker-compose.yml": direct})
    assert not findings(tmp_path, opens("postgresql://app@db:5432/shop"), {"docker-compose.yml": COMPOSE})
    assert findings(tmp_path, opens("postgresql://app@pgbouncer:5432/shop"), {"docker-compose.yml": COMPOSE})


@pytest.mark.parametrize(
    ("pooler", "count"),
    [
        (Pooler(mode="transaction"), 1),
        (Pooler(mode="statement"), 1),
        (Pooler(mode="session"), 0),
        (Pooler(mode="transaction", max_prepared_statements=100), 0),
        (Pooler(mode="transaction", max_prepared_statements=0), 1),
        (Pooler(mode="transaction", host="bouncer"), 0),
        (Pooler(mode="transaction", host="db"), 1),
    ],
)
def test_the_configuration(pooler: Pooler, count: int, tmp_path: Path) -> None:
    assert len(findings(tmp_path, opens("postgresql://app@db:5432/shop"), pooler=pooler)) == count


def test_a_connection_past_the_pooler(tmp_path: Path) -> None:
    """Who listens on a connection of the server itself has done what the rule advises."""
    source = """
import psycopg

def listen(host: str):
    with psycopg.connect("postgresql://app@{}:5432/shop", prepare_threshold=None) as conn:
        conn.execute("LISTEN jobs")
"""
    assert not findings(tmp_path, source.format("db"), {"docker-compose.yml": COMPOSE})
    (found,) = findings(tmp_path, source.format("pgbouncer"), {"docker-compose.yml": COMPOSE})
    assert (found.code, found.severity) == ("CNX602", Severity.WARNING)
    assert "LISTEN through pgbouncer in transaction mode (docker-compose.yml:6)" in found.message


def test_nothing_is_known(tmp_path: Path) -> None:
    assert not findings(tmp_path, READS_ENVIRONMENT)
