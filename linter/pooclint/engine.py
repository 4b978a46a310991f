"""One file in, findings out: a pure function of bytes, path, rules, models and limits."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import libcst as cst

from pooclint.budget.resolved import at_url, environment_of
from pooclint.deep import with_deep_stack
from pooclint.deployment.facts import Deployment
from pooclint.extent import WHOLE, Extent
from pooclint.flow.analysis import Analysis
from pooclint.flow.destinations import addresses, varies
from pooclint.flow.draws import Draws
from pooclint.flow.external import external_of
from pooclint.flow.offers import Offers
from pooclint.flow.reaching import Reaching
from pooclint.flow.record import Record
from pooclint.flow.run import GaveUp
from pooclint.models import Call, External, Models, Parameter
from pooclint.own_rules import AnalysisGaveUp, UnreadableFile
from pooclint.program.addresses import address_of
from pooclint.program.callers import Callers
from pooclint.program.constants import Constant, Constants, Worth
from pooclint.program.constructions import Construction, Constructions
from pooclint.program.consulted import Consulted
from pooclint.program.deadlines import Deadline, Deadlines
from pooclint.program.dispatch import Dispatch
from pooclint.program.exports import Exports, exports_by
from pooclint.program.homes import Home, homes, set_afterwards
from pooclint.program.importers import Importers
from pooclint.program.invariants import Invariants
from pooclint.program.keywords import keywords
from pooclint.program.lifetimes import (
    answer_lasts,
    conditions_before,
    dropped,
    in_new_loop,
    is_guarded,
    is_handed_in,
    outlives,
)
from pooclint.program.literals import literal
from pooclint.program.making import built_per_request
from pooclint.program.modules import Modules
from pooclint.program.names import Names
from pooclint.program.parameters import entry_of, is_idle, parameter_of, uses_of
from pooclint.program.places import Origin
from pooclint.program.pool_identity import Pools
from pooclint.program.pool_search import find_pools
from pooclint.program.pools import Address, Pool
from pooclint.program.request_holds import RequestHolds
from pooclint.program.requests import Entry, RequestScopes
from pooclint.program.running import Edge, Edges
from pooclint.program.scopes import Function, Index, Scope
from pooclint.program.scripts import Scripts
from pooclint.program.sieve import acquiring_words, may_start_threads, setting_words
from pooclint.rule import Confidence, Finding, Place, Report, Rule, Severity, Step, Visitor
from pooclint.source.nodes import variables
from pooclint.source.parse import Unreadable, parse
from pooclint.source.positions import Span
from pooclint.source.prefilter import Prefilter, is_python

DeploymentOf = Callable[[str, str], Deployment]
"""The deployment that a file belongs to, by the folder of its project and its own path."""


def no_deployment(project: str, asker: str) -> Deployment:  # noqa: ARG001 - called like any other
    """Nothing is known of any deployment."""
    return Deployment()


@dataclass(frozen=True, slots=True)
class Limits:
    """Figures that rules compare with; the user sets them in the configuration."""

    max_pool_size: int = 20
    max_acquire_timeout: float = 10.0
    """Seconds."""


@dataclass(frozen=True, slots=True)
class FileResult:
    """What one file gave."""

    findings: tuple[Finding, ...]
    acquisitions: int
    """Calls in it that acquire something, leaking or not."""
    status: Literal["checked", "skipped", "unreadable"]
    """`skipped`: the prefilter saw that no known library is imported."""
    pools: tuple[Pool, ...] = ()
    """The pools that it makes, where somebody wants to know."""


@dataclass(slots=True)
class FileContext:
    """What a rule may ask about the file that it is looking at."""

    index: Index
    names: Names
    analysis: Analysis
    requests: RequestScopes
    callers: Callers
    constructions: Constructions
    limits: Limits
    scope: Scope
    """The scope of the node that is being visited."""
    timed: Deadlines
    scripts: Scripts
    deployments: DeploymentOf = no_deployment
    gave_up: dict[int, tuple[cst.CSTNode, str]] = field(default_factory=dict)

    @property
    def models(self) -> Models:
        """The loaded models."""
        return self.names.models

    @property
    def deployment(self) -> Deployment:
        """What the deployment files of the project and the configuration say: programs, database servers, poolers.

        They are read when a rule asks for the first time; `production` of it is what is likely to run for real.
        """
        origin = self.index.origin
        return self.deployments(origin.project, origin.path)

    def function(self, node: cst.CSTNode) -> Function | None:
        """The function that a `FunctionDef` or `Lambda` node defines."""
        return self.index.function(node)

    def entry(self, function: Function) -> Entry | None:
        """How the function comes to run per request, event or task; None when nothing says that it does."""
        return self.callers.entry(function)

    def deadlines(self, node: cst.Call) -> tuple[Deadline, ...]:
        """The limits in time around a call of the current scope, the innermost last."""
        return self.timed.around(node, self.scope.function)

    def limits_callers(self) -> bool:
        """True when the file makes a semaphore or its kind: how many callers run at once is decided there."""
        return any(call.limits_callers for call in self.known_calls())

    def known_calls(self) -> Iterator[Call]:
        """What is known of the calls in the file, whichever they are."""
        for node, scope in self.index.visited:
            if isinstance(node, cst.Call):
                yield from self.names.calls(node, scope)

    def outlives(self, node: cst.CSTNode, entry: Entry) -> bool:
        """True when what `node`, in the scope that is visited, makes outlives the request that `entry` describes."""
        function = self.scope.function
        return function is not None and outlives(self.callers.edges, entry, function, node)

    def is_lifespan(self, function: Function) -> bool:
        """True for what a framework runs once, when the application starts or ends."""
        return any(self.callers.scopes(index).is_lifespan(function) for index in self.around((function.name,)))

    def around(self, words: Collection[str]) -> Iterator[Index]:
        """The file, and the modules that import it and in which one of these words stands."""
        yield self.index
        yield from self.callers.importers(self.index.origin.path, words)

    def answer_lasts(self, node: cst.CSTNode, entry: Entry) -> bool:
        """True when what `node`, in the scope that is visited, answers is kept for later requests."""
        function = self.scope.function
        return function is not None and answer_lasts(self.callers.edges, entry, function, node)

    def comes_to(self, node: cst.CSTNode, entry: Entry) -> bool:
        """False where the arguments on the way that `entry` describes rule out that it comes to `node`, in the scope
        that is visited."""
        return self.analysis.reaching.comes_to(self.callers.edges, entry.chain, node)

    def in_new_loop(self, entry: Entry) -> bool:
        """True when what `entry` describes comes to the scope that is visited in an event loop made for it."""
        return in_new_loop(self.callers.edges, entry.chain)

    def conditions_before(self, node: cst.CSTNode, entry: Entry) -> int:
        """How many functions on the way that `entry` describes come to `node`, in the scope that is visited, only in
        some of their calls."""
        return conditions_before(self.callers.edges, entry.chain, node)

    def is_handed_in(self, node: cst.CSTNode, entry: Entry) -> bool:
        """True when `node`, in the scope that is visited, is only made where nobody hands one in, and whoever calls the
        function for the request that `entry` describes does."""
        function = self.scope.function
        return function is not None and is_handed_in(self.callers.edges, entry, function, node)

    def constructed(self, node: cst.Call, kinds: frozenset[str]) -> Call | None:
        """The model of a call of the scope that is visited, where it builds an object of one of these kinds that has a
        pool of its own."""
        return self.constructions.constructed(node, self.scope, kinds)

    def homes(self, node: cst.CSTNode) -> frozenset[Home]:
        """Where what `node`, in the scope that is visited, makes goes; empty when it is only used in the function."""
        function = self.scope.function
        return homes(self.names, function, (node,)) if function else frozenset()

    def same_each_time(self, node: cst.Call, entry: Entry | None = None) -> bool:
        """True when the arguments of a call in the scope that is visited, and what is set on its result, depend on
        nothing but constants, settings and the attributes that an object gets with its constructor: what it builds
        could serve every caller.

        Args:
            node: the call.
            entry: how the call comes to run per request; without one, objects live on between calls of their methods.
        """
        owner = self.scope.owner
        built = owner is not None and entry is not None and built_per_request(self.callers.edges, owner, entry.chain)
        asked = Invariants(self.callers.edges, entry.chain if entry else (), objects_last=not built)
        later = set_afterwards(self.names, node, self.scope.function) if self.scope.function else ()
        return all(asked.same(value, self.scope) for value in (*(a.value for a in node.args), *later))

    def same_host(self, node: cst.Call, entry: Entry) -> bool:
        """True when a call in the scope that is visited, of what is known to leave the process, goes to the same host
        for every request, event or task, as far as it is told one."""
        asked = Invariants(self.callers.edges, entry.chain, hosts=True)
        return all(asked.same(address, self.scope) for address in addresses(self.names, node, self.scope))

    def leads_elsewhere(self, node: cst.Call, entry: Entry) -> bool:
        """True when the client that a call in the scope that is visited makes only goes to hosts of which each request,
        event or task may name another."""
        function = self.scope.function
        asked = Invariants(self.callers.edges, entry.chain, hosts=True)
        return function is not None and varies(asked, node, function)

    def runs(self) -> tuple[Edge, ...]:
        """What the visited function runs: expressions of it, each with a function of the project."""
        function = self.scope.function
        return self.callers.edges.runs(function) if function else ()

    def rebuilt(
        self, called: Function, kinds: frozenset[str], bound: frozenset[str], by: cst.CSTNode
    ) -> Construction | None:
        """What a function that is run in a loop builds anew for each turn, and drops before the next, though it is the
        same each time; None when there is nothing.

        Args:
            called: the function.
            kinds: of what it builds.
            bound: the names that the loop binds.
            by: the expression of the visited function that runs it.
        """
        function, edges = self.scope.function, self.callers.edges
        for found in self.constructions.below(called, kinds) if function else ():
            assert function is not None
            chain = (function, *found.chain)
            asked = self._of_turn(found, bound, by)
            # What it is called on counts like an argument: `Session(region).client("sts")`.
            decisive = (found.node.func, *(a.value for a in found.node.args))
            if (
                not is_guarded(edges, chain, found.node, by)
                and dropped(edges, chain, found.node)
                and all(asked.same(v, found.chain[-1].scope) for v in decisive)
            ):
                return found
        return None

    def _of_turn(self, found: Construction, bound: frozenset[str], by: cst.CSTNode) -> Invariants:
        """Asks what is the same in each turn of a loop; arguments as in `rebuilt`."""
        function, built, edges = self.scope.function, found.chain[-1], self.callers.edges
        assert function is not None
        chain = (function, *found.chain)
        receiver = by.func.value if isinstance(by, cst.Call) and isinstance(by.func, cst.Attribute) else None
        other_object = receiver is not None and not bound.isdisjoint(variables(receiver))
        fresh = built.owner is not None and (other_object or built_per_request(edges, built.owner, chain))
        return Invariants(edges, chain, objects_last=not fresh, turn=(function, bound))

    def turns_lead_elsewhere(self, found: Construction, bound: frozenset[str], by: cst.CSTNode) -> bool:
        """True when the client that each turn of a loop has built only goes to hosts that the turn names; arguments as
        in `rebuilt`."""
        return varies(replace(self._of_turn(found, bound, by), hosts=True), found.node, found.chain[-1])

    def is_given(self, node: cst.Call, wanted: Mapping[str, object]) -> bool:
        """True when a call in the scope that is visited has all these keyword arguments, with these literal values."""
        given = {name: literal(value) for name, value in keywords(node, self.scope)}
        return bool(wanted) and all(name in given and given[name] == value for name, value in wanted.items())

    def is_entry_point(self, function: Function) -> bool:
        """True for a script's `main`, a command, and what they call once: what it holds ends with the process."""
        return self.scripts.runs_once(function)

    def happens_once(self, function: Function, node: cst.CSTNode) -> bool:
        """True for a node of such a function that is in no loop of it."""
        return self.scripts.happens_once(function, node)

    def constant(self, node: cst.BaseExpression, scope: Scope | None = None) -> Constant | None:
        """The value of an expression as far as the source says, constants of other modules and defaults of settings
        included; None when nobody can say.

        Args:
            node: the expression.
            scope: where it stands; default: where the visited node stands.
        """
        return Constants(self.names).constant(node, scope or self.scope)

    def parameter(self, node: cst.Call, parameter: Parameter, scope: Scope | None = None) -> Worth:
        """What a call gives a modelled parameter, as an argument, in an unpacked dictionary or in a URL; arguments as
        in `constant`."""
        return parameter_of(node, parameter, scope or self.scope, Constants(self.names))

    def is_idle(self, node: cst.Call) -> bool:
        """True when what a call of the visited scope gives is nothing but an argument that counts for nothing:
        `limits=Limits()` beside `transport=`."""
        uses = uses_of(node, self.scope)
        return bool(uses) and all(self._is_idle_argument(use) for use in uses)

    def _is_idle_argument(self, node: cst.CSTNode) -> bool:
        taker = self.constructions.taker(node, self.index)
        keyword = next((a.keyword.value for a in taker.args if a.keyword and a.value is node), "") if taker else ""
        if taker is None or not keyword:
            return False
        known = self.names.calls(taker, self.scope)
        return any(is_idle(taker, keyword, call, self.scope, Constants(self.names)) for call in known)

    def nested(self, node: cst.Call, *path: str) -> Worth:
        """What a keyword of a call, or a dictionary that it is given, holds: `connect_args={"timeout": 5}`.

        Args:
            node: a call of the visited scope.
            path: the keyword, and the keys that lead to the entry, outermost first.
        """
        return entry_of(node, path, self.scope, Constants(self.names))

    def external(self, node: cst.Call) -> External | None:
        """What is known of a call that leaves the process; None for any other."""
        return external_of(self.names, node, self.scope)

    def text(self, node: cst.BaseExpression, scope: Scope | None = None) -> str:
        """The text of a string expression; what is not known of it is a NUL character. Arguments as in `constant`."""
        return Constants(self.names).text(node, scope or self.scope)

    def address(self, node: cst.Call, scope: Scope | None = None) -> Address:
        """Where the connections of a call lead, environment variables of the deployment included; arguments as in
        `constant`."""
        found = address_of(node, scope or self.scope, Constants(self.names))
        return at_url(found, environment_of(self.deployment).get(found.variable))

    def record(self, function: Function | None) -> Record | None:
        """What evaluating a function saw; None when it holds nothing, or was too large (which is reported once)."""
        if function is not None and not self.analysis.may_hold(function):
            return None
        node: cst.CSTNode = function.node if function else self.index.module
        try:
            record = self.analysis.record(function or self.index)
        except GaveUp as error:
            self.gave_up[id(node)] = (node, f"was not analysed: {error}")
            return None
        if record.dropped:
            self.gave_up[id(node)] = (node, "was analysed in part: too many ways lead through it")
        return record


