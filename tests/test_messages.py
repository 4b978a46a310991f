"""The ways that findings name: every step has a name, however what it calls is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from pooclint.config import Config, Settings
from pooclint.run.check import Checker

CALLED = """\
import requests
import sqlalchemy as sa

engine = sa.create_engine("postgresql://db/shop")


def fetched(url, name):
    return {call}


def show(url, name):
    with engine.connect() as conn:
        conn.execute(sa.text("select 1"))
        fetched(url, name)
"""


DRAWN = """\
import sqlalchemy as sa

engine = sa.create_engine("postgresql://db/shop")


def database():
    return engine


def counted():
    with database().connect() as conn:
        return conn.execute(sa.text("select 1")).scalar()


def show():
    with engine.connect() as conn:
        conn.execute(sa.text("select 1"))
        counted()
"""


def found(tmp_path: Path, source: str, code: str) -> list[str]:
    report = Checker().check_data(source.encode(), "app.py", Config(Settings(), tmp_path), str(tmp_path / "app.py"))
    return [f.message for f in report.findings if f.code == code]


@pytest.mark.parametrize(
    ("call", "way"),
    [
        ("requests.get(url, timeout=5)", "fetched → requests.get (http)"),
        ("requests.Session().get(url, timeout=5)", "fetched → requests.Session().get (http)"),
        ("(requests.Session() if name else requests.Session()).get(url)", "fetched → ….get (http)"),
    ],
)
def test_the_way_to_an_external_call_has_a_name_for_each_step(tmp_path: Path, call: str, way: str) -> None:
    (finding,) = found(tmp_path, CALLED.format(call=call), "CNX202")
    assert f"is held while {way} is waited for" in finding


def test_the_way_to_a_second_connection_has_a_name_for_each_step(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, DRAWN, "CNX205")
    assert "counted → database().connect" in finding
