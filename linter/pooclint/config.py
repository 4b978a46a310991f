"""Settings: where they stand, what they may say, and which file they apply to.

The closest `pyproject.toml` with a `[tool.pooclint]` table, `pooclint.toml` or `.pooclint.toml` above a file holds for
it. A mistake is reported with file, line and key, and ends the run: a linter that guesses what its settings mean checks
something else than its user believes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from pooclint.models import Call, Kind, Library, ModelFile, Type
from pooclint.toml_files import Key, TomlError, TomlText, convert, dotted, parse_toml, read_bytes, suggestion

SeverityName = Literal["info", "warning", "error"]
ConfidenceName = Literal["low", "medium", "high"]
Count = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[int, msgspec.Meta(ge=1)]

DEFAULT_EXCLUDE = ("build/", "dist/", "_vendor/", "venv/", "env/", ".eggs/", "*.egg/")
FILE_NAMES = (".pooclint.toml", "pooclint.toml", "pyproject.toml")
_DOTTED = r"^[^\W\d]\w*(\.[^\W\d]\w*)+$"
_RELEASE = r"^(await )?[$@\w.]+\(.*\)$"


Codes = Callable[[], Collection[str]]
"""Gives the rule codes there are. A function, because the rules need not be imported where no code is mentioned."""


class ConfigError(ValueError):
    """The configuration cannot be used; the text names file, line and key."""


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab", kw_only=True):
    pass


class Budget(_Table, frozen=True, kw_only=True):
    """`[tool.pooclint.budget]`: what the database server can take, and how many processes share it."""

    max_connections: Positive | None = None
    reserved: Count | None = None
    instances: Positive | None = None
    workers: Positive | None = None


class Pooler(_Table, frozen=True, kw_only=True):
    """`[tool.pooclint.pooler]`: a proxy between the program and its database."""

    mode: Literal["session", "transaction", "statement"]


class Resource(_Table, frozen=True, kw_only=True):
    """`[[tool.pooclint.resource]]`: an acquiring function of the project, or of a library without a model."""

    acquire: Annotated[str, msgspec.Meta(pattern=_DOTTED)]
    release: tuple[Annotated[str, msgspec.Meta(pattern=_RELEASE)], ...] = ("$.close()",)
    kind: Kind = "connection"
    with_releases: bool = True
    """False: the end of its `with` ends a transaction at most, and the resource stays open."""
    is_async: bool | None = msgspec.field(default=None, name="async")
    """Whether `acquire` has to be awaited; by default, when a release has to be."""


class Settings(_Table, frozen=True, kw_only=True):
    """Every key of `[tool.pooclint]`."""

    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = DEFAULT_EXCLUDE
    extend_exclude: tuple[str, ...] = ()
    exclude_tests: bool = False
    per_file_ignores: dict[str, tuple[str, ...]] = {}
    min_severity: SeverityName = "warning"
    min_confidence: ConfidenceName = "medium"
    max_pool_size: Positive = 20
    max_acquire_timeout: Annotated[float, msgspec.Meta(gt=0)] = 10.0
    budget: Budget | None = None
    pooler: Pooler | None = None
    resource: tuple[Resource, ...] = ()


@dataclass(frozen=True, slots=True)
class Config:
    """Settings, the folder that their patterns are relative to, and the file they come from."""

    settings: Settings
    root: Path
    source: Path | None = None


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line says; it is stronger than every file."""

    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    per_file_ignores: Mapping[str, tuple[str, ...]] | None = None
    min_severity: SeverityName | None = None
    min_confidence: ConfidenceName | None = None
    max_pool_size: int | None = None
    max_acquire_timeout: float | None = None


def override(settings: Settings, overrides: Overrides) -> Settings:
    """The settings with the command line's word on top.

    A `select` of the command line starts afresh: what the file selects and ignores no longer counts. All other lists
    are added to those of the file.
    """
    fresh = overrides.select is not None
    per_file = dict(settings.per_file_ignores)
    for pattern, codes in (overrides.per_file_ignores or {}).items():
        per_file[pattern] = (*per_file.get(pattern, ()), *codes)
    changes: dict[str, Any] = {
        "select": overrides.select if fresh else settings.select,
        "extend_select": (*(() if fresh else settings.extend_select), *overrides.extend_select),
        "ignore": (*(() if fresh else settings.ignore), *overrides.ignore),
        "extend_exclude": (*settings.extend_exclude, *overrides.exclude),
        "per_file_ignores": per_file,
    }
    for name in ("min_severity", "min_confidence", "max_pool_size", "max_acquire_timeout"):
        value = getattr(overrides, name)
        if value is not None:
            changes[name] = value
    return msgspec.structs.replace(settings, **changes)


