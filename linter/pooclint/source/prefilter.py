"""The byte prefilter: most files are decided at the speed of reading."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pooclint.source.outline import any_word

# Relative and aliased imports, imports inside functions and several names on a line are covered; a name in a comment or
# a string only costs a parse. A statement that goes on behind a backslash or in parentheses is read for two lines.
_IMPORT = re.compile(rb"^[ \t]*(?:from|import)[ \t]+([^\n#]*(?:\\\r?\n[^\n#]*)?)", re.MULTILINE)
_NAME = re.compile(rb"\w+")


@dataclass(frozen=True, slots=True)
class Prefilter:
    """Decides from bytes alone whether a file is worth parsing."""

    any_root: re.Pattern[bytes]
    """Matches an import line that names a known library."""
    libraries: tuple[tuple[frozenset[bytes], bytes], ...]
    """Top-level import names, and a pattern of the words of which a file that matters contains one, for each library.
    It is compiled, and kept by `re`, when the library is first imported: few projects use more than a handful."""

    def lets_through(self, data: bytes) -> bool:
        """True when the file imports a known library and contains a word by which that library acquires."""
        return any(words.search(data) for words in self.words_of(data))

    def words_of(self, data: bytes) -> list[re.Pattern[bytes]]:
        """For each library that the file imports, the words by which it acquires."""
        if self.any_root.search(data) is None:
            return []
        imported = {name for line in _IMPORT.findall(data) for name in _NAME.findall(line)}
        return [re.compile(words) for roots, words in self.libraries if not roots.isdisjoint(imported)]


def compile_prefilter(libraries: Iterable[tuple[Iterable[str], Iterable[str]]], called: bool = False) -> Prefilter:
    """A prefilter for libraries given as pairs of top-level import names and words.

    Args:
        called: a word counts only where a parenthesis follows it.
    """
    pairs = [(frozenset(r.encode() for r in roots), frozenset(words)) for roots, words in libraries]
    roots = b"|".join(sorted({re.escape(r) for names, _ in pairs for r in names})) or rb"(?!)"
    any_root = re.compile(
        rb"^[ \t]*(?:from|import)[ \t][^\n#]*(?:\\\r?\n[^\n#]*)?\b(?:" + roots + rb")\b", re.MULTILINE
    )
    return Prefilter(any_root, tuple((names, any_word(words, called)) for names, words in pairs))
