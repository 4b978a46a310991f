"""From the analysis's verdicts to reports: which rule a verdict belongs to, and the words that rules share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

import libcst as cst

from pooclint.flow.fields import stray_leaks
from pooclint.flow.values import Lane
from pooclint.flow.verdicts import Verdict, VerdictKind, verdicts
from pooclint.program.attributes import has_unknown_base
from pooclint.program.defaults import defaults
from pooclint.rule import Confidence, Place, Report, Severity
from pooclint.source.nodes import descendants
from pooclint.source.targets import shown_place

if TYPE_CHECKING:
    from pooclint.engine import FileContext
    from pooclint.flow.record import Record
    from pooclint.flow.values import Site
    from pooclint.program.scopes import Function

Message = tuple["str | cst.CSTNode", ...]


Subject = Literal["plain", "response", "default"]
"""What a leak is about, where that has a rule of its own."""


def reports(
    function: Function, record: Record, context: FileContext, kinds: frozenset[VerdictKind], wanted: Subject = "plain"
) -> Iterator[tuple[Verdict, Report]]:
    """Reports of some kinds of verdict in a function, with an empty message for the rule to fill.

    Args:
        node: the function.
        context: the file.
        kinds: the verdicts that the rule words.
        wanted: what they are about; each verdict belongs to one rule.
    """
    for verdict in _by_branches(verdicts(record, stray_leaks(context.analysis, function, record)), function):
        if verdict.kind in kinds and _about(verdict, function) == wanted:
            severity, confidence = _adjusted(verdict, function, context)
            yield (
                verdict,
                Report(
                    verdict.site.node,
                    (),
                    severity,
                    confidence,
                    function.qualname,
                    verdict.site.acquisition.library,
                    _trace(verdict),
                ),
            )


def _by_branches(found: list[Verdict], function: Function) -> list[Verdict]:
    """With one verdict, the worse, for both arms of a condition, or of a conditional expression, that give the same
    names a value: what mends one mends the other."""
    alike: dict[tuple[VerdictKind, tuple[str, ...]], list[Verdict]] = {}
    for verdict in found:
        alike.setdefault((verdict.kind, verdict.names), []).append(verdict)
    several = {id(v.site.node) for same in alike.values() if len(same) > 1 for v in same}
    joined = {verdict.site.number: verdict for verdict in found}
    for node in _conditions(function) if several else ():
        first, second = (
            [v for v in joined.values() if id(v.site.node) in inside]
            for inside in (several.intersection(map(id, descendants(a))) for a in (node.body, node.orelse) if a)
        )
        for one in first if isinstance(node, cst.IfExp) else [v for v in first if v.names]:
            other = next((v for v in second if (v.kind, v.names) == (one.kind, one.names)), None)
            if other is None or other.site.number not in joined:
                continue
            told, left = sorted((one, other), key=lambda v: (-v.severity, -v.confidence, v.site.number))
            joined[told.site.number] = replace(told, others=(*told.others, left.site, *left.others))
            del joined[left.site.number]
    return list(joined.values())


def _conditions(function: Function) -> list[cst.IfExp | cst.If]:
    """The conditions of a function that have two arms, inner ones first."""
    found = [n for n in function.body_nodes if isinstance(n, cst.IfExp) or (isinstance(n, cst.If) and n.orelse)]
    return found[::-1]


def _about(verdict: Verdict, function: Function) -> Subject:
    # A manager or dependency that yields a response has a rule of its own; a reader that stops early is this one's.
    managed = verdict.kind == "yield-without-finally" and verdict.leak.obligation.lane is not Lane.CANCELLED
    if verdict.site.acquisition.kind == "response" and not managed:
        return "response"
    return "default" if verdict.kind == "never-released" and stands_in_for(verdict, function) else "plain"


def stands_in_for(verdict: Verdict, function: Function) -> str:
    """The parameter or attribute for want of which the resource was made; empty when there is none."""
    return next((d.given for d in defaults(function) if d.made is verdict.site.node), "")


def _adjusted(verdict: Verdict, function: Function, context: FileContext) -> tuple[Severity, Confidence]:
    """What a script's entry point holds ends with the process, unless it loses one after the other until then."""
    if context.happens_once(function, verdict.site.node):
        return Severity.INFO, verdict.confidence
    if verdict.leak.place and function.owner and has_unknown_base(context.names, function.owner):
        return verdict.severity, Confidence.LOW
    return verdict.severity, verdict.confidence


