"""Files of hosting services and process managers: Procfile, fly.toml, render.yaml, supervisord, systemd."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pooclint.deployment.environment import environment_beside
from pooclint.deployment.facts import Figure, ProgramKind, Server, Site
from pooclint.deployment.settings import decoded, ini_sections, toml_table
from pooclint.deployment.sites import file_site, rank
from pooclint.deployment.texts import Command, shell_command, split_words
from pooclint.deployment.tree import Container, Item, Tree
from pooclint.deployment.yaml_nodes import Node, documents, parse_document
from pooclint.toml_lines import line_of

_ONE = Figure(1, how="assumed", why="the file does not say how many instances there are")
_ONE_BY_DEFAULT = Figure(1, how="default", why="one instance unless the file says otherwise")
_PROCESS = re.compile(r"^([A-Za-z0-9_-]+):[ \t]*(.+?)[ \t]*$")
_RENDER_KINDS: Mapping[str, ProgramKind] = {"web": "web", "pserv": "web", "worker": "worker", "cron": "job"}
_RENDERED = frozenset({"docker", "image", "static"})


def read_procfile(tree: Tree, path: str) -> Iterator[Item]:
    """The process types of a Procfile. How many of each run is said elsewhere.

    Raises:
        ValueError: it is binary.
    """
    site = file_site(tree, path, "procfile")
    folder = os.path.dirname(path)
    environment = environment_beside(tree, folder)
    for number, line in enumerate(_text(tree, path).split("\n"), start=1):
        match = _PROCESS.match(line)
        if match:
            kind: ProgramKind | None = "job" if match[1] in ("release", "migrate") else None
            command = shell_command(match[2], path, number)
            yield Container(
                match[1], site, path, number, _ONE, entrypoint=command, environment=environment, root=folder, kind=kind
            )


def read_fly(tree: Tree, path: str) -> Iterator[Item]:
    """The process groups of a `fly.toml`.

    Raises:
        ValueError: it is no TOML.
    """
    table, text = toml_table(_data(tree, path), path)
    site, folder = file_site(tree, path, "platform"), os.path.dirname(path)
    environment = {
        name: Figure(str(value), path, line_of(text, ("env", name))) for name, value in _table(table, "env").items()
    }
    build = _table(table, "build")
    named = build.get("dockerfile")
    dockerfile = tree.resolve(named if isinstance(named, str) else "Dockerfile", folder, exact=True)
    image = build.get("image")
    processes = {k: v for k, v in _table(table, "processes").items() if isinstance(v, str)} or {"app": ""}
    app = table.get("app")
    for name, written in processes.items():
        line = line_of(text, ("processes", name)) if written else 1
        yield Container(
            name=name if written else app if isinstance(app, str) else "app",
            site=site,
            path=path,
            line=line,
            instances=_fly_instances(table, text, path, name),
            image=image if isinstance(image, str) else "",
            built=not image,
            dockerfile=dockerfile,
            command=Command(split_words(written, line), path) if written else None,
            environment=environment,
            root=folder,
        )


def _fly_instances(table: dict[str, Any], text: str, path: str, group: str) -> Figure[int]:
    """How many machines run. The file knows no upper limit: the least that are kept is all that it says."""
    for key in ("http_service", "services"):
        found = table.get(key)
        for service in found if isinstance(found, list) else [found]:
            if not isinstance(service, dict):
                continue
            groups = service.get("processes")
            least = service.get("min_machines_running")
            if isinstance(least, int) and least > 1 and (not isinstance(groups, list) or group in groups):
                return Figure(least, path, line_of(text, (key, "min_machines_running")), why="min_machines_running")
    return _ONE


def read_render(tree: Tree, path: str) -> Iterator[Item]:
    """The services of a `render.yaml`.

    Raises:
        ValueError: it is not YAML.
    """
    root = parse_document(*next(documents(_text(tree, path)), ("", 0)))
    site, folder = file_site(tree, path, "platform"), os.path.dirname(path)
    for service in root.get("services").list():
        kind = _RENDER_KINDS.get(service.get("type").text)
        runtime = (service.get("runtime") or service.get("env")).text
        if kind is None or runtime == "static":
            continue
        command = service.get("dockerCommand") or service.get("startCommand")
        inner = os.path.normpath(os.path.join(folder, service.get("rootDir").text or "."))
        dockerfile = service.get("dockerfilePath").text or ("Dockerfile" if runtime in _RENDERED else "")
        scaling, count = service.get("scaling", "maxInstances"), service.get("numInstances")
        most = scaling if scaling.number is not None else count
        why = "maxInstances" if scaling.number is not None else "numInstances"
        yield Container(
            name=service.get("name").text or "service",
            site=site,
            path=path,
            line=service.line,
            instances=Figure(most.number, path, most.line, why=why) if most.number is not None else _ONE_BY_DEFAULT,
            built=bool(dockerfile),
            dockerfile=(tree.resolve(dockerfile, inner, exact=True) or tree.resolve(dockerfile, folder))
            if dockerfile
            else "",
            entrypoint=shell_command(command.text, path, command.line) if command.text else None,
            environment=_named_values(service.get("envVars"), "key", path),
            root=inner,
            kind="job" if kind == "job" else None,
        )
    for database in root.get("databases").list():
        yield from _database(tree, database, site, path)


def _database(tree: Tree, node: Node, site: Site, path: str) -> Iterator[Server]:
    from pooclint.deployment.databases import hosted_server

    yield from hosted_server(tree, "postgresql", site, node.get("name").text, path, node.line)


def _named_values(node: Node, key: str, path: str) -> dict[str, Figure[str]]:
    return {
        one.get(key).text: Figure(one.get("value").text, path, one.line)
        for one in node.list()
        if one.get(key).text and one.get("value").text
    }


def read_supervisor(tree: Tree, path: str) -> Iterator[Item]:
    """The programs of a supervisord configuration.

    Raises:
        ValueError: it is no ini file.
    """
    site, folder = file_site(tree, path, "procfile"), os.path.dirname(path)
    for section, values in ini_sections(_text(tree, path), path).items():
        name = section.partition(":")[2]
        command = values.get("command")
        if not section.startswith("program:") or command is None or values.get("autostart", command).value == "false":
            continue
        count = values.get("numprocs")
        number = int(count.value) if count and count.value.isdecimal() else 1
        instances = Figure(number, path, count.line, why="numprocs") if count else _ONE_BY_DEFAULT
        text = command.value.replace("%%", "%")
        yield Container(
            name, site, path, command.line, instances, entrypoint=shell_command(text, path, command.line),
            root=tree.root if not tree.shown(folder).count("/") else folder,
        )  # fmt: skip


def read_systemd(tree: Tree, path: str) -> Iterator[Item]:
    """The program that a systemd unit starts.

    Raises:
        ValueError: it is no ini file.
    """
    text = _text(tree, path)
    if "[Service]" not in text:
        return
    service = ini_sections(text, path).get("Service", {})
    command = service.get("ExecStart")
    if command is None:
        return
    name = os.path.basename(path).removesuffix(".service")
    text = command.value.lstrip("-@+!:")
    folder = os.path.dirname(path)
    # The units of a folder are installed together.
    shown = tree.shown(folder if folder != tree.root else path)
    site = Site("procfile", folder, shown, rank(tree, path, "procfile"))
    environment: dict[str, Figure[str]] = {}
    kind: ProgramKind | None = "job" if service.get("Type", command).value == "oneshot" else None
    yield Container(
        name, site, path, command.line, _ONE_BY_DEFAULT,
        entrypoint=shell_command(text, path, command.line), environment=environment, root=tree.root, kind=kind,
    )  # fmt: skip


def read_cloud_foundry(tree: Tree, path: str) -> Iterator[Item]:
    """The applications of a manifest of Cloud Foundry, which shares its name with many other files.

    Raises:
        ValueError: it is not YAML.
    """
    text = _text(tree, path)
    if re.search(r"^applications:", text, re.MULTILINE) is None:
        return
    root = parse_document(*next(documents(text), ("", 0)))
    site, folder = file_site(tree, path, "platform"), os.path.dirname(path)
    for application in root.get("applications").list():
        name = application.get("name").text or "app"
        for one in application.get("processes").list() or [application]:
            command = one.get("command") or application.get("command")
            count = one.get("instances")
            kind = one.get("type").text
            written = command.text and "{{" not in command.text and "((" not in command.text
            yield Container(
                name=f"{name}/{kind}" if kind else name,
                site=site,
                path=path,
                line=one.line,
                instances=Figure(count.number, path, count.line, why="instances") if count.number else _ONE_BY_DEFAULT,
                entrypoint=shell_command(command.text, path, command.line) if written else None,
                environment={k: Figure(v.text, path, line) for k, v, line in application.get("env").items() if v.text},
                root=folder,
            )


def _table(table: dict[str, Any], key: str) -> dict[str, Any]:
    found = table.get(key)
    return found if isinstance(found, dict) else {}


def _data(tree: Tree, path: str) -> bytes:
    data = tree.read(path)
    if data is None:
        raise ValueError("is too large, or cannot be read")
    return data


def _text(tree: Tree, path: str) -> str:
    return decoded(_data(tree, path))
