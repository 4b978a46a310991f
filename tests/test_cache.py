"""The cache: nothing that it remembers is ever wrong, and what it may remember it does."""

from __future__ import annotations

import os
import random
import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

import pooclint_rules
from console import CLEAN, LEAK, LEAK_CODE, pooclint
from faulty import Faulty
from fixture_files import FIXTURES
from pooclint.config import Config, ConfigFinder, Settings
from pooclint.packs import rule_codes
from pooclint.program.consulted import list_folder
from pooclint.program.exports import Exports
from pooclint.program.places import MARKERS
from pooclint.run.cache import FOLDER, Caches
from pooclint.run.cache_file import MAX_DAYS, Contents, Kept, read_cache, write_cache
from pooclint.run.check import Checker
from pooclint.run.discovery import discover
from pooclint.run.result import FileReport
from pooclint.run.workers import check_in_workers

HELPER = """\
import psycopg2


def connect():
    return psycopg2.connect("dbname=app")
"""
HARMLESS = """\
def connect():
    return None
"""
USER = """\
from helper import connect


def count():
    conn = connect()
    return conn.cursor().execute("select 1")
"""


@dataclass
class Run:
    """What one run gave, and which files it had to look at."""

    reports: dict[str, FileReport] = field(default_factory=dict)
    checked: set[str] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)

    def codes(self, name: str) -> list[str]:
        return [finding.code for finding in self.reports[name].findings]


def run(folder: Path, caches: Caches | None = None, finder: ConfigFinder | None = None) -> Run:
    """A run over a folder, in this process; without a cache of its own, with the one that the folder has."""
    done = Run()
    caches = caches or Caches(None, done.warnings.append)
    checker = Checker()
    for source in discover([str(folder)], finder or ConfigFinder(rule_codes, start=folder)):
        name = source.path.relative_to(folder).as_posix()
        report = caches.report(source)
        if report is None:
            done.checked.add(name)
            report = checker.check(source)
            caches.add(source, report, checker.learned(source.config))
        done.reports[name] = report
    caches.save()
    return done


def fresh(folder: Path) -> Run:
    return run(folder, Caches(None, lambda _: None, off=True))


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A helper, a file that leaks what the helper gives, and one that has nothing to do with either."""
    (tmp_path / ".git").mkdir()
    write(tmp_path, helper=HELPER, user=USER, other=LEAK, plain="x = 1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_second_run_looks_at_nothing(project: Path) -> None:
    first = run(project)
    assert first.codes("user.py") == [LEAK_CODE]
    assert first.checked == {"helper.py", "user.py", "other.py", "plain.py"}
    second = run(project)
    assert second.checked == set()
    assert second.reports == first.reports
    assert second.warnings == []


def test_a_helper_that_changes_takes_its_dependents_along_and_only_those(project: Path) -> None:
    run(project)
    write(project, helper=HARMLESS)
    second = run(project)
    assert second.codes("user.py") == []
    assert second.checked == {"helper.py", "user.py"}
    write(project, helper=HELPER)
    third = run(project)
    assert third.codes("user.py") == [LEAK_CODE]
    assert third.checked == {"helper.py", "user.py"}
    assert run(project).checked == set()


def test_a_change_is_seen_through_several_modules(project: Path) -> None:
    write(project, far=HELPER, helper="from far import connect\n")
    assert run(project).codes("user.py") == [LEAK_CODE]
    write(project, far=HARMLESS)
    second = run(project)
    assert second.codes("user.py") == []
    assert second.checked == {"far.py", "helper.py", "user.py"}


SEVERAL = """\
import psycopg2

LIMIT = 3
kept = {}


def dsn():
    return "dbname=app"


def connect():
    return psycopg2.connect(dsn())


def fill(key):
    kept[key] = connect


def taken(key):
    return kept[key]()


class Report:
    def text(self):
        return "nothing"
"""


CAREFUL = """\
from contextlib import closing

from helper import connect


def count():
    with closing(connect()) as conn:
        return conn.cursor().execute("select 1")
