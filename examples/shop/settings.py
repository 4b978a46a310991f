"""Where the services are, read from the environment once."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    database_url: str
    replica_url: str
    redis_url: str
    payments_url: str
    payments_key: str


def load() -> Settings:
    return Settings(
        database_url=os.environ.get("DATABASE_URL", "postgresql://localhost/shop"),
        replica_url=os.environ.get("REPLICA_URL", "postgresql+asyncpg://replica/shop"),
        redis_url=os.environ.get("REDIS_URL", "redis://localhost"),
        payments_url=os.environ.get("PAYMENTS_URL", "https://pay.example.com"),
        payments_key=os.environ.get("PAYMENTS_KEY", ""),
    )


settings = load()
