"""What a caller or a framework hands to a function, as far as the function's own doing with it matters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from pooclint.models import Acquisition
from pooclint.program.defaults import defaults
from pooclint.program.names import Names, literal
from pooclint.program.scopes import Function, descendants

_LASTING = frozenset({"connection", "session", "client", "pool", "engine"})


@dataclass(frozen=True, slots=True)
class Given:
    """A resource that is somebody else's when the function is entered."""

    path: str
    """The parameter, or the path of an attribute."""
    acquisition: Acquisition
    injected: bool = False
    """True when a framework hands it in and takes it back."""
    optional: bool = False
    """True when it may be None instead."""


def held_parameters(names: Names, function: Function) -> Iterator[Given]:
    """Parameters through which something that occupies a connection is handed in."""
    for index, parameter in enumerate(function.parameters):
        if index == 0 and function.owner:
            continue
        type_name = names.annotated(parameter.annotation, function.parent) if parameter.annotation else ""
        injected = names.is_injected(parameter.default, function.parent) or names.is_injected(
            parameter.annotation, function.parent
        )
        if not type_name and injected and isinstance(parameter.default, cst.Call):
            type_name = names.provided(parameter.default, function.parent)
        acquisition = names.models.acquisition_of_type(type_name) if type_name else None
        if acquisition and acquisition.kind in ("connection", "session"):
            optional = parameter.default is not None and literal(parameter.default) is None
            yield Given(parameter.name, acquisition, injected, optional)


def replaceable(names: Names, function: Function) -> Iterator[Given]:
    """What may be handed in and is made here otherwise: `client = client or Client()`."""
    found = defaults(function)
    if not found or not _may_release(names, function):
        return
    for default in found:
        made = next((c for c in names.calls(default.made, function.scope) if c.acquires), None)
        acquisition = names.models.acquisition(made) if made else None
        if acquisition and acquisition.kind in _LASTING:
            yield Given(default.given, acquisition, optional=True)


def _may_release(names: Names, function: Function) -> bool:
    """True when the function releases anything at all: else it is of no interest what it may be handed."""
    for node in descendants(function.node.body, into_functions=False):
        if isinstance(node, cst.With):
            return True
        if isinstance(node, cst.Attribute) and node.attr.value in names.models.release_names:
            return True
    return False


def given(names: Names, function: Function) -> list[Given]:
    """Everything of somebody else's that the analysis of a function follows; each path once."""
    found: dict[str, Given] = {}
    for item in (*held_parameters(names, function), *replaceable(names, function)):
        found.setdefault(item.path, item)
    return sorted(found.values(), key=lambda item: item.optional)  # so that positions agree with and without those
