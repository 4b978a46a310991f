"""A pool as it is found: what names it and sizes it, before figures and places are worked out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import libcst as cst

from pooclint.models import Parameter, Size
from pooclint.program.constants import ABSENT, Constants, Worth
from pooclint.program.keywords import Entries
from pooclint.program.pools import Address, Doubt

Figures = Callable[[Parameter], Worth]
"""Gives what a parameter is given."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A pool before its figures and places are known; the fields are those of `Pool`."""

    node: cst.CSTNode
    name: str
    made_by: str
    library: str
    size: Size
    figures: Figures
    address: Address
    group: str = ""
    fallback: bool = False
    per_thread: bool = False
    doubt: Doubt = ""


def figures_in(found: Entries, constants: Constants) -> Figures:
    """What the entries of a mapping give parameters."""

    def figure(parameter: Parameter) -> Worth:
        values = found.named.get(parameter.param, ())
        if not values:
            return Worth(True) if found.more else ABSENT
        return constants.of_values(values)

    return figure
