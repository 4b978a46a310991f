# ruff: noqa: BLE001, PERF203, PLW0108, TRY301 -- whatever a program raises is its result
"""Programs are executed under every bounded sequence of choices: what leaks in some run is the truth."""

from __future__ import annotations

import ast
import builtins
import sys
import warnings
from asyncio import CancelledError
from collections.abc import Iterator
from dataclasses import dataclass
from types import FunctionType, SimpleNamespace
from typing import Any

from oracle.fakepool import PROGRAM, Action, AsyncPool, Fault, Held, Library, Opaque, Pool, Script
from oracle.search import Search

MAX_RUNS = 1500


@dataclass(frozen=True)
class Truth:
    """What the runs of a program showed."""

    leaks: dict[frozenset[int], str]
    """Lines that led to an acquisition, and the first run in which what it gave was lost, in words."""
    undecided: frozenset[int]
    """Lines of what was lost only in runs that a loop would have continued for ever."""
    complete: bool
    """True when every run within the bounds was made."""
    runs: int


class Stored:
    """Where the program may put something for longer than the call. Whatever was put here has an owner."""

    def __init__(self) -> None:
        self.seen: list[object] = []


class Store(list):  # type: ignore[type-arg]
    """A list that outlives the call."""

    def __init__(self, stored: Stored) -> None:
        super().__init__()
        self._stored = stored

    def append(self, value: object) -> None:
        self._stored.seen.append(value)


class Box:
    """An object that outlives the call."""

    def __init__(self, stored: Stored) -> None:
        object.__setattr__(self, "_stored", stored)

    def __setattr__(self, name: str, value: object) -> None:
        self._stored.seen.append(value)
        object.__setattr__(self, name, value)


class Loops(ast.NodeTransformer):
    """Bounds every `while`: `while test` becomes `while turn() and (test)`."""

    def visit_While(self, node: ast.While) -> ast.While:
        self.generic_visit(node)
        turn = ast.Call(ast.Name("__turn__", ast.Load()), [], [])
        node.test = ast.BoolOp(ast.And(), [turn, node.test])
        return node


def execute(source: str, max_runs: int = MAX_RUNS, max_faults: int = 2, exits_fail: bool = True) -> Truth:
    """Run the program's function `f` under every bounded sequence of choices.

    Raises:
        SyntaxError: the source is not valid Python.
    """
    library = Library()
    stored = Stored()
    namespace = _namespace(source, library, stored)
    leaks: dict[frozenset[int], str] = {}
    undecided = frozenset[int]()
    search = Search(lambda prefix: Script(prefix, max_faults, exits_fail), max_runs)
    for script in search.scripts():
        library.begin(script)
        stored.seen.clear()
        ending = _run(namespace, script, library, stored)
        for held in library.opened:
            if not held.held or held.lines in leaks or _has(ending, held) or _has(stored.seen, held):
                continue
            if script.cut:
                undecided |= held.lines
            else:
                leaks[held.lines] = "; ".join([*script.labels, _ended(ending)])
    return Truth(leaks, undecided, search.complete, search.runs)


def _namespace(source: str, library: Library, stored: Stored) -> dict[str, Any]:
    tree = ast.fix_missing_locations(Loops().visit(ast.parse(source)))
    outside = _outside(library)

    def load(name: str, *rest: Any) -> Any:
        return {"fakepool": library, "elsewhere": outside}.get(name) or builtins.__import__(name, *rest)

    namespace: dict[str, Any] = {"__builtins__": {**vars(builtins), "__import__": load}, "__name__": "program"}
    namespace["__turn__"] = lambda: library.script.turn()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code = compile(tree, PROGRAM, "exec", dont_inherit=True)
    exec(code, namespace)
    namespace["STORE"] = Store(stored)
    return namespace


def _outside(library: Library) -> SimpleNamespace:
    """The module `elsewhere`: code of which the analysis sees only the calls."""

    def step(*values: object) -> Opaque:
        library.script.fail((Fault, ValueError), "step")
        return Opaque(library.script)

    def flag(number: int) -> bool:
        library.script.fail((Fault, ValueError), f"flag({number})")
        chosen = bool(library.script.choose(2))
        if chosen:
            library.script.labels.append(f"flag({number}) is true")
        return chosen

    def items(number: int) -> list[int]:
        library.script.fail((Fault, ValueError), f"items({number})")
        length = (1, 0, 2)[library.script.choose(3)]
        if length != 1:
            library.script.labels.append(f"items({number}) has {length}")
        return list(range(length))

    def astep(*values: object) -> Any:
        return Action(lambda: library.script.fail((Fault, CancelledError, ValueError), "await astep"))

    return SimpleNamespace(step=step, flag=flag, items=items, astep=astep)


@dataclass(frozen=True)
class _Raised:
    error: BaseException


def _run(namespace: dict[str, Any], script: Script, library: Library, stored: Stored) -> object:
    """Call `f` once; what it returns, or what it raised."""
    values = {"pool": Pool(library), "apool": AsyncPool(library), "box": Box(stored)}
    function = namespace["f"]
    arguments: list[object] = []
    for name in function.__code__.co_varnames[: function.__code__.co_argcount]:
        if name in values:
            arguments.append(values[name])
            continue
        chosen = (None, 0, 1, 2)[script.choose(4)]
        script.labels.append(f"{name}={chosen}")
        arguments.append(chosen)
    try:
        result = function(*arguments)
        if hasattr(result, "send") and hasattr(result, "cr_code"):
            try:
                result.send(None)
            except StopIteration as stop:
                return stop.value
            raise RuntimeError("a fake awaitable suspended")
    except (Exception, CancelledError, KeyboardInterrupt, SystemExit) as error:
        return _Raised(error)
    return result


def _ended(ending: object) -> str:
    if not isinstance(ending, _Raised):
        return "returns"
    at = ending.error.__traceback__
    lines = []
    while at is not None:
        if at.tb_frame.f_code.co_filename == PROGRAM:
            lines.append(at.tb_lineno)
        at = at.tb_next
    return f"ends by {type(ending.error).__name__} from line {lines[0] if lines else '?'}"


def _has(value: object, wanted: Held) -> bool:
    """Whether that value leads to the connection."""
    return any(found is wanted for found in _inside(value, 4))


def _inside(value: object, depth: int) -> Iterator[object]:
    if isinstance(value, _Raised) or depth == 0:
        return
    yield value
    if isinstance(value, (list, tuple, set)):
        for item in value:
            yield from _inside(item, depth - 1)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _inside(item, depth - 1)
    elif isinstance(value, FunctionType):
        for cell in value.__closure__ or ():
            try:
                yield from _inside(cell.cell_contents, depth - 1)
            except ValueError:  # the name has no value
                continue
        yield from _inside(value.__defaults__ or (), depth - 1)
    elif hasattr(value, "__self__") and hasattr(value, "__func__"):
        yield from _inside(value.__self__, depth - 1)


if __name__ == "__main__":
    print(execute(sys.stdin.read()))
