"""CNX306 across modules and deployment files: who forks after a module was imported is said elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from pooclint.config import Config, Settings
from pooclint.rule import Finding
from pooclint.run.check import Checker

DB = """
import os
from psycopg_pool import ConnectionPool

pool = ConnectionPool(os.environ["DATABASE_URL"])
late = ConnectionPool(os.environ["DATABASE_URL"], open=False)


def names():
    with pool.connection() as conn:
        return conn.execute("select name from users").fetchall()


def late_names():
    with late.connection() as conn:
        return conn.execute("select name from users").fetchall()
"""
WEB = """
from flask import Flask
from shop.db import late_names, names

app = Flask(__name__)


@app.get("/users")
def users():
    return {"names": names() + late_names()}
"""
TASKS = """
from celery import shared_task
from shop import db


@shared_task
def count():
    with db.pool.connection() as conn:
        return conn.execute("select count(*) from users").fetchone()
"""


def found(folder: Path, files: Mapping[str, str]) -> list[Finding]:
    """What is reported of the module that makes the pools."""
    (folder / ".git").mkdir(exist_ok=True)
    for name, content in {"shop/__init__.py": "", "shop/db.py": DB, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    config = Config(Settings(select=("CNX306",)), folder)
    return list(Checker().check_data(DB.encode(), "shop/db.py", config, str(folder / "shop" / "db.py")).findings)


def test_a_task_of_another_module(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, {"shop/tasks.py": TASKS})
    assert finding.line == 5
    assert "before celery forks" in finding.message
    assert [Path(step.path).name for step in finding.trace] == ["db.py", "tasks.py"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"Procfile": "web: gunicorn --preload shop.web:app\n"}, "gunicorn (--preload, Procfile:1)"),
        (
            {"Procfile": "web: gunicorn shop.web:app\n", "gunicorn.conf.py": "workers = 4\npreload_app = True\n"},
            "gunicorn (preload_app, gunicorn.conf.py:2)",
        ),
        ({"Procfile": "web: uwsgi --module shop.web:app -p 4\n"}, "uwsgi (default of uWSGI 2)"),
    ],
)
def test_a_server_that_loads_first(files: dict[str, str], said: str, tmp_path: Path) -> None:
    (finding,) = found(tmp_path, {"shop/web.py": WEB, **files})
    assert finding.line == 5
    assert f"before {said} forks" in finding.message


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"Procfile": "web: gunicorn shop.web:app\n"},
        {"Procfile": "web: gunicorn shop.web:app\n", "gunicorn.conf.py": "preload_app = False\n"},
        {"Procfile": "web: uwsgi --lazy-apps --module shop.web:app -p 4\n"},
        {"Procfile": "web: uwsgi --module shop.web:app\n"},
        {"Procfile": "web: uvicorn shop.web:app\n"},
    ],
)
def test_each_process_loads_for_itself(files: dict[str, str], tmp_path: Path) -> None:
    assert not found(tmp_path, {"shop/web.py": WEB, **files})
