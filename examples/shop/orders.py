"""Orders: what the routes do."""

import asyncio
import logging
from typing import Annotated

import asyncpg
import httpx
from fastapi import APIRouter, Depends, HTTPException
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from .db import SessionLocal, get_pool, get_session
from .payments import charge

log = logging.getLogger(__name__)
router = APIRouter(prefix="/orders")

Pool = Annotated[asyncpg.Pool, Depends(get_pool)]
Session = Annotated[AsyncSession, Depends(get_session)]


@router.get("/{order_id}")
async def read_order(order_id: int, pool: Pool):
    conn = await pool.acquire()
    row = await conn.fetchrow("select id, state, total from orders where id = $1", order_id)
    if row is None:
        raise HTTPException(404)
    await pool.release(conn)
    return dict(row)


@router.get("/{order_id}/lines")
async def read_lines(order_id: int, pool: Pool):
    async with pool.acquire() as conn:
        rows = await conn.fetch("select sku, quantity from lines where order_id = $1", order_id)
    return [dict(row) for row in rows]


@router.post("/{order_id}/reserve")
async def reserve(order_id: int, pool: Pool):
    conn = await pool.acquire()
    try:
        free = await conn.fetchval("select free from stock join orders using (sku) where orders.id = $1", order_id)
        if not free:
            return {"reserved": False}
        await conn.execute("update stock set free = free - 1")
    except asyncpg.PostgresError:
        log.exception("could not reserve %s", order_id)
        await pool.release(conn)
        raise
    await pool.release(conn)
    return {"reserved": True}


@router.post("/{order_id}/wait")
async def wait_until_paid(order_id: int, pool: Pool):
    async with pool.acquire() as conn:
        for _ in range(10):
            if await conn.fetchval("select paid from orders where id = $1", order_id):
                return {"paid": True}
            await asyncio.sleep(1)
    return {"paid": False}


@router.post("/{order_id}/pay")
async def pay(order_id: int, pool: Pool):
    return {"charge": await charge(pool, order_id)}


@router.get("/{order_id}/parcel")
async def parcel(order_id: int, session: Session):
    number = (await session.execute(text("select parcel from orders where id = :id"), {"id": order_id})).scalar()
    await session.rollback()
    async with httpx.AsyncClient(base_url="https://track.example.com") as client:
        reply = await client.get(f"/parcels/{number}")
    return reply.json()


async def cancel_stale() -> int:
    statement = text("update orders set state = 'cancelled' where created < now() - interval '1 day'")
    async with SessionLocal.begin() as session:
        return (await session.execute(statement)).rowcount


async def count_open() -> int:
    session = SessionLocal()
    try:
        return (await session.execute(text("select count(*) from orders where state = 'open'"))).scalar()
    finally:
        await session.close()
