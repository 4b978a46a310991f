# ruff: noqa: BLE001 -- whatever a function raises is its result
"""Functions of the fixtures, executed against the fakes: does one of their runs lose what it acquired?"""

from __future__ import annotations

import ast
import builtins
import gc
import sys
import warnings
from asyncio import CancelledError
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from oracle.callers import bound, call_quietly, end_of_callers, live
from oracle.fakepool import PROGRAM, Script
from oracle.fakes import World
from oracle.faketransactions import Ledger
from oracle.fakevalues import Held, Method, Value, read
from oracle.fixture_source import (
    Rewritten,
    Target,
    decorated_by,
    functions,
    handlers,
    keepers,
    kinds_of,
    names_of_errors,
    started,
    undefined,
    yields,
    yields_once,
)
from oracle.search import Search
from oracle.unknown import is_none, unpacked
from pooclint.models import Models

MAX_RUNS = 300


@dataclass
class Outcome:
    """What the runs of one function showed."""

    leaks: dict[frozenset[int], str] = field(default_factory=dict)
    """Lines that led to an acquisition that is lost in some run, and that run in words."""
    misuses: set[tuple[str, int]] = field(default_factory=set)
    """Codes of rules that are not about leaks, and lines on which some run does what they are about."""
    runs: int = 0
    ended: int = 0
    """How many runs came to a regular end."""
    acquired: int = 0
    """How many acquisitions all runs made together."""
    ledger: Ledger = field(default_factory=Ledger)
    complete: bool = False
    last_error: str = ""


