"""Results of earlier runs, as long as nothing that they rest on has changed.

A cache is loaded and compared with the disk once, at the start of a run: what changed is dropped, with all that rests
on it. From then on, everything in it is true, and what the run learns is added. LibCST is not imported for that.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pooclint.config import Config
from pooclint.graphs import reached
from pooclint.program.consulted import (
    GONE,
    OF_CONTENT,
    OF_LOOKUPS,
    Consulted,
    Learned,
    Question,
    State,
    Use,
    file_now,
    folder_now,
    is_covered,
)
from pooclint.rule import Finding
from pooclint.run.cache_file import (
    MAX_DAYS,
    SUFFIX,
    UNSETTLED,
    CacheError,
    Contents,
    Kept,
    Links,
    Together,
    locked,
    pack_links,
    read_cache,
    unpack_links,
    write_cache,
)
from pooclint.run.cache_key import cache_key
from pooclint.run.discovery import Source
from pooclint.run.result import FileReport

if TYPE_CHECKING:
    from pooclint.program.exports import Exports, Known
    from pooclint.run.models import ModelSet

FOLDER = ".pooclint_cache"
_MOMENT = 2_000_000_000
"""Nanoseconds. A file that was written so shortly before it was read may change again without its time changing."""
_RESTLESS = 10
"""So many folders may be listed in every run, because their times were no good when they were written down."""
_AMBIGUOUS = State(-2, 0, 0, b"changed while it was looked at")


class Caches:
    """The caches of a run: one for each configuration."""

    def __init__(self, folder: Path | None, warn: Callable[[str], None], off: bool = False) -> None:
        """Prepares them; nothing is read yet.

        Args:
            folder: Where they are kept; None stands for the folder of each configuration.
            warn: Is told what goes wrong. Nothing of that changes a result.
            off: Know nothing, and keep nothing.
        """
        self._folder = folder
        self._warn = warn
        self.off = off
        self._open: dict[int, Cache | None] = {}
        self._models: dict[int, ModelSet] = {}

    def report(self, source: Source) -> FileReport | None:
        """What an earlier run said about a file; None when it has to be checked."""
        cache = self._of(source.config)
        return cache.report(source.file, source.display) if cache and not source.problem else None

    def add(self, source: Source, report: FileReport, learned: Learned | None) -> None:
        """Keep a report.

        Args:
            source: The file.
            report: What was found.
            learned: What the checker consulted for it and before; None when the report is of no checker.
        """
        cache = self._of(source.config)
        if cache and learned is not None:
            cache.learn(learned)
            if not report.crash and not source.problem:
                cache.add(source.file, report)

    def models(self, config: Config) -> ModelSet:
        """The models of a configuration, for whoever goes on where the caches end.

        Raises:
            ConfigError: a pack or a file that the configuration names cannot be used.
            ModelError: a model file has a mistake.
        """
        from pooclint.run.models import model_set

        if id(config) not in self._models:
            self._models[id(config)] = model_set(config)
        return self._models[id(config)]

    def _exports_by(self, config: Config, consulted: Consulted) -> Exports:
        from pooclint.program.exports import exports_by

        return exports_by(self.models(config).every, consulted)

    def names(self, config: Config) -> Known:
        """The names by which modules acquire, as far as an earlier run has worked them out."""
        cache = self._of(config)
        return cache.names() if cache else {}

    def together(self, sources: Sequence[Source], reports: Sequence[FileReport]) -> tuple[Finding, ...] | None:
        """What an earlier run said about files of one configuration together; None when it has to be worked out."""
        cache = self._of(sources[0].config)
        return cache.together(_digest_of(sources, reports)) if cache else None

    def add_together(
        self,
        sources: Sequence[Source],
        reports: Sequence[FileReport],
        findings: tuple[Finding, ...],
        learned: Learned,
    ) -> None:
        """Keep what is to be said of files of one configuration together.

        Args:
            sources: The files.
            reports: What was found in each.
            findings: What was found of all.
            learned: What was consulted for that.
        """
        cache = self._of(sources[0].config)
        if cache:
            cache.learn(learned)
            rests_on = (*learned.files, *{asker: None for asker, _ in learned.asked})
            cache.add_together(Together(_digest_of(sources, reports), rests_on, findings))

    def save(self) -> None:
        """Write what is new."""
        for cache in self._open.values():
            if cache:
                try:
                    cache.save()
                except CacheError as error:
                    self._warn(f"cache {cache.file.parent}: {error}")

    def _of(self, config: Config) -> Cache | None:
        if id(config) not in self._open:
            key = None if self.off else cache_key(config)
            self._open[id(config)] = self._load(self._folder or config.root / FOLDER, key, config) if key else None
        return self._open[id(config)]

    def _load(self, folder: Path, key: str, config: Config) -> Cache:
        file = folder / f"{key}{SUFFIX}"
        found: Contents | None = None
        try:
            found = read_cache(file, key)
        except CacheError as error:
            self._warn(f"cache {file}: {error}; it is not used")
            with suppress(OSError):
                file.unlink()
        return Cache(file, key, partial(self._exports_by, config), found)


class Cache:
    """The results of one configuration."""

    def __init__(
        self, file: Path, key: str, exports_by: Callable[[Consulted], Exports], found: Contents | None = None
    ) -> None:
        """Takes what was found in a cache, and drops what no longer holds.

        Args:
            file: Where it is kept.
            key: What its results rest on besides the files of the project.
            exports_by: Gives the look-up of what modules acquire by.
            found: What is in it.
        """
        self._exports_by = exports_by
        self.file = file
        self._key = key
        self._started = time.time_ns()
        self._today = self._started // 86_400_000_000_000
        self._files = found.files if found else {}
        self._folders = found.folders if found else {}
        self._reports = found.reports if found else {}
        self._packed = found.links if found else None
        self._links: Links | None = None
        self._together = found.together if found else None
        self._dirty = False
        self._loaded = _identity(file)
        self._compare()

    def report(self, file: str, display: str) -> FileReport | None:
        """What is known of a file that is shown under a name."""
        kept = self._reports.get(file)
        if kept is None or kept.report.path != display or file not in self._files:
            return None
        if kept.day != self._today:
            self._reports[file] = Kept(self._today, kept.report)
            self._dirty = True
        return kept.report

    def learn(self, learned: Learned) -> None:
        """Take over what a checker consulted."""
        links = self._known()
        for known, news in ((self._files, learned.files), (self._folders, learned.folders)):
            for path, state in news.items():
                same = path not in known or known[path].digest == state.digest
                known[path] = state if same else _AMBIGUOUS
        for question, answer in learned.answers.items():
            same = links.answers.setdefault(question, answer) == answer
            if not same:
                links.answers[question] = UNSETTLED
        for asker, question in learned.asked:
            links.asked.setdefault(asker, set()).add(question)
        links.rests.update(learned.rests)
        for part, digest in learned.parts.items():
            if links.parts.setdefault(part, digest) != digest:
                links.parts[part] = b""  # is taken for changed the next time
        self._dirty = True

    def add(self, file: str, report: FileReport) -> None:
        """Keep the report of a file, if it is known by what bytes."""
        if self._files.get(file, GONE) not in (GONE, _AMBIGUOUS):
            self._reports[file] = Kept(self._today, report)
            self._dirty = True

    def names(self) -> Known:
        """The names by which modules acquire."""
        from pooclint.run.stale import known_names

        return known_names(self._known().answers)

    def together(self, digest: str) -> tuple[Finding, ...] | None:
        """What is to be said of files together, if that is known of these."""
        return self._together.findings if self._together and self._together.digest == digest else None

    def add_together(self, found: Together) -> None:
        """Keep what is to be said of files together."""
        self._together = found
        self._dirty = True

    def save(self) -> None:
        """Write it, if anything is new, with what others have written since it was loaded.

        Raises:
            CacheError: it cannot be written.
        """
        if self._dirty:
            with locked(self.file.parent):
                self._merge()
                self._write()

    def _merge(self) -> None:
        """Take over what another run, or another process of this one, has added."""
        if _identity(self.file) == self._loaded:
            return
        with suppress(CacheError):  # it is replaced
            found = read_cache(self.file, self._key)
            if found is None:
                return
            links = unpack_links(found.links)
            own = self._known().rests
            self.learn(_learned(found, links))
            for file, kept in found.reports.items():
                if file not in self._reports and self._files.get(file) not in (None, GONE, _AMBIGUOUS):
                    self._reports[file] = kept
                    own[file] = links.rests.get(file, ())

    def _write(self) -> None:
        links = self._links_to_write()
        folders = self._folders
        contents = Contents(
            self._key,
            {path: self._settled(state) for path, state in self._files.items()},
            {path: self._settled(state) for path, state in folders.items() if not is_covered(path, folders)},
            self._reports,
            links,
            self._together,
        )
        write_cache(self.file, contents)
        self._loaded = _identity(self.file)
        self._dirty = False

    def _known(self) -> Links:
        if self._links is None:
            try:
                self._links = unpack_links(self._packed) if self._packed is not None else Links()
            except CacheError:  # somebody made it by hand; without links, nothing can be trusted
                self._links = Links()
                for known in (self._files, self._folders, self._reports):
                    known.clear()
        return self._links

    def _compare(self) -> None:
        """Compare everything with the disk, and drop what no longer holds."""
        changed, touched = self._renew(self._files, file_now)
        moved, restless = self._renew(self._folders, folder_now)
        # To list a folder is quicker than to write a cache, and some of those around a project never come to rest.
        self._dirty = touched > 0 or restless > _RESTLESS
        if not changed and not moved:
            return
        from pooclint.run.stale import stale_files

        self._dirty = True
        links = self._known()
        stale = stale_files(self._files.keys(), links, changed, bool(moved), self._exports_by)
        if self._together and not (changed | stale.asking).isdisjoint(self._together.rests_on):
            self._together = None
        for path in stale.asking & links.asked.keys():
            # What it imports holds as long as its text does, whatever else was asked for it, and others rest on that.
            kept = set() if path in stale.looking else {q for q in links.asked[path] if q.kind in OF_LOOKUPS}
            if kept:
                links.asked[path] = kept
            else:
                del links.asked[path]
        for path in changed | stale.asking | stale.reports:
            self._reports.pop(path, None)
            links.rests.pop(path, None)
        asked = set[object]().union(*links.asked.values(), *links.rests.values())
        links.answers = {question: answer for question, answer in links.answers.items() if question in asked}
        for path in changed:
            if self._files.get(path) == GONE:
                del self._files[path]
        self.learn(stale.learned)

    def _renew(self, known: dict[str, State], now: Callable[[str, State], State]) -> tuple[frozenset[str], int]:
        """Bring states up to date. What has other content now is returned, and how many have nothing but another
        time."""
        changed = set()
        touched = 0
        for path, state in list(known.items()):
            current = now(path, state)
            if current is state:
                continue
            known[path] = current
            if current.digest != state.digest:
                changed.add(path)
            else:
                touched += self._settled(current) != state
        return frozenset(changed), touched

    def _settled(self, state: State) -> State:
        """A state without a time that proves nothing."""
        recent = max(state.modified, state.changed) > self._started - _MOMENT
        return state._replace(modified=0, changed=0) if recent else state

    def _links_to_write(self) -> msgspec.Raw:
        """The links as they are kept: as they were read, unless something of them was of concern."""
        old = [file for file, kept in self._reports.items() if self._today - kept.day > MAX_DAYS]
        if self._links is None and self._packed is not None and not old:
            return self._packed
        links = self._known()
        if old:
            self._drop_unused(old, links)
        return pack_links(links)

    def _drop_unused(self, old: Iterable[str], links: Links) -> None:
        """Drop results that nobody asked for in a long time, and what only they rest on."""
        for file in old:
            del self._reports[file]
            links.rests.pop(file, None)
        rests = [one for dependencies in links.rests.values() for one in dependencies]
        uses = {(one.path, one.name) for one in rests if isinstance(one, Use)}
        needed = {*self._reports, *(self._together.rests_on if self._together else ()), *(path for path, _ in uses)}
        needed |= {one.place for one in rests if isinstance(one, Question)}
        live = _reachable(needed, links)
        links.asked = {asker: questions for asker, questions in links.asked.items() if asker in live}
        links.parts = {pair: digest for pair, digest in links.parts.items() if pair in uses}
        asked = set[object]().union(*links.asked.values(), rests)
        links.answers = {question: answer for question, answer in links.answers.items() if question in asked}


def _digest_of(sources: Sequence[Source], reports: Sequence[FileReport]) -> str:
    """What tells files, and what was found in each that matters to all, from others."""
    digest = hashlib.blake2b(digest_size=16)
    for source, report in zip(sources, reports, strict=True):
        digest.update(f"{source.place}\0{source.display}\0".encode("utf-8", "surrogateescape"))
        digest.update(repr(report.pools).encode("utf-8", "surrogateescape") if report.pools else b"\0")
    return digest.hexdigest()


def _identity(file: Path) -> tuple[int, int, int] | None:
    """What tells one version of a cache file from the next."""
    try:
        status = os.stat(file)
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _learned(found: Contents, links: Links) -> Learned:
    """What is in a cache, as a checker would tell it."""
    return Learned(
        found.files,
        found.folders,
        links.answers,
        [(asker, question) for asker, asked in links.asked.items() for question in asked],
        {},
        links.parts,
    )


def _reachable(files: Iterable[str], links: Links) -> frozenset[str]:
    """Those on whose behalf something was asked that what is known of the files rests on."""

    def leads(path: str) -> Iterator[str]:
        yield from (question.place for question in links.asked.get(path, ()) if question.kind in OF_CONTENT)

    return reached(files, leads)
