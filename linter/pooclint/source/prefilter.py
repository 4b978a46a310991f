"""The byte prefilter: most files are decided at the speed of reading."""

from __future__ import annotations

import re
from collections.abc import Iterable


def compile_prefilter(import_roots: Iterable[str]) -> re.Pattern[bytes]:
    """A pattern that matches a file with an import of one of these top-level names, anywhere in it.

    Relative and aliased imports, imports inside functions and several names on a line are covered; a name in a comment
    or a string only costs a parse.
    """
    names = "|".join(sorted(map(re.escape, import_roots))) or r"(?!)"
    return re.compile(rf"^[ \t]*(?:from|import)[ \t][^\n#]*\b(?:{names})\b|^[ \t]*(?:from|import)[ \t][^\n]*\\\r?\n[^\n]*\b(?:{names})\b".encode(), re.MULTILINE)
