# ruff: noqa: BLE001, PLW0108 -- whatever a program raises is its result
"""Programs are executed under every bounded sequence of choices: what leaks in some run is the truth.

A connection leaks in a run that ends while it is held and nothing leads to it any more: not what `f` returned, or
yielded to its consumer, not what outlives the call (`STORE`, `box`). The interpreter itself says so: the object is
gone, or is found neither from the result nor from the store.
"""

from __future__ import annotations

import ast
import builtins
import gc
import inspect
import sys
import types
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from oracle.driving import Driver, driver_of, thrown_besides
from oracle.fakeasyncio import Asyncio
from oracle.fakepool import (
    MAX_FAULTS,
    PROGRAM,
    SEVERAL,
    Action,
    Anything,
    AsyncPool,
    Error,
    Held,
    Holding,
    Library,
    Opaque,
    Pool,
    Script,
    line,
)
from oracle.search import Search

MAX_RUNS = 1200
WITNESSES = 4
"""Runs that are kept of those that show the same."""
PLAIN = 100
"""Runs that are kept of those that show the same, where the script has made nothing fail: the program itself may."""
MAYBE = 8
"""The flag that may be neither true nor false."""
ARGUMENTS = (None, 0, 1, 2, 3, "x", "")
"""What `f` may be given: something true and something false of which it asks nothing else, and such a number, too."""
FURTHER = (1.0, 2.0)
"""Equal to a number that a program compares with, and of another type: given where runs have more of everything."""
NO_LIST = 6
"""The items that may be no list."""


@dataclass(frozen=True)
class Witness:
    """A run in which a connection leaks."""

    prefix: tuple[int, ...]
    """The choices that lead to it."""
    raised: tuple[frozenset[int], ...]
    """Lines of each failure that the script chose while it was held."""
    before: frozenset[int]
    """Lines of the last failure before it was acquired."""
    died: int
    """The line on which the last reference was lost; 0 at the end, -1 when it went in a cycle."""
    exited: bool
    """Whether a `with` statement ended on it that releases nothing."""
    story: str

    @property
    def shows(self) -> tuple[frozenset[int], frozenset[int], int, bool, str]:
        """What tells it from others: where something failed before and after the acquisition, where it was lost, how
        `f` ended."""
        return (
            self.before,
            self.raised[0] if self.raised else frozenset(),
            self.died,
            self.exited,
            self.story.rpartition("; ")[2],
        )


@dataclass
class Truth:
    """What the runs of a program showed, by the lines that led to an acquisition."""

    leaks: dict[frozenset[int], list[Witness]] = field(default_factory=dict)
    settled: set[frozenset[int]] = field(default_factory=set)
    """What some run releases or hands over; that a helper releases what it has not yet handed out does not count."""
    undecided: frozenset[int] = frozenset()
    """Lines of what was lost only in runs that a loop would have continued for ever."""
    complete: bool = True
    """True when every run within the bounds was made."""
    runs: int = 0


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


