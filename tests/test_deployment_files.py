"""Deployments in the shapes that projects have: each figure, and the line it comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployments import FIXTURES, read_tree, server_models, shown, written
from pooclint.deployment.facts import Deployment


@pytest.mark.parametrize("name", sorted(path.name for path in FIXTURES.iterdir() if path.is_dir()))
def test_every_figure_has_its_origin(name: str) -> None:
    assert shown(read_tree(FIXTURES / name).production) == (FIXTURES / f"{name}.txt").read_text("utf-8").splitlines()


def test_the_example_is_what_its_description_says() -> None:
    here = read_tree(FIXTURES.parent.parent.parent / "examples" / "shop").production
    (api,), (postgres,), (pgbouncer,) = here.programs, here.servers, here.poolers
    assert (api.target, api.instances.value, api.processes.value) == ("shop.app:app", 20, 2)
    assert (postgres.name, postgres.max_connections.value, postgres.usable) == ("postgres", 100, 97)
    assert (pgbouncer.mode.value, pgbouncer.port, pgbouncer.databases[0].host) == ("transaction", 6432, "replica")
    assert api.total * 10 == 400


def one(tmp_path: Path, files: dict[str, str]) -> Deployment:
    return written(tmp_path, files).production


COMMANDS = (FIXTURES / "commands.txt").read_text("utf-8").splitlines()[1:]


@pytest.mark.parametrize(("command", "expected"), list(zip(COMMANDS[::2], COMMANDS[1::2], strict=True)))
def test_a_command_is_what_it_starts(command: str, expected: str, tmp_path: Path) -> None:
    found = one(tmp_path, {"Procfile": f"web: {command}\n"})
    assert [text.rpartition(" | ")[0] for text in shown(found)] == [f"web: {expected.strip()}"]


SETTINGS = [
    ("workers = 4", "4 gunicorn.conf.py:1"),
    ("workers: int = 2 + 3", "5 gunicorn.conf.py:1"),
    ("import multiprocessing\nworkers = multiprocessing.cpu_count() * 2 + 1", "3? gunicorn.conf.py:2"),
    ("import os\nworkers = int(os.environ.get('WORKERS', 5))", "5* gunicorn.conf.py:2"),
    ("from os import getenv\none = float(getenv('ONE', '2'))\nworkers = max(int(one * 1), 3)", "3* gunicorn.conf.py:3"),
    ("import os\nw = os.getenv('W')\nif w:\n    workers = int(w)\nelse:\n    workers = 9", "9 gunicorn.conf.py:6"),
    ("workers = 1 if False else 6", "6 gunicorn.conf.py:1"),
    ("workers = read()", "1 (default of gunicorn 27)"),
    ("workers = 10 ** 100", "1 (default of gunicorn 27)"),
    ("workers = [0] * 3", "1 (default of gunicorn 27)"),
    ("workers = 4 / 0", "1 (default of gunicorn 27)"),
    ("workers = 'four'", "1? gunicorn.conf.py:1"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), SETTINGS)
def test_settings_in_python_are_read_and_never_run(text: str, expected: str, tmp_path: Path) -> None:
    found = one(tmp_path, {"Procfile": "web: gunicorn app:app\n", "gunicorn.conf.py": text})
    assert shown(found)[0].split(" | ")[1] == expected


def test_the_strongest_place_wins(tmp_path: Path) -> None:
    files = {
        "Procfile": "web: gunicorn app:app --workers 2\n",
        "gunicorn.conf.py": "workers = 3\nthreads = 6\n",
        ".env": "WEB_CONCURRENCY=4\nGUNICORN_CMD_ARGS=--workers=5 --threads=7\n",
    }
    assert shown(one(tmp_path, files))[0].split(" | ")[1:3] == ["2 Procfile:1", "7 .env:2"]


def test_settings_may_be_named_as_a_module(tmp_path: Path) -> None:
    files = {"Procfile": "web: gunicorn -c python:conf.gunicorn_live a:b\n", "conf/gunicorn_live.py": "workers = 6"}
    expected = "web: web gunicorn a:b | 6 conf/gunicorn_live.py:1 | 1 (default of gunicorn 27)"
    assert shown(one(tmp_path, files))[0].rpartition(" | ")[0] == expected


SCRIPTS = [
    ('python manage.py migrate $1\nexec gunicorn -w 2 a:b "$1"', "--settings=x", "gunicorn"),
    ('prepare\nexec "$@"', "gunicorn a:b", "gunicorn"),
    ('python prepare.py\nexec "$@"', "./unknown", ""),
    ('case "$1" in\n web) gunicorn a:b ;;\n work) celery worker ;;\nesac', "work", "celery"),
    ('case "$1" in\n web) gunicorn a:b ;;\n work) celery worker ;;\nesac', "other", ""),
    ('if [ "$1" = "web" ]; then\n  gunicorn a:b\nelse\n  exec "$@"\nfi', "web", "gunicorn"),
    ('web() {\n  gunicorn a:b\n}\nwork() {\n  celery worker\n}\n"$@"', "work", "celery"),
    ("gunicorn a:b", "", "gunicorn"),
]


@pytest.mark.parametrize(("script", "command", "runner"), SCRIPTS)
def test_what_a_script_starts(script: str, command: str, runner: str, tmp_path: Path) -> None:
    files = {
        "compose.yaml": f"services: {{web: {{build: ., command: '{command}'}}}}",
        "Dockerfile": 'FROM x\nENTRYPOINT ["/srv/start.sh"]\n',
        "start.sh": f"#!/bin/sh\n{script}\n",
    }
    assert [program.runner for program in written(tmp_path, files).programs] == [runner]


def test_timeouts_are_in_seconds(tmp_path: Path) -> None:
    found = one(tmp_path, {"Procfile": "web: gunicorn app:app --timeout 90 --graceful-timeout 20s\n"}).programs[0]
    assert {name: (seconds.value, seconds.how) for name, seconds in found.timeouts.items()} == {
        "request": (90.0, "written"),
        "graceful": (20.0, "written"),
        "keep-alive": (2.0, "default"),
    }


def test_an_image_that_two_services_share_is_built_by_one(tmp_path: Path) -> None:
    files = {
        "compose.yaml": "services:\n  a: {build: ., image: shop}\n  b: {image: shop, command: uvicorn b:app}\n",
        "Dockerfile": "FROM python\nCMD gunicorn -w 3 a:app\n",
    }
    assert [(p.name, p.runner, p.processes.value) for p in one(tmp_path, files).programs] == [
        ("a", "gunicorn", 3),
        ("b", "uvicorn", 1),
    ]


def test_a_dockerfile_alone_is_a_program(tmp_path: Path) -> None:
    found = one(tmp_path, {"Dockerfile": "FROM python:3.12\nENV WEB_CONCURRENCY 3\nCMD uvicorn app:app\n"})
    assert [(p.kind, p.processes.value, p.site.system) for p in found.programs] == [("web", 3, "image")]


def test_settings_that_no_command_names_are_used_all_the_same(tmp_path: Path) -> None:
    found = one(tmp_path, {"gunicorn.conf.py": "workers = 4\n", "infra/postgresql.conf": "max_connections = 60\n"})
    assert [(p.runner, p.processes.value) for p in found.programs] == [("gunicorn", 4)]
    assert [(s.kind, s.max_connections.value, s.usable) for s in found.servers] == [("postgresql", 60, 57)]


SERVERS = [
    ("image: postgres:16", "", "postgresql 100"),
    ("image: bitnami/postgresql:15\n    environment: {POSTGRESQL_MAX_CONNECTIONS: '400'}", "", "postgresql 400"),
    ("image: timescale/timescaledb:latest-pg16\n    command: postgres -N 33", "", "postgresql 33"),
    ("image: postgres\n    command: -c 'max_connections=${MAX:-77}'", "", "postgresql 77"),
    ("image: postgres\n    command: [postgres, --max_connections=55]", "", "postgresql 55"),
    ("image: mysql:8\n    command: --max-connections=500 --skip-name-resolve", "", "mysql 500"),
    ("image: mariadb:11\n    volumes: ['./my.cnf:/etc/mysql/my.cnf']", "[mysqld]\nmax_connections=222\n", "mysql 222"),
    ("image: mariadb:11\n    command: mariadbd --max_connections 90", "", "mysql 90"),
    ("image: postgres:16\n    command: pg_dump -h db", "", ""),
    ("image: acme/postgres-exporter", "", ""),
]


@pytest.mark.parametrize(("service", "settings", "expected"), SERVERS)
def test_what_a_server_accepts(service: str, settings: str, expected: str, tmp_path: Path) -> None:
    found = written(tmp_path, {"compose.yml": f"services:\n  db:\n    {service}\n", "my.cnf": settings})
    assert [f"{s.kind} {s.max_connections.value}" for s in found.servers] == ([expected] if expected else [])


URLS = [
    ("postgresql://u@db:5432/x", []),
    ("postgresql://u@pool.internal:6432/x", [("pgbouncer", "unknown")]),
    ("postgres://u@aws-0-us.pooler.supabase.com:5432/postgres", [("supavisor", "session")]),
    ("postgresql+asyncpg://u@db.abc.supabase.co:6543/postgres", [("supavisor", "transaction")]),
    ("postgresql://u@ep-cool-1-pooler.us-east-2.aws.neon.tech/x", [("neon", "transaction")]),
    ("postgresql://u@ep-cool-1.us-east-2.aws.neon.tech/x", []),
    ("postgresql://u@x.postgres.database.azure.com:6432/x", [("pgbouncer", "unknown")]),
    ("mysql://u@shop.proxy-abc.eu-west-1.rds.amazonaws.com:3306/x", [("rds-proxy", "transaction")]),
    ("redis://cache:6432/0", []),
    ("postgresql://u@[broken:6432/x", []),
    ("postgresql://u@db:notaport/x", []),
]


@pytest.mark.parametrize(("url", "expected"), URLS)
def test_addresses_that_lead_to_a_pooler(url: str, expected: list[tuple[str, str]], tmp_path: Path) -> None:
    found = written(tmp_path, {".env": f"DATABASE_URL={url}\n"})
    assert [(p.kind, p.mode.value) for p in found.poolers] == expected


@pytest.mark.parametrize(
    ("tag", "prepared"),
    [("1.18.0", 0), ("1.21.0-p1", 0), ("v1.23.1", 0), ("1.24.0", 200), ("1.25", 200), ("latest", None)],
)
def test_prepared_statements_by_version(tag: str, prepared: int | None, tmp_path: Path) -> None:
    found = written(tmp_path, {"compose.yml": f"services:\n  pool:\n    image: edoburu/pgbouncer:{tag}\n"})
    known = found.poolers[0].max_prepared_statements
    assert (known.value if known else None) == prepared


def test_databases_of_a_pooler() -> None:
    found = read_tree(FIXTURES / "units").poolers[0].databases
    assert [
        (d.name, d.host, d.pool_size.value if d.pool_size else 0, d.mode.value if d.mode else "") for d in found
    ] == [
        ("shop", "10.0.0.5", 30, ""),
        ("reports", "10.0.0.6", 0, "session"),
        ("*", "10.0.0.5", 0, ""),
    ]


def test_what_is_not_for_production_comes_last(tmp_path: Path) -> None:
    service = "services:\n  web:\n    image: shop\n    command: gunicorn -w {} app:app\n"
    files = {
        f"{name}.yml": service.format(n) for n, name in enumerate(("compose.dev", "compose.prod", "tests/compose"), 1)
    }
    found = written(tmp_path, files)
    assert [site.label for site in found.sites] == ["compose.prod.yml", "compose.dev.yml", "tests/compose.yml"]
    assert [p.total for p in found.production.programs] == [2]


def test_the_programs_that_others_make_are_not_counted(tmp_path: Path) -> None:
    services = "".join(f"  s{n}: {{image: {image}}}\n" for n, image in enumerate(server_models().others))
    assert shown(written(tmp_path, {"compose.yml": f"services:\n{services}"})) == []
