"""The wheel that users install: it has the models in compiled form too, the same as in the TOML files beside them."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from console import ROOT
from pooclint.models import compiled
from pooclint.models.loading import load_model_file, model_files


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_compiled_models_are_those_of_the_files(unpacked: Path) -> None:
    paths = model_files(unpacked / "pooclint_rules")
    key = compiled.key_of([path.read_bytes() for path in paths])
    files = compiled.read_compiled(unpacked / "pooclint_rules" / "models.msgpack", key)
    assert files is not None
    assert [repr(file) for file in files] == [repr(load_model_file(path)) for path in paths]


def test_the_installed_package_reads_them(unpacked: Path, tmp_path: Path) -> None:
    """Without a cache and without TOML to fall back on."""
    program = (
        "import pooclint.models.loading as loading; from pooclint.packs import bundled_models;"
        "loading.parse_model = None; print(len(bundled_models()))"
    )
    env = {**os.environ, "PYTHONPATH": str(unpacked), "POOCLINT_CACHE_DIR": ""}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) == len(model_files(unpacked / "pooclint_rules"))
