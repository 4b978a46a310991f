# ruff: noqa: BLE001 -- whatever a function raises is its result
"""Functions of the fixtures, executed against the fakes: does one of their runs lose what it acquired?"""

from __future__ import annotations

import ast
import builtins
import contextlib
import gc
import inspect
import types
import typing
import unittest
import warnings
from asyncio import CancelledError
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from oracle.execution import Loops
from oracle.fakepool import PROGRAM, Fault, Script
from oracle.fakes import Either, Name, Value, World, finish, read
from oracle.search import Search
from oracle.unknown import Unknown, is_none, unpacked
from pooclint.models import Models

MAX_RUNS = 300
MAX_ATTEMPTS = 20
"""How many ways of making an object are tried."""
MAX_TAKEN = 3
"""How often the consumer of a generator asks; then it closes the generator."""


@dataclass(frozen=True)
class Target:
    """A function of a fixture, or a method of a class."""

    name: str
    first: int
    last: int
    owner: str = ""

    def __str__(self) -> str:
        return f"{self.owner}.{self.name}" if self.owner else self.name


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
    complete: bool = False
    last_error: str = ""


class Fixture:
    """A compiled fixture."""

    def __init__(self, source: str, models: Models) -> None:
        self.models = models
        tree = ast.parse(source)
        self.targets = tuple(_targets(tree))
        self._handled = {t: _handlers(n) for t, n in _nodes(tree)}
        self._yields_once = {t for t, n in _nodes(tree) if _yields_once(n)}
        self._caught = _names_of_errors(tree)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._code = compile(
                ast.fix_missing_locations(_Rewritten().visit(tree)), PROGRAM, "exec", dont_inherit=True
            )

    def judge(self, target: Target, max_runs: int = MAX_RUNS, max_faults: int = 1) -> Outcome:
        """Make every bounded run of a function."""
        outcome = Outcome()
        search = Search(lambda prefix: Script(prefix, max_faults), max_runs)
        for script in search.scripts():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # coroutines that nobody awaits
                self._run(target, script, outcome)
        outcome.runs, outcome.complete = search.runs, search.complete
        return outcome

    def _run(self, target: Target, script: Script, outcome: Outcome) -> None:
        world = World(self.models, self._caught)
        namespace = self._executed(world)
        world.kinds = _kinds(namespace, self._handled[target])
        call = _bound(target, namespace, world)
        kept: list[object] = [namespace, call]
        world.misuses.clear()
        world.begin(script)
        try:
            call(kept, target in self._yields_once)
            ended = "returns"
            outcome.ended += 1
        except (Exception, CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit) as error:
            at = [f.lineno for f in _frames(error)]
            ended = f"ends by {type(error).__name__} ({error}) from line {at[-1] if at else '?'}"
            outcome.last_error = ended
            if isinstance(error, UnboundLocalError):
                world.misused("CNX108", range(target.first, target.last + 1))
        opened = world.opened
        world.note_unawaited()
        world.rest()
        outcome.acquired += len(opened)
        outcome.misuses |= world.misuses
        open_ = [h for h in opened if h.held and h.lines not in outcome.leaks]
        if script.cut or not open_:
            return
        if any(h.handle is not None and h.handle() is not None for h in open_):
            gc.collect()
        for held in open_:
            if held.held and (held.handle is None or held.handle() is None):
                outcome.leaks[held.lines] = "; ".join([*script.labels, ended])

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
            "__decorator__": lambda decorator: _decorator(decorator, world),
        }
        exec(self._code, namespace)
        return namespace


def _frames(error: BaseException) -> list[inspect.Traceback | Any]:
    at = error.__traceback__
    found = []
    while at is not None:
        if at.tb_frame.f_code.co_filename == PROGRAM:
            found.append(types.SimpleNamespace(lineno=at.tb_lineno))
        at = at.tb_next
    return found


# ---------------------------------------------------------------------- the source


