"""The models against the libraries themselves, as far as those are installed.

Every name must exist, every method and `with` too, what is a coroutine must be awaited, and parameters must have the
names, positions and defaults that the models give them. A library that is not installed is skipped; the standard
library is always there. What holds for other versions than the installed one (`requires`) is left out.

`pip install -e ".[libraries]"` installs what most models describe; the large ones are a group of their own,
`libraries-heavy`, and carry the marker `heavy`.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import os
import platform
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from packaging.specifiers import SpecifierSet

from pooclint.models import Call, External, Library, ModelFile, Parameter, Type, parse_release

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PACK = Path(__file__).resolve().parents[1] / "rules" / "pooclint_rules"
PATHS = sorted(PACK.glob("libraries/*.toml")) + sorted(PACK.glob("frameworks/*.toml"))
STANDARD = ("sqlite3", "python", "sockets", "asyncio_streams")
MISSING = object()

# Names of other versions than the newest: right where an older or a newer release is installed, absent here. A name
# that is gone says its version itself, and needs no `requires`.
OTHER_VERSIONS = frozenset(
    [
        # aiopg.sa needs SQLAlchemy below 2; prisma generates its client.
        "aiopg.sa.Engine",
        "aiopg.sa.engine.Engine",
        "aiopg.sa.SAConnection",
        "aiopg.sa.connection.SAConnection",
        "aiopg.sa.create_engine",
        "aiopg.sa.engine.create_engine",
        # Of aioredis 1.x.
        "aioredis.commands.Redis",
        "aioredis.commands.create_redis",
        "aioredis.commands.create_redis_pool",
        "aioredis.connection.RedisConnection",
        "aioredis.connection.create_connection",
        "aioredis.create_connection",
        "aioredis.create_pool",
        "aioredis.create_redis",
        "aioredis.create_redis_pool",
        "aioredis.ConnectionsPool",
        "aioredis.RedisConnection",
        "aioredis.pool.ConnectionsPool",
        "aioredis.pool.create_pool",
        "prisma.client.Prisma",
        "sqlalchemy.orm.Query.from_self",
        "sqlalchemy.orm.Query.select_entity_from",
        "sqlalchemy.orm.Query.with_polymorphic",
        "mistralai.Mistral",
        "duckdb.duckdb.DuckDBPyConnection",
        "mysql.connector.CMySQLConnection",
        "mysql.connector.connection_cext.CMySQLConnection",
        "mcp.server.fastmcp.FastMCP",
        "mcp.server.fastmcp.server.FastMCP",
        "mcp.server.lowlevel.Server.call_tool",
        "mcp.server.lowlevel.Server.list_tools",
        "mcp.server.lowlevel.Server.read_resource",
        "mcp.server.lowlevel.Server.get_prompt",
        "flask.Flask.before_first_request",
        "flask_sqlalchemy.SQLAlchemy.create_scoped_session",
        "flask_sqlalchemy.SQLAlchemy.create_session",
        "celery.task",
        "celery.task.PeriodicTask",
        "celery.task.Task",
        "celery.task.periodic_task",
        "celery.task.task",
        "celery.task.base.PeriodicTask",
        "celery.task.base.Task",
        "celery.task.base.periodic_task",
        "celery.task.base.task",
        "celery.decorators.periodic_task",
        "celery.decorators.task",
        "fastapi.FastAPI.route",
        "starlette.applications.Starlette.route",
        "starlette.applications.Starlette.websocket_route",
        "starlette.applications.Starlette.middleware",
        "starlette.applications.Starlette.exception_handler",
        "starlette.applications.Starlette.on_event",
        "starlette.applications.Starlette.add_event_handler",
        "starlette.applications.Starlette.add_websocket_route",
        "starlette.routing.Router.route",
        "starlette.routing.Router.websocket_route",
        "starlette.routing.Router.middleware",
        "starlette.routing.Router.exception_handler",
        "starlette.routing.Router.on_event",
        "starlette.routing.Router.add_event_handler",
    ]
)
# Classes whose methods exist on instances only (proxies, generated clients).
DYNAMIC = frozenset(
    {
        "aiogram.Router",
        "aiohttp.web.Application~signal",
        "asyncio.Condition",
        "blacksheep.Application",
        "botocore.client.BaseClient",
        "ccxt.Exchange",
        "ccxt.async_support.Exchange",
        "dbutils.pooled_db.PooledDedicatedDBConnection",
        "dbutils.simple_pooled_db.PooledDB",
        "dbutils.simple_pooled_db.PooledDBConnection",
        "ldap3.Connection",
        "ncclient.manager.Manager",
        "django.db.backends.utils.CursorWrapper",
        "psycopg2.pool.AbstractConnectionPool",
        "psycopg2cffi.pool.AbstractConnectionPool",
        "sqlalchemy.PoolProxiedConnection",
        "web3.eth.AsyncEth",
        "web3.eth.Eth",
    }
)
# Their `with` is inherited, and calls a close() that is a coroutine here.
WITHOUT_WITH = frozenset({"sqlalchemy.ext.asyncio.AsyncResult"})
# Else it fetches a file from the network when it is imported.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")


# Large, or slow to import.
HEAVY = frozenset(
    {
        "airflow", "azure_servicebus", "cassandra", "ccxt", "chromadb", "confluent_kafka", "duckdb", "firebase_admin",
        "fireworks", "google_cloud_bigquery", "google_cloud_bigquery_storage", "google_genai", "google_generativeai",
        "huggingface_hub", "langchain_core", "litellm", "openai", "pymilvus", "snowflake", "streamlit", "temporalio",
        "twilio", "weaviate", "web3", "yfinance",
    }
)  # fmt: skip


def version_of(library: Library) -> str:
    """The installed version of the library; none where its distribution is not installed."""
    if library.version.startswith("CPython"):
        return platform.python_version()
    try:
        return importlib.metadata.version(library.package or library.name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def read(path: Path) -> ModelFile:
    """The file without what holds for other versions than the installed one."""
    file = msgspec.convert(tomllib.loads(path.read_text("utf-8")), ModelFile)
    version = version_of(file.library)

    def holds(requires: str) -> bool:
        return not version or SpecifierSet(requires).contains(version, prereleases=True)

    return msgspec.structs.replace(
        file,
        type=tuple(each for each in file.type if holds(each.requires)),
        call=tuple(each for each in file.call if holds(each.requires)),
        external=tuple(each for each in file.external if holds(each.requires)),
        scope=tuple(each for each in file.scope if holds(each.requires)),
        dependency=tuple(each for each in file.dependency if holds(each.requires)),
    )


def imported(module: str) -> object:
    """The module; MISSING where there is none, None where it cannot be imported without a configuration."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(module)
    except ImportError:
        return MISSING
    except Exception:  # noqa: BLE001 - whatever a library raises when it is imported
        return None


