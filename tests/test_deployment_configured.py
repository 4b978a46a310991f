"""What the user says of a deployment goes before what was read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from deployments import FIXTURES, pooler, program, read_tree, server, server_models, written
from pooclint.config import Settings
from pooclint.deployment.configured import configured
from pooclint.deployment.facts import Deployment


def changed(found: Deployment, table: dict[str, Any]) -> list[str]:
    settings = msgspec.convert(table, Settings)
    here = configured(found, settings.budget, settings.pooler, server_models()).production
    return [
        *(program(one, here.root).split(": ", 1)[1] for one in here.programs),
        *(server(one, here.root).split(": ", 1)[1] for one in here.servers),
        *(pooler(one, here.root).split(": ", 1)[1] for one in here.poolers),
    ]


BARE = [
    ({}, []),
    ({"budget": {"instances": 4, "workers": 2}}, ["web - - | 2 (workers) | - | 4 (instances)"]),
    ({"budget": {"workers": 2}}, ["web - - | 2 (workers) | - | 1? (one instance)"]),
    ({"budget": {"max-connections": 60}}, ["postgresql 60 (max-connections) - 3 (default of PostgreSQL 18)"]),
    (
        {"budget": {"server": "mysql", "reserved": 5}},
        ["mysql 151 (default of MySQL 8.4, MariaDB 10.11.19) - 5 (reserved)"],
    ),
    (
        {"pooler": {"mode": "transaction", "default-pool-size": 25, "max-prepared-statements": 0}},
        ["pgbouncer 0 transaction (mode) | 25 (default-pool-size) | 0 (max-prepared-statements)"],
    ),
    (
        {"budget": {"program": [{"name": "a", "instances": 3}, {"name": "b", "kind": "worker", "threads": 8}]}},
        [
            "web - - | 1? (one process) | - | 3 (instances)",
            "worker - - | 1? (one process) | 8 (threads) | 1? (one instance)",
        ],
    ),
]


@pytest.mark.parametrize(("table", "expected"), BARE)
def test_where_no_file_says_anything(table: dict[str, Any], expected: list[str], tmp_path: Path) -> None:
    assert changed(written(tmp_path, {}), table) == expected


def test_one_program_is_meant() -> None:
    """What is not said of it is that of the largest web program that was read."""
    here = changed(read_tree(FIXTURES / "kubernetes"), {"budget": {"instances": 7}})
    expected = "web gunicorn orders.wsgi:app | 4 manifests/api.yaml:7 | 8 manifests/api.yaml:32 | 7 (instances)"
    assert [text for text in here if " | " in text and "pgbouncer" not in text] == [expected]


def test_others_stay_beside_a_named_program() -> None:
    table = {"budget": {"program": [{"name": "api", "instances": 2}], "max-connections": 500}}
    here = changed(read_tree(FIXTURES / "kubernetes"), table)
    assert [text.rpartition(" | ")[2] for text in here[:3]] == [
        "2 manifests/rest.yaml:8",
        "1 (one pod unless replicas says otherwise)",
        "2 (instances)",
    ]
    assert here[3] == "postgresql 500 (max-connections) - 5 manifests/rest.yaml:45"
    assert here[4].startswith("pgbouncer 6432 transaction manifests/rest.yaml:57")


def test_a_configured_pooler_replaces_what_was_read() -> None:
    here = changed(read_tree(FIXTURES / "kubernetes"), {"pooler": {"mode": "session"}})
    assert here[-1] == "pgbouncer 0 session (mode) | - | -"