"""


@pytest.mark.parametrize(
    ("before", "after", "takes_along"),
    [
        ('"nothing"', '"something"', False),
        ("LIMIT = 3", "LIMIT = 4", True),
        ('"dbname=app"', '"dbname=other"', True),  # what is used uses that
        ("    return kept[key]()", "    return None", False),  # what reads leads to what fills, to nothing else
        ("class Report:", "# a line\nclass Report:", False),
        ("    return psycopg2", "    # a line\n\n    return psycopg2", False),
        ("dsn())", "dsn())  # what is used", False),
        ("LIMIT = 3", "# the limit\nLIMIT = 3", False),
        ('"dbname=app"', '"dbname=app#2"', True),
        ("def connect():\n    return", "def connect():\n    raise", True),
    ],
)
def test_of_a_helper_only_what_is_used_takes_its_users_along(
    project: Path, before: str, after: str, takes_along: bool
) -> None:
    write(project, helper=SEVERAL, user=CAREFUL)
    assert run(project).reports["user.py"].status == "checked"
    assert before in SEVERAL
    write(project, helper=SEVERAL.replace(before, after))
    second = run(project)
    assert second.reports == fresh(project).reports
    assert second.checked == {"helper.py"} | ({"user.py"} if takes_along else set())
    assert run(project).checked == set()


def test_a_trace_into_another_file_names_lines(project: Path) -> None:
    """Any change of that file may move them."""
    steps = [step for finding in run(project).reports["user.py"].findings for step in finding.trace]
    assert any(step.path == "helper.py" for step in steps)
    write(project, helper=f"# a line\n{HELPER}")
    second = run(project)
    assert "user.py" in second.checked
    assert second.reports == fresh(project).reports


def test_a_comment_takes_nobody_along(project: Path) -> None:
    """Neither those that use a module, nor those whose functions it calls."""
    script = "from service import fetch\n\n\ndef main():\n    fetch('a')\n"
    write(project, helper=SEVERAL, user=CAREFUL, service=SERVICE, script=script)
    run(project)
    for name, text in (("helper", SEVERAL), ("script", script)):
        write(project, **{name: f"{text}\n# a line\n"})
        changed = run(project)
        assert changed.checked == {f"{name}.py"}
        assert changed.reports == fresh(project).reports
    write(project, script=script.replace("fetch('a')", "fetch('b')"))
    assert run(project).checked == {"script.py", "service.py"}


def test_an_unrelated_change_takes_nothing_along(project: Path) -> None:
    run(project)
    write(project, plain="y = 2\n", new="z = 3\n")
    assert run(project).checked == {"plain.py", "new.py"}


def test_a_new_module_that_a_name_leads_to_now(project: Path) -> None:
    (project / "helper.py").unlink()
    assert run(project).codes("user.py") == []
    write(project, helper=HELPER)
    second = run(project)
    assert second.codes("user.py") == [LEAK_CODE]
    assert second.checked == {"helper.py", "user.py"}
    (project / "helper.py").unlink()
    third = run(project)
    assert third.codes("user.py") == []
    assert third.checked == {"user.py"}


def test_a_new_package_in_front_of_a_module(project: Path) -> None:
    run(project)
    (project / "helper").mkdir()
    write(project / "helper", __init__=HARMLESS)
    second = run(project)
    assert second.codes("user.py") == []
    assert "other.py" not in second.checked


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that is no repository, among other things."""
    folder = tmp_path / "home" / "project"
    folder.mkdir(parents=True)
    write(folder, helper=HELPER, user=USER)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("name", ["other", "notes.txt", "helper.py", ".cache"])
