"""Settings: where they stand, what they may say, and which file they apply to.

The closest `pyproject.toml` with a `[tool.pooclint]` table, `pooclint.toml` or `.pooclint.toml` above a file holds for
it. A mistake is reported with file, line and key, and ends the run: a linter that guesses what its settings mean checks
something else than its user believes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from pooclint.models import Category, Kind, ReleaseText
from pooclint.models.loading import check_releases
from pooclint.plugins import PackError
from pooclint.toml_files import Key, TomlError, TomlText, convert, dotted, parse_toml, read_bytes, suggestion

SeverityName = Literal["info", "warning", "error"]
ConfidenceName = Literal["low", "medium", "high"]
Count = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[int, msgspec.Meta(ge=1)]

DEFAULT_EXCLUDE = ("build/", "dist/", "_vendor/", "venv/", "env/", ".eggs/", "*.egg/")
FILE_NAMES = (".pooclint.toml", "pooclint.toml", "pyproject.toml")
_DOTTED = r"^[^\W\d]\w*(\.[^\W\d]\w*)+$"


Codes = Callable[[Sequence[str]], Collection[str]]
"""Gives the rule codes there are, those of the named packs included. A function, because the rules need not be imported
where no code is mentioned."""


class ConfigError(ValueError):
    """The configuration cannot be used; the text names file, line and key."""


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab", kw_only=True):
    pass


class BudgetProgram(_Table, frozen=True, kw_only=True):
    """`[[tool.pooclint.budget.program]]`: one of several programs, as deployment files name it or one they do not."""

    name: str
    """The name of the service, deployment or process type."""
    kind: Literal["web", "worker", "function", "job"] = "web"
    """What it is, where deployment files do not name it."""
    instances: Positive | None = None
    """How many instances of it run at most."""
    workers: Positive | None = None
    """How many processes an instance has."""
    threads: Positive | None = None
    """How many things a process does at once, at most."""


class Budget(_Table, frozen=True, kw_only=True):
    """`[tool.pooclint.budget]`: what the database server can take, and how many processes share it."""

    max_connections: Positive | None = None
    """The server's limit."""
    reserved: Count | None = None
    """Connections that are kept for others."""
    instances: Positive | None = None
    """How many instances of the program run."""
    workers: Positive | None = None
    """How many processes an instance has. With `instances` or `workers`, one program is meant, whatever deployment
    files say; several are listed as `program`."""
    server: Literal["postgresql", "mysql"] | None = None
    """Which server it is, for what is not said of it; by default that of the deployment files, else PostgreSQL."""
    program: tuple[BudgetProgram, ...] = ()
    """Programs of which deployment files say nothing, or not the truth."""
    exclude: tuple[str, ...] = ()
    """Deployment files and folders that are not to be read, as in `.gitignore`."""


class Pooler(_Table, frozen=True, kw_only=True):
    """`[tool.pooclint.pooler]`: a proxy between the program and its database."""

    mode: Literal["session", "transaction", "statement"]
    """For how long a client keeps a connection of the server."""
    kind: str = "pgbouncer"
    """Which proxy it is."""
    host: str = ""
    """The host that programs reach it at; without it, all connections lead through it."""
    port: Positive | None = None
    """The port that it listens on."""
    default_pool_size: Positive | None = None
    """Connections to the server, for each pair of user and database."""
    reserve_pool_size: Count | None = None
    """Connections in addition, when clients have waited."""
    max_client_conn: Positive | None = None
    """How many clients it accepts."""
    max_prepared_statements: Count | None = None
    """How many prepared statements it follows for a client; 0: none."""


class Resource(_Table, frozen=True, kw_only=True):
    """`[[tool.pooclint.resource]]`: an acquiring function of the project, or of a library without a model."""

    acquire: Annotated[str, msgspec.Meta(pattern=_DOTTED)]
    """Its qualified name; a method's is that of its class and its own (`app.db.Pool.checkout`)."""
    release: tuple[ReleaseText, ...] = ("$.close()",)
    """Every way to release it, the preferred one first: `$` is the resource, `@` the object it was acquired from, and a
    leading `await` says that the release is a coroutine."""
    kind: Kind = "connection"
    """What is acquired."""
    with_releases: bool = True
    """False: the end of its `with` ends a transaction at most, and the resource stays open."""
    is_async: bool | None = msgspec.field(default=None, name="async")
    """Whether `acquire` has to be awaited; by default, when a release has to be."""


