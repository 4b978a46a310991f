"""What is known of the programs that deployments run: process managers, database servers, poolers. All of it is data.

A model is a TOML file (`rules/pooclint_rules/servers/*.toml`); the readers of deployment files name no program. The
types below are the schema, as `pooclint.models.schema` is for libraries.
"""

# Annotations are evaluated here, not put off: msgspec would have to evaluate each of them from its text at every start.
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from pooclint.deployment.facts import ProgramKind, ServerKind, Timeout
from pooclint.toml_files import TomlError, convert, parse_toml, read_bytes

Format = Literal[
    "python",  # assignments of a Python module, never run
    "ini",  # sections of `name = value`
    "toml",
    "assignments",  # `name = value` without sections
]
_PATTERN = Annotated[str, msgspec.Meta(min_length=1)]


class _Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab", kw_only=True, omit_defaults=True):
    pass


class About(_Model, frozen=True, kw_only=True):
    """What a file describes."""

    name: str
    """What people call it."""
    version: str = ""
    """The version the facts were verified on."""
    note: str = ""
    """The traps, in a few sentences."""


class Option(_Model, frozen=True, kw_only=True):
    """One setting of a program, and the ways to set it. The command line goes before settings files, these before the
    environment."""

    options: tuple[str, ...] = ()
    """On the command line (`-w`, `--workers`)."""
    settings: tuple[str, ...] = ()
    """Names in its settings file."""
    environment: tuple[str, ...] = ()
    """Environment variables, the one that wins first."""
    default: int | float | str | None = None
    """What holds when nobody says anything. None: not known, or nothing."""
    per_core: bool = False
    """True when the default is one for each core of the machine."""
    milliseconds: bool = False
    """True for a time that is not given in seconds."""


class Settings(_Model, frozen=True, kw_only=True):
    """A settings file of a program."""

    files: tuple[_PATTERN, ...] = ()
    """Names by which it goes (`gunicorn.conf.py`, `pgbouncer*.ini`); these files are looked for in the project."""
    automatic: tuple[_PATTERN, ...] = ()
    """Of these, the names that the program reads when it finds them in its folder, without being told."""
    options: tuple[str, ...] = ()
    """Command line options that name it."""
    prefix: str = ""
    """What may stand before the file's name there (`file:`)."""
    module_prefix: str = ""
    """What stands before the import path of a module there (`python:`)."""
    format: Format
    """How it is written."""
    section: str = ""
    """The section that counts, of an ini file."""


class Workers(_Model, frozen=True, kw_only=True):
    """The kind of worker that a program is told to use, where that changes what its other figures mean."""

    choice: Option
    """How it is chosen."""
    threaded: tuple[str, ...] = ()
    """Kinds under which a process runs as many things at once as `threads` says, and no more."""
    swapped: tuple[str, ...] = ()
    """Kinds under which the number of processes is one of threads, in a single process."""
    single: tuple[str, ...] = ()
    """Kinds under which there is one process that does one thing at a time."""
    timed: tuple[str, ...] = ()
    """Kinds under which, with one thread, the `request` timeout ends a request that takes longer; under others only a
    process that does not answer. Empty: all."""


class Runner(_Model, frozen=True, kw_only=True):
    """A program that runs code of the project in processes."""

    names: tuple[str, ...]
    """Words by which commands start it."""
    modules: tuple[str, ...] = ()
    """Modules by which `python -m` starts it."""
    scripts: tuple[str, ...] = ()
    """Python files by which it is started (`manage.py`)."""
    subcommand: tuple[str, ...] = ()
    """One of these words has to follow (`worker` of `celery`)."""
    kind: ProgramKind
    """What it is: `web`, `worker`, `function`, `job` (it ends by itself), `other` (opens no connections of the
    project's pools)."""
    target: Option | None = None
    """How it is told what to run. Without `options`, the first argument that looks like an import path is it."""
    folder: Option | None = None
    """How it is told in which folder to look for that."""
    processes: Option | None = None
    """Worker processes; None: the process itself."""
    limit: Option | None = None
    """What goes before `processes` where both are given (`--autoscale`)."""
    threads: Option | None = None
    """Threads of each process."""
    workers: Workers | None = None
    """The kinds of worker it has."""
    timeouts: dict[Timeout, Option] = {}
    """`request`, `keep-alive` and `graceful`."""
    loads_first: Option | None = None
    """What makes it load the application once, before it forks its processes; without a value on the command line, and
    a default of 1 where it always does so. None: it never does."""
    loads_late: Option | None = None
    """What makes it load the application in each process all the same."""
    arguments: tuple[str, ...] = ()
    """Environment variables that hold further arguments."""
    settings: Settings | None = None
    """Its settings file."""


class Wrapper(_Model, frozen=True, kw_only=True):
    """Words that may stand before the command that matters (`exec`, `poetry run`, `tini --`)."""

    names: tuple[str, ...]
    """The words."""


class Reserve(_Model, frozen=True, kw_only=True):
    """Connections of a server that programs do not get."""

    name: str
    """The server's setting."""
    default: int
    """What holds when nobody says anything."""


