"""What expressions are worth before the program runs, and where their figures come from."""

from __future__ import annotations

from pathlib import Path

import libcst as cst
import pytest

from pooclint.config import Config, Settings
from pooclint.engine import Limits, open_project
from pooclint.models import Models, Parameter
from pooclint.packs import models_of
from pooclint.program.constants import Constant, Constants, Worth
from pooclint.program.consulted import WHOLE, Use
from pooclint.program.parameters import parameter_of
from pooclint.program.scopes import Index
from pooclint.rule import Severity
from pooclint.run.check import Checker
from pooclint.source.nodes import descendants

MODELS = Models(models_of(Config(settings=Settings(), root=Path.cwd())))
MAIN = "app/main.py"
POOL_SIZE = Parameter(param="pool_size", position=1, url="pool_size")


def opened(tmp_path: Path, main: str, **others: str) -> tuple[Constants, Index]:
    """The module `app.main` of a project with other modules beside it."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "app").mkdir()
    for name, text in {"__init__": "", **others}.items():
        (tmp_path / f"app/{name}.py").write_text(text, encoding="utf-8")
    path = tmp_path / MAIN
    path.write_text(main, encoding="utf-8")
    project = open_project((), MODELS, Limits())
    index = project.modules.checked(str(path), path.read_bytes())
    assert isinstance(index, Index)
    return Constants(project.names), index


def value_of(tmp_path: Path, main: str, **others: str) -> Constant | None:
    """What `x`, the last name that is bound in the module, is worth."""
    constants, index = opened(tmp_path, main, **others)
    value = index.scope.bindings["x"][-1].value
    assert value is not None
    return constants.constant(value, index.scope)


def given(tmp_path: Path, main: str, **others: str) -> Worth:
    """What the last call of `make` in the module gives the parameter."""
    constants, index = opened(tmp_path, main, **others)
    calls = [
        n
        for n in descendants(index.module)
        if isinstance(n, cst.Call) and isinstance(n.func, cst.Name) and n.func.value == "make"
    ]
    return parameter_of(calls[-1], POOL_SIZE, index.scope, constants)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x = 20", 20),
        ("x = -1", -1),
        ("x = 2 * 10 + 4 // 2 - 2 ** 3", 14),
        ("x = 10 % 4", 2),
        ("SIZE = 20\nx = SIZE", 20),
        ("A = 5\nB = A * 2\nx = B", 10),
        ("if DEBUG:\n    SIZE = 5\nx = SIZE", 5),
        ("x = 'post' 'gres' + 'ql'", "postgresql"),
        ("HOST = 'db'\nx = f'postgresql://{HOST}/shop'", "postgresql://db/shop"),
        ("x = int('20')", 20),
        ("x = float(2)", 2.0),
        ("OPTIONS = {'pool': {'size': 3}, 'max': 9}\nx = OPTIONS['max']", 9),
        ("OPTIONS = {'max': 9}\nx = OPTIONS.get('max', 5)", 9),
        ("class Config:\n    SIZE = 7\nx = Config.SIZE", 7),
        ("class Base:\n    SIZE = 7\nclass Config(Base):\n    pass\nx = Config.SIZE", 7),
        ("class Config:\n    def __init__(self):\n        self.size = 8\nx = Config().size", 8),
        ("class Config:\n    @property\n    def size(self):\n        return 8\nc = Config()\nx = c.size", 8),
        ("def size():\n    return 6\nx = size()", 6),
    ],
)
def test_written(tmp_path: Path, text: str, value: object) -> None:
    found = value_of(tmp_path, text)
    assert found is not None
    assert (found.value, found.how) == (value, "written")


@pytest.mark.parametrize(
    ("text", "value", "how"),
    [
        ("import os\nx = int(os.environ.get('POOL', '20'))", 20, "environment variable POOL"),
        ("import os\nx = int(os.getenv('POOL', 20)) * 2", 40, "environment variable POOL"),
        ("from os import environ as e\nx = e.get('POOL') or 20", 20, "environment variable POOL"),
        ("from os import environ\nx = int(environ.get('POOL') or 20)", 20, "environment variable POOL"),
        ("import os\nx = int(os.environ['POOL']) if 'POOL' in os.environ else 9", 9, "environment variable POOL"),
        ("import os\nNAME = 'POOL'\nx = int(os.environ.get(NAME, '4'))", 4, "environment variable POOL"),
        ("from decouple import config\nx = config('POOL', default='5', cast=int)", 5, "environment variable POOL"),
        ("from environs import Env\nenv = Env()\nx = env.int('POOL', 5)", 5, "environment variable POOL"),
        ("import environ\nenv = environ.Env()\nx = env('POOL', cast=int, default=5)", 5, "environment variable POOL"),
        ("from starlette.config import Config\nc = Config('.env')\nx = c('POOL', cast=int, default=5)", 5,
         "environment variable POOL"),
        ("OPTIONS = {'max': 9}\nx = OPTIONS.get('min', 5)", 5, "'min'"),
        ("from pydantic_settings import BaseSettings as B\nclass S(B):\n    size: int = 5\ns = S()\nx = s.size", 5,
         "field S.size"),
        ("from pydantic import BaseModel as M, Field\nclass S(M):\n    size: int = Field(5, ge=1)\nx = S().size", 5,
         "field S.size"),
        ("from pydantic import BaseModel as M, Field\nclass S(M):\n    size: int = Field(default=5)\nx = S().size", 5,
         "field S.size"),
        ("from dataclasses import dataclass as d, field\n@d\nclass S:\n    size: int = field(default=6)\nx = S().size",
         6, "field S.size"),
        ("import os\nclass S:\n    SIZE = int(os.getenv('POOL', '3'))\nx = S.SIZE", 3, "environment variable POOL"),
    ],
)  # fmt: skip
def test_defaults(tmp_path: Path, text: str, value: object, how: str) -> None:
    """What a deployment may override is named."""
    found = value_of(tmp_path, text)
    assert found is not None
    assert (found.value, found.how) == (value, f"default of {how}")


@pytest.mark.parametrize(
    "text",
    [
        "x = size",
        "import os\nx = os.environ['POOL']",
        "import os\nx = int(os.environ.get('POOL'))",
        "x = 5 if DEBUG else 20",
        "SIZE = 5\nSIZE += 1\nx = SIZE",
        "SIZE = 5\nSIZE = 6\nx = SIZE",
        "for SIZE in range(3):\n    pass\nx = SIZE",
        "SIZE = SIZE\nx = SIZE",
        "x = 1 / 0",
        "x = 9 ** 9 ** 9",
        "x = int('many')",
        "import cpus\nx = cpus.count() * 2",
        "def size():\n    if DEBUG:\n        return 1\n    return 2\nx = size()",
        "def size():\n    return size()\nx = size()",
        "class A(A):\n    pass\nx = A.SIZE",
        "OPTIONS = {}\nOPTIONS[name] = 5\nx = OPTIONS['max']",
        "with open(p) as SIZE:\n    pass\nx = SIZE",
        "from pydantic import BaseModel, Field\nclass S(BaseModel):\n    size: int = Field(...)\nx = S().size + 0",
        "from missing import SIZE\nx = SIZE",
        "from .main import x\nx = x",
    ],
)
def test_what_nobody_can_say(tmp_path: Path, text: str) -> None:
    assert value_of(tmp_path, text) is None


@pytest.mark.parametrize(
    ("main", "settings"),
    [
        ("from .settings import SIZE\nx = SIZE", "SIZE = 20"),
        ("from app.settings import SIZE as S\nx = S * 1", "SIZE = 20"),
        ("from app import settings\nx = settings.SIZE", "SIZE = 4 * 5"),
        ("import app.settings\nx = app.settings.SIZE", "SIZE = 20"),
        ("from app.settings import *\nx = SIZE", "SIZE = 20"),
        ("from app import settings as conf\nx = conf.Config.SIZE", "class Config:\n    SIZE = 20"),
        ("from .settings import Config\nx = Config().SIZE", "class Base:\n    SIZE = 20\nclass Config(Base): ..."),
        ("from .settings import OPTIONS\nx = OPTIONS['size']", "OPTIONS = {'size': 20}"),
        ("from .settings import size\nx = size()", "def size():\n    return 20"),
    ],
)
def test_other_modules(tmp_path: Path, main: str, settings: str) -> None:
    """The figure is found where it is written."""
    found = value_of(tmp_path, main, settings=settings)
    assert found is not None
    assert (found.value, found.how) == (20, "written")
    assert found.place.module.origin.path == str(tmp_path / "app/settings.py")


SETTINGS = """
from functools import lru_cache
from pydantic import Field
from pydantic_settings import BaseSettings