def attribute(owner: object, name: str) -> object:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return getattr(owner, name, MISSING)
    except Exception:  # noqa: BLE001 - a lazy object that needs a configuration: it exists
        return None


def resolve(qualified: str) -> object:
    """The object of that name, or MISSING."""
    parts = qualified.partition("~")[0].split(".")
    for end in range(len(parts), 0, -1):
        found = imported(".".join(parts[:end]))
        if found is MISSING:
            continue
        if found is None:
            return None
        for part in parts[end:]:
            found = attribute(found, part)
            if found is MISSING or found is None:
                return found
        return found
    return MISSING


def is_installed(name: str) -> bool:
    root, _, rest = name.partition(".")
    if name in OTHER_VERSIONS:
        return False
    module = imported(root)
    if getattr(module, "__file__", "") is None:  # a namespace that several distributions share
        return imported(f"{root}.{rest.split('.')[0]}") is not MISSING
    return module is not MISSING


def installed(names: list[str]) -> list[str]:
    """Those of the names whose library is installed."""
    return [name for name in names if is_installed(name)]


def class_of(type_name: str) -> type | None:
    found = resolve(type_name) if installed([type_name]) else None
    return found if isinstance(found, type) else None


def names_of(file: ModelFile) -> list[str]:
    names = [name for type_ in file.type for name in (type_.name, *type_.aliases)]
    names += [name for call in file.call for name in call.names]
    names += [name for external in file.external for name in external.names]
    names += [name for scope in file.scope for name in (*scope.decorators, *scope.bases, *scope.parameters.values())]
    names += [name for dependency in file.dependency for name in dependency.names]
    names += [name for teardown in file.teardown for name in teardown.decorators]
    names += [call.implicit for call in file.call if call.implicit]
    return [*names, *file.library.errors, *file.library.cancellations]


