"""Computing with values that the source says."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping

import libcst as cst

_MAX_POWER = 64

Convert = Callable[..., object]

CONVERSIONS: Mapping[str, Convert] = {
    "builtins.int": int,
    "builtins.float": float,
    "builtins.str": str,
}
"""By qualified name, what turns one value into another."""
_ARITHMETIC: Mapping[type[cst.BaseBinaryOp], Callable[..., object]] = {
    cst.Add: operator.add,
    cst.Subtract: operator.sub,
    cst.Multiply: operator.mul,
    cst.Divide: operator.truediv,
    cst.FloorDivide: operator.floordiv,
    cst.Modulo: operator.mod,
    cst.Power: operator.pow,
}


def converted(value: object, convert: Convert) -> object | None:
    """What one of the `CONVERSIONS` makes of a value; None where it fails."""
    try:
        return convert(value)
    except (TypeError, ValueError, OverflowError):
        return None


def computed(sign: cst.BaseBinaryOp, left: object, right: object) -> object | None:
    """The sum, product and so on of two numbers, or two texts put together; None where there is none."""
    compute = _ARITHMETIC.get(type(sign))
    if compute is None:
        return None
    if isinstance(left, str) and isinstance(right, str) and compute is operator.add:
        return left + right
    if not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in (left, right)):
        return None
    if compute is operator.pow and abs(right) > _MAX_POWER:  # type: ignore[arg-type]
        return None
    try:
        return compute(left, right)
    except (ArithmeticError, ValueError):
        return None
