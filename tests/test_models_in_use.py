"""Every acquiring entry of the models, in small programs: the leak is found, each way to release it is understood."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pooclint.engine import Limits, check_bytes
from pooclint.models import Acquisition, Call, ModelFile, Type, load_models
from pooclint_rules import MODEL_FILES, RULES

PATHS = MODEL_FILES()
MODELS = load_models(PATHS)
FILES = dict(zip(PATHS, MODELS.files, strict=True))
# Conditions on a call that a program can state as they are.
PLAIN_CONDITIONS = (bool,)


class Program:
    """How to write one acquiring call down."""

    def __init__(self, call: Call, acquisition: Acquisition, type_: Type) -> None:
        conditions = [f"{name}={value!r}" for name, value in call.only_if.items()]
        conditions += [f"{name}='host'" for name in call.given[:1]]
        conditions += [f"{name}={classes[0]}" for name, classes in call.when.items()]
        named = "".join(f"import {classes[0].rpartition('.')[0]}\n" for classes in call.when.values())
        keywords = ", ".join("'host'" if text.startswith("*") else text for text in conditions)
        if call.names:
            module, parameter = call.names[0].rpartition(".")[0], ""
            self.header, self.call = f"import {module}\n", f"{call.names[0]}({keywords})"
        else:
            module, _, class_name = call.on[0].partition("~")[0].rpartition(".")
            method = "" if call.methods[0] == "__call__" else f".{call.methods[0]}"
            parameter = f"owner: {class_name}"
            self.header, self.call = f"from {module} import {class_name}\n", f"owner{method}({keywords})"
        form = call.with_form or type_.with_form
        awaits = call.awaited != "no" or form == "async" or any(release.awaited for release in acquisition.releases)
        self.header += f"{named}{'async def' if awaits else 'def'} work({parameter}):\n"
        self.has_owner = bool(parameter)
        self.awaited = "await " if call.at == "await" else ""
        self.use = f"x.{type_.checks_out[0] if type_.lazy else 'use'}()"
        self.entering = "async with" if awaits and form in ("async", "both") else "with"

    def leaking(self) -> str:
        return f"{self.header}    x = {self.awaited}{self.call}\n    {self.use}\n"

    def releasing(self, statement: str) -> str:
        body = f"    try:\n        {self.use}\n    finally:\n        {statement}\n"
        return f"{self.header}    x = {self.awaited}{self.call}\n{body}"

    def entered(self, awaited: str) -> str:
        return f"{self.header}    {self.entering} {awaited}{self.call} as x:\n        {self.use}\n"


def findings(source: str) -> tuple[list[str], int]:
    """Codes of what is found about releases, and the number of acquisitions recognised."""
    result = check_bytes(source.encode(), "app/work.py", RULES, MODELS, Limits())
    return [finding.code for finding in result.findings if finding.code.startswith("CNX1")], result.acquisitions


def programs(file: ModelFile) -> Iterator[tuple[Call, Acquisition, Type, Program]]:
    for call in file.call:
        acquisition, type_ = MODELS.acquisition(call), MODELS.type(call.returns)
        plain = call.element < 0 and all(isinstance(value, PLAIN_CONDITIONS) for value in call.only_if.values())
        if call.kept:
            continue  # what keeps it releases it: whether that is done is a question of its class
        if acquisition and type_ and plain and acquisition.kind != "stack" and acquisition.reclaimed != "harmless":
            yield call, acquisition, type_, Program(call, acquisition, type_)


def release_statements(acquisition: Acquisition, has_owner: bool) -> Iterator[str]:
    for release in acquisition.releases:
        awaited = "await " if release.awaited else ""
        if release.target == "self" and not release.name.startswith("__"):
            yield f"{awaited}x.{release.name}()"
        elif release.target == "owner" and has_owner:
            yield f"{awaited}owner.{release.name}(x)"


def with_forms(call: Call, type_: Type) -> Iterator[str]:
    """What stands before the call in a `with` that releases: nothing, or `await`."""
    if call.with_form not in (None, "none"):
        yield ""
        return
    exit_ = call.exit or type_.exit
    if type_.with_form != "none" and exit_ == "releases":
        yield "await " if call.awaited != "no" else ""


each_file = pytest.mark.parametrize(
    "path", [path for path in PATHS if any(programs(FILES[path]))], ids=lambda path: path.stem
)


@each_file
def test_a_leak_is_found(path: Path) -> None:
    sources = [program.leaking() for call, _, _, program in programs(FILES[path]) if call.at != "enter"]
    assert [source for source in sources if not findings(source)[0]] == []


@each_file
def test_every_release_is_understood(path: Path) -> None:
    sources = [
        program.releasing(statement)
        for call, acquisition, _, program in programs(FILES[path])
        if call.at != "enter"
        for statement in release_statements(acquisition, program.has_owner)
    ]
    assert [(source, findings(source)[0]) for source in sources if findings(source)[0]] == []


@each_file
def test_with_releases(path: Path) -> None:
    sources = [
        program.entered(awaited)
        for call, _, type_, program in programs(FILES[path])
        for awaited in with_forms(call, type_)
        if (call.exit or type_.exit) == "releases"
    ]
    assert [(source, findings(source)) for source in sources if findings(source) != ([], 1)] == []


@each_file
def test_what_nobody_misses_is_no_leak(path: Path) -> None:
    calls = [call for call in FILES[path].call if call.names and not call.only_if]
    harmless = [call for call in calls if (a := MODELS.acquisition(call)) and a.reclaimed == "harmless"]
    sources = [f"import {n.rpartition('.')[0]}\ndef work():\n    {n}()\n" for call in harmless for n in call.names]
    assert [source for source in sources if findings(source) != ([], 1)] == []