def test_what_comes_to_a_folder_above_a_project_is_nothing_to_it(
    inside: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(inside)
    monkeypatch.setattr("pooclint.run.cache.Cache.learn", None)  # who finds out nothing new learns nothing
    for above in (inside.parent, inside.parent.parent):
        (above / name).mkdir()
        assert run(inside).checked == set()
    assert fresh(inside).codes("user.py") == [LEAK_CODE]


@pytest.mark.parametrize("sign", [*MARKERS, "requirements.txt", "uv.lock", "requirements"])
def test_what_says_where_a_project_begins_is_seen(inside: Path, sign: str) -> None:
    """A pin, or a repository around it, makes other code of the folder."""
    assert run(inside).checked == {"helper.py", "user.py"}
    before = list_folder(f"{inside.parent}\0signs")
    (inside.parent / sign).touch() if "." in sign[1:] else (inside.parent / sign).mkdir()
    assert list_folder(f"{inside.parent}\0signs")[1].digest != before[1].digest
    assert run(inside).reports == fresh(inside).reports


@pytest.mark.parametrize("name", [FOLDER, "__pycache__", ".pytest_cache", ".coverage"])
def test_what_tools_leave_behind_is_nothing_to_it(project: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(project)
    shutil.rmtree(project / FOLDER)
    run(project, Caches(project / ".git" / "kept", lambda _: None))
    monkeypatch.setattr("pooclint.run.cache.Cache.learn", None)
    (project / name).mkdir()
    second = run(project, Caches(project / ".git" / "kept", lambda _: None))
    assert (second.checked, second.reports) == (set(), first.reports)


def test_a_folder_with_nothing_but_bytecode_is_no_package(project: Path) -> None:
    (project / "helper.py").unlink()
    (project / "helper" / "__pycache__").mkdir(parents=True)
    (project / "lib").mkdir()
    write(project / "lib", helper=HELPER)
    assert fresh(project).codes("user.py") == [LEAK_CODE]


def test_times_alone_are_no_reason_to_write(inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(inside)
    kept = next((inside / FOLDER).glob("*.msgpack"))
    before = kept.stat()
    for when in (10**9, 2 * 10**9):
        os.utime(inside.parent, ns=(when, when))
        assert run(inside).checked == set()
    assert (kept.stat().st_ino, kept.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_links_that_nobody_needed_are_written_as_they_were(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(project)
    monkeypatch.setattr("pooclint.run.cache.unpack_links", None)
    os.utime(project / "helper.py", ns=(10**9, 10**9))
    assert run(project).checked == set()  # and the time is written down
    monkeypatch.undo()
    monkeypatch.chdir(project)
    monkeypatch.setattr("pooclint.run.cache.write_cache", None)
    assert run(project).checked == set()
    monkeypatch.undo()
    monkeypatch.chdir(project)
    write(project, helper=HARMLESS)
    assert run(project).checked == {"helper.py", "user.py"}


SERVED = """\
from fastapi import FastAPI
import work

app = FastAPI()


@app.get("/")
def root():
    return work.run()
"""
WORK = """\
import httpx


def run():
    return httpx.Client()
"""


def test_what_a_file_imports_is_found_out_anew_where_it_may_be_another(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who calls a function is told by what the files of its project import, and so by where modules stand."""
    write(project, work=WORK, served=SERVED)
    before = run(project)
    asked: list[str] = []
    real = Exports.imported_files
    monkeypatch.setattr(Exports, "imported_files", lambda self, path: asked.append(path) or real(self, path))
    (project / "notes.txt").touch()
    assert run(project).checked == set()
    assert asked == []
    (project / "work").mkdir()
    write(project / "work", __init__="")
    after = run(project)
    assert str(project / "served.py") in asked
    assert after.reports == fresh(project).reports
    shutil.rmtree(project / "work")
    again = run(project)
    assert again.reports == before.reports == fresh(project).reports


def test_a_package_that_comes_to_be_one(project: Path) -> None:
    """With an `__init__.py`, a relative import leads somewhere."""
    package = project / "app" / "inner"
    package.mkdir(parents=True)
    write(package, user=USER.replace("from helper", "from ..helper"))
    write(project / "app", helper=HELPER)
    run(project)
    write(project / "app", __init__="")
    write(package, __init__="")
    after = run(project)
    assert after.reports == fresh(project).reports
    assert "other.py" not in after.checked


SERVICE = """\
import httpx


def fetch(url):
    client = httpx.Client()
    response = client.get(url)
    client.close()
    return response
"""
HANDLER = """\
from fastapi import FastAPI
from service import fetch

app = FastAPI()


@app.get("/")
def index():
    return fetch("https://example.org")
"""


def test_who_calls_a_function_matters(project: Path) -> None:
    """A handler that comes to call it makes it run per request."""
    write(project, service=SERVICE, handler=HANDLER.replace("from service import fetch\n", "fetch = print\n"))
    select = ConfigFinder(rule_codes, start=project)
    before = run(project, finder=select)
    write(project, handler=HANDLER)
    after = run(project)
    assert after.reports == fresh(project).reports
    assert after.codes("service.py") != before.codes("service.py")
    assert after.checked == {"handler.py", "service.py"}
    write(project, handler=HANDLER.replace("fetch(", "print("))
    assert run(project).codes("service.py") == before.codes("service.py")
    write(project, handler="", another=HANDLER)
    assert run(project).codes("service.py") == after.codes("service.py")
    (project / "another.py").unlink()
    assert run(project).codes("service.py") == before.codes("service.py")


def test_the_versions_that_a_project_uses_matter(project: Path) -> None:
    """A lock file that comes, changes or goes is seen; what is found under it is what a run without a cache finds."""
    # The interpreter is no line of a list of requirements.
    versions = next((p for p in sorted(_packages()) if p != "python"), "")
    if not versions:
        pytest.skip("no model depends on a version")
    for text in (f"{versions}==0.0.1\n", f"{versions}==99\n", None):
        file = project / "requirements.txt"
        file.unlink() if text is None else file.write_text(text, encoding="utf-8")
        done = run(project)
        assert "plain.py" in done.checked
        assert done.reports == fresh(project).reports
    assert run(project).checked == set()


def _packages() -> frozenset[str]:
    from pooclint.packs import models_of
    from pooclint.run.models import ModelSet

    return ModelSet(models_of(Config(Settings(), Path("/"))))._packages


def test_the_configuration_matters(project: Path) -> None:
    run(project)
    file = project / "pooclint.toml"
    file.write_text('ignore = ["CNX1"]\n', encoding="utf-8")
    assert run(project).codes("user.py") == []
    file.write_text('min-severity = "info"\n', encoding="utf-8")
    assert run(project).checked == {"helper.py", "user.py", "other.py", "plain.py"}
    file.write_text('min-severity = "info"\nexclude = ["plain.py"]\n', encoding="utf-8")
    assert run(project).checked == set()


def test_a_model_file_matters(project: Path) -> None:
    write(project, user="import heron\n\n\ndef f():\n    conn = heron.open()\n    conn.ask(1)\n")
    model = project / "heron.toml"
    (project / "pooclint.toml").write_text('models = ["heron.toml"]\n', encoding="utf-8")
    library = '[library]\nname = "heron"\nimports = ["heron"]\n'
    model.write_text(library, encoding="utf-8")
    assert run(project).codes("user.py") == []
    type_ = '[[type]]\nname = "heron.Conn"\nkind = "connection"\nrelease = ["$.close()"]\nreclaimed = "never"\n'
    call = '[[call]]\nnames = ["heron.open"]\nreturns = "heron.Conn"\nacquires = true\n'
    model.write_text(library + type_ + call, encoding="utf-8")
    assert run(project).codes("user.py") == [LEAK_CODE]


def test_bundled_models_and_code_matter(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pooclint.run import cache_key

    run(project)
    copy = project / ".git" / "site" / "pooclint_rules"
    shutil.copytree(Path(pooclint_rules.__file__).parent, copy)
    monkeypatch.setattr(cache_key, "find_spec", lambda name: _Spec([str(copy)] if name == copy.name else []))
    cache_key._code.cache_clear()
    key = cache_key.cache_key(Config(Settings(), project))
    with open(copy / "libraries" / "httpx.toml", "a", encoding="utf-8") as model:
        model.write("# changed\n")
    cache_key._code.cache_clear()
    other = cache_key.cache_key(Config(Settings(), project))
    monkeypatch.undo()
    cache_key._code.cache_clear()
    assert key != other


@dataclass
class _Spec:
    submodule_search_locations: list[str]
    origin: str = ""


def test_a_file_that_only_seems_the_same_is_read(project: Path) -> None:
    """Same size, same time: git calls such a file racily clean."""
    file = project / "other.py"
    old = CLEAN.ljust(len(LEAK) + 200)
    new = LEAK.ljust(len(CLEAN) + 200)[: len(old)].ljust(len(old))
    file.write_text(old, encoding="utf-8")
    times = os.stat(file)
    assert run(project).codes("other.py") == []
    file.write_text(new, encoding="utf-8")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert os.stat(file).st_size == times.st_size
    assert run(project).codes("other.py") == [LEAK_CODE]


def test_a_file_that_was_only_touched_is_not_checked_again(project: Path) -> None:
    run(project)
    for file in project.glob("*.py"):
        os.utime(file, (1, 1))
    assert run(project).checked == set()
    for file in project.glob("*.py"):
        file.write_bytes(file.read_bytes())
    assert run(project).checked == set()


def test_files_that_cannot_be_parsed_are_remembered(project: Path) -> None:
    write(project, plain="def f(:\n")
    assert run(project).codes("plain.py") == ["CNX001"]
    second = run(project)
    assert second.codes("plain.py") == ["CNX001"]
    assert second.checked == set()


def test_a_file_that_cannot_be_read_is_not_remembered(project: Path) -> None:
    run(project)
    (project / "plain.py").unlink()
    (project / "plain.py").symlink_to(project / "missing.py")
    assert run(project).codes("plain.py") == ["CNX001"]
    write(project, missing="x = 1\n")
    assert run(project).codes("plain.py") == []


def cache_file(project: Path) -> Path:
    (file,) = (project / FOLDER).glob("*.msgpack")
    return file


@pytest.mark.parametrize("damage", ["empty", "half", "bit", "foreign", "other key", "pickle"])
def test_a_damaged_cache_is_discarded_with_a_warning(project: Path, damage: str) -> None:
    first = run(project)
    file = cache_file(project)
    data = file.read_bytes()
    middle = len(data) // 2
    if damage == "other key":
        contents = read_cache(file, file.stem)
        assert contents
        write_cache(file, msgspec.structs.replace(contents, key="0" * 40))
    else:
        file.write_bytes(
            {
                "empty": b"",
                "half": data[:middle],
                "bit": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
                "foreign": b"\x7fELF" + data,
                "pickle": b"cos\nsystem\n(S'touch pwned'\ntR.",
            }[damage]
        )
    second = run(project)
    assert len(second.warnings) == 1
    assert "\n" not in second.warnings[0]
    assert second.reports == first.reports
    assert len(second.checked) == 4
    third = run(project)
    assert third.checked == set()
    assert third.warnings == []
    assert not (project / "pwned").exists()


def test_wrong_types_behind_a_right_checksum(project: Path) -> None:
    first = run(project)
    file = cache_file(project)
    contents = read_cache(file, file.stem)
    assert contents
    write_cache(file, Contents(file.stem, {}, {}, {"a.py": "no report"}, contents.links))  # type: ignore[dict-item]
    again = run(project)
    assert len(again.warnings) == 1
    assert len(again.checked) == 4
    write_cache(file, msgspec.structs.replace(contents, links=msgspec.Raw(b"\xc0")))
    write(project, helper=HARMLESS)
    last = run(project)
    assert last.reports == fresh(project).reports != first.reports


def test_a_folder_that_cannot_be_written_is_no_error(project: Path) -> None:
    (project / FOLDER).write_text("in the way", encoding="utf-8")
    done = run(project)
    assert done.codes("user.py") == [LEAK_CODE]
    assert len(done.warnings) <= 2
    assert (project / FOLDER).read_text(encoding="utf-8") == "in the way"


def test_a_full_disk_is_no_error(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        done = run(project)
    assert done.codes("user.py") == [LEAK_CODE]
    (warning,) = done.warnings
    assert "No space left on device" in warning
    assert not list((project / FOLDER).glob(".*.tmp"))
    assert len(run(project).checked) == 4


def test_it_ignores_itself(project: Path) -> None:
    run(project)
    assert "*" in (project / FOLDER / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert (project / FOLDER / "CACHEDIR.TAG").read_bytes().startswith(b"Signature: 8a477f597d28d172789f06886806bc55")


def test_a_folder_of_the_users_is_not_marked_as_a_cache(project: Path) -> None:
    pooclint(".", "--cache-dir", ".", cwd=project)
    assert not (project / ".gitignore").exists()
    assert not (project / "CACHEDIR.TAG").exists()
    assert list(project.glob("*.msgpack"))


def test_old_results_are_dropped(project: Path) -> None:
    run(project)
    file = cache_file(project)
    contents = read_cache(file, file.stem)
    assert contents
    kept = {path: Kept(report.day - MAX_DAYS - 1, report.report) for path, report in contents.reports.items()}
    write_cache(file, msgspec.structs.replace(contents, reports=kept))
    (project / "other.py").rename(project / "renamed.py")
    run(project)
    after = read_cache(file, file.stem)
    assert after
    assert {Path(path).name for path in after.reports} == {"helper.py", "user.py", "plain.py", "renamed.py"}
    stranger = Kept(contents.reports[str(project / "plain.py")].day - MAX_DAYS - 1, FileReport("x.py", "skipped"))
    write_cache(file, msgspec.structs.replace(after, reports={**after.reports, "/x.py": stranger}))
    write(project, plain="y = 2\n")
    run(project)
    last = read_cache(file, file.stem)
    assert last
    assert "/x.py" not in last.reports
    assert len(last.reports) == 4


def test_two_runs_add_up(project: Path) -> None:
    """The second to write keeps what the first has found meanwhile."""
    finder = ConfigFinder(rule_codes, start=project)
    runs = [(Caches(None, pytest.fail), Checker(), source) for source in discover([str(project)], finder)]
    for caches, checker, source in runs:
        assert caches.report(source) is None
        caches.add(source, checker.check(source), checker.learned(source.config))
    for caches, _, _ in runs:
        caches.save()
    last = run(project)
    assert last.checked == set()
    assert last.reports == fresh(project).reports
    write(project, helper=HARMLESS)
    assert run(project).checked == {"helper.py", "user.py"}


def test_two_runs_at_once(project: Path) -> None:
    for number in range(30):
        write(project, **{f"m{number}": USER})
    expected = fresh(project).reports
    results: list[Run] = []

    def often() -> None:
        for number in range(3):
            write(project, plain=f"x = {number}\n")
            results.append(run(project))

    threads = [threading.Thread(target=often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [done.warnings for done in results] == [[]] * 12
    assert all(done.reports == expected for done in results)
    assert run(project).reports == expected


def test_the_command(project: Path) -> None:
    """The same bytes and the same status, cold, warm, without; a warm run imports no parser."""
    outputs = []
    for options in (("--no-cache",), (), (), ("--cache-dir", ".git/elsewhere"), ("--cache-dir", ".git/elsewhere")):
        done = pooclint("--format", "json", *options, cwd=project)
        outputs.append((done.returncode, done.stdout, done.stderr))
        if options == ("--no-cache",):
            assert not (project / FOLDER).exists()
    assert len(set(outputs)) == 1
    assert outputs[0][0] == 1
    assert (project / FOLDER).is_dir()
    assert (project / ".git" / "elsewhere" / "CACHEDIR.TAG").is_file()


def test_text_is_the_same_too(project: Path) -> None:
    texts = {pooclint(*options, cwd=project).stdout for options in ((), (), ("--no-cache",))}
    assert len(texts) == 1


def test_a_run_with_nothing_to_check_imports_no_parser(project: Path) -> None:
    pooclint(cwd=project)
    done = pooclint("--format", "json", cwd=project, env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert done.returncode == 1
    assert "pooclint.run.cache" in done.stderr
    assert "libcst" not in done.stderr


def test_a_changed_file_that_holds_nothing_takes_no_parser(project: Path) -> None:
    """What the engine would skip is told by its bytes, and those of what it imports."""
    before = pooclint("--format", "json", cwd=project).stdout
    for text, parsed in (("x = 2\n", False), ("from other import x\n", False), (HELPER, True), ("x = (\n", True)):
        write(project, plain=text)
        done = pooclint("--format", "json", cwd=project, env={"PYTHONPROFILEIMPORTTIME": "1"})
        assert done.stdout == pooclint("--format", "json", "--no-cache", cwd=project).stdout
        assert ("libcst" in done.stderr) is parsed, text
    assert before != done.stdout


def test_what_is_said_of_all_files_together_is_kept_too(tmp_path: Path) -> None:
    """The budget rests on the deployment as well as on the modules."""
    folder = shutil.copytree(FIXTURES / "budgets" / "over", tmp_path / "over", ignore=shutil.ignore_patterns(".*"))
    (folder / ".git").mkdir()

    def told(*options: str, **environment: str) -> tuple[str, str]:
        done = pooclint("--format", "json", "--no-progress", *options, cwd=folder, env=environment)
        return done.stdout, done.stderr

    first, _ = told()
    assert "CNX403" in first
    warm, imported = told(PYTHONPROFILEIMPORTTIME="1")
    assert warm == first
    assert "libcst" not in imported
    for file, before, after in (
        ("compose.yaml", "max_connections=", "max_connections=9"),
        ("store/new.py", "", "x = 1"),
    ):
        changed = folder / file
        text = changed.read_text(encoding="utf-8") if changed.exists() else ""
        assert before in text
        changed.write_text(text.replace(before, after) if before else after, encoding="utf-8")
        assert told()[0] == told("--no-cache")[0]
    assert "CNX403" not in told()[0]


def test_standard_input_is_not_cached(project: Path) -> None:
    for text in (LEAK, CLEAN):
        done = pooclint("-", "--stdin-filename", "other.py", "--format", "concise", cwd=project, stdin=text)
        assert (LEAK_CODE in done.stdout) == (text == LEAK)
    assert not (project / FOLDER).exists()


def test_a_subfolder_and_another_working_directory(project: Path) -> None:
    """Names in reports are relative to where the run was started."""
    (project / "pooclint.toml").write_text("", encoding="utf-8")
    inner = project / "inner"
    inner.mkdir()
    write(inner, leak=LEAK)
    for _ in range(2):
        assert "inner/leak.py:5" in pooclint("--format", "concise", cwd=project).stdout
        assert pooclint("--format", "concise", cwd=inner).stdout.startswith("leak.py:5")
        assert pooclint("--format", "concise", "..", cwd=inner).stdout.count("../user.py") >= 1
    assert not (inner / FOLDER).exists()


BODIES = [
    HELPER,
    HARMLESS,
    USER,
    LEAK,
    CLEAN,
    SERVICE,
    HANDLER,
    "",
    "from a import *\n",
    "from .b import connect\n",
    "from b import connect as connect\nfrom c import fetch\n",
    "import a.b\nimport b\n\n\ndef use():\n    conn = b.connect()\n    conn.execute('x')\n",
    "from a.b import connect\n\n\ndef use():\n    conn = connect()\n    conn.execute('x')\n",
    "from a import connect\n\n\nclass Base:\n    def open(self):\n        return connect()\n",
    "from b import Base\n\n\nclass Sub(Base):\n    def use(self):\n        conn = self.open()\n        conn.go()\n",
    USER.replace("helper", "a"),
    USER.replace("helper", "c"),
    USER.replace("helper", "a.c"),
    HANDLER.replace("service", "a"),
    HANDLER.replace("service", "b.a"),
    "def f(:\n",
    SEVERAL,
    SEVERAL.replace('"nothing"', "connect()"),
    SEVERAL.replace("LIMIT", "from b import fetch\\nLIMIT"),
    SEVERAL.replace("return psycopg2.connect(dsn())", "return None"),
    SEVERAL.replace("psycopg2", "b"),
    USER.replace("import connect", "import taken as connect"),
    USER.replace("import connect", "import Report, connect"),
]
NAMES = ["a.py", "b.py", "c.py", "helper.py", "service.py", "main.py"]
FOLDERS = ["", "a", "b", "src", "src/a"]


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_to_a_project(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random changes, and after each the reports of a run without a cache."""
    chance = random.Random(seed)
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    spared = 0
    for _ in range(18):
        for _ in range(chance.choice((1, 1, 1, 3))):
            folder = tmp_path / chance.choice(FOLDERS)
            file = folder / chance.choice([*NAMES, "__init__.py"])
            if file.exists() and chance.random() < 0.3:
                file.unlink()
            else:
                folder.mkdir(parents=True, exist_ok=True)
                file.write_text(chance.choice(BODIES), encoding="utf-8")
        done = run(tmp_path)
        assert done.reports == fresh(tmp_path).reports
        assert done.warnings == []
        spared += len(done.reports) - len(done.checked)
        if chance.random() < 0.3:
            assert run(tmp_path).checked == set()
    assert spared


def test_several_processes_fill_the_same_cache(project: Path) -> None:
    write(project, **{f"m{number}": USER for number in range(8)})
    outputs = {pooclint("--jobs", jobs, "--format", "json", cwd=project).stdout for jobs in ("3", "1", "3")}
    write(project, helper=HARMLESS)
    cold = pooclint("--no-cache", "--format", "json", cwd=project).stdout
    verbose = pooclint("--jobs", "3", "--format", "json", "--verbose", cwd=project)
    assert len(outputs) == 1
    assert verbose.stdout == cold
    assert cold not in outputs
    assert "2 of 12 files known from an earlier run" in verbose.stderr


def test_a_process_that_ended_leaves_nothing_behind(project: Path) -> None:
    """What is reported of a file that nobody could check is not kept."""
    done = list(
        check_in_workers(list(discover([str(project)], ConfigFinder(rule_codes, start=project))), 2, make=Faulty)
    )
    assert all(one.learned is not None for one in done)
    write(project, dies=LEAK)
    sources = list(discover([str(project)], ConfigFinder(rule_codes, start=project)))
    done = list(check_in_workers(sources, 2, make=Faulty))
    assert [sources[one.index].path.name for one in done if one.learned is None] == ["dies.py"]
