"""Entries of a model that hold for some versions of a library only (`requires = ">=8.0"`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from pooclint.models.schema.calls import Call, External
from pooclint.models.schema.file import ModelFile
from pooclint.models.schema.frameworks import Dependency, RequestHold, Scope, Teardown
from pooclint.models.schema.settings import PoolSetting
from pooclint.models.schema.types import Type

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

Entry = Type | Call | External | Scope | Dependency | Teardown | PoolSetting | RequestHold
KINDS = ("type", "call", "external", "scope", "dependency", "teardown", "pool_setting", "request_hold")

_CLAUSE = r"(?:[<>]=?|[=!~]=)\s*\d+(?:\.\w+)*(?:\.\*)?"
_REQUIREMENT = re.compile(rf"\s*([A-Za-z0-9][\w.-]*?)?\s*({_CLAUSE}(?:\s*,\s*{_CLAUSE})*)\s*")
_ABOVE_ALL = "99999"
"""Stands for a number that no release has reached."""


def is_requirement(text: str) -> bool:
    """Whether `text` is a range of versions, with or without the name of a package before it."""
    return _REQUIREMENT.fullmatch(text) is not None


def requirement(entry: Entry, file: ModelFile) -> tuple[str, str] | None:
    """The package that an entry depends on, its name normalised, and the range of its versions."""
    match = _REQUIREMENT.fullmatch(entry.requires) if entry.requires else None
    if match is None:
        return None
    return normalised(match[1] or file.library.package or file.library.name), match[2]


def normalised(name: str) -> str:
    """The name of a distribution as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def entries(file: ModelFile) -> Iterator[Entry]:
    """All entries of a file that may depend on a version."""
    for kind in KINDS:
        yield from getattr(file, kind)


def newest(files: Iterable[ModelFile]) -> tuple[ModelFile, ...]:
    """The models without the entries that the newest version of their library has left behind."""
    return tuple(_kept(file, _is_open_ended) for file in files)


def chosen(files: Iterable[ModelFile], versions: Mapping[str, Version]) -> tuple[ModelFile, ...]:
    """The models as they hold for the given versions; for the newest, where a package is not among them."""
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

    # A release candidate is what it will be: neither `<3` nor `>=3` would hold for 3.0rc1.
    final = {package: Version(version.base_version) for package, version in versions.items()}

    def holds(package: str, ranges: str) -> bool:
        version = final.get(package)
        if version is None:
            return _is_open_ended(package, ranges)
        return SpecifierSet(ranges).contains(version)

    return tuple(_kept(file, holds) for file in files)


def newest_allowed(ranges: SpecifierSet) -> Version | None:
    """The newest version that a list of dependencies allows.

    Without an index at hand it is a number above all releases that can be meant: 7.99999 for `<8`.

    Args:
        ranges: What the list says.

    Returns:
        A version; None when nothing fits.
    """
    from packaging.version import Version

    bounds = [_ABOVE_ALL]
    for clause in ranges:
        parts = clause.version.removesuffix(".*").split(".")
        if clause.operator == "~=":
            bounds.append(".".join([*parts[:-1], _ABOVE_ALL]))
        elif clause.version.endswith(".*"):
            bounds.append(".".join([*parts, _ABOVE_ALL]))
        elif clause.operator == "<":
            bounds.append(_just_below(Version(clause.version)))
        else:
            bounds.append(clause.version)
    fitting = [version for version in map(Version, bounds) if ranges.contains(version, prereleases=True)]
    return max(fitting, default=None)


def _just_below(version: Version) -> str:
    release = list(version.release)
    while len(release) > 1 and not release[-1]:
        release.pop()
    release[-1] = max(release[-1] - 1, 0)
    return ".".join(map(str, [*release, _ABOVE_ALL]))


def _is_open_ended(package: str, ranges: str) -> bool:  # noqa: ARG001 - the newest of any package
    return all(clause.lstrip().startswith((">", "!")) for clause in ranges.split(","))


def _kept(file: ModelFile, holds: Callable[[str, str], bool]) -> ModelFile:
    if not any(entry.requires for entry in entries(file)):
        return file
    changed = {}
    for kind in KINDS:
        found = getattr(file, kind)
        changed[kind] = tuple(e for e in found if (needs := requirement(e, file)) is None or holds(*needs))
    return msgspec.structs.replace(file, **changed)