@dataclass(frozen=True, slots=True)
class Project:
    """What files are checked with, and what is known of the modules around them, filled as they are asked for."""

    rules: tuple[type[Rule], ...]
    limits: Limits
    acquiring: Prefilter
    modules: Modules
    names: Names
    analysis: Analysis
    callers: Callers
    constructions: Constructions
    offers: Offers
    visitors: Mapping[type[cst.CSTNode], list[tuple[type[Rule], Visitor]]]
    prefilter: bool = True
    """False: every file is parsed, whatever its bytes say."""
    deployments: DeploymentOf = no_deployment
    settings: re.Pattern[bytes] | None = None
    """Matches a file in which a setting may make a pool; None where nobody wants to know of pools."""
    threads: bool = False
    """True when a rule wants to know what threads leave open."""

    def is_worth_a_parse(self, file: str, data: bytes) -> bool:
        """True when a file can hold anything, as far as its bytes and what it imports from its project tell."""
        if not self.prefilter or self.acquiring.lets_through(data):
            return True
        if self.threads and may_start_threads(self.names.models, data):
            return True
        return bool(file) and self.matters(file, data)

    def matters(self, file: str, data: bytes) -> bool:
        """True when a file can get hold of what a module of its project acquires."""
        if self.names.modules is None:
            return False
        if self.analysis.holds.may_keep(file):
            return True
        if not self.modules.exports.matters(file, data):
            return False
        try:
            return self.offers.matter(file, data)
        except RecursionError:
            self.forget()  # what was being worked out is half known
            return with_deep_stack(lambda: self.offers.matter(file, data))

    def release(self) -> None:
        """Let go of all trees, and of what was concluded from them. The project is of no use after that."""
        self.forget()
        self.names.types.keeps = _nothing_kept
        self.modules.release()

    def forget(self) -> None:
        """Forget what was worked out so far; it is worked out again when somebody asks."""
        self.names.forget()
        self.analysis.forget()
        self.offers.forget()


