"""What a run hands to the reporters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pooclint.program.pools import Pool
from pooclint.rule import Finding
from pooclint.source.suppressions import Directive

Status = Literal["checked", "skipped", "unreadable"]


@dataclass(frozen=True, slots=True)
class FileReport:
    """One file: what is left of its findings after suppressions and filters."""

    path: str
    status: Status
    acquisitions: int = 0
    findings: tuple[Finding, ...] = ()
    unused: tuple[Directive, ...] = ()
    crash: str = ""
    """The traceback, when the analysis itself failed."""
    pools: tuple[Pool, ...] = ()
    """The pools that it makes, where a rule about the whole project asks for them."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """All files together."""

    findings: tuple[Finding, ...] = ()
    checked: int = 0
    skipped: int = 0
    unreadable: int = 0
    acquisitions: int = 0

    @property
    def files(self) -> int:
        """How many files were looked at."""
        return self.checked + self.skipped + self.unreadable


def collect(reports: Iterable[FileReport], about_project: Iterable[Finding] = ()) -> RunResult:
    """Adds up the files of a run; findings are ordered by path, place and code.

    Args:
        reports: what was found in each file.
        about_project: what was found of all of them together.
    """
    findings = list(about_project)
    counts = {"checked": 0, "skipped": 0, "unreadable": 0}
    acquisitions = 0
    for report in reports:
        findings.extend(report.findings)
        counts[report.status] += 1
        acquisitions += report.acquisitions
    ordered = tuple(sorted(findings, key=lambda finding: finding.sort_key))
    return RunResult(ordered, counts["checked"], counts["skipped"], counts["unreadable"], acquisitions)
