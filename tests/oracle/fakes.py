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
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from oracle.fakepool import Fault, Script, acquiring, line
from oracle.unknown import Unknown
from pooclint.models import Acquisition, Call, Models, Release, Type, parse_release

REAL = frozenset({
    "__future__", "abc", "collections", "contextlib", "copy", "dataclasses", "datetime", "decimal", "enum", "functools",
    "inspect", "itertools", "logging", "math", "operator", "os", "re", "string", "sys", "types", "typing",
    "typing_extensions", "unittest", "uuid", "warnings", "weakref",
})  # fmt: skip
"""Modules that are as they are: what they do is the truth itself."""
_ERROR = re.compile(r"(Error|Exception|Timeout|Cancelled|Empty|Full|NotFound|Conflict)$")


@dataclass(eq=False)
class Held:
    """What was acquired, and what became of it."""

    lines: frozenset[int]
    """Lines of the program's calls that led to the acquisition."""
    acquisition: Acquisition
    exit: str
    """What the end of a `with` on it does."""
    owner: weakref.ref[Any] | None
    """What it was acquired from."""
    held: bool = True
    handle: weakref.ref[Any] | None = None
    """The object that stands for it: once that is gone, nobody can release it."""
    owned: list[Held] = field(default_factory=list)
    """What is released with it."""

    def release(self) -> None:
        """Give it back, and what it owns."""
        self.held = False
        for other in self.owned:
            other.release()


