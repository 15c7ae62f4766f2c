"""The transport that the settings name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from subgraphs.kit.events.redis_streams import RedisStreams
from subgraphs.kit.events.transport import Transport
from subgraphs.kit.redis.client import create_redis
from subgraphs.kit.settings import RedisSettings, ServiceSettings


@asynccontextmanager
async def open_transport(settings: ServiceSettings, redis: Redis) -> AsyncIterator[Transport]:
    """Over `redis`, the service's own, where no other is named."""
    if not settings.events.url:
        yield RedisStreams(redis)
        return
    own = RedisSettings(url=settings.events.url, timeout=settings.redis.timeout)
    async with create_redis(own) as client:
        yield RedisStreams(client)
