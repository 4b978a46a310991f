"""Small real distributions: a wheel made from a project's folder, installed by pip without an index."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def install(project: Path, target: Path) -> None:
    """Builds the project and installs it into a folder for `PYTHONPATH`."""
    wheel = build(project, target.parent)
    options = ["--no-deps", "--no-index", "--disable-pip-version-check", "--quiet", "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(wheel)], check=True, capture_output=True)


def build(project: Path, folder: Path) -> Path:
    """A wheel of a pure Python project, as its `pyproject.toml` describes it. No build backend is needed."""
    table = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))
    name, version = table["project"]["name"].replace("-", "_"), table["project"]["version"]
    info = f"{name}-{version}.dist-info"
    files = {
        path.relative_to(project).as_posix(): path.read_bytes()
        for package in table["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
        for path in sorted((project / package).rglob("*"))
        if path.is_file()
    }
    groups = table["project"].get("entry-points", {})
    points = "".join(
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in known.items())
        for group, known in groups.items()
    )
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{info}/entry_points.txt"] = points.encode()
    record = "".join(f"{path},sha256={_hash(data)},{len(data)}\n" for path, data in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    return wheel


def _hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
