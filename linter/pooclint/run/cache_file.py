"""The file of a cache: what it holds, and how it is read and written so that nobody ever sees half of it.

It is msgpack, decoded with validation and never pickled, behind a checksum. Writers replace it whole: of two at once,
the last one wins, and both are right.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import msgspec

from pooclint.program.consulted import Answer, Dependency, Kind, Question, State, Use
from pooclint.rule import Finding
from pooclint.run.result import FileReport

SUFFIX = ".msgpack"
MAX_DAYS = 30
"""What nobody used for so long is dropped."""
_MAX_FILES = 16
"""Caches in a folder: one for each combination of settings, versions and working directory."""
_PATIENCE = 10.0  # seconds
_MAGIC = b"pooclint cache 4\n"
_TAG = """\
Signature: 8a477f597d28d172789f06886806bc55
# This folder is a cache of pooclint; it can be deleted at any time.
"""
_IGNORE = "# Made by pooclint.\n*\n"


UNSETTLED = ("changed while it was looked at",)
"""In place of an answer: two that contradict each other were given."""


class CacheError(Exception):
    """The cache cannot be used or written; the text says why."""


class Kept(NamedTuple):
    """A result, and the day on which it was last used."""

    day: int
    report: FileReport


class Together(NamedTuple):
    """What is to be said of files together."""

    digest: str
    """Of the files, and what was found in each that matters to all."""
    rests_on: tuple[str, ...]
    """Files that were looked at besides, and on whose behalf something was asked."""
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class Links:
    """What rests on what: the answers that were given, what was asked on behalf of each file, and what the report of
    each rests on."""

    answers: dict[Question, Answer] = field(default_factory=dict)
    asked: dict[str, set[Question]] = field(default_factory=dict)
    rests: dict[str, tuple[Dependency, ...]] = field(default_factory=dict)
    parts: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """Digests of what was used of modules, by file and name."""


class Contents(msgspec.Struct, array_like=True):
    """What a cache file holds. Most runs need no links: they are decoded when something has changed."""

    key: str
    files: dict[str, State]
    folders: dict[str, State]
    reports: dict[str, Kept]
    links: msgspec.Raw
    together: Together | None = None


class _Links(msgspec.Struct, array_like=True):
    """Links in numbers: the same few names are asked about thousands of times."""

    texts: list[str]
    questions: list[tuple[Kind, int, int, list[int]]]
    asked: dict[int, list[int]]
    uses: list[tuple[int, int]]
    rests: dict[int, tuple[list[int], list[int]]]
    """By file, which of the uses, and which of the questions."""
    parts: list[tuple[int, int, bytes]]


def pack_links(links: Links) -> msgspec.Raw:
    """Links as a cache file holds them."""
    numbers: dict[str, int] = {}

    def number(text: str) -> int:
        return numbers.setdefault(text, len(numbers))

    places = {question: place for place, question in enumerate(links.answers)}
    questions = [
        (question.kind, number(question.place), number(question.name), [number(text) for text in answer])
        for question, answer in links.answers.items()
    ]
    asked = {number(asker): [places[question] for question in wanted] for asker, wanted in links.asked.items()}
    uses: dict[Use, int] = {}
    rests: dict[int, tuple[list[int], list[int]]] = {}
    for file, dependencies in links.rests.items():
        used = [uses.setdefault(d, len(uses)) for d in dependencies if isinstance(d, Use)]
        rests[number(file)] = used, [places[d] for d in dependencies if isinstance(d, Question)]
    named = [(number(path), number(name)) for path, name in uses]
    parts = [(number(path), number(name), digest) for (path, name), digest in links.parts.items()]
    return msgspec.Raw(msgspec.msgpack.encode(_Links(list(numbers), questions, asked, named, rests, parts)))


def unpack_links(packed: msgspec.Raw) -> Links:
    """Links from a cache file.

    Raises:
        CacheError: they are damaged.
    """
    try:
        found = msgspec.msgpack.decode(packed, type=_Links)
        texts = found.texts
        questions = [Question(kind, texts[place], texts[name]) for kind, place, name, _ in found.questions]
        uses = [Use(texts[path], texts[name]) for path, name in found.uses]
        return Links(
            {q: tuple(texts[t] for t in entry[3]) for q, entry in zip(questions, found.questions, strict=True)},
            {texts[asker]: {questions[q] for q in wanted} for asker, wanted in found.asked.items()},
            {
                texts[file]: (*(uses[u] for u in used), *(questions[q] for q in wanted))
                for file, (used, wanted) in found.rests.items()
            },
            {(texts[path], texts[name]): digest for path, name, digest in found.parts},
        )
    except (msgspec.DecodeError, IndexError) as error:
        raise CacheError(f"damaged: {error}") from error


def read_cache(file: Path, key: str) -> Contents | None:
    """What a cache file holds; None when there is none.

    Raises:
        CacheError: it is damaged, or something else.
    """
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CacheError(f"cannot be read: {error.strerror or error}") from error
    start = len(_MAGIC)
    payload = data[start + 32 :]
    if data[:start] != _MAGIC or data[start : start + 32] != hashlib.blake2b(payload, digest_size=32).digest():
        raise CacheError("damaged")
    try:
        contents = msgspec.msgpack.decode(payload, type=Contents)
    except msgspec.DecodeError as error:
        raise CacheError(f"damaged: {error}") from error
    if contents.key != key:
        raise CacheError("it is of something else")
    return contents


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep others who read and then write a cache in that folder away; nobody waits long, and readers never do.

    Raises:
        CacheError: the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    try:
        _prepare(folder)
        lock = FileLock(folder / ".lock", timeout=_PATIENCE)
        with suppress(Timeout):  # without it, what another run adds now may be lost, and is worked out again
            lock.acquire()
    except OSError as error:
        raise CacheError(f"cannot be written: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()


def write_cache(file: Path, contents: Contents) -> None:
    """Write a cache file; readers see the old one or the new one.

    Raises:
        CacheError: it cannot be written.
    """
    import tempfile

    try:
        payload = msgspec.msgpack.encode(contents)
    except UnicodeEncodeError as error:
        raise CacheError(f"a name is not valid text: {error}") from error
    checksum = hashlib.blake2b(payload, digest_size=32).digest()
    written = ""
    try:
        _prepare(file.parent)
        with tempfile.NamedTemporaryFile("wb", dir=file.parent, prefix=".", suffix=".tmp", delete=False) as stream:
            written = stream.name
            stream.write(_MAGIC + checksum + payload)
        os.chmod(written, 0o644)
        os.replace(written, file)
    except OSError as error:
        if written:
            with suppress(OSError):
                os.unlink(written)
        raise CacheError(f"cannot be written: {error.strerror or error}") from error
    _drop_old(file.parent)


def _prepare(folder: Path) -> None:
    """Make the folder, and tell version control and backups to leave it out. One that somebody else made and uses is
    left as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    with os.scandir(folder) as entries:
        if any(True for _ in entries):
            return
    (folder / ".gitignore").write_text(_IGNORE, encoding="utf-8")
    (folder / "CACHEDIR.TAG").write_text(_TAG, encoding="utf-8")


def _drop_old(folder: Path) -> None:
    with suppress(OSError):
        now = time.time()
        found = sorted(_dated(folder.glob(f"*{SUFFIX}")), reverse=True)
        old = [path for place, (when, path) in enumerate(found) if place >= _MAX_FILES or _days(now - when) > MAX_DAYS]
        old += [path for when, path in _dated(folder.glob(".*.tmp")) if _days(now - when) > 1]
        for path in old:
            path.unlink()


def _dated(paths: Iterable[Path]) -> list[tuple[float, Path]]:
    return [(path.stat().st_mtime, path) for path in paths]


def _days(seconds: float) -> float:
    return seconds / 86_400
