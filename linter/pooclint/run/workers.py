"""Many files in several processes. A process that dies or hangs costs the file it was at, never the run.

Processes are spawned, or forked from a server that has no threads: what is forked next to running threads may hang.
Sources travel to a worker and plain reports travel back; syntax trees never leave the process that parsed them.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess

from pooclint.config import Config, ConfigError
from pooclint.program.consulted import Learned
from pooclint.run.check import Checker
from pooclint.run.collector import paused
from pooclint.run.discovery import Source
from pooclint.run.result import FileReport

WORTHWHILE = 2_000_000
"""Bytes of source from which workers are taken to pay for their start: an estimate (benchmarks/README.md)."""
MAX_SECONDS = 120.0
"""What one file may take, besides a second for every ten thousand bytes."""
_SMALLEST_BATCH = 50_000  # bytes: a message costs little, and files of one folder share what they import
_BATCHES = 12  # for each worker: the last to finish should not keep the others waiting


@dataclass(frozen=True, slots=True)
class Done:
    """A checked file: its place among the sources, what it gave, the seconds that took, and what was consulted."""

    index: int
    report: FileReport
    seconds: float
    learned: Learned | None = None
    """None when the report is of no checker."""


@dataclass(frozen=True, slots=True)
class _Failed:
    """The configuration of a file cannot be used."""

    text: str


_Task = tuple[int, str, str, int, str]  # place, path, display, place of the configuration, problem


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    connection: Connection
    batch: deque[int] = field(default_factory=deque)
    """What it has been given and not answered yet; it is at the first."""
    ready: bool = False
    since: float = 0.0
    """When it began with the file it is at."""
    last: int = -1
    """Of what it has been given, the last."""


@dataclass(slots=True)
class _Pending:
    """What nobody has been given."""

    batches: list[list[int]] = field(default_factory=list)
    """In the order of the sources."""
    again: deque[list[int]] = field(default_factory=deque)
    """What a process has been given that is gone."""

    def __bool__(self) -> bool:
        return bool(self.batches or self.again)

    def take(self, last: int) -> list[int]:
        """A batch for a process that was given the source `last` before: the one that follows, since files of a folder
        import the same; else one from the middle of the longest stretch, at whose beginning another process may be."""
        if self.again:
            return self.again.popleft()
        following = next((place for place, batch in enumerate(self.batches) if batch[0] == last + 1), None)
        return self.batches.pop(self._middle() if following is None else following)

    def _middle(self) -> int:
        breaks = [place for place, (one, other) in enumerate(pairwise(self.batches), 1) if one[-1] + 1 != other[0]]
        stretches = pairwise([0, *breaks, len(self.batches)])
        start, end = max(stretches, key=lambda stretch: stretch[1] - stretch[0])
        return (start + end) // 2


def suitable_jobs(sources: Sequence[Source], requested: int = 0) -> int:
    """How many processes to use.

    Args:
        sources: what there is to check.
        requested: what the user wants; 0 leaves it to the work: one for little, all cores for much.
    """
    if requested:
        return max(1, min(requested, len(sources)))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if cores == 1 or len(sources) < cores:
        return 1
    total = 0
    for source in sources:
        total += _size(source)
        if total > WORTHWHILE:
            return cores
    return 1


def check_here(checker: Checker, sources: Sequence[Source], indices: Sequence[int] | None = None) -> Iterator[Done]:
    """Check sources, or some of them, in this process.

    Raises:
        ConfigError: a file's configuration describes a resource in a way that no model can have.
    """
    for index in range(len(sources)) if indices is None else indices:
        started = time.monotonic()
        with paused():
            report = checker.check(sources[index])
            learned = checker.learned(sources[index].config)
        yield Done(index, report, time.monotonic() - started, learned)


def check_in_workers(
    sources: Sequence[Source], jobs: int, seconds: float = MAX_SECONDS, make: Callable[[], Checker] = Checker
) -> Iterator[Done]:
    """Check sources in so many processes; each is given once, in the order in which they are done.

    Args:
        seconds: what a file may take at least before its process is ended.
        make: makes the checker of a process, there; a function that can be imported.

    Raises:
        ConfigError: a file's configuration describes a resource in a way that no model can have.
    """
    pool = _Pool(sources, seconds, make)
    try:
        yield from pool.run(jobs)
    finally:
        pool.end()


class _Pool:
    """The processes of one run, and what is still to be done."""

    def __init__(self, sources: Sequence[Source], seconds: float, make: Callable[[], Checker]) -> None:
        self._make = make
        self._sources = sources
        self._seconds = seconds
        self._configs: list[Config] = list({id(s.config): s.config for s in sources}.values())
        self._config_place = {id(config): place for place, config in enumerate(self._configs)}
        self._sizes = [_size(source) for source in sources]
        self._pending = _Pending()
        self._died_at: set[int] = set()
        self._workers: list[_Worker] = []
        self._context = _context()
        self._broken = False

    def run(self, jobs: int) -> Iterator[Done]:
        self._pending.batches = _batches(self._sizes, jobs)
        for _ in range(min(jobs, len(self._pending.batches))):
            self._start()
        while self._workers:
            yield from self._step()
        left = [index for batch in (*self._pending.again, *self._pending.batches) for index in batch]
        if left:  # processes cannot be started here
            yield from check_here(self._make(), self._sources, left)

    def end(self) -> None:
        """End all processes at once."""
        for worker in self._workers:
            _kill(worker)
        self._workers.clear()

    def _start(self) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(theirs, tuple(self._configs), self._make), daemon=True)  # type: ignore[attr-defined]
        try:
            with _interrupts_held():
                process.start()
        except OSError:
            self._broken = True
            ours.close()
            return
        finally:
            theirs.close()
        self._workers.append(_Worker(process, ours))

    def _step(self) -> Iterator[Done]:
        """Wait until something happens, and see to it."""
        timeout = min((w.since + self._allowed(w) - time.monotonic() for w in self._workers if w.batch), default=60.0)
        ready = wait([w.connection for w in self._workers], max(timeout, 0.0))
        for worker in list(self._workers):
            if worker.connection in ready:
                yield from self._hear(worker)
            elif worker.batch and time.monotonic() > worker.since + self._allowed(worker):
                yield self._lost(worker, f"took more than {self._allowed(worker):.0f} seconds")

    def _allowed(self, worker: _Worker) -> float:
        return self._seconds + self._sizes[worker.batch[0]] / 10_000

    def _hear(self, worker: _Worker) -> Iterator[Done]:
        try:
            message = worker.connection.recv()
        except (EOFError, OSError):
            yield from self._died(worker)
            return
        if isinstance(message, _Failed):
            raise ConfigError(message.text)
        if isinstance(message, Done):
            worker.batch.popleft()
            yield message
        worker.ready = True
        worker.since = time.monotonic()
        if not worker.batch:
            self._give(worker)

    def _give(self, worker: _Worker) -> None:
        """Give a worker the next batch, or leave when there is none."""
        if not self._pending:
            self._workers.remove(worker)
            with suppress(OSError):
                worker.connection.send(None)
            worker.connection.close()
            return
        worker.batch.extend(self._pending.take(worker.last))
        worker.last = worker.batch[-1]
        with suppress(OSError):  # one that has just died is noticed when it is heard
            worker.connection.send([self._task(index) for index in worker.batch])

    def _task(self, index: int) -> _Task:
        source = self._sources[index]
        return index, source.place, source.display, self._config_place[id(source.config)], source.problem

    def _died(self, worker: _Worker) -> Iterator[Done]:
        """A process is gone: the file that it was at is tried once more, alone in a new one."""
        if not worker.ready or not worker.batch:
            self._drop(worker)
            # One that never came up will not come up the next time either.
            self._broken = self._broken or not worker.ready
            return
        index = worker.batch[0]
        if index in self._died_at:
            worker.process.join(5)
            yield self._lost(worker, f"ended the process ({_how(worker.process.exitcode)})")
            return
        self._died_at.add(index)
        rest = list(worker.batch)[1:]
        self._drop(worker)
        self._pending.again.extendleft(filter(None, ([index], rest)))
        self._start_again()

    def _lost(self, worker: _Worker, why: str) -> Done:
        """Give up the file that a process is at, and the process with it."""
        index, *rest = worker.batch
        self._drop(worker)
        if rest:
            self._pending.again.appendleft(rest)
        self._start_again()
        report = Checker().unreadable(self._sources[index], f"not analysed: the analysis {why}")
        return Done(index, report, self._seconds)

    def _drop(self, worker: _Worker) -> None:
        _kill(worker)
        self._workers.remove(worker)

    def _start_again(self) -> None:
        if self._pending and not self._broken:
            self._start()


def _kill(worker: _Worker) -> None:
    worker.connection.close()
    with suppress(OSError, ValueError):
        worker.process.kill()


def _how(code: int | None) -> str:
    """How a process ended, in words."""
    if code is not None and code < 0:
        with suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
    return f"exit status {code}"


def _context() -> BaseContext:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pooclint.run.workers", "pooclint.engine", "pooclint_rules.pack"])
    return context


class _interrupts_held:  # noqa: N801 - used like a function
    """Holds Ctrl-C back while a process starts: it inherits that, and leaves interrupts to its parent for good."""

    def __enter__(self) -> None:
        if sys.platform != "win32":
            self._before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})

    def __exit__(self, *exception: object) -> None:
        if sys.platform != "win32":
            signal.pthread_sigmask(signal.SIG_SETMASK, self._before)


def _batches(sizes: Sequence[int], jobs: int) -> list[list[int]]:
    """Neighbours together, about equal in bytes, in the order of the sources."""
    most = max(_SMALLEST_BATCH, sum(sizes) // (jobs * _BATCHES))
    found: list[list[int]] = []
    weight = 0
    for index, size in enumerate(sizes):
        weight += size
        if found and weight <= most:
            found[-1].append(index)
        else:
            found.append([index])
            weight = size
    return found


def _size(source: Source) -> int:
    try:
        return os.path.getsize(source.place) if not source.problem else 0
    except (OSError, ValueError):
        return 0


def _work(connection: Connection, configs: Sequence[Config], make: Callable[[], Checker]) -> None:
    """What a worker does: check what it is given until it is given nothing."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    checker = make()
    with paused(), suppress(EOFError, BrokenPipeError, ConnectionResetError):
        connection.send(None)
        while tasks := connection.recv():
            sources = [Source(path, display, configs[place], why) for _, path, display, place, why in tasks]
            try:
                for (index, *_), done in zip(tasks, check_here(checker, sources), strict=True):
                    connection.send(replace(done, index=index))
            except ConfigError as error:
                connection.send(_Failed(str(error)))
