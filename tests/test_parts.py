"""Digests of what somebody rests on: they change with what it means, and with nothing else."""

from __future__ import annotations

import textwrap

import pytest

from pooclint.source.parts import CODE, parts

SOURCE = textwrap.dedent('''\
    import os

    LIMIT = 3


    def first(name):
        text = f"{name!r:#>4} # {name}"
        return [
            text,
            """
    # no comment

    """,
        ]


    def second():
        return LIMIT
    ''')
NAMES = ("LIMIT", "first", "second", "nothing", CODE)


def digests(source: str) -> tuple[bytes, ...]:
    found = parts(source.encode())
    return tuple(found.of(name) for name in NAMES)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import os\n", "# about\nimport os\n"),
        ("import os\n", "import os  # noqa: F401\n"),
        ("LIMIT = 3\n", "\n# three\n\nLIMIT = 3\n"),
        ("    text = f", "    # 'a', \"b\n    text = f"),
        ("    return [\n", "    return [  # it's a list\n"),
        ("        text,\n", "        # first\n        text,\n\n"),
        ("    return LIMIT\n", "\n    return LIMIT\n# the end\n"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_comments_and_blank_lines_do_not_count(before: str, after: str, newline: str) -> None:
    assert before in SOURCE
    changed = SOURCE.replace(before, after, 1).replace("\n", newline)
    assert digests(changed) == digests(SOURCE.replace("\n", newline))
    assert parts(changed.encode()) != parts(SOURCE.encode())


@pytest.mark.parametrize(
    ("before", "after", "others"),
    [
        ("# {name}", "# {{name}}", ("first", CODE)),
        ("# no comment\n", "# no command\n", ("first", CODE)),
        ("# no comment\n\n", "# no comment\n", ("first", CODE)),
        ("    return LIMIT\n", "    print()\n    return LIMIT\n", ("second", CODE)),
        ("    return LIMIT\n", "    return first(LIMIT)\n", ("first", "second", CODE)),
        ("LIMIT = 3", "LIMIT = 4", NAMES),
    ],
)
def test_what_does_count(before: str, after: str, others: tuple[str, ...]) -> None:
    assert before in SOURCE
    now = zip(NAMES, digests(SOURCE), digests(SOURCE.replace(before, after, 1)), strict=True)
    assert {name for name, old, new in now if old != new} == set(others)


def test_nested_quotes() -> None:
    """From Python 3.12 on, these two are another string; before that, it is no Python, and all of it counts."""
    one, other = (parts(f'def f(x):\n    return f"{{x[\'#{key}\']}} {{x["#{key}"]}}"\n'.encode()) for key in "ab")
    assert one.of("f") != other.of("f")


def test_what_cannot_be_cut_counts_as_a_whole() -> None:
    assert digests("def f(:\n") != digests("def f(:\n# a line\n")
