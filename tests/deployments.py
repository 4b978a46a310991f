"""Deployments of fixture trees, and of trees that a test writes, as short texts to compare."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pooclint.deployment.facts import Deployment, Figure, Pooler, Program, Server
from pooclint.deployment.models import ServerModels, load_server_models
from pooclint.deployment.reading import is_deployment_file, read_deployment
from pooclint_rules import SERVER_FILES

FIXTURES = Path(__file__).parent / "fixtures" / "deployments"


@cache
def server_models() -> ServerModels:
    return load_server_models(SERVER_FILES())


def read_tree(root: Path) -> Deployment:
    """The deployment of a folder, all of its files at hand."""
    files = [
        os.path.join(folder, name)
        for folder, _, names in os.walk(root)
        for name in names
        if is_deployment_file(name, server_models())
    ]
    return read_deployment(str(root), files, _load, server_models())


def written(root: Path, files: Mapping[str, str | bytes]) -> Deployment:
    """The deployment of a tree of these files."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_tree(root)


def _load(path: str) -> bytes | None:
    try:
        return Path(path).read_bytes()
    except OSError:
        return None


def figure(one: Figure[int] | Figure[float] | Figure[str] | None, root: str) -> str:
    """A figure with its origin: `4 api.yaml:7`, `1 (default of gunicorn 27)`."""
    if one is None:
        return "-"
    where = f" {os.path.relpath(one.path, root).replace(os.sep, '/')}:{one.line}" if one.path else f" ({one.why})"
    return f"{one.value}{'?' if one.how == 'assumed' else '*' if one.how == 'fallback' else ''}{where}"


def program(one: Program, root: str) -> str:
    """Kind, runner, target, processes, threads and instances of a program."""
    figures = " | ".join(figure(f, root) for f in (one.processes, one.threads, one.instances))
    return f"{one.name}: {one.kind} {one.runner or '-'} {one.target or '-'} | {figures}"


def server(one: Server, root: str) -> str:
    """Name, kind, limit and reserve of a server."""
    return f"{one.name}: {one.kind} {figure(one.max_connections, root)} - {figure(one.reserved, root)}"


def pooler(one: Pooler, root: str) -> str:
    """Name, kind, port, mode and sizes of a pooler."""
    figures = " | ".join(figure(f, root) for f in (one.mode, one.default_pool_size, one.max_prepared_statements))
    return f"{one.name or '-'}: {one.kind} {one.port} {figures}"


def shown(found: Deployment) -> list[str]:
    """All of a deployment, in order."""
    root = found.root
    return [
        *(program(one, root) for one in found.programs),
        *(server(one, root) for one in found.servers),
        *(pooler(one, root) for one in found.poolers),
    ]
