"""Differences between the analysis and the runs that have a name. Each one has a program in `counterexamples.py`."""

from __future__ import annotations

import ast
import re

from oracle.comparison import Disagreement, judge


def category(source: str, difference: Disagreement) -> str:
    """The name of a difference; empty when it has none."""
    if difference.kind not in ("missed", "false alarm"):
        return ""
    function = source.split("def f(")[-1]
    if "UnboundLocalError" in difference.detail or "NameError" in difference.detail:
        return "reads-unbound"
    if re.search(r"if a: ", function) and not _has(ast.unparse(ast.parse(source)), difference.kind):
        return "one-line-suite"
    if difference.kind == "missed":
        if "lambda" in function or re.search(r"^ +(async )?def ", function, re.MULTILINE):
            return "closure"
        if re.search(r"closing\((pool\.getconn\(\)|conn|other|take\(pool\))\)", function) and "getconn" in function:
            return "closing-does-not-return-to-pool"
        if "with " in function and not any(d.kind == "missed" and d.lines == difference.lines for d in judge(source, exits_fail=False).disagreements):
            return "exit-raises"
        if "suppress(" in function:
            return "only-after-suppressed-failure"
        if re.search(r"\b(for|while)\b", function) and re.search(r"\b(alias|other) = (conn|other)\b|conn = other", function):
            return "stale-alias-of-released"
    return ""


def _has(source: str, kind: str) -> bool:
    return any(d.kind == kind for d in judge(source).disagreements)
