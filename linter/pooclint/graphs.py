"""Walks over graphs of names and paths."""

from __future__ import annotations

from collections.abc import Callable, Iterable


def reached(start: Iterable[str], leads: Callable[[str], Iterable[str]]) -> frozenset[str]:
    """These names, and all that they lead to."""
    found: set[str] = set()
    todo = list(start)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += leads(name)
    return frozenset(found)