class DatabaseServer(_Model, frozen=True, kw_only=True):
    """A database server."""

    kind: ServerKind
    """Which protocol it speaks."""
    images: tuple[str, ...]
    """Names of container images that are it, without registry and tag; those with a `/` must match from there."""
    commands: tuple[str, ...] = ()
    """Words by which commands start it."""
    schemes: tuple[str, ...] = ()
    """Schemes of the URLs that lead to it."""
    port: int
    """The port it listens on unless told otherwise."""
    limit: Option
    """How many connections it accepts."""
    named_options: tuple[str, ...] = ()
    """Options that take `name=value` of a setting (`-c`)."""
    reserved: tuple[Reserve, ...] = ()
    """Of those, the ones kept for special roles."""
    settings: Settings | None = None
    """Its settings file."""


class Host(_Model, frozen=True, kw_only=True):
    """An address at which a pooler, not the server itself, answers."""

    pattern: str = "*"
    """The host's name, with `*` for anything."""
    port: int = 0
    """The port; 0: any."""
    mode: Literal["session", "transaction", "statement", "unknown"] = "unknown"
    """For how long a client keeps a connection there."""


class Since(_Model, frozen=True, kw_only=True):
    """A default that has changed."""

    version: str
    """From this version on."""
    default: int
    """It is that."""


class DatabasePooler(_Model, frozen=True, kw_only=True):
    """A proxy that shares connections of a database server."""

    kind: str
    """Its name."""
    images: tuple[str, ...] = ()
    """Names of container images that are it, as for servers."""
    commands: tuple[str, ...] = ()
    """Words by which commands start it."""
    port: Option | None = None
    """The port it listens on."""
    hosts: tuple[Host, ...] = ()
    """Addresses that lead to it; the first that fits counts."""
    settings: Settings | None = None
    """Its settings file."""
    databases: str = ""
    """The section of that file that lists databases."""
    mode: Option | None = None
    """For how long a client keeps a connection."""
    default_pool_size: Option | None = None
    """Connections to the server, for each pair of user and database."""
    reserve_pool_size: Option | None = None
    """Those in addition, when clients have waited."""
    max_client_conn: Option | None = None
    """Clients it accepts."""
    max_prepared_statements: Option | None = None
    """Prepared statements it follows for each client."""
    pins: bool = False
    """True when a client that sets up state in its session keeps its connection of the server from then on: nothing is
    lost, and nothing shared either."""
    prepared_since: tuple[Since, ...] = ()
    """How the default of that changed, the oldest first; before the first version there is no such setting."""


class ServerFile(_Model, frozen=True, kw_only=True):
    """One TOML file."""

    about: About
    """What the file describes."""
    runner: tuple[Runner, ...] = ()
    """Programs that run the project's code."""
    wrapper: tuple[Wrapper, ...] = ()
    """Words that may stand before a command."""
    shells: tuple[str, ...] = ()
    """Programs that run a command line or a script."""
    interpreters: tuple[str, ...] = ()
    """Programs that run a Python module or file."""
    server: tuple[DatabaseServer, ...] = ()
    """Database servers."""
    pooler: tuple[DatabasePooler, ...] = ()
    """Poolers."""
    others: tuple[str, ...] = ()
    """Names of container images that are none of the project's programs (a cache, a proxy, a dashboard)."""


@dataclass(frozen=True, slots=True)
class ServerModels:
    """All models, for look-up."""

    files: tuple[ServerFile, ...]

    @property
    def runners(self) -> tuple[tuple[About, Runner], ...]:
        """Programs that run the project's code, each with what its file says it is."""
        return tuple((file.about, runner) for file in self.files for runner in file.runner)

    @property
    def servers(self) -> tuple[tuple[About, DatabaseServer], ...]:
        """Database servers."""
        return tuple((file.about, server) for file in self.files for server in file.server)

    @property
    def poolers(self) -> tuple[tuple[About, DatabasePooler], ...]:
        """Poolers."""
        return tuple((file.about, pooler) for file in self.files for pooler in file.pooler)

    @property
    def wrappers(self) -> frozenset[str]:
        """Words that may stand before a command."""
        return frozenset(name for file in self.files for wrapper in file.wrapper for name in wrapper.names)

    @property
    def shells(self) -> frozenset[str]:
        """Programs that run a command line or a script."""
        return frozenset(name for file in self.files for name in file.shells)

    @property
    def interpreters(self) -> frozenset[str]:
        """Programs that run a Python module or file."""
        return frozenset(name for file in self.files for name in file.interpreters)

    @property
    def others(self) -> tuple[str, ...]:
        """Images that are none of the project's programs."""
        return tuple(name for file in self.files for name in file.others)


class ServerModelError(ValueError):
    """A model file cannot be used; the text names the file, the key and the reason."""


def load_server_models(paths: list[Path]) -> ServerModels:
    """Read and validate model files.

    Raises:
        ServerModelError: a file cannot be read, is not TOML, or does not fit the schema.
    """
    return ServerModels(tuple(parse_server_model(path) for path in paths))


def parse_server_model(path: Path) -> ServerFile:
    """Read and validate one model file.

    Raises:
        ServerModelError: it cannot be read, is not TOML, or does not fit the schema.
    """
    try:
        table, text = parse_toml(read_bytes(path), str(path))
        return convert(table, ServerFile, text)
    except TomlError as error:
        raise ServerModelError(str(error)) from None
