"""Who calls a function of a fixture: with which arguments, and what becomes of what it gives."""

from __future__ import annotations

import contextlib
import inspect
import types
import typing
import unittest
from collections.abc import Callable, Iterator
from typing import Any

from oracle.fakecalls import finish
from oracle.fakepool import Fault, Script
from oracle.fakes import World
from oracle.fakevalues import Either, Held, Name, Value
from oracle.fixture_source import Target
from oracle.unknown import Unknown

MAX_TAKEN = 3
"""How often the consumer of a generator asks; then it closes the generator."""
Call = Callable[[list[object], bool], None]


def bound(target: Target, namespace: dict[str, Any], world: World) -> Call:
    """A call of the target. Who is called keeps `kept` alive, and puts there what it is given."""
    if not target.owner:
        return lambda kept, once: _consume(*_called(namespace[target.name], world, kept), world, kept, once)
    class_ = namespace[target.owner]
    if target.name == "__init__":
        return lambda kept, once: kept.append(_called(class_, world, kept)[0])
    if target.name in ("__enter__", "__aenter__"):
        return lambda kept, once: _serve(_called(class_, world, kept)[0], world, target.name == "__aenter__")
    if issubclass(class_, unittest.TestCase):
        return lambda kept, once: _tested(class_, target.name)

    def call(kept: list[object], once: bool) -> None:
        instance = _instance(class_, target.name, world, kept)
        kept.append(instance)
        raw = inspect.getattr_static(class_, target.name)
        if isinstance(raw, property):
            kept.append(getattr(instance, target.name))
            return
        _consume(*_called(getattr(instance, target.name), world, kept), world, kept, once)

    return call


def _instance(class_: type, name: str, world: World, kept: list[object]) -> Any:
    """An object of the class on which the methods above this one have been called, and nothing failed.

    How it is made is one of the choices of the run.
    """
    script, faults, opened = world.script, world.script.max_faults, list[Held]()
    script.max_faults = 0
    try:
        instance = _called(class_, world, kept)[0]
        opened = world.opened
        world.rest()
        for before in vars(class_):
            if before == name:
                break
            call_quietly(instance, before, world, [])
    finally:
        script.max_faults = faults
        world.earlier = [h for h in (*opened, *world.opened) if h.held and h.handle is not None and h.handle()]
        world.begin(script)
    world.misuses.clear()
    return instance


def call_quietly(instance: Any, name: str, world: World, kept: list[object]) -> None:
    """Call a method; that it does not like the arguments or the state is no concern."""
    static = inspect.getattr_static(instance, name)
    if name in ("__init__", "__new__", "__del__") or not (
        callable(static) or isinstance(static, (property, classmethod))
    ):
        return
    with contextlib.suppress(Exception):
        if isinstance(static, property):
            kept.append(getattr(instance, name))
        else:
            _consume(*_called(getattr(instance, name), world, kept), world, kept, once=True)


def live(class_: type, world: World) -> None:
    """Make an object, call every method of it, and forget it: what it still holds, its class never releases."""
    world.begin(Script((), 0))
    with contextlib.suppress(Exception):
        instance = _called(class_, world, [])[0]
        for name in [n for base in class_.__mro__ if base is not object for n in vars(base)]:
            call_quietly(instance, name, world, [])


def _tested(class_: type[unittest.TestCase], name: str) -> None:
    """As the runner does it: set up, test, tear down what was set up, and clean up whatever happened."""
    methods = [n for n in dir(class_) if n.startswith("test")]
    case = class_(methods[0] if methods else "run")
    with contextlib.ExitStack() as end:
        end.callback(class_.doClassCleanups)
        class_.setUpClass()
        end.callback(class_.tearDownClass)
        end.callback(case.doCleanups)
        case.setUp()
        end.callback(case.tearDown)
        if name not in ("setUp", "tearDown", "setUpClass", "tearDownClass"):
            getattr(case, name)()


def end_of_callers(world: World) -> None:
    """The caller closes the stacks that it has handed in."""
    for stack in world.stacks:
        with contextlib.suppress(Exception):
            if isinstance(stack, contextlib.AsyncExitStack):
                finish(stack.aclose())
            else:
                stack.close()