def _nothing_kept(origin: Origin) -> bool:  # noqa: ARG001 - called like any other
    return False


def open_project(
    rules: Sequence[type[Rule]],
    models: Models,
    limits: Limits,
    extent: Extent = WHOLE,
    before: Project | None = None,
    exports: Exports | None = None,
    deployments: DeploymentOf = no_deployment,
) -> Project:
    """Prepare to check files.

    Args:
        rules: the rules to run; a rule that is not given costs nothing.
        models: what is known of libraries and frameworks.
        limits: the user's figures.
        extent: how far the look goes.
        before: the same from before, which has grown too large: what is known of what modules offer, and who imports
            them, is taken over from it.
        exports: look-up of the names by which modules acquire; it notes which other files results rest on. None makes
            one.
        deployments: gives what is known of a project's deployment.
    """
    visitors = _visitors(rules)
    implicit = any(getattr(rule, "implicit_calls", False) for rule in rules)
    exports = exports or exports_by(models, Consulted())
    modules = Modules(exports, frozenset(visitors) | {cst.Call}, extent.partial)
    names = Names(models, None if extent.alone else modules)
    edges = Edges(names)
    callers = Callers(names, edges, before.callers.importing if before else Importers(exports))
    holds = RequestHolds(names, callers)
    names.types.keeps = holds.is_on
    draws = Draws(names, Pools(names))
    analysis = Analysis(names, draws, holds, Reaching(names, draws.pools, Dispatch(names, callers.importing)))
    constructions = Constructions(edges)
    offers = Offers(names, analysis, constructions, exports, before.offers.known if before else {})
    settings = setting_words(models) if extent.pools else None
    return Project(
        tuple(rules), limits, acquiring_words(models, implicit), modules, names, analysis, callers,
        constructions, offers, visitors, extent.prefilter, deployments, settings,
        any(getattr(rule, "about_threads", False) for rule in rules),
    )  # fmt: skip


