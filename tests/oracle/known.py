"""Differences between the analysis and the runs that have a name. Each one has a program in `counterexamples.py`.

A missed leak is a defect and has none. What has a name is not told from the text of a program but by executing it again
in a world that lacks one fact, which the analysis is known not to use. Where the two agree in that world, the fact is
all that it lacks.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from unittest import mock

from oracle import driving
from oracle.comparison import Disagreement, Judgement, differences, findings, judge
from oracle.execution import Machine, Truth, explore
from pooclint.flow import expressions, run
from pooclint.rule import Finding

Node = TypeVar("Node", bound=ast.AST)
NAMED = ("false alarm", "wrong line", "wrong kind")
MAX_RUNS = 6000


@dataclass(frozen=True)
class World:
    """A way to execute a program in which some fact does not hold."""

    change: Callable[[ast.Module], ast.Module]
    lenient: bool = False
    """The library fails with anything."""
    faults: int = 2
    runs: int = MAX_RUNS
    thrown: int = driving.MAX_THROWN
    """After how many values of a generator its consumer may throw."""


def category(source: str, difference: Disagreement) -> str:
    """The name of a difference; empty when it has none."""
    if difference.kind not in NAMED:
        return ""
    found = [f for f in findings(source) if f.line in difference.lines]
    itself = Machine(source)
    shown = explore(itself, MAX_RUNS)
    for name, worlds in WORLDS.items():
        if any(_agree_in(world, source, found, (itself, shown)) for world in worlds):
            return name
    return "" if any(d.kind in NAMED for d in judge_without_bounds(source).disagreements) else BOUND


def _agree_in(world: World, source: str, found: list[Finding], itself: tuple[Machine, Truth]) -> bool:
    """Whether findings of a program agree with its runs in that world."""
    tree = ast.fix_missing_locations(world.change(ast.parse(source)))
    machine = Machine(tree, world.faults, world.lenient)
    machine.source = source
    with mock.patch.object(driving, "MAX_THROWN", world.thrown):
        truth = explore(machine, world.runs)
    truth.complete = True
    return not any(d.kind in NAMED for d in differences(machine, truth, found, itself))


def judge_without_bounds(source: str) -> Judgement:
    """Compare a program with an analysis that tells any number of states apart."""
    with (
        mock.patch.object(run, "MAX_STATES", sys.maxsize),
        mock.patch.object(run, "_THRIFT", ()),
        mock.patch.object(run, "_LONG", sys.maxsize),
        mock.patch.object(expressions, "MAX_STATES", sys.maxsize),
    ):
        return judge(source, MAX_RUNS)


def _unchanged(tree: ast.Module) -> ast.Module:
    return tree


def _functions_take_none(tree: ast.Module) -> ast.Module:
    """What is None can do anything in helpers, in nested functions and for `closing`, where it would raise."""
    tree = _Inner(lambda name: ast.unparse(ast.Call(ast.Name("__known__", ast.Load()), [name], []))).visit(tree)
    for call in [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) in _CLOSING]:
        call.args = [_at(ast.Call(ast.Name("__known__", ast.Load()), [a], []), a) for a in call.args]
    return tree


_CLOSING = ("contextlib.closing", "contextlib.aclosing")


class _Inner(ast.NodeTransformer):
    """Changes what names are used for in every function but `f` itself."""

    def __init__(self, use: Callable[[ast.Name], str]) -> None:
        self._use = use
        self._inside = 0

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef:
        return self._function(node)

    def visit_Lambda(self, node: ast.Lambda) -> ast.Lambda:
        return self._function(node)

    def _function(self, node: ast.AST) -> ast.AST:
        own = getattr(node, "name", "") == "f"
        self._inside += not own
        self.generic_visit(node)
        self._inside -= not own
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.Attribute:
        self.generic_visit(node)
        if self._inside and isinstance(node.value, ast.Name):
            node.value = _at(ast.parse(self._use(node.value), mode="eval").body, node.value)
        return node


def _functions_fail(tree: ast.Module) -> ast.Module:
    """Every function of the program's own may fail as soon as it is called, and so may wrappers of `contextlib` and
    groups of tasks, even those without a task."""
    tree = _Wrapped().visit(tree)
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) and function.name != "f":
            first = isinstance(function.body[0], ast.Nonlocal)
            function.body.insert(first, _at(ast.parse("__fail__()").body[0], function.body[0]))
    return tree


class _Wrapped(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        name = ast.unparse(node.func)
        if name != "asyncio.TaskGroup" and not (name.startswith("contextlib.") and node.args):
            return node
        fails = ast.parse("__fail__()", mode="eval").body
        both = ast.Tuple([fails, node], ast.Load())
        return _at(ast.Subscript(both, ast.Constant(1), ast.Load()), node)


def _names_are_bound(tree: ast.Module) -> ast.Module:
    """A name that has no value yet, or none any more, has an unknown one."""
    tree = _Kept().visit(tree)
    function = tree.body[-1]
    assert isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
    given = {a.arg for a in function.args.args}
    stored = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    stored |= {n.name for n in ast.walk(function) if isinstance(n, (ast.MatchAs, ast.MatchStar)) and n.name}
    for name in sorted(stored - given):
        function.body.insert(0, _at(ast.parse(f"{name} = __unknown__()").body[0], function.body[0]))
    return tree


class _Kept(ast.NodeTransformer):
    def visit_Delete(self, node: ast.Delete) -> ast.stmt:
        if not all(isinstance(target, ast.Name) for target in node.targets):
            return node
        stored = " = ".join(ast.unparse(target) for target in node.targets)
        return _at(ast.parse(f"{stored} = __unknown__()").body[0], node)


def _none_is_awaited(tree: ast.Module) -> ast.Module:
    """To await what is no awaitable, such as None, gives that, itself or through `asyncio.wait_for` and its like."""
    for node in list(ast.walk(tree)):
        if isinstance(node, ast.Await):
            node.value = ast.Call(ast.Name("__awaitable__", ast.Load()), [node.value], [])
        elif isinstance(node, ast.Call) and ast.unparse(node.func).startswith("asyncio."):
            node.args = [
                ast.Call(ast.Name("__awaitable__", ast.Load()), [a], []) if isinstance(a, ast.Call) else a
                for a in node.args
            ]
    return tree


def _handlers_let_pass(tree: ast.Module) -> ast.Module:
    """What a handler of some exception has not caught may still be one of those, and what it raises again another."""
    for handler in [n for n in ast.walk(tree) if isinstance(n, ast.ExceptHandler)]:
        kind = handler.type
        kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
        if kind is not None and all(k is not None and ast.unparse(k) in NARROW for k in kinds):
            handler.type = _at(ast.parse(f"__maybe__({ast.unparse(kind)})", mode="eval").body, kind)
            for again in [n for n in ast.walk(handler) if isinstance(n, ast.Raise) and n.exc is None]:
                again.exc = _at(ast.parse("__again__()", mode="eval").body, again)
    for call in [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func).endswith(".suppress")]:
        call.args = [
            _at(ast.parse(f"__maybe__({ast.unparse(a)})", mode="eval").body, a) if ast.unparse(a) in NARROW else a
            for a in call.args
        ]
    return tree


NARROW = ("ValueError", "KeyError", "fakepool.Error")
"""Exceptions of which a call of unknown code may raise one or not."""


def _at(node: Node, place: ast.AST) -> Node:
    for inner in ast.walk(node):
        ast.copy_location(inner, place)
    return node


def _undecisive(tree: ast.Module) -> ast.Module:
    """A condition that decides neither what is acquired, released, dropped or stored, nor where to leave, says
    nothing."""
    return _Undecisive().visit(tree)


class _Undecisive(ast.NodeTransformer):
    def visit_Match(self, node: ast.Match) -> ast.Match:
        self.generic_visit(node)
        if not any(_decides(inner) for case in node.cases for s in case.body for inner in ast.walk(s)):
            for case in node.cases:
                plain = any(isinstance(inner, _PLAIN) for inner in ast.walk(case.pattern))
                if case.guard is not None or plain:
                    case.guard = _at(ast.parse("__either__(True)", mode="eval").body, case.pattern)
                case.pattern = _Any().visit(case.pattern)
        return node

    def visit_If(self, node: ast.If) -> ast.If:
        self.generic_visit(node)
        parts = [inner for s in (*node.body, *node.orelse) for inner in ast.walk(s)]
        if not any(_decides(inner) for inner in parts):
            node.test = _at(ast.parse(f"__either__({ast.unparse(node.test)})", mode="eval").body, node.test)
        return node


class _Any(ast.NodeTransformer):
    """A value that a pattern names may be any other."""

    def visit_MatchValue(self, node: ast.MatchValue) -> ast.pattern:
        return _at(ast.MatchAs(), node)

    def visit_MatchSingleton(self, node: ast.MatchSingleton) -> ast.pattern:
        return _at(ast.MatchAs(), node)

    def visit_MatchOr(self, node: ast.MatchOr) -> ast.pattern:
        plain = all(isinstance(pattern, _PLAIN) for pattern in node.patterns)
        return _at(ast.MatchAs(), node) if plain else node


def _decides(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func)
        return called not in INDECISIVE and not called.endswith(".execute")
    if isinstance(node, ast.Attribute):
        return isinstance(node.ctx, ast.Store)
    if isinstance(node, ast.Name):
        return node.id in HOLDING and not isinstance(node.ctx, ast.Load)
    return isinstance(node, (ast.Return, ast.Raise, ast.Break, ast.Continue, ast.Yield))


_PLAIN = (ast.MatchValue, ast.MatchSingleton)
INDECISIVE = (
    "step", "astep", "flag", "items", "aitems", "bool", "asyncio.TaskGroup", "group.create_task", "contextlib.suppress",
    "__either__",
)  # fmt: skip
"""Functions that neither acquire nor release."""
HOLDING = ("conn", "other", "alias")
"""Names that may be the last reference to something."""


def _all(tree: ast.Module) -> ast.Module:
    for change in _CHANGES:
        tree = change(tree)
    return tree


_CHANGES = (
    _undecisive, _functions_take_none, _functions_fail, _none_is_awaited, _handlers_let_pass, _names_are_bound,
)  # fmt: skip


def _more_often(change: Callable[[ast.Module], ast.Module], lenient: bool) -> World:
    return World(change, lenient, faults=4, runs=20_000, thrown=driving.MAX_TAKEN)


WORLDS = {
    "beyond-two-failures": (_more_often(_unchanged, lenient=False),),
    "library-fails-otherwise": (World(_unchanged, lenient=True),),
    "function-of-none-raises": (World(_functions_take_none),),
    "function-never-fails": (World(_functions_fail),),
    "awaits-what-is-no-coroutine": (World(_none_is_awaited),),
    "caught-further-in": (World(_handlers_let_pass),),
    "reads-unbound": (World(_names_are_bound),),
    "condition-that-decides-nothing": (World(_undecisive),),
    "otherwise-and-more-often": (_more_often(_unchanged, lenient=True),),
    "several-of-these": (
        World(_all, lenient=True, faults=3, runs=20_000),
        *(_more_often(change, lenient) for change in _CHANGES for lenient in (False, True)),
    ),
}
"""By the name of a category: the worlds in which what the analysis does not know is not so."""
BOUND = "beyond-the-bound-of-states"
"""What the analysis has given up to keep its bound; without one the two agree."""
NAMES = (*WORLDS, BOUND)
