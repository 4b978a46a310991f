"""Entries for certain versions, and which versions a project uses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from console import pooclint, python_path
from pooclint.models import ModelFile, Models, parse_model
from pooclint.models.versions import chosen, entries, is_requirement, newest, newest_allowed, requirement
from pooclint.packs import bundled_models
from pooclint.run.dependencies import DependencyFinder
from pooclint.run.models import ModelSet

MODEL = b"""\
[library]
name = "heron"
package = "Heron_Client"
imports = ["heron"]
[[type]]
name = "heron.Link"
kind = "connection"
release = ["$.close()"]
[[call]]
names = ["heron.link"]
returns = "heron.Link"
acquires = true
requires = ">=3.0"
note = "new"
[[call]]
names = ["heron.link"]
returns = "heron.Link"
acquires = true
requires = "<3.0,>=2.0"
note = "middle"
[[call]]
names = ["heron.link"]
returns = "heron.Link"
acquires = true
requires = "<2.0"
note = "old"
[[call]]
names = ["heron.serve"]
requires = "egret>=1.0,!=1.2"
[[call]]
names = ["heron.fork"]
requires = "python < 3.12"
"""
# What tells entries of one name apart.
CONDITIONS = ("only_if", "given", "unless", "provider", "callable_argument")
FILE = parse_model(MODEL, "heron.toml")


def notes(files: tuple[ModelFile, ...]) -> list[str]:
    return [call.note for file in files for call in file.call if call.names == ("heron.link",)]


def names(files: tuple[ModelFile, ...]) -> set[str]:
    return {name for file in files for call in file.call for name in call.names}


def test_the_newest_is_meant_where_nothing_is_known() -> None:
    assert notes(newest([FILE])) == notes(chosen([FILE], {})) == ["new"]
    assert names(newest([FILE])) == {"heron.link", "heron.serve"}


@pytest.mark.parametrize(
    ("version", "note"),
    [("3.0", "new"), ("4.1.2", "new"), ("3.0.0rc1", "new"), ("2.99", "middle"), ("2", "middle"), ("1.9.9", "old")],
)
def test_a_version_chooses_its_entries(version: str, note: str) -> None:
    assert notes(chosen([FILE], {"heron-client": Version(version)})) == [note]


def test_an_entry_may_depend_on_another_package() -> None:
    assert names(chosen([FILE], {"egret": Version("1.2")})) == {"heron.link"}
    assert names(chosen([FILE], {"egret": Version("1.2.1")})) == {"heron.link", "heron.serve"}
    assert names(chosen([FILE], {"python": Version("3.11")})) == {"heron.link", "heron.serve", "heron.fork"}


def test_a_file_without_versions_is_left_as_it_is() -> None:
    plain = parse_model(b"[library]\nname = 'a'\n[[call]]\nnames = ['a.b']\n", "a.toml")
    assert newest([plain])[0] is plain
    assert chosen([plain], {"a": Version("1")})[0] is plain


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (">=1", True), ("<8,>=7.2", True), ("starlette>=1.0", True), ("aws-sdk.core ~= 2.1", True), ("==3.*", True),
        (">=", False),
        ("", False), (">=1,", False), ("3.0", False), ("^3", False), (">=1 <2", False), ("a b>=1", False),
    ],
)  # fmt: skip
def test_what_a_range_is(text: str, right: bool) -> None:
    assert is_requirement(text) is right
    if right:
        SpecifierSet(requirement(parse(text).call[0], parse(text))[1])  # type: ignore[index]


def parse(requires: str) -> ModelFile:
    return parse_model(f"[library]\nname = 'a'\n[[call]]\nnames = ['a.b']\nrequires = '{requires}'\n".encode(), "a")


@pytest.mark.parametrize(
    ("ranges", "newest_version"),
    [
        ("", "99999"), (">=2", "99999"), ("<8", "7.99999"), ("<=7.4.1", "7.4.1"), ("==5.3.1", "5.3.1"),
        ("==5.*", "5.99999"), ("<1.0", "0.99999"),
        ("~=5.2", "5.99999"), ("~=5.2.1", "5.2.99999"), (">=4,<6", "5.99999"), ("<8.2.0", "8.1.99999"),
        (">1,<3,!=2", "2.99999"), ("!=3", "99999"), (">=100000", "100000"), ("<2,>=3", None), ("<2.0b1", "1.99999"),
    ],
)  # fmt: skip
def test_the_newest_version_that_a_range_allows(ranges: str, newest_version: str | None) -> None:
    assert newest_allowed(SpecifierSet(ranges)) == (Version(newest_version) if newest_version else None)


UV = """\
version = 1
requires-python = ">=3.10"