def _called(function: Any, world: World, kept: list[object]) -> tuple[Any, Any]:
    """What a call with fitting arguments gives, and the function. The arguments outlive the call."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        parameters = {}.values()
    given: list[Any] = []
    named: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL and getattr(function, "__name__", "") in (
            "__exit__",
            "__aexit__",
        ):
            given += [None, None, None]
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        value = _argument(parameter, world)
        if parameter.kind is parameter.KEYWORD_ONLY:
            named[parameter.name] = value
        else:
            given.append(value)
    for value in (*given, *named.values()):
        if isinstance(value, Unknown):
            value._given = True
    kept += [*given, *named.values()]
    return function(*given, **named), function


def _argument(parameter: inspect.Parameter, world: World) -> Any:
    options = list(_options(parameter.annotation, parameter.name, world))
    default = parameter.default
    if default is parameter.empty or isinstance(default, Unknown):
        pass
    elif default is None:
        for option in options:
            if isinstance(option, Unknown):
                option._truth = True
        options = [None, *(o for o in options if o is not None)]
    elif not any(o is default for o in options):
        options = [default, *options]
    chosen = world.choose(len(options), f"{parameter.name} is not its default") if len(options) > 1 else 0
    return options[chosen]


def _options(annotation: Any, name: str, world: World) -> Iterator[Any]:
    """The values that a parameter may have, by its annotation."""
    parts: tuple[Any, ...] = (annotation,)
    if isinstance(annotation, Either):
        parts = annotation.options
    elif typing.get_origin(annotation) in (typing.Union, types.UnionType):
        parts = typing.get_args(annotation)
    elif hasattr(annotation, "__metadata__"):
        parts = typing.get_args(annotation)[:1]
    for part in parts:
        if part in (contextlib.ExitStack, contextlib.AsyncExitStack):
            world.stacks.append(part())
            yield world.stacks[-1]
            continue
        known = world.models.type(part._path) if isinstance(part, Name) else None
        if part is None or part is type(None):
            yield None
        elif known is not None:
            yield Value(world, known, world.models.library(known))
        else:
            yield Unknown(world, name)


def _consume(result: Any, function: Any, world: World, kept: list[object], once: bool) -> None:
    """What the caller does with a result, by its kind."""
    if inspect.iscoroutine(result):
        kept.append(finish(result))
    elif isinstance(result, contextlib._GeneratorContextManager):
        _serve(result, world, asynchronous=False)
    elif isinstance(result, contextlib._AsyncGeneratorContextManager):
        _serve(result, world, asynchronous=True)
    elif inspect.isgenerator(result) or inspect.isasyncgen(result):
        _take(result, world, None if once else kept, resumed=hasattr(function, "__always_resumed__"))
    else:
        kept.append(result)


def _serve(manager: Any, world: World, asynchronous: bool) -> None:
    """The code in the `with` block may fail."""
    if not asynchronous:
        with manager:
            world.fail("the block")
        return

    async def serve() -> None:
        async with manager:
            world.fail("the block", awaited=True)

    finish(serve())


def _take(generator: Any, world: World, kept: list[object] | None, resumed: bool) -> None:
    """A consumer takes some, then closes the generator or throws into it; a framework may go on whatever happened."""
    later = inspect.isasyncgen(generator)

    def go(step: str, *values: Any) -> Any:
        if later:
            return finish(
                getattr(generator, {"next": "__anext__", "throw": "athrow", "close": "aclose"}[step])(*values)
            )
        return next(generator) if step == "next" else getattr(generator, step)(*values)

    step = "next"
    for taken in range(MAX_TAKEN + 1):
        try:
            value = go(step, *([Fault("thrown")] if step == "throw" else []))
        except (StopIteration, StopAsyncIteration):
            return
        if kept is not None:
            kept.append(value)
        if resumed:
            continue
        if taken == MAX_TAKEN or world.choose(2, "the consumer closes the generator"):
            go("close")
            return
        step = "next"
        try:
            world.fail("the consumer")
        except Exception:  # noqa: BLE001 -- whatever the consumer fails with, it throws
            step = "throw"
