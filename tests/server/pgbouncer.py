"""A real PgBouncer in front of the tests' PostgreSQL server."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import psycopg2

from server.postgres import Postgres

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
"""Where it is; distributions put it where only root looks."""
SERVER_CONNECTIONS = 2
"""As many as it opens to the server: enough that a client can meet another one than before."""
_PATIENCE = 10.0
"""Seconds until it answers."""


def version() -> tuple[int, ...]:
    """Of the installed PgBouncer; empty where there is none."""
    if PROGRAM is None:
        return ()
    said = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"PgBouncer (\d+)\.(\d+)", said)
    return tuple(map(int, found.groups())) if found else ()


@dataclass(frozen=True)
class Bouncer:
    """A running PgBouncer in transaction mode."""

    port: int

    @property
    def address(self) -> str:
        """What follows the scheme in a URL."""
        return f"postgres@127.0.0.1:{self.port}/postgres"

    @property
    def dsn(self) -> str:
        """Where libpq and asyncpg find it."""
        return f"postgresql://{self.address}"

    @contextmanager
    def others(self) -> Iterator[None]:
        """Meanwhile another client has the server's connection that was used last."""
        other = psycopg2.connect(self.dsn)
        try:
            other.cursor().execute("select 1")
            yield
        finally:
            other.rollback()
            other.close()


@contextmanager
def pgbouncer(server: Postgres, prepared: int | None = None) -> Iterator[Bouncer]:
    """One that runs meanwhile.

    Args:
        server: what it stands in front of.
        prepared: its `max_prepared_statements`; None leaves that out, for versions that do not know it.
    """
    assert PROGRAM is not None
    sockets = parse_qs(urlsplit(server.uri).query)["host"][0]
    folder = Path(tempfile.mkdtemp())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "any",
        "pool_mode": "transaction",
        "default_pool_size": SERVER_CONNECTIONS,
        "ignore_startup_parameters": "extra_float_digits",
        **({} if prepared is None else {"max_prepared_statements": prepared}),
    }
    lines = ["[databases]", f"postgres = host={sockets} user=postgres", "[pgbouncer]"]
    lines += [f"{key} = {value}" for key, value in settings.items()]
    (folder / "pgbouncer.ini").write_text("\n".join(lines), encoding="utf-8")
    command = [PROGRAM, str(folder / "pgbouncer.ini")]
    if os.getuid() == 0:  # it refuses to be root, and only the server's owner may use its socket
        owner = Path(sockets).owner()
        shutil.chown(folder, owner)
        command[1:1] = ["-u", owner]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    bouncer = Bouncer(port)
    try:
        _wait(bouncer, process)
        yield bouncer
    finally:
        process.terminate()
        process.wait()
        if process.stderr:
            process.stderr.close()
        shutil.rmtree(folder)


def _wait(bouncer: Bouncer, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and process.poll() is None:
        with suppress(psycopg.OperationalError), psycopg.connect(bouncer.dsn):
            return
        time.sleep(0.05)
    process.terminate()
    raise RuntimeError(f"pgbouncer does not answer: {process.communicate()[1].decode()}")
