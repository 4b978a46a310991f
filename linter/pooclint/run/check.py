"""One file from its path to its findings: read, analyse, suppress, filter. No file can end the run."""

from __future__ import annotations

import gc
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pathspec

from pooclint.config import Config
from pooclint.extent import WHOLE, Extent
from pooclint.models import Models
from pooclint.own_rules import UnreadableFile
from pooclint.packs import rules_of, select_rules
from pooclint.program.consulted import Consulted, Learned
from pooclint.program.exports import Exports, Known, exports_by
from pooclint.program.sieve import Sieve
from pooclint.rule import Confidence, Finding, ProjectReport, ProjectRule, Rule, Severity
from pooclint.run.discovery import Source, is_test_path, relative_to
from pooclint.run.models import ModelSet, model_set
from pooclint.run.result import FileReport
from pooclint.source.suppressions import apply, find_directives

if TYPE_CHECKING:
    from pooclint.engine import Project

MAX_KEPT = 6_000_000
"""Bytes of source whose trees one process keeps for the files that follow, several share; a tree, with what is known of
it, takes about twenty-three times its source."""
_LEAST_KEPT = 3_000_000  # of several, for each: with half of that, four took half as long again (143,000 lines)
_MOST_KEPT = 12_000_000
"""As much where that is too little: files that all lead to most of their project had its trees parsed again every ten
files (of 250,000 lines, 582 files took eight times as long)."""

_LARGE = 100_000  # bytes of a file: while it is cut and parsed it needs room for other trees
_WHILE_PARSED = 6  # times its size, in bytes of source whose trees are kept: Python's own parser takes the most
_WORTH_COLLECTING = 500_000  # bytes of source: with less, to look for what is garbage costs more than it takes


