"""The arithmetic of budgets, their formats, and what the commands print."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from console import run
from fixture_files import FIXTURES, expectations
from pooclint.budget import html, json_format, markdown, svg, text
from pooclint.budget.arithmetic import Limit, Line, Sum, largest_size, line_of, sum_of
from pooclint.budget.assumptions import KnownServer
from pooclint.budget.choice import Budget, budget_of, is_known
from pooclint.budget.resolved import Resolved, resolve
from pooclint.budget.sizing import Sizing
from pooclint.budget.view import TIMES, Bar, ordinal, verdict, view_of
from pooclint.config import Config, ConfigFinder, Settings
from pooclint.deployment.facts import Deployment, EnvironmentFile, Figure, Pooler, PoolerDatabase, Program, Server, Site
from pooclint.packs import rule_codes
from pooclint.program.pools import Address, Amount, Pool
from pooclint.run.budgets import find_budget, pools_of
from pooclint.run.discovery import discover

SITE = Site("compose", "/app", "compose.yaml", 30)
MOST = Figure(100, how="default", why="default of the server")
SERVERS = (
    KnownServer("postgresql", "PostgreSQL", frozenset({"postgresql", "postgres"}), MOST, Figure(3, how="default")),
    KnownServer("mysql", "MySQL", frozenset({"mysql"}), Figure(151, how="default"), Figure(0, how="default")),
)
URL = Address(scheme="postgresql")


def pool(name: str, most: int | None, overflow: int | None = None, **changes: object) -> Pool:
    over = Amount(overflow, "written") if overflow is not None else None
    made = Pool(name, "make", "lib", f"/app/{name}.py", 1, 1, 1, 9, Amount(most, "written"), over, address=URL)
    return replace(made, **changes)  # type: ignore[arg-type]


def program(name: str = "web", processes: int = 1, instances: int = 1, **changes: object) -> Program:
    made = Program(name, "web", SITE, processes=Figure(processes), instances=Figure(instances))
    return replace(made, **changes)  # type: ignore[arg-type]


def server(most: int = 100, reserved: int = 10, name: str = "") -> Server:
    return Server("postgresql", SITE, Figure(most), Figure(reserved), name)


def budget(*pools: Pool, **deployment: object) -> Budget:
    known = {"programs": (program(),), **deployment}
    return budget_of(pools, Deployment("/app", **known), SERVERS, lambda path: path[1:], lambda _: "")  # type: ignore[arg-type]


def resolved(one: Pool) -> Resolved:
    return resolve(one, one.path, {})


# --- arithmetic ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("most", "reserved", "processes", "size"),
    [(100, 10, 8, 11), (100, 10, 90, 1), (100, 10, 91, 0), (100, 100, 1, 0), (10, 20, 1, 0), (100, 0, 0, None)],
)
def test_the_largest_size_that_fits(most: int, reserved: int, processes: int, size: int | None) -> None:
    assert largest_size(most, reserved, processes) == size


@pytest.mark.parametrize("size", [11, 12])
def test_the_size_that_fits_fits_and_the_next_does_not(size: int) -> None:
    """(100 - 10) / 8 = 11."""
    found = budget(pool("a", size), programs=(program(processes=2, instances=4),), servers=(server(),))
    assert found.sums[0].fits == 11
    assert found.is_over == (size == 12)


def test_the_seed_of_this_project() -> None:
    """Twenty pods of twenty connections, and a server that allows a hundred."""
    (one,) = budget(pool("a", 5, 15), programs=(program(instances=20),), servers=(server(100, 0),)).sums
    assert (one.total, one.limit.usable, one.is_over) == (400, 100, True)
    assert verdict(one, arithmetic=True) == (
        f"over budget: (5 + 15) {TIMES} 1 {TIMES} 20 = 400 connections, and the server takes 100; "
        "from the 101st on it refuses"
    )


def test_all_pools_of_all_programs_are_added_up() -> None:
    programs = (program("web", 2, 3), program("worker", 8, 1, kind="worker"))
    (one,) = budget(pool("a", 5, 10), pool("b", 4), programs=programs, servers=(server(),)).sums
    assert one.total == (15 + 4) * (6 + 8)
    assert one.processes == 14
    assert one.fits == 90 // 14


def test_a_pool_without_a_limit_makes_the_sum_a_least() -> None:
    (one,) = budget(pool("a", 5), pool("b", None, unbounded="max_overflow=-1")).sums
    assert (one.total, one.is_least) == (5, True)


def test_an_unknown_size_is_assumed_not_guessed() -> None:
    unknown = pool("b", None, size=Amount(None, "unknown", variable="POOL"))
    found = budget(pool("a", 5), unknown)
    assert found.sums[0].is_least
    (said,) = [a for a in found.assumptions if "size of b" in a.text]
    assert said.override == "POOL=N in .env"


def test_a_connection_for_each_thread() -> None:
    programs = (program(processes=3, threads=Figure(4)),)
    (one,) = budget(pool("a", 1, per_thread=True), programs=programs).sums
    assert one.total == 12


def test_kinds_of_servers_are_apart() -> None:
    found = budget(
        pool("a", 5),
        pool("b", 50, address=Address(scheme="mysql")),
        pool("c", 70, address=Address(server="mysql")),
        pool("d", 90, address=Address(scheme="sqlite")),
        pool("e", 99, is_database=False, address=Address()),
    )
    assert {one.limit.kind: one.total for one in found.sums} == {"mysql": 120, "postgresql": 5}
    assert [line.pool.pool.name for line in found.others] == ["d", "e"]


def test_where_nothing_says_which_server_it_is_assumed_and_said() -> None:
    found = budget(pool("a", 5, address=Address(variable="DATABASE_URL")))
    assert found.sums[0].limit.kind == "postgresql"
    assert "DATABASE_URL=URL in .env" in [one.override for one in found.assumptions]


def test_the_environment_says_size_and_server() -> None:
    variables = {"POOL": Figure("30", "/app/.env", 1), "URL": Figure("mysql+x://db/x", "/app/.env", 2)}
    one = pool("a", 5, size=Amount(5, "default", variable="POOL"), address=Address(variable="URL"))
    found = budget(one, environment_files=(EnvironmentFile("/app/.env", variables),))
    assert [(s.limit.kind, s.total) for s in found.sums] == [("mysql", 30)]


def test_an_example_of_an_environment_is_weaker() -> None:
    files = (
        EnvironmentFile("/app/.env", {"POOL": Figure("30", "/app/.env", 1)}),
        EnvironmentFile("/app/.env.example", {"POOL": Figure("7", "/app/.env.example", 1)}, is_example=True),
    )
    one = pool("a", 5, size=Amount(5, "default", variable="POOL"))
    assert budget(one, environment_files=files).sums[0].total == 30


def test_the_url_of_a_schema_sizes_a_pool() -> None:
    one = pool("db", None, url_key="connection_limit", address=Address(server="postgresql"))
    url = Figure("postgresql://db/x?connection_limit=20&pool_timeout=10", "/app/schema.prisma", 3)
    (found,) = budget(one, urls=(url,)).sums
    assert (found.total, found.lines[0].pool.size.path, found.lines[0].pool.size.line) == (20, "/app/schema.prisma", 3)


def test_of_alternatives_the_largest_counts() -> None:
    found = budget(pool("a", 5, group="g"), pool("b", 9, group="g"), pool("c", 99, group="g", fallback=True))
    assert found.sums[0].total == 9
    assert {one.pool.pool.name for one in found.left_out} == {"a", "c"}


def test_tests_and_short_lived_pools_are_left_out() -> None:
    pools = (pool("a", 5), pool("b", 9), pool("c", 9, doubt="with"))
    here = Deployment("/app", programs=(program(),))
    found = budget_of(pools, here, SERVERS, str, lambda path: "in test code" if path == "/app/b.py" else "")
    assert found.sums[0].total == 5
    assert [one.why for one in found.left_out] == ["in test code", "closed at the end of a `with` block"]


def test_a_program_has_the_pools_that_it_imports() -> None:
    web, worker = program("web"), program("worker", 8)
    here = Deployment("/app", programs=(web, worker))
    files = {"web": frozenset({"/app/a.py", "/app/b.py"}), "worker": frozenset({"/app/b.py"})}
    pools = (pool("a", 1), pool("b", 10), pool("c", 100), pool("d", 1000, group="setting:D"))
    found = budget_of(pools, here, SERVERS, str, lambda _: "", lambda one: files[one.name])
    assert found.sums[0].total == 1 + 10 * 9 + 1000 * 9
    assert [(one.pool.pool.name, one.why) for one in found.left_out] == [("c", "not imported by web or worker")]


def test_a_program_has_the_pools_of_its_folder_where_imports_are_not_known() -> None:
    programs = (program("web", 2, root="/app/web"), program("worker", 3, root="/app/worker"))
    pools = (pool("a", 1, path="/app/web/a.py"), pool("b", 10, path="/app/worker/b.py"), pool("c", 100))
    assert budget(*pools, programs=programs).sums[0].total == 1 * 2 + 10 * 3 + 100 * 5


def test_without_programs_one_process_is_assumed() -> None:
    found = budget(pool("a", 5), programs=())
    assert found.sums[0].total == 5
    assert {"--workers N", "--instances N"} <= {one.override for one in found.assumptions}
    assert not is_known(found.sums[0])


def test_jobs_are_not_counted_beside_servers() -> None:
    found = budget(pool("a", 5), programs=(program(), program("migrate", 9, kind="job")))
    assert found.sums[0].total == 5
    assert any("migrate" in one.text for one in found.assumptions)


# --- poolers ---------------------------------------------------------------------------------------------------------


def pooler(**changes: object) -> Pooler:
    made = Pooler("bouncer", SITE, Figure("transaction"), name="bouncer", port=6432, default_pool_size=Figure(20))
    return replace(made, **changes)  # type: ignore[arg-type]


def test_what_is_behind_a_pooler_counts_instead_of_its_clients() -> None:
    (one,) = budget(
        pool("a", 50, address=Address("postgresql", "bouncer", 6432)),
        programs=(program(instances=10),), servers=(server(),), poolers=(pooler(max_client_conn=Figure(1000)),),
    ).sums  # fmt: skip
    assert one.shared is not None
    assert (one.total, one.shared.clients, one.is_over) == (20, 500, False)


def test_a_pooler_may_be_over_its_own_limit() -> None:
    (one,) = budget(
        pool("a", 50, address=Address("postgresql", "bouncer", 6432)),
        programs=(program(instances=10),), servers=(server(),), poolers=(pooler(max_client_conn=Figure(100)),),
    ).sums  # fmt: skip
    assert one.is_over
    assert "500 connections to bouncer, which takes 100" in verdict(one)


def test_a_pool_that_leads_past_the_pooler_counts_in_full() -> None:
    (one,) = budget(
        pool("a", 5, address=Address("postgresql", "db", 5432)),
        pool("b", 5, address=Address("postgresql", "bouncer", 6432)),
        servers=(server(name="db"),), poolers=(pooler(),),
    ).sums  # fmt: skip
    assert ([line.pool.pool.name for line in one.direct], one.total) == (["a"], 5 + 20)


def test_a_pooler_in_front_of_another_server() -> None:
    (one,) = budget(
        pool("b", 5, address=Address("postgresql", "bouncer", 6432)),
        servers=(server(name="db"),), poolers=(pooler(databases=(PoolerDatabase("x", "replica"),)),),
    ).sums  # fmt: skip
    assert one.total == 0


# --- formats ---------------------------------------------------------------------------------------------------------

HOSTILE = '<script>alert("&")</script>|`\x1b[31m'


def hostile() -> Budget:
    named = replace(pool("a", 5), name=HOSTILE, path="/app/<b>.py")
    return budget(named, replace(named, line=2, doubt="with"), programs=(program(HOSTILE, 50),))


def rendered(found: Budget) -> dict[str, str]:
    view = view_of(found, lambda kind: kind, lambda path: path[1:])
    return {
        "text": text.render(view),
        "markdown": markdown.render(view),
        "html": html.render(view),
        "svg": svg.render(view),
        "json": json_format.render(found, "1", lambda kind: kind, lambda path: path[1:]),
    }


@pytest.mark.parametrize("name", ["text", "markdown", "html", "svg"])
def test_what_comes_from_files_is_escaped(name: str) -> None:
    shown = rendered(hostile())[name]
    assert "\x1b" not in shown
    assert name == "text" or "<script>" not in shown


def test_the_pictures_are_well_formed() -> None:
    root = ET.fromstring(rendered(hostile())["svg"])
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert any(HOSTILE.partition("\x1b")[0] in "".join(node.itertext()) for node in root.iter())


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_well_formed() -> None:
    parser = _Tags()
    parser.feed(rendered(hostile())["html"])
    assert parser.open == []


@pytest.mark.parametrize("name", ["text", "markdown", "html", "svg", "json"])
def test_a_project_without_pools(name: str) -> None:
    shown = rendered(budget())[name]
    assert json.loads(shown)["servers"] == [] if name == "json" else "No pool of a database server was found" in shown


def test_json_has_every_figure_with_its_origin() -> None:
    content = json.loads(rendered(budget(pool("a", 5, 10), servers=(server(),)))["json"])
    (one,) = content["servers"]
    assert (content["schema"], content["over"]) == (1, False)
    assert (one["kind"], one["usable"], one["total"], one["largest_size"]) == ("postgresql", 90, 15, 90)
    (line,) = one["pools"]
    assert (line["path"], line["line"], line["per_process"], line["total"]) == ("app/a.py", 1, 15, 15)
    assert line["size"] == {"value": 5, "how": "written", "path": None, "line": None}
    assert line["processes"]["how"] == "written"


@pytest.mark.parametrize(
    ("bar", "cells"),
    [
        (Bar(0, 90, 100), "\u2591" * 45 + "\u00b7" * 5),
        (Bar(45, 90, 100), "\u2588" * 22 + "\u2591" * 23 + "\u00b7" * 5),
        (Bar(95, 90, 100), "\u2588" * 45 + "\u2593" * 2 + "\u00b7" * 3),
        (Bar(200, 100, 100), "\u2588" * 25 + "\u2593" * 25),
    ],
)
def test_bars(bar: Bar, cells: str) -> None:
    shown = text.bar(bar)
    assert shown[1 : shown.index("]")].count("\u2588") in (cells.count("\u2588"), cells.count("\u2588") + 1)
    assert len(shown[1 : shown.index("]")]) == 50
    assert shown[1 : shown.index("]")].count("\u2593") == pytest.approx(cells.count("\u2593"), abs=1)


@pytest.mark.parametrize(
    ("number", "word"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (11, "11th"), (22, "22nd"), (101, "101st"), (112, "112th")]
)
def test_ordinals(number: int, word: str) -> None:
    assert ordinal(number) == word


# --- sizing ----------------------------------------------------------------------------------------------------------


def test_cores_twice_and_the_spindles_divided_over_instances() -> None:
    found = Sizing(cores=8, spindles=1, instances=4, workers=1, max_connections=100, reserved=10)
    assert (found.active, found.per_instance, found.most_per_process, found.recommended) == (17, 4, 22, 4)


def test_what_is_sensible_is_not_more_than_what_fits() -> None:
    found = Sizing(cores=64, spindles=1, instances=10, workers=1, max_connections=60, reserved=10)
    assert (found.per_process, found.most_per_process, found.recommended) == (12, 5, 5)


def test_more_processes_than_connections() -> None:
    found = Sizing(cores=4, spindles=0, instances=20, workers=10, max_connections=100, reserved=10)
    assert (found.is_over, found.per_process, found.recommended) == (True, 1, 0)


# --- projects --------------------------------------------------------------------------------------------------------


@pytest.fixture
def projects(tmp_path: Path) -> Path:
    """The fixtures in a folder of their own: where they stand, they are part of this repository, and of its tests."""
    shutil.copytree(FIXTURES / "budgets", tmp_path / "budgets")
    for folder in (tmp_path / "budgets").iterdir():
        (folder / ".git").mkdir()
    return tmp_path / "budgets"


def budget_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Budget:
    monkeypatch.chdir(folder)
    finder = ConfigFinder(rule_codes)
    sources = list(discover(["."], finder))
    files = [str(folder / source.path) for source in sources]
    return find_budget(pools_of(sources, 1), files, finder.for_folder(folder))


def lines(one: Sum) -> dict[tuple[str, str], int | None]:
    return {(line.pool.pool.name, line.program.name): line.total for line in one.lines}


def test_over(projects: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = budget_in(projects / "over", monkeypatch)
    (one,) = found.sums
    assert lines(one) == {("engine", "web"): 60, ("events", "web"): 36}
    assert (one.limit.usable, one.fits, one.is_over) == (77, 6, True)
    assert [left.pool.shown for left in found.left_out] == ["store/migrate.py"]


def test_several_programs_and_servers(projects: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = budget_in(projects / "several", monkeypatch)
    assert {one.limit.kind: lines(one) for one in found.sums} == {
        "postgresql": {
            ("orders", "web"): 20,
            ("orders", "worker"): 80,
            ("side", "web"): 8,
            ("side", "worker"): 32,
        },
        "mysql": {("legacy", "web"): 4, ("legacy", "worker"): 16},
    }
    assert {(line.pool.pool.name) for line in found.others} == {"notes", "cache"}
    assert sorted((left.pool.shown, left.pool.pool.line) for left in found.left_out) == [
        ("scripts/load.py", 3),
        ("service/databases.py", 15),
        ("service/databases.py", 23),
        ("tests/test_service.py", 3),
    ]


def test_databases_of_a_settings_module(projects: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = budget_in(projects / "django", monkeypatch)
    assert {one.limit.kind: lines(one) for one in found.sums} == {
        "postgresql": {
            ("DATABASES['default']", "web"): 18,
            ("DATABASES['replica']", "web"): 6,
            ("DATABASES['small']", "web"): 12,
        },
        "mysql": {("DATABASES['legacy']", "web"): 6},
    }


def test_engine_options_of_a_settings_class(projects: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They go before what the extension makes by itself."""
    found = budget_in(projects / "flask", monkeypatch)
    (one,) = found.sums
    assert lines(one) == {("SQLALCHEMY_ENGINE_OPTIONS", "web"): 24}
    assert [left.pool.pool.name for left in found.left_out] == ["db"]


