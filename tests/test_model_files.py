"""Model files that people write: what is said about mistakes, and what a file of the project's own changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from console import pooclint
from pooclint.models import ModelError, parse_model

LIBRARY = "[library]\nname = 'quill'\n"
TYPE = "[[type]]\nname = 'quill.Page'\nkind = 'connection'\n"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("[library]\nnam = 'quill'\n", 2, "unknown key `library.nam`; did you mean `name`?"),
        (TYPE, 1, "needs the key `library`"),
        (f"{LIBRARY}\n[[type]]\nname = 'quill.Page'\n", 4, "type[1]: needs the key `kind`"),
        (f"{LIBRARY}{TYPE}[[type]]\nname = 'q.P'\nkind = 'conection'\n", 8, "type[2].kind: invalid enum value"),
        (
            f"{LIBRARY}{TYPE}release = ['$.close']\n",
            6,
            "type[1].release: '$.close' is not a release: write \"$.close()\"",
        ),
        (f"{LIBRARY}{TYPE}release = [\n  '$.close()',\n  'close(page)',\n]\n", 8, "'close(page)' is not a release"),
        (f"{LIBRARY}{TYPE}checks_out = []\n", 6, "unknown key `type[1].checks_out`; did you mean `checks-out`?"),
        (f"{LIBRARY}[[call]]\nnames = 'a.b'\n", 4, "call[1].names: expected array, got str"),
        (f"{LIBRARY}[[call]]\nnames = ['a.b']\n[[call]]\nat = 'now'\n", 6, "call[2].at: invalid enum value 'now'"),
        (
            f"{LIBRARY}[[call]]\nnames = ['a.b']\nsize = {{ max = {{ par = 'n' }} }}\n",
            5,
            "unknown key `call[1].size.max.par`",
        ),
        (
            f"{LIBRARY}[[call]]\ntimeouts = {{ query = {{ param = 'a' }}, idle = {{ parm = 'n' }} }}\n",
            4,
            "unknown key `call[1].timeouts.idle.parm`; did you mean `param`?",
        ),
        (
            f"{LIBRARY}[[call]]\nnames = ['a.b']\nrequires = '3.0'\n",
            5,
            "'3.0' is no range of versions: write \">=1.0\"",
        ),
        (f"{LIBRARY}[[call]]\nrequires = '>=x'\n", 4, "'>=x' is no range of versions"),
        (f"{LIBRARY}[[call]\n", 3, "is not valid TOML"),
    ],
)
def test_a_mistake_names_file_line_and_what_to_do(text: str, line: int, says: str) -> None:
    with pytest.raises(ModelError) as caught:
        parse_model(text.encode(), "quill.toml")
    assert str(caught.value).startswith(f"quill.toml:{line}: "), str(caught.value)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(ModelError, match=r"^quill\.toml: is not UTF-8"):
        parse_model(b"[library]\nname = '\xff'\n", "quill.toml")


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (
            "[[call]]\nnames = ['q.f']\nreturns = 'q.P'\n",
            5,
            "call[1].returns: no model has a type `q.P`; add a [[type]]",
        ),
        (
            f"{TYPE}bases = ['asyncpg.Conection']\n",
            6,
            "no model has a type `asyncpg.Conection`; did you mean `asyncpg.C",
        ),
        (f"{TYPE}attributes = {{ pool = 'q.Pool' }}\n", 6, "type[1].attributes: no model has a type `q.Pool`"),
        (
            "[[external]]\non = ['q.C']\nmethods = ['f']\nio = 'await'\ncategory = 'llm'\n",
            4,
            "no model has a type `q.C`",
        ),
        ("[[external]]\non = ['q.C']\nio = 'await'\ncategory = 'llm'\n", 4, "no model has a type `q.C`"),
        ("[[external]]\nio = 'await'\ncategory = 'llm'\n", 3, "external[1]: needs `names`, or `on` with `methods`"),
        ("[[call]]\nmethods = ['f']\n", 3, "call[1]: needs `names`, or `on` with `methods`"),
        ("[[call]]\nnames = ['q.f']\nacquires = true\n", 3, "`returns` does not say of which type"),
        (f"{TYPE}[[call]]\nnames = ['q.f']\nreturns = 'quill.Page'\nacquires = true\n", 6, "cannot be released: give"),
        (
            "[[call]]\nnames = ['q.f']\nreturns = 'asyncpg.Pool'\nacquires = true\nat = 'await'\n",
            3,
            'so `awaited` must be "must" or "may"',
        ),
        (
            "[[call]]\nnames = ['q.f']\nreturns = 'asyncpg.Pool'\nacquires = true\nat = 'enter'\n",
            3,
            "so `with` must say by which form",
        ),
    ],
)
def test_entries_have_to_fit_together(tmp_path: Path, text: str, line: int, says: str) -> None:
    (tmp_path / "own.toml").write_text(LIBRARY + text, "utf-8")
    (tmp_path / "pooclint.toml").write_text("models = ['own.toml']\n", "utf-8")
    (tmp_path / "a.py").write_text("", "utf-8")
    done = pooclint(cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"pooclint: {tmp_path / 'own.toml'}:{line}: "), done.stderr
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        "[tool.pooclint]\nselect = ['CNX']\nmodels = [\n  'own.toml',\n]\n", "utf-8"
    )
    (tmp_path / "a.py").write_text("", "utf-8")
    done = pooclint(cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"pooclint: {tmp_path / 'pyproject.toml'}:4: models: there is no file `own.toml` in")


def test_an_entry_of_the_project_takes_the_place_of_a_bundled_one(tmp_path: Path) -> None:
    """sqlite3.connect, as a project that patches it may have it: `with` closes."""
    (tmp_path / "a.py").write_text(
        "import sqlite3\n\n\ndef work():\n    with sqlite3.connect('x') as db:\n        db.execute('select 1')\n",
        "utf-8",
    )
    assert "CNX106" in pooclint("--format", "concise", cwd=tmp_path).stdout
    model = (
        f"{LIBRARY}imports = ['sqlite3']\n"
        "[[type]]\nname = 'quill.Db'\nkind = 'connection'\nwith = 'sync'\nrelease = ['$.close()']\n"
        "[[call]]\nnames = ['sqlite3.connect']\nreturns = 'quill.Db'\nacquires = true\n"
    )
    (tmp_path / "own.toml").write_text(model, "utf-8")
    (tmp_path / "pooclint.toml").write_text("models = ['own.toml']\n", "utf-8")
    assert pooclint("--format", "concise", cwd=tmp_path).stdout == ""


@pytest.mark.parametrize(("io", "word", "code"), [("await", "await ", "CNX201"), ("blocking", "", "CNX202")])
@pytest.mark.parametrize(
    ("name", "header", "parameter", "call"),
    [
        ("shop.scores.score", "from shop.scores import score", "", "score(1)"),
        ("shop.scores.Client.score", "from shop.scores import Client", "client: Client, ", "client.score(1)"),
        ("shop.scores.Client.score", "from shop.scores import Client", "", "Client().score(1)"),
    ],
)
def test_external_calls_of_the_project(
    tmp_path: Path, io: str, word: str, code: str, name: str, header: str, parameter: str, call: str
) -> None:
    text = (
        f"import asyncpg\n{header}\n\n\nasync def work({parameter}pool: asyncpg.Pool):\n"
        f"    async with pool.acquire() as conn:\n        await conn.execute('select 1')\n        {word}{call}\n"
    )
    (tmp_path / "a.py").write_text(text, "utf-8")
    assert pooclint("--format", "concise", cwd=tmp_path).stdout == ""
    entry = f"[[external-call]]\ncall = '{name}'\nio = '{io}'\ncategory = 'rpc'\n"
    (tmp_path / "pooclint.toml").write_text(entry, "utf-8")
    findings = json.loads(pooclint("--format", "json", cwd=tmp_path).stdout)["findings"]
    assert [finding["code"] for finding in findings] == [code]
    assert "rpc" in findings[0]["message"]


def test_a_method_that_acquires(tmp_path: Path) -> None:
    text = (
        "from shop.db import Pool\n\n\ndef leak(pool: Pool):\n    conn = pool.checkout()\n    conn.run()\n\n\n"
        "def fine(pool: Pool):\n    conn = pool.checkout()\n    try:\n        conn.run()\n    finally:\n"
        "        pool.checkin(conn)\n"
    )
    (tmp_path / "a.py").write_text(text, "utf-8")
    entry = "[[resource]]\nacquire = 'shop.db.Pool.checkout'\nrelease = ['@.checkin($)']\n"
    (tmp_path / "pooclint.toml").write_text(entry, "utf-8")
    findings = json.loads(pooclint("--format", "json", cwd=tmp_path).stdout)["findings"]
    assert [(finding["function"], finding["code"]) for finding in findings] == [("leak", "CNX101")]
