"""The payment provider."""

import asyncpg
import httpx

from .settings import settings

provider = httpx.AsyncClient(
    base_url=settings.payments_url,
    headers={"Authorization": f"Bearer {settings.payments_key}"},
    timeout=10,
    limits=httpx.Limits(max_connections=20),
)


async def charge(pool: asyncpg.Pool, order_id: int) -> str:
    async with pool.acquire() as conn:
        order = await conn.fetchrow("select total, token from orders where id = $1", order_id)
        reply = await provider.post("/charges", json={"amount": order["total"], "token": order["token"]})
        await conn.execute("update orders set charge = $2 where id = $1", order_id, reply.text)
    return reply.text


async def refund(pool: asyncpg.Pool, order_id: int) -> str:
    charge_id = await pool.fetchval("select charge from orders where id = $1", order_id)
    reply = await provider.post("/refunds", json={"charge": charge_id})
    async with pool.acquire() as conn:
        await conn.execute("update orders set refunded = true where id = $1", order_id)
    return reply.text


async def notify_all(urls: list[str], event: dict) -> None:
    for url in urls:
        async with httpx.AsyncClient(timeout=5) as client:
            await client.post(url, json=event)


async def notify_partners(urls: list[str], event: dict) -> None:
    async with httpx.AsyncClient(timeout=5) as client:
        for url in urls:
            await client.post(url, json=event)