def methods_of(file: ModelFile) -> Iterator[tuple[str, str]]:
    """Pairs of a type and a method that it should have."""
    for type_ in file.type:
        releases = [w.name for w in map(parse_release, type_.release) if w.target == "self" and not w.through]
        for method in (*type_.reads_to_end, *type_.checks_out, *type_.checks_in, *type_.cannot_raise, *releases):
            yield type_.name, method
    for call in file.call:
        for release in call.release or ():
            if "$." in release and call.returns:
                yield call.returns, release.partition("$.")[2].partition("(")[0]
            if "@." in release:
                yield from ((owner, release.partition("@.")[2].partition("(")[0]) for owner in call.on)
    for entry in (*file.call, *file.external, *file.scope):
        for owner in entry.on:
            for method in entry.methods:
                yield owner, method


def parameters_of(call: Call) -> Iterator[Parameter]:
    if call.size is not None:
        yield from (each for each in (call.size.max, call.size.min, call.size.overflow) if each is not None)
    yield from call.timeouts.values()


def signature_of(function: object) -> dict[str, inspect.Parameter]:
    """The parameters of a function; none for what is written in C, without a signature."""
    try:
        return dict(inspect.signature(function).parameters)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return {}


def functions_of(entry: Call | External) -> Iterator[tuple[str, object]]:
    """The functions and methods that an entry is about, as far as they are installed."""
    for name in installed(list(entry.names)):
        yield name, resolve(name)
    for owner in entry.on:
        class_ = class_of(owner)
        yield from ((f"{owner}.{m}", attribute(class_, m)) for m in entry.methods if class_ and owner not in DYNAMIC)


def keywords_of(call: Call) -> Iterator[str]:
    """The parameters that an entry names without saying more of them."""
    arguments = (
        *call.owned_by,
        *call.keeps,
        *call.enters,
        *call.releases,
        *call.passes,
        *call.calls,
        *call.shares,
        *call.derived_from,
        *call.lent_to,
        *call.gives,
        *call.typed_by,
    )
    yield from (argument for argument in arguments if isinstance(argument, str) and argument != "*")
    yield from (*call.only_if, *call.unless, *call.idle)
    others = (argument for idle in call.idle.values() for argument in (*idle.given, *idle.unless))
    yield from (argument for argument in (*others, *call.given) if isinstance(argument, str) and argument != "*")


def lacks_keyword(function: object, keyword: str) -> bool:
    known = signature_of(function)
    open_ended = any(each.kind in (each.VAR_KEYWORD, each.VAR_POSITIONAL) for each in known.values())
    return bool(known) and not open_ended and keyword not in known


def is_coroutine_function(function: object) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(inspect.unwrap(function))  # type: ignore[arg-type]


def wrong_parameter(name: str, function: object, parameter: Parameter) -> str | None:
    """What the signature of a function says against a parameter of its model."""
    known = signature_of(function)
    if inspect.isfunction(function) and next(iter(known), "") == "self":
        del known["self"]
    if not known:
        return None
    if parameter.param not in known:
        open_ended = any(each.kind in (each.VAR_KEYWORD, each.VAR_POSITIONAL) for each in known.values())
        return None if open_ended else f"{name} has no {parameter.param}"
    real = known[parameter.param]
    keyword_only = real.kind is real.KEYWORD_ONLY
    position = -1 if keyword_only else list(known).index(parameter.param)
    # Nobody passes the fifth argument by its position, nor a timeout.
    sized = position < 4 and parameter.unit == ""
    if parameter.position != position and (sized or parameter.position != -1):
        return f"{name}: {parameter.param} is at {position}, not {parameter.position}"
    if parameter.required != (real.default is real.empty):
        return f"{name}: {parameter.param} is required: {real.default is real.empty}"
    plain = isinstance(real.default, (int, float, str))
    if plain and real.default != parameter.default:
        return f"{name}: {parameter.param} is {real.default!r} by default, not {parameter.default!r}"
    return None


