"""YAML with lines: the nodes of a document, looked at one by one.

Nodes are never turned into values as a whole. Anchors may refer to each other, in circles or in numbers that no memory
holds; who follows only what it looks for, to a bounded depth, need not care.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ruamel.yaml.nodes import Node as RawNode

_BRACKET = re.compile(r"[\[\]{}]")
_NESTED = re.compile(r"(?:[-?:][ \t]+){100}")
_MAX_DEPTH = 100
MAX_DOCUMENT = 150_000
"""Characters; the parser takes some twenty seconds for a million."""
_MAX_ENTRIES = 2_000
_MAX_MERGES = 5


class YamlError(ValueError):
    """A document is not YAML; the text says where."""

    def __init__(self, line: int, reason: str) -> None:
        """Takes the line, from 1, and what is wrong."""
        super().__init__(reason)
        self.line = line


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a document, or nothing (`Node(None)`), of which everything can be asked as well."""

    raw: RawNode | None
    offset: int = 0
    """Lines above the document in its file."""

    def __bool__(self) -> bool:
        return self.raw is not None

    @property
    def line(self) -> int:
        """From 1; 0 when there is no node."""
        return self.raw.start_mark.line + 1 + self.offset if self.raw is not None else 0

    @property
    def is_mapping(self) -> bool:
        """True for a mapping."""
        return _kind(self.raw) == "mapping"

    @property
    def is_list(self) -> bool:
        """True for a sequence."""
        return _kind(self.raw) == "sequence"

    @property
    def text(self) -> str:
        """A scalar as it is written; empty for null and for anything else."""
        if self.raw is None or _kind(self.raw) != "scalar":
            return ""
        value = str(self.raw.value)
        is_plain = not getattr(self.raw, "style", None)
        return "" if is_plain and value in ("~", "null", "Null", "NULL") else value

    @property
    def is_block(self) -> bool:
        """True for a scalar that begins on the line after its mark (`|`, `>`)."""
        return _kind(self.raw) == "scalar" and getattr(self.raw, "style", None) in ("|", ">")

    @property
    def number(self) -> int | None:
        """A scalar that is a whole number; None otherwise."""
        text = self.text.strip().replace("_", "")
        return int(text) if re.fullmatch(r"\d{1,9}", text) else None

    def items(self, merges: int = 0) -> Iterator[tuple[str, Node, int]]:
        """The entries of a mapping: key, value, line of the key. What `<<` merges in comes after the node's own."""
        if not self.is_mapping:
            return
        merged: list[Node] = []
        seen: set[str] = set()
        for key, value in self._pairs():
            name = str(key.value) if _kind(key) == "scalar" else ""
            node = Node(value, self.offset)
            if name == "<<":
                merged += node.list() if node.is_list else [node]
            elif name and name not in seen:
                seen.add(name)
                yield name, node, key.start_mark.line + 1 + self.offset
        if merges < _MAX_MERGES:
            for other in merged[:_MAX_MERGES]:
                for name, node, line in other.items(merges + 1):
                    if name not in seen:
                        seen.add(name)
                        yield name, node, line

    def _pairs(self) -> list[tuple[Any, Any]]:
        return list(self.raw.value[:_MAX_ENTRIES]) if self.raw is not None else []

    def list(self) -> list[Node]:
        """The elements of a sequence; none for anything else."""
        return [Node(raw, self.offset) for raw in self.raw.value[:_MAX_ENTRIES]] if self.is_list and self.raw else []

    def get(self, *names: str) -> Node:
        """The value under a key, and under a key of that."""
        node = self
        for name in names:
            node = next((value for key, value, _ in node.items() if key == name), Node(None))
        return node


def _is_deep(text: str) -> bool:
    """True for a text that the parser would recurse into without end; brackets in strings count like any."""
    if _NESTED.search(text):
        return True
    if text.count("[") + text.count("{") <= _MAX_DEPTH:
        return False
    steps = (1 if bracket in "[{" else -1 for bracket in _BRACKET.findall(text))
    return max(accumulate(steps), default=0) > _MAX_DEPTH


def _kind(raw: RawNode | None) -> str:
    # The classes of nodes say it in an attribute that their base does not declare.
    return str(getattr(raw, "id", ""))


def documents(text: str) -> Iterator[tuple[str, int]]:
    """The texts of the documents of a file, each with the lines above it. `---` at the beginning of a line always
    separates documents."""
    lines: list[str] = []
    start = 0
    for number, line in enumerate(text.split("\n")):
        if line.startswith("---") and line[3:4] in ("", " ", "\t"):
            if any(one.strip() for one in lines):
                yield "\n".join(lines), start
            lines, start = [line[3:]], number
        else:
            lines.append(line)
    if any(one.strip() for one in lines):
        yield "\n".join(lines), start


def parse_document(text: str, offset: int = 0) -> Node:
    """The root node of one document.

    Raises:
        YamlError: it is not YAML.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError

    if len(text) > MAX_DOCUMENT:
        raise YamlError(1 + offset, "is too large: left out")
    if _is_deep(text):
        raise YamlError(1 + offset, "is nested too deeply")
    # `!reference`, `!Sub` and the like are left alone: nodes are composed, and nothing is constructed of them.
    # A stream that ends with a document is one document; directives and further ones were cut off before.
    try:
        raw = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError((mark.line if mark else 0) + 1 + offset, error.problem or "is not YAML") from None
    except (ValueError, RecursionError, TypeError, AttributeError, IndexError, KeyError) as error:
        raise YamlError(1 + offset, f"is not YAML: {str(error).splitlines()[0] if str(error) else ''}") from None
    return Node(raw, offset)
