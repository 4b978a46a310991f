"""GitHub workflow commands: findings become annotations of the changed lines."""

from __future__ import annotations

from pooclint.report.common import Context
from pooclint.rule import Finding, Severity
from pooclint.run.result import RunResult

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(result: RunResult, context: Context) -> str:
    """One command a finding."""
    return "".join(_command(finding) for finding in result.findings)


def _command(finding: Finding) -> str:
    properties = {
        "title": f"{finding.code} {finding.name}",
        "file": finding.path,
        "line": str(finding.line),
        "endLine": str(finding.end_line),
        "col": str(finding.column),
    }
    if finding.end_line == finding.line:
        # Columns of an annotation over several lines are refused.
        properties["endColumn"] = str(finding.end_column)
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    steps = [f"{number}. {step.path}:{step.line}: {step.text}" for number, step in enumerate(finding.trace, start=1)]
    return f"::{_COMMANDS[finding.severity]} {listed}::{_data(chr(10).join([finding.message, *steps]))}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
