"""The command line: what was asked for, and the exit status. Everything heavy is imported when it is needed."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

from pooclint import __version__

COMMANDS = ("check", "explain", "rules", "models", "budget", "size", "schema")


def program() -> int:
    """Runs a command in a process that ends with it; what is installed as `pooclint` calls this.

    Returns:
        The exit status.
    """
    # Nearly all that a run makes it keeps: to look through it for garbage again and again takes a tenth of the time.
    # Where there is much that can go, it is collected when it goes (`run/check.py`).
    gc.disable()
    try:
        return main()
    finally:
        gc.freeze()  # and not once more before the process ends


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        argv: Arguments without the program's name; default: those of the process.

    Returns:
        The exit status: 0 nothing to report, 1 findings, 2 wrong usage or configuration or an internal error, 130 when
        interrupted.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments in (["--version"], ["-V"]):
        print(f"pooclint {__version__}")
        return 0
    _make_output_safe()
    try:
        return _dispatch(arguments)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader went away (`| head`); what it saw was enough for it.
        _silence_stdout()
        return 0
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2
    except Exception as error:
        return _fail(error, "--verbose" in arguments or "-v" in arguments)


def _dispatch(arguments: list[str]) -> int:
    command = arguments[0] if arguments and arguments[0] in COMMANDS else ""
    rest = arguments[1:] if command else arguments
    if command == "explain":
        from pooclint.app.catalogue import explain

        return explain(rest)
    if command == "rules":
        from pooclint.app.catalogue import rules

        return rules(rest)
    if command == "models":
        from pooclint.app.catalogue import models

        return models(rest)
    if command == "budget":
        from pooclint.app.budget import budget

        return budget(rest)
    if command == "size":
        from pooclint.app.size import size

        return size(rest)
    if command == "schema":
        from pooclint.app.catalogue import schema

        return schema(rest)
    from pooclint.app.check import check

    return check(rest)


def _fail(error: Exception, verbose: bool) -> int:
    from pooclint.config import ConfigError
    from pooclint.models import ModelError
    from pooclint.report.common import printable
    from pooclint.run.discovery import UsageError

    if isinstance(error, (ConfigError, ModelError, UsageError)):
        print(f"pooclint: {printable(str(error))}", file=sys.stderr)
        return 2
    if verbose:
        import traceback

        traceback.print_exception(error)
    reason = printable(f"{type(error).__name__}: {error}")
    print(f"pooclint: internal error: {reason} (please report it, with the output of --verbose)", file=sys.stderr)
    return 2


def _make_output_safe() -> None:
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            # A name or message that the terminal's encoding lacks must not end the run.
            reconfigure(errors="backslashreplace")


def _silence_stdout() -> None:
    # Python flushes once more at exit; that flush must not fail again.
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        return


if __name__ == "__main__":
    sys.exit(program())
