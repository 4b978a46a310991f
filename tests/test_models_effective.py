"""Defaults that no signature shows, read from the objects that the libraries build.

A signature says `None` where the library fills in a figure of its own. Nothing here connects to anything.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pooclint.models import Call, Parameter, load_models

PACK = Path(__file__).resolve().parents[1] / "rules" / "pooclint_rules"
MODELS = load_models(sorted(PACK.glob("libraries/*.toml")))
Key = tuple[str, str]  # the function, and `max`, `min`, `overflow` or the name of a timeout


def _module(name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(name)
        except ImportError:
            pytest.skip(f"{name} is not installed")


def _redis(library: str, name: str) -> dict[Key, object]:
    module = _module(library)
    client, pool, blocking = getattr(module, name)(), module.ConnectionPool(), module.BlockingConnectionPool()
    return {
        (f"{library}.{name}", "max"): client.connection_pool.max_connections,
        (f"{library}.{name}", "external"): client.connection_pool.connection_kwargs.get("socket_timeout"),
        (f"{library}.ConnectionPool", "max"): pool.max_connections,
        (f"{library}.BlockingConnectionPool", "max"): blocking.max_connections,
        (f"{library}.BlockingConnectionPool", "acquire"): blocking.timeout,
    }


def _mongo() -> dict[Key, object]:
    options = _module("pymongo").MongoClient(connect=False).options
    pool, name = options.pool_options, "pymongo.MongoClient"
    return {
        (name, "max"): pool.max_pool_size,
        (name, "min"): pool.min_pool_size,
        (name, "acquire"): pool.wait_queue_timeout,
        (name, "connect"): pool.connect_timeout * 1000,
        (name, "query"): pool.socket_timeout,
        (name, "idle"): pool.max_idle_time_seconds,
        (name, "external"): options.server_selection_timeout * 1000,
    }


def _oracle() -> dict[Key, object]:
    parameters, name = _module("oracledb").PoolParams(), "oracledb.create_pool"
    return {
        (name, "max"): parameters.max,
        (name, "min"): parameters.min,
        (name, "acquire"): parameters.wait_timeout,
        (name, "connect"): parameters.tcp_connect_timeout,
        (name, "lifetime"): parameters.max_lifetime_session,
        (name, "idle"): parameters.timeout,
    }


def _sqlalchemy() -> dict[Key, object]:
    sqlalchemy, name = _module("sqlalchemy"), "sqlalchemy.create_engine"
    pool = sqlalchemy.create_engine("sqlite:///never.db", poolclass=sqlalchemy.QueuePool).pool
    return {
        (name, "max"): pool.size(),
        (name, "overflow"): pool._max_overflow,
        (name, "acquire"): pool._timeout,
        (name, "lifetime"): pool._recycle,
    }


def _elastic() -> dict[Key, object]:
    node, name = _module("elasticsearch").Elasticsearch("http://h:1").transport.node_pool.get(), "elasticsearch"
    return {
        (f"{name}.Elasticsearch", "max"): node.config.connections_per_node,
        (f"{name}.Elasticsearch", "external"): node.config.request_timeout,
    }


def _boto() -> dict[Key, object]:
    config = _module("boto3").client("s3", region_name="us-east-1").meta.config
    return {
        ("botocore.config.Config", "max"): config.max_pool_connections,
        ("botocore.config.Config", "connect"): config.connect_timeout,
        ("botocore.config.Config", "external"): config.read_timeout,
    }


def _language_models() -> dict[Key, object]:
    clients = {
        "openai.OpenAI": _module("openai").OpenAI(api_key="k"),
        "anthropic.Anthropic": _module("anthropic").Anthropic(api_key="k"),
        "groq.Groq": _module("groq").Groq(api_key="k"),
    }
    return {(name, "external"): client.timeout.read for name, client in clients.items()}


def _kafka() -> dict[Key, object]:
    producer = _module("kafka").KafkaProducer.DEFAULT_CONFIG
    return {
        ("kafka.KafkaProducer", "acquire"): producer["max_block_ms"],
        ("kafka.KafkaProducer", "external"): producer["request_timeout_ms"],
    }


def _pika() -> dict[Key, object]:
    parameters, name = _module("pika").ConnectionParameters(), "pika.ConnectionParameters"
    return {
        (name, "connect"): parameters.stack_timeout,
        (name, "external"): parameters.socket_timeout,
        (name, "acquire"): parameters.blocked_connection_timeout,
    }


def _azure() -> dict[Key, object]:
    name = "azure.storage.blob.BlobServiceClient"
    client = _module("azure.storage.blob").BlobServiceClient("https://x.blob.core.windows.net")
    config = client._pipeline._transport.connection_config
    return {(name, "connect"): config.timeout, (name, "external"): config.read_timeout}


def _peewee() -> dict[Key, object]:
    database = _module("playhouse.pwasyncio").AsyncPostgresqlDatabase("x")
    name = "playhouse.pwasyncio.AsyncPostgresqlDatabase"
    return {(name, "max"): database._pool_size, (name, "min"): database._pool_min_size}


def _memcached() -> dict[Key, object]:
    return {
        ("pymemcache.PooledClient", "max"): _module("pymemcache").PooledClient(("h", 1)).client_pool.max_size,
    }


def _clickhouse() -> dict[Key, object]:
    connection, name = _module("clickhouse_driver").Client("h").connection, "clickhouse_driver.Client"
    return {(name, "connect"): connection.connect_timeout, (name, "query"): connection.send_receive_timeout}


PROBES: dict[str, Callable[[], dict[Key, object]]] = {
    "redis": lambda: _redis("redis", "Redis"),
    "redis.asyncio": lambda: _redis("redis.asyncio", "Redis"),
    "valkey": lambda: _redis("valkey", "Valkey"),
    "valkey.asyncio": lambda: _redis("valkey.asyncio", "Valkey"),
    "pymongo": _mongo,
    "oracledb": _oracle,
    "sqlalchemy": _sqlalchemy,
    "elasticsearch": _elastic,
    "boto3": _boto,
    "language models": _language_models,
    "kafka": _kafka,
    "pika": _pika,
    "azure": _azure,
    "peewee": _peewee,
    "pymemcache": _memcached,
    "clickhouse": _clickhouse,
}


def modelled(name: str, what: str) -> Parameter:
    call: Call = next(c for c in MODELS.calls(name) if not c.only_if)  # the usual form
    if what in ("max", "min", "overflow"):
        assert call.size is not None
        found = getattr(call.size, what)
        assert isinstance(found, Parameter)
        return found
    return call.timeouts[what]


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
@pytest.mark.filterwarnings("ignore")
def test_effective_defaults(probe: Callable[[], dict[Key, object]]) -> None:
    real = probe()
    assert {key: modelled(*key).default for key in real} == real


def _url_of_mongo() -> object:
    client = _module("pymongo").MongoClient("mongodb://h/?maxPoolSize=7", maxPoolSize=9, connect=False)
    return client.options.pool_options.max_pool_size


def _url_of_redis(library: str) -> object:
    client = _module(library).from_url(f"{library}://h?max_connections=7", max_connections=9)
    return client.connection_pool.max_connections


def _url_of_databases() -> object:
    database = _module("databases").Database("postgresql://h/d?max_size=7", max_size=9)
    return database._backend._get_connection_kwargs()["max_size"]


def _url_of_peewee() -> object:
    connect = _module("playhouse.db_url").connect
    return connect("sqlite+pool:///:memory:?max_connections=7", max_connections=9)._max_connections


PRECEDENCE: dict[str, Callable[[], object]] = {
    "pymongo.MongoClient": _url_of_mongo,
    "redis.from_url": lambda: _url_of_redis("redis"),
    "valkey.from_url": lambda: _url_of_redis("valkey"),
    "databases.Database": _url_of_databases,
    "playhouse.db_url.connect": _url_of_peewee,
}


@pytest.mark.parametrize("name", PRECEDENCE)
@pytest.mark.filterwarnings("ignore")
def test_what_wins_of_url_and_argument(name: str) -> None:
    parameter = modelled(name, "max")
    assert parameter.url
    assert PRECEDENCE[name]() == (7 if parameter.url_wins else 9)