[[package]]
name = "heron-client-extra"
version = "9.0"
source = { registry = "https://example.com/simple" }

[[package]]
name = "heron-client"
version = "2.5.1"
source = { registry = "https://example.com/simple" }
dependencies = [
    { name = "egret" },
]

[[package]]
name = "egret"
version = "1.2"
"""
POETRY = """\
[[package]]
name = "Heron_Client"
version = "2.5.1"
description = "version = 9"
optional = false

[package.dependencies]
egret = ">=1"

[metadata]
lock-version = "2.0"
"""
PDM = """\
[[package]]
name = "heron-client"
requires_python = ">=3.8"
version = "2.5.1"
summary = "x"
"""
PYLOCK = """\
lock-version = "1.0"
[[packages]]
name = "heron-client"
version = "2.5.1"
marker = "python_version >= '3.9'"
"""
PIPFILE = json.dumps({"default": {"heron-client": {"version": "==2.5.1"}, "x": {"path": "."}}, "develop": {}})
PROJECT = """\
[project]
name = "shop"
dependencies = ["heron_client[fast]>=2.4,<2.6 ; python_version > '3.8'", "other"]
"""


@pytest.mark.parametrize(
    ("name", "text", "version"),
    [
        ("uv.lock", UV, "2.5.1"),
        ("uv.lock", UV.replace("\n", "\r\n"), "2.5.1"),
        ("poetry.lock", POETRY, "2.5.1"),
        ("pdm.lock", PDM, "2.5.1"),
        ("pylock.toml", PYLOCK, "2.5.1"),
        ("pylock.prod.toml", PYLOCK, "2.5.1"),
        ("Pipfile.lock", PIPFILE, "2.5.1"),
        ("requirements.txt", "heron-client==2.5.1\n", "2.5.1"),
        ("requirements-dev.txt", "-r base.txt\nHeron.Client[fast] == 2.5.1 ; os_name == 'nt'  # pinned\n", "2.5.1"),
        ("requirements/base.txt", "heron-client==2.5.1 --hash=sha256:00 \\\n  --hash=sha256:11\n", "2.5.1"),
        ("requirements.txt", "heron-client==2.*\n", "2.99999"),
        ("requirements.txt", "heron-client<2.6  # as long as it works\n", "2.5.99999"),
        ("requirements.txt", "# heron-client==1\nheron-client\n", "99999"),
        ("requirements.txt", "heron-client @ https://example.com/heron.whl\n", "99999"),
        ("pyproject.toml", PROJECT, "2.5.99999"),
        ("pyproject.toml", "[project.optional-dependencies]\ndb = ['heron-client~=2.4']\n", "2.99999"),
        ("pyproject.toml", "[dependency-groups]\ndev = [{include-group = 'x'}, 'heron-client<3']\n", "2.99999"),
        ("pyproject.toml", "[tool.uv]\ndev-dependencies = ['heron-client<3']\n", "2.99999"),
        ("pyproject.toml", "[tool.pdm.dev-dependencies]\ntest = ['heron-client<3']\n", "2.99999"),
        ("pyproject.toml", "[tool.poetry.dependencies]\nheron-client = '^2.4'\n", "2.99999"),
        ("pyproject.toml", "[tool.poetry.dependencies]\nheron-client = '^0.4.1'\n", "0.4.99999"),
        ("pyproject.toml", "[tool.poetry.dependencies]\nheron-client = '~2.4'\n", "2.4.99999"),
        ("pyproject.toml", "[tool.poetry.dependencies]\nheron-client = '~2'\n", "2.99999"),
        ("pyproject.toml", "[tool.poetry.dependencies]\nheron-client = '2.5.1'\n", "2.5.1"),
        ("pyproject.toml", "[tool.poetry.dependencies]\nheron-client = '*'\n", "99999"),
        ("pyproject.toml", "[tool.poetry.dependencies]\nheron-client = '^1 || ^2'\n", "2.99999"),
        ("pyproject.toml", "[tool.poetry.group.x.dependencies]\nheron-client = {version = '~2.4.1'}\n", "2.4.99999"),
        ("pyproject.toml", "[tool.poetry.dependencies]\nheron-client = {git = 'x'}\n", None),
        ("pyproject.toml", "not toml", None),
        ("uv.lock", "not toml", None),
        ("Pipfile.lock", "[]", None),
        ("Pipfile.lock", "{", None),
        ("requirements.txt", "heron-client >>> 3\n", None),
        ("notes.txt", "heron-client==2.5.1\n", None),
    ],
)
def test_where_a_version_is_found(tmp_path: Path, name: str, text: str, version: str | None) -> None:
    (tmp_path / ".git").mkdir()
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode())
    found = DependencyFinder({"heron-client"}).versions(tmp_path / "src")
    assert found == ({"heron-client": Version(version)} if version else {})


def test_a_lock_is_stronger_than_a_range_and_the_closest_wins(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "uv.lock").write_text(UV, "utf-8")
    inner = tmp_path / "services" / "api"
    inner.mkdir(parents=True)
    (inner / "pyproject.toml").write_text("[project]\ndependencies = ['heron-client<2', 'egret<1.2']\n", "utf-8")
    finder = DependencyFinder({"heron-client", "egret", "python"})
    assert finder.versions(inner / "app") == {"heron-client": Version("2.5.1"), "egret": Version("1.2")}
    (inner / "requirements.txt").write_text("heron-client==1.8\n", "utf-8")
    finder = DependencyFinder({"heron-client", "egret"})
    assert finder.versions(inner)["heron-client"] == Version("1.8")
    assert finder.versions(tmp_path)["heron-client"] == Version("2.5.1")


def test_a_lock_is_stronger_than_pins_beside_it_and_names_the_newest(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("heron-client==9\n", "utf-8")
    (tmp_path / "uv.lock").write_text(UV + '[[package]]\nname = "heron-client"\nversion = "2.10"\n', "utf-8")
    assert DependencyFinder({"heron-client"}).versions(tmp_path) == {"heron-client": Version("2.10")}


def test_the_interpreter(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nrequires-python = '>=3.8,<3.11'\n", "utf-8")
    assert DependencyFinder({"python"}).versions(tmp_path) == {"python": Version("3.10.99999")}


def test_nothing_above_a_repository_counts(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("heron-client==1\n", "utf-8")
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    assert DependencyFinder({"heron-client"}).versions(tmp_path / "repository" / "src") == {}


def test_models_of_a_folder(tmp_path: Path) -> None:
    models = ModelSet((FILE,))
    for folder, version in (("a", "1.0"), ("b", "1.5"), ("c", "7")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "requirements.txt").write_text(f"heron-client=={version}\n", "utf-8")
    old = models.for_folder(tmp_path / "a" / "src")
    assert [call.note for call in old.calls("heron.link")] == ["old"]
    assert models.for_folder(tmp_path / "b") is old
    assert models.for_folder(tmp_path / "c") is models.newest
    assert models.for_folder(tmp_path) is models.newest


def test_nothing_is_read_where_no_model_asks() -> None:
    models = ModelSet((parse_model(b"[library]\nname = 'a'\nimports = ['a']\n", "a"),))
    assert models.for_folder(Path("/absent")) is models.newest


@pytest.mark.parametrize(("line", "imported"), [("other==1\n", False), ("Heron.Client==1\n", True)])
def test_what_reads_versions_is_imported_when_it_has_something_to_read(
    tmp_path: Path, line: str, imported: bool
) -> None:
    (tmp_path / "requirements.txt").write_text(line, "utf-8")
    (tmp_path / "pyproject.toml").write_text("[project]\nrequires-python = '>=3.10'\n", "utf-8")
    program = (
        "import sys; from pathlib import Path; from pooclint.run.dependencies import DependencyFinder;"
        f"DependencyFinder(['heron-client', 'python']).versions(Path({str(tmp_path)!r}));"
        "print('packaging' in sys.modules)"
    )
    env = {**os.environ, "PYTHONPATH": python_path()}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=env)
    assert done.stdout.strip() == str(imported)


def test_every_version_has_one_entry() -> None:
    """For each bundled name with entries for certain versions, exactly one of them holds for any version."""
    wrong = []
    for file in bundled_models():
        ranges: dict[tuple[object, ...], list[SpecifierSet]] = {}
        for entry in entries(file):
            needs = requirement(entry, file)
            if needs is None:
                continue
            called = getattr(entry, "names", ()) or product(getattr(entry, "on", ()), getattr(entry, "methods", ()))
            for name in called or [entry.name]:  # type: ignore[union-attr]
                condition = [getattr(entry, field, "") for field in CONDITIONS]
                key = (type(entry), name, repr(condition), needs[0])
                ranges.setdefault(key, []).append(SpecifierSet(needs[1]))
        for key, known in ranges.items():
            bounds = {Version(clause.version.removesuffix(".*")) for each in known for clause in each}
            points = [*bounds, *(newest_allowed(SpecifierSet(f"<{bound}")) for bound in bounds)]
            counts = [sum(each.contains(point, prereleases=True) for each in known) for point in points if point]
            wrong += [(file.library.name, key[1])] if max(counts) > 1 else []
    assert wrong == []


def test_versions_reach_the_findings(tmp_path: Path) -> None:
    """The same code under two lock files."""
    model = (
        "[library]\nname = 'heron'\nimports = ['heron']\n"
        "[[type]]\nname = 'heron.Link'\nkind = 'connection'\nwith = 'sync'\nrelease = ['$.close()']\n{}"
    )
    (tmp_path / "heron.toml").write_text(
        model.format("requires = '>=3'\n")
        + "[[type]]\nname = 'heron.Link'\nkind = 'connection'\nwith = 'sync'\nexit = 'keeps-open'\n"
        "release = ['$.close()']\nrequires = '<3'\n"
        "[[call]]\nnames = ['heron.link']\nreturns = 'heron.Link'\nacquires = true\n",
        "utf-8",
    )
    (tmp_path / "pooclint.toml").write_text("models = ['heron.toml']\n", "utf-8")
    (tmp_path / "a.py").write_text(
        "import heron\n\n\ndef f():\n    with heron.link() as it:\n        it.use()\n", "utf-8"
    )
    assert pooclint("--format", "concise", cwd=tmp_path).stdout == ""
    (tmp_path / "uv.lock").write_text('[[package]]\nname = "heron"\nversion = "2.9"\n', "utf-8")
    assert "CNX106" in pooclint("--format", "concise", cwd=tmp_path).stdout
    data = (tmp_path / "a.py").read_text("utf-8")
    shown = pooclint("-", "--stdin-filename", "a.py", "--format", "concise", cwd=tmp_path, stdin=data)
    assert "CNX106" in shown.stdout
    (tmp_path / "uv.lock").write_text('[[package]]\nname = "heron"\nversion = "3.0"\n', "utf-8")
    assert pooclint("--format", "concise", cwd=tmp_path).stdout == ""


def test_the_index_of_the_newest_is_that_of_the_files() -> None:
    assert [call.note for call in Models(newest([FILE])).calls("heron.link")] == ["new"]
