"""Release notation: `"$.close()"`, `"await $.api_client.close()"`, `"await @.release($)"`, `"app.db.checkin($)"`.

``$`` is the resource, ``@`` the object it was acquired from, a leading ``await`` says that the release is a coroutine.
"""

import re
from typing import Annotated, Literal

import msgspec

# The code says more about a mistake than a pattern can; the pattern is for editors.
ReleaseText = Annotated[
    str,
    msgspec.Meta(
        extra_json_schema={
            "pattern": r"^(await )?(\$(\.\w+){1,2}\(\)|@\.\w+\(\$\)|[\w.]+\(\$\))$",
            "examples": ["$.close()", "await $.aclose()", "@.putconn($)", "app.db.checkin($)"],
        }
    ),
]


class Release(msgspec.Struct, frozen=True):
    """One parsed way to release a resource."""

    target: Literal["self", "part", "owner", "function"]
    name: str
    """The method's name, or the function's qualified name."""
    awaited: bool
    through: str = ""
    """Of a part: the attribute whose method it is."""

    def __str__(self) -> str:
        owner = {"self": "$.", "part": f"$.{self.through}.", "owner": "@.", "function": ""}[self.target]
        argument = "" if self.target in ("self", "part") else "$"
        return f"{'await ' if self.awaited else ''}{owner}{self.name}({argument})"


_RELEASE = re.compile(r"(await )?(?:(\$|@)(?:\.(\w+))?\.(\w+)\((\$)?\)|([\w.]+)\(\$\))")


def parse_release(text: str) -> Release:
    """Parse release notation.

    Raises:
        ValueError: the text is not in the notation.
    """
    match = _RELEASE.fullmatch(text.strip())
    wrong = match is None or (match[2] == "@" and (match[3] or not match[5])) or (match[2] == "$" and match[5])
    if match is None or wrong:
        raise ValueError(f'{text!r} is not a release: write "$.close()", "await @.release($)" or "package.function($)"')
    awaited = bool(match[1])
    if match[6]:
        return Release("function", match[6], awaited)
    if match[3]:
        return Release("part", match[4], awaited, match[3])
    return Release("self" if match[2] == "$" else "owner", match[4], awaited)
