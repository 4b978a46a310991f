"""Every format, word for word."""

from __future__ import annotations

import json

import pytest

from pooclint.packs import load_rules
from pooclint.report import FORMATS, reporter
from pooclint.report.common import Context, printable
from pooclint.rule import Confidence, Edit, Finding, Fix, Severity, Step
from pooclint.run.result import RunResult

SOURCE = """\
async def read(pool):
    conn = await pool.acquire()
    row = await conn.fetchrow("select 1")
\tawait pool.release(conn)
    return "名前", conn
"""

LEAK = Finding(
    code="CNX102",
    name="not-released-on-error",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    message="'conn' is not released if line 3 raises",
    path="app/db.py",
    line=2,
    column=12,
    end_line=2,
    end_column=32,
    function="read",
    library="asyncpg",
    trace=(
        Step("app/db.py", 2, 12, "acquired here"),
        Step("app/db.py", 3, 11, "can raise here"),
        Step("app/other.py", 9, 1, "leaves here"),
    ),
    fingerprint="0123456789",
)
WIDE = Finding(
    code="CNX101",
    name="never-released",
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    message="100% of, it: never",
    path="app/db.py",
    line=5,
    column=18,
    end_line=5,
    end_column=22,
    fix=Fix("safe", (Edit(5, 1, 5, 2, "x"),)),
)
RESULT = RunResult((LEAK, WIDE), checked=3, skipped=10, unreadable=1, acquisitions=7)


def context(color: bool = False, summary: bool = True) -> Context:
    def lines(path: str) -> list[str]:
        return SOURCE.splitlines() if path == "app/db.py" else []

    return Context("9.9", load_rules, lines, color, summary)


def render(name: str, result: RunResult = RESULT, color: bool = False, summary: bool = True) -> str:
    return reporter(name)(result, context(color, summary))


def test_text() -> None:
    assert (
        render("text")
        == """\
app/db.py:2:12: error: CNX102 'conn' is not released if line 3 raises
  2 |     conn = await pool.acquire()
    |            ^^^^^^^^^^^^^^^^^^^^ 1. acquired here
  3 |     row = await conn.fetchrow("select 1")
    |           ^ 2. can raise here
    --> app/other.py:9
  9 | 3. leaves here

app/db.py:5:18: warning: CNX101 100% of, it: never (medium confidence)
  5 |     return "名前", conn
    |                    ^^^^

14 files looked at, 7 acquisitions recognised, 1 unreadable: 2 findings
More about a code: pooclint explain CNX102
"""
    )


def test_text_without_findings() -> None:
    assert render("text", RunResult(checked=1)) == "1 file looked at, 0 acquisitions recognised: no findings\n"
    assert render("text", RunResult(checked=1), summary=False) == ""


def test_text_in_colour_says_the_same() -> None:
    colored = render("text", color=True)
    assert "\x1b[31merror\x1b[0m" in colored
    for code in ("1", "2", "31", "33", "0"):
        colored = colored.replace(f"\x1b[{code}m", "")
    assert colored == render("text")


def test_concise() -> None:
    assert (
        render("concise")
        == """\
app/db.py:2:12: CNX102 'conn' is not released if line 3 raises
app/db.py:5:18: CNX101 100% of, it: never
"""
    )


def test_github() -> None:
    assert render("github") == (
        "::error title=CNX102 not-released-on-error,file=app/db.py,line=2,endLine=2,col=12,endColumn=32"
        "::'conn' is not released if line 3 raises%0A1. app/db.py:2: acquired here"
        "%0A2. app/db.py:3: can raise here%0A3. app/other.py:9: leaves here\n"
        "::warning title=CNX101 never-released,file=app/db.py,line=5,endLine=5,col=18,endColumn=22"
        "::100%25 of, it: never\n"
    )


def test_json() -> None:
    document = json.loads(render("json"))
    first, second = document.pop("findings")
    assert document == {
        "schema": 1,
        "tool": "pooclint",
        "version": "9.9",
        "files": {"checked": 3, "skipped": 10, "unreadable": 1},
        "acquisitions": 7,
    }
    assert first.pop("url").endswith("/CNX102/")
    assert first == {
        "code": "CNX102",
        "name": "not-released-on-error",
        "severity": "error",
        "confidence": "high",
        "message": "'conn' is not released if line 3 raises",
        "path": "app/db.py",
        "line": 2,
        "column": 12,
        "end_line": 2,
        "end_column": 32,
        "function": "read",
        "library": "asyncpg",
        "trace": [
            {"path": "app/db.py", "line": 2, "column": 12, "text": "acquired here"},
            {"path": "app/db.py", "line": 3, "column": 11, "text": "can raise here"},
            {"path": "app/other.py", "line": 9, "column": 1, "text": "leaves here"},
        ],
        "fix": None,
        "fingerprint": "0123456789",
    }
    assert second["fix"] == {
        "applicability": "safe",
        "edits": [{"start_line": 5, "start_column": 1, "end_line": 5, "end_column": 2, "content": "x"}],
    }


def test_sarif() -> None:
    document = json.loads(render("sarif"))
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    assert run["columnKind"] == "unicodeCodePoints"
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [rule.code for rule in load_rules()]
    assert all(rule["help"]["text"] and rule["shortDescription"]["text"] for rule in rules)
    first, second = run["results"]
    assert rules[first["ruleIndex"]]["id"] == first["ruleId"] == "CNX102" if "ruleIndex" in first else True
    assert first["level"] == "error"
    assert first["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "app/db.py", "uriBaseId": "%SRCROOT%"},
                "region": {"startLine": 2, "startColumn": 12, "endLine": 2, "endColumn": 32},
            }
        }
    ]
    steps = first["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [step["location"]["message"]["text"] for step in steps] == ["acquired here", "can raise here", "leaves here"]
    assert first["partialFingerprints"] == {"pooclint/v1": "0123456789"}
    assert "codeFlows" not in second


def test_sarif_quotes_paths() -> None:
    odd = RunResult((Finding("CNX101", "x", Severity.INFO, Confidence.LOW, "m", "a b/ü%.py", 1, 1, 1, 1),))
    (result,) = json.loads(render("sarif", odd))["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b/%C3%BC%25.py"


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_text_from_files_is_harmless(name: str) -> None:
    nasty = "a\x1b[2J\r\n::error::x\u202e\udcff\x9b"
    finding = Finding(
        "CNX101", "x", Severity.ERROR, Confidence.HIGH, nasty, nasty, 1, 1, 1, 1, trace=(Step(nasty, 1, 1, nasty),)
    )
    text = render(name, RunResult((finding,)))
    if name != "github":
        assert not set(text) & set("\x1b\r\x9b\u202e\udcff")
    else:
        assert text.count("\n") == 1
    if name in ("json", "sarif"):
        json.loads(text)


def test_printable() -> None:
    assert printable("a\tb") == "a    b"
    assert printable("\x1b[31m\x85\u2028") == "\\x1b[31m\\x85\\u2028"
    assert printable("grün 名前 🎉") == "grün 名前 🎉"
