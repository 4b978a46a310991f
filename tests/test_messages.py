"""The ways that findings name: every step has a name, however what it calls is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from pooclint.config import Config, Settings
from pooclint.rule import Confidence
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


GUESSED = """\
from typing import Protocol

import requests
import sqlalchemy as sa

engine = sa.create_engine("postgresql://db/shop")


class Animal(Protocol):
    def groom(self): ...


class Goat:
    def groom(self):
        requests.post("https://farm.example.com/goats", timeout=5)


def cared_for(animal: Animal):
    animal.groom()
    requests.get("https://farm.example.com", timeout=5)


def show(animal: Animal):
    with engine.connect() as conn:
        conn.execute(sa.text("select 1"))
        cared_for(animal)
"""


def test_what_is_known_is_named_before_what_is_guessed(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(GUESSED, encoding="utf-8")
    (finding,) = found(tmp_path, GUESSED, "CNX202")
    assert "cared_for → requests.get" in finding


KEPT = """\
import psycopg2


class Ledger:
    def __init__(self, dsn):
        self._conn = psycopg2.connect(dsn)

    def total(self):
        return self._conn.cursor()

    def close(self):
        self._conn.close()


class Books:
    def __init__(self, dsn):
        self._ledger = Ledger(dsn)
        self._log = psycopg2.connect(dsn)

    def total(self):
        return self._ledger.total(), self._log.cursor()


def forgotten(dsn):
    ledger = Ledger(dsn)
    return ledger.total()


class Report:
    def refresh(self, dsn):
        self._view = psycopg2.connect(dsn)
        self._view.cursor().execute("refresh materialized view totals")
        self._view.close()
        self._view = None
"""


def test_what_an_object_keeps(tmp_path: Path) -> None:
    """It is told that it keeps it; that one of the project's is never released is less certain."""
    path = tmp_path / "app.py"
    report = Checker().check_data(KEPT.encode(), "app.py", Config(Settings(min_severity="info"), tmp_path), str(path))
    (lost,) = (f for f in report.findings if f.code == "CNX101")
    assert "'Ledger' acquires it here, and keeps it" in [step.text for step in lost.trace]
    sure = {f.message.split()[0]: f.confidence for f in report.findings if f.code == "CNX109"}
    assert sure == {"'self._ledger'": Confidence.MEDIUM, "'self._log'": Confidence.HIGH}
    (stray,) = (f for f in report.findings if f.code == "CNX102" and f.function == "Report.refresh")
    assert "'self._view'" in stray.message
