"""The byte prefilter: most files are decided at the speed of reading."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass

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
        if self.any_root.search(data) is None:
            return False
        imported = imported_words(data)
        return any(not roots.isdisjoint(imported) and re.search(words, data) for roots, words in self.libraries)


def imported_words(data: bytes) -> frozenset[bytes]:
    """Every word in an import statement."""
    return frozenset(name for line in _IMPORT.findall(data) for name in _NAME.findall(line))


def is_python(data: bytes) -> bool:
    """False where Python's own parser, the fastest, sees a mistake: it may be syntax that is newer than it knows."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(data, "<file>", "exec", flags=ast.PyCF_ONLY_AST, dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    except (RecursionError, MemoryError):
        return True
    return True


def compile_prefilter(libraries: Iterable[tuple[Iterable[str], Iterable[str]]]) -> Prefilter:
    """A prefilter for libraries given as pairs of top-level import names and words."""
    pairs = [(frozenset(r.encode() for r in roots), frozenset(words)) for roots, words in libraries]
    roots = b"|".join(sorted({re.escape(r) for names, _ in pairs for r in names})) or rb"(?!)"
    any_root = re.compile(
        rb"^[ \t]*(?:from|import)[ \t][^\n#]*(?:\\\r?\n[^\n#]*)?\b(?:" + roots + rb")\b", re.MULTILINE
    )
    return Prefilter(any_root, tuple((names, _any_word(words)) for names, words in pairs))


def _any_word(words: Iterable[str]) -> bytes:
    """The text of a pattern that matches any of the words as a whole."""
    return rf"\b(?:{'|'.join(sorted(map(re.escape, words)))})\b".encode()
