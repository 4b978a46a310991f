"""Modules that are cut: what is not asked for is not parsed, and nothing else is different."""

from __future__ import annotations

import textwrap

import libcst as cst
import pytest

from pooclint.program.places import Origin
from pooclint.program.scopes import Index
from pooclint.program.walk import read_index
from pooclint.source.pieces import cut, cut_again, extents

SOURCE = textwrap.dedent('''\
    """What the module is about."""
    import os

    LIMIT = 3; NAME = "x"


    # about first
    @decorated(
        1,
    )
    def first(a, b=LIMIT):
        def inner():
            return """
    not a statement
    """
        return inner

    class Second:
    \tvalue = 1

    \tdef method(self):
    \t\tself.kept = os.getcwd()

    if LIMIT:
        def either(): pass
    else:
        either = None

    def last(): return call(
        1)
    ''')


def index(data: bytes, whole: bool = False) -> Index:
    found = read_index(data, Origin(), frozenset({cst.Call, cst.FunctionDef}), None if whole else cut(data))
    assert isinstance(found, Index)
    return found


def names(found: Index) -> list[str]:
    return [f.qualname for f in found.functions.values()]


def test_only_what_is_asked_for_is_parsed() -> None:
    found = index(SOURCE.encode())
    assert set(found.waiting) == {"first", "Second", "last"}
    assert found.scope.lookup("LIMIT")
    assert set(found.waiting) == {"first", "Second", "last"}
    holder, bindings = found.scope.lookup("Second") or (None, [])
    assert holder is found.scope
    assert [b.kind for b in bindings] == ["class"]
    assert set(found.waiting) == {"first", "last"}
    assert found.weight < len(SOURCE)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("asked", [(), ("last",), ("last", "Second", "first")])
def test_in_the_end_it_is_the_same(newline: str, asked: tuple[str, ...]) -> None:
    """Whatever was asked for first: functions, visited nodes and places are those of the module in one piece."""
    data = SOURCE.replace("\n", newline).encode()
    found, plain = index(data), index(data, whole=True)
    for name in asked:
        found.bindings(name)
    assert names(found) == names(plain)
    assert len(found.module.body) == len(plain.module.body)
    assert found.scope.bindings.keys() == plain.scope.bindings.keys()
    assert found.function_names == plain.function_names
    for one, other in zip(found.visited, plain.visited, strict=True):
        assert type(one[0]) is type(other[0])
        assert one[1].qualname == other[1].qualname
        assert list(found.locate([one[0]]).values()) == list(plain.locate([other[0]]).values())


@pytest.mark.parametrize(
    "source",
    [
        b"\xef\xbb\xbfdef f(): pass\n",
        b"# -*- coding: latin-1 -*-\ndef f(): return '\xe4'\n",
        b"#!/bin/sh\n# vim: set fileencoding=utf-8 :\ndef f(): pass\n",
        b"def f():\n    pass\rx = 1\n",
        b"def f(:\n",
        b"def f(): return '\xff'\n",
    ],
)
def test_what_is_not_cut(source: bytes) -> None:
    assert cut(source) is None


@pytest.mark.parametrize(
    "source",
    [
        "def f(): pass\ndef f(): return 1\n",
        "try:\n    from a import f\nexcept ImportError:\n    f = None\ndef f(): pass\n",
        "def f():\n    global state\n    state = 1\n",
        "def f(): pass\nf.attribute = 1\nfor f in (): pass\n",
    ],
)
def test_what_binds_other_names_waits_for_nobody(source: str) -> None:
    """A name that is bound twice is looked up with all its bindings."""
    pieces = cut(source.encode())
    assert pieces is not None
    assert not pieces.definitions


def test_a_definition_that_libcst_cannot_parse() -> None:
    deep = "(" * 180 + ")" * 180
    data = f"x = 1\ndef f():\n    return {deep}\n".encode()
    found = index(data)
    assert found.bindings("f") == []
    assert found.problem is not None


@pytest.mark.parametrize(
    "source", [SOURCE, SOURCE.replace("\n", "\r\n"), SOURCE.rstrip(), "", "x = 1", "def f(): pass"]
)
def test_what_has_been_cut_is_cut_again_where_it_was(source: str) -> None:
    first = cut(source.encode())
    assert first is not None
    again = cut_again(source.encode(), extents(source.encode(), first))
    assert again is not None
    assert (again.frame, again.statements, again.definitions) == (first.frame, first.statements, first.definitions)
    assert cut_again(f"{source}\n".encode(), extents(source.encode(), first)) is None


def test_the_word_global_binds_nothing() -> None:
    found = cut(b'def said():\n    """Of global interest."""\n\ndef done():\n    global state\n    state = 1\n')
    assert found is not None
    assert list(found.definitions) == ["said"]
