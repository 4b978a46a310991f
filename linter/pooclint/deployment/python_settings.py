"""Settings of a server program that are written as a Python module: read as syntax, never run.

The interpreter's own parser does: it gives lines for free, and what is read here is of no interest to the rules.
Names, arithmetic and variables of the environment are followed; whatever else there is stays unknown.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pooclint.deployment.facts import Figure, How

_CORES = frozenset({"cpu_count", "process_cpu_count", "sched_getaffinity"})
_ORDER: tuple[How, ...] = ("written", "configured", "fallback", "default", "assumed")
_MAX_NODES = 20_000
_OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "int": int, "float": float, "str": str, "round": round, "min": min, "max": max, "abs": abs, "bool": bool,
    "len": len, "ceil": lambda number: -int(-number // 1), "floor": lambda number: int(number // 1),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Known:
    """A value, and how it came about."""

    value: Any
    how: How = "written"
    why: str = ""
    path: str = ""
    line: int = 0


def python_settings(data: bytes, path: str, environment: Mapping[str, Figure[str]]) -> dict[str, Figure[str]]:
    """The settings that a module assigns at its top level, as texts.

    Args:
        data: The module's bytes.
        path: Its file.
        environment: What variables of the environment are set to.

    Raises:
        ValueError: it is not Python.
    """
    try:
        module = ast.parse(data)
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"is not Python: {error}") from None
    if sum(1 for _ in ast.walk(module)) > _MAX_NODES:
        raise ValueError("is too large")
    names: dict[str, _Known | None] = {}
    lines: dict[str, int] = {}
    _Evaluator(environment, names, lines).run(module.body)
    found = {}
    for name, known in names.items():
        if known is not None and isinstance(known.value, (int, float, str)):  # truths are numbers
            at = (known.path, known.line) if known.path else (path, lines[name])
            found[name] = Figure(str(known.value), *at, known.how, known.why)
    return found


@dataclass(frozen=True, slots=True)
class _Evaluator:
    environment: Mapping[str, Figure[str]]
    names: dict[str, _Known | None]
    lines: dict[str, int]

    def run(self, body: Sequence[ast.stmt]) -> None:
        for statement in body:
            match statement:
                case ast.Assign(targets=targets, value=value):
                    for target in targets:
                        self._bind(target, value)
                case ast.AnnAssign(target=target, value=ast.expr() as value):
                    self._bind(target, value)
                case ast.If(test=test, body=then, orelse=otherwise):
                    known = self.value(test)
                    if known is None:
                        # What cannot be known: the first branch has the last word.
                        self.run(otherwise)
                        self.run(then)
                    else:
                        self.run(then if known.value else otherwise)
                case ast.Try(body=then):
                    self.run(then)
                case _:
                    pass

    def _bind(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.names[target.id] = self.value(value)
            self.lines[target.id] = value.lineno

    def value(self, node: ast.expr) -> _Known | None:
        """The value of an expression; None when it cannot be known."""
        try:
            return self._value(node)
        except (ArithmeticError, TypeError, ValueError, AttributeError, RecursionError, MemoryError):
            return None

    def _value(self, node: ast.expr) -> _Known | None:
        match node:
            case ast.Constant(value=value):
                return _Known(value)
            case ast.Name(id=name):
                return self.names.get(name)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                return self._combined(_checked(_OPERATORS[type(op)]), (left, right), node)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._combined(operator.neg, (operand,), node)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self._combined(operator.not_, (operand,), node)
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
                return self._combined(_COMPARISONS[type(op)], (left, right), node)
            case ast.BoolOp(op=op, values=values):
                return self._either(isinstance(op, ast.Or), values)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                known = self.value(test)
                return self.value(body if known is None or known.value else orelse)
            case ast.JoinedStr():
                return None
            case ast.Subscript(value=ast.expr() as owner, slice=ast.Constant(value=str() as name)) if _is_environment(
                owner
            ):
                return self._variable(name, None, node)
            case ast.Call(func=func, args=args, keywords=keywords):
                return self._call(_last(func), func, args, keywords, node)
            case _:
                return None

    def _call(
        self, name: str, func: ast.expr, args: list[ast.expr], keywords: list[ast.keyword], node: ast.expr
    ) -> _Known | None:
        if name in _CORES:
            return _Known(1, "assumed", f"{ast.unparse(node)} with one core")
        if name == "len" and args and _last(getattr(args[0], "func", args[0])) in _CORES:
            return _Known(1, "assumed", f"{ast.unparse(node)} with one core")
        reads = name == "getenv" or (name == "get" and isinstance(func, ast.Attribute) and _is_environment(func.value))
        if reads and args and isinstance(args[0], ast.Constant) and isinstance(args[0].value, str):
            given = args[1] if len(args) > 1 else next((k.value for k in keywords if k.arg == "default"), None)
            return self._variable(args[0].value, given, node)
        if name in _FUNCTIONS and args and not keywords:
            return self._combined(_FUNCTIONS[name], args, node)
        return None

    def _variable(self, name: str, default: ast.expr | None, node: ast.expr) -> _Known | None:
        found = self.environment.get(name)
        if found is not None:
            return _Known(found.value, found.how, found.why or name, found.path, found.line)
        if default is None:
            return _Known(None, "fallback", f"unless {name} is set") if isinstance(node, ast.Call) else None
        known = self.value(default)
        if known is None:
            return None
        return _Known(known.value, _worst((known.how, "fallback")), known.why or f"unless {name} is set")

    def _combined(self, function: Callable[..., Any], nodes: Sequence[ast.expr], whole: ast.expr) -> _Known | None:
        parts = [self.value(node) for node in nodes]
        known = [part for part in parts if part is not None]
        if len(known) != len(parts):
            return None
        value = function(*(part.value for part in known))
        how = _worst(tuple(part.how for part in known))
        if len(known) == 1:
            return _Known(value, how, known[0].why, known[0].path, known[0].line)
        assumed = any(part.how == "assumed" for part in known)
        why = f"{ast.unparse(whole)} with one core" if assumed else next((p.why for p in known if p.why), "")
        return _Known(value, how, why)

    def _either(self, first_true: bool, values: Sequence[ast.expr]) -> _Known | None:
        last: _Known | None = None
        for value in values:
            last = self.value(value)
            if last is None or bool(last.value) is first_true:
                return last
        return last


def _checked(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Arithmetic on numbers, and texts put together; nothing that could grow without bounds."""

    def apply(left: Any, right: Any) -> Any:
        numbers = isinstance(left, (int, float)) and isinstance(right, (int, float))
        if not numbers and not (function is operator.add and isinstance(left, str) and isinstance(right, str)):
            raise TypeError
        if numbers and max(abs(left), abs(right)) > 10**9:
            raise ValueError
        return function(left, right)

    return apply


def _worst(hows: tuple[How, ...]) -> How:
    return max(hows, key=_ORDER.index)


def _last(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""


def _is_environment(node: ast.expr) -> bool:
    return _last(node) == "environ"