class Machine:
    """A compiled program, and the world it runs in."""

    def __init__(self, program: str | ast.Module, max_faults: int = MAX_FAULTS, lenient: bool = False) -> None:
        self._max_faults = max_faults
        self._lenient = lenient
        self.library = Library()
        self._asyncio = Asyncio()
        self._stored = Stored()
        self._given: dict[str, object] = {}
        self.source = program if isinstance(program, str) else ast.unparse(program)
        tree = ast.parse(program) if isinstance(program, str) else program
        self._driver: Driver = driver_of(tree)
        self._thrown = thrown_besides(tree)
        self._namespace = self._compiled(ast.fix_missing_locations(Loops().visit(tree)))

    def script(self, prefix: tuple[int, ...]) -> Script:
        """The script of a run whose first choices are given."""
        groups = SEVERAL if "except*" in self.source else ()
        return Script(prefix, self._max_faults, self._lenient, groups, self._thrown)

    def run(self, script: Script) -> tuple[list[tuple[Holding, bool]], str]:
        """Make one run.

        Returns:
            each acquisition, and whether it leaked; how the run ended.
        """
        self.library.begin(script)
        self._asyncio.script = script
        collects = gc.isenabled()
        gc.disable()  # what is collected of an earlier run must not choose in this one
        try:
            kept, ended = self._call(script)
            opened = self.library.opened
            lost = [h for h in opened if h.held and (h.died >= 0 or not self._reaches(kept, h))]
            # The run is over: what is dropped now, generators among it, chooses nothing any more.
            self.library.begin(Script(max_faults=0))
            if any(h.died < 0 for h in lost):
                gc.collect()  # a generator that is part of a cycle closes what it holds
            leaked = [(h, h in lost and h.held) for h in opened]
            self._stored.seen.clear()
            self._given.clear()
            del kept
        finally:
            if collects:
                gc.enable()
        return leaked, ended

    def exceptions_while_held(self, prefix: tuple[int, ...], lines: frozenset[int], again: bool) -> list[set[int]]:
        """Repeat a run: for each connection from those lines, on which lines something was raised while it was held.

        Args:
            prefix: the choices of the run.
            lines: lines of the acquisition.
            again: whether what goes on counts, too: a bare `raise`, of which Python reports no exception on its line,
                and a group that says what a block of tasks has raised.
        """
        found: dict[int, set[int]] = {}
        text = self.source.splitlines()

        def raises_again(frame: types.FrameType) -> bool:
            return frame.f_lineno <= len(text) and text[frame.f_lineno - 1].strip() == "raise"

        def trace(frame: types.FrameType, event: str, argument: object) -> Callable[..., Any] | None:
            if frame.f_code.co_filename != PROGRAM:
                return None
            raises = event == "line" and again and raises_again(frame)
            if event == "exception" and isinstance(argument, tuple):  # on such a line only `known.py` raises another
                stops = issubclass(argument[0], (StopIteration, StopAsyncIteration))
                goes_on = argument[1].__context__ in getattr(argument[1], "exceptions", ())
                raises = not stops and (again or not (raises_again(frame) or goes_on))
            if raises and frame.f_code.co_name == "f":
                for number, holding in enumerate(self.library.opened):
                    if holding.held and holding.died < 0 and holding.lines == lines:
                        found.setdefault(number, set()).add(frame.f_lineno)
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            opened, _ = self.run(self.script(prefix))
        finally:
            sys.settrace(before)
        lost = [n for n, (holding, leaked) in enumerate(opened) if leaked and holding.lines == lines]
        return [found.get(n, set()) for n in lost]

    def _call(self, script: Script) -> tuple[object, str]:
        """Call `f` once: what of its result has an owner, and how it ended."""
        values = {"pool": Pool(self.library), "apool": AsyncPool(self.library), "box": Box(self._stored)}
        self._given = values
        function = self._namespace["f"]
        code = getattr(function, "__wrapped__", function).__code__
        arguments: list[object] = []
        for name in code.co_varnames[: code.co_argcount]:
            if name in values:
                arguments.append(values[name])
                continue
            chosen = _choice(script, *ARGUMENTS, *(FURTHER if script.max_faults > MAX_FAULTS else ()))
            script.labels.append(f"{name}={chosen!r}")
            arguments.append(chosen)
        try:
            return self._driver(function, arguments, script, self._stored.seen), "returns"
        except BaseException as error:
            return None, _ended(error)

    def _reaches(self, kept: object, wanted: Holding) -> bool:
        """Whether the result or the store leads to the connection."""
        stack: list[object] = [kept, self._stored.seen]
        seen: set[int] = {id(self._namespace), id(self._stored), id(self.library), id(self._asyncio)}
        while stack and len(seen) < 2000:
            value = stack.pop()
            if id(value) in seen or isinstance(value, (type, types.ModuleType, types.CodeType)):
                continue
            seen.add(id(value))
            if isinstance(value, Held) and value.holding is wanted:
                return True
            if not isinstance(value, (str, int, float, frozenset, Pool, AsyncPool, Script, Box)):
                stack += gc.get_referents(value)
        return False

    async def _at_once(self, value: object) -> object:
        """What awaiting a value that is no awaitable gives, in a world where that is possible."""
        self.library.script.fail_anyhow("await", awaited=True)
        return value

    def _compiled(self, tree: ast.Module) -> dict[str, Any]:
        modules = {"fakepool": self.library, "elsewhere": _outside(self.library), "asyncio": self._asyncio}

        def load(name: str, *rest: Any) -> Any:
            return modules.get(name) or builtins.__import__(name, *rest)

        namespace: dict[str, Any] = {"__builtins__": {**vars(builtins), "__import__": load}, "__name__": "program"}
        namespace["__turn__"] = lambda: self.library.script.turn()
        namespace["__fail__"] = lambda: self.library.script.fail_anyhow("a function of its own")
        namespace["__maybe__"] = lambda caught: caught if self.library.script.choose(2) else ()
        namespace["__again__"] = lambda: _choice(
            self.library.script, sys.exc_info()[1], KeyError(), ValueError(), Error()
        )
        namespace["__awaitable__"] = lambda value: value if inspect.isawaitable(value) else self._at_once(value)
        namespace["__known__"] = lambda value: Anything(self.library.script) if value is None else value
        namespace["__unknown__"] = lambda: None if self.library.script.choose(2) else Anything(self.library.script)
        namespace["__either__"] = lambda value: self.library.script.choose(2) == 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = compile(tree, PROGRAM, "exec", dont_inherit=True)
        exec(code, namespace)
        namespace["STORE"] = Store(self._stored)
        return namespace


