"""A checker that ends or stalls its process on files of certain names."""

from __future__ import annotations

import os
import signal
import time

from pooclint.config import Config
from pooclint.program.consulted import Learned
from pooclint.run.check import Checker
from pooclint.run.discovery import Source
from pooclint.run.result import FileReport


class Faulty(Checker):
    """As the parser would, if it overflowed its stack or never came back."""

    def check(self, source: Source) -> FileReport:
        name = source.path.name
        marker = source.path.with_suffix(".seen")
        if name.startswith("dies") or (name.startswith("once") and not marker.exists()):
            marker.touch()
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
        if name.startswith("hangs"):
            time.sleep(3600)
        return super().check(source)


class NeverUp:
    """A checker that cannot even be made."""

    def __init__(self) -> None:
        if os.environ.get("POOCLINT_TEST_PARENT") != str(os.getpid()):
            os._exit(3)
        self.checker = Checker()

    def check(self, source: Source) -> FileReport:
        return self.checker.check(source)

    def learned(self, config: Config) -> Learned:
        return self.checker.learned(config)
