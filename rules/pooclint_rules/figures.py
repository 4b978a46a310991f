"""The sizes and times that a call sets: what it is given, wherever that is written, else the library's default."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import libcst as cst

from pooclint.models import Call, Parameter
from pooclint.program.constants import ABSENT, Constant, Worth
from pooclint.rule import Confidence, Place, Report, Severity
from pooclint.source.nodes import descendants

if TYPE_CHECKING:
    from pooclint.engine import FileContext


def sized(node: cst.Call, context: FileContext) -> Call | None:
    """The model of a call that builds a pool with a size, or says one that counts."""
    found = next((c for c in context.names.calls(node, context.scope) if c.size), None)
    return None if found is None or context.is_idle(node) else found


def worth(node: cst.Call, parameter: Parameter | None, context: FileContext) -> Worth:
    """What the call gives a parameter; where there is no such parameter, nothing."""
    return context.parameter(node, parameter) if parameter else ABSENT


def number(value: object) -> float | None:
    """A number as a float; None for anything else."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def effective(given: Worth, parameter: Parameter) -> float | None:
    """The number that holds: what is given, else the library's default; None where it is not known, or no number."""
    if given.constant:
        return given.constant.number
    return None if given.given or parameter.required else number(parameter.default)


def seconds(value: object, parameter: Parameter) -> float | None:
    """A time in seconds; None when it is no number above zero, or means that there is no limit."""
    found = number(value)
    if found is None or found <= 0 or parameter.means_no_limit(value):
        return None
    return found / 1000 if parameter.unit == "ms" else found


def is_unbounded(given: Worth, parameter: Parameter) -> bool:
    """True when what is given means "no limit"."""
    return given.constant is not None and parameter.means_no_limit(given.constant.value)


def is_endless(given: Worth, parameter: Parameter) -> bool:
    """True when there is no limit: by what is given, or by the library's default."""
    if given.constant:
        return parameter.means_no_limit(given.constant.value)
    return not given.given and not parameter.required and parameter.means_no_limit(parameter.default)


def unless_overridable(severity: Severity, figures: Iterable[Worth]) -> Severity:
    """How much a figure that is too large matters: a default that whoever deploys or calls the code may override is
    only information, since nobody knows what it is where it runs."""
    overridable = any(w.constant is not None and w.constant.origin for w in figures)
    return Severity.INFO if overridable else severity


def in_process(node: cst.Call, call: Call, context: FileContext) -> bool:
    """True where the call's URL, as nobody may override it, names a database that is part of the process."""
    if not call.in_process:
        return False
    address = context.address(node)
    if address.scheme not in call.in_process or address.host or address.variable:
        return False
    known = (context.constant(a.value) for a in node.args if not a.star)
    return not any(constant is not None and constant.origin for constant in known)


def report(
    node: cst.Call, text: str, severity: Severity, call: Call, context: FileContext, figures: Iterable[Worth] = ()
) -> Report:
    """A report about a call, with the places that its figures come from where they stand elsewhere."""
    known = [w.constant for w in figures if w.constant]
    inside = {id(part) for part in descendants(node)}
    elsewhere = [c for c in known if id(c.place.node) not in inside]
    function = context.scope.function
    return Report(
        node,
        (f"{text}{_origins(known)}",),
        severity,
        Confidence.HIGH,
        function.qualname if function else "",
        context.models.library(call),
        tuple((_step(c, context), f"{_shown(c.value)}: {c.how}") for c in elsewhere),
    )


def _origins(figures: Iterable[Constant]) -> str:
    """`` (default of environment variable POOL)``, where a deployment may say otherwise."""
    found = dict.fromkeys(c.how for c in figures if c.origin)
    return f" ({', '.join(found)})" if found else ""


def _step(constant: Constant, context: FileContext) -> Place | cst.CSTNode:
    return constant.place if constant.place.module is not context.index else constant.place.node


def _shown(value: object) -> str:
    return f"{value:,.0f}" if isinstance(value, (int, float)) and not isinstance(value, bool) else repr(value)
