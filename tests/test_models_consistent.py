"""Every model file validates, and every name one file takes from another exists."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from pooclint.models import Call, ModelFile, Type, load_models

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PACK = Path(__file__).resolve().parents[1] / "rules" / "pooclint_rules"
PATHS = sorted(PACK.glob("libraries/*.toml")) + sorted(PACK.glob("frameworks/*.toml"))
RELEASE = re.compile(r"(await )?(\$|\$\.\w+|@|[\w.]+)(\.\w+)?\((\$)?\)")
SPECIFIERS = re.compile(r"(>=|<|>|<=|==|!=)\d+(\.\d+)*(,(>=|<|>|<=|==|!=)\d+(\.\d+)*)*")
# A part after "~" tells a state of a class apart (`Connection~pooled`); the class itself has the name before it.
NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(~\w+)?")


def read(path: Path) -> ModelFile:
    return msgspec.convert(tomllib.loads(path.read_text("utf-8")), ModelFile)


FILES = {path: read(path) for path in PATHS}
TYPES: dict[str, Type] = {
    name: type_ for file in FILES.values() for type_ in file.type for name in (type_.name, *type_.aliases)
}
each_file = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def named_types(file: ModelFile) -> set[str]:
    """The type names that a file refers to."""
    names = {name for type_ in file.type for name in (*type_.bases, type_.enter, *type_.attributes.values())}
    names |= {name for call in file.call for name in (call.returns, call.enter, call.implicit, *call.on)}
    names |= {name for external in file.external for name in external.on}
    names |= {name for scope in file.scope for name in scope.on}
    return names - {""}


def releases_of(call: Call) -> tuple[str, ...]:
    if call.release is not None:
        return call.release
    return TYPES[call.returns].release if call.returns else ()


def test_there_are_models() -> None:
    assert len(PATHS) > 20


@each_file
def test_every_type_that_is_named_is_modelled(path: Path) -> None:
    assert sorted(named_types(FILES[path]) - set(TYPES)) == []


def test_no_type_is_modelled_twice() -> None:
    names = Counter(
        (name, type_.requires)
        for file in FILES.values()
        for type_ in file.type
        for name in (type_.name, *type_.aliases)
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_no_function_is_modelled_twice() -> None:
    names = Counter(
        (name, call.requires, tuple(sorted(call.only_if.items())), call.given, tuple(sorted(call.when.items())))
        for file in FILES.values()
        for call in file.call
        for name in call.names
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_no_method_is_modelled_twice() -> None:
    names = Counter(
        (owner, method, call.requires, tuple(sorted(call.only_if.items())), call.alone)
        for file in FILES.values()
        for call in file.call
        for owner in call.on
        for method in call.methods
    )
    assert [name for name, count in names.items() if count > 1] == []


@each_file
def test_releases_are_in_release_notation(path: Path) -> None:
    file = FILES[path]
    releases = [release for type_ in file.type for release in type_.release]
    releases += [release for call in file.call for release in call.release or ()]
    assert [release for release in releases if not RELEASE.fullmatch(release)] == []


@each_file
def test_names_are_qualified_names(path: Path) -> None:
    file = FILES[path]
    names = [name for type_ in file.type for name in (type_.name, *type_.aliases)]
    names += [name for call in file.call for name in call.names]
    names += [name for external in file.external for name in external.names]
    names += [name for scope in file.scope for name in (*scope.decorators, *scope.bases)]
    assert [name for name in names if not NAME.fullmatch(name) or "." not in name] == []


@each_file
def test_whatever_is_acquired_can_be_released(path: Path) -> None:
    acquiring = [call for call in FILES[path].call if call.acquires]
    assert [call for call in acquiring if not call.returns] == []
    harmless = [call for call in acquiring if (call.reclaimed or TYPES[call.returns].reclaimed) == "harmless"]
    assert [call.names or call.methods for call in acquiring if not releases_of(call) and call not in harmless] == []


@each_file
def test_what_is_acquired_on_entering_can_be_entered(path: Path) -> None:
    entering = [call for call in FILES[path].call if call.at == "enter"]
    assert [call.names or call.methods for call in entering if call.with_form in (None, "none")] == []


@each_file
def test_what_is_acquired_by_await_can_be_awaited(path: Path) -> None:
    awaited = [call for call in FILES[path].call if call.at == "await"]
    assert [call.names or call.methods for call in awaited if call.awaited == "no"] == []


@each_file
def test_a_call_is_either_of_a_name_or_of_a_method(path: Path) -> None:
    entries = [*FILES[path].call, *FILES[path].external]
    assert [
        entry for entry in entries if bool(entry.names) == bool(entry.on) or bool(entry.on) != bool(entry.methods)
    ] == []


@each_file
def test_lazy_types_say_when_they_check_out(path: Path) -> None:
    assert [type_.name for type_ in FILES[path].type if type_.lazy != bool(type_.checks_out)] == []


@each_file
def test_a_subtype_holds_at_least_what_its_base_holds(path: Path) -> None:
    """Release and `with` are not inherited, so a subtype that says nothing would be a mistake."""
    subtypes = [type_ for type_ in FILES[path].type if type_.bases and type_.kind not in ("value", "app")]
    assert [type_.name for type_ in subtypes if not type_.release] == []


@each_file
def test_a_size_has_a_parameter(path: Path) -> None:
    sizes = [call.size for call in FILES[path].call if call.size is not None]
    assert [size for size in sizes if size.max is None and size.overflow is None] == []


@each_file
def test_a_library_says_on_what_it_was_verified(path: Path) -> None:
    assert FILES[path].library.version


@each_file
def test_versions_are_specifiers(path: Path) -> None:
    file = FILES[path]
    entries = [*file.type, *file.call, *file.external, *file.scope, *file.dependency]
    wrong = [e.requires for e in entries if e.requires and not SPECIFIERS.fullmatch(e.requires)]
    assert wrong == []


def test_no_word_by_which_a_file_is_looked_at_is_in_most_files() -> None:
    """What calls an instance is found by the name of its type, not by the method that every class may define."""
    models = load_models(PATHS)
    assert "sessionmaker" in models.words_that_acquire
    assert "__call__" not in models.words_that_acquire
    assert not any("__call__" in words for _, words in models.acquiring_words())
