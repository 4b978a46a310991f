"""Database access: an engine for the ORM, asyncpg for what has to be quick."""

from collections.abc import AsyncIterator

import asyncpg
from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from .settings import settings

engine = create_async_engine(settings.database_url, pool_size=10, max_overflow=-1)
SessionLocal = async_sessionmaker(engine, expire_on_commit=False)


async def open_pool() -> asyncpg.Pool:
    return await asyncpg.create_pool(settings.database_url, min_size=2, max_size=10)


async def get_session() -> AsyncIterator[AsyncSession]:
    async with SessionLocal() as session:
        yield session


async def get_pool(request: Request) -> asyncpg.Pool:
    return request.app.state.pool
