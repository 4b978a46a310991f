"""What the analysis says of a program, beside what its runs showed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from oracle.execution import MAX_RUNS, execute
from pooclint.engine import Limits, check_bytes
from pooclint.models import Models, load_models
from pooclint.rule import Finding
from pooclint_rules import MODEL_FILES, RULES

LEAKS = frozenset(f"CNX10{n}" for n in range(1, 9) if n != 8) | {"CNX113"}
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Disagreement:
    """A place where the two differ."""

    kind: Literal["missed", "false alarm", "gave up", "crash"]
    lines: frozenset[int]
    detail: str


@dataclass(frozen=True)
class Judgement:
    """The comparison of one program."""

    disagreements: tuple[Disagreement, ...]
    leaking: int
    """Acquisitions that leak in some run."""
    reported: int
    complete: bool
    runs: int


@lru_cache(maxsize=1)
def models() -> Models:
    """The fake library's model, beside that of the standard library."""
    python = next(p for p in MODEL_FILES() if p.name == "python.toml")
    return load_models([python, HERE / "fakepool.toml"])


def findings(source: str) -> list[Finding]:
    """What the analysis says of leaks in the program."""
    result = check_bytes(source.encode(), "app/program.py", RULES, models(), Limits())
    return [f for f in result.findings if f.code in LEAKS or f.code in ("CNX001", "CNX003")]


def judge(source: str, max_runs: int = MAX_RUNS, exits_fail: bool = True) -> Judgement:
    """Execute and check a program, and compare."""
    truth = execute(source, max_runs, exits_fail=exits_fail)
    try:
        found = findings(source)
    except Exception as error:  # noqa: BLE001 -- a crash is a disagreement like any other
        return Judgement(
            (Disagreement("crash", frozenset(), repr(error)),), len(truth.leaks), 0, truth.complete, truth.runs
        )
    gave_up = [f for f in found if f.code in ("CNX001", "CNX003")]
    wrong = [Disagreement("gave up", frozenset({f.line}), f.message) for f in gave_up]
    reported = {f.line: f for f in found if f.code in LEAKS}
    if not gave_up:
        wrong += [Disagreement("missed", at, how) for at, how in truth.leaks.items() if not at & reported.keys()]
    leaking = truth.undecided.union(*truth.leaks)
    if truth.complete:
        for line, finding in reported.items():
            if (
                line not in leaking and finding.code != "CNX113" and finding.function == "f"
            ):  # a helper may not be called
                wrong.append(
                    Disagreement(
                        "false alarm",
                        frozenset({line}),
                        f"{finding.code} {finding.message} [{finding.severity.label}, {finding.confidence.label}]",
                    )
                )
    return Judgement(tuple(wrong), len(truth.leaks), len(reported), truth.complete, truth.runs)
