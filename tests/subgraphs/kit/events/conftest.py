"""The transports of events, each on a server of its own kind."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from subgraphs.kit.events.rabbitmq import RabbitMq
from subgraphs.kit.events.redis_streams import RedisStreams
from subgraphs.kit.redis.client import create_redis
from subgraphs.kit.settings import RedisSettings
from tests.subgraphs.kit.events.counted_events import MOMENT, CountedEvents, OpenTransport


@pytest.fixture(params=["redis", "rabbitmq"])
def address(request: pytest.FixtureRequest, engines: Any) -> str:
    """Of a server of each kind."""
    if request.param == "redis":
        return str(engines.redis_url)
    return str(request.getfixturevalue("rabbitmq").url())


@pytest.fixture
async def open_transport(address: str) -> AsyncIterator[OpenTransport]:
    """Transports of their own connections, in which what was left is taken over `pause` after that."""
    opened: list[Any] = []

    async def open_(*, pause: timedelta = MOMENT, **readers: tuple[str, ...]) -> Any:
        if address.startswith("amqp"):
            rabbit = RabbitMq(address, readers=readers, retry_after=pause)
            opened.append(rabbit.close)
            return rabbit
        redis = create_redis(RedisSettings(url=address))
        opened.append(redis.aclose)
        return RedisStreams(redis, block=MOMENT, idle=pause)

    yield open_
    for close in opened:
        await close()


@pytest.fixture
async def counted(open_transport: OpenTransport) -> CountedEvents:
    return await CountedEvents.open(open_transport)