class Database(BaseSettings):
    size: int = Field(20, env="POOL")

class Settings(BaseSettings):
    database: Database = Field(default_factory=Database)
    size: int = 20

settings = Settings()

@lru_cache
def get_settings() -> Settings:
    return Settings()
"""


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("from .settings import settings\nx = settings.size", "Settings.size"),
        ("from .settings import get_settings\nx = get_settings().size", "Settings.size"),
        ("from .settings import get_settings\ns = get_settings()\nx = s.database.size", "Database.size"),
        ("from . import settings as s\nx = s.settings.size", "Settings.size"),
        ("from .settings import Settings\ndef f(s: Settings):\n    global x\n    x = s.size", "Settings.size"),
    ],
)
def test_settings_of_another_module(tmp_path: Path, text: str, field: str) -> None:
    constants, index = opened(tmp_path, text, settings=SETTINGS)
    node, scope = next(
        (n.value, s)
        for s in [*(f.scope for f in index.functions.values()), index.scope]
        for n in descendants(index.module)
        if isinstance(n, cst.Assign) and "x" in s.bindings and s.bindings["x"] and s.bindings["x"][-1].node is n
    )
    found = constants.constant(node, scope)
    assert found is not None
    assert (found.value, found.how) == (20, f"default of field {field}")


def test_what_the_constructor_is_given_goes_before_the_default(tmp_path: Path) -> None:
    text = "from .settings import Settings\ns = Settings(size=4)\nx = s.size"
    found = value_of(tmp_path, text, settings=SETTINGS)
    assert found is not None
    assert (found.value, found.how) == (4, "written")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("make(url, pool_size=5)", 5),
        ("make(url, 5)", 5),
        ("OPTIONS = {'pool_size': 5}\nmake(url, **OPTIONS)", 5),
        ("OPTIONS = dict(pool_size=5)\nmake(url, echo=True, **OPTIONS)", 5),
        ("BASE = {'pool_size': 9}\nmake(url, **{**BASE, 'pool_size': 5})", 5),
        ("BASE = {'pool_size': 5}\nmake(url, **{**BASE, 'echo': True})", 5),
        ("BASE = {'pool_size': 5}\nmake(url, **(BASE | {'echo': True}))", 5),
        ("OPTIONS = {}\nif not lite:\n    OPTIONS['pool_size'] = 5\nmake(url, **OPTIONS)", 5),
        ("OPTIONS = {}\nOPTIONS.update(pool_size=5)\nmake(url, **OPTIONS)", 5),
        ("def options():\n    return {'pool_size': 5}\nmake(url, **options())", 5),
        ("make('db://host/name?pool_size=5')", 5),
        ("make(f'db://{user}:{password}@{host}/name?pool_size=5')", 5),
        ("SIZE = 5\nmake(f'db://{host}/name?pool_size={SIZE}')", 5),
        ("make('db://{}/name?pool_size=5'.format(host))", 5),
        ("make('db://host/name?pool_size=5', pool_size=7)", 5),
    ],
)
def test_arguments(tmp_path: Path, text: str, value: int) -> None:
    found = given(tmp_path, text)
    assert found.constant is not None
    assert found.constant.value == value


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("make('db://host/name')", False),
        ("make(f'db://{user}@{host}/name')", False),
        ("make('db://host/name', echo=True)", False),
        ("OPTIONS = {'echo': True}\nmake('db://host', **OPTIONS)", False),
        ("make('db://host', pool_size=size)", True),
        ("make('db://host', **options)", True),
        ("make(*arguments)", True),
        ("make(f'db://{host}/name?{query}')", True),
        ("make(f'db://{rest}')", True),
        ("make(url)", True),
        ("A = {'pool_size': 5}\nB = {'pool_size': 6}\nmake('db://host', **(A if big else B))", True),
        ("def f(**options):\n    make('db://host', **options)", True),
    ],
)
def test_absent_is_told_from_unknown(tmp_path: Path, text: str, unknown: bool) -> None:
    found = given(tmp_path, text)
    assert found.constant is None
    assert (found.given, found.unknown) == (unknown, unknown)


def test_a_dictionary_of_another_module(tmp_path: Path) -> None:
    found = given(
        tmp_path,
        "from .settings import OPTIONS\nmake('db://host', **OPTIONS)",
        settings="SIZE = 5\nOPTIONS = {'echo': False}\nOPTIONS['pool_size'] = SIZE",
    )
    assert found.constant is not None
    assert found.constant.value == 5


PREFIXED = """
from pydantic_settings import BaseSettings, SettingsConfigDict

