"""Where reports go."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress
from pathlib import Path

from pooclint.run.discovery import UsageError


def wants_color(options: argparse.Namespace) -> bool:
    """Whether a report is painted: as the options say, else when somebody reads it on a terminal."""
    if options.color != "auto":
        return bool(options.color == "always")
    if options.output or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()


def write_report(text: str, output: str | None) -> None:
    """Writes a report to a file, or to standard output.

    Args:
        text: The report.
        output: The file; None is standard output. It is replaced whole.

    Raises:
        UsageError: the file cannot be written.
    """
    if not output:
        # A reader that goes away early changes nothing about the result.
        with suppress(BrokenPipeError):
            sys.stdout.write(text)
            sys.stdout.flush()
            return
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    import tempfile

    target = Path(output)
    data = text.encode("utf-8", "backslashreplace")
    try:
        if target.exists() and not target.is_file():  # a device or a pipe is written to, never replaced
            target.write_bytes(data)
            return
        with tempfile.NamedTemporaryFile("wb", dir=target.parent, prefix=f".{target.name}.", delete=False) as stream:
            stream.write(data)
        os.chmod(stream.name, 0o644)
        os.replace(stream.name, target)
    except OSError as error:
        raise UsageError(f"--output: {output}: {error.strerror or error}") from error