def test_the_defaults_of_an_extension_without_options(projects: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = projects / "flask/app/config.py"
    config.write_text("class Config:\n    SQLALCHEMY_DATABASE_URI = 'postgresql://db/app'\n", encoding="utf-8")
    (one,) = budget_in(projects / "flask", monkeypatch).sums
    assert lines(one) == {("db", "web"): (5 + 10) * 2}


# --- commands --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ((), 1),
        (("--max-connections", "200"), 0),
        (("--max-connections", "100", "--reserved", "4"), 0),
        (("--max-connections", "100", "--reserved", "5"), 1),
        (("--instances", "2"), 0),
        (("--workers", "1", "--instances", "1"), 0),
    ],
)
def test_the_exit_status_says_whether_it_fits(projects: Path, options: tuple[str, ...], status: int) -> None:
    done = run("pooclint", "budget", *options, cwd=projects / "over")
    assert (done.returncode, done.stderr) == (status, "")
    assert ("over budget" in done.stdout) == (status == 1)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("budget", "nowhere"), "no such file or folder: nowhere"),
        (("budget", "--workers", "0"), "`0` is not a whole number from 1 on"),
        (("budget", "--reserved", "-1"), "`-1` is not a whole number from 0 on"),
        (("budget", "--max-connections", "many"), "`many` is not a whole number from 1 on"),
        (("budget", "--format", "pdf"), "invalid choice"),
        (("budget", "--instance", "3"), "unknown option `--instance`"),
        (("budget", "--isolated", "--config", "pyproject.toml"), "exclude each other"),
        (("budget", "--output", "nowhere/report.html"), "--output"),
        (("size",), "--cores"),
        (("size", "--cores", "0"), "`0` is not a whole number from 1 on"),
        (("size", "--cores", "8", "more"), "unknown argument `more`"),
    ],
)
def test_wrong_usage_is_one_line(projects: Path, arguments: tuple[str, ...], says: str) -> None:
    done = run("pooclint", *arguments, cwd=projects / "over")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert says in done.stderr