class ExternalCall(_Table, frozen=True, kw_only=True):
    """`[[tool.pooclint.external-call]]`: a function of the project that leaves the process."""

    call: Annotated[str, msgspec.Meta(pattern=_DOTTED)]
    """Its qualified name; a method's is that of its class and its own (`app.llm.Client.ask`)."""
    io: Literal["await", "blocking"] = "await"
    """`await`: a coroutine. `blocking`: the call itself waits."""
    category: Category = "other"
    """What is waited for; reports name it."""
    fast: bool = False
    """True when it usually takes a millisecond or less: reported at lower severity."""


class Settings(_Table, frozen=True, kw_only=True):
    """Every key of `[tool.pooclint]`."""

    select: tuple[str, ...] | None = None
    """Codes, or beginnings of codes, of the rules that are on. `CNX` is every rule. Without it: those that are on by
    default."""
    extend_select: tuple[str, ...] = ()
    """These in addition."""
    ignore: tuple[str, ...] = ()
    """Not these."""
    exclude: tuple[str, ...] = DEFAULT_EXCLUDE
    """Files and folders to leave out, as in `.gitignore`; replaces the default."""
    extend_exclude: tuple[str, ...] = ()
    """Files and folders to leave out in addition."""
    exclude_tests: bool = False
    """Leave tests out."""
    per_file_ignores: dict[str, tuple[str, ...]] = {}
    """Patterns of files to the codes that are ignored in them."""
    min_severity: SeverityName = "warning"
    """Report from this severity on."""
    min_confidence: ConfidenceName = "medium"
    """Report from this confidence on."""
    max_pool_size: Positive = 20
    """The largest pool of a database server's connections that is not reported."""
    max_acquire_timeout: Annotated[float, msgspec.Meta(gt=0)] = 10.0
    """Seconds; the longest wait for a connection that is not reported."""
    budget: Budget | None = None
    """What the database server can take."""
    pooler: Pooler | None = None
    """A proxy in front of the database server."""
    resource: tuple[Resource, ...] = ()
    """Acquiring functions of the project."""
    external_call: tuple[ExternalCall, ...] = ()
    """Functions of the project that leave the process."""
    models: tuple[str, ...] = ()
    """Model files of the project, relative to the folder of this file."""
    packs: tuple[str, ...] = ()
    """Rules and models of other distributions, by the names of their entry points."""


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


def mistake(config: Config, key: Key, reason: str) -> ConfigError:
    """The error that says `reason` about a key of a configuration that was read before."""
    if config.source is None:
        return ConfigError(reason)
    try:
        _, source = parse_toml(read_bytes(config.source), str(config.source))
    except TomlError as error:
        return ConfigError(str(error))
    prefix = ("tool", "pooclint") if config.source.name == "pyproject.toml" else ()
    return ConfigError(str(replace(source, prefix=prefix).error(key, reason)))


def _checked(table: dict[str, Any], source: TomlText, codes: Codes) -> Settings:
    settings = convert(table, Settings, source)
    for name in ("select", "extend-select", "ignore"):
        for code in table.get(name, ()):
            _check_code(code, (name, code), source, codes, settings.packs)
    for pattern, listed in settings.per_file_ignores.items():
        for code in listed:
            _check_code(code, ("per-file-ignores", pattern), source, codes, settings.packs)
    for index, resource in enumerate(settings.resource):
        check_releases(resource.release, ("resource", index, "release"), source)
    return settings


def _check_code(code: str, key: Key, source: TomlText, codes: Codes, packs: Sequence[str]) -> None:
    if not code_problem(code, codes(())):
        return
    try:
        known = codes(packs)
    except PackError as error:
        raise source.error(("packs", error.pack), str(error)) from None
    problem = code_problem(code, known)
    if problem:
        raise source.error(key, f"{dotted(key[:1])}: {problem}")


def code_problem(code: str, codes: Collection[str]) -> str:
    """Why `code` selects nothing, or an empty text when it is a code or the beginning of one."""
    if code and any(known.startswith(code) for known in codes):
        return ""
    return f"unknown code `{code}`{suggestion(code.upper(), codes, 0.75)}"
