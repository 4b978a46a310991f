"""The published JSON Schemas: up to date, complete, and true of every file there is."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console import ROOT, pooclint
from pooclint.json_schema import Name, render, schema
from pooclint.models import ModelFile, load_model_file
from pooclint.packs import model_paths
from pooclint_rules import SERVER_FILES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NAMES: tuple[Name, ...] = ("model", "server", "config")
each_schema = pytest.mark.parametrize("name", NAMES)


def keys(node: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key that a schema describes."""
    if isinstance(node, dict):
        yield from node.get("properties", {}).items()
        for value in node.values():
            yield from keys(value)
    elif isinstance(node, list):
        for value in node:
            yield from keys(value)


def validator(name: Name) -> Any:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(schema(name))
    return jsonschema.Draft202012Validator(schema(name))


@each_schema
def test_the_published_file_is_up_to_date(name: Name) -> None:
    path = ROOT / "docs" / f"{name}.schema.json"
    assert path.read_text("utf-8") == render(name), f"run `pooclint schema {name} > docs/{name}.schema.json`"


@each_schema
def test_every_key_is_documented(name: Name) -> None:
    found = list(keys(schema(name)))
    assert len(found) > 20
    assert [key for key, body in found if len(body.get("description", "")) < 8] == []


@each_schema
def test_the_command_prints_it(name: Name, tmp_path: Path) -> None:
    assert json.loads(pooclint("schema", name, cwd=tmp_path).stdout) == json.loads(render(name))


@pytest.mark.parametrize("path", model_paths(), ids=lambda path: path.stem)
def test_every_bundled_file_validates(path: Path) -> None:
    errors = validator("model").iter_errors(tomllib.loads(path.read_text("utf-8")))
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


@pytest.mark.parametrize("path", SERVER_FILES(), ids=lambda path: path.stem)
def test_every_bundled_server_file_validates(path: Path) -> None:
    errors = validator("server").iter_errors(tomllib.loads(path.read_text("utf-8")))
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


@pytest.mark.parametrize(
    "text",
    [
        "[[type]]\nname = 'a.B'\nkind = 'pool'\n",
        "[library]\nnam = 'a'\n",
        "[library]\nname = 'a'\n[[type]]\nname = 'a.B'\nkind = 'poool'\n",
        "[library]\nname = 'a'\n[[type]]\nname = 'a.B'\nkind = 'pool'\nrelease = ['$.close']\n",
        "[library]\nname = 'a'\n[[call]]\nsize = { max = { default = 3 } }\n",
        "[library]\nname = 'a'\n[[external]]\ncategory = 'llm'\n",
    ],
)
def test_what_the_loader_refuses_the_schema_refuses(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(text, "utf-8")
    with pytest.raises(ValueError, match=r"a\.toml:\d"):
        load_model_file(tmp_path / "a.toml")
    assert list(validator("model").iter_errors(tomllib.loads(text)))


def test_the_configuration_of_the_documentation_validates() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    block = next(part for part in text.split("```toml\n")[1:] if part.startswith("[tool.pooclint]")).split("```")[0]
    table = tomllib.loads(block)["tool"]["pooclint"]
    check = validator("config")
    assert [error.message for error in check.iter_errors(table)] == []
    assert list(check.iter_errors({**table, "selct": []}))


def test_the_configuration_of_deployments_validates() -> None:
    block = (ROOT / "docs" / "deployments.md").read_text("utf-8").split("```toml\n")[1].split("```")[0]
    table = tomllib.loads(block)["tool"]["pooclint"]
    assert [error.message for error in validator("config").iter_errors(table)] == []
    assert {"budget", "pooler"} == set(table)


def test_the_types_of_the_schema_are_those_of_the_loader() -> None:
    assert set(schema("model")["properties"]) == {name.replace("_", "-") for name in ModelFile.__struct_fields__}
