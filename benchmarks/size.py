"""Analysis time against size: every shape of `tests/shapes.py` at growing sizes, side by side in one run.

    python benchmarks/size.py [--sizes 100,200,400] [SHAPE …]

Prints the processor time of each size and its ratio to the size before it: 2 is proportional. A shape that exceeds its
bound is marked; from there on its time no longer grows with its size.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from pooclint.engine import FileResult, Limits, check_bytes
from pooclint.models import load_models
from pooclint.packs import load_rules, model_paths
from shapes import HEAD, SHAPES, TAIL


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Analysis time against size.")
    parser.add_argument("shapes", nargs="*", metavar="SHAPE", help="default: all")
    parser.add_argument("--sizes", default="100,200,400,800", help="default: 100,200,400,800")
    parser.add_argument("--rounds", type=int, default=3, help="the quickest of so many counts (default: 3)")
    options = parser.parse_args()
    unknown = [shape for shape in options.shapes if shape not in SHAPES]
    if unknown:
        parser.error(f"no such shape: {', '.join(unknown)}")
    sizes = [int(size) for size in options.sizes.split(",")]
    models, rules = load_models(model_paths()), load_rules()

    def check(source: str) -> FileResult:
        return check_bytes((HEAD + source + TAIL).encode(), "big.py", rules, models, Limits())

    check("")  # what is loaded once
    print(f"{'seconds for a size of':30}" + "".join(f"{size:>16}" for size in sizes))
    for shape in options.shapes or SHAPES:
        row, before = f"{shape:30}", 0.0
        for size in sizes:
            source = SHAPES[shape](size)
            spent = []
            for _ in range(options.rounds):
                started = time.process_time()
                result = check(source)
                spent.append(time.process_time() - started)
            best = min(spent)
            cut = "!" if any(f.code == "CNX003" for f in result.findings) else " "
            ratio = f"x{best / before:.1f}" if before else ""
            row += f"{best:9.3f}{cut}{ratio:>6}"
            before = best
        print(row, flush=True)
    print("! cut at its bound (CNX003)")


if __name__ == "__main__":
    main()
