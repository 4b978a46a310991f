"""Which files of a project import a module: those in which its functions may be called."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from pooclint.program.consulted import Question
from pooclint.program.exports import Exports
from pooclint.program.places import is_package, may_serve
from pooclint.program.scopes import Index


@dataclass(slots=True)
class Importers:
    """Look-up of importers. What it keeps is a memo of the files, and outlives their trees."""

    exports: Exports
    _by_project: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    """By project and file, those that import it."""
    _of: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _naming: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    _words_for: dict[tuple[str, tuple[str, ...]], frozenset[str]] = field(default_factory=dict)

    def naming(self, path: str, words: Collection[str]) -> list[str]:
        """Files of the project, tests left aside, that import a module, whatever of it and through whatever package
        passes it on, and in which one of the words stands; without any, all of them."""
        naming = frozenset[str]().union(*(self._with(path, word) for word in words or ("",)))
        return [file for file in self._importing(path) if file in naming and may_serve(file)]

    def words_for(self, importer: Index, words: Collection[str]) -> frozenset[str]:
        """By which names an importer may call what goes by one of the words elsewhere: by these, and by its variables
        and classes in whose text they stand."""
        file = importer.origin.path
        key = (file, tuple(words))
        if key not in self._words_for:
            found = frozenset(words) | self.exports.aliases(file, words)
            known = found
            while known:
                known = self.exports.mentioning(file, known) - importer.function_names - found
                found |= known
            self._words_for[key] = found
        return self._words_for[key]

    def _with(self, path: str, word: str) -> frozenset[str]:
        """Those in which one word stands, the empty one in all; and the packages that pass the module on."""
        key = (path, word)
        if key not in self._naming:
            serving = filter(may_serve, self._importing(path))
            found = (file for file in serving if not word or self.exports.mentions(file, word))
            self._naming[key] = frozenset((*found, *filter(is_package, self._direct(path))))
        answer = self._naming[key]
        question = Question("importers", path, word)
        self.exports.places.consulted.answered(question, lambda: tuple(sorted(answer)))
        return answer

    def _importing(self, path: str) -> tuple[str, ...]:
        if path not in self._of:
            direct = self._direct(path)
            through = (file for package in filter(is_package, direct) for file in self._direct(package))
            self._of[path] = tuple(dict.fromkeys((*direct, *through)))
        return self._of[path]

    def _direct(self, path: str) -> tuple[str, ...]:
        """Those that name the module, or something in it, in an import of their own."""
        places = self.exports.places
        project = places.origin(path).project
        if project not in self._by_project:
            found: dict[str, list[str]] = {}
            for file in places.python_files(project):
                for target in self.exports.imported_files(file):
                    found.setdefault(target, []).append(file)
            self._by_project[project] = {target: tuple(files) for target, files in found.items()}
        return self._by_project[project].get(path, ())
