"""What it costs to check a project again after an edit: one file after another, chosen at random.

    python benchmarks/edits.py --packages apache-airflow-core langflow-base --edits 40

`speed.py` edits one file, which says little of the others: how much is checked again depends on what rests on the
function that was edited. Prints a row for each package: the times as multiples of a run in which nothing has changed.
"""

from __future__ import annotations

import argparse
import random
import shutil
from pathlib import Path
from statistics import median, quantiles

from measure import spend
from speed import HOME, OWN, PACKAGES, edit, install, unpack


def measure(folder: Path, package: str, edits: int, seed: int) -> tuple[float, float, list[float]]:
    """Seconds of a first run, of one in which nothing has changed (the median of three), and of one after each edit."""
    work = folder / "work" / package
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(unpack(folder, package), work)
    cache = folder / "edited" / package
    shutil.rmtree(cache, ignore_errors=True)
    cache.mkdir(parents=True)
    command = [str(folder / "pooclint" / "bin" / "pooclint"), *OWN, "--cache-dir", str(cache), "."]

    def seconds() -> float:
        found = spend(command, work, 1800.0)
        assert found is not None
        return found.seconds

    first = seconds()
    again = median(seconds() for _ in range(3))
    files = sorted(work.rglob("*.py"))
    random.Random(seed).shuffle(files)  # noqa: S311 - nothing is secret
    after: list[float] = []
    for file in files:
        if len(after) == edits:
            break
        if edit(file):
            after.append(seconds())
    return first, again, after


def main() -> None:
    """Install, measure, print."""
    parser = argparse.ArgumentParser(description="pooclint after edits.")
    parser.add_argument("--packages", nargs="+", choices=tuple(PACKAGES), default=list(PACKAGES), metavar="NAME")
    parser.add_argument("--edits", type=int, default=40, help="files edited in each package (default: 40)")
    parser.add_argument("--seed", type=int, default=1, help="of the choice of files")
    parser.add_argument("--folder", type=Path, default=HOME, help=f"for packages and environments (default: {HOME})")
    options = parser.parse_args()
    folder: Path = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    install(folder, ("pooclint",))
    print("| package | first run | nothing changed | after an edit: median | three in four | nine in ten | worst |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for package in options.packages:
        first, again, after = measure(folder, package, options.edits, options.seed)
        tenths = quantiles(after, n=20, method="inclusive")
        shown = [f"{value / again:.1f}" for value in (median(after), tenths[14], tenths[17], max(after))]
        print(f"| {package} | {first / again:.0f} | {again:.2f} s | {' | '.join(shown)} |", flush=True)


if __name__ == "__main__":
    main()
