"""Texts of which not every part is known before the program runs."""

from __future__ import annotations

from string import Formatter
from urllib.parse import SplitResult, urlsplit

UNKNOWN_PART = "\0"
"""Stands for a part of a text that is not known."""
GAP = "\uffff"
"""The same in the parts of a URL."""


def with_gaps(pattern: object) -> str:
    """A pattern for `format`, in which each of its fields is unknown."""
    if not isinstance(pattern, str):
        return UNKNOWN_PART
    try:
        return "".join(
            f"{text}{'' if field is None else UNKNOWN_PART}" for text, field, _, _ in Formatter().parse(pattern)
        )
    except ValueError:
        return UNKNOWN_PART


def split_url(url: str) -> SplitResult:
    """The parts of a URL, with a `GAP` for what is not known of them: a NUL would be stripped.

    Raises:
        ValueError: it is none.
    """
    return urlsplit(url.replace(UNKNOWN_PART, GAP))
