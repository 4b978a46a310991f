"""What is kept in Redis."""

import json

import redis.asyncio as redis

from .settings import settings

client = redis.from_url(settings.redis_url, max_connections=20)


async def get_profile(user_id: int) -> dict | None:
    cached = await client.get(f"profile:{user_id}")
    return json.loads(cached) if cached else None


async def set_profile(user_id: int, profile: dict) -> None:
    await client.set(f"profile:{user_id}", json.dumps(profile), ex=300)


async def wait_for_stock(sku: str) -> bool:
    channel = client.pubsub()
    await channel.subscribe(f"stock:{sku}")
    async for message in channel.listen():
        if message["type"] == "message":
            await channel.aclose()
            return True
    return False


async def wait_for_price(sku: str) -> str | None:
    async with client.pubsub() as channel:
        await channel.subscribe(f"price:{sku}")
        async for message in channel.listen():
            if message["type"] == "message":
                return message["data"]
    return None