def _choice(script: Script, *possible: object) -> object:
    return possible[script.choose(len(possible))]


def execute(source: str, max_runs: int = MAX_RUNS, max_faults: int = 2) -> Truth:
    """Run the program's function `f` under every bounded sequence of choices.

    Raises:
        SyntaxError: the source is not valid Python.
    """
    with quietly():
        return explore(Machine(source, max_faults), max_runs)


@contextmanager
def quietly() -> Iterator[None]:
    """Say nothing of coroutines that nobody awaits, and of generators that fail when they are dropped."""
    hook = sys.unraisablehook
    sys.unraisablehook = lambda unraisable: None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
            gc.collect()
    finally:
        sys.unraisablehook = hook


def explore(machine: Machine, max_runs: int = MAX_RUNS) -> Truth:
    """Make every run of a compiled program, those with the fewest unusual choices first."""
    truth = Truth()
    search = Search(machine.script, max_runs)
    shown: Counter[object] = Counter()
    for script in search.scripts():
        connections, ended = machine.run(script)
        choices = tuple(c for c, _ in script.taken)
        for holding, leaked in connections:
            if script.cut:
                truth.undecided |= holding.lines if leaked else frozenset()
            elif leaked:
                witness = _witness(script, holding, choices, ended)
                shown[holding.lines, witness.shows] += 1
                if shown[holding.lines, witness.shows] <= (WITNESSES if witness.raised else PLAIN):
                    truth.leaks.setdefault(holding.lines, []).append(witness)
            elif holding.made_in == "f" or holding.released_in != holding.made_in:
                truth.settled.add(holding.lines)
    truth.runs, truth.complete = search.runs, search.complete
    return truth


def _witness(script: Script, holding: Holding, choices: tuple[int, ...], ended: str) -> Witness:
    until = holding.raised_at_death if holding.died >= 0 else len(script.raised)
    before = script.raised[: holding.raised_before]
    return Witness(
        choices,
        tuple(script.raised[holding.raised_before : until]),
        before[-1] if before else frozenset(),
        holding.died,
        holding.exited,
        "; ".join([*script.labels, ended]),
    )


def _outside(library: Library) -> SimpleNamespace:
    """The module `elsewhere`: code of which the analysis sees only the calls."""

    def step(*values: object) -> object:
        library.script.fail_anyhow("step")
        if not isinstance(values[0], int) and library.script.choose(2):  # what is made of a number is only called
            library.script.labels.append(f"line {line()}: step gives None")
            return None
        return Opaque(library.script)

    def flag(number: int) -> object:
        library.script.fail_anyhow(f"flag({number})")
        chosen = (False, True, None)[library.script.choose(3 if number == MAYBE else 2)]
        if chosen:
            library.script.labels.append(f"line {line()}: flag({number}) is true")
        return chosen

    def items(number: int) -> list[int] | None:
        library.script.fail_anyhow(f"items({number})")
        length = (1, 0, 2, -1)[library.script.choose(4 if number == NO_LIST else 3)]
        if length < 0:
            return None
        if length > 1 and library.script.max_faults > MAX_FAULTS:  # where runs have more of everything
            length += library.script.choose(2)
        if length != 1:
            library.script.labels.append(f"line {line()}: items({number}) has {length}")
        return list(range(length))

    async def aitems(number: int) -> Any:
        for i in items(number) or ():
            await astep()
            yield i

    def astep(number: int = 1) -> Any:
        if number > 1:  # those that are not awaited at once: making the awaitable may fail, too
            library.script.fail_anyhow("astep")
        return Action(lambda: library.script.fail_anyhow("await astep", awaited=True))

    return SimpleNamespace(step=step, flag=flag, items=items, astep=astep, aitems=aitems)


def _ended(error: BaseException) -> str:
    at = error.__traceback__
    lines = []
    while at is not None:
        if at.tb_frame.f_code.co_filename == PROGRAM:
            lines.append(at.tb_lineno)
        at = at.tb_next
    return f"ends by {type(error).__name__} from line {lines[0] if lines else '?'}"


if __name__ == "__main__":
    for lines, witnesses in execute(sys.stdin.read()).leaks.items():
        print(sorted(lines), witnesses[0].story)
