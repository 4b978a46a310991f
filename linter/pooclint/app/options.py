"""The options of the command line, and how a mistake in them is reported: one line, exit status 2."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from pooclint import __version__
from pooclint.config import Overrides
from pooclint.report import FORMATS
from pooclint.run.discovery import UsageError
from pooclint.toml_files import suggestion

_COMMANDS = """\
commands:
  check [PATH ...]      the same as no command
  explain CODE|LIBRARY  a rule, or what is known about a library
  rules                 all rules
  models                all libraries
  budget [PATH ...]     what all pools may open, against what the database server takes
  size                  how large a pool may sensibly be
  schema NAME           the JSON Schema of model files, of server files or of the configuration, for editors
"""


class Parser(argparse.ArgumentParser):
    """argparse, with errors of one line and a guess at what was meant."""

    def format_help(self) -> str:
        """The help, as wide as the terminal."""
        self.formatter_class = argparse.RawDescriptionHelpFormatter
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        """Prints the mistake and exits with 2."""
        print(f"pooclint: {message} (see pooclint --help)", file=sys.stderr)
        sys.exit(2)

    def parse_strictly(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Parses; an unknown option names the closest one there is."""
        options, unknown = self.parse_known_args(list(arguments))
        if unknown:
            word = unknown[0].split("=")[0]
            kind = "option" if word.startswith("-") else "argument"
            self.error(f"unknown {kind} `{word}`{suggestion(word, list(self._option_string_actions))}")
        return options


def _unused_formatter(prog: str) -> argparse.HelpFormatter:
    """What argparse formats every option with as it is added, for a check of its own. To ask for the width of the
    terminal takes longer than all options do."""
    return argparse.RawDescriptionHelpFormatter(prog, width=80)


def parser(command: str, description: str, epilog: str | None = None) -> Parser:
    """A parser in the shape that all commands share."""
    made = Parser(
        prog=f"pooclint {command}".strip(),
        description=description,
        epilog=epilog,
        formatter_class=_unused_formatter,
        allow_abbrev=False,
    )
    made.add_argument("-V", "--version", action="version", version=f"pooclint {__version__}")
    return made


def check_parser() -> Parser:
    """The options of `check`."""
    made = parser("", "Finds connection and pool leaks in Python code.", _COMMANDS)
    made.add_argument("paths", nargs="*", metavar="PATH", help="files and folders; `-` is standard input (default: .)")
    rules = made.add_argument_group("what is reported")
    codes = {"action": "append", "metavar": "CODES"}
    rules.add_argument("--select", **codes, help="only these codes or beginnings of codes; CNX is every rule")  # type: ignore[arg-type]
    rules.add_argument("--extend-select", **codes, help="these in addition to what is on")  # type: ignore[arg-type]
    rules.add_argument("--ignore", **codes, help="not these")  # type: ignore[arg-type]
    rules.add_argument("--per-file-ignores", action="append", metavar="PATTERN:CODES", help="not these in these files")
    rules.add_argument("--min-severity", choices=("info", "warning", "error"), help="default: warning")
    rules.add_argument("--min-confidence", choices=("low", "medium", "high"), help="default: medium")
    files = made.add_argument_group("files and settings")
    files.add_argument("--exclude", action="append", metavar="PATTERNS", help="also leave these out (as in .gitignore)")
    files.add_argument("--force-exclude", action="store_true", help="apply the exclusions to files that are named, too")
    files.add_argument("--stdin-filename", metavar="NAME", help="what standard input is called")
    files.add_argument("--config", metavar="FILE", help="use this file for everything")
    files.add_argument("--isolated", action="store_true", help="read no configuration")
    files.add_argument("--show-settings", action="store_true", help="print the settings of the first path, and stop")
    output = made.add_argument_group("output")
    # The second spellings are those of ruff: who types `--output-format` out of habit is not led to `--output`.
    kinds = ", ".join(FORMATS)
    output.add_argument(
        "--format", "--output-format", metavar="NAME", choices=tuple(FORMATS), default="text",
        help=f"{kinds}; default: text",
    )  # fmt: skip
    output.add_argument("--output", "--output-file", metavar="FILE", help="write the report to a file")
    output.add_argument("--statistics", action="store_true", help="count the findings of each code")
    output.add_argument("--exit-zero", action="store_true", help="exit with 0 also when there are findings")
    output.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="default: auto")
    output.add_argument("--no-progress", action="store_true", help="no progress bar")
    output.add_argument("-q", "--quiet", action="store_true", help="findings only")
    output.add_argument("-v", "--verbose", action="store_true", help="say what is done")
    speed = made.add_argument_group("speed")
    speed.add_argument(
        "-j",
        "--jobs",
        type=jobs,
        default=0,
        metavar="N",
        help="processes; default: all cores for much, one for little",
    )
    speed.add_argument("--no-cache", action="store_true", help="neither use nor keep results of other runs")
    # Thrift must not hide anything: tests compare the findings with those of runs without it.
    speed.add_argument("--no-prefilter", action="store_true", help=argparse.SUPPRESS)
    speed.add_argument("--no-partial-parse", action="store_true", help=argparse.SUPPRESS)
    speed.add_argument("--cache-dir", metavar="DIR", help="keep results there (default: .pooclint_cache)")
    return made


def jobs(text: str) -> int:
    """The type of `--jobs`: a number of processes, 0 for what suits the work."""
    if text == "auto":
        return 0
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number of processes")
    return number


def at_least(least: int) -> Callable[[str], int]:
    """The type of an option: a whole number that is not smaller."""

    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"`{text}` is not a whole number from {least} on")
        return value

    return number


def split_codes(values: Sequence[str] | None) -> tuple[str, ...]:
    """`["A,B", "C"]` as `("A", "B", "C")`."""
    return tuple(part.strip() for value in values or () for part in value.split(",") if part.strip())


KnownCodes = Callable[[str], str]
"""Says why a code selects nothing; an empty text when it selects something."""


def overrides_of(options: argparse.Namespace, problem_of: KnownCodes) -> Overrides:
    """What the command line says about settings.

    Args:
        options: The parsed options.
        problem_of: Tells whether a code exists.

    Raises:
        UsageError: a code that does not exist, or `--per-file-ignores` without a colon.
    """
    for name in ("select", "extend_select", "ignore"):
        check_codes(f"--{name.replace('_', '-')}", split_codes(getattr(options, name)), problem_of)
    return Overrides(
        select=split_codes(options.select) if options.select is not None else None,
        extend_select=split_codes(options.extend_select),
        ignore=split_codes(options.ignore),
        exclude=split_codes(options.exclude),
        per_file_ignores=_per_file(options.per_file_ignores, problem_of),
        min_severity=options.min_severity,
        min_confidence=options.min_confidence,
    )


def check_codes(option: str, selected: Sequence[str], problem_of: KnownCodes) -> None:
    """Raises:
    UsageError: one of `selected` is no code and no beginning of one.
    """
    for code in selected:
        problem = problem_of(code)
        if problem:
            raise UsageError(f"{option}: {problem}")


def _per_file(values: Sequence[str] | None, problem_of: KnownCodes) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for value in values or ():
        pattern, colon, listed = value.rpartition(":")
        if not colon or not pattern or not listed.strip():
            raise UsageError(f"--per-file-ignores: `{value}` is not of the form PATTERN:CODE,CODE")
        chosen = split_codes([listed])
        check_codes("--per-file-ignores", chosen, problem_of)
        found[pattern] = (*found.get(pattern, ()), *chosen)
    return found