def subject(verdict: Verdict) -> str:
    """How messages name the resource: by its name where it has one."""
    name = verdict.names[0] if verdict.names else shown_place(verdict.leak.place)
    return f"'{name}'" if name else f"the {verdict.site.acquisition.kind}"


def source(verdict: Verdict) -> str:
    """Where it came from."""
    return " or ".join(dict.fromkeys(_source(site) for site in (verdict.site, *verdict.others)))


def _source(site: Site) -> str:
    if site.through:
        return f"{site.acquisition.shown} from '{site.through}'"
    return site.label


def _trace(verdict: Verdict) -> tuple[tuple[cst.CSTNode | Place, str], ...]:
    leak, site = verdict.leak, verdict.site
    later = _LATER.get(site.acquisition.reclaimed, "")
    steps: list[tuple[cst.CSTNode | Place, str]] = [(site.node, f"acquired here ({_source(site)}){later}")]
    steps += ((other.node, f"or here ({_source(other)})") for other in verdict.others)
    if site.origin:
        given = "keeps it" if site.acquisition.keeps else "hands it over"
        steps.append((site.origin, f"'{site.through}' acquires it here, and {given}"))
    if leak.cause is not None and leak.obligation.lane is not Lane.NORMAL:
        steps.append((leak.cause, _raises(leak.obligation.lane)))
    if leak.obligation.reopened is not None:
        steps.append((leak.obligation.reopened, "used again here after its release: it takes another connection"))
    steps += [step for step in leak.trace if step[0] not in (s[0] for s in steps)]
    if leak.kind == "overwritten" and leak.node is not None:
        steps.append((leak.node, "the only reference is replaced here"))
    steps += [(node, "released here on other paths") for node in verdict.releases[:2]]
    return tuple(steps)


_LATER: Final[Mapping[str, str]] = {
    "never": "; nothing else gives it back",
    "late": "; nothing else but the garbage collector closes it",
}
"""What becomes of it if nobody releases it: that a reference count closes everything is a common belief."""


def _raises(lane: Lane) -> str:
    return {
        Lane.RESOURCE: "can raise here",
        Lane.OTHER: "can raise here",
        Lane.CANCELLED: "can be cancelled here",
    }.get(lane, "")


def way(verdict: Verdict) -> Message:
    """On which way through the function it is lost, in words that follow a verb."""
    leak = verdict.leak
    if verdict.kind == "overwritten":
        where: Message = (" on line ", leak.node) if leak.node is not None else ()
        raised = leak.cause is not None and leak.obligation.lane
        return (*where, " after line ", leak.cause, " raised") if leak.cause is not None and raised else where
    if verdict.kind == "not-released-on-error":
        verb = " is cancelled" if leak.obligation.lane is Lane.CANCELLED else " raises"
        return (" if line ", leak.cause, verb) if leak.cause is not None else (" when an exception is raised",)
    if verdict.kind == "yield-without-finally" and leak.cause is not None:
        return (" if the reader stops at line ", leak.cause)
    if leak.node is not None:
        return (" on the path that leaves on line ", leak.node)
    return (" on the path that reaches the end of the function",)


def released_on(verdict: Verdict) -> Message:
    """Where other ways release it, as an addition to a message."""
    if not verdict.releases:
        return ("; never released in this function",) if verdict.kind == "not-released-on-path" else ()
    again = verdict.leak.obligation.reopened
    used = () if again is None else (", and used again on line ", again)
    return ("; released on line ", verdict.releases[0], *used)


def with_message(report: Report, message: Message) -> Report:
    """The report with its message."""
    return Report(
        report.node, message, report.severity, report.confidence, report.function, report.library, report.trace
    )
