"""Kubernetes manifests: workloads, autoscalers, configuration; those of Knative and KEDA, kustomize overlays."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pooclint.deployment.facts import Figure, ProgramKind, Site
from pooclint.deployment.settings import decoded
from pooclint.deployment.sites import rank, stage
from pooclint.deployment.texts import Command, Word
from pooclint.deployment.tree import MAX_BYTES, Container, Item, Tree
from pooclint.deployment.yaml_nodes import Node, YamlError, documents, parse_document

_WORKLOADS = frozenset(
    {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Rollout", "DeploymentConfig"}
)
_JOBS = frozenset({"Job", "CronJob", "ScaledJob"})
_SCALERS = frozenset({"HorizontalPodAutoscaler", "ScaledObject"})
_KINDS = _WORKLOADS | _JOBS | _SCALERS | {"ConfigMap", "Kustomization", "List", "Service"}
_KIND = re.compile(r"^(?:- |  )?kind:\s*[\"']?(\w+)", re.MULTILINE)
_TEMPLATE = re.compile(r"\{\{|\{%|<%=?\s")
_MAX_PARSED = 500_000
"""Bytes of all manifests of a project that are parsed; the parser is slow."""


@dataclass(frozen=True, slots=True)
class _Document:
    kind: str
    name: str
    node: Node
    path: str
    stage: str


def read_kubernetes(tree: Tree, paths: Sequence[str]) -> Iterator[Item]:
    """What manifests say.

    Args:
        tree: The project.
        paths: YAML files of any sort: those that hold no manifest are passed over.
    """
    found: list[_Document] = []
    parsed = 0
    for path in paths:
        data = tree.load(path)
        if data is None or b"kind:" not in data:
            continue
        if len(data) > MAX_BYTES or parsed > _MAX_PARSED:
            yield tree.note(path, 0, "is too large: left out")
            continue
        try:
            text = decoded(data)
        except ValueError:
            continue
        for document, offset in documents(text):
            kinds = _KINDS.intersection(_KIND.findall(document))
            if (
                not kinds
                or (kinds == {"Service"} and "knative" not in document)
                or (kinds == {"ConfigMap"} and len(document) > 50_000)
            ):
                continue
            if _TEMPLATE.search(document):
                if kinds - {"Service", "ConfigMap", "List"}:
                    yield tree.note(path, offset + 1, f"{min(kinds)}: a template, left out")
                continue
            parsed += len(document)
            try:
                found += _documents(parse_document(document, offset), path, stage(tree, path))
            except YamlError as error:
                yield tree.note(path, error.line, str(error))
    yield from _sites(tree, found)


def _documents(root: Node, path: str, of_stage: str) -> Iterator[_Document]:
    kind = root.get("kind").text
    if kind == "List":
        for item in root.get("items").list():
            yield from _documents(item, path, of_stage)
    elif kind in _KINDS:
        yield _Document(kind, root.get("metadata", "name").text, root, path, of_stage)


def _sites(tree: Tree, found: list[_Document]) -> Iterator[Item]:
    """The manifests by stage; a stage's own are laid over those that belong to all."""
    stages = {document.stage for document in found}
    shared = [document for document in found if document.stage in ("", "base")]
    for one in sorted(stages):
        own = [document for document in found if document.stage == one]
        workloads = [d for d in own if d.kind in _WORKLOADS | _JOBS or d.kind == "Service"]
        if one == "" and not workloads:
            continue
        overlay = one != "" and any(d.kind in ("Kustomization", *_SCALERS) for d in own)
        documents_here = [*own, *(shared if overlay or (one and not any(_is_whole(d) for d in workloads)) else ())]
        if not any(_is_whole(d) for d in documents_here if d.kind in _WORKLOADS | _JOBS or d.kind == "Service"):
            continue
        first = min((d.path for d in own), key=lambda path: (path.count(os.sep), path))
        folder = os.path.dirname(first)
        site = Site(
            "kubernetes",
            folder,
            tree.shown(folder) if folder != tree.root else tree.shown(first),
            rank(tree, first, "kubernetes"),
        )
        yield from _containers(documents_here, site)


def _is_whole(document: _Document) -> bool:
    return any(node.get("image") for node in _pod(document.node).get("containers").list())


def _pod(node: Node) -> Node:
    if node.get("kind").text == "CronJob":
        return node.get("spec", "jobTemplate", "spec", "template", "spec")
    if node.get("kind").text == "ScaledJob":
        return node.get("spec", "jobTargetRef", "template", "spec")
    return node.get("spec", "template", "spec")


