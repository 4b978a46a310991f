"""pooclint beside its peers on published packages: interleaved rounds, medians, ratios, memory, a plot, a profile.

    python benchmarks/speed.py                                   all packages, writes docs/performance.md and .svg
    python benchmarks/speed.py --packages langflow-base --rounds 1 --print

Packages and tools are installed with pip in fixed versions, each tool in an environment of its own, below `--folder`.
Ratios of one run compare, seconds of two machines do not: run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from measure import Spent, spend
from page import Measured, page, plot

ROOT = Path(__file__).resolve().parent.parent
HOME = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pooclint-benchmarks"
"""Outside of any repository, whose settings and modules would be looked at."""
PACKAGES = {
    "apache-airflow-core": "3.3.2",
    "langflow-base": "1.13.0",
    "prefect": "3.9.1",
    "mlflow": "3.18.0",
    "homeassistant": "2024.3.3",
    "litellm": "1.109.1",
}
"""Smallest first."""
ENVIRONMENTS = {
    "pooclint": (str(ROOT),),
    "ruff": ("ruff==0.17.6",),
    "pylint": ("pylint==4.1.4",),
    "flake8": ("flake8==7.5.0",),
    "flake8-pooclint": ("flake8==7.5.0", str(ROOT)),
    "flake8-async": ("flake8==7.5.0", "flake8-async==26.8.1"),
    "semgrep": ("semgrep==1.185.0",),
}
OWN = ("--isolated", "--quiet", "--format", "concise")
RUFF = ("check", "--isolated", "--quiet", "--select", "SIM115,ASYNC")


_DEFINITION = re.compile(rb"^([ \t]*)(?:async )?def [^\n]*:\n", re.MULTILINE)


@dataclass(slots=True)
class Tool:
    """A way to run a tool over a package."""

    name: str
    command: Callable[[Path, Path], list[str]]
    """From the folder of environments and a folder for its cache."""
    cached: bool = False
    """True: it has run once before it is measured."""
    changed: bool = False
    """True: one file has changed since."""
    environment: str = field(default="pooclint")


def tools(semgrep: str | None) -> list[Tool]:
    """What is compared; `semgrep` is where its rules are, None leaves it out."""

    def plain(environment: str, program: str, *arguments: str) -> Callable[[Path, Path], list[str]]:
        return lambda folder, _: [str(folder / environment / "bin" / program), *arguments, "."]

    def with_cache(environment: str, *arguments: str) -> Callable[[Path, Path], list[str]]:
        return lambda folder, cache: [
            str(folder / environment / "bin" / environment), *arguments, "--cache-dir", str(cache), "."
        ]  # fmt: skip

    def inside_flake8(folder: Path, cache: Path) -> list[str]:
        program = folder / "flake8-pooclint" / "bin" / "flake8"
        return [str(program), "--isolated", "--pooclint-cache-dir", str(cache), "."]

    pylint = ("--rcfile", os.devnull, "--disable", "all", "--enable", "R1732", "-j", "0", "--recursive", "y")
    found = [
        Tool("pooclint, cold", plain("pooclint", "pooclint", *OWN, "--no-cache")),
        Tool("pooclint, cold, one process", plain("pooclint", "pooclint", *OWN, "--no-cache", "--jobs", "1")),
        Tool("pooclint, warm", with_cache("pooclint", *OWN), cached=True),
        Tool("pooclint, one file changed", with_cache("pooclint", *OWN), cached=True, changed=True),
        Tool("ruff, without cache", plain("ruff", "ruff", *RUFF, "--no-cache"), environment="ruff"),
        Tool("ruff, with cache", with_cache("ruff", *RUFF), cached=True, environment="ruff"),
        Tool("flake8", plain("flake8", "flake8", "--isolated"), environment="flake8"),
        Tool(
            "flake8 with pooclint, cold",
            plain("flake8-pooclint", "flake8", "--isolated", "--pooclint-no-cache"),
            environment="flake8-pooclint",
        ),
        Tool("flake8 with pooclint, warm", inside_flake8, cached=True, environment="flake8-pooclint"),
        Tool(
            "flake8-async",
            plain("flake8-async", "flake8", "--isolated", "--select", "ASYNC"),
            environment="flake8-async",
        ),
        Tool("pylint R1732", plain("pylint", "pylint", *pylint), environment="pylint"),
    ]
    if semgrep:
        rules = ("scan", "--metrics", "off", "--quiet", "--config", semgrep)
        found.append(Tool("semgrep", plain("semgrep", "semgrep", *rules), environment="semgrep"))
    return found


def install(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """Make the environments that are missing; the version of each tool."""
    versions: dict[str, str] = {}
    for name in names:
        target = folder / name
        wanted = ENVIRONMENTS[name]
        stamp = target / "installed"
        if not stamp.is_file() or stamp.read_text() != repr(wanted) or str(ROOT) in wanted:
            if not (target / "bin").is_dir():
                subprocess.run([sys.executable, "-m", "venv", str(target)], check=True)
            python = str(target / "bin" / "python")
            subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
            if str(ROOT) in wanted:  # the same version may be other code
                again = ("--force-reinstall", "--no-deps", "--no-cache-dir")
                subprocess.run([python, "-m", "pip", "install", "--quiet", *again, str(ROOT)], check=True)
            stamp.write_text(repr(wanted))
        main = name.partition("-")[0] if name != "flake8-async" else name
        shown = subprocess.run(
            [str(target / "bin" / "python"), "-m", "pip", "show", main], capture_output=True, text=True, check=True
        )
        versions[name] = next(
            line.partition(": ")[2] for line in shown.stdout.splitlines() if line.startswith("Version: ")
        )
    return versions


def unpack(folder: Path, name: str) -> Path:
    """The source of a package."""
    version = PACKAGES[name]
    target = folder / f"{name}-{version}"
    if target.is_dir():
        return target
    wheels = folder / "wheels"
    fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    subprocess.run(
        [*fetch, "--python-version", "3.13", "--dest", str(wheels), f"{name}=={version}"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    stem = f"{name.replace('-', '_')}-{version}-"
    wheel = next(file for file in wheels.iterdir() if file.name.lower().startswith(stem))
    part = target.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(part, [name for name in packed.namelist() if name.endswith((".py", "METADATA"))])
    part.rename(target)
    return target


def lines(folder: Path) -> int:
    """Lines of Python under a folder."""
    return sum(file.read_bytes().count(b"\n") for file in folder.rglob("*.py"))


def change(folder: Path) -> None:
    """Add a statement to a function in a file of middling size."""
    files = sorted(folder.rglob("*.py"), key=lambda file: (file.stat().st_size, str(file)))
    any(edit(file) for file in files[len(files) * 3 // 4 :])


def edit(file: Path) -> bool:
    """Add a statement to the first function in a file; False when it has none that stands on lines of its own."""
    found = _DEFINITION.search(data := file.read_bytes())
    if found:
        file.write_bytes(data[: found.end()] + found[1] + b"    0\n" + data[found.end() :])
    return found is not None


def measure(options: argparse.Namespace, chosen: Sequence[Tool]) -> Iterator[Measured]:
    """Each tool on each package, in interleaved rounds."""
    folder: Path = options.folder.resolve()
    slow: set[tuple[str, str]] = set()
    for package in options.packages:
        source = unpack(folder, package)
        work = folder / "work" / package
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(source, work)
        total = lines(work)
        spent: dict[str, list[Spent]] = {tool.name: [] for tool in chosen}
        for number in range(options.rounds):
            for tool in chosen:
                if (package, tool.name) in slow:
                    continue
                found = once(tool, folder, work, options.limit)
                print(f"{package}, round {number + 1}, {tool.name}: {_told(found)}", file=sys.stderr, flush=True)
                if found is None:
                    slow.add((package, tool.name))
                elif found.status not in (0, 1) and "pylint" not in tool.name:
                    sys.exit(f"{tool.name} failed on {package} with {found.status}: {found.said}")
                else:
                    spent[tool.name].append(found)
        for tool in chosen:
            yield Measured(package, PACKAGES[package], total, tool.name, tuple(spent[tool.name]))


def once(tool: Tool, folder: Path, work: Path, limit: float) -> Spent | None:
    """One run. What is cached was cached by a run that is not measured."""
    cache = folder / "caches" / f"{tool.name.replace(' ', '-').replace(',', '')}-{work.name}"
    command = tool.command(folder, cache)
    if tool.cached and (tool.changed or not cache.is_dir()) and spend(command, work, limit) is None:
        return None
    if tool.changed:
        change(work)
    return spend(command, work, limit)


def _told(found: Spent | None) -> str:
    return f"{found.seconds:.2f} s, {found.cpu:.2f} s of processors, {found.memory >> 20} MB" if found else "too long"


def phases(folder: Path, package: str) -> str:
    """The profile of a cold run."""
    python = folder / "pooclint" / "bin" / "python"
    script = Path(__file__).with_name("phases.py")
    target = unpack(folder, package)
    done = subprocess.run([str(python), str(script), str(target)], capture_output=True, text=True, check=True)
    return done.stdout


def main() -> None:
    """Install, measure, write."""
    parser = argparse.ArgumentParser(description="pooclint beside its peers.")
    parser.add_argument("--packages", nargs="+", choices=tuple(PACKAGES), default=list(PACKAGES), metavar="NAME")
    parser.add_argument("--tools", nargs="+", metavar="NAME", help="only tools whose names begin so")
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    parser.add_argument("--limit", type=float, default=1800.0, help="seconds that a run may take (default: 1800)")
    parser.add_argument("--folder", type=Path, default=HOME, help=f"for packages and environments (default: {HOME})")
    parser.add_argument("--semgrep-rules", metavar="PATH", help="a copy of semgrep's rules; without, it is left out")
    parser.add_argument("--profile", metavar="NAME", choices=tuple(PACKAGES), help="profile this package as well")
    parser.add_argument("--print", action="store_true", help="print the page, and leave docs/ alone")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    chosen = [t for t in tools(options.semgrep_rules) if not options.tools or t.name.startswith(tuple(options.tools))]
    versions = install(options.folder.resolve(), tuple(dict.fromkeys(("pooclint", *(t.environment for t in chosen)))))
    shutil.rmtree(options.folder / "caches", ignore_errors=True)
    (options.folder / "caches").mkdir()  # a folder that appears around a project would have to be looked at
    found = list(measure(options, chosen))
    (options.folder / "speed.json").write_text(json.dumps([asdict(item) for item in found], indent=1))
    profile = phases(options.folder.resolve(), options.profile) if options.profile else ""
    text = page(found, versions, options.rounds, options.limit, options.profile, profile)
    if options.print:
        print(text)
        return
    (ROOT / "docs" / "performance.md").write_text(text, encoding="utf-8")
    (ROOT / "docs" / "performance.svg").write_text(plot(found), encoding="utf-8")


if __name__ == "__main__":
    main()
