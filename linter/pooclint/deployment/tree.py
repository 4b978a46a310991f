"""The files of a project that its deployment is read from, and what readers find in them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pooclint.deployment.facts import (
    EnvironmentFile,
    Figure,
    Note,
    Pooler,
    Program,
    ProgramKind,
    Server,
    Site,
)
from pooclint.deployment.models import ServerModels
from pooclint.deployment.texts import Command

MAX_BYTES = 400_000
"""Of one file: nobody writes a larger one by hand."""


@dataclass(frozen=True, slots=True)
class Container:
    """Something that a deployment file says runs, not yet looked into."""

    name: str
    site: Site
    path: str
    line: int
    instances: Figure[int]
    image: str = ""
    built: bool = False
    """True when the project builds the image."""
    dockerfile: str = ""
    """The file that its image is built by; empty: not known."""
    entrypoint: Command | None = None
    """None: that of the image."""
    command: Command | None = None
    environment: Mapping[str, Figure[str]] = field(default_factory=dict)
    root: str = ""
    kind: ProgramKind | None = None
    """What it is, where the deployment file says it."""
    port: int = 0
    """By which other containers reach it; 0: not said."""
    mounts: tuple[str, ...] = ()
    """Files of the project that it is given."""


@dataclass(frozen=True, slots=True)
class Image:
    """What a Dockerfile says of the container it makes."""

    path: str
    entrypoint: Command | None
    command: Command | None
    environment: Mapping[str, Figure[str]]
    base: str = ""
    """The image that its last stage begins with."""


Item = Container | Image | Program | Server | Pooler | EnvironmentFile | Note


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of a project. Nothing but its names and `read` touches the file system."""

    root: str
    files: tuple[str, ...]
    """Absolute paths, those near the root first."""
    load: Callable[[str], bytes | None]
    models: ServerModels
    inner: tuple[str, ...] = ()
    """The folders of further projects in it."""

    def read(self, path: str) -> bytes | None:
        """A file's bytes; None when it cannot be read or is too large."""
        data = self.load(path)
        return data if data is not None and len(data) <= MAX_BYTES else None

    def resolve(self, name: str, folder: str, exact: bool = False) -> str:
        """The file that a command or another file names, as seen from a folder; empty when the project has none.

        What runs in a container sees other folders than the project has: with `exact` off, the end of a path decides.
        """
        name = name.replace("\\", "/").removeprefix("./")
        if not name or "$" in name or name.endswith("/"):
            return ""
        if not name.startswith("/"):
            path = os.path.normpath(os.path.join(folder, *name.split("/")))
            if path in self.files:
                return path
        if exact:
            return ""
        parts = [part for part in name.split("/") if part not in ("", ".", "..")]
        for start in range(len(parts)):
            end = os.sep + os.path.join(*parts[start:])
            near = [path for path in self.files if path.endswith(end)]
            if near:
                return min(near, key=lambda path: (not path.startswith(folder + os.sep), path.count(os.sep), path))
        return ""

    def shown(self, path: str) -> str:
        """A path as seen from the root."""
        return os.path.relpath(path, self.root).replace(os.sep, "/")

    def note(self, path: str, line: int, text: str) -> Note:
        """A note on something that was left out."""
        return Note(path, line, text)
