"""The loaded models, indexed: what is known of a name, of a method of a type, of what a call acquires."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pooclint.models.acquisition import Acquisition
from pooclint.models.schema.calls import Call, External
from pooclint.models.schema.file import ModelFile
from pooclint.models.schema.library import Library
from pooclint.models.schema.release import Release, parse_release
from pooclint.models.schema.settings import Setting
from pooclint.models.schema.types import Type

_OBJECTS = frozenset({"connection", "client", "pool", "engine"})
_OF_COLLECTIONS = frozenset(dir(dict))
"""Names that a method may have that only empties something."""
_LASTING = frozenset({"connection", "session", "pool", "engine", "client"})


class Models:
    """All loaded models, indexed for look-up. Built once, then only read."""

    def __init__(self, files: Iterable[ModelFile]) -> None:
        self.files = tuple(files)
        self._types: dict[str, Type] = {}
        self._calls: dict[str, tuple[Call, ...]] = {}
        self._methods: dict[tuple[str, str], tuple[Call, ...]] = {}
        self._externals: dict[str, External] = {}
        self._external_methods: dict[tuple[str, str], External] = {}
        self._library: dict[int, Library] = {}
        self._acquisitions: dict[int, Acquisition | None] = {}
        self._held: dict[str, Acquisition | None] = {}
        self._ways_back: dict[tuple[str, str], str] = {}
        for file in self.files:
            for type_ in file.type:
                for name in (type_.name, *type_.aliases):
                    self._types[name] = type_
                self._library[id(type_)] = file.library
        for file in self.files:
            for call in file.call:
                self._library[id(call)] = file.library
                for name in call.names:
                    self._calls[name] = _with(self._calls.get(name, ()), call)
                for owner in call.on:
                    for method in call.methods:
                        key = (self.canonical(owner), method)
                        self._methods[key] = _with(self._methods.get(key, ()), call)
            for external in file.external:
                self._library[id(external)] = file.library
                for name in external.names:
                    self._externals[name] = external
                for owner in external.on:
                    for method in external.methods:
                        self._external_methods[self.canonical(owner), method] = external
        self.changing = frozenset(n for f in self.files for n in f.changing)
        """Functions whose answers differ from call to call."""
        self.quiet_methods = frozenset(m for f in self.files for m in f.quiet_methods)
        self.keeping_methods = tuple(m for f in self.files for m in f.keeping_methods)
        self.distinctive: dict[str, tuple[Call, ...]] = {}
        """Acquiring calls by method names that say enough on a receiver of unknown type."""
        for file in self.files:
            for name in file.library.distinctive:
                known = tuple(c for c in file.call if name in c.methods and (c.acquires or c.borrows))
                self.distinctive[name] = (*self.distinctive.get(name, ()), *known)
        self.cancellations = frozenset(c for f in self.files for c in f.library.cancellations)
        self.errors = frozenset(e for f in self.files for e in f.library.errors)
        self.roots = frozenset(i.split(".")[0] for f in self.files for i in f.library.imports)
        """Top-level names by which what is modelled is imported."""
        self.closed_tests = {k: v for f in self.files for k, v in f.closed_tests.items()}
        self.scopes = tuple(s for f in self.files for s in f.scope)
        self.dependencies = {n: d for f in self.files for d in f.dependency for n in d.names}
        self.request_locals = frozenset(n for f in self.files for n in f.request_locals)
        """Names and types that stand for the current request."""
        self.run_once = frozenset(
            d for s in self.scopes if s.scope == "app" and s.callable_argument is None for d in s.decorators
        )
        """Decorators of functions that run once in a process, or whose result is kept."""
        self.teardowns = {n: t for f in self.files for t in f.teardown for n in t.decorators}
        self.request_holds = tuple(h for f in self.files for h in f.request_hold)
        """Settings under which requests keep something."""
        self.conditional = frozenset(h.ambient for h in self.request_holds)
        """Types of sessions that nobody acquires which occupy something only under such a setting."""
        self.settings: dict[str, Setting] = {n: s for f in self.files for s in f.setting for n in s.names}
        """Calls and mappings that read a setting, by their qualified names."""
        self.pool_settings = tuple((f.library, s) for f in self.files for s in f.pool_setting)
        """Settings of which frameworks make pools."""
        self.servers = {f.library.name: f.library.server for f in self.files if f.library.server}
        """Kinds of database servers that connections of libraries lead to."""
        self.server_imports = {i: f.library.server for f in self.files if f.library.server for i in f.library.imports}
        """The same by the names under which the libraries are imported."""
        self.setting_words = frozenset(n.rpartition(".")[2] for n in self.settings)
        self.call_words = frozenset(
            w.rpartition(".")[2] for f in self.files for c in f.call for w in (*c.names, *c.methods)
        )
        """Last components of every modelled function and method: a call of anything else has no model."""
        self.class_attributes = frozenset(
            a
            for t in self._types.values()
            for a, name in t.attributes.items()
            if (of := self._types.get(name)) is not None and of.ambient
        )
        """Attributes that lead to a session which nobody acquires."""
        started_by = [c for f in self.files for c in f.call if c.in_thread]
        makers = [c for f in self.files for c in f.call if c.returns and any(c.returns in t.on for t in started_by)]
        self.thread_words = frozenset(n.rpartition(".")[2] for c in (*started_by, *makers) for n in c.names)
        """Names of what starts threads, and of what makes those who do."""
        self._words = tuple(_words(f) | self._leading(f) for f in self.files)
        self.words_that_acquire = frozenset[str]().union(*self._words)
        self.external_words = frozenset(m for f in self.files for e in f.external for m in e.methods)
        """Methods of external calls; `*` where a model names all of a type's."""
        lasting: list[Type | Call] = [t for f in self.files for t in f.type if t.kind in _LASTING]
        lasting += [c for f in self.files for c in f.call if c.acquires and self._kind(c.returns) in _LASTING]
        ways = {r for item in lasting for r in item.release or ()}
        self.release_names = frozenset(parse_release(r).name for r in ways)
        """Names of the methods that release what lasts: a connection, a session, a pool, a client."""
        first = (parse_release(t.release[0]) for f in self.files for t in f.type if t.release and t.kind in _OBJECTS)
        self.ending_names = frozenset(r.name for r in first if r.target == "self") - _OF_COLLECTIONS
        """Those that say of any object that it is done with: the first way to release what is no session."""
        self.serverless = frozenset(s.framework for s in self.scopes if s.serverless)
        """Frameworks whose platform starts an instance for each event at a time."""
        self.instrumentation = tuple(i for f in self.files for i in f.instrumentation)
        """What reports on pools."""
        self.server_settings = tuple(s for f in self.files for s in f.server_setting)
        """Settings of servers that limit a time."""
        self.session_states = tuple(s for f in self.files for s in f.session_state)
        """Statements that leave something behind in the server's session."""
        self.sql_words = frozenset(m for f in self.files for t in f.type for m in t.postgresql)
        """Names of the methods that send SQL to a PostgreSQL server."""
        self.commit_words = frozenset(c for f in self.files for t in f.type for c in t.commits)
        """Names of the methods that commit."""
        self.coroutine_releases = frozenset(self._coroutine_releases())
        """Types and their methods that release something and are coroutines, and nothing but coroutines."""
        self.coroutine_release_names = frozenset(name for _, name in self.coroutine_releases)

    def _leading(self, file: ModelFile) -> frozenset[str]:
        """Names of calls whose result leads to a session that nobody acquires."""
        types = ((c, self._types.get(c.returns)) for c in file.call)
        leading = (c for c, t in types if t is not None and (t.ambient or self.class_attributes & t.attributes.keys()))
        return frozenset(w.rpartition(".")[2] for c in leading for w in c.names)

    def _coroutine_releases(self) -> Iterator[tuple[str, str]]:
        """`("asyncpg.Connection", "close")`, and `("asyncpg.Pool", "release")` for what its connections need."""
        for file in self.files:
            for type_ in file.type:
                for release in _coroutines(type_.release):
                    if release.target == "self":
                        yield type_.name, release.name
            for call in file.call:
                type_of = self._types.get(call.returns)
                ways = call.release if call.release is not None else type_of.release if type_of else ()
                for release in _coroutines(ways) if call.acquires else ():
                    if release.target == "owner":
                        yield from ((self.canonical(owner), release.name) for owner in call.on)

    def releases_by_coroutine(self, type_name: str, method: str) -> bool:
        """True when that method of the type, or of one it derives from, releases only once it is awaited."""
        known = next((n for n in self.lineage(type_name) if self._defines_release(n, method)), "")
        return (known, method) in self.coroutine_releases

    def _defines_release(self, type_name: str, method: str) -> bool:
        type_ = self._types.get(type_name)
        own = type_ is not None and any(parse_release(r).name == method for r in type_.release)
        return own or (type_name, method) in self.coroutine_releases

    def _kind(self, name: str) -> str:
        found = self._types.get(name)
        return found.kind if found else ""

    def type(self, name: str) -> Type | None:
        """The modelled type of that qualified name or alias."""
        return self._types.get(name)

    def canonical(self, name: str) -> str:
        """The type's main name; the name itself when it is not modelled."""
        found = self._types.get(name)
        return found.name if found else name

    def lineage(self, name: str) -> tuple[str, ...]:
        """The type and its modelled bases, nearest first."""
        seen: list[str] = []
        todo = [self.canonical(name)]
        while todo:
            current = todo.pop(0)
            if current in seen:
                continue
            seen.append(current)
            found = self._types.get(current)
            if found:
                todo.extend(self.canonical(b) for b in found.bases)
        return tuple(seen)

    def run_by_base(self, base: str) -> frozenset[str]:
        """The methods of a subclass that a thread or process runs, where that is all that the base has to do with one;
        none for any other base."""
        return frozenset(found.runs for t in self.lineage(base) if (found := self._types.get(t)) and found.runs)

    def calls(self, qualified: str) -> tuple[Call, ...]:
        """What is known of a function or class, one entry for each condition (`only-if`)."""
        return self._calls.get(qualified, ())

    def methods(self, type_name: str, method: str) -> tuple[Call, ...]:
        """What is known of a method of a type, inherited ones included."""
        if not type_name:
            return ()
        for name in self.lineage(type_name):
            found = self._methods.get((name, method))
            if found:
                return found
        return ()

    def attribute(self, type_name: str, attribute: str) -> str:
        """The type of an attribute of a type, inherited ones included; empty when unknown."""
        named = self._named_attribute(type_name, attribute)
        if named is not None:
            return self.canonical(named)
        model = self.given_by_attribute(type_name, attribute)
        return self.canonical(model.returns) if model else ""

    def is_plain_attribute(self, type_name: str, attribute: str) -> bool:
        """True for an attribute of which the model says that it is a plain value (`engine.name`): what is done with it
        is not done on the object."""
        return self._named_attribute(type_name, attribute) == ""

    def _named_attribute(self, type_name: str, attribute: str) -> str | None:
        lineage = [t for name in self.lineage(type_name) if (t := self._types.get(name))]
        return next((t.attributes[attribute] for t in lineage if attribute in t.attributes), None)

    def given_by_attribute(self, type_name: str, attribute: str) -> Call | None:
        """What is known of reading an attribute that no class defines (`client.shop`); None for a method or attribute
        of the type's own."""
        known = next(iter(self.methods(type_name, "__getattr__")), None)
        if known is None or attribute.startswith("_"):
            return None
        lineage = [t for name in self.lineage(type_name) if (t := self._types.get(name))]
        own = any(attribute in (*t.attributes, *t.cannot_raise) for t in lineage)
        own = own or any(parse_release(way).name == attribute for t in lineage for way in t.release)
        if own or self.methods(type_name, attribute) or self.external_method(type_name, attribute):
            return None
        return known

    def way_back(self, type_name: str, wanted: str) -> str:
        """The attributes that lead from a type to another, or to one that this derives from (`database.client`); empty
        where none do."""
        key = (self.canonical(type_name), self.canonical(wanted))
        if key not in self._ways_back:
            self._ways_back[key] = self._way_back(*key)
        return self._ways_back[key]

    def _way_back(self, type_name: str, wanted: str) -> str:
        goals, seen = set(self.lineage(wanted)), {type_name}
        ways = [("", type_name)]
        for path, name in ways:  # the shortest first
            known = self._types.get(name)
            for attribute, leads_to in known.attributes.items() if known else ():
                reached = self.canonical(leads_to)
                if reached in goals:
                    return path + attribute
                if reached not in seen:
                    seen.add(reached)
                    ways.append((f"{path}{attribute}.", reached))
        return ""

    def external(self, qualified: str) -> External | None:
        """The external-call entry of a function."""
        return self._externals.get(qualified)

    def external_method(self, type_name: str, method: str) -> External | None:
        """The external-call entry of a method, inherited ones included; `*` in a model is every public method."""
        if not type_name:
            return None
        public = not method.startswith("_")
        for name in self.lineage(type_name):
            found = self._external_methods.get((name, method))
            found = found or (self._external_methods.get((name, "*")) if public else None)
            if found:
                return found if method not in found.without else None
        return None

    def library(self, item: Type | Call | External) -> str:
        """Name of the library that a model entry belongs to."""
        return self._library[id(item)].name

    def acquisition(self, call: Call) -> Acquisition | None:
        """What the call acquires; None when it acquires nothing or its type is not modelled."""
        if id(call) not in self._acquisitions:
            self._acquisitions[id(call)] = self._acquisition(call)
        return self._acquisitions[id(call)]

    def _acquisition(self, call: Call) -> Acquisition | None:
        type_ = self._types.get(call.returns)
        if not call.acquires or type_ is None:
            return None
        releases = tuple(parse_release(r) for r in (call.release if call.release is not None else type_.release))
        return Acquisition(
            type=type_.name,
            kind=type_.kind,
            library=self.library(call),
            releases=releases,
            closes=self._closes(type_, releases),
            reclaimed=call.reclaimed or type_.reclaimed,
            pooled=type_.pooled if call.pooled is None else call.pooled,
            lazy=type_.lazy,
            entered_unawaited=call.awaited == "may" and call.with_form not in (None, "none"),
            acquired_from=self.canonical(call.on[0]) if call.on else "",
            raises_when_empty=call.raises_when_empty,
            crowded=type_.crowded,
        )

    def acquisition_of_type(self, name: str) -> Acquisition | None:
        """What holding an instance of a modelled type means, where the acquiring call is elsewhere: of each type always
        the same object."""
        if name not in self._held:
            self._held[name] = self._acquisition_of_type(name)
        return self._held[name]

    def _acquisition_of_type(self, name: str) -> Acquisition | None:
        type_ = self._types.get(name)
        if type_ is None or not type_.release:
            return None
        releases = tuple(parse_release(r) for r in type_.release)
        closes = self._closes(type_, releases)
        return Acquisition(
            type_.name, type_.kind, self.library(type_), releases, type_.reclaimed, type_.pooled, type_.lazy,
            closes=closes, crowded=type_.crowded,
        )  # fmt: skip

    def _closes(self, type_: Type, releases: tuple[Release, ...]) -> frozenset[str]:
        """Methods that release the plain type, or one it derives from, but are none of these ways to release."""
        plain = (parse_release(r) for name in self.lineage(type_.name) for r in self._types[name].release)
        return frozenset(r.name for r in plain if r.target == "self") - {r.name for r in releases}

    def prefilter_words(self) -> Iterator[tuple[frozenset[str], frozenset[str]]]:
        """For each library, top-level import names and words: a file that matters has one of each."""
        for file, words in zip(self.files, self._words, strict=True):
            roots = frozenset(r.split(".")[0] for r in file.library.imports)
            if words and roots:
                yield roots, words

    def implicit_words(self) -> Iterator[tuple[frozenset[str], frozenset[str]]]:
        """For each library, top-level import names and the names of the calls that build and drop a client."""
        for file in self.files:
            words = frozenset(n.rpartition(".")[2] for c in file.call if c.implicit for n in c.names)
            roots = frozenset(r.split(".")[0] for r in file.library.imports)
            if words and roots:
                yield roots, words

    def acquiring_words(self) -> Iterator[tuple[frozenset[str], frozenset[str]]]:
        """For each library, top-level import names and the names of the calls that acquire."""
        for file in self.files:
            words = self._leading(file).union(*(_words_of(c) for c in file.call if c.acquires))
            roots = frozenset(r.split(".")[0] for r in file.library.imports)
            if words and roots:
                yield roots, words

    def words_of_types(self) -> Iterator[tuple[frozenset[str], frozenset[str]]]:
        """For each library, top-level import names and the names of the types that can be released, or acquire by their
        methods."""
        sources = {self.canonical(t) for f in self.files for c in f.call if c.acquires for t in c.on}
        for file in self.files:
            types = (t for t in file.type if t.release or t.name in sources)
            words = frozenset(n.rpartition(".")[2] for t in types for n in (t.name, *t.aliases))
            roots = frozenset(r.split(".")[0] for r in file.library.imports)
            if words and roots:
                yield roots, words

    def words_that_call_out(self) -> Iterator[tuple[frozenset[str], frozenset[str]]]:
        """For each library, top-level import names and words of its external calls."""
        for file in self.files:
            words = {
                w.rpartition(".")[2]
                for e in file.external
                if e.category != "database"
                for w in (*e.names, *e.methods, *(e.on if "*" in e.methods else ()))
            } - {"*"}
            roots = frozenset(r.split(".")[0] for r in file.library.imports)
            if words and roots:
                yield roots, frozenset(words)


