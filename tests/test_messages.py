"""The ways that findings name: every step has a name, however what it calls is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from pooclint.config import Config, Settings
from pooclint.rule import Confidence, Severity
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


WORDED = """\
import sqlite3
import time

import psycopg2
import pymongo
import sqlalchemy as sa
from psycopg_pool import ConnectionPool
from sqlalchemy.orm import sessionmaker

pool = ConnectionPool("postgresql://db/shop", min_size=1, max_size=4)
Session = sessionmaker(sa.create_engine("postgresql://db/shop"))


def retried(stmt):
    with pool.connection() as conn:
        for attempt in range(3):
            try:
                return conn.execute(stmt)
            except Exception:
                time.sleep(attempt)


def retried_below(op):
    while True:
        try:
            return op()
        except OSError:
            time.sleep(1)


def retried_by_another(stmt):
    with pool.connection() as conn:
        conn.execute("select 1")
        return retried_below(lambda: conn.execute(stmt))


def polled(stmt):
    with pool.connection() as conn:
        for attempt in range(3):
            if conn.execute(stmt).fetchone():
                return
            time.sleep(attempt)


def paged(pages):
    with Session() as session:
        for page in pages:
            time.sleep(1)
            session.execute(sa.text("select 1"))


def address():
    return pymongo.MongoClient("mongodb://db").address


def listed():
    shop = pymongo.MongoClient("mongodb://db")["shop"]
    return list(shop.orders.find())


def connected():
    conn = sa.create_engine("postgresql://db/shop").connect(); conn.close()


def pinged():
    sa.create_engine("postgresql://db/shop").connect().close()


def given_if(wanted):
    conn = psycopg2.connect("postgresql://db/shop")
    if wanted:
        return conn
    conn.cursor().execute("select 1")


def prepared(path):
    conn = sqlite3.connect(path)
    with conn:
        conn.execute("create table if not exists orders (id)")
    return conn
"""


@pytest.mark.parametrize(
    ("code", "function", "severity", "message"),
    [
        (
            "CNX203", "retried", Severity.WARNING,
            ("the connection 'conn', acquired on line 15, is held while retries wait in time.sleep: "
            "connect anew for each attempt"),
        ),
        (
            "CNX203", "retried_by_another", Severity.WARNING,
            ("the connection 'conn', acquired on line 32, is held while retries wait in retried_below → time.sleep: "
            "connect anew for each attempt"),
        ),
        (
            "CNX203", "polled", Severity.ERROR,
            ("the connection 'conn', acquired on line 38, is held while the function sleeps in time.sleep: "
            "move the wait behind the `with` block, or before it"),
        ),
        (
            "CNX203", "paged", Severity.ERROR,
            ("the session 'session' has held a connection since line 49 of the turn before while the function sleeps "
            "in time.sleep: commit or close the session first, or wait before its first query"),
        ),
        (
            "CNX104", "address", Severity.WARNING,
            "only the 'address' of the client acquired from pymongo.MongoClient is kept; nothing closes the client",
        ),
        (
            "CNX104", "listed", Severity.WARNING,
            "only the database of the client acquired from pymongo.MongoClient is kept; nothing closes the client",
        ),
        (
            "CNX104", "connected", Severity.WARNING,
            ("only the connection of the engine acquired from sqlalchemy.create_engine is kept; "
            "nothing closes the engine"),
        ),
        (
            "CNX104", "pinged", Severity.WARNING,
            "the engine acquired from sqlalchemy.create_engine is never bound, so it cannot be released",
        ),
        (
            "CNX103", "given_if", Severity.WARNING,
            ("'conn' is not released on the path that reaches the end of the function (acquired from psycopg2.connect; "
            "never released in this function)"),
        ),
        (
            "CNX102", "prepared", Severity.WARNING,
            "'conn' is not released if line 79 raises (acquired from sqlite3.connect)",
        ),
    ],
)  # fmt: skip
def test_words_fit_the_code(tmp_path: Path, code: str, function: str, severity: Severity, message: str) -> None:
    """What is advised can be done, and what is said is so."""
    settings = Settings()
    report = Checker().check_data(WORDED.encode(), "app.py", Config(settings, tmp_path), str(tmp_path / "app.py"))
    said = [(f.message, f.severity) for f in report.findings if f.code == code and f.function == function]
    assert said == [(message, severity)]


CIRCLE = """\
import requests
import sqlalchemy as sa

engine = sa.create_engine("postgresql://db/shop")


def one(node):
    two(node)


def two(node):
    if node.more:
        one(node.next)
    three(node)


def three(node):
    two(node)
    send(node)


def send(node):
    requests.post(node.url)


def show(node):
    with engine.connect() as conn:
        conn.execute(sa.text("select 1"))
        one(node)
"""


def test_a_way_passes_no_function_twice(tmp_path: Path) -> None:
    [message] = found(tmp_path, CIRCLE, "CNX202")
    assert "while one → two → three → send → requests.post (http) is waited for" in message


ADDRESSED = """\
import requests
from flask import Flask

app = Flask(__name__)
BASE = "https://example.com"


@app.get("/<path>")
def show(path):
    return requests.get({url}).text
"""


@pytest.mark.parametrize(
    ("url", "confidence"),
    [
        ('"https://example.com/rates"', Confidence.HIGH),
        ('f"https://example.com/{path}"', Confidence.HIGH),
        ('f"{BASE}/{path}"', Confidence.HIGH),
        ('BASE + "/" + path', Confidence.HIGH),
        ("BASE, params={'q': path}", Confidence.HIGH),
        ("path", Confidence.LOW),
        ('f"https://{path}/rates"', Confidence.LOW),
        ('path + "/rates"', Confidence.LOW),
        ("url=path", Confidence.LOW),
    ],
)
def test_one_client_serves_one_address(tmp_path: Path, url: str, confidence: Confidence) -> None:
    """What goes to whom the request names gains little from a client that is shared."""
    settings = Settings(extend_select=("CNX304",), min_confidence="low")
    source = ADDRESSED.replace("{url}", url)
    report = Checker().check_data(source.encode(), "app.py", Config(settings, tmp_path), str(tmp_path / "app.py"))
    assert [f.confidence for f in report.findings if f.code == "CNX304"] == [confidence]


LOST_IN_A_HANDLER = """\
import psycopg2
from app import audit


