"""The source of a fixture: its functions, what they catch, and the code that is executed in its place."""

from __future__ import annotations

import ast
import builtins
import re
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from oracle.execution import Loops
from oracle.fakepool import PROGRAM
from oracle.fakes import World
from oracle.unknown import Unknown


@dataclass(frozen=True)
class Target:
    """A function of a fixture, or a method of a class."""

    name: str
    first: int
    last: int
    owner: str = ""

    def __str__(self) -> str:
        return f"{self.owner}.{self.name}" if self.owner else self.name


class Rewritten(Loops):
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


def decorated_by(decorator: Any, world: World) -> Callable[[Any], Any]:
    """A real decorator as it is; of a fake library's only whether the framework resumes what it decorates."""
    if not isinstance(decorator, Unknown):
        return typing.cast("Callable[[Any], Any]", decorator)
    teardown = world.models.teardowns.get(decorator._name)

    def decorate(function: Any) -> Any:
        if teardown is not None and teardown.always_resumed:
            function.__always_resumed__ = True
        if teardown is None and isinstance(function, types.FunctionType):
            function.__called_again__ = True  # type: ignore[attr-defined]
        return function

    return decorate


_Function = (ast.FunctionDef, ast.AsyncFunctionDef)


def functions(tree: ast.Module) -> Iterator[tuple[Target, Any]]:
    for node in tree.body:
        if isinstance(node, _Function):
            yield _target(node), node
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, _Function):
                    yield _target(inner, node.name), inner


def _target(node: Any, owner: str = "") -> Target:
    return Target(node.name, min([node.lineno, *(d.lineno for d in node.decorator_list)]), node.end_lineno, owner)


def started(tree: ast.Module) -> frozenset[str]:
    """Names of functions that the module itself calls, as a script does: after these nobody comes."""
    own = [s for s in tree.body if not isinstance(s, (*_Function, ast.ClassDef))]
    return frozenset(
        n.func.id for s in own for n in ast.walk(s) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
    )


def yields(node: ast.AST) -> bool:
    """Whether the function is suspended between what it does."""
    return any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in ast.walk(node))


def handlers(node: ast.AST) -> tuple[ast.expr, ...]:
    """What the function catches, in `except` and in `suppress`."""
    found: list[ast.expr] = []
    for inner in ast.walk(node):
        if isinstance(inner, ast.ExceptHandler) and inner.type is not None:
            found += inner.type.elts if isinstance(inner.type, ast.Tuple) else [inner.type]
        elif isinstance(inner, ast.Call) and ast.unparse(inner.func).endswith("suppress"):
            found += inner.args
    return tuple(e for e in found if isinstance(e, (ast.Name, ast.Attribute)))


def keepers(source: str) -> frozenset[str]:
    """Functions of which nothing is known, and which keep what they are given, as the fixture says: `# strangers that
    keep: add, enqueue`."""
    found = re.search(r"^# strangers that keep: (.+)$", source, re.MULTILINE)
    return frozenset(found[1].split(", ")) if found else frozenset()


def undefined(tree: ast.Module) -> frozenset[str]:
    """Names that the module reads and nowhere binds: helpers that a short fixture leaves out."""
    read: set[str] = set()
    known = set(vars(builtins)) | {"__name__", "__file__", "__doc__"}
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                read.add(name)
            case ast.Name(id=name) | ast.ExceptHandler(name=str(name)) | ast.arg(arg=name):
                known.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                known.add(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                known |= {a.asname or a.name.partition(".")[0] for a in names}
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                known.add(name)
    return frozenset(read - known)


def names_of_errors(tree: ast.Module) -> frozenset[str]:
    """Qualified names of what the module catches anywhere."""
    imports = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    imported = {a.asname or a.name: f"{n.module}.{a.name}" for n in imports for a in n.names}
    caught = {ast.unparse(e) for e in handlers(tree)}
    return frozenset(caught | {path for name, path in imported.items() if name in caught})


def kinds_of(namespace: dict[str, Any], handled: tuple[ast.expr, ...]) -> tuple[type[BaseException], ...]:
    found: list[type[BaseException]] = []
    for expression in handled:
        try:
            kind = eval(compile(ast.Expression(expression), PROGRAM, "eval"), namespace)
        except (NameError, AttributeError):
            continue
        if isinstance(kind, type) and issubclass(kind, Exception) and kind is not Exception and kind not in found:
            found.append(kind)
    return tuple(found)


def yields_once(node: ast.AST) -> bool:
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
