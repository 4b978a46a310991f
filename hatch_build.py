"""Puts the models into the wheel in compiled form as well: the first run on a machine is then as quick as the next."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent


class CompiledModels(BuildHookInterface):  # type: ignore[type-arg]
    """Adds `pooclint_rules/models.msgpack`. An editable installation has none: its TOML files change."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compiles the models of this checkout."""
        if version == "editable":
            return
        sys.path.insert(0, str(ROOT / "linter"))
        from pooclint.models.compiled import key_of, write_compiled
        from pooclint.models.loading import model_files, parse_model

        paths = model_files(ROOT / "rules" / "pooclint_rules")
        texts = [path.read_bytes() for path in paths]
        self._folder = tempfile.TemporaryDirectory()
        compiled = Path(self._folder.name) / "models.msgpack"
        files = [parse_model(text, str(path)) for text, path in zip(texts, paths, strict=True)]
        write_compiled(compiled, key_of(texts), files)
        build_data["force_include"][str(compiled)] = "pooclint_rules/models.msgpack"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Removes what was written on the way."""
        if version != "editable":
            self._folder.cleanup()