def _containers(found: list[_Document], site: Site) -> Iterator[Item]:
    maxima = _maxima(found)
    counts = _replica_overrides(found)
    config = {d.name: d for d in found if d.kind == "ConfigMap"}
    seen: set[tuple[str, str]] = set()
    workloads = [d for d in found if d.kind in _WORKLOADS | _JOBS or d.kind == "Service"]
    for document in workloads:
        key = (document.kind, document.name)
        layers = [d for d in workloads if (d.kind, d.name) == key]
        if key in seen:
            continue
        seen.add(key)
        whole = next((d for d in layers if _is_whole(d)), None)
        if whole is None:
            continue
        instances = maxima.get(document.name) or counts.get(document.name) or _instances(layers)
        if document.kind == "DaemonSet":
            instances = Figure(1, how="assumed", why="one pod for each node, with one node")
        kind: ProgramKind | None = "job" if document.kind in _JOBS else None
        for container in _pod(whole.node).get("containers").list():
            own = _container(container, whole, layers, site, config)
            many = len(_pod(whole.node).get("containers").list()) > 1
            name = f"{document.name}/{own.name}" if many and own.name not in ("", document.name) else document.name
            yield replace(own, name=name, instances=instances, kind=kind)


def _instances(layers: list[_Document]) -> Figure[int]:
    for document in layers:
        spec = document.node.get("spec")
        replicas = spec.get("replicas") or spec.get("parallelism")
        if replicas.number is not None:
            return Figure(min(replicas.number, 10_000), document.path, replicas.line, why="replicas")
        notes = spec.get("template", "metadata", "annotations")
        for name, value, line in notes.items():
            if name in ("autoscaling.knative.dev/maxScale", "autoscaling.knative.dev/max-scale") and value.number:
                return Figure(value.number, document.path, line, why="maxScale")
    return Figure(1, how="default", why="one pod unless replicas says otherwise")


def _maxima(found: list[_Document]) -> dict[str, Figure[int]]:
    """By the name of a workload, the most pods that an autoscaler may start."""
    maxima: dict[str, Figure[int]] = {}
    for document in found:
        if document.kind in _SCALERS:
            spec = document.node.get("spec")
            most = spec.get("maxReplicas") or spec.get("maxReplicaCount")
            target = spec.get("scaleTargetRef", "name").text or document.name
            if most.number is not None and target not in maxima:
                why = f"{'maxReplicas' if spec.get('maxReplicas') else 'maxReplicaCount'} of the autoscaler"
                maxima[target] = Figure(min(most.number, 10_000), document.path, most.line, why=why)
            elif document.kind == "ScaledObject" and target not in maxima and not most:
                maxima[target] = Figure(100, document.path, document.node.line, "default", "maxReplicaCount of KEDA")
    return maxima


def _replica_overrides(found: list[_Document]) -> dict[str, Figure[int]]:
    counts: dict[str, Figure[int]] = {}
    for document in found:
        if document.kind == "Kustomization":
            for one in document.node.get("replicas").list():
                count = one.get("count")
                if count.number is not None:
                    counts[one.get("name").text] = Figure(count.number, document.path, count.line, why="replicas")
    return counts


def _container(
    node: Node, document: _Document, layers: list[_Document], site: Site, config: dict[str, _Document]
) -> Container:
    name = node.get("name").text
    patches = [
        (one, layer.path)
        for layer in layers
        if layer is not document
        for one in _pod(layer.node).get("containers").list()
        if one.get("name").text == name
    ]
    environment: dict[str, Figure[str]] = {}
    for source, path in ((node, document.path), *patches):
        environment |= _environment(source, path, config)

    def first(key: str) -> tuple[Node, str]:
        return next(
            ((n.get(key), p) for n, p in (*patches, (node, document.path)) if n.get(key)), (Node(None), document.path)
        )

    entrypoint, arguments = _command(*first("command")), _command(*first("args"))
    if entrypoint is not None and arguments is None:
        arguments = Command((), document.path)
    image, path = first("image")
    return Container(
        name=name,
        site=site,
        path=path,
        line=node.line,
        instances=Figure(1),
        image=image.text,
        entrypoint=entrypoint,
        command=arguments,
        environment=environment,
    )


def _command(node: Node, path: str) -> Command | None:
    if not node.is_list:
        return None
    # `$(NAME)` is the variable of the container; nothing else is expanded but by a shell.
    return Command(
        tuple(
            Word(re.sub(r"^\$\((\w+)\)$", r"${\1}", one.text), one.line + (1 if one.is_block else 0))
            for one in node.list()
        ),
        path,
    )


def _environment(node: Node, path: str, config: dict[str, _Document]) -> dict[str, Figure[str]]:
    found: dict[str, Figure[str]] = {}
    for source in node.get("envFrom").list():
        document = config.get(source.get("configMapRef", "name").text)
        if document:
            prefix = source.get("prefix").text
            found |= {
                f"{prefix}{name}": Figure(value.text, document.path, line)
                for name, value, line in document.node.get("data").items()
            }
    for one in node.get("env").list():
        name, value = one.get("name").text, one.get("value")
        reference = one.get("valueFrom", "configMapKeyRef")
        document = config.get(reference.get("name").text)
        if value:
            found[name] = Figure(re.sub(r"\$\((\w+)\)", r"${\1}", value.text), path, value.line)
        elif document:
            kept = document.node.get("data").get(reference.get("key").text)
            if kept:
                found[name] = Figure(kept.text, document.path, kept.line)
    return found
