"""`pooclint check`: files in, a report out."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pooclint import __version__
from pooclint.app.options import check_parser, overrides_of
from pooclint.app.output import wants_color, write_report
from pooclint.config import Config, ConfigFinder
from pooclint.packs import load_rules, rule_codes, rules_of, select_rules, selection_problem
from pooclint.report import reporter
from pooclint.report.common import Context, printable
from pooclint.run.discovery import Source, UsageError, discover, display_path, is_excluded
from pooclint.run.result import FileReport, RunResult, collect

if TYPE_CHECKING:
    from pooclint.rule import Finding
    from pooclint.run.cache import Caches
    from pooclint.run.workers import Done


def check(arguments: Sequence[str]) -> int:
    """Checks files and prints a report.

    Args:
        arguments: What follows the command's name.

    Returns:
        The exit status.

    Raises:
        UsageError: a path that does not exist, a code that does not exist.
        ConfigError: a configuration file has a mistake.
    """
    options = check_parser().parse_strictly(arguments)
    if options.config and options.isolated:
        raise UsageError("--config and --isolated exclude each other")
    config_file = Path(options.config) if options.config else None
    overrides = overrides_of(options, partial(selection_problem, file=config_file, isolated=options.isolated))
    finder = ConfigFinder(rule_codes, overrides, config_file, options.isolated)
    if options.show_settings:
        print(_settings(_first_config(options.paths, finder)), end="")
        return 0

    started = time.monotonic()
    stdin = _read_stdin(options)
    packs: tuple[str, ...] = ()
    about_project: tuple[Finding, ...] = ()
    if stdin is None:
        sources = list(discover(options.paths, finder, options.force_exclude))
        caches = _caches(options)
        reports = _check_files(sources, options, caches)
        try:
            about_project = _check_project(sources, reports, options, caches)
        finally:
            caches.save()
        packs = tuple(dict.fromkeys(pack for source in sources for pack in source.config.settings.packs))
    else:
        config = finder.for_folder(_stdin_path(options).parent)
        reports = _check_stdin(stdin, options, config)
        packs = config.settings.packs
    result = collect(reports, about_project)
    _tell(reports, result, options, time.monotonic() - started)

    context = Context(
        version=__version__,
        rules=partial(load_rules, packs),
        lines=_line_reader(stdin, options),
        color=wants_color(options),
        summary=not options.quiet,
    )
    write_report(reporter(options.format)(result, context), options.output)
    if options.statistics:
        _statistics(result)
    return 1 if result.findings and not options.exit_zero else 0


def _read_stdin(options: argparse.Namespace) -> bytes | None:
    if "-" not in options.paths:
        if options.stdin_filename:
            raise UsageError("--stdin-filename needs `-` as the path")
        return None
    if options.paths != ["-"]:
        raise UsageError("`-` cannot be combined with other paths")
    return sys.stdin.buffer.read()


def _stdin_name(options: argparse.Namespace) -> str:
    return display_path(options.stdin_filename) if options.stdin_filename else "<stdin>"


def _stdin_path(options: argparse.Namespace) -> Path:
    return Path(os.path.abspath(options.stdin_filename or "stdin.py"))


def _check_stdin(data: bytes, options: argparse.Namespace, config: Config) -> list[FileReport]:
    from pooclint.run.check import Checker

    if options.force_exclude and options.stdin_filename and is_excluded(_stdin_path(options), config):
        return []
    return [Checker().check_data(data, _stdin_name(options), config)]


def _check_files(sources: Sequence[Source], options: argparse.Namespace, caches: Caches) -> list[FileReport]:
    reports = {place: report for place, source in enumerate(sources) if (report := caches.report(source))}
    left = [place for place in range(len(sources)) if place not in reports]
    for place, one in _check_anew(sources, left, options, caches):
        if options.verbose:
            print(f"{printable(one.report.path)}: {one.report.status}, {one.seconds * 1000:.1f} ms", file=sys.stderr)
        caches.add(sources[place], one.report, one.learned)
        reports[place] = one.report
    if options.verbose:
        print(f"{len(sources) - len(left)} of {len(sources)} files known from an earlier run", file=sys.stderr)
    return [reports[place] for place in sorted(reports)]


def _check_project(
    sources: Sequence[Source], reports: Sequence[FileReport], options: argparse.Namespace, caches: Caches
) -> tuple[Finding, ...]:
    """What is to be said of all files together, where folders were named, not single files."""
    if not any(report.pools for report in reports) or not all(os.path.isdir(path) for path in options.paths):
        return ()
    groups: dict[int, list[tuple[Source, FileReport]]] = {}
    for source, report in zip(sources, reports, strict=True):
        groups.setdefault(id(source.config), []).append((source, report))
    found: list[Finding] = []
    for group in groups.values():
        together, theirs = [source for source, _ in group], [report for _, report in group]
        known = caches.together(together, theirs)
        if known is None:
            from pooclint.run.check import Checker  # with LibCST

            checker = Checker(models=caches.models)
            known = checker.check_project(together, theirs)
            caches.add_together(together, theirs, known, checker.learned(together[0].config))
        found += known
    return tuple(found)


def _check_anew(
    sources: Sequence[Source], places: Sequence[int], options: argparse.Namespace, caches: Caches
) -> Iterator[tuple[int, Done]]:
    """Check the sources at these places; each is given once, in the order in which they are done."""
    if not places:
        return
    # LibCST and the rules take longer to import than a run may last that has nothing to check.
    from pooclint.extent import Extent
    from pooclint.run.check import Checker
    from pooclint.run.collector import paused
    from pooclint.run.progress import with_progress
    from pooclint.run.workers import check_here, check_in_workers, suitable_jobs

    chosen = [sources[place] for place in places]
    jobs = suitable_jobs(chosen, options.jobs)
    extent = Extent(prefilter=not options.no_prefilter, partial=not options.no_partial_parse)
    make = partial(Checker, extent=extent, kept=not options.no_cache, processes=jobs)
    done = (
        check_in_workers(chosen, jobs, make=make)
        if jobs > 1
        else check_here(make(known=caches.names, models=caches.models), chosen)
    )
    hidden = options.no_progress or options.quiet or options.verbose or not sys.stderr.isatty()
    with paused():  # between the files as well, where it would look through what each has added
        for one in done if hidden else with_progress(done, len(chosen)):
            yield places[one.index], one


def _caches(options: argparse.Namespace) -> Caches:
    from pooclint.run.cache import Caches

    def warn(text: str) -> None:
        if not options.quiet:
            print(f"pooclint: {printable(text)}", file=sys.stderr)

    return Caches(Path(options.cache_dir) if options.cache_dir else None, warn, off=options.no_cache)


def _tell(reports: Iterable[FileReport], result: RunResult, options: argparse.Namespace, spent: float) -> None:
    for report in reports:
        if not report.crash:
            continue
        path = printable(report.path)
        if options.verbose:
            print(printable(report.crash).replace("\\x0a", "\n"), file=sys.stderr)
        print(
            f"pooclint: {path}: the analysis failed; this is a bug, please report it with the output of "
            f"`pooclint --verbose {path}`",
            file=sys.stderr,
        )
    if not result.files and not options.quiet:
        print("pooclint: no Python files found", file=sys.stderr)
    if options.verbose:
        print(
            f"{result.checked} checked, {result.skipped} without anything to check, {result.unreadable} unreadable, "
            f"{spent:.2f} s",
            file=sys.stderr,
        )


def _line_reader(stdin: bytes | None, options: argparse.Namespace) -> _Lines:
    return _Lines({_stdin_name(options): _decoded(stdin)} if stdin is not None else {})


class _Lines:
    """The lines of files, read when a frame needs them."""

    def __init__(self, known: dict[str, list[str]]) -> None:
        self._known = known

    def __call__(self, path: str) -> Sequence[str]:
        if path not in self._known:
            try:
                self._known[path] = _decoded(Path(path).read_bytes())
            except (OSError, ValueError):
                self._known[path] = []
        return self._known[path]


def _decoded(data: bytes) -> list[str]:
    # Only what Python counts as a line end; str.splitlines() knows more.
    text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")
    return text.split("\n")


def _statistics(result: RunResult) -> None:
    names = {finding.code: finding.name for finding in result.findings}
    counted = Counter(finding.code for finding in result.findings)
    for code, number in sorted(counted.items(), key=lambda pair: (-pair[1], pair[0])):
        print(f"{number:6}  {code}  {names[code]}", file=sys.stderr)


def _first_config(paths: Sequence[str], finder: ConfigFinder) -> Config:
    path = Path(os.path.abspath(paths[0] if paths and paths[0] != "-" else "."))
    return finder.for_folder(path if os.path.isdir(path) else path.parent)


def _settings(config: Config) -> str:
    settings = msgspec.to_builtins(config.settings)
    on = select_rules(rules_of(config), config.settings.select, config.settings.extend_select, config.settings.ignore)
    rows = [f"# from {printable(str(config.source))}" if config.source else "# no configuration file"]
    rows.append(f"# on: {' '.join(rule.code for rule in on)}")
    tables = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            tables[name] = [value]
        elif name in ("resource", "external-call"):
            tables[f"[{name}]"] = list(value)
        elif value is not None:
            rows.append(f"{name} = {_toml(value)}")
    for name, entries in tables.items():
        for entry in entries:
            rows.append(f"\n[{name}]")
            rows.extend(
                f"{_toml(key) if name == 'per-file-ignores' else key} = {_toml(value)}"
                for key, value in entry.items()
                if value is not None
            )
    return "\n".join(rows) + "\n"


def _toml(value: object) -> str:
    # Strings, numbers, booleans and lists of them are written alike in JSON and TOML.
    return json.dumps(value, ensure_ascii=False)
