"""The JSON Schemas of model files, of server files and of the configuration, by which editors complete and check them.

They are made from the types that validate the files. msgspec does not see the texts under the fields; they are read
from the source, so that each key is documented once.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Literal

import msgspec

from pooclint.config import Settings
from pooclint.deployment.models import ServerFile
from pooclint.models import ModelFile

Name = Literal["model", "server", "config"]
_BASE = "https://pooclint.readthedocs.io/en/stable"
_TITLES: dict[Name, tuple[type[msgspec.Struct], str]] = {
    "model": (ModelFile, "A model of a library or framework, for pooclint"),
    "server": (ServerFile, "A model of server programs, database servers or poolers, for pooclint"),
    "config": (Settings, "Settings of pooclint: pooclint.toml, and [tool.pooclint] in pyproject.toml"),
}


def schema(name: Name) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a model file, or of the configuration."""
    root, title = _TITLES[name]
    made = msgspec.json.schema(root)
    structs = {struct.__name__: struct for struct in _structs(root)}
    for definition, body in made["$defs"].items():
        struct = structs[definition]
        texts = field_texts(struct)
        body["description"] = _line(inspect.getdoc(struct) or "")
        for field in msgspec.structs.fields(struct):
            body["properties"][field.encode_name] = {
                **body["properties"][field.encode_name],
                "description": texts[field.name],
            }
    # `#:schema` is a comment of TOML, so the root is the table itself.
    table = made["$defs"].pop(root.__name__)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"{_BASE}/{name}.schema.json"}
    return {**head, **table, "title": title, "$defs": made["$defs"]}


def render(name: Name) -> str:
    """The schema as the text of a file."""
    return json.dumps(schema(name), indent=2) + "\n"


def field_texts(struct: type[msgspec.Struct]) -> dict[str, str]:
    """The text under each field of a class.

    Raises:
        KeyError: a field has none.
    """
    tree = ast.parse(inspect.getsource(sys.modules[struct.__module__]))
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == struct.__name__)
    texts = {}
    for field, text in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            texts[field.target.id] = _line(ast.literal_eval(text.value))
    return {field.name: texts[field.name] for field in msgspec.structs.fields(struct)}


def _line(text: str) -> str:
    return " ".join(text.split())


def _structs(root: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    """A class and those that its fields hold."""
    seen: set[type] = set()
    todo: list[Any] = [msgspec.inspect.type_info(root)]
    while todo:
        kind = todo.pop()
        if isinstance(kind, msgspec.inspect.StructType) and kind.cls not in seen:
            seen.add(kind.cls)
            yield kind.cls
            todo += [field.type for field in kind.fields]
        todo += [getattr(kind, name) for name in ("item_type", "value_type", "type") if hasattr(kind, name)]
        todo += getattr(kind, "types", ())
