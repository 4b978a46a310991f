"""The compiled form of the models: the same models, never stale, and quick."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pooclint.models import ModelError, compiled, load_model_file, parse_model
from pooclint.models.loading import load_model_files
from pooclint.packs import model_paths

TEXT = "[library]\nname = 'quill'\n[[type]]\nname = 'quill.Page'\nkind = 'pool'\n"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("POOCLINT_CACHE_DIR", str(folder))
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "quill.toml"
    path.write_text(TEXT, "utf-8")
    return path


def entry(folder: Path) -> Path:
    (found,) = folder.glob("models-*.msgpack")
    return found


def test_compiled_models_are_the_models(cache: Path) -> None:
    first = load_model_files(model_paths())  # not those that an installed wheel has compiled already
    assert entry(cache).stat().st_size > 10_000
    second = load_model_files(model_paths())
    assert [repr(file) for file in first] == [repr(file) for file in second]
    plain = sorted(repr(load_model_file(path)) for path in model_paths())
    assert sorted(repr(file) for file in second) == plain


def test_what_is_compiled_is_used(cache: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_model_files([model])
    monkeypatch.setattr("pooclint.models.loading.parse_model", lambda *_: pytest.fail("parsed again"))
    assert load_model_files([model])[0].type[0].name == "quill.Page"


def test_another_byte_makes_another_entry(cache: Path, model: Path) -> None:
    load_model_files([model])
    before = model.stat()
    model.write_text(TEXT.replace("Page", "Pale"), "utf-8")
    os.utime(model, ns=(before.st_atime_ns, before.st_mtime_ns))  # neither time nor size tells
    assert load_model_files([model])[0].type[0].name == "quill.Pale"


def test_the_key_knows_where_a_file_ends() -> None:
    assert compiled.key_of([b"ab", b"c"]) != compiled.key_of([b"a", b"bc"])


def test_the_key_knows_version_and_schema(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keys = {compiled.key_of([b"a"])}
    monkeypatch.setattr(compiled, "__version__", "0.0.1")
    keys.add(compiled.key_of([b"a"]))
    (tmp_path / "calls.py").write_text("# changed", "utf-8")
    monkeypatch.setattr(compiled.schema, "__file__", str(tmp_path / "__init__.py"))
    keys.add(compiled.key_of([b"a"]))
    assert len(keys) == 3


def test_an_entry_under_a_wrong_name_is_not_used(tmp_path: Path) -> None:
    file = parse_model(TEXT.encode(), "quill.toml")
    right, wrong = compiled.key_of([b"a"]), compiled.key_of([b"b"])
    compiled.write_compiled(tmp_path / "x", right, [file])
    assert compiled.read_compiled(tmp_path / "x", right) is not None
    assert compiled.read_compiled(tmp_path / "x", wrong) is None


@pytest.mark.parametrize("damage", [b"", b"x", None])
def test_a_damaged_entry_is_made_anew(cache: Path, model: Path, damage: bytes | None) -> None:
    load_model_files([model])
    path = entry(cache)
    data = path.read_bytes()
    # One letter of a name is still a valid model: only the signature tells.
    path.write_bytes(data.replace(b"quill.Page", b"quill.Pape") if damage is None else damage)
    assert load_model_files([model])[0].type[0].name == "quill.Page"
    assert path.read_bytes() == data


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    key = compiled.key_of([b"a"])
    path = tmp_path / "x"
    compiled.write_compiled(path, key, [parse_model(TEXT.encode(), "quill.toml")])
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        assert compiled.read_compiled(path, key) is None


def test_a_mistake_is_not_kept(cache: Path, model: Path) -> None:
    model.write_text("[library]\nnam = 'quill'\n", "utf-8")
    for _ in range(2):
        with pytest.raises(ModelError, match=r"quill\.toml:2: unknown key"):
            load_model_files([model])
    assert not list(cache.glob("*"))


def test_a_cache_that_cannot_be_written(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    for place in (str(tmp_path / "file"), ""):
        monkeypatch.setenv("POOCLINT_CACHE_DIR", place)
        assert load_model_files([model])[0].library.name == "quill"
    assert (tmp_path / "file").read_bytes() == b""


def test_old_entries_are_removed(cache: Path, model: Path) -> None:
    for number in range(8):
        model.write_text(TEXT.replace("Page", f"Page{number}"), "utf-8")
        load_model_files([model])
    assert len(list(cache.iterdir())) == 4


def test_a_file_beside_the_models_is_used(cache: Path, model: Path, tmp_path: Path) -> None:
    shipped = tmp_path / "models.msgpack"
    key = compiled.key_of([model.read_bytes()])
    compiled.write_compiled(shipped, key, [parse_model(TEXT.replace("Page", "Shipped").encode(), "quill.toml")])
    assert load_model_files([model], shipped)[0].type[0].name == "quill.Shipped"
    assert not cache.exists()
    model.write_text(TEXT + "\n", "utf-8")
    assert load_model_files([model], shipped)[0].type[0].name == "quill.Page"


@pytest.mark.skipif(sys.platform == "win32", reason="the place differs")
def test_the_place_is_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POOCLINT_CACHE_DIR", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/caches")
    assert compiled.cache_folder() == Path("/var/caches/pooclint")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert compiled.cache_folder() is None
