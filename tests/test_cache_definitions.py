"""The cache, one definition at a time: an edit inside a module takes along what leads there, and only that."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from test_cache import fresh, run

MODULES = ("a", "b", "c", "d", "e", "f")

# Each of these is one definition of a module; `{o}` and `{p}` are others that it imports, `{m}` is its own name.
MAKE = (
    *("def make():\n    return inner()\n",) * 3,
    "def make():\n    return Store().open()\n",
    "def make():\n    return psycopg2.connect('')\n",
    "def make():\n    return None\n",
    "def make():\n    return {o}.make()\n",
    "def make() -> Store:\n    return Store()\n",
    "def make():\n    return Store({o}.Store()).open()\n",
    "def make() -> {o}.Store:\n    return {o}.find('store')\n",
    "def make() -> 'theirs':\n    return theirs()\n",
    "def make():\n    from {o} import shared as found\n    return found\n",
    "def make():\n    return shared\n",
    "def make():\n    return {o}.shared.open()\n",
    "@{o}.kept\ndef make():\n    return psycopg2.connect('')\n",
    "@contextmanager\ndef make():\n    conn = psycopg2.connect('')\n    yield conn\n",
    "@contextmanager\ndef make():\n    c = {o}.make()\n    try:\n        yield c\n    finally:\n        c.close()\n",
    "def make(source={o}.shared):\n    return source\n",
    "def make(key='a'):\n    return table[key]()\n",
    "def make():\n    global shared\n    shared = {o}.make()\n    return shared\n",
    "make = {o}.make\n",
    "from {o} import make\n",
    "if shared:\n    def make():\n        return {o}.make()\nelse:\n    make = None\n",
)
INNER = (
    "def inner():\n    return psycopg2.connect('')\n",
    "def inner():\n    return None\n",
    "def inner():\n    return {o}.make()\n",
    "def inner():\n    return {p}.inner()\n",
    "def inner():\n    return {o}.Store().open()\n",
    "def inner():\n    conn = {o}.make()\n    {p}.drop(conn)\n",
)
OPEN = """\
    def open(self):
        return self.of.open()
"""
STORE = (
    *("class Store:\n    def open(self):\n        return inner()\n",) * 2,
    "class Store:\n    def open(self):\n        return psycopg2.connect('')\n",
    "class Store:\n    def open(self):\n        return None\n",
    "class Store:\n    def open(self):\n        return {o}.make()\n",
    "class Store({o}.Store):\n    pass\n",
    "class Store({o}.Store):\n    def close(self):\n        self.c.close()\n",
    "class Store:\n    def __init__(self):\n        self.c = {o}.make()\n    def open(self):\n        return self.c\n",
    "class Store:\n    def __init__(self, of):\n        self.of = of\n" + OPEN,
    "class Store:\n    inner: {o}.Store\n\n    def open(self):\n        return self.inner.open()\n",
    "class Store:\n    @property\n    def of(self):\n        return {o}.Store()\n" + OPEN,
    "class Store:\n    def open(self, source: {o}.Store):\n        return source.open()\n",
    "class Store(theirs):\n    def open(self):\n        return super().open()\n",
    "class Store:\n    def send(self, url):\n        return httpx.get(url)\n",
    "class Store:\n    def send(self, url):\n        return {o}.Store().send(url)\n",
    "from {o} import Store\n",
)
SHARED = (
    *("shared = None\n",) * 8,  # what a variable is made of matters to whoever uses the module
    "shared = make()\n",
    "shared = Store()\n",
    "shared = {o}.shared\n",
    "shared = {o}.Store()\n",
    "shared: {o}.Store = {o}.find('store')\n",
    "from {o} import shared\n",
    "from {o} import *\n",
)
OTHERS = (
    "def kept(function):\n    return function\n",
    "kept = functools.lru_cache\n",
    "def kept(function):\n    @functools.lru_cache\n    def inner():\n        return function()\n    return inner\n",
    "def fill(key):\n    table[key] = make\n",
    "def fill(key):\n    table[key] = {o}.make\n",
    "def fill(key):\n    {o}.table[key] = make\n",
    "def find(name):\n    return {o}.table[name]\n",
    "def drop(conn):\n    conn.close()\n",
    "def drop(conn):\n    drop_inner(conn)\n",
    "def drop_inner(conn):\n    conn.close()\n",
    "def drop_inner(conn):\n    {o}.drop(conn)\n",
    "def drop_inner(conn):\n    print(conn)\n",
    "def drop(conn):\n    {o}.drop(conn)\n",
    "def drop(conn):\n    print(conn)\n",
    "def drop(conn):\n    conn.flush()\n",
)
USE = (
    "def use{n}():\n    conn = make()\n    conn.cursor()\n",
    "def use{n}():\n    conn = {o}.make()\n    conn.cursor()\n",
    "def use{n}():\n    conn = {o}.make()\n    {p}.drop(conn)\n",
    "def use{n}():\n    conn = {o}.make().open()\n    conn.cursor()\n",
    "def use{n}():\n    conn = {o}.shared.open()\n    conn.cursor()\n",
    "def use{n}(store: {o}.Store):\n    conn = store.open()\n    conn.cursor()\n",
    "def use{n}(store: theirs):\n    conn = store.open()\n    conn.cursor()\n",
    "def use{n}():\n    with {o}.make() as conn:\n        conn.cursor()\n",
    "def use{n}():\n    with theirs_made() as conn:\n        {o}.drop(conn)\n",
    "def use{n}(session: Session, store):\n    session.execute('x')\n    store.send('url')\n    session.commit()\n",
    "def use{n}(session: Session):\n    session.execute('x')\n    {o}.Store().send('url')\n    session.commit()\n",
    "def use{n}():\n    conn = {o}.table['a']()\n    conn.cursor()\n",
    "@app.get('/{n}')\ndef use{n}():\n    client = httpx.Client()\n    return {o}.fetch(client)\n",
    "def fetch(url):\n    return httpx.Client().get(url)\n",
    "def fetch(url):\n    return {o}.fetch(url)\n",
)
FRAME = """\
import functools
import httpx
import psycopg2
from contextlib import contextmanager
from fastapi import FastAPI
from sqlalchemy.orm import Session

