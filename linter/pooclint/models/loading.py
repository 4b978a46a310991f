"""From model files to models: read, validate, and say what is wrong with a file."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from pooclint.models.compiled import cache_folder, cached, drop_old, key_of, read_compiled, write_compiled
from pooclint.models.lookup import Models
from pooclint.models.references import problems
from pooclint.models.schema.file import ModelFile
from pooclint.models.schema.release import parse_release
from pooclint.models.versions import is_requirement, newest
from pooclint.toml_files import Key, TomlError, TomlText, convert, dotted, parse_toml, read_bytes


class ModelError(ValueError):
    """A model file cannot be used; the text names the file, the key and the reason."""


def model_files(folder: Path) -> list[Path]:
    """The model files of a pack of rules: those of libraries and those of frameworks, in the order of their paths."""
    return sorted((*folder.glob("libraries/*.toml"), *folder.glob("frameworks/*.toml")))


def load_model_file(path: Path) -> ModelFile:
    """Read and validate one model file.

    Raises:
        ModelError: the file cannot be read, is not TOML, or does not fit the schema.
    """
    return parse_model(_bytes(path), str(path))


def load_model_files(paths: Sequence[Path], compiled: Path | None = None) -> tuple[ModelFile, ...]:
    """Read and validate model files, or take what was made of the same bytes before.

    Args:
        paths: The TOML files.
        compiled: A file that may have come with them, made when the distribution was built.

    Raises:
        ModelError: a file cannot be used.
    """
    texts = [_bytes(path) for path in paths]
    key = key_of(texts)
    kept = cached(cache_folder(), key)
    for place in (compiled, kept):
        files = read_compiled(place, key) if place else None
        if files is not None:
            return files
    files = tuple(parse_model(text, str(path)) for text, path in zip(texts, paths, strict=True))
    if kept:
        write_compiled(kept, key, files)
        drop_old(kept.parent)
    return files


def parse_model(data: bytes, source: str) -> ModelFile:
    """Parse and validate the bytes of a model file.

    Args:
        data: What is in the file.
        source: How messages name it.

    Raises:
        ModelError: it is not TOML, or does not fit the schema; the text names file, line, key and reason.
    """
    try:
        table, text = parse_toml(data, source)
        file = convert(table, ModelFile, text)
        for index, type_ in enumerate(file.type):
            check_releases(type_.release, ("type", index, "release"), text)
        for index, call in enumerate(file.call):
            check_releases(call.release or (), ("call", index, "release"), text)
        for key, requires in _requirements(file):
            if not is_requirement(requires):
                raise text.error(key, f'{dotted(key)}: {requires!r} is no range of versions: write ">=1.0" or "<8,>=7"')
    except TomlError as error:
        raise ModelError(str(error)) from None
    return file


def check_references(path: Path, file: ModelFile, types: Collection[str]) -> None:
    """Check what the schema cannot say of a file that was loaded from `path`.

    Args:
        path: The file, read again to name the line.
        file: What is in it.
        types: The names of all types that are modelled anywhere.

    Raises:
        ModelError: its entries do not fit together, or name a type that nobody models.
    """
    for key, reason in problems(file, types):
        try:
            _, text = parse_toml(read_bytes(path), str(path))
        except TomlError as error:
            raise ModelError(str(error)) from None
        raise ModelError(str(text.error(key, reason)))


def check_releases(releases: Iterable[str], key: Key, text: TomlText) -> None:
    """Check that the values of a key are in release notation.

    Raises:
        TomlError: one is not.
    """
    for release in releases:
        problem = _release_problem(release)
        if problem:
            raise text.error((*key, release), f"{dotted(key)}: {problem}")


def load_models(paths: Iterable[Path], extra: Iterable[ModelFile] = ()) -> Models:
    """Load model files, and add those that configuration made, as they hold for the newest versions.

    Raises:
        ModelError: a file cannot be used.
    """
    return Models(newest([*load_model_files(list(paths)), *extra]))


def _bytes(path: Path) -> bytes:
    try:
        return read_bytes(path)
    except TomlError as error:
        raise ModelError(str(error)) from None


def _release_problem(release: str) -> str:
    try:
        parse_release(release)
    except ValueError as error:
        return str(error)
    return ""


def _requirements(file: ModelFile) -> Iterator[tuple[Key, str]]:
    for kind in ("type", "call", "external", "scope", "dependency", "teardown", "request_hold"):
        for index, entry in enumerate(getattr(file, kind)):
            if entry.requires:
                yield (kind, index, "requires"), entry.requires
