"""The command as users and other programs start it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from console import CLEAN, LEAK, LEAK_CODE, LEAK_LINE, pooclint
from pooclint import engine
from pooclint.app.main import main


@pytest.fixture
def leaky(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(LEAK, encoding="utf-8")
    return tmp_path


def codes(text: str) -> list[str]:
    return [finding["code"] for finding in json.loads(text)["findings"]]


def test_findings_give_1_and_name_the_place(leaky: Path) -> None:
    done = pooclint("--format", "concise", "app.py", cwd=leaky)
    assert done.returncode == 1
    assert done.stderr == ""
    (line,) = done.stdout.splitlines()
    assert line.startswith(f"app.py:{LEAK_LINE}:")
    assert f" {LEAK_CODE} " in line


def test_nothing_to_report_gives_0(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(CLEAN, encoding="utf-8")
    done = pooclint(cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout == "1 file looked at, 1 acquisition recognised: no findings\n"


@pytest.mark.parametrize(
    "arguments", [(), (".",), ("check",), ("check", "."), ("app.py", "."), ("-j", "4", "--no-cache")]
)
def test_ways_to_name_the_same_files(leaky: Path, arguments: tuple[str, ...]) -> None:
    done = pooclint(*arguments, "--format=json", cwd=leaky)
    assert done.returncode == 1
    assert codes(done.stdout) == [LEAK_CODE]


def test_text_shows_the_source(leaky: Path) -> None:
    done = pooclint(cwd=leaky)
    assert f"{LEAK_LINE} |     conn = await pool.acquire()" in done.stdout
    assert "^^^" in done.stdout
    assert "\x1b" not in done.stdout
    assert done.stdout.endswith(f"1 finding\nMore about a code: pooclint explain {LEAK_CODE}\n")


def test_colour_is_for_terminals_or_on_demand(leaky: Path) -> None:
    assert "\x1b[" in pooclint("--color", "always", cwd=leaky).stdout
    assert "\x1b[" in pooclint(cwd=leaky, env={"FORCE_COLOR": "1"}).stdout
    assert "\x1b[" not in pooclint(cwd=leaky, env={"FORCE_COLOR": "1", "NO_COLOR": "1"}).stdout


def test_every_format_has_the_finding(leaky: Path) -> None:
    for name in ("text", "concise", "json", "sarif", "github"):
        done = pooclint("--format", name, cwd=leaky)
        assert done.returncode == 1
        assert LEAK_CODE in done.stdout, name


def test_options_as_ruff_spells_them(leaky: Path) -> None:
    done = pooclint("--output-format", "json", "--output-file", "out.json", cwd=leaky)
    assert (done.returncode, done.stdout) == (1, "")
    assert codes((leaky / "out.json").read_text(encoding="utf-8")) == [LEAK_CODE]


def test_output_file(leaky: Path) -> None:
    done = pooclint("--format", "json", "--output", "out.json", cwd=leaky)
    assert (done.returncode, done.stdout) == (1, "")
    assert codes((leaky / "out.json").read_text(encoding="utf-8")) == [LEAK_CODE]
    assert pooclint("--output", "absent/out.json", cwd=leaky).returncode == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in the file system")
def test_output_to_a_device(leaky: Path) -> None:
    """What is no regular file is written to; renaming a file over it would destroy it."""
    pipe = leaky / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    try:
        assert pooclint("--format", "json", "--output", "pipe", cwd=leaky).returncode == 1
        assert codes(os.read(reader, 100_000).decode()) == [LEAK_CODE]
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_exit_zero_quiet_statistics(leaky: Path) -> None:
    assert pooclint("--exit-zero", cwd=leaky).returncode == 0
    assert "looked at" not in pooclint("-q", cwd=leaky).stdout
    done = pooclint("--statistics", "--format", "json", cwd=leaky)
    assert codes(done.stdout) == [LEAK_CODE]
    assert done.stderr.split()[:2] == ["1", LEAK_CODE]


def test_standard_input(tmp_path: Path) -> None:
    done = pooclint("-", "--stdin-filename", "web/app.py", "--format", "json", cwd=tmp_path, stdin=LEAK)
    assert done.returncode == 1
    (finding,) = json.loads(done.stdout)["findings"]
    assert (finding["path"], finding["line"]) == ("web/app.py", LEAK_LINE)
    assert "conn = await pool.acquire()" in pooclint("-", cwd=tmp_path, stdin=LEAK).stdout
    assert pooclint("-", "app.py", cwd=tmp_path).returncode == 2
    assert pooclint("--stdin-filename", "app.py", cwd=tmp_path).returncode == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("absent.py",), "no such file or folder: absent.py"),
        (("--selct", "CNX"), "unknown option `--selct`; did you mean `--select`?"),
        (("--select", "CNX999"), "--select: unknown code `CNX999`"),
        (("--ignore", "cnx101"), "--ignore: unknown code `cnx101`; did you mean `CNX101`?"),
        (("--per-file-ignores", "a.py"), "is not of the form PATTERN:CODE,CODE"),
        (("--format", "xml"), "invalid choice: 'xml'"),
        (("--config", "absent.toml"), "absent.toml: cannot be read"),
        (("--jobs", "many"), "`many` is not a number"),
        (("explain", "CNX999"), "no rule and no library is called `CNX999`"),
        (("explain",), "required: CODE|LIBRARY"),
    ],
)
def test_wrong_usage_is_one_line_and_2(leaky: Path, arguments: tuple[str, ...], says: str) -> None:
    done = pooclint(*arguments, cwd=leaky)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert says in line


def test_a_wrong_configuration_ends_the_run_with_2(leaky: Path) -> None:
    (leaky / "pyproject.toml").write_text("[tool.pooclint]\nselct = []\n", encoding="utf-8")
    done = pooclint(cwd=leaky)
    assert (done.returncode, done.stdout) == (2, "")
    assert "pyproject.toml:2: unknown key `selct`; did you mean `select`?" in done.stderr
    assert pooclint("--isolated", cwd=leaky).returncode == 1


def test_selection(leaky: Path) -> None:
    assert pooclint("--ignore", LEAK_CODE, cwd=leaky).returncode == 0
    assert pooclint("--select", "CNX4", cwd=leaky).returncode == 0
    assert pooclint("--select", "CNX4,CNX1", cwd=leaky).returncode == 1
    assert pooclint("--per-file-ignores", f"app.py:{LEAK_CODE}", cwd=leaky).returncode == 0
    assert pooclint("--per-file-ignores", f"other.py:{LEAK_CODE}", cwd=leaky).returncode == 1
    (leaky / "pooclint.toml").write_text(f"ignore = ['{LEAK_CODE}']\n", encoding="utf-8")
    assert pooclint(cwd=leaky).returncode == 0
    assert pooclint("--select", "CNX", cwd=leaky).returncode == 1


def test_suppression(leaky: Path) -> None:
    text = LEAK.replace("acquire()", f"acquire()  # noqa: {LEAK_CODE}")
    (leaky / "app.py").write_text(text, encoding="utf-8")
    assert pooclint(cwd=leaky).returncode == 0


def test_files_that_cannot_be_checked(leaky: Path) -> None:
    (leaky / "syntax.py").write_text("def f(:\n", encoding="utf-8")
    (leaky / "bytes.py").write_bytes(b"import asyncpg\nx = '\xff'\n")
    (leaky / "zero.py").write_bytes(b"import asyncpg\0\n")
    (leaky / "cookie.py").write_bytes(b"# coding: nonsense\nimport asyncpg\n")
    (leaky / "empty.py").write_bytes(b"")
    (leaky / "folder.py").mkdir()
    os.symlink("nowhere", leaky / "dangling.py")
    done = pooclint("--format", "json", cwd=leaky)
    assert done.returncode == 1
    found = {finding["path"]: finding["code"] for finding in json.loads(done.stdout)["findings"]}
    assert found.pop("app.py") == LEAK_CODE
    assert set(found.values()) == {"CNX001"}
    assert set(found) >= {"bytes.py", "zero.py", "cookie.py", "dangling.py"}
    assert "empty.py" not in found


def test_templates_are_no_broken_python(leaky: Path) -> None:
    """What Jinja makes Python from stops no gate; who asks for information is told that it was not analysed."""
    (leaky / "app.py").unlink()
    templates = {
        "extends.py": "{% extends 'base.jinja' %}\nimport asyncpg\n",
        "trimmed.py": "import asyncpg\n{%- if cookiecutter.cache == 'redis' %}\nimport redis\n{%- endif %}\n",
        "named.py": "from {{ cookiecutter.package }}.db import asyncpg\n",
    }
    for name, text in templates.items():
        (leaky / name).write_text(text, encoding="utf-8")
    assert pooclint(cwd=leaky).returncode == 0
    done = pooclint("--min-severity", "info", "--format", "json", cwd=leaky)
    found = {(f["path"], f["code"], f["severity"]) for f in json.loads(done.stdout)["findings"]}
    assert found == {(name, "CNX001", "info") for name in templates}
    (leaky / "broken.py").write_text("import asyncpg\nx = {'{{ name }}': 1}\n\ny = f(:\n", encoding="utf-8")
    assert pooclint("--format", "concise", cwd=leaky).stdout == "broken.py:5:1: CNX001 syntax error\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(leaky: Path) -> None:
    os.chmod(leaky / "app.py", 0)
    done = pooclint("--format", "concise", cwd=leaky)
    assert done.returncode == 1
    assert done.stdout == "app.py:1:1: CNX001 cannot be read: Permission denied\n"


def test_an_internal_error_costs_one_file(
    leaky: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (leaky / "boom.py").write_text(LEAK, encoding="utf-8")
    real = engine.check_file

    def explode(data: bytes, path: str, *rest: object) -> object:
        if path == "boom.py":
            raise RecursionError("too deep")
        return real(data, path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "check_file", explode)
    monkeypatch.chdir(leaky)
    assert main(["--format", "json"]) == 1
    out, err = capsys.readouterr()
    found = {finding["path"]: finding for finding in json.loads(out)["findings"]}
    assert found["app.py"]["code"] == LEAK_CODE
    assert found["boom.py"]["code"] == "CNX001"
    assert found["boom.py"]["message"] == "internal error of the analysis: RecursionError"
    assert "please report it" in err
    assert "Traceback" not in err
    assert main(["--verbose"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_tests_are_one_step_lower(tmp_path: Path) -> None:
    for folder in ("app", "tests"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "db.py").write_text(LEAK, encoding="utf-8")
    done = pooclint("--format", "json", "--min-severity", "info", cwd=tmp_path)
    severities = {finding["path"]: finding["severity"] for finding in json.loads(done.stdout)["findings"]}
    lower = {"error": "warning", "warning": "info"}
    assert severities["tests/db.py"] == lower[severities["app/db.py"]]


NESTED = """from psycopg_pool import ConnectionPool
import psycopg