class Fixture:
    """A compiled fixture."""

    def __init__(self, source: str, models: Models) -> None:
        self.models = models
        tree = ast.parse(source)
        self.targets = tuple(t for t, _ in functions(tree))
        self._handled = {t: handlers(n) for t, n in functions(tree)}
        self._yields_once = {t for t, n in functions(tree) if yields_once(n)}
        self._last = {t for t, n in functions(tree) if yields(n) or t.name in started(tree)}
        """Functions during which, and after which, nobody else uses a pool that they close."""
        self._caught = names_of_errors(tree)
        self._keepers = keepers(source)
        self._undefined = undefined(tree)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._code = compile(ast.fix_missing_locations(Rewritten().visit(tree)), PROGRAM, "exec", dont_inherit=True)

    def judge(self, target: Target, max_runs: int = MAX_RUNS, max_faults: int = 2) -> Outcome:
        """Make every bounded run of a function."""
        outcome = Outcome()
        search = Search(lambda prefix: Script(prefix, max_faults), max_runs)
        with _quietly():
            for script in search.scripts():
                self._run(target, script, outcome)
        outcome.runs, outcome.complete = search.runs, search.complete
        outcome.misuses |= outcome.ledger.misuses()
        for held in self._never_released(target.owner) if target.owner else ():
            if held.registered:  # it is lost where it is acquired: nobody tells the registry
                outcome.leaks[held.lines] = "each method is called"
            else:
                outcome.misuses |= {("CNX109", line) for line in held.lines}
        return outcome

    def _never_released(self, class_: str) -> list[Held]:
        """What an object still holds when each of its methods has been called."""
        world = World(self.models, self._caught, self._keepers)
        namespace = self._executed(world)
        live(namespace[class_], world)
        opened = world.opened
        gc.collect()
        kept = [value for value in world.stored if isinstance(value, Method)]
        handed_on = {id(value._owner._held) for value in kept}
        left = [held for held in opened if held.held and id(held) not in handed_on]
        return [h for h in left if not h.registered or not _seen(h, world)]

    def _run(self, target: Target, script: Script, outcome: Outcome) -> None:
        world = World(self.models, self._caught, self._keepers)
        namespace = self._executed(world)
        world.kinds = kinds_of(namespace, self._handled[target])
        call = bound(target, namespace, world)
        kept: list[object] = [namespace, call]
        world.misuses.clear()
        world.begin(script)
        try:
            call(kept, target in self._yields_once)
            ended = "returns"
            outcome.ended += 1
            self._note_swallowed(kept, script, world)
        except (Exception, CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit) as error:
            at = _lines(error)
            ended = f"ends by {type(error).__name__} ({error}) from line {at[-1] if at else '?'}"
            outcome.last_error = ended
            if isinstance(error, UnboundLocalError):
                world.misused("CNX108", range(target.first, target.last + 1))
        opened = world.opened
        outcome.ledger.add(world.ledger)
        world.note_unawaited()
        world.rest()
        if world.pools_closed and target not in self._last:
            self._call_others(target, namespace, world, kept)
        end_of_callers(world)
        outcome.acquired += len(opened)
        outcome.misuses |= world.misuses
        self._note_replaced(world, opened, outcome)
        open_ = [h for h in opened if h.held and _counts(h) and h.lines not in outcome.leaks]
        if script.cut or not open_:
            return
        if any(h.handle is not None and h.handle() is not None for h in open_):
            gc.collect()
        for held in open_:
            if held.held and (held.handle is None or held.handle() is None):
                outcome.leaks[held.lines] = "; ".join([*script.labels, ended])

    def _note_swallowed(self, kept: list[object], script: Script, world: World) -> None:
        """Transactions in which the caller has its connections back, though something has failed."""
        for value in kept if script.raised else ():
            if isinstance(value, Value) and value._given and value._work is not None:
                world.ledger.swallowed |= value._work.begun

    def _call_others(self, target: Target, namespace: dict[str, Any], world: World, kept: list[object]) -> None:
        """Call the other functions, and methods of the same object, for which a pool was closed."""
        instance = next((k for k in kept if type(k).__name__ == target.owner), None)
        again = target.owner == "" and hasattr(namespace[target.name], "__called_again__")
        before, attributes = set(world.misuses), dict(vars(instance)) if instance is not None else {}
        for other in self.targets:
            if other == target and not again:
                continue
            if other.owner and other.owner == target.owner and instance is not None:
                vars(instance).update(attributes)  # each finds what the target has left
                call_quietly(instance, other.name, world, [])
            elif not other.owner:
                with suppress(BaseException):
                    bound(other, namespace, world)([], True)
        world.misuses = before | {(code, at) for code, at in world.misuses if code == "CNX128"}

    def _note_replaced(self, world: World, opened: list[Held], outcome: Outcome) -> None:
        """What the object held before the call, and nobody holds after it, was replaced by what the call acquired."""
        if any(held.held and held.handle is not None and held.handle() is None for held in world.earlier):
            outcome.misuses |= {("CNX105", line) for held in opened for line in held.lines}

    def _executed(self, world: World) -> dict[str, Any]:
        outside = {name: world.named(f"builtins.{name}") for name in ("exit", "input", "open", "print", "quit")}
        built_in = {**vars(builtins), "__import__": world.load, **outside}
        namespace: dict[str, Any] = {
            "__builtins__": built_in,
            "__name__": "program",
            "__turn__": world.turn,
            "__is_none__": is_none,
            "__unpacked__": unpacked,
            "__read__": read,
            "__decorator__": lambda decorator: decorated_by(decorator, world),
            **{name: world.named(f"elsewhere.{name}") for name in self._undefined},
        }
        exec(self._code, namespace)
        return namespace


def _counts(held: Held) -> bool:
    """Whether it matters that it is lost in one function: what a registry keeps is a question of the class."""
    return not held.registered and held.acquisition.reclaimed != "harmless"


def _seen(held: Held, world: World) -> bool:
    """Whether somebody has seen the registry that keeps it, and may tell it."""
    registry = held.owner() if held.owner else None
    return registry is not None and any(registry is value for value in world.shown)


@contextmanager
def _quietly() -> Iterator[None]:
    """Say nothing of coroutines that nobody awaits, and of what fails when it is dropped."""
    hook = sys.unraisablehook
    sys.unraisablehook = lambda unraisable: None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
            gc.collect()
    finally:
        sys.unraisablehook = hook


def _lines(error: BaseException) -> list[int]:
    """Lines of the program that an exception has passed, the innermost last."""
    at = error.__traceback__
    found = []
    while at is not None:
        if at.tb_frame.f_code.co_filename == PROGRAM:
            found.append(at.tb_lineno)
        at = at.tb_next
    return found
