"""What a long run keeps, by count: layout is shared, trees go with their project, large files are parsed in pieces."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import libcst as cst
import pytest

from fixture_files import FIXTURES
from pooclint.config import ConfigFinder
from pooclint.program import modules, walk
from pooclint.run import check
from pooclint.run.check import Checker
from pooclint.run.collector import paused
from pooclint.run.discovery import discover
from pooclint.run.workers import check_here
from pooclint.source import segments
from pooclint.source.nodes import descendants
from pooclint.source.outline import imports, outline
from pooclint.source.parse import Unreadable, parse

HELPER = """\
import psycopg2

def connect_to_it():
    return psycopg2.connect("")

def connect_again():
    return connect_to_it()
"""
USER = """\
from helper import connect_to_it

def used():
    connection = connect_to_it()
    connection.cursor()
"""


def parsed(source: str) -> cst.Module:
    tree = parse(source.encode())
    assert not isinstance(tree, Unreadable)
    return tree


def reports(folder: Path) -> Iterator[tuple[str, ...]]:
    finder = ConfigFinder(lambda _: "", isolated=True)
    for done in check_here(Checker(), sorted(discover([str(folder)], finder), key=lambda source: source.display)):
        yield tuple(str(finding) for finding in done.report.findings)


def test_layout_that_looks_the_same_is_the_same_node() -> None:
    one, other = parsed("a = f(1, 2)  # why\n"), parsed("b = g.h(3, k=4)\n")
    first, second = (next(n for n in descendants(tree) if isinstance(n, cst.Call)) for tree in (one, other))
    assert first.args[0].comma is second.args[0].comma
    assert first.whitespace_after_func is second.whitespace_after_func
    assert one.code == "a = f(1, 2)  # why\n"
    assert other.code == "b = g.h(3, k=4)\n"


def test_the_parser_leaves_the_classes_of_layout_as_they_were() -> None:
    parsed("x = 1\n")
    assert isinstance(cst.Comma, type)
    assert isinstance(parse(b"x = ("), Unreadable)
    assert isinstance(cst.SimpleWhitespace, type)


def test_trees_go_when_the_project_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left for the collector, which takes as long as the parse to find it."""
    monkeypatch.setattr(check, "MAX_KEPT", 0)
    (tmp_path / "helper.py").write_text(HELPER, encoding="utf-8")
    (tmp_path / "used.py").write_text(USER, encoding="utf-8")
    (tmp_path / "without.py").write_text("import psycopg2\npsycopg2.connect\n", encoding="utf-8")
    kept = []
    gc.collect()
    others = [n for n in gc.get_objects() if type(n) is cst.FunctionDef]  # of other tests in this process
    known = frozenset(map(id, others))
    with paused():
        for _ in reports(tmp_path):
            nodes = (n for n in gc.get_objects() if type(n) is cst.FunctionDef and id(n) not in known)
            kept.append(sorted(n.name.value for n in nodes if n.name.value in ("connect_to_it", "used")))
    assert kept == [["connect_to_it", "used"], ["connect_to_it", "used"], []]


def test_large_files_are_parsed_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = list(reports(FIXTURES))
    monkeypatch.setattr(modules, "LARGE", 0)
    monkeypatch.setattr(walk, "LARGE", 0)
    monkeypatch.setattr(segments, "_SEGMENT", 0)
    assert list(reports(FIXTURES)) == whole
    assert any(whole)


def test_what_files_import_is_kept_once() -> None:
    known: dict[object, object] = {}
    one = imports(b"from app.db import engine\nimport os\n", known)  # type: ignore[arg-type]
    other = imports(b"import os\nfrom app.db import engine as e, engine\n", known)  # type: ignore[arg-type]
    assert one[0] is other[1]
    assert one[1] is other[2]
    assert len(known) == 3


def test_an_outline_knows_the_words_of_each_definition() -> None:
    found = outline(
        b"x = connect(1)\ndef f():\n    x.run(db.engine)\ndef g(): pass\nx = None\n", frozenset({b"connect"})
    )
    assert found.names == ("x", "f", "g", "x")
    assert found.calling(frozenset({b"connect", b"run"})) == {"x"}
    assert found.mentioning(["db.engine"]) == {"f"}
    assert found.mentioning(["db.other", "run"]) == {"f"}
    assert found.mentioning(["db.other"]) == frozenset()
    assert found.contains(["other", "pass"])
    assert not found.contains(["other"])


def test_what_an_outline_binds_together_leads_to_the_same() -> None:
    start = b"def start():\n    global pool\n    pool = make()\n    global pool\n"
    found = outline(b"a, b = make()\npool = None\n" + start + b"def g(): pass\n", frozenset({b"make"}))
    assert found.names == ("a", "b", "pool", "start", "pool", "g")
    assert found.calling(frozenset({b"make"})) == {"a", "b", "start", "pool"}
    assert found.mentioning(["make"]) == {"a", "b", "start", "pool"}


CLASS = '''\
@decorated(1)
class Many(Base, kind="x"):  # what it is
    """Its text."""

    limit = 1; other = 2
    # about first
    def first(self):
        return (
            1
        )
        # the end of first

    @property
    def second(self): return 2

    class Inner:
        def third(self):
            pass
  # less indented
    async def fourth(self):
        """
    def no_method(self):
        """
    # the last
'''


@pytest.mark.parametrize(
    "text", [CLASS, CLASS.replace("\n", "\r\n"), CLASS.rstrip() + "\n# and after\n", CLASS.rstrip("\n")]
)
def test_a_large_class_is_put_together_from_its_segments(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "_SEGMENT", 0)
    tree, whole = segments._combined(text.encode()), parsed(text)
    assert tree is not None
    assert tree.code == text
    one, other = ([type(n).__name__ for n in descendants(t)] for t in (tree, whole))
    assert one == other


@pytest.mark.parametrize(
    "text", ["def f():\n    pass\n", "class A: x = 1; y = 2\n", "class A:\n    x = 1\n", "class A:\n  x ="]
)
def test_what_has_no_segments_is_parsed_as_it_is(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "_SEGMENT", 0)
    assert segments._combined(text.encode()) is None
    found = segments.parse_in_segments(text.encode())
    assert isinstance(found, Unreadable) or found.code == text


def test_several_processes_keep_no_more_than_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each keeps its share: where one keeps three files, one of four drops those before the last."""
    monkeypatch.setattr(check, "_LEAST_KEPT", 0)
    monkeypatch.setattr(check, "MAX_KEPT", len(HELPER) * 4)
    for name in ("a.py", "b.py", "c.py"):
        (tmp_path / name).write_text(HELPER, encoding="utf-8")
    finder = ConfigFinder(lambda _: "", isolated=True)
    sources = sorted(discover([str(tmp_path)], finder), key=lambda source: source.display)
    weights = []
    for processes in (1, 4):
        checker = Checker(processes=processes)
        for _ in check_here(checker, sources):
            pass
        (project,) = checker._projects.values()
        weights.append(project.modules.weight)
    assert weights == [3 * len(HELPER), len(HELPER)]