pool = ConnectionPool("service=shop")


def at_once():
    with pool.connection() as conn:
        conn.execute("select 1")
        with pool.connection() as other:
            other.execute("select 2")


def once_the_first_has_failed():
    with pool.connection() as conn:
        try:
            conn.execute("select 1")
        except psycopg.Error:
            with pool.connection() as other:
                other.execute("select 2")
"""


@pytest.mark.parametrize(("folder", "expected"), [("app", ["error", "warning"]), ("tests", ["info", "info"])])
def test_what_has_failed_weighs_less_and_nobody_waits_in_tests(
    folder: str, expected: list[str], tmp_path: Path
) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "db.py").write_text(NESTED, encoding="utf-8")
    done = pooclint("--format", "json", "--select", "CNX205", "--min-severity", "info", cwd=tmp_path)
    assert [finding["severity"] for finding in json.loads(done.stdout)["findings"]] == expected


def test_fingerprints_survive_moved_lines(leaky: Path) -> None:
    def prints() -> list[str]:
        return [f["fingerprint"] for f in json.loads(pooclint("--format", "json", cwd=leaky).stdout)["findings"]]

    (leaky / "app.py").write_text(LEAK + LEAK.replace("read", "write"), encoding="utf-8")
    before = prints()
    assert len(set(before)) == 2
    (leaky / "app.py").write_text("# moved\n\n\n" + LEAK + LEAK.replace("read", "write"), encoding="utf-8")
    assert prints() == before


def test_show_settings(leaky: Path) -> None:
    (leaky / "pooclint.toml").write_text("max-pool-size = 7\n[per-file-ignores]\n'a.py' = ['CNX1']\n", encoding="utf-8")
    done = pooclint("--show-settings", cwd=leaky)
    assert done.returncode == 0
    assert "max-pool-size = 7" in done.stdout
    assert '"a.py" = ["CNX1"]' in done.stdout


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs the command in this process, which is quicker where there are many calls."""
    monkeypatch.chdir(tmp_path)

    def show(*arguments: str) -> str:
        assert main(arguments) == 0
        return capsys.readouterr().out

    return show