def check_bytes(data: bytes, path: str, rules: Sequence[type[Rule]], models: Models, limits: Limits) -> FileResult:
    """Check one file without the modules around it; arguments as in `open_project` and `check_file`."""
    return check_file(data, path, open_project(rules, models, limits, Extent(alone=True)))


def check_file(data: bytes, path: str, project: Project, file: str = "") -> FileResult:
    """Check one file of a project.

    Args:
        data: the file's bytes.
        path: how findings name it.
        project: what to check it with.
        file: its absolute path, by which other modules import it; empty when it has none.

    Returns:
        Findings in source order, before suppression and filters. A file that cannot be read as Python is a finding.
    """
    if not project.is_worth_a_parse(file, data):
        problem = _syntax_problem(data)
        if problem:
            return _unreadable(problem, path)
        return FileResult((), 0, "skipped", _pools_by_setting(data, file, project))
    index = project.modules.checked(file, data)
    if isinstance(index, Unreadable):
        return _unreadable(index, path)
    try:
        return _check_module(index, path, project, data)
    except RecursionError:
        project.forget()  # what was being worked out is half known
        return with_deep_stack(lambda: _check_module(index, path, project, data))


def _check_module(index: Index, path: str, project: Project, data: bytes) -> FileResult:
    models = project.names.models
    names, rules, visitors = project.names, project.rules, project.visitors
    scopes = project.callers.scopes(index)
    context = FileContext(
        index, names, project.analysis, scopes, project.callers, project.constructions, project.limits, index.scope,
        Deadlines(names, index), Scripts(scopes), project.deployments,
    )  # fmt: skip
    reports: list[tuple[type[Rule], Report]] = []
    acquisitions = 0
    whole = [(index.module, index.scope)] if cst.Module in visitors else []  # it is put together from its pieces
    for node, scope in (*whole, *index.visited):
        context.scope = scope
        if isinstance(node, cst.Call):
            acquisitions += any(c.kind != "stack" for c in map(models.acquisition, names.calls(node, scope)) if c)
        for rule, visit in visitors.get(type(node), ()):
            reports.extend((rule, report) for report in visit(node, context))
    if AnalysisGaveUp in rules:
        reports += [(AnalysisGaveUp, _gave_up(node, why, index)) for node, why in context.gave_up.values()]
    pools = _pools(index, context, project.settings, data) if project.settings else ()
    for elsewhere in {*(path for _, report in reports for path in _traced(report)), *_amounts(pools)} - {""}:
        # What names lines of another file changes with them.
        project.modules.exports.places.consulted.used(elsewhere)
    return FileResult(_findings(index, path, reports), acquisitions, "checked", pools)


