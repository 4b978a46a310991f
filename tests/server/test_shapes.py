"""Fixtures executed for real: what they mark as a leak keeps a connection of a real server, and nothing else does.

`tests/test_fixtures.py` compares what the linter says of the same functions, and `tests/oracle/test_written.py` what
they do with the fakes that the models generate.
"""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import inspect
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from fixture_files import FIXTURES, expectations
from server.benches import BENCHES
from server.postgres import Postgres

pytestmark = pytest.mark.filterwarnings("ignore")  # libraries warn of what is left open here on purpose


class BrokenError(RuntimeError):
    """What the code between acquire and release fails with."""


def load(path: Path) -> ModuleType:
    """A fixture as a module."""
    spec = importlib.util.spec_from_file_location(f"fixture_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _functions() -> Iterator[tuple[str, str]]:
    for stem in BENCHES:
        for line in (FIXTURES / f"{stem}.py").read_text(encoding="utf-8").splitlines():
            if line.startswith(("def ", "async def ")):
                yield stem, line.partition("def ")[2].partition("(")[0]


def _marked(path: Path, function: Callable[..., Any]) -> bool:
    """Whether a line of the function is marked as a leak."""
    lines, first = inspect.getsourcelines(function)
    expected = expectations(path.read_text(encoding="utf-8"))
    return any(first <= line < first + len(lines) for line, _ in (*expected.always, *expected.wide))


def _fail(fails: bool) -> Callable[[], None]:
    def fail() -> None:
        if fails:
            raise BrokenError

    return fail


@pytest.mark.parametrize(("stem", "name"), tuple(_functions()))
def test_shape(stem: str, name: str, postgres: Postgres, tmp_path: Path) -> None:
    path = FIXTURES / f"{stem}.py"
    function = getattr(load(path), name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if inspect.iscoroutinefunction(function):
            held = asyncio.run(_run_later(BENCHES[stem], function, postgres, tmp_path))
        else:
            held = _run(BENCHES[stem], function, postgres, tmp_path)
        gc.collect()
    assert any(held) is _marked(path, function), f"held after it works, fails, is cancelled: {held}"


def _run(bench: Any, function: Callable[..., Any], postgres: Postgres, folder: Path) -> list[bool]:
    """Whether each way to run it keeps something."""
    held = [0]
    with bench(postgres, folder) as place, _no_collector():
        for fails in (False, True):
            with suppress(Exception):
                function(**_arguments(function, {**place.arguments, "fail": _fail(fails)}))
            held.append(place.held())
    return [after > before for before, after in pairwise(held)]


async def _run_later(bench: Any, function: Callable[..., Any], postgres: Postgres, folder: Path) -> list[bool]:
    held = [0]
    async with bench(postgres, folder) as place:
        with _no_collector():
            for ending in ("works", "fails", "is cancelled"):
                await _end(function, ending, place.arguments)
                held.append(place.held())
    return [after > before for before, after in pairwise(held)]


async def _end(function: Callable[..., Any], ending: str, known: dict[str, Any]) -> None:
    waiting = asyncio.Event()

    async def wait() -> None:
        if ending == "is cancelled":
            waiting.set()
            await asyncio.sleep(60)

    arguments = _arguments(function, {**known, "fail": _fail(ending == "fails"), "wait": wait})
    task = asyncio.create_task(function(**arguments))
    if "wait" in arguments and ending == "is cancelled":
        await waiting.wait()
        task.cancel()
    with suppress(Exception, asyncio.CancelledError):
        await task


@contextmanager
def _no_collector() -> Iterator[None]:
    """What only the garbage collector gives back is not given back."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _arguments(function: Callable[..., Any], known: dict[str, Any]) -> dict[str, Any]:
    return {name: known[name] for name in inspect.signature(function).parameters}


def test_every_fixture_has_a_bench() -> None:
    assert {path.stem for path in FIXTURES.glob("real_*.py")} == BENCHES.keys()
