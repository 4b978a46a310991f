"""From a container that a deployment file describes to what it is: a program, a database server, a pooler."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from pooclint.deployment.commands import Run, runs
from pooclint.deployment.databases import pooler_of, server_of
from pooclint.deployment.facts import Figure, Program
from pooclint.deployment.images import image_name, is_image
from pooclint.deployment.models import ServerModels
from pooclint.deployment.programs import Place, program
from pooclint.deployment.settings import decoded
from pooclint.deployment.sites import is_trial
from pooclint.deployment.texts import Command, Word
from pooclint.deployment.tree import Container, Image, Item, Tree

_SCRIPT = re.compile(r"[\w./@-]+")


@dataclass(frozen=True, slots=True)
class Images:
    """The images that the project's Dockerfiles make, by file."""

    known: Mapping[str, Image]
    names: Mapping[str, str] = field(default_factory=dict)
    """The files of the images that have a name, as compose files give them."""

    def of(self, container: Container, tree: Tree) -> Image | None:
        """The image of a container, as far as a file of the project says what is in it."""
        if container.dockerfile:
            return self.known.get(container.dockerfile)
        if not container.image:
            return None
        if container.image in self.names:
            return self.known.get(self.names[container.image])
        candidates = [image for path, image in self.known.items() if not is_trial(tree, path)]
        wanted = _words(container.image) | _words(container.name)
        scored = sorted((len(wanted & _file_words(i.path, tree)), -i.path.count(os.sep), i.path) for i in candidates)
        if scored and scored[-1][0] and (len(scored) == 1 or scored[-2][0] < scored[-1][0]):
            return self.known[scored[-1][2]]
        return candidates[0] if len(candidates) == 1 else None


def _words(text: str) -> frozenset[str]:
    name = image_name(text).rsplit("/", 1)[-1]
    return frozenset(re.split(r"[^a-z0-9]+", name.lower())) - {""}


def _file_words(path: str, tree: Tree) -> frozenset[str]:
    return frozenset(re.split(r"[^a-z0-9]+", tree.shown(path).lower())) - {"", "dockerfile", "containerfile", "docker"}


def items_of(container: Container, images: Images, tree: Tree) -> Iterator[Item]:
    """What a container is."""
    image = images.of(container, tree)
    base = image.base if image and container.built else ""
    for candidate in dict.fromkeys(filter(None, (base, container.image))):
        own = server_of(container, candidate, tree) or pooler_of(container, candidate, tree)
        if own is not None:
            # Another command than its own, in its image, is a client of it: a migration, a backup.
            yield from () if _is_client(container, tree.models) else (own,)
            return
    if (
        container.image
        and not container.built
        and is_image(container.image, tree.models.others)
        and not _own(container)
    ):
        return
    environment = {**(image.environment if image else {}), **container.environment}
    root = container.root or (os.path.dirname(image.path) if image else "")
    place = Place(
        container.name, container.site, container.instances, environment, root, container.path, container.line,
        container.image,
    )  # fmt: skip
    started = list(_started(container, image, place, tree))
    lasting = [run for run in started if run.runner is None or run.runner.kind != "job"] or started
    # Of a shell's several commands the last one stays; modules that are run before it set something up.
    known = [run for run in lasting if run.runner is not None and run.runner.kind != "job"] or lasting[-1:]
    for run in known:
        found, notes = program(run, place, tree)
        yield from notes
        yield replace(found, kind=container.kind) if container.kind and found.kind not in ("job", "other") else found
    if not known:
        yield unknown(container, place)


def _is_client(container: Container, models: ServerModels) -> bool:
    """True when a command starts neither a server nor a pooler."""
    words = container.entrypoint.words if container.entrypoint else container.command.words if container.command else ()
    if not words or words[0].text.startswith("-") or "entrypoint" in words[0].text:
        return False
    started = {name for _, server in models.servers for name in server.commands}
    started |= {name for _, pooler in models.poolers for name in pooler.commands}
    text = " ".join(word.text for word in words)
    return not any(re.search(rf"(?:^|[\s/;&]){re.escape(name)}(?:\s|$)", text) for name in started)


def _own(container: Container) -> bool:
    """True for an image that only lends its base: the command runs the project's code."""
    words = [
        *(container.entrypoint.words if container.entrypoint else ()),
        *(container.command.words if container.command else ()),
    ]
    return any(word.text.endswith(".py") or word.text in ("python", "python3") for word in words)


def unknown(container: Container, place: Place) -> Program:
    """A container of which nobody says what it runs."""
    command = container.command or container.entrypoint
    return Program(
        name=place.name,
        kind=container.kind or "other",
        site=place.site,
        command=command.text[:300] if command else "",
        processes=Figure(1, how="assumed", why="nothing says what it runs"),
        instances=place.instances,
        environment=place.environment,
        root=place.root,
        image=place.image,
        path=place.path,
        line=place.line,
    )


def _started(container: Container, image: Image | None, place: Place, tree: Tree) -> Iterator[Run]:
    entry = container.entrypoint or (image.entrypoint if image else None)
    command = container.command
    if command is None and container.entrypoint is None and image:
        command = image.command

    def script(name: str) -> Command | None:
        return script_of(name, place.root or tree.root, tree)

    whole = Command(
        (*(entry.words if entry else ()), *(command.words if command else ())),
        (command or entry or Command((), "")).path,
    )
    found: list[Run] = []
    if entry is not None and _is_shell(entry):
        found = list(runs(entry, place.environment, tree.models, script))
        following = list(runs(command, place.environment, tree.models, script)) if command else []
        found = following or found
    else:
        found = list(runs(whole, place.environment, tree.models, script))
        if not found and command is not None and entry is not None:
            found = list(runs(command, place.environment, tree.models, script))
    yield from found


def _is_shell(command: Command) -> bool:
    return len(command.words) == 3 and command.words[1].text == "-c"


def script_of(name: str, folder: str, tree: Tree) -> Command | None:
    """The text of a shell script of the project, by the name under which a command starts it."""
    if not _SCRIPT.fullmatch(name) or name.endswith((".py", ".ini", ".toml", ".yaml", ".yml", ".json", ".conf")):
        return None
    path = tree.resolve(name, folder)
    data = tree.read(path) if path else None
    if data is None or not (data.startswith(b"#!") or path.endswith((".sh", ".bash"))):
        return None
    if b"python" in data.split(b"\n", 1)[0]:
        return None
    try:
        return Command((Word(decoded(data), 1),), path)
    except ValueError:
        return None
