"""Texts with variables in them, and command lines, as shells and container engines read them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from pooclint.deployment.facts import Figure, How

COMPUTED = "computed"
"""The variable that stands for what a shell would run to know: `$(nproc)`."""
_SEPARATORS = frozenset({"&&", "||", ";", "|", "&", "(", ")", ";;", "|&"})
_SUBSTITUTION = re.compile(r"\$\(\([^()]*\)\)|\$\([^()]*\)|`[^`]*`")
_VARIABLE = re.compile(
    r"\$(?:(?P<plain>[A-Za-z_]\w*)|\{(?P<name>[A-Za-z_]\w*)(?:(?P<form>:?[-=?+])(?P<other>[^{}]*(?:\{[^{}]*\}[^{}]*)*))?\})"
)
_NAMED = re.compile(r"\$\(([A-Za-z_]\w*)\)")
_MAX_TEXT = 20_000
_MAX_DEPTH = 4


class Word(NamedTuple):
    """A word of a command, and its line."""

    text: str
    line: int
    path: str = ""
    """The file, where it is not that of the command."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it is handed to the system: words, not yet expanded."""

    words: tuple[Word, ...]
    path: str

    @property
    def text(self) -> str:
        """The command in one line."""
        return " ".join(" ".join(word.text.split()) for word in self.words)


class Expanded(NamedTuple):
    """A text with its variables replaced."""

    figure: Figure[str]
    missing: str
    """The first variable that nobody sets; empty when all are known."""


def shell_command(text: str, path: str, line: int) -> Command:
    """A text that a shell runs, as a command of one shell with that text."""
    return Command((Word("sh", line), Word("-c", line), Word(text, line)), path)


def simple_commands(text: str, line: int) -> Iterator[tuple[Word, ...]]:
    """The simple commands of a shell's text, in order: what stands between `&&`, `;`, `|` and line ends.

    Args:
        text: The text, perhaps a script.
        line: The line that its first line stands on.
    """
    if len(text) > _MAX_TEXT:
        return
    number, pending, start = line, "", line
    for one in text.split("\n"):
        start = start if pending else number
        number += 1
        if one.rstrip().endswith("\\"):
            pending += one.rstrip()[:-1] + " "
            continue
        yield from _of_line(pending + one, start)
        pending = ""
    if pending:
        yield from _of_line(pending, start)


def _of_line(text: str, line: int) -> Iterator[tuple[Word, ...]]:
    if not text.strip() or text.lstrip().startswith("#"):
        return
    words: list[Word] = []
    for token in _tokens(text):
        if token in _SEPARATORS:
            if words:
                yield tuple(words)
            words = []
        else:
            words.append(Word(token, line))
    if words:
        yield tuple(words)


def _tokens(text: str) -> list[str]:
    plain = text
    for _ in range(_MAX_DEPTH):
        plain = _SUBSTITUTION.sub(_computed, plain)
    lexer = shlex.shlex(plain, posix=True, punctuation_chars="();&|")
    lexer.whitespace_split = True
    try:
        return list(lexer)
    except ValueError:  # a quotation that goes on in the next line
        return plain.split()


def _computed(match: re.Match[str]) -> str:
    # `$(NAME)` is how Kubernetes writes a variable; a command of one word in capitals is hardly anything else.
    named = _NAMED.fullmatch(match[0])
    return f"${{{named[1]}}}" if named and named[1].isupper() else f"${{{COMPUTED}}}"


def split_words(text: str, line: int) -> tuple[Word, ...]:
    """The words of a text that no shell reads."""
    try:
        return tuple(Word(word, line) for word in shlex.split(text[:_MAX_TEXT]))
    except ValueError:
        return tuple(Word(word, line) for word in text[:_MAX_TEXT].split())


def expand(
    text: str, environment: Mapping[str, Figure[str]], path: str = "", line: int = 0, depth: int = 0
) -> Expanded:
    """Replace the variables in a text.

    Args:
        text: The text.
        environment: What variables are set to.
        path: The file it stands in.
        line: Its line there.
        depth: How many variables led here.

    Returns:
        The text with its origin: that of the variable when it is nothing but one.
    """
    result = Figure(text, path, line)
    missing = ""
    how: How = "written"
    pieces: list[str] = []
    at = 0
    for match in _VARIABLE.finditer(text):
        name = match["plain"] or match["name"]
        found = _value(name, match["form"] or "", match["other"] or "", environment, (path, line), depth)
        pieces += [text[at : match.start()], found.figure.value]
        at = match.end()
        missing = missing or found.missing
        if found.figure.how != "written":
            how = found.figure.how
        if match.span() == (0, len(text)):
            return found
    if at:
        result = Figure("".join((*pieces, text[at:])), path, line, how)
    return Expanded(result, missing)


def _value(
    name: str, form: str, other: str, environment: Mapping[str, Figure[str]], at: tuple[str, int], depth: int
) -> Expanded:
    known = environment.get(name)
    is_set = known is not None and (known.value != "" or not form.startswith(":"))
    if form.endswith("+"):
        return (
            expand(other, environment, *at, depth + 1)
            if is_set and depth < _MAX_DEPTH
            else Expanded(Figure("", *at), "")
        )
    if known is not None and is_set:
        if "$" in known.value and depth < _MAX_DEPTH:
            inner = expand(
                known.value, {k: v for k, v in environment.items() if k != name}, known.path, known.line, depth + 1
            )
            return Expanded(replace(known, value=inner.figure.value), inner.missing)
        return Expanded(known, "")
    if form and form[-1] in "-=":
        inner = expand(other, environment, *at, depth + 1) if depth < _MAX_DEPTH else Expanded(Figure(other, *at), "")
        return Expanded(Figure(inner.figure.value, *at, "fallback", f"unless {name} is set"), inner.missing)
    return Expanded(Figure("", *at, "assumed", f"{name} is not set in any file"), name)


def assignments(words: Sequence[Word], path: str) -> tuple[dict[str, Figure[str]], int]:
    """The variables that a command sets for itself (`A=1 B=2 command`), and how many words that takes."""
    found: dict[str, Figure[str]] = {}
    for count, word in enumerate(words):
        match = re.match(r"([A-Za-z_]\w*)=(.*)", word.text, re.DOTALL)
        if match is None:
            return found, count
        found[match[1]] = Figure(match[2], path, word.line)
    return found, len(words)
