"""TOML files that people write: read, checked against a type, every mistake named by file, line and key."""

from __future__ import annotations

import re
import sys
import types
import typing
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from pooclint.toml_lines import line_of

T = TypeVar("T")
Key = Sequence[str | int]
"""Names of tables and keys from the top; a number is the place in an array."""


class TomlError(ValueError):
    """A file cannot be used; the text names file, line and key."""


@dataclass(frozen=True, slots=True)
class TomlText:
    """The text of a file, and where in it the checked table stands."""

    file: str
    text: str
    prefix: tuple[str, ...] = ()

    def error(self, key: Key, reason: str) -> TomlError:
        """The error that says `reason` about a key below the prefix."""
        return TomlError(f"{self.file}:{line_of(self.text, (*self.prefix, *key))}: {reason}")


def read_bytes(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        TomlError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise TomlError(f"{path}: cannot be read: {error.strerror or error}") from None


def parse_toml(data: bytes, file: str) -> tuple[dict[str, Any], TomlText]:
    """Parses the bytes of a file.

    Args:
        data: What is in it.
        file: How messages name it.

    Raises:
        TomlError: it is not TOML.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
        return tomllib.loads(text), TomlText(file, text)
    except UnicodeDecodeError as error:
        raise TomlError(f"{file}: is not UTF-8: {error.reason} at byte {error.start}") from None
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        raise TomlError(f"{file}:{line.group(1) if line else 1}: is not valid TOML: {error}") from None


def convert(table: Mapping[str, Any], kind: type[T], source: TomlText) -> T:
    """A table as a value of `kind` (a `msgspec.Struct`).

    Raises:
        TomlError: an unknown key, a missing key or a wrong value.
    """
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        raise _explained(error, table, kind, source) from None


def suggestion(word: str, known: Collection[str], likeness: float = 0.5) -> str:
    """`; did you mean ...?` with the closest spelling, or an empty text."""
    import difflib

    close = difflib.get_close_matches(word, sorted(known), n=8, cutoff=likeness)
    if not close:
        return ""
    # Codes differ in digits only and tie often; then the same character in the same place decides.
    best = max(close, key=lambda one: (_likeness(word, one), sum(map(str.__eq__, word, one))))
    return f"; did you mean `{best}`?"


def _likeness(word: str, other: str) -> float:
    import difflib

    return difflib.SequenceMatcher(None, word, other).ratio()


def dotted(key: Key) -> str:
    """The key as people write it; entries of arrays are counted from one."""
    text = ""
    for part in key:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            text += f".{part}" if text else part
    return text


def _explained(error: msgspec.ValidationError, table: Mapping[str, Any], kind: Any, source: TomlText) -> TomlError:
    # With a key from a text, the place is the last one in the message: a value may quote anything.
    reason, _, at = str(error).rpartition(" - at `$") if " - at `$" in str(error) else (str(error), "", "")
    key: list[str | int] = []
    for name, index in re.findall(r"([^.\[\]`]+)|\[(\d+|\.\.\.)\]", at.rstrip("`")):
        key.append(name or (int(index) if index != "..." else index))
    while "..." in key:
        # msgspec does not say which entry of a table it means.
        position = key.index("...")
        key[position] = _offender(_value(table, key[:position]), _type_at(kind, key[: position + 1]))
    unknown = re.search(r"contains unknown field `(.*)`", reason)
    if unknown:
        return _unknown_key(unknown.group(1), key, kind, source)
    reason = reason.replace(" | null", "").replace("`", "")
    required = re.search(r"missing required field (\S+)", reason)
    if required:
        reason = f"needs the key `{required.group(1)}`"
    text = reason[:1].lower() + reason[1:]
    return source.error(key, f"{dotted(key)}: {text}" if key else text)


def _unknown_key(name: str, key: Key, kind: Any, source: TomlText) -> TomlError:
    known = [field.encode_name for field in msgspec.structs.fields(_type_at(kind, key))]
    whole = (*key, name)
    return source.error(whole, f"unknown key `{dotted(whole)}`{suggestion(name.replace('_', '-'), known)}")


def _value(table: Any, key: Key) -> Any:
    for part in key:
        table = table[part]
    return table


def _offender(table: Mapping[str, Any], kind: Any) -> str:
    return next((name for name, value in table.items() if not _fits(value, kind)), "...")


def _fits(value: Any, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def _type_at(kind: Any, key: Key) -> Any:
    """The type of the value at a key below a value of `kind`."""
    for part in key:
        kind = _plain(kind)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            names = {field.encode_name: field.name for field in msgspec.structs.fields(kind)}
            kind = typing.get_type_hints(kind, include_extras=True)[names[str(part)]]
        else:
            # `tuple[T, ...]` or `dict[str, T]`
            kind = next(item for item in reversed(typing.get_args(kind)) if item is not ...)
    return _plain(kind)


def _plain(kind: Any) -> Any:
    """The type without what annotates it, and without None."""
    if typing.get_origin(kind) is Annotated:
        return _plain(typing.get_args(kind)[0])
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        known = [item for item in typing.get_args(kind) if item is not type(None)]
        return _plain(known[0]) if len(known) == 1 else kind
    return kind
