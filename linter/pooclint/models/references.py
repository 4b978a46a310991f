"""What the schema cannot say about a model file: that its entries fit together, and the types it names exist."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from pooclint.models.schema.calls import Call, External
from pooclint.models.schema.file import ModelFile
from pooclint.models.schema.types import Type
from pooclint.toml_files import Key, dotted, suggestion


def type_names(file: ModelFile) -> Iterator[str]:
    """The names of the types that a file models."""
    for type_ in file.type:
        yield from (type_.name, *type_.aliases)


def problems(file: ModelFile, types: Collection[str]) -> Iterator[tuple[Key, str]]:
    """The mistakes of a file, each with the key it is about.

    Args:
        file: A file that fits the schema.
        types: The names of all types that are modelled, in this file and in others.
    """
    for key, name in _references(file):
        if name and name not in types:
            guess = suggestion(name, types, 0.7) or "; add a [[type]] of that name"
            yield key, f"{dotted(key)}: no model has a type `{name}`{guess}"
    own = {name: type_ for type_ in file.type for name in (type_.name, *type_.aliases)}
    for index, call in enumerate(file.call):
        key = ("call", index)
        yield from ((key, f"{dotted(key)}: {problem}") for problem in _of_call(call, own))
    for index, external in enumerate(file.external):
        key = ("external", index)
        if not external.names and not (external.on and external.methods):
            yield key, f"{dotted(key)}: needs `names`, or `on` with `methods`"


def _of_call(call: Call, own: dict[str, Type]) -> Iterator[str]:
    if not call.names and not (call.on and call.methods):
        yield "needs `names`, or `on` with `methods`"
    if not call.acquires:
        return
    if not call.returns:
        yield "acquires something, but `returns` does not say of which type"
    made = own.get(call.returns)
    if made and not made.release and not call.release and "harmless" not in (call.reclaimed, made.reclaimed):
        yield f"what it acquires cannot be released: give `{call.returns}`, or this call, a `release`"
    if call.at == "await" and call.awaited == "no":
        yield 'is acquired by `await` (`at`), so `awaited` must be "must" or "may"'
    if call.at == "enter" and call.with_form in (None, "none"):
        yield "is acquired on entering (`at`), so `with` must say by which form"


def _references(file: ModelFile) -> Iterator[tuple[Key, str]]:
    for index, type_ in enumerate(file.type):
        yield from ((("type", index, "bases"), base) for base in type_.bases)
        yield ("type", index, "enter"), type_.enter
        yield from ((("type", index, "attributes"), name) for name in type_.attributes.values())
    for index, call in enumerate(file.call):
        yield ("call", index, "returns"), call.returns
        yield ("call", index, "enter"), call.enter
        yield ("call", index, "implicit"), call.implicit
    groups: tuple[tuple[str, tuple[Call | External, ...]], ...] = (("call", file.call), ("external", file.external))
    for kind, entries in groups:
        for index, entry in enumerate(entries):
            yield from (((kind, index, "on"), owner) for owner in entry.on)
    for index, scope in enumerate(file.scope):
        yield from ((("scope", index, "on"), owner) for owner in scope.on)