@dataclass(slots=True)
class _Ground:
    """What is the same for every file under a configuration, and takes no rules."""

    config: Config
    models: ModelSet
    consulted: Consulted
    """What results rest on besides the files themselves."""
    exports: Exports
    """The names by which modules acquire, worked out as they are asked for."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """A configuration, worked out: what is the same for every file that is looked into."""

    config: Config
    codes: frozenset[str]
    open: Callable[..., Project]
    """A project of which nothing is known yet but the models that hold for it."""
    about_project: tuple[type[Rule], ...]
    """The rules about all files together."""
    severity: Severity
    confidence: Confidence
    ignores: tuple[tuple[pathspec.GitIgnoreSpec, tuple[str, ...]], ...]


class Checker:
    """Checks files; rules and models are prepared once per configuration."""

    def __init__(
        self,
        noqa: bool = True,
        extent: Extent = WHOLE,
        known: Callable[[Config], Known] = lambda _: {},
        kept: bool = True,
        processes: int = 1,
        models: Callable[[Config], ModelSet] = model_set,
    ) -> None:
        """Prepares a checker.

        Args:
            noqa: False leaves `# noqa` comments without effect.
            extent: How far the look goes.
            known: Gives the names by which modules acquire, as far as they are known from an earlier run.
            kept: False when nobody wants to know what the results rest on.
            processes: How many there are that check files at the same time.
            models: Gives the models of a configuration.
        """
        self._most_kept = max(MAX_KEPT // processes, min(MAX_KEPT, _LEAST_KEPT))
        self._looked_into = 0  # bytes of source since trees were last let go
        self._kept = kept
        self._models = models
        self._grounds: dict[int, _Ground] = {}
        self._known = known
        self._noqa = noqa
        self._extent = extent
        self._plans: dict[int, _Plan] = {}
        self._projects: dict[int, Project] = {}

    def check(self, source: Source) -> FileReport:
        """Reads a file and checks it.

        Raises:
            ConfigError: its configuration names a pack or a model file that cannot be used.
            ModelError: a model file of the project has a mistake.
        """
        if source.problem:
            return self.unreadable(source, f"cannot be read: {source.problem}")
        consulted, file = self._ground(source.config).consulted, source.file
        try:
            data = consulted.read_bytes(source.place, file)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            return self.unreadable(source, f"cannot be read: {reason}")
        return self.check_data(data, source.display, source.config, file)

    def check_data(self, data: bytes, display: str, config: Config, file: str = "") -> FileReport:
        """Checks the bytes of a file.

        Args:
            data: What is in the file.
            display: Its path as reports show it.
            config: What applies to it.
            file: Its absolute path, by which other modules import it; empty when it has none.

        Raises:
            ConfigError: the configuration names a pack or a model file that cannot be used.
            ModelError: a model file of the project has a mistake.
        """
        ground = self._ground(config)
        ground.consulted.begin()
        report = self._checked(data, display, ground, file)
        ground.consulted.checked(file)
        return report

    def _checked(self, data: bytes, display: str, ground: _Ground, file: str) -> FileReport:
        config = ground.config
        try:
            models = ground.models.for_folder(Path(file or os.path.abspath(display)).parent, file)
            # Whether the rules of a pack can be imported is seen when they are.
            if not config.settings.packs and Sieve(models, ground.exports, self._extent).holds_back(file, data):
                return FileReport(path=display, status="skipped")
        except Exception as error:
            return self._crashed(error, display, config)
        from pooclint.engine import check_file  # with LibCST

        plan = self._plan(config)
        try:
            result = check_file(data, display, self._project(plan, ground, models, file, data), file)
            self._looked_into += len(data)
        except Exception as error:
            return self._crashed(error, display, config)
        told = _told_once(result.findings, _ignored_here(display, plan)) if result.findings else ()
        kept = apply(_fingerprinted(told), find_directives(data), self._noqa) if told else None
        return FileReport(
            path=display,
            status=result.status,
            acquisitions=result.acquisitions,
            findings=_filtered(kept.findings, display, plan) if kept else (),
            unused=kept.unused if kept else (),
            pools=result.pools,
        )

    def check_project(self, sources: Sequence[Source], reports: Sequence[FileReport]) -> tuple[Finding, ...]:
        """What is to be said of all files together.

        Args:
            sources: Files of one configuration that were checked.
            reports: What was found in each.

        Raises:
            ServerModelError: a bundled model has a mistake.
        """
        plan, consulted = self._plan(sources[0].config), self._ground(sources[0].config).consulted
        pools = [pool for report in reports for pool in report.pools]
        if not plan.about_project or not pools:
            return ()
        from pooclint.run.budgets import find_budget

        budget = find_budget(pools, [source.file for source in sources], plan.config, consulted)
        found: list[Finding] = []
        for rule in plan.about_project:
            instance = rule()
            if isinstance(instance, ProjectRule):
                found += (_project_finding(rule, report) for report in instance.check_project(budget))
        kept: list[Finding] = []
        for finding in _fingerprinted(found):
            data = consulted.read(os.path.abspath(finding.path)) or b""
            left = apply((finding,), find_directives(data), self._noqa).findings
            kept += _filtered(left, finding.path, plan)
        return tuple(kept)

    def unreadable(self, source: Source, reason: str) -> FileReport:
        """What is reported of a file that cannot be checked."""
        return self._unreadable(source.display, source.config, reason)

    def learned(self, config: Config) -> Learned:
        """What the checks under a configuration consulted since this was last asked."""
        return self._ground(config).consulted.take()

    def _crashed(self, error: Exception, display: str, config: Config) -> FileReport:
        import traceback

        reason = f"internal error of the analysis: {type(error).__name__}"
        crash = "".join(traceback.format_exception(error))
        return replace(self._unreadable(display, config, reason), crash=crash)

    def _unreadable(self, display: str, config: Config, reason: str) -> FileReport:
        finding = Finding(
            code=UnreadableFile.code,
            name=UnreadableFile.name,
            severity=UnreadableFile.severity,
            confidence=Confidence.HIGH,
            message=reason,
            path=display,
            line=1,
            column=1,
            end_line=1,
            end_column=1,
        )
        findings = _filtered(_fingerprinted([finding]), display, self._plan(config))
        return FileReport(path=display, status="unreadable", findings=findings)

    def _project(self, plan: _Plan, ground: _Ground, models: Models, file: str, data: bytes) -> Project:
        """What is known of the project so far; begun anew when that takes too much memory, a file has changed, or the
        next folder uses other versions of libraries."""
        from pooclint.run.deployments import Deployments

        known = self._projects.get(id(plan))
        outdated = known is not None and known.modules.is_outdated(file, data)
        other = known is None or known.names.models is not models or outdated
        if known is not None and not other:
            if known.modules.weight + _needed(data) <= self._most_kept:
                return known
            if self._looked_into < known.modules.weight // 2:  # what is let go will soon be parsed again
                self._most_kept = max(self._most_kept, min(2 * self._most_kept, _MOST_KEPT))
            self._looked_into = 0
        before = None if other else known
        # Which versions a folder uses says nothing of how the project is deployed.
        deployments = Deployments(plan.config, ground.consulted).of if known is None or outdated else known.deployments
        if known is not None and other:
            ground.exports = exports_by(ground.models.every, ground.consulted)
        exports = ground.exports
        fresh = self._projects[id(plan)] = plan.open(models, before=before, exports=exports, deployments=deployments)
        if known is not None:
            heavy = known.modules.weight > _WORTH_COLLECTING
            known.release()
            if heavy:
                gc.collect()  # of what evaluates literals, functions that refer to themselves are left
        return fresh

    def _ground(self, config: Config) -> _Ground:
        ground = self._grounds.get(id(config))
        if ground is None or ground.config is not config:
            consulted = Consulted(self._kept)
            models = self._models(config).noting(consulted)
            exports = exports_by(models.every, consulted)
            exports.suppose(self._known(config))
            ground = self._grounds[id(config)] = _Ground(config, models, consulted, exports)
        return ground

    def _plan(self, config: Config) -> _Plan:
        plan = self._plans.get(id(config))
        if plan is None or plan.config is not config:
            plan = _make_plan(config, self._extent)
            self._plans[id(config)] = plan
        return plan


def _make_plan(config: Config, extent: Extent) -> _Plan:
    from pooclint.engine import Limits, open_project

    settings = config.settings
    chosen = select_rules(rules_of(config), settings.select, settings.extend_select, settings.ignore)
    about_project = tuple(rule for rule in chosen if issubclass(rule, ProjectRule))
    extent = replace(extent, pools=extent.pools or bool(about_project))
    limits = Limits(max_pool_size=settings.max_pool_size, max_acquire_timeout=settings.max_acquire_timeout)
    return _Plan(
        config=config,
        codes=frozenset(rule.code for rule in chosen),
        open=partial(open_project, chosen, limits=limits, extent=extent),
        about_project=about_project,
        severity=Severity[settings.min_severity.upper()],
        confidence=Confidence[settings.min_confidence.upper()],
        ignores=tuple(
            (pathspec.GitIgnoreSpec.from_lines([pattern]), codes)
            for pattern, codes in settings.per_file_ignores.items()
        ),
    )


def _needed(data: bytes) -> int:
    """The room for trees that a file needs while it is parsed, in bytes of their source; most files need none."""
    return len(data) * _WHILE_PARSED if len(data) > _LARGE else 0


def _project_finding(rule: type[Rule], report: ProjectReport) -> Finding:
    step = report.step
    return Finding(
        rule.code, rule.name, report.severity, report.confidence, step.text, step.path, step.line, step.column,
        report.end_line, report.end_column, "", report.library, report.trace,
    )  # fmt: skip


def _filtered(findings: Iterable[Finding], display: str, plan: _Plan) -> tuple[Finding, ...]:
    ignored = _ignored_here(display, plan)
    in_tests = is_test_path(display)
    kept = []
    for finding in findings:
        if finding.code not in plan.codes or finding.code.startswith(ignored):
            continue
        lowered = in_tests and finding.code != UnreadableFile.code
        ranked = _in_test(finding) if lowered else finding
        if ranked.severity >= plan.severity and ranked.confidence >= plan.confidence:
            kept.append(ranked)
    return tuple(sorted(kept, key=lambda finding: finding.sort_key))


def _told_once(findings: Iterable[Finding], ignored: tuple[str, ...]) -> list[Finding]:
    """Without those to which another about the same expression adds what they say, unless that one is ignored here."""
    by_place: dict[tuple[int, int, int, int], list[Finding]] = {}
    for finding in sorted(findings, key=lambda f: (-f.severity, -f.confidence, not f.covers, f.sort_key)):
        told = by_place.setdefault((finding.line, finding.column, finding.end_line, finding.end_column), [])
        # What is told already is at least as bad.
        covering = (f for f in told if f.confidence >= finding.confidence and not f.code.startswith(ignored))
        if not any(finding.code in f.covers for f in covering):
            told.append(finding)
    return [replace(f, covers=frozenset()) if f.covers else f for told in by_place.values() for f in told]


def _in_test(finding: Finding) -> Finding:
    """A finding in test code: of less consequence; and hardly certain where the code under test makes the resource,
    since a test may have put something else in its place."""
    replaceable = any(step.path != finding.path and not is_test_path(step.path) for step in finding.trace)
    confidence = Confidence.LOW if replaceable else finding.confidence
    severity = Severity.INFO if finding.code.startswith(_UNDER_LOAD) else finding.severity.lower()
    return replace(finding, severity=severity, confidence=confidence)


_UNDER_LOAD = ("CNX2", "CNX3")
"""The families of what is held too long and built too often: nobody waits in a test."""


def _ignored_here(display: str, plan: _Plan) -> tuple[str, ...]:
    if not plan.ignores:
        return ()
    path = relative_to(os.path.abspath(Path(display)), str(plan.config.root)) or display
    return tuple(code for spec, codes in plan.ignores if spec.match_file(path) for code in codes)


def _fingerprinted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Names each finding by what does not change when lines move: its text without numbers, its place among equals."""
    seen: dict[str, int] = {}
    marked = []
    for finding in sorted(findings, key=lambda finding: finding.sort_key):
        text = re.sub(r"\d+", "", finding.message)
        key = f"{finding.code}\0{finding.path}\0{finding.function}\0{text}"
        seen[key] = seen.get(key, 0) + 1
        digest = hashlib.sha256(f"{key}\0{seen[key]}".encode("utf-8", "surrogatepass")).hexdigest()
        marked.append(replace(finding, fingerprint=digest[:20]))
    return tuple(marked)