def _with(known: tuple[Call, ...], call: Call) -> tuple[Call, ...]:
    """The entries of a name with one more; it replaces an earlier one of the same condition, as a project's own model
    may do."""
    if not known:
        return (call,)
    return (*(c for c in known if _condition(c) != _condition(call)), call)


def _condition(call: Call) -> tuple[object, ...]:
    return call.only_if, call.alone, call.given, call.when, call.unless


def _coroutines(texts: Iterable[str]) -> list[Release]:
    """Ways to release that must be awaited, and for which there is no way of the same name that must not."""
    releases = [parse_release(t) for t in texts]
    plain = {r.name for r in releases if not r.awaited}
    return [r for r in releases if r.awaited and r.name not in plain]


def _words(file: ModelFile) -> frozenset[str]:
    """Words of which a file that acquires, sizes or is handed a connection of the library contains at least one."""
    words: set[str] = set()
    for call in file.call:
        if call.only_if and (call.acquires or call.session_state):
            words.update(call.only_if)
        elif call.acquires or call.size:
            words |= _words_of(call)
    # What is judged where it is lent: what it keeps of its pool, its transactions, and who else is at work on it.
    lent = (t for t in file.type if t.pooled or t.statements or t.concurrent)
    words.update(n.rpartition(".")[2] for t in lent for n in (t.name, *t.aliases))
    return frozenset(words)


def _words_of(call: Call) -> frozenset[str]:
    """Words of which a file that makes a call contains at least one."""
    # An instance that is called was built, or annotated, under its type's name.
    instances = call.on if "__call__" in call.methods else ()
    named = (w for w in (*call.names, *call.methods, *instances) if w != "__call__")
    return frozenset(w.rpartition(".")[2] for w in named)
