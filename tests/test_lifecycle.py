"""CNX701 and CNX702 across modules: the module that makes a pool is seldom the one that closes or watches it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from pooclint.config import Config, Settings
from pooclint.run.check import Checker

DB = """
import os
from sqlalchemy.ext.asyncio import create_async_engine

engine = create_async_engine(os.environ["DATABASE_URL"])
"""
MAIN = """
from fastapi import FastAPI
from shop.db import engine

app = FastAPI()

@app.get("/")
async def read():
    async with engine.connect() as conn:
        return (await conn.execute(QUERY)).all()
"""


def codes(folder: Path, files: Mapping[str, str]) -> list[str]:
    (folder / ".git").mkdir(exist_ok=True)
    for name, content in {"shop/__init__.py": "", "shop/db.py": DB, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    config = Config(Settings(select=("CNX7",)), folder)
    report = Checker().check_data(DB.encode(), "shop/db.py", config, str(folder / "shop" / "db.py"))
    return [finding.code for finding in report.findings]


def test_nobody_does(tmp_path: Path) -> None:
    assert codes(tmp_path, {"shop/main.py": MAIN}) == ["CNX701", "CNX702"]


@pytest.mark.parametrize(
    ("more", "left"),
    [
        ("\n@app.on_event('shutdown')\nasync def end():\n    await engine.dispose()\n", ["CNX702"]),
        ("\napp.router.on_shutdown.append(engine.dispose)\n", ["CNX702"]),
        ("\n@app.get('/pool')\ndef pool():\n    return engine.pool.status()\n", ["CNX701"]),
        ("\nfrom opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor\n", ["CNX701"]),
        ("\nfrom prometheus_client import Gauge\n", ["CNX701"]),
    ],
)
def test_another_module_does(more: str, left: list[str], tmp_path: Path) -> None:
    assert codes(tmp_path, {"shop/main.py": MAIN + more}) == left


def test_through_the_module_itself(tmp_path: Path) -> None:
    main = MAIN.replace("from shop.db import engine", "from shop import db").replace("engine.", "db.engine.")
    closing = "\n@app.on_event('shutdown')\nasync def end():\n    await db.engine.dispose()\n"
    assert codes(tmp_path, {"shop/main.py": main + closing}) == ["CNX702"]


def test_a_helper_closes_it(tmp_path: Path) -> None:
    helper = "\nasync def put_away(what):\n    await what.dispose()\n"
    closing = "\n@app.on_event('shutdown')\nasync def end():\n    await put_away(engine)\n"
    assert codes(tmp_path, {"shop/main.py": MAIN + helper + closing}) == ["CNX702"]


def test_a_script_ends(tmp_path: Path) -> None:
    script = "from shop.db import engine\n\nasync def main():\n    async with engine.connect() as conn:\n        pass\n"
    assert codes(tmp_path, {"shop/report.py": script}) == []
