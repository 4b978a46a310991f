"""What is known of a deployment: programs, database servers, poolers between them, and where each figure comes from.

Every figure carries its origin, since a person who is told that a product of three does not fit wants to see the three
places where they stand. Nothing here reads a file: `pooclint.deployment.reading` does.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Generic, Literal, TypeVar

Value = TypeVar("Value", int, float, str)
How = Literal[
    "configured",  # by the user, for pooclint
    "written",  # in a deployment file
    "fallback",  # written as what holds unless the environment says otherwise: `${WORKERS:-4}`
    "default",  # of the program, as its model says
    "assumed",  # nobody says: the smallest figure that makes sense
]
ProgramKind = Literal["web", "worker", "function", "job", "other"]
ServerKind = Literal["postgresql", "mysql"]
Mode = Literal["session", "transaction", "statement"]
Timeout = Literal[
    "request",  # a request, or a worker that does not answer, is ended after that
    "keep-alive",  # an idle connection of a client is closed after that
    "graceful",  # what is left of a process that was told to stop ends after that
]
System = Literal["configuration", "kubernetes", "serverless", "platform", "compose", "procfile", "image", "settings"]
"""What runs the programs. `platform`: a hosting service with a file of its own. `image`: nothing but a Dockerfile.
`settings`: only the settings of a server program (`gunicorn.conf.py`) are there."""


@dataclass(frozen=True, slots=True)
class Figure(Generic[Value]):
    """A number or a text, and where it comes from."""

    value: Value
    path: str = ""
    """The file, absolute; empty when none says it."""
    line: int = 0
    """The line in it, from 1; 0 when that is not known."""
    how: How = "written"
    why: str = ""
    """For a default or an assumption: of what, in a few words (`default of gunicorn 23`, `cpu_count() * 2 + 1 with one
    core`). For what is written: as what (`--workers`, `maxReplicas`), where that is worth saying."""

    @property
    def is_certain(self) -> bool:
        """True when somebody wrote it down; False for a default or an assumption."""
        return self.how in ("configured", "written")


@dataclass(frozen=True, slots=True)
class Note:
    """Something in a deployment file that was left out, and why."""

    path: str
    line: int
    """From 1; 0 when it concerns the file."""
    text: str


@dataclass(frozen=True, slots=True)
class Site:
    """A set of programs and servers that run together.

    A project often has several: its compose file for developers, its manifests for production. What is at different
    sites is never summed up.
    """

    system: System
    folder: str
    """The folder that the files of the site are under; absolute."""
    label: str
    """What to call it: a file or folder, relative to the project (`k8s`, `docker-compose.prod.yml`)."""
    rank: int = 0
    """How likely it is what runs in production: the highest of a project is looked at. Not above 0: it is for
    development, tests or reading."""


@dataclass(frozen=True, slots=True)
class Program:
    """Something that runs as one or more processes."""

    name: str
    """The service, deployment, process type or function."""
    kind: ProgramKind
    site: Site
    runner: str = ""
    """The server program that manages the processes (`gunicorn`), by the name of its model; empty: the command itself
    is the process, or is not known."""
    command: str = ""
    """As far as it is known, in one line."""
    target: str = ""
    """What of the project it runs, as an import path (`app.main:app`, `worker.tasks`); empty: not known."""
    processes: Figure[int] = Figure(1, how="assumed", why="one process")
    """Per instance."""
    threads: Figure[int] | None = None
    """Per process, where the program runs several (threads, or greenlets)."""
    instances: Figure[int] = Figure(1, how="assumed", why="one instance")
    """The most that run at once: what a scaler may start goes before what is started at first."""
    timeouts: Mapping[Timeout, Figure[float]] = field(default_factory=lambda: MappingProxyType({}))
    """In seconds; 0 is none."""
    environment: Mapping[str, Figure[str]] = field(default_factory=lambda: MappingProxyType({}))
    """Its environment variables, as far as files say them."""
    root: str = ""
    """The folder of its code, absolute; empty: not known."""
    loads_first: Figure[str] | None = None
    """What says that it loads the application before it forks its processes, which then share what was opened; None
    where it does not, or nothing says so."""
    image: str = ""
    """The container image it comes in; empty: none, or not known."""
    path: str = ""
    """The file that says that it runs, absolute."""
    line: int = 0

    @property
    def total(self) -> int:
        """How many processes there are at most."""
        return self.processes.value * self.instances.value


@dataclass(frozen=True, slots=True)
class Server:
    """A database server."""

    kind: ServerKind
    site: Site
    max_connections: Figure[int]
    reserved: Figure[int]
    """Of those, kept for superusers and other roles."""
    name: str = ""
    """The host name that programs of the site reach it by; empty: not known."""
    port: int = 0
    """0: not known."""
    path: str = ""
    line: int = 0

    @property
    def usable(self) -> int:
        """The connections that programs may have."""
        return max(self.max_connections.value - self.reserved.value, 0)


@dataclass(frozen=True, slots=True)
class PoolerDatabase:
    """A database behind a pooler, with what differs for it."""

    name: str
    """As clients ask for it; `*` is any other."""
    host: str = ""
    """Of the server behind; empty: not said."""
    pool_size: Figure[int] | None = None
    mode: Figure[str] | None = None


@dataclass(frozen=True, slots=True)
class Pooler:
    """A proxy that shares few connections of the server among many of its clients."""

    kind: str
    """Which, by the name of its model (`pgbouncer`, `rds-proxy`)."""
    site: Site
    mode: Figure[str]
    """`session`, `transaction` or `statement`: for how long a client keeps a connection of the server. `unknown`: the
    pooler has such modes, and nothing says which is set."""
    name: str = ""
    """The host name that programs reach it by; empty: not known."""
    port: int = 0
    """The port that it listens on; 0: not known."""
    default_pool_size: Figure[int] | None = None
    """Connections to the server, for each pair of user and database."""
    reserve_pool_size: Figure[int] | None = None
    max_client_conn: Figure[int] | None = None
    max_prepared_statements: Figure[int] | None = None
    """How many prepared statements it follows for a client of a mode other than `session`; 0: none, so that they fail.
    None: not known, or it does not apply."""
    version: Figure[str] | None = None
    pins: bool = False
    """True when a client that sets up state in its session keeps its connection of the server from then on."""
    databases: tuple[PoolerDatabase, ...] = ()
    path: str = ""
    line: int = 0

    def answers_at(self, host: str, port: int) -> bool:
        """True when it answers at an address, its name being a pattern; a port that is not known is any."""
        return bool(host) and fnmatch.fnmatchcase(host.lower(), self.name) and self.port in (0, port)


@dataclass(frozen=True, slots=True)
class EnvironmentFile:
    """A `.env` file, or an example of one."""

    path: str
    variables: Mapping[str, Figure[str]]
    is_example: bool = False
    """True for `.env.example` and the like: what a reader of the project is told to begin with."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What the deployment files of a project say."""

    root: str = ""
    """The folder that they were looked for in, absolute."""
    programs: tuple[Program, ...] = ()
    servers: tuple[Server, ...] = ()
    poolers: tuple[Pooler, ...] = ()
    environment_files: tuple[EnvironmentFile, ...] = ()
    urls: tuple[Figure[str], ...] = ()
    """Database URLs that stand in files other than the environment (`schema.prisma`)."""
    notes: tuple[Note, ...] = ()
    well_known: tuple[Pooler, ...] = ()
    """Poolers that answer at addresses which say so by themselves, wherever these stand; the name of each is a pattern
    with `*`."""

    @property
    def sites(self) -> tuple[Site, ...]:
        """The sites, the likeliest to be production first."""
        found = dict.fromkeys(x.site for group in (self.programs, self.servers, self.poolers) for x in group)
        return tuple(sorted(found, key=lambda site: (-site.rank, site.label)))

    @property
    def production(self) -> Deployment:
        """What belongs to the site that is likeliest to be production. Of a project whose deployments are all for
        development, tests or reading, that is nothing."""
        best = self.sites[0] if self.sites and self.sites[0].rank > 0 else None
        return self.at(best) if best else replace(self, programs=(), servers=(), poolers=())

    def at(self, site: Site) -> Deployment:
        """What belongs to one site."""
        return replace(
            self,
            programs=tuple(p for p in self.programs if p.site == site),
            servers=tuple(s for s in self.servers if s.site == site),
            poolers=tuple(p for p in self.poolers if p.site == site),
        )
