"""The flake8 plugin: the same findings as the command, a line each."""

from __future__ import annotations

import argparse
import ast
import io
import os
import tokenize
from collections.abc import Iterator, Sequence
from functools import partial
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from flake8.exceptions import ExecutionError
from flake8.options.manager import OptionManager

from pooclint import __version__
from pooclint.config import Config, ConfigError, ConfigFinder, Overrides
from pooclint.models import ModelError
from pooclint.packs import rule_codes, selection_problem
from pooclint.report.common import printable
from pooclint.run.cache import Caches
from pooclint.run.discovery import Source, display_path, is_excluded
from pooclint.run.result import FileReport

if TYPE_CHECKING:
    from pooclint.run.check import Checker


class Plugin:
    """What flake8 makes for every file. The class carries the options, as flake8 wants it."""

    name: ClassVar[str] = "pooclint"
    version: ClassVar[str] = __version__

    _finder: ClassVar[ConfigFinder | None] = None
    _checker: ClassVar[Checker | None] = None
    """Made when a file has to be checked: what it imports takes up time and memory in each process of flake8."""
    _noqa: ClassVar[bool] = True
    _caches: ClassVar[Caches | None] = None
    _saved_by: ClassVar[int] = 0
    """The process that will write these caches when it ends."""
    _stdin: ClassVar[str] = ""

    def __init__(self, tree: ast.AST, filename: str, lines: Sequence[str]) -> None:  # noqa: ARG002 - flake8 goes by the name
        """Takes what flake8 offers.

        Args:
            tree: Not used; asking for it makes flake8 call once per file.
            filename: The path, or the display name of standard input.
            lines: The file as flake8 read it.
        """
        self._filename = filename
        self._lines = lines

    @classmethod
    def add_options(cls, manager: OptionManager) -> None:
        """Registers the `--pooclint-*` options, which also stand in flake8's configuration file."""
        codes: dict[str, Any] = {"parse_from_config": True, "comma_separated_list": True, "metavar": "CODES"}
        manager.add_option("--pooclint-select", **codes, help="only these codes; CNX is every rule")
        manager.add_option("--pooclint-extend-select", **codes, help="these codes in addition to what is on")
        manager.add_option("--pooclint-ignore", **codes, help="not these codes")
        severities: Any = ("info", "warning", "error")
        confidences: Any = ("low", "medium", "high")
        one: dict[str, Any] = {"parse_from_config": True}
        manager.add_option("--pooclint-min-severity", **one, choices=severities, help="default: warning")
        manager.add_option("--pooclint-min-confidence", **one, choices=confidences, help="default: medium")
        manager.add_option("--pooclint-max-pool-size", **one, type=int, metavar="N", help="default: 20")
        manager.add_option("--pooclint-cache-dir", **one, metavar="DIR", help="default: .pooclint_cache")
        manager.add_option("--pooclint-no-cache", action="store_true", parse_from_config=True, help="keep no results")
        manager.add_option("--pooclint-max-acquire-timeout", **one, type=float, metavar="SECONDS", help="default: 10")

    @classmethod
    def parse_options(cls, options: argparse.Namespace) -> None:
        """Takes flake8's options; `[tool.pooclint]` is read beside them, and they are stronger.

        Raises:
            ExecutionError: a code that does not exist.
        """
        for name in ("select", "extend_select", "ignore"):
            for code in getattr(options, f"pooclint_{name}") or ():
                problem = _selection_problem(code)
                if problem:
                    raise ExecutionError(f"pooclint-{name.replace('_', '-')}: {problem}")
        select = options.pooclint_select
        overrides = Overrides(
            select=tuple(select) if select else None,
            extend_select=tuple(options.pooclint_extend_select or ()),
            ignore=tuple(options.pooclint_ignore or ()),
            min_severity=options.pooclint_min_severity,
            min_confidence=options.pooclint_min_confidence,
            max_pool_size=options.pooclint_max_pool_size,
            max_acquire_timeout=options.pooclint_max_acquire_timeout,
        )
        cls._finder = ConfigFinder(rule_codes, overrides)
        folder = Path(options.pooclint_cache_dir) if options.pooclint_cache_dir else None
        # What is reported without regard to suppressions is not what the command keeps.
        cls._noqa = not options.disable_noqa
        cls._caches = Caches(folder, _nobody, off=options.pooclint_no_cache or options.disable_noqa)
        cls._saved_by = 0
        cls._checker = None
        cls._stdin = options.stdin_display_name if "-" in (options.filenames or ()) else ""

    def run(self) -> Iterator[tuple[int, int, str, type[Plugin]]]:
        """Yields line, 0-based column, text and class of each finding.

        Raises:
            ExecutionError: `[tool.pooclint]` has a mistake.
        """
        finder = self._finder or ConfigFinder(rule_codes)
        path = Path(self._filename).absolute()
        try:
            config = finder.for_folder(path.parent)
            if is_excluded(path, config):
                return
            report = self._known(path, config) or self._checked(path, config)
        except (ConfigError, ModelError) as error:
            raise ExecutionError(str(error)) from error
        for finding in report.findings:
            yield finding.line, finding.column - 1, f"{finding.code} {printable(finding.message)}", type(self)

    def _known(self, path: Path, config: Config) -> FileReport | None:
        """What this or another run, of flake8 or of the command, has said of the file."""
        if self._caches is None or not self._is_file(path):
            return None
        return self._caches.report(Source(str(path), display_path(self._filename), config))

    def _checked(self, path: Path, config: Config) -> FileReport:
        from pooclint.run.collector import paused

        checker, display = self._the_checker(), display_path(self._filename)
        with paused():
            if not self._is_file(path):
                return checker.check_data(self._lines_as_bytes(), display, config, str(path))
            source = Source(str(path), display, config)
            report = checker.check(source)
            if self._caches is not None:
                self._caches.add(source, report, checker.learned(config))
                self._save_at_the_end()
        return report

    def _the_checker(self) -> Checker:
        cls = type(self)
        if cls._checker is None:
            from pooclint.run.check import Checker  # with LibCST and the rules

            make = partial(Checker, noqa=cls._noqa)
            if cls._caches is None or cls._caches.off:
                cls._checker = make(kept=False)
            else:
                cls._checker = make(known=cls._caches.names, models=cls._caches.models)
        return cls._checker

    def _is_file(self, path: Path) -> bool:
        """False for standard input, and for what flake8 was given lines of by other means."""
        return self._filename != self._stdin and path.is_file()

    def _save_at_the_end(self) -> None:
        """Write the caches when this process ends; each of flake8's adds what it has found."""
        cls = type(self)
        if cls._saved_by != os.getpid() and cls._caches is not None:
            cls._saved_by = os.getpid()
            Finalize(None, cls._caches.save, exitpriority=10)

    def _lines_as_bytes(self) -> bytes:
        text = "".join(self._lines)
        data = text.encode("utf-8", "surrogateescape")
        try:
            # Lines are decoded already; a declared encoding has to stay true.
            encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
            return text.encode(encoding)
        except (SyntaxError, UnicodeError, LookupError):
            return data


def _nobody(_: str) -> None:
    """A cache that cannot be used changes no result, and flake8 has nowhere to say so."""


def _selection_problem(code: str) -> str:
    try:
        return selection_problem(code)
    except ConfigError as error:
        raise ExecutionError(str(error)) from error
