"""Where the time of a cold run goes: a sampling profile by phase, in one process.

    python benchmarks/phases.py PATH [--seconds N]

Every two milliseconds of processor time the innermost function that is named below counts. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import signal
import time
from collections import Counter
from pathlib import Path
from types import FrameType

PHASES = {
    ("prefilter.py", "*"): "prefilter on bytes",
    ("outline.py", "*"): "names that modules pass on (bytes)",
    ("exports.py", "*"): "names that modules pass on (bytes)",
    ("consulted.py", "*"): "reading and hashing files",
    ("places.py", "*"): "places of modules",
    ("prefilter.py", "is_python"): "syntax check of files that are not parsed",
    ("pieces.py", "cut"): "cutting imported modules",
    ("parse.py", "_refusal"): "guard before the parser",
    ("parse.py", "parse"): "LibCST parse",
    ("walk.py", "*"): "walk: scopes and bindings",
    **{
        (f"{name}.py", "*"): "look-up of names and types"
        for name in ("imports", "definitions", "decorators", "annotations", "injections", "types", "modelled_calls")
    },
    ("offers.py", "*"): "look-up of what imported names lead to",
    ("callers.py", "*"): "callers and request scope",
    ("requests.py", "*"): "callers and request scope",
    **{("analysis.py", name): "control flow" for name in ("_evaluate", "_summarise", "_body", "summarise")},
    **{
        (f"{name}.py", "*"): "control flow"
        for name in (
            "statements",
            "loops",
            "matching",
            "with_statements",
            "try_statements",
            "losing",
            "expressions",
            "operands",
            "assignments",
            "branches",
            "comprehensions",
            "yields",
            "calls",
            "modelled",
            "acquiring",
            "values",
            "run",
            "managers",
            "liveness",
            "facts",
            "leaving",
            "summaries",
            "collections",
        )
    },
    ("analysis.py", "*"): "which functions need an evaluation",
    ("reaching.py", "*"): "which functions need an evaluation",
    ("owners.py", "*"): "attributes of classes",
    ("attributes.py", "*"): "attributes of classes",
    ("fields.py", "*"): "attributes of classes",
    ("positions.py", "*"): "positions",
    ("suppressions.py", "*"): "suppressions",
}


def phase(frame: FrameType | None) -> str:
    """The phase that a stack is in."""
    while frame is not None:
        code = frame.f_code
        name = Path(code.co_filename).name
        found = PHASES.get((name, code.co_name)) or PHASES.get((name, "*"))
        if found:
            return found
        frame = frame.f_back
    return "rules, loading of models, all else"


def profile(path: str, limit: float) -> tuple[float, Counter[str]]:
    """Check what is under a path; processor seconds, and samples of each phase."""
    from pooclint.config import ConfigFinder
    from pooclint.run.check import Checker
    from pooclint.run.discovery import discover
    from pooclint.run.workers import check_here

    samples: Counter[str] = Counter()

    def sample(_: int, frame: FrameType | None) -> None:
        samples[phase(frame)] += 1

    sources = list(discover([path], ConfigFinder(lambda _: "", isolated=True)))
    started = time.process_time()
    signal.signal(signal.SIGPROF, sample)
    signal.setitimer(signal.ITIMER_PROF, 0.002, 0.002)
    for _ in check_here(Checker(), sources):
        if time.process_time() - started > limit:
            break
    signal.setitimer(signal.ITIMER_PROF, 0)
    return time.process_time() - started, samples


def table(seconds: float, samples: Counter[str]) -> str:
    """A row for each phase, the longest first."""
    total = samples.total() if hasattr(samples, "total") else sum(samples.values())
    rows = [f"| {name} | {seconds * n / total:.1f} | {100 * n / total:.0f} % |" for name, n in samples.most_common()]
    return "\n".join(["| phase | processor seconds | share |", "|---|--:|--:|", *rows])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Where the time of a cold run goes.")
    parser.add_argument("path")
    parser.add_argument("--seconds", type=float, default=600.0, help="stop after so many (default: 600)")
    options = parser.parse_args()
    print(table(*profile(options.path, options.seconds)))


if __name__ == "__main__":
    main()
