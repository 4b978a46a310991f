"""Where settings come from, and what is said about mistakes in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from pooclint.config import (
    ConfigError,
    ConfigFinder,
    Overrides,
    Resource,
    Settings,
    override,
    read_settings,
)
from pooclint.models import load_models
from pooclint.models.own import resource_model
from pooclint.toml_lines import line_of


def codes(_packs: Sequence[str] = ()) -> tuple[str, ...]:
    return ("CNX001", "CNX101", "CNX102", "CNX201")


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_every_documented_key_is_read(tmp_path: Path) -> None:
    file = write(
        tmp_path / "pyproject.toml",
        """\
[project]
name = "shop"
[tool.pooclint]
select = ["CNX"]
extend-select = ["CNX2"]
ignore = ["CNX102"]
exclude = ["migrations/"]
extend-exclude = ["generated/"]
exclude-tests = true
min-severity = "info"
min-confidence = "low"
max-pool-size = 40
max-acquire-timeout = 5
[tool.pooclint.per-file-ignores]
"scripts/*.py" = ["CNX101"]
[tool.pooclint.budget]
max-connections = 100
reserved = 10
instances = 4
workers = 2
[tool.pooclint.pooler]
mode = "transaction"
[[tool.pooclint.resource]]
acquire = "app.db.checkout"
release = ["app.db.checkin($)", "$.close()"]
kind = "connection"
with-releases = true
""",
    )
    settings = read_settings(file, codes)
    assert settings is not None
    assert settings.select == ("CNX",)
    assert settings.max_pool_size == 40
    assert settings.max_acquire_timeout == 5.0
    assert settings.per_file_ignores == {"scripts/*.py": ("CNX101",)}
    assert settings.budget is not None
    assert settings.budget.instances == 4
    assert settings.pooler is not None
    assert settings.resource == (
        Resource(acquire="app.db.checkout", release=("app.db.checkin($)", "$.close()"), with_releases=True),
    )


@pytest.mark.parametrize(
    ("body", "line", "says"),
    [
        ("selct = []", 2, "unknown key `selct`; did you mean `select`?"),
        ("max_pool_size = 3", 2, "unknown key `max_pool_size`; did you mean `max-pool-size`?"),
        ('ignore = []\nselect = "CNX"', 3, "select: expected array, got str"),
        ("max-pool-size = 0", 2, "max-pool-size: expected int >= 1"),
        ("exclude-tests = 1", 2, "exclude-tests: expected bool, got int"),
        ('min-severity = "warn"', 2, "min-severity: invalid enum value 'warn'"),
        ('select = ["CNX101", "CNX109"]', 2, "select: unknown code `CNX109`; did you mean `CNX10"),
        ('select = [\n    "CNX101",\n    "cnx102",\n]', 4, "unknown code `cnx102`; did you mean `CNX102`?"),
        ('[tool.pooclint.per-file-ignores]\n"a.py" = ["X"]', 3, "per-file-ignores: unknown code `X`"),
        (
            '[tool.pooclint.per-file-ignores]\n"a.py" = ["CNX1"]\n"b.py" = "CNX1"',
            4,
            "per-file-ignores.b.py: expected array",
        ),
        ("[tool.pooclint.budget]\nworker = 2", 3, "unknown key `budget.worker`; did you mean `workers`?"),
        ('[tool.pooclint.pooler]\nmode = "none"', 3, "pooler.mode: invalid enum value 'none'"),
        (
            '[[tool.pooclint.resource]]\nacquire = "a.b"\n\n[[tool.pooclint.resource]]\naquire = "a.b"',
            6,
            "unknown key `resource[2].aquire`; did you mean `acquire`?",
        ),
        ("[[tool.pooclint.resource]]\nrelease = []", 2, "needs the key `acquire`"),
        ("pooler = {mode = 'x'}", 2, "pooler.mode: invalid enum value 'x'"),
    ],
)
def test_mistakes_name_file_line_and_spelling(tmp_path: Path, body: str, line: int, says: str) -> None:
    file = write(tmp_path / "pyproject.toml", f"[tool.pooclint]\n{body}\n")
    with pytest.raises(ConfigError) as caught:
        read_settings(file, codes)
    text = str(caught.value)
    assert text.startswith(f"{file}:{line}: "), text
    assert says in text


def test_broken_toml_names_the_line(tmp_path: Path) -> None:
    file = write(tmp_path / "pooclint.toml", "select = []\nignore = [\n")
    with pytest.raises(ConfigError, match=r"pooclint\.toml:\d: is not valid TOML"):
        read_settings(file, codes)


def test_the_closest_file_holds_and_others_are_not_merged(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", "[tool.pooclint]\nmax-pool-size = 1\nignore = ['CNX101']\n")
    write(tmp_path / "inner" / "pyproject.toml", "[project]\nname = 'x'\n")
    write(tmp_path / "inner" / "deep" / ".pooclint.toml", "max-pool-size = 3\n")
    finder = ConfigFinder(codes)
    assert finder.for_folder(tmp_path / "inner").settings.max_pool_size == 1
    deep = finder.for_folder(tmp_path / "inner" / "deep" / "er")
    assert deep.settings.max_pool_size == 3
    assert deep.settings.ignore == ()
    assert deep.root == tmp_path / "inner" / "deep"
    # Found once, remembered for the folders in between.
    assert finder.for_folder(tmp_path / "inner" / "deep") is deep


def test_isolated_and_config(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", "[tool.pooclint]\nmax-pool-size = 1\n")
    other = write(tmp_path / "other" / "ci.toml", "max-pool-size = 7\n")
    assert ConfigFinder(codes, isolated=True).for_folder(tmp_path).settings.max_pool_size == 20
    assert ConfigFinder(codes, file=other).for_folder(tmp_path).settings.max_pool_size == 7
    with pytest.raises(ConfigError, match="cannot be read"):
        ConfigFinder(codes, file=tmp_path / "absent.toml")


def test_a_selection_on_the_command_line_starts_afresh() -> None:
    settings = Settings(select=("CNX1",), ignore=("CNX102",), extend_select=("CNX2",), min_severity="info")
    fresh = override(settings, Overrides(select=("CNX",)))
    assert (fresh.select, fresh.ignore, fresh.extend_select) == (("CNX",), (), ())
    added = override(settings, Overrides(ignore=("CNX101",), exclude=("x/",)))
    assert added.select == ("CNX1",)
    assert added.ignore == ("CNX102", "CNX101")
    assert added.extend_exclude == ("x/",)
    assert added.min_severity == "info"


def test_a_resource_becomes_a_model() -> None:
    model = resource_model(Resource(acquire="app.db.checkout", release=("app.db.checkin($)",)))
    assert model.call[0].names == ("app.db.checkout",)
    assert model.call[0].acquires
    assert model.type[0].release == ("app.db.checkin($)",)
    assert (model.type[0].exit, model.call[0].awaited) == ("releases", "no")
    assert "app" in model.library.imports
    load_models([], [model])
    model = resource_model(Resource(acquire="app.db.checkout", release=("await $.close()",), with_releases=False))
    assert (model.type[0].exit, model.call[0].awaited) == ("keeps-open", "may")
    assert resource_model(Resource(acquire="app.db.checkout", is_async=True)).call[0].awaited == "may"


def test_lines_of_keys() -> None:
    text = "a = 1\n[x.y]\nb = 2\n'c d' = 3\n[[z]]\nk = 1\n[[z]]\nk = 2\nlist = [\n  'one',\n  'two',\n]\n"
    assert line_of(text, ("a",)) == 1
    assert line_of(text, ("x", "y", "b")) == 3
    assert line_of(text, ("x", "y", "c d")) == 4
    assert line_of(text, ("z", 0, "k")) == 6
    assert line_of(text, ("z", 1, "k")) == 8
    assert line_of(text, ("z", 1, "list", "two")) == 11
    assert line_of(text, ("nowhere",)) == 1