def test_rules_and_explain(shown: Callable[..., str], tmp_path: Path) -> None:
    rows = json.loads(shown("rules", "--format", "json"))
    assert {"CNX001", LEAK_CODE} <= {row["code"] for row in rows}
    listing = shown("rules")
    for row in rows:
        assert row["summary"]
        assert f"{row['code']}  {row['name']}" in listing
        text = shown("explain", row["code"].lower())
        assert text.startswith(f"# {row['code']} {row['name']}\n")
        assert text == shown("explain", row["name"])
    done = pooclint("explain", "CNX1O1", cwd=tmp_path)
    assert done.returncode == 2
    assert "did you mean `CNX1" in done.stderr  # several codes are one character away


def test_models_and_explain(shown: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "pooclint.toml").write_text("[[resource]]\nacquire = 'app.db.checkout'\n", encoding="utf-8")
    rows = json.loads(shown("models", "--format", "json"))
    names = {row["name"] for row in rows}
    assert {"asyncpg", "app.db.checkout"} <= names
    row = next(line for line in shown("models").splitlines() if line.startswith("app.db.checkout"))
    assert row.endswith("your configuration")
    text = shown("explain", "asyncpg")
    assert text.startswith("# asyncpg")
    assert "release" in text
    for name in sorted(names):
        assert shown("explain", name).startswith(f"# {name}"), name


