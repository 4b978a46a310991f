"""From recorded leaks to one verdict for each place that acquires."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import libcst as cst

from pooclint.flow.record import Leak, Record
from pooclint.flow.values import COLLECTIONS, Fate, Lane, Site
from pooclint.models import Acquisition
from pooclint.rule import Confidence, Severity

VerdictKind = Literal[
    "never-released", "not-released-on-error", "not-released-on-path", "discarded", "overwritten", "with-keeps-open",
    "yield-without-finally", "wrong-release",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a site leaks, by its most convincing way."""

    kind: VerdictKind
    site: Site
    leak: Leak
    releases: tuple[cst.CSTNode, ...]
    """Where it is released on other ways."""
    names: tuple[str, ...]
    """Names the resource was bound to."""
    severity: Severity
    confidence: Confidence
    others: tuple[Site, ...] = ()
    """Other sites of which the same is to be said: those in the other arm of a conditional expression."""


def verdicts(record: Record, strays: Iterable[Leak] = ()) -> list[Verdict]:
    """One verdict for each leaking site, in the order of acquisition.

    Args:
        record: what the evaluation of a function saw.
        strays: leaks of what stays on an attribute or in an element, where nobody else releases it.
    """
    by_site: dict[int, list[Leak]] = {}
    known = {leak.site.number for leak in record.leaks.values()}
    for leak in (*record.leaks.values(), *(stray for stray in strays if stray.site.number not in known)):
        if leak.site.acquisition.reclaimed != "harmless":
            by_site.setdefault(leak.site.number, []).append(leak)
    return [_verdict(record, leaks) for _, leaks in sorted(by_site.items())]


def _verdict(record: Record, leaks: list[Leak]) -> Verdict:
    site = leaks[0].site
    releases = tuple(record.releases.get(site.number, ()))
    handled = bool(releases) or site.number in record.kept
    leak = min(leaks, key=lambda found: (found.obligation.lane, found.idle, _preference(found), found.rank))
    names = tuple(name for name, sites in record.bound.items() if site in sites)
    return Verdict(
        _kind(leak, handled, bool(releases)),
        site,
        leak,
        releases,
        names,
        Severity.INFO if record.is_fixture and leak.completion.exceptional else _severity(leak),
        _confidence(record, leak, bool(releases) or (handled and leak.obligation.lane > Lane.NORMAL)),
    )


def _preference(leak: Leak) -> int:
    """Of equally plain leaks: what is never bound says it best; a function that lives on and forgets it, better than
    one that fails; rebinding, where living on does not lose it."""
    if leak.kind == "discarded":
        return 0
    if leak.kind == "exit":
        return 3 if leak.completion.exceptional else 1
    return 2


def _kind(leak: Leak, handled: bool, released: bool) -> VerdictKind:
    if leak.obligation.closed is not None:
        return "wrong-release"
    if leak.kind == "discarded":
        return "discarded"
    if leak.obligation.kept_open and not released and not (handled and leak.obligation.lane > Lane.NORMAL):
        return "with-keeps-open"
    if leak.kind == "overwritten":
        return "overwritten"
    if leak.obligation.lane is Lane.NORMAL:
        return "not-released-on-path" if handled else "discarded" if leak.only_part else "never-released"
    return "yield-without-finally" if isinstance(leak.cause, cst.Yield) else "not-released-on-error"


def severity_of(acquisition: Acquisition) -> Severity:
    """What a forgotten object costs, by what reclaims it."""
    severity = {
        "never": Severity.ERROR,
        "arrived": Severity.INFO,
        "late": Severity.WARNING,
        "refcount": Severity.WARNING,
        "harmless": Severity.INFO,
    }[acquisition.reclaimed]
    if (
        acquisition.kind in ("client", "response")
        and acquisition.reclaimed == "refcount"
        and not acquisition.released_by_awaiting
    ):
        return Severity.INFO  # nobody waits for it, and it is closed as soon as the name is gone
    return severity


def _severity(leak: Leak) -> Severity:
    """By what reclaims the object, lowered with the lane."""
    severity = severity_of(leak.site.acquisition)
    acquisition, obligation = leak.site.acquisition, leak.obligation
    dropped = obligation.lane is not Lane.NORMAL and obligation.fate is Fate.HELD
    if leak.idle or (dropped and acquisition.reclaimed == "refcount" and not acquisition.crowded):
        return Severity.INFO
    if leak.obligation.fate is Fate.FIELD and not leak.place and leak.site.acquisition.kind != "connection":
        severity = severity.lower()  # the half-built object that refers to it is dropped with the exception
    if leak.obligation.lane is Lane.CANCELLED:
        return Severity.INFO
    return severity.lower() if leak.obligation.lane is Lane.OTHER else severity


def _confidence(record: Record, leak: Leak, owned: bool) -> Confidence:
    confidence = Confidence.HIGH
    if leak.obligation.doubtful:
        # A function that releases or stores it itself on other ways has lent it to the callee; else the callee may
        # own it.
        lent = owned and leak.site.acquisition.kind != "response"  # a response is made to be handed to a reader
        confidence = Confidence.MEDIUM if lent else Confidence.LOW
    elif leak.obligation.lent:
        confidence = Confidence.MEDIUM
    if leak.obligation.owner <= COLLECTIONS:  # which of them a loop has come to is not known for sure
        unsure = leak.obligation.lane > Lane.NORMAL or leak.obligation.doubtful
        confidence = Confidence.LOW if unsure else min(confidence, Confidence.MEDIUM)
    if owned and leak.obligation.lane is Lane.NORMAL and id(leak.site.node) in record.existing:
        return Confidence.LOW  # on the ways that leave it, it may be what was there before, and somebody else's
    if leak.obligation.closed is not None and leak.site.guessed:
        return Confidence.LOW  # a pool of another make may well take back what is closed
    indirect = leak.site.guessed or bool(leak.site.acquisition.keeps) or bool(leak.place)
    if leak.obligation.lane >= Lane.OTHER or record.cut or indirect:
        confidence = min(confidence, Confidence.MEDIUM)
    return confidence
