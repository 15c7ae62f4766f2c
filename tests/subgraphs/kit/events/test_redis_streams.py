from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ReadOnlyError

from subgraphs.kit.events.event import Event
from subgraphs.kit.events.redis_streams import RedisStreams
from subgraphs.kit.events.streams import stream_of
from subgraphs.kit.events.transport import OutgoingEvent
from subgraphs.kit.ids import new_id
from subgraphs.kit.metrics import EVENTS_REFUSED
from subgraphs.kit.redis.client import create_redis
from subgraphs.kit.settings import RedisSettings


@pytest.fixture
async def redis(engines: Any) -> AsyncIterator[Redis]:
    async with create_redis(RedisSettings(url=engines.redis_url)) as redis:
        yield redis


def outgoing(source: str, n: int) -> OutgoingEvent:
    event = Event(type="Counted", source=source, key="k", data={"n": n})
    return OutgoingEvent(event.id, event.type, event.source, event.to_json())


async def numbers(redis: Redis, source: str) -> list[int]:
    entries = await redis.xrange(stream_of(source))
    return [Event.from_json(fields["event"]).data["n"] for _, fields in entries]


async def test_events_are_appended_in_their_order(redis: Redis) -> None:
    source = new_id()
    events = [outgoing(source, n) for n in range(5)]
    assert await RedisStreams(redis).publish(events) == events
    assert await numbers(redis, source) == [0, 1, 2, 3, 4]
    assert await RedisStreams(redis).publish([]) == []


async def test_an_event_that_is_refused_keeps_no_other_from_its_stream(redis: Redis) -> None:
    good, broken = new_id(), new_id()
    await redis.set(stream_of(broken), "no stream")
    before = EVENTS_REFUSED.labels("Counted")._value.get()
    events = [outgoing(good, 1), outgoing(broken, 2), outgoing(good, 3)]
    assert await RedisStreams(redis).publish(events) == [events[0], events[2]]
    assert await numbers(redis, good) == [1, 3]
    assert EVENTS_REFUSED.labels("Counted")._value.get() == before + 1


async def test_a_server_that_takes_nothing_is_an_outage(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = type(redis.pipeline())

    async def refuse(*_: Any, **__: Any) -> list[Any]:
        return ["1-0", ReadOnlyError("You can't write against a read only replica.")]

    monkeypatch.setattr(pipe, "execute", refuse)
    with pytest.raises(ReadOnlyError):
        await RedisStreams(redis).publish([outgoing("s", 1), outgoing("s", 2)])
