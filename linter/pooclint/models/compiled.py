"""Model files in a form that is quick to read: TOML takes some twenty times as long.

What is kept is msgpack, decoded with validation against the schema like the TOML itself, and never pickled. It is named
and signed by a hash of every byte that it was made from, so that nothing stale can be used: what does not match is made
anew.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from pooclint import __version__
from pooclint.models import schema
from pooclint.models.schema.file import ModelFile

_KEPT = 4
"""Versions of a cache that are kept, for those who change between several."""


def key_of(texts: Sequence[bytes]) -> bytes:
    """A hash of the linter's version, the schema's code and the bytes of model files."""
    import hashlib

    digest = hashlib.sha256(__version__.encode())
    with suppress(OSError):  # an installation without sources has the version to go by
        for module in sorted(Path(schema.__file__).parent.glob("*.py")):
            digest.update(module.read_bytes())
    for text in texts:
        digest.update(len(text).to_bytes(8, "big"))
        digest.update(text)
    return digest.digest()


def read_compiled(path: Path, key: bytes) -> tuple[ModelFile, ...] | None:
    """The models of a file that `write_compiled` made.

    Args:
        path: Where it stands.
        key: What `key_of` says about the TOML files.

    Returns:
        The models; None when there is no such file, it is damaged, or it was made from other bytes.
    """
    try:
        data = path.read_bytes()
        payload = data[32:]
        if data[:32] != _signature(key, payload):
            return None
        return msgspec.msgpack.decode(payload, type=tuple[ModelFile, ...])
    except (OSError, msgspec.DecodeError):
        return None


def write_compiled(path: Path, key: bytes, files: Sequence[ModelFile]) -> None:
    """Writes models so that a reader sees all of them or none. A folder that cannot be written to is no error."""
    import tempfile

    payload = msgspec.msgpack.encode(files)
    with suppress(OSError):
        os.makedirs(path.parent, exist_ok=True)
        with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=".models-", delete=False) as stream:
            stream.write(_signature(key, payload) + payload)
        os.replace(stream.name, path)


def cached(folder: Path | None, key: bytes) -> Path | None:
    """Where the models of that key are kept; None where nothing can be."""
    return folder / f"models-{key.hex()[:32]}.msgpack" if folder else None


def drop_old(folder: Path) -> None:
    """Removes all but the newest few files of a cache."""
    with suppress(OSError):
        found = sorted(folder.glob("models-*.msgpack"), key=lambda path: path.stat().st_mtime)
        for path in found[:-_KEPT]:
            path.unlink()


def cache_folder() -> Path | None:
    """The user's folder for what can be made again: `POOCLINT_CACHE_DIR`, or a folder in the system's place for it."""
    named = os.environ.get("POOCLINT_CACHE_DIR")
    if named is not None:
        return Path(named) if named else None
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", "")
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    # Without a home there is no place that is the user's alone.
    return Path(base) / "pooclint" if os.path.isabs(base) else None


def _signature(key: bytes, payload: bytes) -> bytes:
    import hashlib

    return hashlib.sha256(key + payload).digest()
