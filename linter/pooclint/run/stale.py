"""Which results no longer hold: questions that have another answer now, parts of modules that differ, and all that
rests on them."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pooclint.program.consulted import OF_CONTENT, OF_LOOKUPS, WHOLE, Answer, Consulted, Learned, Question, callers_of
from pooclint.program.places import Places, may_serve
from pooclint.run.cache_file import UNSETTLED, Links, Use
from pooclint.run.dependencies import DependencyFinder
from pooclint.run.deployments import Found, answer_now
from pooclint.run.models import version_texts

if TYPE_CHECKING:
    from pooclint.program.exports import Exports, Interest, Known
    from pooclint.source.parts import Parts

_OF_MODULES = OF_CONTENT | {"importers"}
"""Questions whose answers are in the modules themselves, and not in what lies around them."""
_OF_TEXT = OF_CONTENT - {"names"}

Part = tuple[str, str]
"""A file, and a definition in it; empty for all of the file."""


@dataclass(frozen=True, slots=True)
class Stale:
    """What no longer holds."""

    asking: frozenset[str]
    """Files for which a question has another answer."""
    looking: frozenset[str]
    """Of these, files whose imports may lead elsewhere; where somebody rests on that, it was found out anew."""
    resting: dict[str, frozenset[str]]
    """These, those that used what differs, and all that rest on them: by file the parts, the empty one for all."""
    learned: Learned
    """What was consulted to find that out."""

    def concerns(self, asker: str, use: Use) -> bool:
        """True when what used something no longer holds."""
        parts = self.resting.get(asker, frozenset())
        return use.part in parts or "" in parts


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
        other = frozenset(q for q, answer in now.items() if links.answers[q] != answer)
        asking = _asking(links, other)
        looking = _asking(links, (q for q in other if q.kind in OF_LOOKUPS))
        new = _new_files(known, links, places) if moved else new
    seen = consulted.take()  # what was asked was asked for no file; what was read holds
    suspects = frozenset(path for path in changed | asking | new if path.endswith(".py"))
    callers: frozenset[str] = frozenset()
    importing = frozenset(path for path in looking if Question("imports", path) in links.answers)
    if suspects or importing:
        exports = exports_by(consulted)
        asking |= _naming_otherwise(links, suspects, exports)
        asking |= _saying_otherwise(links, changed, importing, exports)
        callers = _newly_imported(links, suspects, looking, exports)
    known_parts: dict[str, Parts] = {}

    def cut(path: str) -> Parts:
        if path not in known_parts:
            from pooclint.source.parts import parts  # with LibCST

            known_parts[path] = parts(consulted.read(path) or b"")
        return known_parts[path]

    roots = [*((path, "") for path in asking | callers), *_using_otherwise(links, changed, cut)]
    resting = _resting_on(roots, links.used, cut)
    learned = consulted.take()
    learned.files = {**seen.files, **learned.files}
    learned.folders = {**seen.folders, **learned.folders}
    return Stale(asking, looking, resting, learned)


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


def _naming_otherwise(links: Links, suspects: frozenset[str], exports: Exports) -> frozenset[str]:
    """Who rests on which names of a module acquire, where that is another answer now: of the suspects, and then of the
    modules that import them."""
    names = {q: answer for q, answer in links.answers.items() if q.kind == "names"}
    of_others = {q: answer for q, answer in names.items() if q.place not in suspects}
    asking: frozenset[str] = frozenset()
    while True:
        exports.suppose(known_names(of_others))
        others = (q for q in names if q.place in suspects and _names_now(q, exports) != names[q])
        found = _asking(links, list(others))
        asking |= found
        if found <= suspects:
            return asking
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
    return tuple(sorted(exports.names(place, interest, place, depth)))


def _saying_otherwise(
    links: Links, changed: frozenset[str], importing: frozenset[str], exports: Exports
) -> frozenset[str]:
    """Who rests on what the text of a changed file says, where that is another answer now. What a file imports is
    another answer too when something has come to stand, or is no longer, where a module was looked for."""
    asked = (
        (q, a) for q, a in links.answers.items() if q.place in changed or (q.place in importing and q.kind == "imports")
    )
    return _asking(links, [q for q, answer in asked if q.kind in _OF_TEXT and _said_now(q, exports) != answer])


def _said_now(question: Question, exports: Exports) -> Answer:
    kind, place, name = question
    if kind == "mentions":
        return ("yes",) if exports.mentions(place, (name,), place) else ()
    return tuple(sorted(exports.methods(place, place) if kind == "methods" else exports.imported_files(place)))


def _using_otherwise(links: Links, changed: frozenset[str], cut: Callable[[str], Parts]) -> Iterator[Part]:
    """Who used a part of a changed file that is different now; the digests of the parts are brought up to date."""
    other: set[tuple[str, str]] = {(path, WHOLE) for path in changed}
    for (path, name), digest in links.parts.items():
        if path in changed:
            links.parts[path, name] = cut(path).of(name)
            if links.parts[path, name] != digest:
                other.add((path, name))
    for asker, uses in links.used.items():
        yield from ((asker, use.part) for use in uses if (use.path, use.name) in other)


def _new_files(known: Collection[str], links: Links, places: Places) -> frozenset[str]:
    """Files that nobody has looked at, in projects where it matters who imports what."""
    projects = {places.origin(q.place).project for q in links.answers if q.kind == "importers"}
    return frozenset(file for project in projects for file in places.python_files(project)).difference(known)


def _newly_imported(
    links: Links, suspects: frozenset[str], looking: frozenset[str], exports: Exports
) -> frozenset[str]:
    """The callers of files that are imported by what is new or different, and mentions what is called. What was looked
    at for that before is known by its content, unless its imports lead elsewhere."""
    words: dict[str, set[str]] = {}
    for question in links.answers:
        if question.kind == "importers":
            words.setdefault(question.place, set()).add(question.name)
    found: set[str] = set()
    for file in filter(may_serve, suspects) if words else ():
        data = exports.read(file) or b""
        for path in _imported(file, exports) & words.keys():
            if file not in looking and _looked_at(file, callers_of(path), links):
                continue
            # What a package passes on is imported, and mentioned, elsewhere.
            if os.path.basename(file) == "__init__.py" or any(word.encode() in data for word in words[path]):
                found.add(callers_of(path))
    return frozenset(found)


def _looked_at(file: str, asker: str, links: Links) -> bool:
    """True when somebody asked for something that is in a file."""
    used, asked = links.used.get(asker, ()), links.asked.get(asker, ())
    return any(use.path == file for use in used) or any(q.kind == "mentions" and q.place == file for q in asked)


def _imported(file: str, exports: Exports) -> frozenset[str]:
    """Files from which a file imports, be it through a package that passes on what they hold."""
    direct = exports.imported_files(file)
    passed_on = (exports.imported_files(p) for p in direct if os.path.basename(p) == "__init__.py")
    return direct.union(*passed_on)


def _resting_on(
    roots: Iterable[Part], used: Mapping[str, Iterable[Use]], cut: Callable[[str], Parts]
) -> dict[str, frozenset[str]]:
    """By file, the parts that are stale: the roots, what uses them, or leads to them in its module, and so on."""
    todo = list(roots)
    if not todo:
        return {}
    from pooclint.source.parts import CODE, FRAME  # with LibCST

    users: dict[str, list[tuple[str, Use]]] = {}
    for asker, uses in used.items():
        for use in uses:
            users.setdefault(use.path, []).append((asker, use))
    found: dict[str, set[str]] = {}
    while todo:
        path, name = todo.pop()
        part = cut(path).part(name) if name and path in users else name
        parts = found.setdefault(path, set())
        if part in parts:
            continue
        parts.add(part)
        for asker, use in users.get(path, ()):
            everything = part == FRAME or use.name in (WHOLE, CODE)
            if everything or use.name == part or part in cut(path).rests_on(use.name):
                todo.append((asker, use.part))
    return {path: frozenset(parts) for path, parts in found.items()}
