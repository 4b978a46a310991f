"""Digests of what somebody rests on: they change with what it means, and with nothing else."""

from __future__ import annotations

import io
import sys
import textwrap
import tokenize

import pytest

from console import ROOT
from pooclint.source.parts import CODE, FRAME, _code, _without_layout, parts

LINTER = ROOT / "linter"

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
        ("    return LIMIT\n", "    return first(LIMIT)\n", ("second", CODE)),
        ("LIMIT = 3", "LIMIT = 4", NAMES),
    ],
)
def test_what_does_count(before: str, after: str, others: tuple[str, ...]) -> None:
    assert before in SOURCE
    now = zip(NAMES, digests(SOURCE), digests(SOURCE.replace(before, after, 1)), strict=True)
    assert {name for name, old, new in now if old != new} == set(others)


KEEPING = textwrap.dedent("""\
    LIMIT = 3
    kept = {}
    known = helped()


    def helped():
        return helper


    def helper():
        return LIMIT


    def open_one():
        return opened()


    def opened():
        return object()


    def fill(key):
        kept[key] = opened


    def read(key):
        return kept[key]


    def rename():
        Kept.name = "x"


    class Kept:
        def shown(self):
            return self.name
    """)


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("opened", {"opened"}),
        ("open_one", {"open_one", "opened"}),
        ("fill", {"fill", "opened"}),
        ("read", {"read", "fill", "opened"}),  # what is read there is what the other has filled in
        ("kept", {"kept", "fill", "opened"}),
        ("Kept", {"Kept", "rename"}),
        ("LIMIT", {"LIMIT"}),
        ("nothing", {"nothing"}),
        ("helped", set()),  # part of the frame
        ("helper", set()),
    ],
)
def test_what_a_name_rests_on(name: str, others: set[str]) -> None:
    found = parts(KEEPING.encode())
    assert found.rests_on(name) == others | {FRAME}
    assert found.part(name) == (name if others else FRAME)
    for other in ("opened", "fill", "helper", "rename"):
        changed = KEEPING.replace(f"def {other}(", f"def {other}(*args, ", 1)
        matters = other in others or found.part(other) == FRAME
        assert (parts(changed.encode()).of(name) != found.of(name)) == matters


def test_what_is_defined_in_the_frame_is_part_of_it() -> None:
    """What it does with a variable is not told apart from what others do."""
    found = parts(f"{KEEPING}\n\nif LIMIT:\n    def either():\n        return kept\n".encode())
    assert [found.part(name) for name in ("either", "fill", "opened", "read")] == [FRAME, FRAME, FRAME, "read"]


def test_the_name_of_a_method_matters_to_who_calls_one() -> None:
    """By it, a call is taken for one that may decide something."""
    source = "def f(x):\n    x.flush()\n\n\nclass A:\n    def %s(self):\n        pass\n"
    one, other, unrelated = (parts((source % name).encode()).of("f") for name in ("flush", "close", "open"))
    assert one != other
    assert other == unrelated


def test_nested_quotes() -> None:
    """From Python 3.12 on, these two are another string; before that, it is no Python, and all of it counts."""
    one, other = (parts(f'def f(x):\n    return f"{{x[\'#{key}\']}} {{x["#{key}"]}}"\n'.encode()) for key in "ab")
    assert one.of("f") != other.of("f")


def test_what_cannot_be_cut_counts_as_a_whole() -> None:
    assert digests("def f(:\n") != digests("def f(:\n# a line\n")


def tokens(text: bytes) -> list[tuple[int, str]]:
    found = tokenize.tokenize(io.BytesIO(text).readline)
    return [(token.type, token.string) for token in found if token.type != tokenize.NL]


TRICKY = (
    "x = f\"{d['#']} # {y!r:>{width}}\"  # c\n",
    "x = f'{a}' f\"it's\" rf'\\d{{#}}' # '\n",
    "if'#':\n    # a\n    y = b'#' rb\"\\\"#\"\n\n",
    "# a\n\nx = '''\n# no\n\n''' ; y = 1 # yes\n    # end\n",
    'x = (  # c\n    1,\n\n    # d\n    "#",\n)\n',
    "x = f'''{\n1  }#\n\n''' # c\n",
    'x = """a"b\\"""#""" # c\n\n\ny = \'\'\n',
    "x = 1 # c\r\n\r\n# d\r\ny = 2\r\n",
)


@pytest.mark.parametrize("text", [*TRICKY, *(path.read_text("utf-8") for path in sorted(LINTER.rglob("*.py")))])
def test_code_is_all_but_layout(text: str) -> None:
    """Quick or by the tokenizer, the tokens are the same, and nothing else is left."""
    data = text.encode()
    code = [token for token in tokens(data) if token[0] != tokenize.COMMENT]
    for reduced in (_code(data), _without_layout(data)):
        assert tokens(reduced) == code
        found = tokenize.tokenize(io.BytesIO(reduced).readline)
        assert not [token for token in found if token.type == tokenize.NL and not token.line.strip()]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="these strings are newer")
def test_strings_in_strings_of_their_kind() -> None:
    for text in (b'x = f"{d["#"]}" + 1  # c\n', b'x = f"{"}" + "{"} # {1}"  # c\n'):
        assert tokens(_code(text)) == [token for token in tokens(text) if token[0] != tokenize.COMMENT]
