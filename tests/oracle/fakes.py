"""Fake libraries, generated from the models: what the models say of a call is what the fake one does.

`World.load` takes the place of `__import__` for the code of one execution. A modelled call acquires, releases, keeps,
awaits or enters as its model says; every other attribute and call gives an unknown value. Each call and each await is a
point of failure, but for what the models say does not fail.
"""

from __future__ import annotations

import builtins
import importlib
import re
import sys
import weakref
from asyncio import CancelledError
from collections.abc import Iterable
from typing import Any

from oracle.fakecalls import NO_MODEL, Calling
from oracle.fakepool import Fault, Script, acquiring, line
from oracle.faketransactions import Ledger
from oracle.fakevalues import Held, Method, Name, Pending, Value
from oracle.unknown import Unknown
from pooclint.models import Call, Models

REAL = frozenset({
    "__future__", "abc", "collections", "contextlib", "copy", "dataclasses", "datetime", "decimal", "enum", "functools",
    "heapq", "inspect", "itertools", "logging", "math", "operator", "os", "re", "string", "sys", "types", "typing",
    "typing_extensions", "unittest", "uuid", "warnings", "weakref",
})  # fmt: skip
"""Modules that are as they are: what they do is the truth itself."""
_ERROR = re.compile(r"(Error|Exception|Timeout|Cancelled|Empty|Full|NotFound|Conflict)$")


