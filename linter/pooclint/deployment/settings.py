"""Settings files of programs, in the formats that models name."""

from __future__ import annotations

import configparser
import fnmatch
import os
import re
from collections.abc import Mapping
from typing import Any

from pooclint.deployment.facts import Figure
from pooclint.deployment.models import Settings
from pooclint.deployment.python_settings import python_settings
from pooclint.toml_files import TomlError, parse_toml
from pooclint.toml_lines import line_of

_MAX_LINES = 20_000


def read_settings(
    data: bytes, path: str, settings: Settings, environment: Mapping[str, Figure[str]]
) -> dict[str, Figure[str]]:
    """The settings in a file, as texts by name.

    Args:
        data: The file's bytes.
        path: The file.
        settings: How it is written.
        environment: What variables are set to, for files that ask for them.

    Raises:
        ValueError: it is not in its format.
    """
    if settings.format == "python":
        return python_settings(data, path, environment)
    if settings.format == "toml":
        return _toml(data, path)
    text = decoded(data)
    if settings.format == "assignments":
        return assignments_of(text, path)
    return ini_sections(text, path).get(settings.section, {})


def decoded(data: bytes) -> str:
    """The text of a file.

    Raises:
        ValueError: it is binary.
    """
    if b"\0" in data[:4096]:
        raise ValueError("is not text")
    return data.decode("utf-8-sig", "replace").replace("\r\n", "\n")


def _toml(data: bytes, path: str) -> dict[str, Figure[str]]:
    try:
        table, text = parse_toml(data, path)
    except TomlError as error:
        raise ValueError(str(error).removeprefix(f"{path}:")) from None
    return {
        name: Figure(str(value), path, line_of(text.text, (name,)))
        for name, value in table.items()
        if isinstance(value, (int, float, str)) and not isinstance(value, bool)
    }


def toml_table(data: bytes, path: str) -> tuple[dict[str, Any], str]:
    """The tables of a TOML file, and its text.

    Raises:
        ValueError: it is no TOML.
    """
    try:
        table, text = parse_toml(data, path)
    except TomlError as error:
        raise ValueError(str(error).removeprefix(f"{path}:")) from None
    return table, text.text


def assignments_of(text: str, path: str) -> dict[str, Figure[str]]:
    """`name = value` by line; the last of a name counts, as it does for who reads such files."""
    found: dict[str, Figure[str]] = {}
    for number, line in enumerate(text.split("\n")[:_MAX_LINES], start=1):
        match = re.match(r"\s*([A-Za-z_][\w.-]*)\s*(?:=|\s)\s*(?:'([^']*)'|\"([^\"]*)\"|([^#\s]+))", line)
        if match:
            found[match[1].lower()] = Figure(match[2] or match[3] or match[4] or "", path, number)
    return found


def ini_sections(text: str, path: str) -> dict[str, dict[str, Figure[str]]]:
    """The sections of an ini file, each with its settings; the last of a name counts.

    Raises:
        ValueError: it is no ini file.
    """
    parser = configparser.RawConfigParser(
        strict=False, allow_no_value=True, inline_comment_prefixes=None, delimiters=("=",)
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names are told apart by case
    # Directives that are no settings, as `!includedir` and `%include`.
    kept = "\n".join("" if re.match(r"\s*[!%]|\s+\S", line) else line for line in text.split("\n")[:_MAX_LINES])
    try:
        parser.read_string(kept)
    except configparser.Error as error:
        raise ValueError(f"is no ini file: {str(error).splitlines()[0]}") from None
    lines = _lines(kept)
    return {
        section: {
            name: Figure((value or "").split(" ;")[0].split(" #")[0].strip(), path, lines.get((section, name), 0))
            for name, value in parser.items(section)
        }
        for section in parser.sections()
    }


def _lines(text: str) -> dict[tuple[str, str], int]:
    """Where each setting of an ini file stands; the parser does not say."""
    found: dict[tuple[str, str], int] = {}
    section = ""
    for number, line in enumerate(text.split("\n"), start=1):
        header = re.match(r"\[([^\]]+)\]", line)
        if header:
            section = header[1]
        elif line and line[0] not in "#;":
            found[section, line.split("=", 1)[0].strip()] = number
    return found


def belongs(path: str, patterns: tuple[str, ...]) -> bool:
    """True for a file whose name fits one of some patterns."""
    name = os.path.basename(path)
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
