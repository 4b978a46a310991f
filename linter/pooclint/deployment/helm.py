"""Values of Helm charts, where they are plain. The templates themselves are left out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from pooclint.deployment.databases import described_server
from pooclint.deployment.facts import Figure, Site
from pooclint.deployment.settings import assignments_of, decoded
from pooclint.deployment.sites import file_site
from pooclint.deployment.texts import Command, Word, split_words
from pooclint.deployment.tree import Container, Item, Tree
from pooclint.deployment.yaml_nodes import Node, YamlError, documents, parse_document

_VALUES = re.compile(r"values(?:[._-][\w.-]+)?\.ya?ml")
_REPLICAS = ("replicaCount", "replicas")


def is_values_file(path: str, tree: Tree) -> bool:
    """True for `values.yaml` and its variants beside a `Chart.yaml`."""
    if not _VALUES.fullmatch(os.path.basename(path)):
        return False
    folder = os.path.dirname(path)
    return any(os.path.join(where, "Chart.yaml") in tree.files for where in (folder, os.path.dirname(folder)))


def read_values(tree: Tree, paths: Sequence[str]) -> Iterator[Item]:
    """What the values of charts say."""
    for path in paths:
        data = tree.read(path)
        if data is None:
            yield tree.note(path, 0, "is too large, or cannot be read")
            continue
        try:
            document = next(documents(decoded(data)), ("", 0))
            if re.search(r"^\s*(?:replica\w*|maxReplicas)\s*:", document[0], re.MULTILINE) is None:
                continue
            root = parse_document(*document)
        except YamlError as error:
            yield tree.note(path, error.line, str(error))
            continue
        except ValueError as error:
            yield tree.note(path, 0, str(error))
            continue
        name, dependencies = _chart(tree, path)
        site = file_site(tree, path, "kubernetes")
        yield from _components(root, name, path, site, dependencies)
        for dependency in sorted(dependencies):
            yield from _server(tree, root.get(dependency), dependency, path, site)


def _chart(tree: Tree, path: str) -> tuple[str, frozenset[str]]:
    """The name of a chart, and the charts that it depends on, whose values are those of somebody else's programs."""
    folder = os.path.dirname(path)
    chart = next(
        (p for f in (folder, os.path.dirname(folder)) if (p := os.path.join(f, "Chart.yaml")) in tree.files), ""
    )
    data = tree.read(chart) if chart else None
    try:
        root = parse_document(decoded(data)) if data else Node(None)
    except ValueError:
        root = Node(None)
    names = [one.get("alias").text or one.get("name").text for one in root.get("dependencies").list()]
    return root.get("name").text or os.path.basename(folder), frozenset(names)


def _server(tree: Tree, values: Node, name: str, path: str, site: Site) -> Iterator[Item]:
    """The database server that a dependency brings, with what the values say of its settings."""
    if values.get("enabled").text.lower() == "false":
        return
    for about, model in tree.models.servers:
        if name in model.images:
            written = values.get("primary", "extendedConfiguration") or values.get("primary", "configuration")
            offset = written.line - 1 + int(written.is_block)
            settings = assignments_of(written.text, path) if written.text else {}
            moved = {key: replace(figure, line=figure.line + offset) for key, figure in settings.items()}
            found = described_server(about, model, site, moved)
            yield replace(found, name=name, path=path, line=values.line or written.line)


def _components(root: Node, chart: str, path: str, site: Site, dependencies: frozenset[str]) -> Iterator[Item]:
    parts = [(chart, root, root.line)]
    parts += [(name, node, line) for name, node, line in root.items() if node.is_mapping and name not in dependencies]
    for name, node, line in parts:
        instances = _instances(node, path)
        if instances is None or node.get("enabled").text.lower() == "false":
            continue
        image = (
            node.get("image").get("repository").text or node.get("image").text or root.get("image", "repository").text
        )
        yield Container(
            name=name if node is root else f"{chart}-{name}",
            site=site,
            path=path,
            line=line,
            instances=instances,
            image=image,
            entrypoint=_command(node.get("command"), path),
            command=_command(node.get("args"), path),
            environment=_environment(node, path),
        )


def _instances(node: Node, path: str) -> Figure[int] | None:
    scaling = node.get("autoscaling")
    most = scaling.get("maxReplicas")
    if scaling.get("enabled").text.lower() == "true" and most.number is not None:
        return Figure(most.number, path, most.line, why="autoscaling.maxReplicas")
    for name in _REPLICAS:
        count = node.get(name)
        if count.number is not None:
            return Figure(min(count.number, 10_000), path, count.line, why=name)
    return None


def _command(node: Node, path: str) -> Command | None:
    if node.is_list:
        words = tuple(Word(one.text, one.line) for one in node.list())
        return Command(words, path) if words else None
    return Command(split_words(node.text, node.line), path) if node.text else None


def _environment(node: Node, path: str) -> dict[str, Figure[str]]:
    found: dict[str, Figure[str]] = {}
    for key in ("env", "extraEnv", "environment", "extraEnvVars"):
        for name, value, line in node.get(key).items():
            if value.text:
                found[name] = Figure(value.text, path, line)
        for one in node.get(key).list():
            if one.get("name").text and one.get("value").text:
                found[one.get("name").text] = Figure(one.get("value").text, path, one.line)
    return found
