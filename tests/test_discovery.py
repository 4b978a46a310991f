"""Which files are checked."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest
from pathspec import GitIgnoreSpec

from pooclint.config import ConfigFinder
from pooclint.run.discovery import Source, UsageError, _about_files, discover, display_path, is_test_path


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*names: str, text: str = "") -> None:
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def found(*paths: str, force: bool = False) -> list[str]:
    return [source.display for source in sources(*paths, force=force)]


def sources(*paths: str, force: bool = False) -> list[Source]:
    return list(discover(paths, ConfigFinder(lambda: ["CNX101"]), force))


def test_python_files_in_a_stable_order_and_once() -> None:
    make("b.py", "a.py", "c/d.py", "c/e.pyi", "c/readme.txt", "C.PY")
    assert found() == ["a.py", "b.py", "c/d.py"]
    assert found("c", "b.py", "./b.py", ".") == ["c/d.py", "b.py", "a.py"]


def test_absolute_paths_are_shown_relative(here: Path) -> None:
    make("c/d.py")
    assert found(str(here / "c")) == ["c/d.py"]


def test_a_folder_outside(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make("one/a.py", "two/b.py")
    monkeypatch.chdir("one")
    assert found("../two") == ["../two/b.py"]


def test_default_exclusions() -> None:
    make("a.py", "build/b.py", ".venv/c.py", "node_modules/x/d.py", "pkg/_vendor/e.py", "pkg/__pycache__/f.py")
    make("myenv/pyvenv.cfg", "myenv/lib/g.py", "lib/site-packages/h.py", ".git/hooks/i.py")
    assert found() == ["a.py"]


def test_what_is_named_is_checked() -> None:
    make("build/b.py", ".venv/lib/site-packages/c.py", ".venv/pyvenv.cfg", "script", "stub.pyi")
    make(".gitignore", text="/.venv/\n")
    make(".git/HEAD")
    assert found("build/b.py", "script", "stub.pyi") == ["build/b.py", "script", "stub.pyi"]
    assert found("build") == ["build/b.py"]
    assert found(".venv/lib/site-packages") == [".venv/lib/site-packages/c.py"]


def test_force_exclude_is_for_hooks() -> None:
    make("build/b.py", "a.py", "node_modules/c.py")
    assert found("build/b.py", "a.py", "node_modules/c.py", force=True) == ["a.py"]


def test_gitignore_nested_and_negated() -> None:
    make("a.py", "gen_a.py", "sub/gen_b.py", "sub/keep/gen_c.py", "out/x.py", "sub/out/y.py", "local.py")
    make(".git/info/exclude", text="local.py\n")
    make(".gitignore", text="gen_*.py\n/out/\n")
    make("sub/keep/.gitignore", text="!gen_c.py\n")
    assert found() == ["a.py", "sub/keep/gen_c.py", "sub/out/y.py"]
    assert found("sub") == ["sub/keep/gen_c.py", "sub/out/y.py"]


PATTERNS = (
    "build/", "build", "*.py", "*.py[cod]", "*.so", "a*", "*y", "py", "/x.py", "a/", "a/**", "a/*", "**/x.py", "b/x.py",
    "?.py", "[xy].py", ".py", "x\\.py", "a/b", "*/", "!x.py", "!a/", "# note", "*.egg/", "x.py ",
)  # fmt: skip
PLACES = ("x.py", "y.py", "a/x.py", "a/b/x.py", "b/x.py", "b/a/y.py", "build/x.py", "b.egg/x.py", "b/.py", "ab/z.py")


def test_patterns_that_are_left_aside_say_nothing_of_a_file() -> None:
    """As long as its folders are not left out, which is asked before."""
    for patterns in itertools.product(PATTERNS, repeat=2):
        whole = GitIgnoreSpec.from_lines(patterns)
        part = GitIgnoreSpec.from_lines(_about_files(patterns, ".py"))
        for place in PLACES:
            above = [str(folder) for folder in Path(place).parents][:-1]
            if not any(whole.check_file(f"{folder}/").include for folder in above):
                kept_out = whole.check_file(place).include is True
                assert (part.check_file(place).include is True) == kept_out, (patterns, place)
    assert _about_files(("build/", "*.so", "docs/_build/", ".env"), ".py") == ()


def test_a_gitignore_above_the_repository_does_not_count(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(".gitignore", text="*.py\n")
    make("repo/.git/HEAD", "repo/a.py")
    monkeypatch.chdir("repo")
    assert found() == ["a.py"]


def test_a_strange_gitignore_is_survived() -> None:
    make("a.py")
    Path(".gitignore").write_bytes(b"\xff\n!\n[\n/\n")
    assert found() == ["a.py"]


def test_exclude_and_extend_exclude() -> None:
    make("a.py", "migrations/b.py", "app/migrations/c.py", "build/d.py", "gen/e.py", "f_pb2.py")
    make("pooclint.toml", text='extend-exclude = ["migrations/", "/gen", "*_pb2.py"]\n')
    assert found() == ["a.py"]
    make("pooclint.toml", text='exclude = ["/migrations/"]\n')
    assert found() == ["a.py", "f_pb2.py", "app/migrations/c.py", "build/d.py", "gen/e.py"]


def test_exclude_tests() -> None:
    make("a.py", "tests/b.py", "test_c.py", "c_test.py", "conftest.py", "attest.py")
    make("pooclint.toml", text="exclude-tests = true\n")
    assert found() == ["a.py", "attest.py"]


def test_each_folder_has_its_configuration() -> None:
    make("a.py", "sub/b.py")
    make("pooclint.toml", text="max-pool-size = 1\n")
    make("sub/pooclint.toml", text="max-pool-size = 2\n")
    assert [source.config.settings.max_pool_size for source in sources()] == [1, 2]


def test_odd_entries() -> None:
    make("a.py")
    Path("folder.py").mkdir()
    make("folder.py/b.py")
    os.symlink("nowhere", "dangling.py")
    os.symlink("nowhere", ".#lock.py")
    os.symlink(".", "loop")
    os.mkfifo("pipe.py")
    assert found() == ["a.py", "dangling.py", "folder.py/b.py"]


def test_missing_paths_are_wrong_usage() -> None:
    make("a.py")
    with pytest.raises(UsageError, match="no such file or folder: absent, gone"):
        found("absent", "a.py", "gone")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read() -> None:
    make("closed/a.py")
    os.chmod("closed", 0)
    try:
        (source,) = sources()
        assert (source.display, source.problem) == ("closed", "Permission denied")
        (source,) = sources("closed/a.py")
        assert source.display == "closed/a.py"
    finally:
        os.chmod("closed", 0o755)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tests/a.py", True),
        ("app/tests/deep/a.py", True),
        ("app/test/deep/a.py", True),
        ("app/testing/a.py", False),
        ("app/test_a.py", True),
        ("a_test.py", True),
        ("conftest.py", True),
        ("shop/tests.py", True),
        ("app/contest.py", False),
        ("app/latest.py", False),
        ("/srv/tests/app/a.py", False),
        ("/srv/app/tests/a.py", True),
    ],
)
def test_test_code(path: str, expected: bool) -> None:
    assert is_test_path(path) is expected


def test_display_path(here: Path) -> None:
    assert display_path("./a/../b.py") == "b.py"
    assert display_path(here / "x.py") == "x.py"
    assert display_path("/elsewhere/x.py") == "/elsewhere/x.py"
