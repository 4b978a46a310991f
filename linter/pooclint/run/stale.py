"""Which results no longer hold: questions that have another answer now, parts of modules that differ, and all that
rests on them."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pooclint.program.consulted import (
    OF_CONTENT,
    OF_LOOKUPS,
    WHOLE,
    Answer,
    Consulted,
    Learned,
    Question,
    Use,
)
from pooclint.program.places import Places, is_package, may_serve
from pooclint.run.cache_file import UNSETTLED, Links
from pooclint.run.dependencies import DependencyFinder
from pooclint.run.deployments import Found, answer_now
from pooclint.run.models import version_texts

if TYPE_CHECKING:
    from pooclint.program.exports import Exports, Interest, Known
    from pooclint.source.parts import Parts

_OF_MODULES = OF_CONTENT | {"importers"}
"""Questions whose answers are in the modules themselves, and not in what lies around them."""
_OF_TEXT = OF_CONTENT - {"names"}


@dataclass(frozen=True, slots=True)
class Stale:
    """What no longer holds."""

    asking: frozenset[str]
    """Files for which a question has another answer."""
    looking: frozenset[str]
    """Of these, files whose imports may lead elsewhere; where somebody rests on that, it was found out anew."""
    reports: frozenset[str]
    """Files whose reports rest on what differs."""
    learned: Learned
    """What was consulted to find that out."""


def stale_files(
    known: Collection[str],
    links: Links,
    changed: frozenset[str],
    moved: bool,
    exports_by: Callable[[Consulted], Exports],
) -> Stale:
    """Find what no longer holds; what is reported of the changed files themselves never does.

    Args:
        known: all files that were ever looked at.
        links: what was asked and used for each.
        changed: files with other content.
        moved: True when a name has come to a folder or gone from it.
        exports_by: gives the look-up of what modules acquire by.
    """
    consulted = Consulted()
    places = Places(consulted)
    asking: frozenset[str] = frozenset()
    looking: frozenset[str] = frozenset()
    new: frozenset[str] = frozenset()
    if moved or not all(path.endswith(".py") for path in changed):
        now = _answers(links.answers, places, consulted)
        elsewhere = frozenset(q for q, answer in now.items() if links.answers[q] != answer)
        asking = _asking(links, elsewhere)
        looking = _asking(links, (q for q in elsewhere if q.kind in OF_LOOKUPS))
        new = _new_files(known, links, places) if moved else new
    seen = consulted.take()  # what was asked was asked for no file; what was read holds
    suspects = frozenset(path for path in changed | asking | new if path.endswith(".py"))
    importing = frozenset(path for path in looking if Question("imports", path) in links.answers)
    other: set[Question] = set()
    if suspects or importing:
        exports = exports_by(consulted)
        other |= _naming_otherwise(links, suspects, exports)
        other |= _saying_otherwise(links, changed, importing, exports)
        asking |= _asking(links, other)
        other |= _imported_otherwise(links, suspects, exports)
    differing = _other_parts(links, changed, consulted)
    reports = frozenset(
        file
        for file, dependencies in links.rests.items()
        if any(d.path in looking or d in differing if isinstance(d, Use) else d in other for d in dependencies)
    )
    learned = consulted.take()
    learned.files = {**seen.files, **learned.files}
    learned.folders = {**seen.folders, **learned.folders}
    return Stale(asking, looking, reports, learned)


def _answers(questions: Iterable[Question], places: Places, consulted: Consulted) -> dict[Question, Answer]:
    """What is answered today to questions about what lies around modules."""
    found: dict[Question, Answer] = {}
    finders: dict[str, DependencyFinder] = {}
    deployments: dict[str, Found] = {}
    for question in questions:
        kind, place, name = question
        if kind in _OF_MODULES:
            continue
        if kind == "versions":
            if name not in finders:
                finders[name] = DependencyFinder(name.split(), consulted)
            found[question] = version_texts(finders[name].versions(Path(place)))
        elif kind == "deployment":
            found[question] = answer_now(question, consulted, deployments)
        elif kind == "child":
            found[question] = (places.find_child(place, name),)
        else:
            origin = places.origin(os.path.join(place, ""))
            top = kind == "top"
            found[question] = places.tops(name, origin) if top else (origin.package, origin.project, *origin.roots)
    return found


def _asking(links: Links, questions: Iterable[Question]) -> frozenset[str]:
    """Who asked one of these."""
    wanted = frozenset(questions)
    return frozenset(asker for asker, asked in links.asked.items() if not asked.isdisjoint(wanted))


def _naming_otherwise(links: Links, suspects: frozenset[str], exports: Exports) -> frozenset[Question]:
    """Which names of a module acquire, where that is another answer now: of the suspects, and then of the modules that
    import them."""
    names = {q: answer for q, answer in links.answers.items() if q.kind == "names"}
    of_others = {q: answer for q, answer in names.items() if q.place not in suspects}
    other: frozenset[Question] = frozenset()
    while True:
        exports.suppose(known_names(of_others))
        other |= {q for q in names if q.place in suspects and _names_now(q, exports) != names[q]}
        found = _asking(links, other)
        if found <= suspects:
            return other
        suspects |= found
        of_others = {q: answer for q, answer in of_others.items() if q.place not in found}


def known_names(answers: Mapping[Question, Answer]) -> Known:
    """What is known of the names by which modules acquire, as they are looked up."""
    return {_key(q): frozenset(answer) for q, answer in answers.items() if q.kind == "names" and answer != UNSETTLED}


def _key(question: Question) -> tuple[str, Interest, int]:
    interest, depth = question.name.split()
    return question.place, cast("Interest", interest), int(depth)


def _names_now(question: Question, exports: Exports) -> Answer:
    place, interest, depth = _key(question)
    return tuple(sorted(exports.names_at(place, interest, depth)))


def _saying_otherwise(
    links: Links, changed: frozenset[str], importing: frozenset[str], exports: Exports
) -> frozenset[Question]:
    """What the text of a changed file says, where that is another answer now. What a file imports is
    another answer too when something has come to stand, or is no longer, where a module was looked for."""
    asked = (
        (q, a) for q, a in links.answers.items() if q.place in changed or (q.place in importing and q.kind == "imports")
    )
    return frozenset(q for q, answer in asked if q.kind in _OF_TEXT and _said_now(q, exports) != answer)


def _said_now(question: Question, exports: Exports) -> Answer:
    place = question.place
    return tuple(sorted(exports.methods(place) if question.kind == "methods" else exports.imported_files(place)))


def _other_parts(links: Links, changed: frozenset[str], consulted: Consulted) -> frozenset[Use]:
    """What is different now of changed files; the digests of their parts are brought up to date."""
    other = {Use(path, WHOLE) for path in changed}
    known: dict[str, Parts] = {}
    for (path, name), digest in links.parts.items():
        if path not in changed:
            continue
        if path not in known:
            from pooclint.source.parts import parts  # with LibCST

            known[path] = parts(consulted.read(path) or b"")
        links.parts[path, name] = known[path].of(name)
        if links.parts[path, name] != digest:
            other.add(Use(path, name))
    return frozenset(other)


def _new_files(known: Collection[str], links: Links, places: Places) -> frozenset[str]:
    """Files that nobody has looked at, in projects where it matters who imports what."""
    projects = {places.origin(q.place).project for q in links.answers if q.kind == "importers"}
    return frozenset(file for project in projects for file in places.python_files(project)).difference(known)


def _imported_otherwise(links: Links, suspects: frozenset[str], exports: Exports) -> frozenset[Question]:
    """Who imports a file and mentions what is called, where that is another answer now: a suspect has come to do so, or
    does so no longer."""
    asked = [(q, frozenset(answer)) for q, answer in links.answers.items() if q.kind == "importers"]
    found: set[Question] = set()
    for file in suspects if asked else ():
        direct = exports.imported_files(file)
        passed_on = (exports.imported_files(package) for package in filter(is_package, direct))
        importing = direct.union(*passed_on) if may_serve(file) else frozenset[str]()
        for question, known in asked:
            _, path, word = question
            now = (is_package(file) and path in direct) or (
                path in importing and (not word or exports.mentions(file, word))
            )
            if now != (file in known):
                found.add(question)
    return frozenset(found)
