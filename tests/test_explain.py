"""`pooclint models` and `pooclint explain`: what they say about libraries, and that texts of rules have one shape."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from console import pooclint
from pooclint.app.library_text import library_text
from pooclint.app.main import main
from pooclint.models import ModelFile, Type, parse_model
from pooclint.packs import bundled_models, load_rules
from pooclint.rule import Rule

HEADINGS = ("What it does", "Why is this bad?", "Example", "Use instead", "Fix safety", "Options", "References")
FILES = bundled_models()
TYPES: dict[str, Type] = {name: type_ for file in FILES for type_ in file.type for name in (type_.name, *type_.aliases)}


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    monkeypatch.chdir(tmp_path)

    def show(*arguments: str) -> str:
        assert main(arguments) == 0
        return capsys.readouterr().out

    return show


@pytest.mark.parametrize("rule", load_rules(), ids=lambda rule: rule.code)
def test_the_documentation_of_a_rule_has_the_headings_in_order(rule: type[Rule]) -> None:
    found = re.findall(r"^## (.*)$", inspect.getdoc(rule) or "", re.MULTILINE)
    assert [heading for heading in HEADINGS if heading in found] == found
    assert found[:4] == list(HEADINGS[:4])


MODEL = b"""\
[library]
name = "quill"
version = "2.4"
package = "quill-client"
imports = ["quillio"]
note = "Pages are numbered from one."
[[type]]
name = "quill.Store"
kind = "pool"
with = "async"
release = ["await $.shutdown()"]
[[type]]
name = "quill.Page"
kind = "connection"
pooled = true
with = "sync"
exit = "keeps-open"
release = ["await @.give_back($)", "quill.drop($)"]
reclaimed = "never"
[[type]]
name = "quill.Desk"
kind = "session"
lazy = true
checks-out = ["read", "write"]
checks-in = ["commit"]
release = ["$.close()"]
[[type]]
name = "quill.Scroll"
kind = "response"
with = "both"
release = ["$.close()"]
reads-to-end = ["text"]
[[call]]
names = ["quill.Store", "quill.open_store"]
returns = "quill.Store"
acquires = true
awaited = "may"
with = "async"
size = { max = { param = "slots", default = 8, unbounded = [0] }, min = { param = "kept", required = true } }
timeouts = { idle = { param = "rest", default = 30, unit = "s" } }
[[call]]
on = ["quill.Store"]
methods = ["take"]
returns = "quill.Page"
acquires = true
awaited = "must"
timeouts = { acquire = { param = "patience", unit = "s" } }
requires = ">=2.0"
note = "Never from a callback."
[[call]]
names = ["quill.pair"]
returns = "quill.Scroll"
acquires = true
element = 1
only-if = { open = true }
[[call]]
on = ["quill.Store"]
methods = ["lease"]
returns = "quill.Page"
acquires = true
at = "enter"
with = "async"
exit = "releases"
[[external]]
on = ["quill.Page"]
methods = ["publish"]
io = "await"
category = "queue"
fast = true
"""


def test_a_library_in_words() -> None:
    file = parse_model(MODEL, "quill.toml")
    text = library_text(file, {type_.name: type_ for type_ in file.type})
    assert (
        text.splitlines()
        == """\
# quill 2.4

Installed as `quill-client`.

## How to acquire and release

- `quill.Store`, `quill.open_store`: a pool
    - `async with quill.Store(...) as pool:` closes it at the end
    - `pool = await quill.Store(...)`, and in `finally`: `await pool.shutdown()`
- `quill.Store.take`: a connection (version >=2.0)
    - `with await pool.take(...) as conn:` **closes nothing**: it ends a transaction at most
    - `conn = await pool.take(...)`, and in `finally`: `await pool.give_back(conn)`, or `quill.drop(conn)`
- `quill.pair`: a response
    - `with quill.pair(open=True, ...) as response:` closes it at the end
    - `async with quill.pair(open=True, ...) as response:` closes it at the end
    - `_, response = quill.pair(open=True, ...)`, and in `finally`: `response.close()`
- `quill.Store.lease`: a connection
    - `async with pool.lease(...) as conn:` gives it back at the end

## What `with` does

- `quill.Store`: `async with` closes the whole pool, not one connection
- `quill.Page`: `with` ends a transaction at most; it stays open
- `quill.Desk` is no context manager
- `quill.Scroll`: `with` or `async with` closes it

## What gives the connection back

- `quill.Desk` holds no connection before `read`, `write`
- `quill.Desk` gives its connection back at `commit`, before any release
- `quill.Scroll`: reading `text` to the end gives it back

## How it is sized