def _traced(report: Report) -> Iterator[str]:
    return (step.module.origin.path for step, _ in report.trace if isinstance(step, Place))


def _amounts(pools: Iterable[Pool]) -> Iterator[str]:
    return (amount.path for pool in pools for amount in (pool.size, pool.overflow) if amount)


def _pools(index: Index, context: FileContext, settings: re.Pattern[bytes], data: bytes) -> tuple[Pool, ...]:
    with_settings = settings.search(data) is not None
    return find_pools(index, context.names, lambda function: context.entry(function) is not None, with_settings)


def _pools_by_setting(data: bytes, file: str, project: Project) -> tuple[Pool, ...]:
    """The pools that settings make in a file that imports no known library."""
    if project.settings is None or project.settings.search(data) is None:
        return ()
    index = project.modules.checked(file, data)
    return (
        () if isinstance(index, Unreadable) else find_pools(index, project.names, lambda _: False, with_settings=True)
    )


def _syntax_problem(data: bytes) -> Unreadable | None:
    """A file that imports no known library is not parsed by LibCST; the builtin parser, far faster, says whether it
    is Python."""
    if is_python(data):
        return None
    found = parse(data)  # newer syntax than the running Python's is no error
    return found if isinstance(found, Unreadable) else None


def _unreadable(problem: Unreadable, path: str) -> FileResult:
    severity = Severity.INFO if problem.is_template else UnreadableFile.severity
    finding = Finding(
        UnreadableFile.code, UnreadableFile.name, severity, Confidence.HIGH, problem.reason,
        path, problem.line, problem.column, problem.line, problem.column,
    )  # fmt: skip
    return FileResult((finding,), 0, "unreadable")


