"""One module a format."""

from __future__ import annotations

from importlib import import_module

from pooclint.report.common import Reporter

FORMATS = {
    "text": "text",
    "concise": "concise",
    "json": "json_format",
    "sarif": "sarif",
    "github": "github",
}
"""Names of formats, and the modules that render them."""


def reporter(name: str) -> Reporter:
    """The renderer of a format.

    Raises:
        KeyError: there is no such format.
    """
    render: Reporter = import_module(f"{__name__}.{FORMATS[name]}").render
    return render