def test_an_empty_folder(tmp_path: Path) -> None:
    done = run("pooclint", "budget", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "No pool of a database server was found" in done.stdout


def test_a_file_that_is_no_python(projects: Path) -> None:
    (projects / "over/store/broken.py").write_bytes(b"import psycopg_pool\ndef (:\n\xff")
    assert "96 connections" in run("pooclint", "budget", cwd=projects / "over").stdout


def test_size_shows_its_arithmetic(tmp_path: Path) -> None:
    options = ["--cores", "8", "--spindles", "1", "--instances", "4", "--max-connections", "100", "--reserved", "10"]
    done = run("pooclint", "size", *options, cwd=tmp_path)
    assert done.returncode == 0
    assert f"8 cores {TIMES} 2 + 1 = 17" in done.stdout
    assert "More is not faster" in done.stdout
    content = json.loads(run("pooclint", "size", *options, "--format", "json", cwd=tmp_path).stdout)
    assert (content["active"], content["pool_size"], content["fits"]) == (17, 4, True)


# --- CNX403 ----------------------------------------------------------------------------------------------------------


def reported(folder: Path, *options: str) -> list[tuple[str, int, str]]:
    done = run("pooclint", "--format", "json", "--select", "CNX403", "--no-progress", *options, cwd=folder)
    return [(f["path"], f["line"], f["message"]) for f in json.loads(done.stdout)["findings"]]


def test_it_is_reported_once_at_the_largest_pool(projects: Path) -> None:
    path = "store/CNX403_over_budget.py"
    marks = expectations((projects / "over" / path).read_text(encoding="utf-8")).always
    ((line, codes),) = marks
    (found,) = reported(projects / "over", "--no-cache")
    assert codes == {"CNX403"}
    assert found[:2] == (path, line)
    assert (
        "5 \u00d7 4 \u00d7 3 + 3 \u00d7 4 \u00d7 3 = 96 connections, and the server takes 77 (80 \u2212 3 reserved)"
        in found[2]
    )


def test_every_pool_of_the_sum_is_in_the_trace(projects: Path) -> None:
    done = run("pooclint", "--format", "json", "--select", "CNX403", "--no-cache", cwd=projects / "over")
    (found,) = json.loads(done.stdout)["findings"]
    assert [(s["line"], s["text"]) for s in found["trace"]] == [
        (10, f"engine: 5 {TIMES} 4 {TIMES} 3"),
        (11, f"events: 3 {TIMES} 4 {TIMES} 3"),
    ]


def test_it_is_the_same_from_the_cache_and_in_processes(projects: Path) -> None:
    first = reported(projects / "over")
    assert len(first) == 1
    assert reported(projects / "over") == first
    assert reported(projects / "over", "--no-cache", "--jobs", "2") == first


def test_a_change_of_the_deployment_shows_in_spite_of_the_cache(projects: Path) -> None:
    assert len(reported(projects / "over")) == 1
    compose = projects / "over/compose.yaml"
    compose.write_text(compose.read_text(encoding="utf-8").replace("replicas: 3", "replicas: 2"), encoding="utf-8")
    assert reported(projects / "over") == []


def test_single_files_say_nothing_of_the_whole(projects: Path) -> None:
    assert reported(projects / "over", "--no-cache", "store/CNX403_over_budget.py") == []


def test_it_can_be_suppressed(projects: Path) -> None:
    path = projects / "over/store/CNX403_over_budget.py"
    text_now = path.read_text(encoding="utf-8").replace("# expect: CNX403", "# noqa: CNX403")
    path.write_text(text_now, encoding="utf-8")
    assert reported(projects / "over", "--no-cache") == []


def test_it_needs_to_be_known(projects: Path) -> None:
    """What is only assumed is no reason to report anything."""
    (projects / "over/compose.yaml").unlink()
    assert reported(projects / "over", "--no-cache") == []


def test_what_fits_is_not_reported(projects: Path) -> None:
    assert reported(projects / "several", "--no-cache") == []


def test_the_configuration_is_enough(projects: Path) -> None:
    (projects / "over/compose.yaml").unlink()
    (projects / "over/pyproject.toml").write_text(
        "[tool.pooclint.budget]\nmax-connections = 30\nreserved = 0\ninstances = 4\n", encoding="utf-8"
    )
    ((_, line, message),) = reported(projects / "over", "--no-cache")
    assert "the server takes 30" in message
    assert line == 5  # of migrate.py: without a program, every pool counts


def test_it_is_off_when_ignored(projects: Path) -> None:
    config = Config(Settings(ignore=("CNX403",)), projects)
    assert "CNX403" in config.settings.ignore
    done = run("pooclint", "--ignore", "CNX403", "--no-cache", "--format", "concise", "-q", cwd=projects / "over")
    assert "CNX403" not in done.stdout


def test_lines_and_sums_are_pure() -> None:
    """The same figures give the same sum."""
    limit = Limit("postgresql", Figure(100), Figure(0))
    line: Line = line_of(resolved(pool("a", 5)), program())
    assert sum_of(limit, [line], None, []) == sum_of(limit, [line], None, [])
