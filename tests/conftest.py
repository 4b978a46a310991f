"""What holds for all tests: nothing is read from, or written to, the user's own cache."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

import pytest

if "POOCLINT_CACHE_DIR" not in os.environ:
    # The programs that tests start inherit it.
    os.environ["POOCLINT_CACHE_DIR"] = tempfile.mkdtemp(prefix="pooclint-tests-")
    atexit.register(shutil.rmtree, os.environ["POOCLINT_CACHE_DIR"], ignore_errors=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests measured: they run in processes of their own, whose output is not shown."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, text in getattr(report, "user_properties", ()):
            if name == "measured":
                terminalreporter.write_line(str(text))
