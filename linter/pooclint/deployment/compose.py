"""Compose files: services with their replicas, commands and variables."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pooclint.deployment.environment import environment_beside, environment_of
from pooclint.deployment.facts import Figure, Note, Site
from pooclint.deployment.settings import decoded
from pooclint.deployment.sites import file_site
from pooclint.deployment.texts import Command, Word, expand, split_words
from pooclint.deployment.tree import Container, Item, Tree
from pooclint.deployment.yaml_nodes import Node, YamlError, documents, parse_document

_FILE = re.compile(r"(?:.*[._-])?(?:docker[._-]?)?compose(?:[._-].*)?\.ya?ml", re.IGNORECASE)
_MAX_EXTENDS = 8


def is_compose_file(name: str) -> bool:
    """True for names as `compose.yaml`, `docker-compose.prod.yml`, `dev.docker-compose.yml`."""
    return _FILE.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class _Service:
    """A service: its own node first, then those that it is laid over."""

    name: str
    layers: tuple[tuple[Node, str], ...]
    """Each with the file it stands in."""

    def get(self, *names: str) -> tuple[Node, str]:
        for node, path in self.layers:
            found = node.get(*names)
            if found:
                return found, path
        return Node(None), self.layers[0][1]


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    root: Node


def read_compose(tree: Tree, paths: Sequence[str]) -> Iterator[Item]:
    """What compose files say. A file that only changes services of the main one beside it is laid over that.

    Args:
        tree: The project.
        paths: The compose files.
    """
    files: dict[str, _File] = {}
    for path in paths:
        file = _parsed(tree, path)
        if isinstance(file, _File):
            files[path] = file
        else:
            yield file
    for path, file in files.items():
        if not file.root.get("services").is_mapping:
            continue
        below = _main_file(file, files)
        site = file_site(
            tree,
            path,
            "compose",
            tree.shown(path) if below is None else f"{tree.shown(below.path)} + {tree.shown(path)}",
        )
        variables = environment_beside(tree, os.path.dirname(path))
        yield from _services(tree, file, below, site, variables, files)


def _parsed(tree: Tree, path: str) -> _File | Note:
    data = tree.read(path)
    if data is None:
        return tree.note(path, 0, "is too large, or cannot be read")
    try:
        text = decoded(data)
        if re.search(r"^\s*\{\{|^\s*\{%", text, re.MULTILINE):
            return tree.note(path, 0, "is a template: left out")
        return _File(path, parse_document(*next(documents(text), ("", 0))))
    except YamlError as error:
        return tree.note(path, error.line, str(error))
    except ValueError as error:
        return tree.note(path, 0, str(error))


def _main_file(file: _File, files: Mapping[str, _File]) -> _File | None:
    """The file that another is meant to be used with: the plain one of its folder, when services of the other cannot
    stand alone."""
    folder = os.path.dirname(file.path)
    plain = [f for f in files.values() if os.path.dirname(f.path) == folder and f is not file and _is_plain(f.path)]
    if not plain or _is_plain(file.path):
        return None
    known = {name for name, _, _ in plain[0].root.get("services").items()}
    partial = [
        name
        for name, service, _ in file.root.get("services").items()
        if name in known and not service.get("image") and not service.get("build") and not service.get("extends")
    ]
    return plain[0] if partial else None


def _is_plain(path: str) -> bool:
    return re.fullmatch(r"(?:docker-)?compose\.ya?ml", os.path.basename(path), re.IGNORECASE) is not None


def _services(
    tree: Tree, file: _File, below: _File | None, site: Site, variables: Mapping[str, Figure[str]],
    files: Mapping[str, _File],
) -> Iterator[Item]:  # fmt: skip
    if file.root.get("include"):
        yield tree.note(file.path, file.root.get("include").line, "include: the files it names are read for themselves")
    own = {name: node for name, node, _ in file.root.get("services").items()}
    under = {name: node for name, node, _ in below.root.get("services").items()} if below else {}
    for name in dict.fromkeys((*under, *own)):
        layers: list[tuple[Node, str]] = []
        for node, path in ((own.get(name), file.path), (under.get(name), below.path if below else "")):
            if node is not None and node.is_mapping:
                layers += _with_extended(tree, node, path, files)
        if not layers:
            continue
        service = _Service(name, tuple(layers))
        profiles, path = service.get("profiles")
        if profiles:
            yield tree.note(path, profiles.line, f"service {name} starts only with a profile: left out")
            continue
        yield _container(tree, service, site, variables)


def _with_extended(tree: Tree, node: Node, path: str, files: Mapping[str, _File]) -> list[tuple[Node, str]]:
    layers = [(node, path)]
    seen = {id(node.raw)}
    while len(layers) < _MAX_EXTENDS:
        last, at = layers[-1]
        extends = last.get("extends")
        name = extends.text or extends.get("service").text
        other = extends.get("file").text
        target = tree.resolve(other, os.path.dirname(at), exact=True) if other else at
        found = files[target].root.get("services", name) if target in files and name else Node(None)
        if not found.is_mapping or id(found.raw) in seen:
            break
        seen.add(id(found.raw))
        layers.append((found, target))
    return layers


def _container(tree: Tree, service: _Service, site: Site, variables: Mapping[str, Figure[str]]) -> Container:
    path, line = service.layers[0][1], service.layers[0][0].line - 1
    environment = _environment(tree, service, variables)
    build, build_path = service.get("build")
    folder = os.path.dirname(build_path)
    root = dockerfile = ""
    if build:
        context = expand(build.text or build.get("context").text or ".", variables).figure.value
        root = os.path.normpath(os.path.join(folder, context)) if "://" not in context else ""
        named = expand(build.get("dockerfile").text or "Dockerfile", variables).figure.value
        dockerfile = tree.resolve(named, root, exact=True) or tree.resolve(named, root)
    image, _ = service.get("image")
    return Container(
        name=service.name,
        site=site,
        path=path,
        line=max(line, 1),
        instances=_instances(service, variables),
        image=expand(image.text, variables).figure.value,
        built=bool(build),
        dockerfile=dockerfile,
        entrypoint=_command(*service.get("entrypoint")),
        command=_command(*service.get("command")),
        environment=environment,
        root=root or (os.path.dirname(path) if build else ""),
        mounts=tuple(_mounts(service)),
    )


def _instances(service: _Service, variables: Mapping[str, Figure[str]]) -> Figure[int]:
    for names in (("deploy", "replicas"), ("scale",)):
        node, path = service.get(*names)
        found = expand(node.text, variables, path, node.line).figure
        if node and found.value.strip().isdecimal():
            why = found.why or names[-1]
            return Figure(min(int(found.value), 10_000), found.path, found.line, found.how, why)
    return Figure(1, how="default", why="one container for a service")


def _environment(tree: Tree, service: _Service, variables: Mapping[str, Figure[str]]) -> dict[str, Figure[str]]:
    found: dict[str, Figure[str]] = {}
    for node, path in reversed(service.layers):
        files = node.get("env_file")
        for one in (files,) if files.text else files.list():
            name = one.text or one.get("path").text
            found |= environment_of(tree, tree.resolve(name, os.path.dirname(path), exact=True))
    for node, path in reversed(service.layers):
        found |= _variables(node.get("environment"), path, variables)
    return found


def _variables(node: Node, path: str, variables: Mapping[str, Figure[str]]) -> dict[str, Figure[str]]:
    pairs = [(name, value.text, value.line) for name, value, _ in node.items()]
    for one in node.list():
        name, equals, text = one.text.partition("=")
        pairs.append((name, text if equals else f"${{{name}}}", one.line))
    found = {}
    for name, text, line in pairs:
        expanded = expand(text.replace("$$", "\0"), variables, path, line)
        if not expanded.missing:
            found[name] = replace(expanded.figure, value=expanded.figure.value.replace("\0", "$"))
    return found


def _command(node: Node, path: str) -> Command | None:
    if node.is_list:
        return Command(tuple(Word(one.text.replace("$$", "$"), one.line) for one in node.list()), path)
    if not node.text:
        return None
    # Compose splits the text into words as a shell would, and starts no shell.
    line = node.line + (1 if node.is_block else 0)
    return Command(split_words(node.text.replace("$$", "$"), line), path)


def _mounts(service: _Service) -> Iterator[str]:
    for key in ("volumes", "configs"):
        node, _ = service.get(key)
        for one in node.list():
            text = one.text.split(":", 1)[0] if one.text else one.get("source").text
            if text:
                yield text
