"""On which line of a TOML file a key stands; the parser does not say."""

from __future__ import annotations

import re
from collections.abc import Sequence

_KEY = r"(?:[\w-]+|\"[^\"]*\"|'[^']*')"


def line_of(text: str, key: Sequence[str | int]) -> int:
    """The line of a TOML key, by looking at headers and assignments; the closest line above it that is found.

    Args:
        text: The file.
        key: Names of tables and keys from the top; a number is the place in an array of tables, or in an array. A last
            name that is no key is looked for as a quoted string behind the key before it.

    Returns:
        A 1-based line.
    """
    names = [part for part in key if isinstance(part, str)]
    wanted_index = next((part for part in key if isinstance(part, int)), 0)
    table: list[str] = []
    seen: dict[tuple[str, ...], int] = {}
    best = (0, 1)
    for number, line in enumerate(text.split("\n"), start=1):
        header = re.match(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?$", line)
        if header:
            table = _split_key(header.group(2))
            if header.group(1) == "[[":
                seen[tuple(table)] = seen.get(tuple(table), -1) + 1
            path = table
        else:
            assignment = re.match(rf"\s*({_KEY}(?:\s*\.\s*{_KEY})*)\s*=", line)
            path = [*table, *_split_key(assignment.group(1))] if assignment else []
        if path and seen.get(tuple(table), wanted_index) == wanted_index and names[: len(path)] == path:
            best = max(best, (len(path), number), key=lambda pair: pair[0])
    if best[0] < len(names) and best[0]:
        # Not a key: an item of the array, or a key of the inline table, that starts on the line found.
        for number, line in enumerate(text.split("\n")[best[1] - 1 :], start=best[1]):
            if re.search(rf"[\"'\s{{,]{re.escape(names[-1])}[\"'\s=]", line.split("=", 1)[-1] if "[" in line else line):
                return number
            if number > best[1] and re.match(r"\s*\[", line):
                break
    return best[1]


def _split_key(text: str) -> list[str]:
    return [part.strip().strip("\"'") for part in re.findall(r"\"[^\"]*\"|'[^']*'|[^.\s]+", text)]