def _visitors(rules: Iterable[type[Rule]]) -> dict[type[cst.CSTNode], list[tuple[type[Rule], Visitor]]]:
    """For each node class, the visitors of the given rules."""
    found: dict[type[cst.CSTNode], list[tuple[type[Rule], Visitor]]] = {}
    for rule in rules:
        instance = rule()
        for name in dir(instance):
            if name == "visit_evaluated":
                found.setdefault(cst.FunctionDef, []).append((rule, _of_evaluated(getattr(instance, name))))
            elif name.startswith("visit_"):
                found.setdefault(getattr(cst, name.removeprefix("visit_")), []).append((rule, getattr(instance, name)))
    return found


def _of_evaluated(visit: Callable[[Function, Record, FileContext], Iterable[Report]]) -> Visitor:
    """The visitor of functions that asks only for those whose evaluation saw anything."""

    def visitor(node: cst.CSTNode, context: FileContext) -> Iterable[Report]:
        function = context.function(node)
        record = context.record(function)
        return visit(function, record, context) if function is not None and record is not None else ()

    return visitor


def _gave_up(node: cst.CSTNode, why: str, index: Index) -> Report:
    function = index.function(node)
    what = f"'{function.qualname}'" if function else "the module's own code"
    return Report(node, (f"{what} {why}",), Severity.INFO, function=function.qualname if function else "")


def _findings(index: Index, path: str, reports: list[tuple[type[Rule], Report]]) -> tuple[Finding, ...]:
    nodes: list[cst.CSTNode] = []
    places: dict[str, list[Place]] = {}
    for _, report in reports:
        nodes += [report.node, *(p for p in report.message if not isinstance(p, str))]
        for step, _ in report.trace:
            if isinstance(step, Place) and step.module is not index:
                places.setdefault(step.module.origin.path, []).append(step)
            else:
                nodes.append(step.node if isinstance(step, Place) else step)
    spans = index.locate(nodes)
    shown = dict.fromkeys(spans, path)
    for file, steps in places.items():
        found_there = steps[0].module.locate(s.node for s in steps)
        spans |= found_there
        shown |= dict.fromkeys(found_there, _displayed(file, index.origin.path, path))
    found = [_finding(rule, report, path, spans, shown) for rule, report in reports if id(report.node) in spans]
    unique = {(f.code, f.line, f.column, f.message): f for f in found}
    return tuple(sorted(unique.values(), key=lambda f: f.sort_key))


def _displayed(file: str, checked: str, shown: str) -> str:
    """How a finding names another file: as it names the checked one, when both lie in the same folder."""
    base = checked.removesuffix(shown.replace("/", os.sep))
    return file.removeprefix(base).replace(os.sep, "/") if base != checked else file


def _finding(rule: type[Rule], report: Report, path: str, spans: dict[int, Span], shown: Mapping[int, str]) -> Finding:
    span = spans[id(report.node)]
    message = "".join(
        p if isinstance(p, str) else str(spans[id(p)].line) if id(p) in spans else "?" for p in report.message
    )
    nodes = [(step.node if isinstance(step, Place) else step, text) for step, text in report.trace]
    steps = tuple(Step(shown[id(n)], s.line, s.column, text) for n, text in nodes if (s := spans.get(id(n))))
    return Finding(
        rule.code, rule.name, report.severity, report.confidence, message, path, span.line, span.column, span.end_line,
        span.end_column, report.function, report.library, steps, covers=report.covers,
    )  # fmt: skip
