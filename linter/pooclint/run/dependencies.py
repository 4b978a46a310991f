"""Which versions of libraries a project uses: read from its lock file, else from its lists of dependencies.

Only names and versions are looked for, and only those that a model asks about, so that a lock file of many thousand
lines costs one pass of a regular expression. Files that cannot be read, or say something unknown, say nothing: this is
about precision, and other tools report broken lock files.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from pooclint.models.versions import newest_allowed, normalised
from pooclint.program.consulted import Consulted

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

_LOCK = re.compile(r"(?:uv|poetry|pdm|Pipfile)\.lock|pylock(?:\..+)?\.toml")
_LIST = re.compile(r"requirements.*\.(?:txt|in)|requirements/.*\.(?:txt|in)")
_PIN = re.compile(rb"^[ \t]*([\w.-]+)[ \t]*(?:\[[^\]\n]*\])?[ \t]*===?[ \t]*([\w.+!]+)(?![\w.+!*])", re.MULTILINE)
# `[[package]]` of uv, poetry and pdm, `[[packages]]` of pylock.toml: the version follows within the same table.
_LOCKED = re.compile(
    rb"^name *= *[\"']([\w.-]+)[\"'] *\r?$(?:\n(?!\[)[^\n]*){0,20}?\n *version *= *[\"']([^\"']+)[\"']", re.MULTILINE
)
_PYTHON = "python"
# Without an upper bound the newest is meant, as it is where nothing is said.
_OLD_PYTHON = re.compile(rb"^(?:requires-)?python[ \t]*=[^\n]*(?:[<~^]|==)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Found:
    """What the files of one folder say: versions that are pinned, and the newest that ranges allow."""

    pinned: Mapping[str, Version]
    allowed: Mapping[str, Version]
    has_files: bool
    is_top: bool
    """True for the root of a repository; nothing above it is the project's."""


class DependencyFinder:
    """Finds the versions that hold for the files of a folder; each folder is read once."""

    def __init__(self, packages: Iterable[str], consulted: Consulted | None = None) -> None:
        """Prepares a finder.

        Args:
            packages: The names that matter, normalised; `python` is the interpreter.
            consulted: Where it is noted what was read.
        """
        self._consulted = consulted or Consulted()
        self._packages = frozenset(packages)
        self._found: dict[Path, Found] = {}
        self._versions: dict[Path, Mapping[str, Version]] = {}

    def versions(self, folder: Path) -> Mapping[str, Version]:
        """The version of each package that the project says something about.

        A version that a lock file or `==` pins is taken as it is, the closest one above the folder first; else a range
        stands for the newest version that it allows.

        Args:
            folder: An absolute path.
        """
        if folder not in self._versions:
            self._versions[folder] = self._resolve(folder)
        return self._versions[folder]

    def _resolve(self, folder: Path) -> Mapping[str, Version]:
        layers: list[Found] = []
        for parent in (folder, *folder.parents):
            if parent not in self._found:
                self._found[parent] = read_folder(parent, self._packages, self._consulted)
            layers.append(self._found[parent])
            if layers[-1].is_top:
                break
        if not layers[-1].is_top:
            # Outside a repository, the closest folder with a list of dependencies is the project.
            layers = [found for found in layers if found.has_files][:1]
        versions: dict[str, Version] = {}
        for found in reversed(layers):
            versions.update(found.allowed)
        for found in reversed(layers):
            versions.update(found.pinned)
        return versions


def read_folder(folder: Path, packages: frozenset[str], consulted: Consulted) -> Found:
    """What the lock files and lists of dependencies in `folder` say about `packages`."""
    names = consulted.signs(str(folder))
    if "requirements" in names:
        names += [f"requirements/{name}" for name in consulted.listing(str(folder / "requirements"))]
    locks = [name for name in names if _LOCK.fullmatch(name)]
    lists = [name for name in names if _LIST.fullmatch(name)]
    files = [*locks, *lists, *(name for name in names if name == "pyproject.toml")]
    texts = {name: consulted.read(str(folder / name)) or b"" for name in files}
    if not any(_says_something(text, packages) for text in texts.values()):
        return Found({}, {}, bool(files), ".git" in names)
    pinned: dict[str, Version] = {}
    for group in (lists, locks):
        # A lock with several versions of a package (for several platforms) means the newest of them.
        pinned.update(sorted(pair for name in group for pair in _pinned(name, texts[name], packages)))
    ranges: dict[str, SpecifierSet] = {}
    for requirement in _of_project(texts.get("pyproject.toml", b"")):
        _note(requirement, packages, ranges)
    for name in lists:
        for requirement in _lines(texts[name]):
            _note(requirement, packages, ranges)
    newest = {package: newest_allowed(known) for package, known in ranges.items()}
    allowed = {package: version for package, version in newest.items() if version}
    return Found(pinned, allowed, bool(files), ".git" in names)


