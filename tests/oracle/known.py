"""Differences between the analysis and the runs that have a name. Each one has a program in `counterexamples.py`."""

from __future__ import annotations

import re

from oracle.comparison import Disagreement

_SHORT_CONDITION = re.compile(r"\b(if|elif|while|assert) .*\b(and|or)\b")


def category(source: str, difference: Disagreement) -> str:
    """The name of a difference; empty when it has none. Only false alarms can have one: a missed leak is a defect."""
    if difference.kind != "false alarm":
        return ""
    function = source[source.rindex("def f(") :]
    if re.search(r"\b(drop|give_back|look)\(", function) and re.search(
        r"(conn|other) = (None|maybe|alias)|if a else None", function
    ):
        return "helper-of-none-raises"
    if re.search(r"with (conn|other|contextlib.closing\((conn|other)\)):", function):
        return "enters-none"
    if re.search(r"^ +del ", function, re.MULTILINE):
        return "reads-unbound"
    if re.search(r"(suppress|except).*fakepool\.Error", function) and re.search(r"\((alias|conn|other)\)", function):
        return "library-call-on-none"
    if _SHORT_CONDITION.search(function):
        return "correlation-through-and"
    return ""
