"""Which results no longer hold: changed files, questions that have another answer now, and all that rests on them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from pooclint.program.consulted import Answer, Consulted, Learned, Question, callers_of
from pooclint.program.exports import Exports
from pooclint.program.places import Places
from pooclint.run.cache_file import Links
from pooclint.run.dependencies import DependencyFinder
from pooclint.run.deployments import Found, answer_now
from pooclint.run.models import version_texts


def stale_files(
    known: Collection[str], links: Links, changed: frozenset[str], moved: bool
) -> tuple[frozenset[str], frozenset[str], Learned]:
    """Find what no longer holds.

    Args:
        known: all files that were ever looked at.
        links: what was asked and used for each.
        changed: files with other content.
        moved: True when a name has come to a folder or gone from it.

    Returns:
        The files that changed, or for which a question has another answer; these and all that rest on them; and what
        was learned on the way.
    """
    consulted = Consulted()
    exports = Exports((), (), Places(consulted))
    first = changed
    seen = Learned()
    if moved or not all(path.endswith(".py") for path in changed):
        now = _answers(links.answers, exports.places, consulted)
        other = frozenset(q for q, answer in links.answers.items() if q in now and now[q] != answer)
        first |= {asker for asker, asked in links.asked.items() if not asked.isdisjoint(other)}
        seen = consulted.take()  # what was asked was asked for no file; what was read holds
    importing = _newly_imported(known if moved else None, links, first, exports)
    learned = consulted.take()
    learned.files = {**seen.files, **learned.files}
    learned.folders = {**seen.folders, **learned.folders}
    return first, _resting_on(first | importing, links.used), learned


def _answers(questions: Iterable[Question], places: Places, consulted: Consulted) -> dict[Question, Answer]:
    """What is answered today."""
    found: dict[Question, Answer] = {}
    finders: dict[str, DependencyFinder] = {}
    deployments: dict[str, Found] = {}
    for question in questions:
        kind, place, name = question
        if kind == "versions":
            if name not in finders:
                finders[name] = DependencyFinder(name.split(), consulted)
            found[question] = version_texts(finders[name].versions(Path(place)))
        elif kind == "deployment":
            found[question] = answer_now(question, consulted, deployments)
        elif kind == "child":
            found[question] = (places.find_child(place, name),)
        elif kind != "importers":
            origin = places.origin(os.path.join(place, ""))
            top = kind == "top"
            found[question] = places.tops(name, origin) if top else (origin.package, origin.project, *origin.roots)
    return found


def _newly_imported(
    known: Collection[str] | None, links: Links, suspects: frozenset[str], exports: Exports
) -> frozenset[str]:
    """The callers of files that are imported by what is new or different; `known` is None where nothing can be new."""
    askers = frozenset(question.place for question in links.answers if question.kind == "importers")
    if not askers:
        return frozenset()
    found: set[str] = set()
    new: set[str] = set()
    if known is not None:
        projects = {exports.places.origin(path).project for path in askers}
        new = {file for project in projects for file in exports.places.python_files(project)}.difference(known)
    for file in new.union(path for path in suspects if path.endswith(".py")):
        direct = exports.imported_files(file)
        found |= direct
        # What a package passes on is imported through it.
        found.update(*(exports.imported_files(p) for p in direct if os.path.basename(p) == "__init__.py"))
    return frozenset(callers_of(path) for path in found & askers)


def _resting_on(roots: frozenset[str], used: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """The roots, and whoever used them, or used who used them."""
    users: dict[str, list[str]] = {}
    for asker, paths in used.items():
        for path in paths:
            users.setdefault(path, []).append(asker)
    found: set[str] = set()
    todo = list(roots)
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo += users.get(path, ())
    return frozenset(found)
