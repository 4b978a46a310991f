"""pooclint beside its peers on real code: one run, interleaved rounds, medians and ratios.

    python benchmarks/speed.py [--rounds 3] [--limit 900] PATH …

Peers that are not installed are left out. Each tool is asked for what it has on resources and asynchronous code; none
uses a cache. Ratios of one run compare, seconds of two machines do not.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path


def tools() -> dict[str, list[str]]:
    """The commands by name, without the paths to check."""
    python = [sys.executable, "-m"]
    found = {
        "pooclint": [*python, "pooclint", "--isolated", "--no-cache", "--quiet", "--format", "concise"],
        "pooclint, one process": [
            *python, "pooclint", "--isolated", "--no-cache", "--quiet", "--format", "concise", "--jobs", "1"
        ],
    }  # fmt: skip
    ruff = shutil.which("ruff", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if ruff:
        found["ruff"] = [ruff, "check", "--isolated", "--no-cache", "--quiet", "--select", "SIM115,ASYNC"]
    if importlib.util.find_spec("flake8"):
        plain = [*python, "flake8", "--isolated"]
        if importlib.util.find_spec("bugbear"):
            found["flake8-bugbear"] = [*plain, "--select", "B"]
        if importlib.util.find_spec("flake8_async"):
            found["flake8-async"] = [*plain, "--select", "ASYNC"]
        found["flake8 with pooclint"] = [*plain, "--select", "CNX"]
        found["flake8 alone"] = [*plain, "--select", "F"]
    if importlib.util.find_spec("pylint"):
        found["pylint"] = [*python, "pylint", "--rcfile", os.devnull, "--disable", "all", "--enable", "R1732", "-j0"]
    semgrep = shutil.which("semgrep")
    if semgrep and (rules := os.environ.get("SEMGREP_RULES")):
        found["semgrep"] = [semgrep, "scan", "--metrics", "off", "--quiet", "--config", rules]
    return found


def lines(paths: Sequence[str]) -> int:
    """Lines of Python under the paths."""
    files = [f for path in paths for f in ([Path(path)] if Path(path).is_file() else Path(path).rglob("*.py"))]
    return sum(f.read_bytes().count(b"\n") for f in files if f.is_file())


def seconds(command: Sequence[str], limit: float) -> float | None:
    """What a command takes; None beyond the limit."""
    started = time.perf_counter()
    try:
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode not in (0, 1) and "pylint" not in command:
        tail = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        sys.exit(f"{' '.join(command[:4])} … failed with {done.returncode}: {''.join(tail)}")
    return time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="pooclint beside its peers.")
    parser.add_argument("paths", nargs="+", metavar="PATH", help="files and folders of real code")
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    parser.add_argument("--limit", type=float, default=900.0, help="seconds that a run may take (default: 900)")
    options = parser.parse_args()
    commands = tools()
    found: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(options.rounds):
        for name, command in commands.items():
            spent = seconds([*command, *options.paths], options.limit)
            if spent is not None:
                found[name].append(spent)
    total = lines(options.paths)
    print(f"{total:,} lines, {options.rounds} rounds, {os.cpu_count()} cores\n")
    print("| tool | median seconds | pooclint = 1 | lines per second |\n|---|---:|---:|---:|")
    base = statistics.median(found["pooclint"]) if found["pooclint"] else float("nan")
    for name, spent in sorted(found.items(), key=lambda pair: statistics.median(pair[1] or [options.limit])):
        if not spent:
            print(f"| {name} | over {options.limit:.0f} | | |")
            continue
        median = statistics.median(spent)
        print(f"| {name} | {median:.2f} | {median / base:.2f} | {total / median:,.0f} |")


if __name__ == "__main__":
    main()
