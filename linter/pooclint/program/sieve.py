"""Which files hold nothing, as far as their bytes and those of the modules around them tell: most do.

No tree is needed for that, and LibCST, which takes longer to import than a run may last that has little to check, is
not imported.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import lru_cache

from pooclint.extent import Extent
from pooclint.models import Models
from pooclint.program.exports import Exports
from pooclint.program.places import Origin, Places
from pooclint.source.prefilter import Prefilter, compile_prefilter, is_python


@dataclass(frozen=True, slots=True)
class Sieve:
    """Tells files apart by their bytes. What it asks of the project is what the engine asks of such a file."""

    models: Models
    exports: Exports
    extent: Extent

    def holds_back(self, file: str, data: bytes) -> bool:
        """True when the engine would skip a file; False when it has to say whether it does.

        Args:
            file: its absolute path; empty when it has none.
            data: its bytes.
        """
        if not self.extent.prefilter or acquiring_words(self.models, implicit=True).lets_through(data):
            return False
        if setting_words(self.models).search(data) or may_start_threads(self.models, data):
            return False
        if file and not self.extent.alone:
            origin = self.exports.places.origin(file)
            if programs_with_settings(self.models, self.exports.places, origin) or self.exports.matters(file, data):
                return False
        return is_python(data)


@lru_cache(maxsize=4)
def acquiring_words(models: Models, implicit: bool) -> Prefilter:
    """What shows that a file may hold something.

    Args:
        models: what is known of libraries.
        implicit: True when what calls build and drop matters as well.
    """
    return compile_prefilter((*models.prefilter_words(), *(models.implicit_words() if implicit else ())))


@lru_cache(maxsize=4)
def setting_words(models: Models) -> re.Pattern[bytes]:
    """Matches what a file contains that holds a setting that makes a pool, or makes a pool by it."""
    settings = [setting for _, setting in models.pool_settings]
    words = sorted({re.escape(n) for setting in settings for n in setting.names})
    words += sorted({re.escape(n.partition(".")[0]) for setting in settings for n in setting.made_by})
    return re.compile("|".join(words or ["(?!)"]).encode())


def may_start_threads(models: Models, data: bytes) -> bool:
    """True for a file with words by which a thread may be started, and by which it may come to a session that nobody
    acquires."""
    starting, leading = _thread_words(models)
    return starting.search(data) is not None and leading.search(data) is not None


@lru_cache(maxsize=4)
def _thread_words(models: Models) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    starting = rf"\b(?:{'|'.join(sorted(map(re.escape, models.thread_words))) or '(?!)'})\b"
    leading = rf"\.(?:{'|'.join(sorted(map(re.escape, models.class_attributes))) or '(?!)'})\b"
    return re.compile(starting.encode()), re.compile(leading.encode())


def programs_with_settings(models: Models, places: Places, origin: Origin) -> tuple[str, ...]:
    """Of frameworks whose settings make a request keep something, the files that name the settings around a module.

    A repository may have several such projects: the nearest above the module is its own, and those beside it are not.
    """
    programs = {p for h in models.request_holds for p in h.programs}
    nearest = (next(iter(places.tops(p, origin)), "") for p in sorted(programs))
    return tuple(f for f in nearest if f.endswith(".py") and os.path.dirname(f) in origin.roots)
