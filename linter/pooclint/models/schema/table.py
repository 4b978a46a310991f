"""What the tables of a model file have in common: how they are validated, and the values that several of them hold."""

from typing import Annotated

import msgspec

Requires = Annotated[str, msgspec.Meta(extra_json_schema={"examples": [">=8.0", "<8,>=7", "starlette>=1.0"]})]
Argument = int | str  # a position, or the name of a keyword argument; "*" is any


class Table(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab", kw_only=True, omit_defaults=True, gc=False
):
    """A table, or one of an array of tables. An unknown key or a wrong value is refused."""