class S(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="DB_")
    pool: int = 3

x = S().pool
"""


@pytest.mark.parametrize(
    ("text", "variable"),
    [
        ("import os\nx = os.environ['POOL']", "POOL"),
        ("import os\nx = int(os.environ['POOL'])", "POOL"),
        ("import os\nx = int(os.environ.get('POOL', '20'))", "POOL"),
        ("import os\ny = os.getenv('POOL')\nx = y", "POOL"),
        ("import os\ny = int(os.getenv('POOL', 3))\nx = y", "POOL"),
        ("import os\nx = os.getenv('POOL') or 3", "POOL"),
        ("import os\nx = int(os.getenv('POOL', 3)) * 2", ""),
        ("from pydantic_settings import BaseSettings as B\nclass S(B):\n    pool: int\ns = S()\nx = s.pool", "POOL"),
        ("from pydantic_settings import BaseSettings as B\nclass S(B):\n    pool: int = 3\nx = S().pool", "POOL"),
        (PREFIXED, "DB_POOL"),
        ("class S:\n    pool: int = 3\nx = S().pool", ""),
        ("x = 5", ""),
        ("x = x", ""),
    ],
)  # fmt: skip
def test_variables(tmp_path: Path, text: str, variable: str) -> None:
    """Which environment variable decides."""
    constants, index = opened(tmp_path, text)
    value = index.scope.bindings["x"][-1].value
    assert value is not None
    assert constants.variable(value, index.scope) == variable


def test_a_finding_says_where_its_figure_is_from(tmp_path: Path) -> None:
    """Also when only that module changes: the finding rests on it."""
    text = "from sqlalchemy import create_engine\nfrom .settings import SIZE\ne = create_engine('x:', pool_size=SIZE)"
    opened(tmp_path, text, settings="import os\nSIZE = int(os.environ.get('POOL', '64'))")
    main = tmp_path / MAIN
    checker = Checker()
    config = Config(settings=Settings(max_pool_size=30), root=tmp_path)
    (found,) = checker.check_data(main.read_bytes(), MAIN, config, str(main)).findings
    assert (found.code, found.severity) == ("CNX401", Severity.WARNING)
    assert found.message.endswith("more than max-pool-size (30) (default of environment variable POOL)")
    assert [(s.path, s.line, s.text) for s in found.trace] == [
        ("app/settings.py", 2, "64: default of environment variable POOL")
    ]
    rests_on = checker.learned(config).rests[str(main)]
    assert Use(str(tmp_path / "app/settings.py"), "SIZE") in rests_on
    assert Use(str(tmp_path / "app/settings.py"), WHOLE) in rests_on  # it names a line of it
