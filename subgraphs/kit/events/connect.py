"""The transport that the settings name."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from subgraphs.kit.events.redis_streams import RedisStreams
from subgraphs.kit.events.transport import Transport
from subgraphs.kit.redis.client import create_redis
from subgraphs.kit.settings import RedisSettings, ServiceSettings


@asynccontextmanager
async def open_transport(
    settings: ServiceSettings, redis: Redis, *, readers: Mapping[str, Sequence[str]] | None = None
) -> AsyncIterator[Transport]:
    """Over `redis`, the service's own, where no other is named.

    `readers` are the groups that are known to read what this service publishes, by source: RabbitMQ needs their queues
    before the first event, while a Redis stream keeps that for whoever comes.
    """
    if not settings.events.url:
        yield RedisStreams(redis)
        return
    if settings.events.url.startswith("amqp"):
        # Here, since most systems have no RabbitMQ, and its client is part of the time that a process takes to start.
        from subgraphs.kit.events.rabbitmq import RabbitMq  # noqa: PLC0415 - see above

        rabbit = RabbitMq(settings.events.url, readers=readers or {})
        try:
            yield rabbit
        finally:
            await rabbit.close()
        return
    own = RedisSettings(url=settings.events.url, timeout=settings.redis.timeout)
    async with create_redis(own) as client:
        yield RedisStreams(client)