def resource_model(resource: Resource) -> ModelFile:
    """A `[[tool.pooclint.resource]]` as a library model, so that the analysis knows one kind of fact only."""
    parts = resource.acquire.split(".")
    by_release = any(way.startswith("await ") for way in resource.release)
    at_end: Literal["releases", "keeps-open"] = "releases" if resource.with_releases else "keeps-open"
    awaited = by_release if resource.is_async is None else resource.is_async
    kept_by_others = resource.kind in ("connection", "session")
    held = Type(
        name=f"{resource.acquire}.Resource",
        kind=resource.kind,
        with_form="both",
        exit=at_end,
        release=resource.release,
        reclaimed="never" if kept_by_others else "late",
        pooled=kept_by_others,
    )
    call = Call(
        names=(resource.acquire,),
        returns=held.name,
        acquires=True,
        # `may`: what has to be awaited can often be entered by `async with` as well.
        awaited="may" if awaited else "no",
        with_form="both",
        exit=at_end,
    )
    # The function's own name is a word of the prefilter too: a relative import does not mention the package.
    library = Library(name=resource.acquire, imports=tuple(dict.fromkeys((parts[0], parts[-1]))), note="configured")
    return ModelFile(library=library, type=(held,), call=(call,))


class ConfigFinder:
    """Finds the configuration of a file; each folder is looked at once."""

    def __init__(
        self,
        codes: Codes,
        overrides: Overrides | None = None,
        file: Path | None = None,
        isolated: bool = False,
        start: Path | None = None,
    ) -> None:
        """Prepares a finder.

        Args:
            codes: The rule codes there are, to check selections against.
            overrides: What the command line says.
            file: Use this file for everything (`--config`).
            isolated: Use no file at all (`--isolated`).
            start: The folder that patterns are relative to where no file applies; default: the working directory.

        Raises:
            ConfigError: `file` cannot be used.
        """
        self._codes = codes
        self._overrides = overrides or Overrides()
        start = start or Path.cwd()
        self._default = Config(override(Settings(), self._overrides), start)
        self._fixed = self._default if isolated else None
        self._cache: dict[Path, Config | None] = {}
        if file is not None:
            settings = read_settings(file, codes)
            if settings is None:
                raise ConfigError(f"{file}: has no [tool.pooclint] table")
            self._fixed = Config(override(settings, self._overrides), Path(os.path.abspath(file)).parent, file)

    def for_folder(self, folder: Path) -> Config:
        """The configuration of the files in `folder` (an absolute path).

        Raises:
            ConfigError: the closest file has a mistake.
        """
        if self._fixed is not None:
            return self._fixed
        return self._closest(folder) or self._default

    def _closest(self, folder: Path) -> Config | None:
        if folder in self._cache:
            return self._cache[folder]
        visited = []
        found: Config | None = None
        for parent in (folder, *folder.parents):
            if parent in self._cache:
                found = self._cache[parent]
                break
            visited.append(parent)
            found = self._here(parent)
            if found is not None:
                break
        self._cache.update(dict.fromkeys(visited, found))
        return found

    def _here(self, folder: Path) -> Config | None:
        for name in FILE_NAMES:
            file = folder / name
            if not os.path.isfile(file):  # Path.is_file raises where the folder may not be entered
                continue
            settings = read_settings(file, self._codes)
            if settings is not None:
                return Config(override(settings, self._overrides), folder, file)
        return None


def read_settings(file: Path, codes: Codes) -> Settings | None:
    """Reads a configuration file.

    Args:
        file: A `pyproject.toml`, or a file with the same keys at top level.
        codes: The rule codes there are.

    Returns:
        The settings; None for a `pyproject.toml` without `[tool.pooclint]`.

    Raises:
        ConfigError: the file cannot be read, is no TOML, or says something that is not understood.
    """
    try:
        return _read(file, codes)
    except TomlError as error:
        raise ConfigError(str(error)) from None


def _read(file: Path, codes: Codes) -> Settings | None:
    data = read_bytes(file)
    in_pyproject = file.name == "pyproject.toml"
    if in_pyproject and b"pooclint" not in data:
        return None
    content, source = parse_toml(data, str(file))
    table: Any = content
    if in_pyproject:
        source = replace(source, prefix=("tool", "pooclint"))
        tool = content.get("tool")
        table = tool.get("pooclint") if isinstance(tool, dict) else None
        if table is None:
            return None
    if not isinstance(table, dict):
        raise source.error((), "[tool.pooclint] must be a table")
    return _checked(table, source, codes)


def _checked(table: dict[str, Any], source: TomlText, codes: Codes) -> Settings:
    settings = convert(table, Settings, source)
    for name in ("select", "extend-select", "ignore"):
        for code in table.get(name, ()):
            _check_code(code, (name, code), source, codes)
    for pattern, listed in settings.per_file_ignores.items():
        for code in listed:
            _check_code(code, ("per-file-ignores", pattern), source, codes)
    return settings


def _check_code(code: str, key: Key, source: TomlText, codes: Codes) -> None:
    problem = code_problem(code, codes())
    if problem:
        raise source.error(key, f"{dotted(key[:1])}: {problem}")


def code_problem(code: str, codes: Collection[str]) -> str:
    """Why `code` selects nothing, or an empty text when it is a code or the beginning of one."""
    if code and any(known.startswith(code) for known in codes):
        return ""
    return f"unknown code `{code}`{suggestion(code.upper(), codes, 0.75)}"
