"""What a configuration says of the project's own functions, as library models: the analysis knows one kind of fact."""

from __future__ import annotations

from typing import Literal

from pooclint.config import ExternalCall, Resource
from pooclint.models.schema.calls import Call, External
from pooclint.models.schema.file import ModelFile
from pooclint.models.schema.library import Library
from pooclint.models.schema.types import Type

CONFIGURED = "configured"
"""The note of a library that stands for an entry of a configuration."""


def resource_model(resource: Resource) -> ModelFile:
    """A `[[tool.pooclint.resource]]` as a library model."""
    by_release = any(way.startswith("await ") for way in resource.release)
    at_end: Literal["releases", "keeps-open"] = "releases" if resource.with_releases else "keeps-open"
    awaited = by_release if resource.is_async is None else resource.is_async
    kept_by_others = resource.kind in ("connection", "session")
    held = Type(
        name=f"{resource.acquire}.Resource",
        kind=resource.kind,
        with_form="both",
        exit=at_end,
        release=resource.release,
        reclaimed="never" if kept_by_others else "late",
        pooled=kept_by_others,
    )
    owner = _class_of(resource.acquire)
    call = Call(
        names=() if owner else (resource.acquire,),
        on=(owner,) if owner else (),
        methods=(resource.acquire.rpartition(".")[2],) if owner else (),
        returns=held.name,
        acquires=True,
        # `may`: what has to be awaited can often be entered by `async with` as well.
        awaited="may" if awaited else "no",
        with_form="both",
        exit=at_end,
    )
    types, calls = _owner_entries(owner)
    return ModelFile(library=_library(resource.acquire), type=(held, *types), call=(call, *calls))


def external_model(external: ExternalCall) -> ModelFile:
    """A `[[tool.pooclint.external-call]]` as a library model."""
    owner = _class_of(external.call)
    entry = External(
        names=() if owner else (external.call,),
        on=(owner,) if owner else (),
        methods=(external.call.rpartition(".")[2],) if owner else (),
        io=external.io,
        category=external.category,
        fast=external.fast,
    )
    types, calls = _owner_entries(owner)
    return ModelFile(library=_library(external.call), type=types, call=calls, external=(entry,))


def _library(name: str) -> Library:
    parts = name.split(".")
    # The function's own name is a word of the prefilter too: a relative import does not mention the package.
    words = dict.fromkeys((parts[0], (_class_of(name) or name).rpartition(".")[2]))
    return Library(name=name, imports=tuple(words), note=CONFIGURED)


def _class_of(name: str) -> str:
    """The class of a method, by the custom that classes start with a capital; empty for a function."""
    owner = name.rpartition(".")[0]
    return owner if owner.rpartition(".")[2][:1].isupper() else ""


def _owner_entries(owner: str) -> tuple[tuple[Type, ...], tuple[Call, ...]]:
    """The class itself, so that its instances are recognised."""
    if not owner:
        return (), ()
    return (Type(name=owner, kind="value", reclaimed="harmless"),), (Call(names=(owner,), returns=owner),)