def wrong_with(type_: Type, class_: type) -> bool:
    """True when a form that the model allows is not there, or it allows none although there is one."""
    sync, asynchronous = hasattr(class_, "__enter__"), hasattr(class_, "__aenter__")
    if type_.with_form == "none":
        return (sync or asynchronous) and "~" not in type_.name
    return (type_.with_form != "async" and not sync) or (type_.with_form != "sync" and not asynchronous)


FILES = {path: read(path) for path in PATHS}
each_file = pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=pytest.mark.heavy if path.stem in HEAVY else (), id=path.stem) for path in PATHS],
)


def skip_unless_installed(path: Path) -> None:
    if path.stem in STANDARD and sys.version_info < (3, 11):
        pytest.skip("the standard library's models name what 3.11 added")
    if path.stem not in STANDARD and not installed(names_of(FILES[path])):
        pytest.skip("not installed")


@each_file
def test_names_exist(path: Path) -> None:
    skip_unless_installed(path)
    assert [name for name in installed(names_of(FILES[path])) if resolve(name) is MISSING] == []


@each_file
def test_methods_exist(path: Path) -> None:
    skip_unless_installed(path)
    pairs = [
        (class_of(owner), owner, method)
        for owner, method in methods_of(FILES[path])
        if method not in ("", "*") and owner not in DYNAMIC and f"{owner}.{method}" not in OTHER_VERSIONS
    ]
    assert [f"{owner}.{method}" for class_, owner, method in pairs if class_ and not hasattr(class_, method)] == []


@each_file
def test_the_kinds_of_with_are_right(path: Path) -> None:
    skip_unless_installed(path)
    pairs = [
        (type_, class_of(type_.name))
        for type_ in FILES[path].type
        if type_.kind != "app" and type_.name not in WITHOUT_WITH
    ]
    assert [type_.name for type_, class_ in pairs if class_ and wrong_with(type_, class_)] == []


@each_file
def test_releases_that_are_coroutines_are_awaited(path: Path) -> None:
    skip_unless_installed(path)
    releases = [
        (type_.name, release.partition("$.")[2].partition("(")[0])
        for type_ in FILES[path].type
        for release in type_.release
        if not release.startswith("await ") and release.replace("$.", "await $.", 1) not in type_.release
    ]
    pairs = [(owner, getattr(class_of(owner), method, None)) for owner, method in releases]
    assert [owner for owner, method in pairs if inspect.iscoroutinefunction(method)] == []


@each_file
def test_what_is_a_coroutine_is_awaited(path: Path) -> None:
    skip_unless_installed(path)
    entries = [call for call in FILES[path].call if call.awaited == "no" and call.returns]
    entries += [external for external in FILES[path].external if external.io == "blocking"]
    functions = [pair for entry in entries for pair in functions_of(entry)]
    assert [name for name, function in functions if callable(function) and is_coroutine_function(function)] == []


@each_file
def test_parameters_are_right(path: Path) -> None:
    skip_unless_installed(path)
    wrong = {
        wrong_parameter(name, function, parameter)
        for call in FILES[path].call
        for name, function in functions_of(call)
        for parameter in parameters_of(call)
    }
    assert sorted(wrong - {None}, key=str) == []


@each_file
def test_other_parameters_exist(path: Path) -> None:
    skip_unless_installed(path)
    wrong = {
        f"{name} has no {keyword}"
        for call in FILES[path].call
        for name, function in functions_of(call)
        for keyword in keywords_of(call)
        if lacks_keyword(function, keyword)
    }
    assert sorted(wrong) == []
