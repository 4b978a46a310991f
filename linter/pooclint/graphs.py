"""Walks over graphs of names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def reached(names: Iterable[str], leads: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """These names, and all that they lead to."""
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += leads.get(name, ())
    return frozenset(found)