import {o}
import {p}
from {p} import Store as theirs
from {p} import make as theirs_made

app = FastAPI()
table = {{}}
"""


# In these it shows what the others give.
WATCH = """\
def watch_function():
    conn = {o}.make()
    conn.cursor()


def watch_method(store: {o}.Store):
    conn = store.open()
    conn.cursor()


def watch_variable():
    conn = {o}.shared.open()
    conn.cursor()


def watch_type():
    conn = {o}.make().open()
    conn.cursor()


def watch_parameter():
    conn = psycopg2.connect("")
    {o}.drop(conn)


def watch_manager():
    with {o}.make() as conn:
        conn.cursor()
"""


class Module:
    """A module of which one definition at a time is another."""

    def __init__(self, name: str, chance: random.Random, alone: bool) -> None:
        self.name = name
        self.chance = chance
        after = MODULES.index(name) + 1
        self.others = [MODULES[after % len(MODULES)], chance.choice([m for m in MODULES if m != name])]
        self.kinds = [MAKE, INNER, STORE, SHARED, OTHERS, OTHERS, OTHERS, USE]
        if alone:
            self.kinds = [tuple(text for text in kind if "httpx" not in text) for kind in self.kinds]
        self.same_names = alone or chance.random() < 0.5
        self.definitions = [chance.choice(kind) for kind in self.kinds]
        self.order = chance.sample(range(len(self.kinds)), len(self.kinds))

    def change(self) -> None:
        place = self.chance.randrange(len(self.kinds) + 1)
        if place < len(self.kinds):
            self.definitions[place] = self.chance.choice(self.kinds[place])
        elif self.chance.random() < 0.5:
            self.others.reverse()
        else:
            self.chance.shuffle(self.order)

    def text(self) -> str:
        o, p = self.others
        parts = [FRAME, *(self.definitions[place] for place in self.order), WATCH]
        if self.same_names:  # which names of a module acquire does not change with what it does
            parts = [part.replace(":\n    ", ":\n    'connect() get()'\n    ", 1) for part in parts]
        return "\n\n".join(part.format(o=o, p=p, m=self.name, n=number) for number, part in enumerate(parts))


def differences(folder: Path, seed: int, rounds: int, told: list[int]) -> Iterator[str]:
    """Random changes of definitions, and where the reports differ from those of a run without a cache.

    Args:
        folder: where the modules are written.
        seed: of the changes.
        rounds: how often there is a change.
        told: is told how many files there were in all, how many of them were checked, and how many had another report
            without having changed themselves.
    """
    chance = random.Random(seed)
    alone = chance.random() < 0.7
    if alone:  # to these rules it does not matter who calls a function
        (folder / "pooclint.toml").write_text('select = ["CNX10", "CNX20"]\n', encoding="utf-8")
    modules = [Module(name, chance, alone) for name in MODULES]
    for module in modules:
        (folder / f"{module.name}.py").write_text(module.text(), encoding="utf-8")
    before = run(folder)
    for number in range(rounds):
        changed = chance.sample(modules, chance.choice((1, 1, 1, 2)))
        for module in changed:
            module.change()
            (folder / f"{module.name}.py").write_text(module.text(), encoding="utf-8")
        done, expected = run(folder), fresh(folder)
        yield from (f"{number}: {name}" for name, report in expected.reports.items() if done.reports[name] != report)
        others = [f"{module.name}.py" for module in modules if module not in changed]
        told[0] += len(modules)
        told[1] += len(done.checked)
        told[2] += sum(expected.reports[name] != before.reports[name] for name in others)
        before = expected


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_to_definitions(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    told = [0, 0, 0]
    assert list(differences(tmp_path, seed, 12, told)) == []
    files, checked, far = told
    assert checked < files
    assert far
