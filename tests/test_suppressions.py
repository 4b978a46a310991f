"""Comments that silence findings."""

from __future__ import annotations

import pytest

from pooclint.rule import Confidence, Finding, Severity
from pooclint.source.suppressions import apply, find_directives


def finding(line: int, code: str = "CNX102") -> Finding:
    return Finding(code, "x", Severity.ERROR, Confidence.HIGH, "message", "a.py", line, 1, line, 2)


def silenced(text: str | bytes, line: int, code: str = "CNX102", noqa: bool = True) -> bool:
    data = text.encode() if isinstance(text, str) else text
    return not apply([finding(line, code)], find_directives(data), noqa).findings


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa",
        "#noqa",
        "# NOQA",
        "# noqa: CNX102",
        "# noqa:CNX102",
        "# noqa: E501, CNX102",
        "# noqa: E501 CNX102",
        "# noqa: cnx102",
        "# noqa: CNX1",
        "# noqa : a word, so everything",
        "# why not  # noqa: CNX102",
        "# pooclint: ignore",
        "# pooclint: ignore[CNX102] the caller closes it",
        "# pooclint:ignore[CNX1]",
        "# pooclint: ignore[CNX201, CNX102]",
        "# type: ignore # pooclint: ignore[CNX102]",
    ],
)
def test_silences_its_line(comment: str) -> None:
    assert silenced(f"x = 1\ny = 2  {comment}\nz = 3\n", 2)
    assert not silenced(f"x = 1\ny = 2  {comment}\nz = 3\n", 1)
    assert not silenced(f"x = 1\ny = 2  {comment}\nz = 3\n", 3)


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa: CNX101",
        "# noqa: E501",
        "# noqa-this is no directive",
        "# pooclint: ignore[CNX2]",
        "# pooclint: ignore[]",
        "# pooclint: ignored",
        "# pooclint: releases[conn]",
        "# nothing",
    ],
)
def test_silences_nothing_else(comment: str) -> None:
    assert not silenced(f"y = 2  {comment}\n", 1)


@pytest.mark.parametrize("where", [1, 2, 3, 4])
@pytest.mark.parametrize("reported", [1, 2, 3, 4])
def test_any_line_of_the_logical_line(where: int, reported: int) -> None:
    lines = ["conn = acquire(", "    1,", "    2,", ")", "y = 1"]
    lines[where - 1] += "  # noqa: CNX102"
    assert silenced("\n".join(lines) + "\n", reported)
    assert not silenced("\n".join(lines) + "\n", 5)


def test_a_block_is_not_one_logical_line() -> None:
    text = "with a() as b:  # noqa\n    c = d()\n"
    assert silenced(text, 1)
    assert not silenced(text, 2)


def test_after_a_multi_line_string_and_a_backslash() -> None:
    assert silenced('x = f("""\na\n""")  # noqa\n', 1)
    assert silenced("x = f(1) + \\\n    2  # noqa\n", 1)


def test_a_comment_of_its_own_covers_itself_only() -> None:
    assert not silenced("# noqa: CNX102\nx = 1\n", 2)


def test_strings_are_not_comments() -> None:
    assert not silenced('x = "# noqa"\n', 1)
    assert not silenced('"""\n# pooclint: file-ignore[CNX1]\n"""\nx = 1\n', 4)


@pytest.mark.parametrize("comment", ["# pooclint: file-ignore[CNX1]", "# pooclint: file-ignore", "# flake8: noqa"])
def test_whole_file(comment: str) -> None:
    assert silenced(f"x = 1\n\n{comment}\n", 1)


def test_whole_file_with_other_codes() -> None:
    assert not silenced("# pooclint: file-ignore[CNX2]\nx = 1\n", 2)
    assert not silenced("# flake8: noqa: E501\nx = 1\n", 2)
    assert silenced("# flake8: noqa: E501, CNX102\nx = 1\n", 2)


def test_flake8_can_disable_noqa_but_not_our_own() -> None:
    assert not silenced("x = 1  # noqa\n", 1, noqa=False)
    assert silenced("x = 1  # pooclint: ignore\n", 1, noqa=False)


@pytest.mark.parametrize(
    "data",
    [
        b"x = (  # noqa\n",
        b"x = '''  # noqa\n",
        b"  x = 1  # noqa\n y\n",
        b"x = '\xff'  # noqa\n",
        b"# -*- coding: nonsense -*-\nx = 1  # noqa\n",
        b"x = 1\0  # noqa\n",
    ],
)
def test_files_that_cannot_be_tokenized(data: bytes) -> None:
    line = 2 if b"coding" in data else 1
    assert silenced(data, line)


@pytest.mark.parametrize(
    "data", [b"\xef\xbb\xbfx = 1  # noqa\r\ny = 2\r\n", "# coding: latin-1\nx = 'ä'  # noqa\n".encode("latin-1")]
)
def test_encodings_and_line_ends(data: bytes) -> None:
    assert silenced(data, 2 if b"latin" in data else 1)


def test_used_and_unused() -> None:
    directives = find_directives(b"a = 1  # noqa: CNX102\nb = 2  # noqa: CNX102\n")
    done = apply([finding(1)], directives)
    assert [directive.line for directive in done.used] == [1]
    assert [directive.line for directive in done.unused] == [2]


def test_no_mark_no_work() -> None:
    assert find_directives(b"x = (\n") == ()
