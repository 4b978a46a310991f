"""CNX503 against deployments: what a process may wait for, and when its server program ends the request."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from pooclint.config import Config, Settings
from pooclint.run.check import Checker

GUNICORN = {"Procfile": "web: gunicorn -w 4 --timeout 20 app:app\n"}
UWSGI = {"Procfile": "web: uwsgi --module app --threads 8 --harakiri 20\n"}
ENGINE = "from sqlalchemy import create_engine\n\nengine = create_engine('postgresql://db/app', {})\n"
HANDLER = """
import requests
from flask import Flask

app = Flask(__name__)
session = requests.Session()

@app.get("/rates")
def rates():
    return session.get("https://rates.example", {}).json()
"""


def messages(folder: Path, source: str, files: Mapping[str, str]) -> list[str]:
    (folder / ".git").mkdir(exist_ok=True)
    for name, content in {"app.py": source, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    config = Config(Settings(select=("CNX503",)), folder)
    return [f.message for f in Checker().check_data(source.encode(), "app.py", config, str(folder / "app.py")).findings]


@pytest.mark.parametrize(
    ("arguments", "files", "expected"),
    [
        ("connect_args={'options': '-c statement_timeout=60000'}", GUNICORN, ["a query may take 60 s"]),
        ("connect_args={'options': '-c statement_timeout=20s'}", GUNICORN, ["a query may take 20 s"]),
        ("connect_args={'options': '-c statement_timeout=1min'}", GUNICORN, ["a query may take 60 s"]),
        ("connect_args={'options': '-c statement_timeout=10s'}", GUNICORN, []),
        ("connect_args={'options': '-c statement_timeout=60000'}", {}, []),
        # One worker does one thing: nobody waits for its pool.
        ("pool_timeout=60", GUNICORN, []),
        ("pool_timeout=60", UWSGI, ["a caller may wait for a connection for 60 s"]),
        ("pool_timeout=10", UWSGI, []),
        # A process that answers its master is left alone, however long a request takes.
        (
            "connect_args={'options': '-c statement_timeout=60000'}",
            {"Procfile": "web: gunicorn -k uvicorn.workers.UvicornWorker --timeout 20 app:app\n"},
            [],
        ),
        (
            "connect_args={'options': '-c statement_timeout=60000'}",
            {"Procfile": "web: gunicorn --threads 4 --timeout 20 app:app\n"},
            [],
        ),
        # No limit at all, and a program beside it that has none.
        (
            "connect_args={'options': '-c statement_timeout=60000'}",
            {"Procfile": "web: gunicorn --timeout 0 app:app\n"},
            [],
        ),
        (
            "connect_args={'options': '-c statement_timeout=60000'}",
            {"Procfile": "web: gunicorn --timeout 20 app:app\nstream: uvicorn app:app\n"},
            [],
        ),
    ],
)
def test_pools(arguments: str, files: Mapping[str, str], expected: list[str], tmp_path: Path) -> None:
    found = messages(tmp_path, ENGINE.format(arguments), files)
    assert [message.partition(" (")[0] for message in found] == expected


def test_the_message_names_both_places(tmp_path: Path) -> None:
    (message,) = messages(tmp_path, ENGINE.format("connect_args={'options': '-c statement_timeout=60000'}"), GUNICORN)
    assert message == ("a query may take 60 s (statement_timeout), and gunicorn ends a request after 20 s (Procfile:1)")


def test_asyncpg_tells_the_server(tmp_path: Path) -> None:
    source = """
import asyncpg

async def main():
    return await asyncpg.create_pool("postgresql://db/app", server_settings={"statement_timeout": "90000"})
"""
    assert messages(tmp_path, source, UWSGI)
    assert messages(
        tmp_path, source.replace('server_settings={"statement_timeout": "90000"}', "command_timeout=90"), UWSGI
    )
    assert not messages(tmp_path, source.replace("90000", "9000"), UWSGI)


@pytest.mark.parametrize(("arguments", "count"), [("timeout=60", 1), ("timeout=5", 0), ("headers={}", 0)])
def test_replies(arguments: str, count: int, tmp_path: Path) -> None:
    assert len(messages(tmp_path, HANDLER.replace("{}", arguments, 1), GUNICORN)) == count


def test_replies_outside_of_requests(tmp_path: Path) -> None:
    script = "import requests\n\ndef main():\n    requests.Session().get('https://rates.example', timeout=60)\n"
    assert not messages(tmp_path, script, GUNICORN)