| constructor | maximum | minimum | overflow | no limit |
|---|---|---|---|---|
| `quill.Store` | `slots`: 8 | `kept`: required |  | `slots=0` |

## How long it waits

| call | waits | parameter | default |
|---|---|---|---|
| `quill.Store` | before an idle one is closed | `rest` | 30 s |
| `quill.Store.take` (version >=2.0) | for a free connection | `patience` | no limit |

## Traps

- Pages are numbered from one.
- A forgotten `quill.Store` is closed at an unknown time, when the garbage collector finds it
- A forgotten `quill.Page` is never given back: its pool is one smaller from then on
- A forgotten `quill.Desk` is closed at an unknown time, when the garbage collector finds it
- A forgotten `quill.Scroll` is closed at an unknown time, when the garbage collector finds it
- `quill.Store.take` (version >=2.0) waits for ever for a free connection unless `patience` is given
- `quill.Store.take` (version >=2.0): Never from a callback.

## Calls that leave the process

- queue, awaited, usually fast: `quill.Page.publish`""".splitlines()
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.library.name)
def test_every_bundled_library_can_be_explained(file: ModelFile) -> None:
    text = library_text(file, TYPES)
    assert text.startswith(f"# {file.library.name}")
    for call in file.call:
        if call.acquires:
            assert f"`{call.names[0] if call.names else f'{call.on[0]}.{call.methods[0]}'}`" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} <= {5, 6}


@pytest.mark.parametrize(
    ("topic", "heads"),
    [
        ("asyncpg", ["# asyncpg"]),
        ("AsyncPG", ["# asyncpg"]),
        ("psycopg-pool", ["# psycopg_pool"]),
        ("psycopg2-binary", ["# psycopg2"]),
        ("pooclint_own", ["# quill", "# quillet"]),
        ("quill", ["# quill"]),
        ("quillio", ["# quill"]),
    ],
)
def test_a_library_by_any_of_its_names(
    topic: str, heads: Sequence[str], shown: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "a.toml").write_bytes(MODEL.replace(b"quill-client", b"pooclint-own"))
    (tmp_path / "b.toml").write_text("[library]\nname = 'quillet'\npackage = 'pooclint.own'\n", "utf-8")
    (tmp_path / "pooclint.toml").write_text("models = ['a.toml', 'b.toml']\n", "utf-8")
    lines = shown("explain", topic).splitlines()
    assert [" ".join(line.split()[:2]) for line in lines if line.startswith("# ")] == list(heads)


@pytest.mark.parametrize(
    ("topic", "guess"), [("asyncgp", "asyncpg"), ("CNX2O3", "CNX203"), ("never-relesed", "never-released")]
)
def test_an_unknown_name_gives_a_suggestion_and_2(topic: str, guess: str, tmp_path: Path) -> None:
    done = pooclint("explain", topic, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"did you mean `{guess}`?" in done.stderr


def test_models_as_json(shown: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_bytes(MODEL)
    (tmp_path / "pooclint.toml").write_text("models = ['own.toml']\n[[external-call]]\ncall = 'app.llm.ask'\n", "utf-8")
    rows = {row["name"]: row for row in json.loads(shown("models", "--format", "json"))}
    quill = rows["quill"]
    assert quill["package"] == "quill-client"
    assert quill["acquires"] == [
        "quill.Store",
        "quill.Store.lease",
        "quill.Store.take",
        "quill.open_store",
        "quill.pair",
    ]
    (pool,) = quill["pools"]
    assert pool["names"] == ["quill.Store", "quill.open_store"]
    assert pool["max"] == {"param": "slots", "default": 8, "unbounded": [0]}
    assert pool["overflow"] is None
    assert (quill["from"], rows["asyncpg"]["from"], rows["app.llm.ask"]["from"]) == (
        "own.toml",
        "",
        "your configuration",
    )


def test_models_as_plain_lines(shown: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_bytes(MODEL)
    (tmp_path / "pooclint.toml").write_text("models = ['own.toml']\n", "utf-8")
    head, *lines = shown("models").splitlines()
    assert head.split("  ")[0] == "library"
    row = next(re.split(r"\s{2,}", line) for line in lines if line.startswith("quill "))
    assert row == ["quill", "2.4", "Store, Store.lease, Store.take and 2 more", "Store: 8", "own.toml"]
    assert len(lines) == len(FILES) + 1


def test_models_on_a_terminal_are_a_table(tmp_path: Path) -> None:
    done = pooclint("models", "--color", "always", cwd=tmp_path, env={"COLUMNS": "140"})
    assert done.returncode == 0
    assert "┃" in done.stdout
    assert "asyncpg" in done.stdout
    assert "\x1b[" in pooclint("explain", "asyncpg", "--color", "always", cwd=tmp_path).stdout
