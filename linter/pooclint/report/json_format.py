"""`--format json`: one object, whose fields are a promise (see the documentation of the format)."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from pooclint.report.common import Context, rule_url
from pooclint.rule import Finding
from pooclint.run.result import RunResult

SCHEMA = 1


def render(result: RunResult, context: Context) -> str:
    """The whole run as one JSON object. Only ASCII, so that no encoding of the output can break it."""
    document = {
        "schema": SCHEMA,
        "tool": "pooclint",
        "version": context.version,
        "files": {"checked": result.checked, "skipped": result.skipped, "unreadable": result.unreadable},
        "acquisitions": result.acquisitions,
        "findings": [_finding(finding) for finding in result.findings],
    }
    return json.dumps(document, indent=2) + "\n"


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.label,
        "confidence": finding.confidence.label,
        "message": finding.message,
        "path": finding.path,
        "line": finding.line,
        "column": finding.column,
        "end_line": finding.end_line,
        "end_column": finding.end_column,
        "function": finding.function,
        "library": finding.library,
        "trace": [asdict(step) for step in finding.trace],
        "fix": asdict(finding.fix) if finding.fix else None,
        "fingerprint": finding.fingerprint,
        "url": rule_url(finding.code),
    }
