"""Many programs, compared in one process or several.

    PYTHONPATH=tests python -m oracle.hunting --programs 200000 --jobs 4

prints what was compared, the share of each named difference, and the smallest programs of those that have no name. The
exit status is 1 when there are any.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field

from oracle import collecting
from oracle.comparison import Disagreement, judge, models
from oracle.execution import quietly
from oracle.known import category
from oracle.minimise import minimise, reads_unbound
from oracle.programs import numbered

CHUNK = 250
SHOWN = 10


@dataclass
class Tally:
    """What a comparison of many programs gave."""

    counts: Counter[str] = field(default_factory=Counter)
    unexplained: list[tuple[Disagreement, str, str]] = field(default_factory=list)
    """Differences without a name, the number of their program, and its source."""

    def add(self, other: Tally) -> None:
        """Take over what another one counted."""
        self.counts.update(other.counts)
        self.unexplained += other.unexplained

    def summary(self) -> str:
        """The figures in words."""
        programs = max(self.counts["programs"], 1)
        lines = [f"{self.counts[k]:>9,} {k}" for k in sorted(self.counts) if ": " not in k]
        lines += [f"{n:>9,} {k} ({n / programs:.3%} of programs)" for k, n in sorted(self.counts.items()) if ": " in k]
        return "\n".join(lines)


def hunt(seed: int, numbers: range, collections: bool = False) -> Tally:
    """Compare the programs of a seed that have these numbers; `collections`: those of `collecting.py`."""
    tally = Tally()
    models()
    gc.collect()
    gc.freeze()  # what is there now stays: runs that collect garbage need not look at it
    with quietly():
        for number in numbers:
            source = collecting.numbered(seed, number) if collections else numbered(seed, number)
            if not _is_program(source):
                continue
            _compare(f"{seed}:{number}", source, tally)
    return tally


def _is_program(source: str) -> bool:
    """Whether it is Python, and reads no name above every line that binds it."""
    try:
        compile(source, "<generated>", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return not reads_unbound(source)


def _compare(name: str, source: str, tally: Tally) -> None:
    judgement = judge(source)
    counts = tally.counts
    counts["programs"] += 1
    counts["programs with more runs than are made"] += not judgement.complete
    counts["runs"] += judgement.runs
    counts["acquisitions that leak"] += judgement.leaking
    counts["acquisitions reported"] += judgement.reported
    for difference in judgement.disagreements:
        known = category(source, difference)
        counts[f"{difference.kind}: {known or 'without a name'}"] += 1
        if not known:
            tally.unexplained.append((difference, name, source))


def hunt_in_processes(seed: int, first: int, count: int, jobs: int, collections: bool = False) -> Iterator[Tally]:
    """Compare that many programs, and give what each chunk of them showed."""
    chunks = [range(n, min(n + CHUNK, first + count)) for n in range(first, first + count, CHUNK)]
    if jobs <= 1:
        yield from (hunt(seed, chunk, collections) for chunk in chunks)
        return
    with ProcessPoolExecutor(jobs) as pool:
        for done in as_completed([pool.submit(hunt, seed, chunk, collections) for chunk in chunks]):
            yield done.result()


def smallest(difference: Disagreement, name: str, source: str) -> str:
    """A difference, and the smallest program that shows it."""

    def shows(text: str) -> bool:
        return any(d.kind == difference.kind and not category(text, d) for d in judge(text, 600).disagreements)

    with quietly():
        return f"{name} {difference.kind}: {difference.detail}\n{minimise(source, shows)}"


def worst_first(found: tuple[Disagreement, str, str]) -> tuple[bool, int]:
    """The order in which differences are shown: missed leaks, then small programs."""
    return (found[0].kind not in ("missed", "crash"), len(found[2]))


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="oracle.hunting", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--programs", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first program")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--collections", action="store_true", help="programs about lists, sets and so on")
    arguments = parser.parse_args()
    total = Tally()
    first, count = arguments.first, arguments.programs
    for tally in hunt_in_processes(arguments.seed, first, count, arguments.jobs, arguments.collections):
        total.add(tally)
        for difference, name, _ in tally.unexplained:
            print(f"{name} {difference.kind}: {difference.detail}", flush=True)
        print(f"\r{total.counts['programs']:,} programs", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print(total.summary())
    for found in sorted(total.unexplained, key=worst_first)[:SHOWN]:
        print("\n" + smallest(*found))
    return 1 if total.unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
