"""Starts the programs that users start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

LEAK = """\
import asyncpg


async def read(pool: asyncpg.Pool) -> int:
    conn = await pool.acquire()
    return await conn.fetchval("select 1")
"""
LEAK_LINE = 5
LEAK_CODE = "CNX101"

CLEAN = """\
import asyncpg


async def read(pool: asyncpg.Pool) -> int:
    async with pool.acquire() as conn:
        return await conn.fetchval("select 1")
"""


def python_path(*more: Path) -> str:
    """`PYTHONPATH` for a program that starts in another folder, with further folders in front."""
    known = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return os.pathsep.join([*map(str, more), *map(os.path.abspath, known)])


def run(
    *command: str | Path, cwd: Path, stdin: str | bytes = b"", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs `python -m ...` and returns what it printed."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    plain = {name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR", "NO_COLOR")}
    if plain.get("PYTHONPATH"):
        plain["PYTHONPATH"] = python_path()
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        cwd=cwd,
        input=data,
        capture_output=True,
        check=False,
        timeout=300,
        env={**plain, "PYTHONIOENCODING": "utf-8", **(env or {})},
    )
    return subprocess.CompletedProcess(
        done.args,
        done.returncode,
        done.stdout.decode().replace("\r\n", "\n"),
        done.stderr.decode().replace("\r\n", "\n"),
    )


def pooclint(*arguments: str | Path, cwd: Path, **more: object) -> subprocess.CompletedProcess[str]:
    """Runs the command; a traceback is never right."""
    done = run("pooclint", *arguments, cwd=cwd, **more)  # type: ignore[arg-type]
    assert "Traceback" not in done.stderr, done.stderr
    return done
