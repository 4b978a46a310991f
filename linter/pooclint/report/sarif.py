"""SARIF 2.1.0, for code scanning services: rules with their help, findings with the path of the leak.

SARIF counts columns in UTF-16 units unless told otherwise. Findings count code points, and `columnKind` says so.
"""

from __future__ import annotations

import inspect
import json
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from pooclint.report.common import Context, rule_url
from pooclint.rule import Finding, Rule, Severity
from pooclint.run.result import RunResult

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def render(result: RunResult, context: Context) -> str:
    """The run as a SARIF log."""
    rules = context.rules()
    places = {rule.code: index for index, rule in enumerate(rules)}
    run = {
        "tool": {
            "driver": {
                "name": "pooclint",
                "version": context.version,
                "semanticVersion": context.version,
                "informationUri": "https://pooclint.readthedocs.io/",
                "rules": [_rule(rule) for rule in rules],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, places) for finding in result.findings],
    }
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2) + "\n"


def _rule(rule: type[Rule]) -> dict[str, Any]:
    text = inspect.getdoc(rule) or rule.name
    summary = text.split("\n\n")[0].replace("\n", " ")
    url = rule_url(rule.code)
    return {
        "id": rule.code,
        "name": "".join(part.title() for part in rule.name.split("-")),
        "shortDescription": {"text": summary},
        "fullDescription": {"text": summary},
        "help": {"text": text, "markdown": text},
        **({"helpUri": url} if url else {}),
        "defaultConfiguration": {"enabled": rule.default, "level": _LEVELS[rule.severity]},
    }


def _result(finding: Finding, places: dict[str, int]) -> dict[str, Any]:
    region = {
        "startLine": finding.line,
        "startColumn": finding.column,
        "endLine": finding.end_line,
        "endColumn": finding.end_column,
    }
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [_location(finding.path, region)],
        "partialFingerprints": {"pooclint/v1": finding.fingerprint},
        "properties": {
            "confidence": finding.confidence.label,
            "library": finding.library,
            "function": finding.function,
        },
    }
    if finding.code in places:
        result["ruleIndex"] = places[finding.code]
    if finding.trace:
        steps = [
            {
                "location": {
                    **_location(step.path, {"startLine": step.line, "startColumn": step.column}),
                    "message": {"text": step.text},
                }
            }
            for step in finding.trace
        ]
        result["codeFlows"] = [{"threadFlows": [{"locations": steps}]}]
    return result


def _location(path: str, region: dict[str, int]) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": _artifact(path), "region": region}}


def _artifact(path: str) -> dict[str, str]:
    uri = quote(path.encode("utf-8", "surrogateescape"))
    if PurePosixPath(path).is_absolute():
        return {"uri": f"file://{uri}"}
    return {"uri": uri, "uriBaseId": "%SRCROOT%"}
