"""Every model that acquires something has a fixture: each kind of what it acquires is lost once and kept once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

import libcst as cst
import pytest

from fixture_files import LIBRARIES
from pooclint.engine import FileContext, Limits, check_bytes
from pooclint.models import ModelFile, load_models
from pooclint.rule import Report, Rule, Severity
from pooclint_rules import MODEL_FILES, RULES

PATHS = MODEL_FILES()
MODELS = load_models(PATHS)
# The standard library's stacks and servers are in the fixtures of the rules.
ELSEWHERE = frozenset({"python"})


def acquired_by(file: ModelFile) -> dict[str, bool]:
    """The types that the calls of a model give, and whether one can be had in a way that a rule reports."""
    found: dict[str, bool] = {}
    for call in file.call:
        acquisition = MODELS.acquisition(call)
        if acquisition:
            built = acquisition.kind in ("client", "pool", "engine")
            wrong = call.at != "enter" and (acquisition.reclaimed != "harmless" or built)
            found[acquisition.type] = found.get(acquisition.type, False) or wrong
    return found


FILES = {path: acquired_by(file) for path, file in zip(PATHS, MODELS.files, strict=True) if path.stem not in ELSEWHERE}
each_model = pytest.mark.parametrize(
    "path", [path for path, types in FILES.items() if types], ids=lambda path: path.stem
)


def noting(types: dict[str, set[str]]) -> type[Rule]:
    """A rule that reports nothing and notes which function acquires what."""

    class Noting:
        code: ClassVar[str] = "CNX999"
        name: ClassVar[str] = "noting"
        severity: ClassVar[Severity] = Severity.INFO
        default: ClassVar[bool] = True

        def visit_FunctionDef(self, node: cst.FunctionDef, context: FileContext) -> Iterable[Report]:
            function = context.function(node)
            record = context.record(function)
            if function and record:
                types[function.qualname].update(site.acquisition.type for site in record.sites.values())
            return ()

    return Noting


@each_model
def test_each_kind_of_resource_is_lost_once_and_kept_once(path: Path) -> None:
    fixture = LIBRARIES / f"{path.stem}.py"
    assert fixture.exists()
    seen: dict[str, set[str]] = defaultdict(set)
    result = check_bytes(
        fixture.read_bytes(), f"app/{path.stem}.py", [*(r for r in RULES if r.default), noting(seen)], MODELS, Limits()
    )
    wrong = {finding.function for finding in result.findings}
    lost = {type_ for function, types in seen.items() if function in wrong for type_ in types}
    kept = {type_ for function, types in seen.items() if function not in wrong for type_ in types}
    reportable = {type_ for type_, reported in FILES[path].items() if reported}
    assert sorted(reportable - lost) == []
    assert sorted(set(FILES[path]) - kept) == []
