"""Comments that silence findings: `# noqa`, `# flake8: noqa`, `# pooclint: ignore[...]`, `file-ignore[...]`."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from pooclint.rule import Finding

Kind = Literal["noqa", "ignore", "flake8-file", "file-ignore"]

# Patterns are compiled when one is first needed: most runs read no comments, and all import this.
_MARKS = rb"(?i)noqa|pooclint:"
_CODES = r"[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*"
# As flake8 reads it, and any number of blanks after the hash.
_NOQA = rf"(?i)#\s*noqa(?![\w-])(?::\s?(?P<codes>{_CODES}))?"
_FLAKE8_FILE = rf"(?i)#\s*flake8[:=]\s*noqa(?P<rest>:\s?(?P<codes>{_CODES}))?\s*$"
_POOCLINT = r"(?i)#\s*pooclint:\s*(?P<word>file-ignore|ignore)(?![\w-])\s*(?P<bracket>\[(?P<codes>[^\]]*)\])?"


@dataclass(frozen=True, slots=True)
class Directive:
    """One comment: where it stands, the lines it covers (0 to 0: the whole file) and its codes (none: all)."""

    kind: Kind
    line: int
    column: int
    codes: tuple[str, ...]
    first_line: int = 0
    last_line: int = 0

    @property
    def whole_file(self) -> bool:
        """True when it covers every line."""
        return not self.first_line

    def covers(self, finding: Finding) -> bool:
        """Whether it silences `finding`."""
        if not self.whole_file and not self.first_line <= finding.line <= self.last_line:
            return False
        return not self.codes or finding.code.startswith(self.codes)


@dataclass(frozen=True, slots=True)
class Suppressed:
    """The findings that are left, and the directives that did and did not silence one."""

    findings: tuple[Finding, ...]
    used: tuple[Directive, ...]
    unused: tuple[Directive, ...]


def find_directives(data: bytes) -> tuple[Directive, ...]:
    """Every suppression comment of a file.

    A file that cannot be tokenized is read line by line: a comment then covers its own line only.

    Args:
        data: The bytes of the file.

    Returns:
        The directives in the order of the file.
    """
    if not re.search(_MARKS, data):
        return ()
    try:
        comments = list(_comments(data))
    except (tokenize.TokenError, SyntaxError, ValueError):
        comments = list(_comments_by_line(data))
    return tuple(directive for comment in comments for directive in _parse(comment))


def apply(findings: Iterable[Finding], directives: Iterable[Directive], noqa: bool = True) -> Suppressed:
    """Takes out what the directives silence.

    Args:
        findings: Of the file that the directives stand in.
        directives: From `find_directives`.
        noqa: False leaves `# noqa` and `# flake8: noqa` without effect (flake8's `--disable-noqa`).

    Returns:
        What is left, and which directives were of use.
    """
    active = [directive for directive in directives if noqa or directive.kind in ("ignore", "file-ignore")]
    kept = []
    used = set()
    for finding in findings:
        matching = [index for index, directive in enumerate(active) if directive.covers(finding)]
        used.update(matching)
        if not matching:
            kept.append(finding)
    return Suppressed(
        findings=tuple(kept),
        used=tuple(directive for index, directive in enumerate(active) if index in used),
        unused=tuple(directive for index, directive in enumerate(active) if index not in used),
    )


@dataclass(frozen=True, slots=True)
class _Comment:
    text: str
    line: int
    column: int
    first_line: int
    last_line: int


def _comments(data: bytes) -> Iterator[_Comment]:
    """Comments with the range of lines of their logical line."""
    waiting: list[tokenize.TokenInfo] = []
    first = 0
    for token in tokenize.tokenize(io.BytesIO(data).readline):
        if token.type == tokenize.COMMENT:
            waiting.append(token)
        elif token.type == tokenize.NEWLINE:
            yield from _ranged(waiting, first, token.end[0])
            waiting, first = [], 0
        elif token.type == tokenize.NL and not first:
            # A comment on a line of its own, outside any statement.
            yield from _ranged(waiting, token.start[0], token.end[0])
            waiting = []
        elif not first and token.type not in (tokenize.ENCODING, tokenize.INDENT, tokenize.DEDENT, tokenize.NL):
            first = token.start[0]
    yield from _ranged(waiting, 0, 0)


def _ranged(tokens: Iterable[tokenize.TokenInfo], first: int, last: int) -> Iterator[_Comment]:
    for token in tokens:
        line, column = token.start
        yield _Comment(token.string, line, column + 1, first or line, last or line)


def _comments_by_line(data: bytes) -> Iterator[_Comment]:
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), start=1):
        column = line.find("#")
        if column >= 0:
            yield _Comment(line[column:], number, column + 1, number, number)


def _parse(comment: _Comment) -> Iterator[Directive]:
    file_level = re.search(_FLAKE8_FILE, comment.text)
    if file_level:
        yield Directive("flake8-file", comment.line, comment.column, _split(file_level.group("codes")))
        return
    noqa = re.search(_NOQA, comment.text)
    if noqa:
        codes = _split(noqa.group("codes"))
        yield Directive("noqa", comment.line, comment.column, codes, comment.first_line, comment.last_line)
    own = re.search(_POOCLINT, comment.text)
    if not own:
        return
    codes = _split(own.group("codes"))
    if own.group("bracket") and not codes:
        # `ignore[]` names nothing; reading it as "everything" would hide more than was asked for.
        return
    if own.group("word").lower() == "file-ignore":
        yield Directive("file-ignore", comment.line, comment.column, codes)
    else:
        yield Directive("ignore", comment.line, comment.column, codes, comment.first_line, comment.last_line)


def _split(codes: str | None) -> tuple[str, ...]:
    return tuple(code.upper() for code in re.split(r"[,\s]+", codes or "") if code)
