"""Forms: how what an expression gives has a type, or leads to one."""

from __future__ import annotations

from collections.abc import Iterable

CLASS = "type of "
FACTORY = "maker of "
ITEMS = "some of "
VALUES = "values of "
_SHAPES = (CLASS, FACTORY, ITEMS, VALUES)
_HEIR = "heir of "
"""The form of an object whose class the project derives from a modelled one: it is of that type, and has methods
besides."""


def only(types: Iterable[str]) -> str:
    """The one known type among these; empty where they contradict each other. What is of a type says more than what
    leads to one."""
    known = {t for t in types if t}
    known = {t for t in known if plain(t)} or known
    if len(known) > 1:  # heirs of one type
        known = {plain(t) for t in known}
    return known.pop() if len(known) == 1 else ""


def plain(form: str) -> str:
    """The type of what has a form; empty where it only leads to one."""
    if form.startswith(_HEIR):
        return form.removeprefix(_HEIR).partition(" ")[0]
    return "" if form.startswith(_SHAPES) else form


def heir_form(local_type: str, base: str) -> str:
    """The form of an object of a class of the project that derives from a modelled type."""
    return f"{_HEIR}{base} {local_type}"


def local_of(form: str) -> str:
    """The type of the project of what has a form, be it one that derives from a modelled type; empty for any other."""
    return form.removeprefix(_HEIR).partition(" ")[2] if form.startswith(_HEIR) else plain(form)


def led_to(form: str, *shapes: str) -> str:
    """The type that a form of one of these shapes leads to; empty for any other."""
    return next((form.removeprefix(shape) for shape in shapes if form.startswith(shape)), "")
