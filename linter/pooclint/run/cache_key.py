"""What a result rests on besides the files of a project: settings, rules, models, versions. A hash of it all."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import msgspec

from pooclint import __version__
from pooclint.config import Config
from pooclint.plugins import pack_packages

_NO_MATTER = frozenset({"exclude", "extend_exclude", "exclude_tests"})
"""Settings that say which files are checked, not what is found in them. A new setting matters until it stands here."""
_OWN = ("pooclint", "pooclint_rules")
_CODE = (".py", ".toml")


def cache_key(config: Config) -> str | None:
    """What tells the results of one configuration from those of another.

    Returns:
        A hash; None when there is a mistake in the configuration, which the run will report.
    """
    matters = {f: getattr(config.settings, f) for f in config.settings.__struct_fields__ if f not in _NO_MATTER}
    digest = hashlib.sha256()
    texts = (__version__, sys.version, os.getcwd(), str(config.root))
    for text in texts:
        _add(digest, text.encode("utf-8", "surrogateescape"))
    _add(digest, msgspec.json.encode(matters, order="sorted"))
    try:
        _add(digest, _version_of("libcst"))
        _add(digest, _code(_OWN))
        _add(digest, _code(tuple(sorted(pack_packages(config.settings.packs)))))
        for name in config.settings.models:
            _add(digest, (config.root / name).read_bytes())
    except (OSError, ValueError, ImportError):
        return None
    return digest.hexdigest()[:40]


@lru_cache(maxsize=8)
def _code(packages: tuple[str, ...]) -> bytes:
    """A hash of the code and the models of packages, none of which is imported for it: whoever works on them never sees
    the results of yesterday's."""
    digest = hashlib.sha256()
    for package in packages:
        for file in sorted(_files(package)):
            _add(digest, os.fsencode(file))
            _add(digest, Path(file).read_bytes())
    return digest.digest()


def _files(package: str) -> Iterator[str]:
    spec = find_spec(package)
    if spec is None:
        return
    if spec.origin and not spec.submodule_search_locations:
        yield spec.origin
    for folder in spec.submodule_search_locations or ():
        for inner, _, names in os.walk(folder):
            yield from (os.path.join(inner, name) for name in names if name.endswith(_CODE))


def _version_of(package: str) -> bytes:
    """What tells the version of a package, which is not imported: the module that its build wrote, or what is known of
    its distribution, which takes longer to find than a run may last."""
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        with suppress(OSError):
            return Path(folder, "_version.py").read_bytes()
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package).encode()
    except PackageNotFoundError:
        return b""


def _add(digest: hashlib._Hash, data: bytes) -> None:
    # With its length: two texts side by side are not the same as one.
    digest.update(len(data).to_bytes(8, "big") + data)
