"""Who calls `f`: a plain caller, one that awaits, the consumer of a generator, or the code that a manager serves."""

from __future__ import annotations

import ast
from asyncio import CancelledError
from collections.abc import Callable
from typing import Any

from oracle.fakeasyncio import finish
from oracle.fakepool import SEVERAL, Error, Fault, Script, Thrown

USUAL: tuple[type[BaseException], ...] = (Fault, Thrown)
"""What a consumer throws into a generator."""
OTHERS: tuple[type[BaseException], ...] = (ValueError, Error)
"""What it throws besides, where handlers tell these apart; and a group, where they tell groups apart."""
THROWN = {f"throw {kind.__name__}": kind for kind in (*USUAL, CancelledError, *OTHERS, *SEVERAL)}
MAX_THROWN = 4
"""How many of the values a consumer may throw after; later on it takes the next one, or closes the generator."""
MAX_TAKEN = 8
"""How often a consumer asks; then it closes the generator."""
_YIELDS = (ast.Yield, ast.YieldFrom)
Driver = Callable[[Callable[..., Any], list[object], Script, list[object]], object]
"""Calls `f` with arguments under a script; what it yields to a consumer is noted in the list. Gives what `f`
returns."""


def driver_of(tree: ast.Module) -> Driver:
    """The caller that suits the module's function `f`."""
    function = next(n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)) and n.name == "f")
    asynchronous = isinstance(function, ast.AsyncFunctionDef)
    if function.decorator_list:
        return _served_later if asynchronous else _served
    yields = [n for n in _own(function) if isinstance(n, _YIELDS)]
    if not yields:
        return _awaited if asynchronous else _called
    in_loops = {
        id(n) for loop in _own(function) if isinstance(loop, (ast.For, ast.While, ast.AsyncFor)) for n in ast.walk(loop)
    }
    once = len(yields) == 1 and isinstance(yields[0], ast.Yield) and id(yields[0]) not in in_loops
    # A generator that yields once has the form of a dependency: what it yields stays its own.
    # A dependency of that form serves code that may be cancelled.
    return (_consumed_later if asynchronous else _consumed)(not once)


def thrown_besides(tree: ast.Module) -> tuple[type[BaseException], ...]:
    """What may be thrown into `f` beside the usual: a handler around one of its `yield`s is not for all exceptions."""
    function = next(n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)) and n.name == "f")
    found: set[type[BaseException]] = set()
    for node in _own(function):
        if not hasattr(node, "handlers") or not any(isinstance(n, _YIELDS) for s in node.body for n in ast.walk(s)):
            continue
        caught = {ast.unparse(h.type) for h in node.handlers if h.type is not None}
        if caught - {"Exception", "BaseException"}:
            found.update(OTHERS)
            found.update(SEVERAL if type(node).__name__ == "TryStar" else ())
    return tuple(kind for kind in (*OTHERS, *SEVERAL) if kind in found)


def _own(function: ast.AST) -> list[ast.AST]:
    """Nodes of a function's own body."""
    found: list[ast.AST] = []
    stack = list(ast.iter_child_nodes(function))
    while stack:
        node = stack.pop()
        found.append(node)
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            stack += ast.iter_child_nodes(node)
    return found


def _called(function: Callable[..., Any], arguments: list[object], script: Script, given: list[object]) -> object:
    return function(*arguments)


def _awaited(function: Callable[..., Any], arguments: list[object], script: Script, given: list[object]) -> object:
    return finish(function(*arguments))


def _served(function: Callable[..., Any], arguments: list[object], script: Script, given: list[object]) -> object:
    manager = function(*arguments)
    with manager:
        _serve(script, (Fault, Thrown, GeneratorExit), manager.gen.gi_frame.f_lineno)
    return None


def _served_later(function: Callable[..., Any], arguments: list[object], script: Script, given: list[object]) -> object:
    async def serve() -> None:
        manager = function(*arguments)
        async with manager:
            _serve(script, (Fault, Thrown, CancelledError, GeneratorExit), manager.gen.ag_frame.f_lineno)

    return finish(serve())


def _serve(script: Script, kinds: tuple[type[BaseException], ...], line: int) -> None:
    kinds = (*kinds, *script.thrown)
    chosen = script.choose(1 + len(kinds))
    if chosen:
        script.labels.append(f"the code in the block raises {kinds[chosen - 1].__name__}")
        script.raised.append(frozenset({line}))
        raise kinds[chosen - 1]("thrown")


def _consumed(hands_over: bool) -> Driver:
    """A consumer that takes some, and then closes the generator or throws into it. Dropping one closes it, too."""

    def drive(function: Callable[..., Any], arguments: list[object], script: Script, given: list[object]) -> object:
        generator = function(*arguments)
        taken = 0
        what = "take"
        while True:
            try:
                value = next(generator) if what == "take" else generator.throw(THROWN[what]("thrown"))
            except StopIteration:
                return None
            if hands_over:
                given.append(value)
            del value
            taken += 1
            what = _next(script, taken, generator.gi_frame.f_lineno)
            if what == "close":
                _close(script, generator.close)
                return None

    return drive


def _consumed_later(hands_over: bool) -> Driver:
    def drive(function: Callable[..., Any], arguments: list[object], script: Script, given: list[object]) -> object:
        generator = function(*arguments)
        taken = 0
        what = "take"
        while True:
            try:
                value = finish(generator.__anext__() if what == "take" else generator.athrow(THROWN[what]("thrown")))
            except StopAsyncIteration:
                return None
            if hands_over:
                given.append(value)
            del value
            taken += 1
            what = _next(script, taken, generator.ag_frame.f_lineno, () if hands_over else ("throw CancelledError",))
            if what == "close":
                _close(script, lambda: finish(generator.aclose()))
                return None

    return drive


def _close(script: Script, close: Callable[[], object]) -> None:
    """Close a generator. A run in which it then yields once more, which Python forbids, does not count."""
    try:
        close()
    except RuntimeError as error:
        if "ignored GeneratorExit" in str(error):
            script.void()
        raise


def _next(script: Script, taken: int, line: int, more: tuple[str, ...] = ()) -> str:
    """What the consumer does after a value."""
    throws = (*(f"throw {kind.__name__}" for kind in (*USUAL, *script.thrown)), *more)
    may_throw = taken < MAX_THROWN and len(script.raised) < script.max_faults
    options = ("take", "close", *throws) if may_throw else ("take", "close")
    what = options[script.choose(len(options))] if taken < MAX_TAKEN else "close"
    if what != "take":
        script.labels.append(f"the consumer does {what} at line {line}")
        script.raised.append(frozenset({line}))
    return what


__all__ = ["Driver", "driver_of", "thrown_besides"]
