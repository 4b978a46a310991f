"""The service."""

from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from . import cache, orders
from .db import engine, get_session, open_pool
from .payments import provider
from .settings import settings


@asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.pool = await open_pool()
    try:
        yield
    finally:
        await app.state.pool.close()
        await provider.aclose()
        await cache.client.aclose()
        await engine.dispose()


app = FastAPI(lifespan=lifespan)
app.include_router(orders.router)


@app.get("/health")
async def health(request: Request):
    return {"ok": await request.app.state.pool.fetchval("select 1") == 1}


@app.get("/health/replica")
async def replica_health():
    replica = create_async_engine(settings.replica_url)
    async with replica.connect() as conn:
        behind = (await conn.execute(text("select pg_is_in_recovery()"))).scalar()
    await replica.dispose()
    return {"replica": behind}


@app.get("/users/{user_id}")
async def user(user_id: int, session: Annotated[AsyncSession, Depends(get_session)]):
    profile = await cache.get_profile(user_id)
    if profile is not None:
        return profile
    row = (await session.execute(text("select id, name from users where id = :id"), {"id": user_id})).mappings().one()
    await session.rollback()
    await cache.set_profile(user_id, dict(row))
    return dict(row)