def _says_something(text: bytes, packages: frozenset[str]) -> bool:
    """Whether a file is worth a closer look: what reads versions takes longer to import than most files to search."""
    if _PYTHON in packages and _OLD_PYTHON.search(text):
        return True
    return _any_of(packages - {_PYTHON}).search(text) is not None


@lru_cache(maxsize=4)
def _any_of(packages: frozenset[str]) -> re.Pattern[bytes]:
    # Names are compared with `-`, `_` and `.` alike.
    names = "|".join(re.escape(name).replace(r"\-", "[-_.]+") for name in sorted(packages)) or "(?!)"
    return re.compile(rf"\b(?:{names})\b".encode(), re.IGNORECASE)


def _note(requirement: str, packages: frozenset[str], ranges: dict[str, SpecifierSet]) -> None:
    match = re.match(r"\s*([A-Za-z0-9][\w.-]*)", requirement)
    package = normalised(match[1]) if match else ""
    if package not in packages:
        return
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.specifiers import SpecifierSet

    with suppress(InvalidRequirement):
        known = Requirement(requirement).specifier
        # Optional and development groups may be stricter than the dependencies; what fits all of them is meant.
        ranges[package] = ranges.get(package, SpecifierSet()) & known


def _pinned(name: str, data: bytes, packages: frozenset[str]) -> Iterator[tuple[str, Version]]:
    from packaging.version import InvalidVersion, Version

    if name == "Pipfile.lock":
        pairs = list(_of_pipfile(data))
    elif _LIST.fullmatch(name):
        pairs = _decoded(_PIN.findall(data))
    else:
        pairs = _decoded(_LOCKED.findall(data))
    for found, text in pairs:
        package = normalised(found)
        if package in packages:
            with suppress(InvalidVersion):
                yield package, Version(text)


def _decoded(pairs: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [(name.decode("utf-8", "replace"), version.decode("utf-8", "replace")) for name, version in pairs]


def _of_pipfile(data: bytes) -> Iterator[tuple[str, str]]:
    with suppress(msgspec.DecodeError):
        content = msgspec.json.decode(data)
        for group in ("default", "develop"):
            table = content.get(group) if isinstance(content, dict) else None
            for name, entry in table.items() if isinstance(table, dict) else ():
                if isinstance(entry, dict) and isinstance(entry.get("version"), str):
                    yield name, entry["version"].removeprefix("==")


def _lines(data: bytes) -> Iterator[str]:
    for line in data.decode("utf-8", "replace").splitlines():
        # Comments, and options such as `--hash`.
        text = re.split(r"\s#|\s--|\\$", line.strip())[0]
        if text and not text.startswith(("#", "-")):
            yield text


def _of_project(data: bytes) -> Iterator[str]:
    """The requirements in a `pyproject.toml`, wherever the common tools put them."""
    content: dict[str, Any] = {}
    with suppress(tomllib.TOMLDecodeError, UnicodeDecodeError):
        content = tomllib.loads(data.decode())
    project = _table(content, "project")
    yield from _texts(project.get("dependencies"))
    for group in (
        *_table(project, "optional-dependencies").values(),
        *_table(content, "dependency-groups").values(),
        *_table(content, "tool", "pdm", "dev-dependencies").values(),
        _table(content, "tool", "uv").get("dev-dependencies"),
    ):
        yield from _texts(group)
    if isinstance(project.get("requires-python"), str):
        yield f"{_PYTHON}{project['requires-python']}"
    poetry = _table(content, "tool", "poetry")
    groups = [poetry, *(group for group in _table(poetry, "group").values() if isinstance(group, dict))]
    for group in groups:
        for key in ("dependencies", "dev-dependencies"):
            for name, value in _table(group, key).items():
                text = value.get("version") if isinstance(value, dict) else value
                if isinstance(text, str):
                    yield f"{name}{_from_poetry(text)}"


def _table(content: Any, *path: str) -> dict[str, Any]:
    for name in path:
        content = content.get(name) if isinstance(content, dict) else None
    return content if isinstance(content, dict) else {}


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _from_poetry(text: str) -> str:
    """Poetry's constraints as a version specifier: `^1.2` is `>=1.2,<2`, and a bare number is that version."""
    # Of alternatives, the last is the newest.
    clauses = text.rpartition("||")[2].split(",")
    return ",".join(filter(None, (_clause(clause.strip()) for clause in clauses)))


def _clause(clause: str) -> str:
    if clause in ("", "*"):
        return ""
    numbers = re.match(r"[\^~]\s*v?(\d+(?:\.\d+)*)", clause)
    if numbers is None or clause.startswith("~="):
        return f"=={clause}" if clause[0].isdigit() else clause
    parts = [int(part) for part in numbers[1].split(".")]
    if clause.startswith("^"):
        # The first number that is not zero may not change.
        place = next((index for index, part in enumerate(parts) if part), len(parts) - 1)
    else:
        place = min(1, len(parts) - 1)
    above = [*parts[:place], parts[place] + 1]
    return f">={numbers[1]},<{'.'.join(map(str, above))}"
