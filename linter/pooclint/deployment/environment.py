"""Files of environment variables (`.env`), and the database URLs in them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from pooclint.deployment.facts import EnvironmentFile, Figure
from pooclint.deployment.settings import decoded
from pooclint.deployment.tree import Item, Tree

_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*[=:]\s*(.*?)\s*$")
_EXAMPLES = (".env.example", ".env.sample", ".env.dist", ".env.template", "env.example")
_MAX_LINES = 2_000
_EXAMPLE = re.compile(r"example|sample|template|dist|default|\.in$", re.IGNORECASE)
_FILE = re.compile(r"\.env(?:[.-][\w.-]+)?|[\w.-]+\.env|env\.(?:example|sample|template|dist)|dotenv", re.IGNORECASE)
_DATASOURCE = re.compile(r"^\s*datasource\s+\w+\s*\{(.*?)^\s*\}", re.MULTILINE | re.DOTALL)
_URL = re.compile(r"^\s*(?:url|directUrl)\s*=\s*(?:\"([^\"]*)\"|env\(\"(\w+)\"\))", re.MULTILINE)


def is_environment_file(name: str) -> bool:
    """True for names as `.env`, `.env.example`, `production.env`."""
    return _FILE.fullmatch(name) is not None and not name.endswith((".py", ".js", ".ts", ".sh", ".yml", ".yaml"))


def read_environment(data: bytes, path: str) -> EnvironmentFile:
    """The variables of a file.

    Raises:
        ValueError: it is binary.
    """
    found: dict[str, Figure[str]] = {}
    for number, line in enumerate(decoded(data).split("\n")[:_MAX_LINES], start=1):
        match = _ASSIGNMENT.match(line) if not line.lstrip().startswith("#") else None
        if match:
            found[match[1]] = Figure(_unquoted(match[2]), path, number)
    is_example = _EXAMPLE.search(path.replace("\\", "/").rsplit("/", 1)[-1]) is not None
    return EnvironmentFile(path, MappingProxyType(found), is_example)


def _unquoted(text: str) -> str:
    if text[:1] in ("'", '"'):
        end = text.find(text[0], 1)
        return text[1:end] if end > 0 else text[1:]
    return re.split(r"\s#", text)[0].rstrip()


def environment_of(tree: Tree, path: str) -> Mapping[str, Figure[str]]:
    """The variables of a file that another names; none when it cannot be read."""
    data = tree.read(path) if path else None
    if data is None:
        return {}
    try:
        return read_environment(data, path).variables
    except ValueError:
        return {}


def environment_beside(tree: Tree, folder: str) -> Mapping[str, Figure[str]]:
    """The variables that a tool finds in a folder by itself: those of `.env`, else those of an example of it."""
    found = environment_of(tree, os.path.join(folder, ".env"))
    if found:
        return found
    for name in _EXAMPLES:
        path = os.path.join(folder, name)
        if path in tree.files:
            why = f"as {name} has it"
            return {n: replace(f, how="fallback", why=why) for n, f in environment_of(tree, path).items()}
    return {}


def read_schema_urls(data: bytes, path: str) -> list[Figure[str]]:
    """The URLs that the data sources of a `schema.prisma` give; `env("NAME")` stands as `${NAME}`.

    Raises:
        ValueError: it is binary.
    """
    text = decoded(data)
    found = []
    for source in _DATASOURCE.finditer(text):
        for url in _URL.finditer(source[1]):
            line = text.count("\n", 0, source.start(1) + url.start(0)) + 1
            line += source[1][url.start(0) : url.start(0) + 1] == "\n"
            found.append(Figure(f"${{{url[2]}}}" if url[2] else url[1], path, line))
    return found


def read_environment_files(tree: Tree, paths: Iterable[str]) -> Iterator[Item]:
    """The environment files among some files."""
    for path in paths:
        data = tree.read(path)
        if data is None:
            continue
        try:
            yield read_environment(data, path)
        except ValueError as error:
            yield tree.note(path, 0, str(error))
