"""What other distributions add: rules and models, found by entry points.

A configuration names the packs that it wants (`packs = ["acme"]`). Only then are the entry points of the installed
distributions read, which takes longer than the start of a run may; and only then is anything of a pack imported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pooclint.rule import Rule, Severity
from pooclint.toml_files import suggestion

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

RULES = "pooclint.rules"
MODELS = "pooclint.models"
_CODE = re.compile(r"[A-Z]{1,3}[0-9]{3}")


class PackError(ValueError):
    """A pack cannot be used; the text says why, and what to do."""

    def __init__(self, pack: str, reason: str) -> None:
        super().__init__(reason)
        self.pack = pack


def pack_rules(packs: Sequence[str]) -> tuple[type[Rule], ...]:
    """The rules of packs.

    Args:
        packs: Names of entry points.

    Raises:
        PackError: no such pack is installed, it cannot be imported, or what it offers is no rule.
    """
    found: list[type[Rule]] = []
    for pack in packs:
        for point in _points(pack):
            if point.group == RULES:
                loaded = _load(pack, point)
                offered = loaded if isinstance(loaded, (list, tuple)) else (loaded,)
                found.extend(_checked(pack, point, rule) for rule in offered)
    return tuple(found)


def pack_models(packs: Sequence[str]) -> tuple[tuple[str, Path], ...]:
    """The model files of packs, each with the name of its pack: every `.toml` in the package that an entry point names.

    Args:
        packs: Names of entry points.

    Raises:
        PackError: no such pack is installed, or its package cannot be found.
    """
    found: list[tuple[str, Path]] = []
    for pack in packs:
        for point in _points(pack):
            if point.group != MODELS:
                continue
            try:
                folders = [Path(folder) for folder in import_module(point.value).__path__]
            except Exception as error:
                raise PackError(pack, _broken(pack, point, error)) from error
            files = sorted(file for folder in folders for file in folder.glob("*.toml"))
            if not files:
                raise PackError(pack, f"packs: `{pack}`: the package `{point.value}` holds no .toml file")
            found.extend((pack, file) for file in files)
    return tuple(found)


def pack_packages(packs: Sequence[str]) -> frozenset[str]:
    """The top-level packages that packs consist of; none of them is imported.

    Raises:
        PackError: no such pack is installed.
    """
    return frozenset(re.split(r"[.:]", point.value)[0] for pack in packs for point in _points(pack))


def _points(pack: str) -> list[EntryPoint]:
    offered = _offered()
    found = [point for point in offered if point.name == pack]
    if not found:
        names = sorted({point.name for point in offered})
        known = f"installed: {', '.join(f'`{name}`' for name in names)}" if names else "none is installed"
        guess = suggestion(pack, names) or f" ({known})"
        advice = "install it in the environment that runs pooclint"
        raise PackError(pack, f"packs: no installed distribution offers `{pack}`{guess}; {advice}")
    return found


@lru_cache(maxsize=1)
def _offered() -> tuple[EntryPoint, ...]:
    from importlib.metadata import entry_points

    return (*entry_points(group=RULES), *entry_points(group=MODELS))


def _load(pack: str, point: EntryPoint) -> Any:
    try:
        return point.load()
    except Exception as error:
        raise PackError(pack, _broken(pack, point, error)) from error


def _broken(pack: str, point: EntryPoint, error: Exception) -> str:
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return f"packs: `{pack}`: `{point.value}` cannot be loaded: {reason}"


def _checked(pack: str, point: EntryPoint, rule: Any) -> type[Rule]:
    problem = rule_problem(rule)
    if problem:
        name = getattr(rule, "__name__", repr(rule))
        raise PackError(pack, f"packs: `{pack}`: `{point.value}`: {name} {problem}")
    checked: type[Rule] = rule
    return checked


def rule_problem(rule: Any) -> str:
    """Why `rule` cannot be used as a rule of a pack; an empty text when it can."""
    import libcst as cst

    if not isinstance(rule, type):
        return "is no class"
    code = getattr(rule, "code", None)
    if not isinstance(code, str) or not _CODE.fullmatch(code) or code.startswith("CNX"):
        return f"has the code {code!r}; codes are up to three capitals and three digits, and CNX is taken"
    for name, kind in (("name", str), ("severity", Severity), ("default", bool)):
        if not isinstance(getattr(rule, name, None), kind):
            return f"has no `{name}` of type {kind.__name__}"
    if not rule.__doc__:
        return "has no docstring, which is its documentation"
    return _visitor_problem(name for name in dir(rule) if name.startswith("visit_") and not hasattr(cst, name[6:]))


def _visitor_problem(unknown: Iterable[str]) -> str:
    first = next(iter(unknown), "")
    return f"has a method `{first}`, but LibCST has no node of that name" if first else ""
