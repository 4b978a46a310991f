"""Functions that a cloud runs: `serverless.yml`, and templates of AWS SAM."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from types import MappingProxyType

from pooclint.deployment.facts import Figure, Program, Timeout
from pooclint.deployment.settings import decoded
from pooclint.deployment.sites import file_site
from pooclint.deployment.tree import Item, Tree
from pooclint.deployment.yaml_nodes import Node, documents, parse_document

_UNLIMITED: Figure[int] = Figure(1, how="assumed", why="no reserved concurrency: as many as there are requests at once")
_ONE: Figure[int] = Figure(1, how="default", why="a function handles one event at a time")
_SAM = re.compile(r"AWS::Serverless(?:::Function|-2016)")


def is_sam_template(data: bytes) -> bool:
    """True for a template of AWS SAM that defines functions."""
    return b"AWS::Serverless::Function" in data and b"Resources" in data


def read_serverless(tree: Tree, path: str) -> Iterator[Item]:
    """The functions of a `serverless.yml`.

    Raises:
        ValueError: it is not YAML.
    """
    root = _root(tree, path)
    provider = root.get("provider")
    if "python" not in provider.get("runtime").text and provider.get("runtime"):
        return
    site = file_site(tree, path, "serverless")
    shared = _variables(provider.get("environment"), path)
    for name, node, line in root.get("functions").items():
        if not node.is_mapping or "python" not in (node.get("runtime").text or "python"):
            continue
        limit = (
            node.get("reservedConcurrency")
            or node.get("provisionedConcurrency")
            or provider.get("provisionedConcurrency")
        )
        why = "reservedConcurrency" if node.get("reservedConcurrency") else "provisionedConcurrency"
        seconds = node.get("timeout") or provider.get("timeout")
        yield Program(
            name=name,
            kind="function",
            site=site,
            target=_target(node.get("handler").text),
            processes=_ONE,
            threads=_ONE,
            instances=_concurrency(limit, path, why),
            timeouts=_timeouts(seconds, path, 6.0),
            environment=MappingProxyType({**shared, **_variables(node.get("environment"), path)}),
            root=os.path.dirname(path),
            path=path,
            line=line,
        )


def read_sam(tree: Tree, path: str) -> Iterator[Item]:
    """The functions of a template of AWS SAM.

    Raises:
        ValueError: it is not YAML.
    """
    root = _root(tree, path)
    site = file_site(tree, path, "serverless")
    common = root.get("Globals", "Function")
    shared = _variables(common.get("Environment", "Variables"), path)
    for name, node, line in root.get("Resources").items():
        if node.get("Type").text != "AWS::Serverless::Function":
            continue
        own = node.get("Properties")
        runtime = (own.get("Runtime") or common.get("Runtime")).text
        if runtime and "python" not in runtime:
            continue
        reserved = own.get("ReservedConcurrentExecutions") or common.get("ReservedConcurrentExecutions")
        provisioned = own.get("ProvisionedConcurrencyConfig", "ProvisionedConcurrentExecutions")
        why = "ReservedConcurrentExecutions" if reserved else "ProvisionedConcurrentExecutions"
        folder = (own.get("CodeUri") or common.get("CodeUri")).text
        yield Program(
            name=name,
            kind="function",
            site=site,
            target=_target((own.get("Handler") or common.get("Handler")).text),
            processes=_ONE,
            threads=_ONE,
            instances=_concurrency(reserved or provisioned, path, why),
            timeouts=_timeouts(own.get("Timeout") or common.get("Timeout"), path, 3.0),
            environment=MappingProxyType({**shared, **_variables(own.get("Environment", "Variables"), path)}),
            root=os.path.normpath(os.path.join(os.path.dirname(path), folder or ".")),
            path=path,
            line=line,
        )


def _root(tree: Tree, path: str) -> Node:
    data = tree.read(path)
    if data is None:
        raise ValueError("is too large, or cannot be read")
    return parse_document(*next(documents(decoded(data)), ("", 0)))


def _concurrency(node: Node, path: str, why: str) -> Figure[int]:
    return _UNLIMITED if node.number is None else Figure(node.number, path, node.line, why=why)


def _timeouts(node: Node, path: str, default: float) -> MappingProxyType[Timeout, Figure[float]]:
    number = node.number
    figure = (
        Figure(default, how="default", why="of the framework's functions")
        if number is None
        else Figure(float(number), path, node.line, why="timeout")
    )
    return MappingProxyType({"request": figure})


def _target(handler: str) -> str:
    """`src/app.handler` as an import path."""
    if re.fullmatch(r"[\w./-]+\.\w+", handler) is None:
        return ""
    module, _, function = handler.removeprefix("./").rpartition(".")
    return f"{module.replace('/', '.')}:{function}"


def _variables(node: Node, path: str) -> dict[str, Figure[str]]:
    return {name: Figure(value.text, path, line) for name, value, line in node.items() if value.text}
