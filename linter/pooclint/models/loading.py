"""From model files to models: read, validate, and say what is wrong with a file."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from pooclint.models.lookup import Models
from pooclint.models.schema import Call, ModelFile, Type, parse_release

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class ModelError(ValueError):
    """A model file cannot be used; the text names the file, the key and the reason."""


def load_model_file(path: Path) -> ModelFile:
    """Read and validate one model file.

    Raises:
        ModelError: the file cannot be read, is not TOML, or does not fit the schema.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: not valid TOML: {error}") from None
    return parse_model(data, str(path))


def parse_model(data: Mapping[str, Any], source: str) -> ModelFile:
    """Validate model data that came from `source` (a file's name, for messages).

    Raises:
        ModelError: it does not fit the schema; the text names source, key and reason.
    """
    try:
        file = msgspec.convert(data, ModelFile)
        holders: list[Type | Call] = [*file.type, *file.call]
        for holder in holders:
            for text in holder.release or ():
                parse_release(text)
    except (msgspec.ValidationError, ValueError) as error:
        raise ModelError(f"{source}: {error}") from None
    return of_newest_version(file)


def of_newest_version(file: ModelFile) -> ModelFile:
    """The file without what holds for older versions only: the entries that put an upper bound on the version."""
    return msgspec.structs.replace(
        file,
        type=tuple(t for t in file.type if _is_current(t.requires)),
        call=tuple(c for c in file.call if _is_current(c.requires)),
        external=tuple(e for e in file.external if _is_current(e.requires)),
        scope=tuple(s for s in file.scope if _is_current(s.requires)),
        dependency=tuple(d for d in file.dependency if _is_current(d.requires)),
    )


def _is_current(requires: str) -> bool:
    return not any(part.strip().startswith(("<", "==")) for part in requires.split(","))


def load_models(paths: Iterable[Path], extra: Iterable[ModelFile] = ()) -> Models:
    """Load model files, and add those that configuration made.

    Raises:
        ModelError: a file cannot be used.
    """
    return Models([*(load_model_file(p) for p in paths), *extra])