class World:
    """The libraries of one execution.

    Args:
        models: what they are generated from.
        caught: exception classes that the program catches somewhere, by the names it gives them.
        keepers: last names of functions outside the models that keep what they are given.
    """

    def __init__(
        self, models: Models, caught: frozenset[str] = frozenset(), keepers: frozenset[str] = frozenset()
    ) -> None:
        self.models = models
        self.caught = caught
        self.keepers = keepers
        self.stacks: list[Any] = []
        """Stacks of the caller, which it closes in the end."""
        self.kinds: tuple[type[BaseException], ...] = ()
        """Classes that the function under test handles: what it calls may raise them."""
        self.stored: list[object] = []
        """What somebody keeps for good."""
        self.earlier: list[Held] = []
        """What an object held when the method under test was called."""
        self.shown: list[object] = []
        """What unknown callees have seen."""
        self.misuses: set[tuple[str, int]] = set()
        """Codes of rules, and lines on which a run did what they are about."""
        self.unstarted: list[tuple[weakref.ref[Any], Calling]] = []
        """Releases that are coroutines, until somebody awaits them."""
        self._names: dict[str, Name] = {}
        self._errors: dict[str, type[BaseException]] = {}
        self._roots = {r.partition(".")[0]: f.library for f in models.files for r in f.library.imports}
        self.pools_closed = False
        """Whether a `with` has closed a pool that others may have, too."""
        self.rest()

    def begin(self, script: Script) -> None:
        """From here on the script decides, and what is acquired is looked at."""
        self.script = script
        self.opened: list[Held] = []
        self.unstarted = []
        self.ledger = Ledger()

    def rest(self) -> None:
        """From here on nothing fails, and every choice is the usual one."""
        self.begin(Script((), 0))

    def turn(self) -> bool:
        """False once the run has turned in loops often enough."""
        return self.script.turn()

    def misused(self, code: str, lines: Iterable[int] | None = None) -> None:
        """Note what happens on the line that the program is on."""
        self.misuses |= {(code, at) for at in (acquiring() if lines is None else lines)}

    def lines(self) -> frozenset[int]:
        """The lines that the program is on."""
        return acquiring()

    def closed(self, pool: Value) -> None:
        """A `with` has closed a pool: whoever else has it will see."""
        if pool._given:
            self.misused("CNX128")
        elif not any(pool._held is held for held in self.opened):
            pool._closed_by = acquiring()
            self.pools_closed = True

    def note_unawaited(self) -> None:
        """Note the releases that nobody has awaited, nor can any more."""
        for pending, call in self.unstarted:
            if not call.started and pending() is None:
                self.misused("CNX124", call.lines)

    # ------------------------------------------------------------------ choices and failures

    def choose(self, width: int, label: str) -> int:
        chosen = self.script.choose(width)
        if chosen:
            self.script.labels.append(f"line {line()}: {label}" + (f" ({chosen})" if width > 2 else ""))
        return chosen

    def fail(self, what: str, library: str = "", awaited: bool = False) -> None:
        found = [self.failure(library)] if library else [Fault]
        found += [k for k in self.kinds if not getattr(k, "library", "") or getattr(k, "library", "") == library]
        self.script.fail((*found, CancelledError) if awaited else tuple(found), what)

    def failure(self, library: str) -> type[BaseException]:
        """The class that operations of a library fail with: every class that catches them all is a base of it."""
        if library not in self._errors:
            known = next(f.library for f in self.models.files if f.library.name == library)
            bases = tuple(dict.fromkeys(self.error(e) for e in known.errors)) or (Exception,)
            self._errors[library] = type("Failure", bases, {"library": library})
        return self._errors[library]

    def error(self, path: str) -> type[BaseException]:
        """The exception class of that qualified name."""
        if path not in self._errors:
            root = path.partition(".")[0]
            known = self._roots.get(root)
            if known is None or (root in sys.stdlib_module_names and not known.errors):
                self._errors[path] = _real(path)
            else:
                general = path in known.errors or not known.errors
                base = Exception if general else self.failure(known.name)
                self._errors[path] = type(path, (base,), {"library": known.name})
        return self._errors[path]

    def is_error(self, path: str) -> bool:
        last = path.rpartition(".")[2]
        return (last[:1].isupper() and bool(_ERROR.search(last))) or path in self.models.errors or path in self.caught

    # ------------------------------------------------------------------ names

    def load(self, name: str, globals_: object = None, locals_: object = None, names: Any = (), level: int = 0) -> Any:
        """In place of `__import__`."""
        if level == 0 and name.partition(".")[0] in REAL:
            return builtins.__import__(name, None, None, names, 0)
        found = self.named(name.partition(".")[0])
        for part in name.split(".")[1:] if names else ():
            found = getattr(found, part)
        return found

    def named(self, path: str) -> Any:
        """What stands behind a qualified name."""
        if self.is_error(path):
            return self.error(path)
        if path not in self._names:
            self._names[path] = Name(self, path)
        return self._names[path]

    # ------------------------------------------------------------------ calls

    def has_begun(self, value: Unknown) -> None:
        """What was only built is sent when its first piece is asked for."""
        if isinstance(value, Value) and value._type.deferred:
            self.used_again(value._source)

    def has_read(self, value: Unknown) -> None:
        """The body of a response is read when its last piece is: then the connection goes back."""
        body: Held | None = (value._held if isinstance(value, Value) else None) or value._body
        if body is not None and body.acquisition.kind == "response":
            body.release()

    def used_again(self, held: Held | None) -> None:
        """What was released, and may be opened again, is held once more."""
        type_ = self.models.type(held.acquisition.type) if held is not None else None
        if held is not None and type_ is not None and type_.reopens:
            held.held = True

    def call_unknown(self, value: Unknown, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if value._given and value._name in self.models.release_names:
            self.misused("CNX126")
        if value._source is not None and not value._source.held and value._name not in self.models.quiet_methods:
            self.misused("CNX121")
        guessed = self.models.distinctive.get(value._name, ())
        if guessed and not value._library:
            return self.call(guessed[:1], "", None, value._name, args, kwargs)
        self._hand_over((*args, *kwargs.values()))
        self.shown += (*args, *kwargs.values())
        if value._name in self.keepers:
            self.stored += (*args, *kwargs.values())
        if value._name not in self.models.quiet_methods or value._library:
            self.fail(f"{value._name or 'a call'}()", value._library)
        return Unknown(self, value._name, value._library, kept=(*args, *kwargs.values()))

    def call_name(self, path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        before, _, last = path.rpartition(".")
        found = self.models.calls(f"{self.models.canonical(before)}.{last}") or self.models.calls(path)
        return self.call(found, path, None, "", args, kwargs)

    def call(
        self,
        found: Iterable[Call],
        path: str,
        head: Value | None,
        method: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        """A call of a function (`path`) or of a method of a value (`head`)."""
        model = next((c for c in found if _applies(c, args, kwargs)), NO_MODEL)
        call = Calling(self, model, path, head, method, args, kwargs)
        if model is NO_MODEL and path.rpartition(".")[2] in self.keepers:
            self.stored += (*args, *kwargs.values())
        if model.raises == "exits":
            raise SystemExit(1)
        if model.raises == "always":
            raise Fault(path)
        self.stored += call.chosen(model.keeps)
        if model.passes:
            return call.passed()
        if model.calls and not model.keeps:
            return call.called()
        if call.waits or model.with_form not in (None, "none") or model.at != "call":
            pending = Pending(call)
            if call.waits and call.of_release:
                self.unstarted.append((weakref.ref(pending), call))
            return pending
        return call.act(awaited=False)

    def _hand_over(self, values: Iterable[object]) -> None:
        """Who is given a bound method of something held is meant to call it."""
        self.stored += [v for v in values if isinstance(v, Method) and v._owner._held is not None]


def _applies(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    keys = {*range(len(args)), *kwargs}
    if call.given and keys.isdisjoint(call.given) and not (keys and "*" in call.given):
        return False
    if any(_is_one_of(kwargs.get(key), names) for key, names in call.unless.items()):
        return False
    if not all(_is_one_of(kwargs.get(key), names) for key, names in call.when.items()):
        return False
    if call.alone and len(kwargs) > len(call.only_if):
        return False
    values = {**{str(place): value for place, value in enumerate(args)}, **kwargs}
    return all(key in values and values[key] == value for key, value in call.only_if.items())


def _is_one_of(value: object, names: Iterable[str]) -> bool:
    """Whether a value is one of the library's classes, or a class of the program that derives from one."""
    bases = getattr(value, "__orig_bases__", ()) if isinstance(value, type) else (value,)
    return any(isinstance(base, Name) and base._path in names for base in bases)


def _real(path: str) -> type[BaseException]:
    """The class itself where Python has it, else one of that name."""
    module, _, name = path.rpartition(".")
    found = None
    if module.partition(".")[0] in sys.stdlib_module_names:
        found = getattr(importlib.import_module(module), name, None)
    return found if isinstance(found, type) and issubclass(found, BaseException) else type(path, (Exception,), {})