RESOURCE = """\
from app.db import checkin, checkout


def leak():
    conn = checkout()
    conn.run()


def fine():
    conn = checkout()
    try:
        conn.run()
    finally:
        checkin(conn)


def entered():
    with checkout() as conn:
        conn.run()
"""


@pytest.mark.parametrize("is_async", [False, True])
def test_a_resource_of_ones_own(tmp_path: Path, is_async: bool) -> None:
    text, wait = RESOURCE, ""
    if is_async:
        wait = "await "
        text = text.replace("def ", "async def ").replace("with ", "async with ")
        text = text.replace("= checkout", "= await checkout").replace("  checkin(", "  await checkin(")
    (tmp_path / "use.py").write_text(text, encoding="utf-8")
    config = f"[[resource]]\nacquire = 'app.db.checkout'\nrelease = ['{wait}app.db.checkin($)']\n"
    (tmp_path / "pooclint.toml").write_text(config, encoding="utf-8")
    found = json.loads(pooclint("--format", "json", cwd=tmp_path).stdout)["findings"]
    assert [(finding["function"], finding["code"]) for finding in found] == [("leak", "CNX101")]
    (tmp_path / "pooclint.toml").write_text(f"{config}with-releases = false\n", encoding="utf-8")
    found = json.loads(pooclint("--format", "json", cwd=tmp_path).stdout)["findings"]
    assert {finding["function"] for finding in found} == {"leak", "entered"}


def test_a_reader_that_leaves_early(leaky: Path) -> None:
    for number in range(2000):
        (leaky / f"copy_{number}.py").write_text(LEAK, encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "-m", "pooclint", "--format", "json"],
        cwd=leaky,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        errors = process.stderr.read()
        assert process.wait(timeout=120) == 1
    assert errors == b""


def test_an_encoding_that_cannot_show_everything(tmp_path: Path) -> None:
    (tmp_path / "名前.py").write_text(LEAK.replace("conn", "名"), encoding="utf-8")
    done = pooclint(cwd=tmp_path, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 1
    assert "\\u540d" in done.stdout


def test_no_files(tmp_path: Path) -> None:
    done = pooclint(cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr == "pooclint: no Python files found\n"


def test_version_is_quick(tmp_path: Path) -> None:
    spent = []
    for _ in range(5):
        started = time.perf_counter()
        done = pooclint("--version", cwd=tmp_path)
        spent.append(time.perf_counter() - started)
    assert done.stdout.startswith("pooclint 0.")
    # A generous bound for slow machines; an import of LibCST alone takes longer.
    assert min(spent) < 0.3


def test_version_imports_nothing_heavy(tmp_path: Path) -> None:
    program = (
        "import sys; from pooclint.app.main import main; main(['--version']);"
        "print(sorted({'libcst', 'msgspec', 'rich', 'flake8', 'pathspec', 'argparse'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_run_on_nothing_imports_little(tmp_path: Path) -> None:
    for arguments in ("[]", "['absent']", "['--selct']"):
        program = (
            f"import sys; from pooclint.app.main import main; main({arguments});"
            "print(sorted({'libcst', 'rich', 'flake8'} & set(sys.modules)))"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)
        assert done.stdout.splitlines()[-1] == "[]"
