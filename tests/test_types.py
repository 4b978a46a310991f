"""Types that are said rather than inferred."""

from __future__ import annotations

import pytest

from pooclint.engine import Limits, check_bytes
from pooclint.models import load_models
from pooclint.packs import load_rules, model_paths

HEAD = "import typing\nfrom typing import Any, cast\n\nimport asyncpg\n\n\n"


@pytest.mark.parametrize(
    "pool",
    [
        'cast(asyncpg.Pool, app["pool"])',
        'cast("asyncpg.Pool", app["pool"])',
        'typing.cast(val=app["pool"], typ="asyncpg.Pool | None")',
        'typing.assert_type(cast("asyncpg.Pool", app["pool"]), asyncpg.Pool)',
    ],
)
def test_a_cast_names_the_type(pool: str) -> None:
    assert _leaks(f"async def get(app):\n    conn = await {pool}.acquire()\n    return await conn.fetchval('')\n") == 1


def test_a_cast_to_anything_leaves_the_type_as_it_was() -> None:
    source = (
        "async def get(pool: asyncpg.Pool):\n    conn = await cast(Any, pool).acquire()\n    await conn.fetch('')\n"
    )
    assert _leaks(source) == 1


def test_what_is_cast_is_still_the_same() -> None:
    source = "async def get(pool: asyncpg.Pool):\n    conn = await pool.acquire()\n    return cast(Any, conn)\n"
    assert _leaks(source) == 0


def _leaks(source: str) -> int:
    result = check_bytes((HEAD + source).encode(), "app.py", load_rules(), load_models(model_paths()), Limits())
    return sum(finding.code == "CNX101" for finding in result.findings)
