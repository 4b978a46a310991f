"""The byte prefilter: most files are decided at the speed of reading."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prefilter:
    """Decides from bytes alone whether a file is worth parsing."""

    imports: re.Pattern[bytes]
    words: re.Pattern[bytes]

    def lets_through(self, data: bytes) -> bool:
        """True when the file imports a known library and contains a word that acquires."""
        return self.imports.search(data) is not None and self.words.search(data) is not None


def compile_prefilter(import_roots: Iterable[str], words: Iterable[str]) -> Prefilter:
    """A prefilter for files with an import of one of these top-level names, anywhere in it, and one of the words.

    Relative and aliased imports, imports inside functions and several names on a line are covered; a name in a comment
    or a string only costs a parse.
    """
    names = "|".join(sorted(map(re.escape, import_roots))) or r"(?!)"
    imports = re.compile(
        (
            rf"^[ \t]*(?:from|import)[ \t][^\n#]*\b(?:{names})\b|"
            rf"^[ \t]*(?:from|import)[ \t][^\n]*\\\r?\n[^\n]*\b(?:{names})\b"
        ).encode(),
        re.MULTILINE,
    )
    return Prefilter(imports, re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, words))) or '(?!)'})\b".encode()))
