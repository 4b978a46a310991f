"""CNX405 and CNX406 in projects: what runs a file is said by deployment files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from pooclint.config import Config, Settings
from pooclint.run.check import Checker

SOURCE = """
import os
from psycopg_pool import ConnectionPool

pool = ConnectionPool({}, open=False)
"""
READS_ENVIRONMENT = SOURCE.format('os.environ["DATABASE_URL"]')
SERVERLESS = """
service: shop
provider: {name: aws, runtime: python3.12}
functions:
  orders: {handler: app.orders}
"""
SERVER = "web: gunicorn -w 4 app:app\n"


def codes(folder: Path, source: str, files: Mapping[str, str]) -> list[str]:
    (folder / ".git").mkdir(exist_ok=True)
    for name, content in {"app.py": source, **files}.items():
        (folder / name).write_text(content, encoding="utf-8")
    config = Config(Settings(select=("CNX405", "CNX406")), folder)
    return [f.code for f in Checker().check_data(source.encode(), "app.py", config, str(folder / "app.py")).findings]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"serverless.yml": SERVERLESS}, ["CNX405"]),
        ({"Procfile": SERVER}, ["CNX406"]),
        ({"Procfile": "worker: celery -A app worker -c 4\n"}, ["CNX406"]),
        ({}, []),
    ],
)
def test_what_runs_the_file(files: Mapping[str, str], expected: list[str], tmp_path: Path) -> None:
    assert codes(tmp_path, READS_ENVIRONMENT, files) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://app@db/shop", ["CNX405"]),
        ("postgresql://app@shop.proxy-abc.eu-west-1.rds.amazonaws.com/shop", []),
        ("postgresql://app@ep-cool-1-pooler.eu-central-1.aws.neon.tech/shop", []),
        ("postgresql://app.x@aws-0-eu-west-1.pooler.supabase.com:6543/postgres", []),
    ],
)
def test_a_pooler_in_front(url: str, expected: list[str], tmp_path: Path) -> None:
    assert codes(tmp_path, SOURCE.format(f'"{url}"'), {"serverless.yml": SERVERLESS}) == expected


def test_an_application_for_a_platform(tmp_path: Path) -> None:
    source = (
        f"from fastapi import FastAPI\nfrom mangum import Mangum\n{READS_ENVIRONMENT}\nhandler = Mangum(FastAPI())\n"
    )
    assert "CNX405" in codes(tmp_path, source, {})
