"""Dockerfiles: what the container of the last stage runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from pooclint.deployment.facts import Figure
from pooclint.deployment.settings import decoded
from pooclint.deployment.texts import Command, Word, expand, shell_command, split_words
from pooclint.deployment.tree import Image

_HEREDOC = re.compile(r"<<-?\s*[\"']?(\w+)[\"']?")
_MAX_LINES = 5_000


@dataclass(frozen=True, slots=True)
class _Stage:
    name: str
    image: Image


def is_dockerfile(name: str) -> bool:
    """True for `Dockerfile`, `Dockerfile.worker`, `worker.Dockerfile`, `Containerfile`."""
    if name.endswith((".dockerignore", ".py", ".md", ".sh", ".j2", ".tmpl", ".template")):
        return False
    return (
        re.fullmatch(r"(?:Docker|Container)file(?:[._-].+)?|.+\.(?:docker|container)file", name, re.IGNORECASE)
        is not None
    )


def read_dockerfile(data: bytes, path: str, target: str = "") -> Image:
    """The container that a Dockerfile makes.

    Args:
        data: Its bytes.
        path: The file.
        target: The stage to stop at; empty: the last.

    Raises:
        ValueError: it is binary, or has no stage.
    """
    stages: list[_Stage] = []
    arguments: dict[str, Figure[str]] = {}
    for keyword, rest, line in _instructions(decoded(data)):
        if keyword == "FROM":
            if stages and target and stages[-1].name == target:
                break
            stages.append(_stage(rest, path, stages, arguments))
        elif keyword == "ARG" and not stages:
            arguments |= _variables(rest, path, line)
        elif stages:
            stages[-1] = replace(stages[-1], image=_extended(stages[-1].image, keyword, rest, line))
    if not stages:
        raise ValueError("has no stage")
    return next((stage.image for stage in stages if target and stage.name == target), stages[-1].image)


def _stage(rest: str, path: str, stages: list[_Stage], arguments: Mapping[str, Figure[str]]) -> _Stage:
    words = [word for word in rest.split() if not word.startswith("--")]
    base = expand(words[0], arguments, path).figure.value if words else ""
    name = words[2] if len(words) > 2 and words[1].lower() == "as" else ""
    earlier = next((stage.image for stage in stages if stage.name == base), None)
    return _Stage(name, earlier or Image(path, None, None, {}, base))


def _extended(image: Image, keyword: str, rest: str, line: int) -> Image:
    if keyword in ("ENV", "ARG"):
        known = image.environment
        added = {k: f for k, f in _variables(rest, image.path, line).items() if keyword == "ENV" or k not in known}
        expanded = {k: expand(f.value, known, f.path, f.line).figure for k, f in added.items()}
        return replace(image, environment={**known, **expanded})
    if keyword == "CMD":
        return replace(image, command=_command(rest, image.path, line))
    if keyword == "ENTRYPOINT":
        # A new entry point takes no arguments from the command of the image below.
        return replace(image, entrypoint=_command(rest, image.path, line))
    return image


def _command(rest: str, path: str, line: int) -> Command:
    if rest.lstrip().startswith("["):
        try:
            listed = json.loads(rest)
        except (ValueError, RecursionError):
            listed = None
        if isinstance(listed, list) and all(isinstance(word, str) for word in listed):
            return Command(tuple(Word(word, line) for word in listed), path)
    return shell_command(rest, path, line)


def _variables(rest: str, path: str, line: int) -> dict[str, Figure[str]]:
    old = re.match(r"([A-Za-z_]\w*)\s+(.*)", rest)
    if old and "=" not in rest.split(maxsplit=1)[0]:
        return {old[1]: Figure(old[2].strip().strip("\"'"), path, line)}
    found = {}
    for word in split_words(rest, line):
        name, equals, value = word.text.partition("=")
        if equals and re.fullmatch(r"[A-Za-z_]\w*", name):
            found[name] = Figure(value, path, line)
    return found


def _instructions(text: str) -> Iterator[tuple[str, str, int]]:
    """Keyword, the rest and the line of each instruction."""
    pending, start, heredoc = "", 0, ""
    for number, line in enumerate(text.split("\n")[:_MAX_LINES], start=1):
        if heredoc:
            heredoc = "" if line.strip() == heredoc else heredoc
            continue
        if line.lstrip().startswith("#") or (pending and not line.strip()):
            continue
        start = start if pending else number
        if line.rstrip().endswith(("\\", "`")) and not line.rstrip().endswith("``"):
            pending += line.rstrip()[:-1] + " "
            continue
        match = re.match(r"\s*([A-Za-z]+)\s+(.*)", pending + line, re.DOTALL)
        pending = ""
        if match:
            found = _HEREDOC.search(match[2]) if match[1].upper() in ("RUN", "COPY") else None
            heredoc = found[1] if found else ""
            yield match[1].upper(), match[2].strip(), start