class _Rewritten(Loops):
    """`is None` asks the value, tuples are unpacked from unknown values, an attribute that is only read is a plain
    value, and decorators of fake libraries do nothing."""

    def visit_Call(self, node: ast.Call) -> ast.Call:
        node.func = self._base(node.func)
        node.args = [self.visit(a) for a in node.args]
        for keyword in node.keywords:
            keyword.value = self.visit(keyword.value)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self._base(node)
        return _helper("__read__", node) if isinstance(node.ctx, ast.Load) else node

    def _base(self, node: ast.expr) -> ast.expr:
        """What an attribute or a call is taken of."""
        if not isinstance(node, ast.Attribute):
            return typing.cast("ast.expr", self.visit(node))
        node.value = self._base(node.value)
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        right = node.comparators[0]
        if len(node.ops) != 1 or not isinstance(node.ops[0], (ast.Is, ast.IsNot)):
            return node
        if not (isinstance(right, ast.Constant) and right.value is None):
            return node
        asked = _helper("__is_none__", node.left)
        return asked if isinstance(node.ops[0], ast.Is) else ast.UnaryOp(ast.Not(), asked)

    def visit_Assign(self, node: ast.Assign) -> ast.Assign:
        self.generic_visit(node)
        target = node.targets[0]
        if isinstance(target, (ast.Tuple, ast.List)) and not any(isinstance(e, ast.Starred) for e in target.elts):
            node.value = _helper("__unpacked__", node.value, ast.Constant(len(target.elts)))
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        return self._decorated(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef:
        return self._decorated(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        return self._decorated(node)

    def _decorated(self, node: Any) -> Any:
        self.generic_visit(node)
        node.decorator_list = [_helper("__decorator__", d) for d in node.decorator_list]
        return node


def _helper(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def _decorator(decorator: Any, world: World) -> Callable[[Any], Any]:
    """A real decorator as it is; of a fake library's only whether the framework resumes what it decorates."""
    if not isinstance(decorator, Unknown):
        return typing.cast("Callable[[Any], Any]", decorator)
    teardown = world.models.teardowns.get(decorator._name)

    def decorate(function: Any) -> Any:
        if teardown is not None and teardown.always_resumed:
            function.__always_resumed__ = True
        return function

    return decorate


_Function = (ast.FunctionDef, ast.AsyncFunctionDef)


def _nodes(tree: ast.Module) -> Iterator[tuple[Target, Any]]:
    for node in tree.body:
        if isinstance(node, _Function):
            yield _target(node), node
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, _Function):
                    yield _target(inner, node.name), inner


def _target(node: Any, owner: str = "") -> Target:
    return Target(node.name, min([node.lineno, *(d.lineno for d in node.decorator_list)]), node.end_lineno, owner)


def _targets(tree: ast.Module) -> Iterator[Target]:
    for target, _ in _nodes(tree):
        yield target


def _handlers(node: ast.AST) -> tuple[ast.expr, ...]:
    """What the function catches, in `except` and in `suppress`."""
    found: list[ast.expr] = []
    for inner in ast.walk(node):
        if isinstance(inner, ast.ExceptHandler) and inner.type is not None:
            found += inner.type.elts if isinstance(inner.type, ast.Tuple) else [inner.type]
        elif isinstance(inner, ast.Call) and ast.unparse(inner.func).endswith("suppress"):
            found += inner.args
    return tuple(e for e in found if isinstance(e, (ast.Name, ast.Attribute)))


def _names_of_errors(tree: ast.Module) -> frozenset[str]:
    """Qualified names of what the module catches anywhere."""
    imports = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    imported = {a.asname or a.name: f"{n.module}.{a.name}" for n in imports for a in n.names}
    caught = {ast.unparse(e) for e in _handlers(tree)}
    return frozenset(caught | {path for name, path in imported.items() if name in caught})


def _kinds(namespace: dict[str, Any], handled: tuple[ast.expr, ...]) -> tuple[type[BaseException], ...]:
    found: list[type[BaseException]] = []
    for expression in handled:
        try:
            kind = eval(compile(ast.Expression(expression), PROGRAM, "eval"), namespace)
        except (NameError, AttributeError):
            continue
        if isinstance(kind, type) and issubclass(kind, Exception) and kind is not Exception and kind not in found:
            found.append(kind)
    return tuple(found)


def _yields_once(node: ast.AST) -> bool:
    """A generator that yields once, in no loop, has the form of a dependency: what it yields stays its own."""
    own: list[tuple[ast.AST, bool]] = []
    stack = [(n, False) for n in ast.iter_child_nodes(node)]
    while stack:
        inner, looped = stack.pop()
        own.append((inner, looped))
        if not isinstance(inner, (*_Function, ast.Lambda)):
            loops = looped or isinstance(inner, (ast.For, ast.While, ast.AsyncFor))
            stack += [(n, loops) for n in ast.iter_child_nodes(inner)]
    yields = [looped for n, looped in own if isinstance(n, (ast.Yield, ast.YieldFrom))]
    return yields == [False]


# ---------------------------------------------------------------------- the caller

Call = Callable[[list[object], bool], None]


def _bound(target: Target, namespace: dict[str, Any], world: World) -> Call:
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
    instance = _instance(class_, target.name, world)

    def call(kept: list[object], once: bool) -> None:
        kept.append(instance)
        raw = inspect.getattr_static(class_, target.name)
        if isinstance(raw, property):
            kept.append(getattr(instance, target.name))
            return
        _consume(*_called(getattr(instance, target.name), world, kept), world, kept, once)

    return call


def _instance(class_: type, name: str, world: World) -> Any:
    """An object of the class on which the methods above this one have been called, and nothing failed."""
    for script in Search(lambda prefix: Script(prefix, 0), MAX_ATTEMPTS).scripts():
        world.begin(script)
        try:
            instance = _called(class_, world, [])[0]
        except Exception:  # its constructor does not like these arguments
            continue
        for before in vars(class_):
            if before == name:
                break
            if callable(getattr(instance, before, None)) and before not in ("__init__", "__new__"):
                with contextlib.suppress(Exception):
                    _consume(*_called(getattr(instance, before), world, []), world, [], once=True)
        return instance
    raise RuntimeError(f"{class_.__name__} cannot be made")


def _tested(class_: type[unittest.TestCase], name: str) -> None:
    """As the runner does it: set up, test, and clean up whatever happened."""
    methods = [n for n in dir(class_) if n.startswith("test")]
    case = class_(methods[0] if methods else "run")
    try:
        case.setUp()
        if name != "setUp":
            getattr(case, name)()
    finally:
        case.doCleanups()


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
        except Exception:
            step = "throw"