class World:
    """The libraries of one execution.

    Args:
        models: what they are generated from.
        caught: exception classes that the program catches somewhere, by the names it gives them.
    """

    def __init__(self, models: Models, caught: frozenset[str] = frozenset()) -> None:
        self.models = models
        self.caught = caught
        self.kinds: tuple[type[BaseException], ...] = ()
        """Classes that the function under test handles: what it calls may raise them."""
        self.stored: list[object] = []
        """What somebody keeps for good."""
        self.misuses: set[tuple[str, int]] = set()
        """Codes of rules, and lines on which a run did what they are about."""
        self.unstarted: list[tuple[weakref.ref[Any], Calling]] = []
        """Releases that are coroutines, until somebody awaits them."""
        self._names: dict[str, Name] = {}
        self._errors: dict[str, type[BaseException]] = {}
        self._roots = {r.partition(".")[0]: f.library for f in models.files for r in f.library.imports}
        self.rest()

    def begin(self, script: Script) -> None:
        """From here on the script decides, and what is acquired is looked at."""
        self.script = script
        self.opened: list[Held] = []
        self.unstarted = []

    def rest(self) -> None:
        """From here on nothing fails, and every choice is the usual one."""
        self.begin(Script((), 0))

    def turn(self) -> bool:
        """False once the run has turned in loops often enough."""
        return self.script.turn()

    def misused(self, code: str, lines: Iterable[int] | None = None) -> None:
        """Note what happens on the line that the program is on."""
        self.misuses |= {(code, at) for at in (acquiring() if lines is None else lines)}

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
            known = self._roots.get(path.partition(".")[0])
            general = known is not None and path in known.errors
            base = self.failure(known.name) if known and known.errors and not general else Exception
            library = known.name if known else ""
            self._errors[path] = _real(path) if not known else type(path, (base,), {"library": library})
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

    def call_unknown(self, value: Unknown, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if value._given and value._name in self.models.release_names:
            self.misused("CNX126")
        if value._source is not None and not value._source.held and value._name not in self.models.quiet_methods:
            self.misused("CNX121")
        guessed = self.models.distinctive.get(value._name, ())
        if guessed and not value._library:
            return self.call(guessed[:1], "", None, value._name, args, kwargs)
        self._hand_over((*args, *kwargs.values()))
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
        model = next((c for c in found if _applies(c, kwargs)), _NO_MODEL)
        call = Calling(self, model, path, head, method, args, kwargs)
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


_NO_MODEL = Call()


def _applies(call: Call, kwargs: dict[str, Any]) -> bool:
    for key, names in call.unless.items():
        if isinstance(kwargs.get(key), Name) and kwargs[key]._path in names:
            return False
    return all(key in kwargs and kwargs[key] == value for key, value in call.only_if.items())


def _real(path: str) -> type[BaseException]:
    """The class itself where Python has it, else one of that name."""
    module, _, name = path.rpartition(".")
    found = None
    if module.partition(".")[0] in sys.stdlib_module_names:
        found = getattr(importlib.import_module(module), name, None)
    return found if isinstance(found, type) and issubclass(found, BaseException) else type(path, (Exception,), {})


@dataclass(eq=False)
class Calling:
    """One call, and what it does once it happens."""

    world: World
    model: Call
    path: str
    head: Value | None
    method: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def __post_init__(self) -> None:
        self.lines = acquiring()
        self.started = False
        models = self.world.models
        self.type: Type | None = models.type(self.model.returns)
        self.acquisition = models.acquisition(self.model)
        self.releases = list(self._releases())
        flags = {release.awaited for _, release in self.releases} or self._of_type()
        self.of_release = bool(flags)
        self.waits = self.model.awaited != "no" or flags == {True}
        self.awaitable = self.waits or True in flags
        root = self.world._roots.get(self.path.partition(".")[0])
        self.library = self.head._library if self.head else (root.name if root else "")
        if self.model is not _NO_MODEL and not self.head:
            self.library = models.library(self.model)

    @property
    def what(self) -> str:
        return f"{self.path or self.method}()"

    def chosen(self, wanted: Iterable[int | str]) -> list[Any]:
        """The arguments of those positions and names."""
        found: list[Any] = []
        for key in wanted:
            if key == "*":
                found += [*self.args, *self.kwargs.values()]
            elif isinstance(key, int):
                found += self.args[key : key + 1]
            elif key in self.kwargs:
                found.append(self.kwargs[key])
        return found

    def _releases(self) -> Iterator[tuple[Held, Release]]:
        """What the call releases, and the notation that says so."""
        values = [self.head, *self.args, *self.kwargs.values()]
        for value in values:
            held = value._held if isinstance(value, Value) else None
            for release in held.acquisition.releases if held else ():
                if release.target == "self":
                    fits = value is self.head and release.name == self.method
                elif release.target == "owner":
                    fits = value is not self.head and release.name == self.method and self._is_owner(held)
                else:
                    fits = release.name == self.path
                if fits and held:
                    yield held, release

    def _of_type(self) -> set[bool]:
        """Whether the method releases instances of its type, as a coroutine: also of one that is somebody else's."""
        if self.head is None:
            return set()
        known = [parse_release(text) for text in self.head._type.release]
        return {r.awaited for r in known if r.target == "self" and r.name == self.method}

    def _is_owner(self, held: Held | None) -> bool:
        owner = held.owner() if held and held.owner else None
        return owner is None or owner is self.head

    def quiet(self) -> bool:
        """Whether the models say that it does not fail."""
        opens_nothing = self.acquisition is not None and self.acquisition.kind in (
            "client",
            "engine",
            "session",
            "stack",
        )
        if self.model.raises == "never" or (opens_nothing and self.model.at == "call"):
            return True
        if self.head is None:
            return False
        return self.method in self.head._type.cannot_raise

    def act(self, awaited: bool) -> Any:
        """What is given back is given back, then the call may fail, then it has acquired what it acquires."""
        self.started = True
        self._note_misuse()
        for held, _ in self.releases:
            held.release()
        for value in self.chosen(self.model.releases):
            if isinstance(value, Value) and value._held:
                value._held.release()
        if not self.quiet():
            self.world.fail(self.what, self.library, awaited)
        return self.product()

    def _note_misuse(self) -> None:
        head, misused = self.head, self.world.misused
        for held, _ in self.releases:
            if not held.held:
                misused("CNX122", self.lines)
        for value in self.args:
            held_ = value._held if isinstance(value, Value) else None
            if held_ and not self._is_owner(held_) and any(r.name == self.method for r in held_.acquisition.releases):
                misused("CNX123", self.lines)
        if head is None or self.releases:
            return
        if head._given and self.method in {r.name for r in map(parse_release, head._type.release)}:
            misused("CNX126", self.lines)
        if head._held and head._held.held and self.method in self.world.models.release_names:
            misused("CNX123", self.lines)
        source = head._held or head._source
        if source and not source.held and not self.quiet():
            misused("CNX121", self.lines)

    def product(self) -> Any:
        """What the call gives."""
        made = self._made()
        if self.head is not None and isinstance(made, Unknown) and made is not self.head:
            made._source = self.head._held or self.head._source
        return made

    def _made(self) -> Any:
        given = () if self.model.borrows else (*self.args, *self.kwargs.values())
        shared = self.chosen(self.model.shares)
        kept = tuple(v for v in given if not any(v is s for s in shared))
        if self.type is None:
            derived = self.library if self.head is not None and self.head._type.derives else ""
            return Unknown(self.world, self.method or self.path, derived, kept=kept)
        if self.acquisition is None:
            if self.head is not None and self.world.models.canonical(self.model.returns) == self.head._type.name:
                return self.head
            return Value(self.world, self.type, self.library, kept=kept)
        value = Value(self.world, self.type, self.library, self._held(kept), kept=kept)
        if self.model.element < 0:
            return value
        both = [
            Unknown(self.world, "the other", self.library, truth=True),
            Unknown(self.world, "the other", truth=True),
        ]
        both[self.model.element] = value
        return tuple(both)

    def _held(self, kept: Iterable[object]) -> Held:
        assert self.acquisition is not None
        assert self.type is not None
        # The model of a call speaks of what the call gives: an un-awaited one gives something else.
        exit_ = self.model.exit if self.model.at == "call" and self.model.exit else self.type.exit
        owner = weakref.ref(self.head) if self.head is not None else None
        held = Held(self.lines, self.acquisition, exit_, owner)
        held.owned += [v._held for v in self.chosen(self.model.owned_by) if isinstance(v, Value) and v._held]
        self.world.opened.append(held)
        if self.head is not None and self.head._held is not None and self.acquisition.kind == "response":
            self.head._held.owned.append(held)  # the connections of a client that is closed are closed
        return held

    def passed(self) -> Any:
        """`gather(a, b)`, `wait_for(a, 5)`: what is passed is awaited, as one task each."""
        values = self.chosen(self.model.passes)
        several = self.model.passes == ("*",)

        def body() -> Any:
            tasks = [_Task(v) for v in values]
            failed = next((t.error for t in tasks if t.error is not None), None)
            if failed is not None:
                raise failed
            return [t.value for t in tasks] if several else tasks[0].value if tasks else None

        return self._started(body)

    def called(self) -> Any:
        """`to_thread(f, x)`, `executor.submit(f, x)`: what is given is called."""
        key = next((k for k in self.model.calls if isinstance(k, int)), 0)
        rest = self.args[key + 1 :]
        function = self.args[key] if len(self.args) > key else None
        return self._started(lambda: function(*rest) if callable(function) else None)

    def _started(self, body: Callable[[], Any]) -> Any:
        if self.model.awaited == "must":
            return Task(self.world, body)
        task = Task(self.world, body).run()
        if self.model.awaited == "no" and self.model.passes:
            return task.result()
        return Value(self.world, self.type, "", kept=(task,)) if self.type and not self.model.passes else task


class _Task:
    """Runs at once; what came of it is kept."""

    def __init__(self, awaitable: Any) -> None:
        self.error: BaseException | None = None
        self.value: Any = None
        try:
            self.value = finish(awaitable)
        except (Exception, CancelledError) as error:  # noqa: BLE001 -- it is raised again by who waits
            self.error = error.with_traceback(None)


class Task:
    """Runs where it is made, or when it is awaited; the waiting may be cancelled, and the result is lost then."""

    def __init__(self, world: World, body: Callable[[], Any]) -> None:
        self._world, self._body = world, body
        self._value: Any = None
        self._error: BaseException | None = None
        self._ran = False

    def run(self) -> Task:
        self._ran = True
        try:
            self._value = self._body()
        except (Exception, CancelledError) as error:  # noqa: BLE001 -- it is raised again by who waits
            self._error = error.with_traceback(None)
        return self

    def result(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Unknown(self._world, name)

    def __await__(self) -> Generator[None, None, Any]:
        if not self._ran:
            return self._body()
        self._world.script.fail((CancelledError,), "waiting for a task")
        return self.result()
        yield


def finish(awaitable: Any) -> Any:
    """What an awaitable gives, when it never suspends."""
    waiting = awaitable.__await__()
    try:
        waiting.send(None)
    except StopIteration as stop:
        return stop.value
    raise RuntimeError("a fake awaitable suspended")


# ---------------------------------------------------------------------- values


class Name(Unknown):
    """A module, class, function or object of a library, by its qualified name."""

    def __init__(self, world: World, path: str) -> None:
        super().__init__(world, path, truth=True)
        self._path = path

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._world.named(f"{self._path}.{name}")  # type: ignore[attr-defined]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._world.call_name(self._path, args, kwargs)  # type: ignore[attr-defined]

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = Unknown.__hash__

    def __or__(self, other: object) -> Any:
        return Either((self, other))

    __ror__ = __or__

    def __getitem__(self, key: object) -> Any:
        return self if self._world.models.type(self._path) else super().__getitem__(key)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Either:
    """`asyncpg.Pool | None` in an annotation."""

    options: tuple[object, ...]

    def __or__(self, other: object) -> Either:
        return Either((*self.options, other))


class Value(Unknown):
    """An instance of a modelled type; `held` where it is one that has to be released."""

    def __init__(
        self, world: World, type_: Type, library: str, held: Held | None = None, kept: tuple[Any, ...] = ()
    ) -> None:
        super().__init__(world, type_.name, library or world.models.library(type_), truth=True, kept=kept)
        self._type, self._held = type_, held
        if held is not None and held.handle is None:
            held.handle = weakref.ref(self)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        world: Any = self._world
        models: Models = world.models
        for lineage in models.lineage(self._type.name):
            known = models.type(lineage)
            if known and name in known.attributes:
                part = models.type(known.attributes[name])
                return Value(world, part, self._library) if part else Unknown(world, name, self._library)
        if name in models.closed_tests:
            closed = self._held is not None and not self._held.held
            return Flag(world, name, truth=models.closed_tests[name] == closed)
        if name in self._type.reads_to_end and self._held is not None:
            self._held.release()
            world.fail(f"reading {name}", self._library)
            return Unknown(world, name, self._library)
        kept = self._items.get(("attribute", name))
        return Method(world, self, name) if kept is None else kept

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        world: Any = self._world
        return world.call(
            world.models.methods(self._type.name, "__call__"), self._type.name, self, "__call__", args, kwargs
        )

    def __await__(self) -> Generator[None, None, Any]:
        raise TypeError(f"object {self._type.name} can't be used in 'await' expression")

    def __enter__(self) -> Any:
        return self._entered("sync")

    def __exit__(self, *exception: object) -> None:
        self._left(awaited=False)

    async def __aenter__(self) -> Any:
        return self._entered("async")

    async def __aexit__(self, *exception: object) -> None:
        self._left(awaited=True)

    def _entered(self, form: str) -> Any:
        world: Any = self._world
        if self._type.with_form not in (form, "both"):
            world.misused("CNX113")
            raise TypeError(f"{self._type.name} does not support this `with`")
        entered = world.models.type(self._type.enter)
        return Value(world, entered, self._library) if entered else self

    def _left(self, awaited: bool) -> None:
        if self._given and self._type.exit == "releases":
            self._world.misused("CNX126")  # type: ignore[attr-defined]
        if self._held is not None and self._held.exit == "releases":
            if not self._held.held:
                self._world.misused("CNX122")  # type: ignore[attr-defined]
            self._held.release()
        self._world.fail(f"leaving {self._name}", self._library, awaited)


class Method(Unknown):
    """An attribute of a value: mostly a method."""

    def __init__(self, world: World, owner: Value, name: str) -> None:
        super().__init__(world, name, owner._library)
        self._owner = owner

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("_"):  # `app.state.pool = pool`
            self._owner._items["attribute", self._name] = self
        super().__setattr__(name, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        world: Any = self._world
        found = world.models.methods(self._owner._type.name, self._name)
        return world.call(found, "", self._owner, self._name, args, kwargs)


def read(value: Any) -> Any:
    """What an attribute gives that is not called: only a way to release something leads back to its owner."""
    if not isinstance(value, Method) or value._owner._held is None:
        return value
    world: Any = value._world
    releases = world.models.release_names | {r.name for r in value._owner._held.acquisition.releases}
    return value if value._name in releases else Unknown(world, value._name, value._library)


class Flag(Unknown):
    """`conn.closed`, also called: `conn.is_closed()`."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return Unknown(self._world, self._name, truth=self._truth)


class Pending:
    """What an un-awaited call gives: awaited, entered by `with`, or forgotten."""

    def __init__(self, call: Calling) -> None:
        self._call = call
        self._value: Any = None

    def __await__(self) -> Generator[None, None, Any]:
        if not self._call.awaitable:
            raise TypeError(f"{self._call.what} can't be used in 'await' expression")
        return self._call.act(awaited=True)
        yield

    def __enter__(self) -> Any:
        return self._entered("sync")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> bool:
        return self._left(error, awaited=False)

    async def __aenter__(self) -> Any:
        return self._entered("async")

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> bool:
        return self._left(error, awaited=True)

    def _entered(self, form: str) -> Any:
        call = self._call
        default = call.type.with_form if call.type and call.model.awaited == "no" else "none"
        if (call.model.with_form or default) not in (form, "both"):
            call.world.misused("CNX113")
            raise TypeError(f"{call.what} does not support this `with`")
        self._value = call.act(awaited=form == "async")
        entered = call.world.models.type(call.model.enter)
        if entered and entered is not call.type and isinstance(self._value, Value):
            return Value(call.world, entered, call.library, self._value._held, kept=(self._value,))
        return self._value

    def _left(self, error: BaseException | None, awaited: bool) -> bool:
        call, value = self._call, self._value
        self._value = None
        default = call.type.exit if call.type and call.type.with_form != "none" else "releases"
        if isinstance(value, Value) and value._held and (call.model.exit or default) == "releases":
            if not value._held.held:
                call.world.misused("CNX122")
            value._held.release()
        call.world.fail(f"leaving {call.what}", call.library, awaited)
        if call.model.swallows == "everything":
            return error is not None
        if call.model.swallows == "cancellation":
            return isinstance(error, CancelledError)
        return call.model.swallows == "arguments" and isinstance(
            error, tuple(a for a in call.args if isinstance(a, type))
        )