def both(near_dsn, far_dsn):
    near = psycopg2.connect(near_dsn)
    try:
        far = psycopg2.connect(far_dsn)
    except Exception:
        {first}
        near.close()
        raise
    return near, far
"""


@pytest.mark.parametrize(
    ("first", "lines"),
    [("audit(far_dsn)", ["if line 10 raises"]), ("far_dsn = None", [])],
    ids=["the handler fails", "it does not"],
)
def test_lost_in_a_handler(tmp_path: Path, first: str, lines: list[str]) -> None:
    """What fails in a handler loses what the handler was to release; what it has caught does not."""
    source = LOST_IN_A_HANDLER.format(first=first).encode()
    config = Config(Settings(min_severity="info"), tmp_path)
    report = Checker().check_data(source, "app.py", config, str(tmp_path / "app.py"))
    found = [f.message for f in report.findings if f.code == "CNX102" and "'near'" in f.message]
    assert len(found) == len(lines)
    assert all(line in message for line, message in zip(lines, found, strict=True))


LOST_IN_A_BLOCK = """\
import psycopg2
from app import audited


def both(near_dsn):
    near = psycopg2.connect(near_dsn)
    with audited(near_dsn):
        near.cursor().execute("select 1")
    near.close()
"""


def test_lost_in_a_block(tmp_path: Path) -> None:
    """A manager that is left by what has failed in its body does not take the blame."""
    (message,) = found(tmp_path, LOST_IN_A_BLOCK, "CNX102")
    assert "if line 8 raises" in message


ARMS = """\
from contextlib import contextmanager

import psycopg2
import sqlite3


@contextmanager
def lent(path, remote):
    conn = {made}
    yield conn
    conn.close()
"""


@pytest.mark.parametrize(
    "made",
    [
        "psycopg2.connect(path) if remote else sqlite3.connect(path)",
        "sqlite3.connect(path) if remote else (psycopg2.connect(path) if path else open(path))",
        "psycopg2.connect(path)",
    ],
)
def test_arms_of_a_conditional_are_one(tmp_path: Path, made: str) -> None:
    (message,) = found(tmp_path, ARMS.format(made=made), "CNX107")
    assert "psycopg2.connect" in message
    assert ("sqlite3.connect" in message) == ("sqlite3" in made)


REPEATED = """\
import httpx


def pages(urls):
    for url in urls:
        {made}.get(url)
"""


@pytest.mark.parametrize(
    ("ignore", "codes"),
    [((), ["CNX303"]), (("CNX303",), ["CNX104"])],
)
def test_what_a_loop_builds_and_nobody_closes_is_said_once(
    tmp_path: Path, ignore: tuple[str, ...], codes: list[str]
) -> None:
    source = REPEATED.format(made="httpx.AsyncClient()")
    settings = (Settings(ignore=ignore), Settings(per_file_ignores={"app.py": ignore}))
    for each in settings:
        report = Checker().check_data(source.encode(), "app.py", Config(each, tmp_path), str(tmp_path / "app.py"))
        assert [f.code for f in report.findings] == codes


EITHER = """\
import httpx
import redis


async def pages(urls, cached):
    for url in urls:
        async with {made} as client:
            await client.get(url)
"""


@pytest.mark.parametrize(
    "made",
    [
        "(httpx.AsyncClient() if cached else redis.asyncio.Redis())",
        "(httpx.AsyncClient() if cached else redis.asyncio.Redis() if urls else httpx.AsyncClient())",
        "httpx.AsyncClient()",
    ],
)
def test_a_turn_builds_one_arm_of_a_conditional(tmp_path: Path, made: str) -> None:
    assert len(found(tmp_path, EITHER.format(made=made), "CNX303")) == 1


ONE_OF_MANY = """\
from kubernetes import client


def scale(names):
    for name in names:
        client.AppsV1Api().patch_namespaced_deployment_scale(name, "shop", {})
"""


def test_a_class_is_named_as_the_source_names_it(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, ONE_OF_MANY, "CNX303")
    assert finding.startswith("kubernetes.client.AppsV1Api is built in every turn")


STALE = """\
import aiohttp
import httpx


class Backend:
    _client = None

    def client(self):
        if self._client is None:
            self._client = httpx.Client()
        return self._client

    def close(self):
        if self._client is not None:
            self._client.close()


class InEveryCall:
    _session = None

    def session(self):
        if not self._session:
            self._session = aiohttp.ClientSession()
        return self._session

    async def total(self, url):
        async with self.session() as session:
            return await (await session.get(url)).json()
"""


def test_what_holds_what_is_released(tmp_path: Path) -> None:
    """No single run of a method shows it: it is the next that fails."""
    settings = Settings(min_severity="info")
    report = Checker().check_data(STALE.encode(), "app.py", Config(settings, tmp_path), str(tmp_path / "app.py"))
    assert [(f.line, f.message, f.severity) for f in report.findings if f.code == "CNX121"] == [
        (line, f"{still} gives it out again, and its next use raises: set it to None", Severity.INFO)
        for line, still in (
            (15, "'self._client' still holds what is released here: 'client' on line 8"),
            (27, "'self._session' still holds what is released here: 'session' on line 21"),
        )
    ]
