"""`path:line:col: CODE message`, a line each: what editors and grep understand."""

from __future__ import annotations

from pooclint.report.common import Context, printable
from pooclint.run.result import RunResult


def render(result: RunResult, context: Context) -> str:
    """The findings as lines; nothing when there are none."""
    return "".join(
        f"{printable(finding.path)}:{finding.line}:{finding.column}: {finding.code} {printable(finding.message)}\n"
        for finding in result.findings
    )
