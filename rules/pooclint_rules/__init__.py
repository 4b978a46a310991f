"""The bundled rules and the models of the libraries and frameworks they ask about.

What is only asked for the codes of the rules, or for models, does not wait for LibCST, which the rules import.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pooclint.models.loading import model_files

if TYPE_CHECKING:
    from pooclint_rules.pack import RULES as RULES

CODES = (
    "CNX101", "CNX102", "CNX103", "CNX104", "CNX105", "CNX106", "CNX107", "CNX108", "CNX109", "CNX110",
    "CNX111", "CNX112", "CNX113", "CNX121", "CNX122", "CNX123", "CNX124", "CNX125", "CNX126", "CNX127", "CNX128",
    "CNX201", "CNX202", "CNX203", "CNX204", "CNX205", "CNX206",
    "CNX301", "CNX302", "CNX303", "CNX304", "CNX305", "CNX306", "CNX307",
    "CNX401", "CNX402", "CNX403", "CNX404", "CNX405", "CNX406", "CNX407",
    "CNX501", "CNX502", "CNX503", "CNX504",
    "CNX601", "CNX602",
    "CNX701", "CNX702",
)  # fmt: skip
"""The codes of the rules."""


def __getattr__(name: str) -> Any:
    """`RULES`, when somebody asks for them."""
    if name != "RULES":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pooclint_rules.pack import RULES

    return RULES


COMPILED_MODELS = Path(__file__).parent / "models.msgpack"
"""The same models as the build of the distribution parsed them; absent in a checkout."""


def MODEL_FILES() -> list[Path]:
    """Paths of the bundled library and framework models."""
    return model_files(Path(__file__).parent)


def SERVER_FILES() -> list[Path]:
    """Paths of the bundled models of server programs, database servers and poolers."""
    return sorted((Path(__file__).parent / "servers").glob("*.toml"))
