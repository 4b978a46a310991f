"""What several formats share: the reporter interface, text made safe for a terminal, and addresses of rule pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pooclint.rule import Rule
from pooclint.run.result import RunResult

# C0 and C1 controls, and the characters that reorder or hide text around them.
_UNSAFE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Context:
    """What a reporter may need besides the findings."""

    version: str
    rules: Callable[[], Sequence[type[Rule]]]
    """Gives all rules; a function, since most formats need none."""
    lines: Callable[[str], Sequence[str]]
    """The lines of a file that a finding names; none when it cannot be read."""
    color: bool = False
    summary: bool = True


Reporter = Callable[[RunResult, Context], str]


def printable(text: str) -> str:
    """`text` with everything escaped that would move the cursor, change colours or reorder what a terminal shows."""
    return _UNSAFE.sub(_escape, text.replace("\t", "    "))


def _escape(match: re.Match[str]) -> str:
    number = ord(match.group())
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def rule_url(code: str) -> str:
    """The page of a rule in the documentation; empty for a rule of another distribution."""
    if not code.startswith("CNX"):
        return ""
    return f"https://pooclint.readthedocs.io/en/stable/rules/{code}/"


def plural(count: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
