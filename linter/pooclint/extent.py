"""How far the look at a project goes: what is worked out, and what thrift leaves aside."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Extent:
    """How far the look at a project goes."""

    alone: bool = False
    """Look at each file without the modules around it."""
    prefilter: bool = True
    """False: every file is parsed, whatever its bytes say. The findings are the same, or something is wrong."""
    partial: bool = True
    """False: all of an imported module is parsed at once. The findings are the same, or something is wrong."""
    pools: bool = False
    """List the pools of each file as well."""


WHOLE = Extent()
