"""A consumer group over a real stream: every event is handled, once as a rule, and again after a failure."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from subgraphs.kit.background import running
from subgraphs.kit.events.consumer import Consumer
from subgraphs.kit.events.event import Event
from subgraphs.kit.events.publisher import OutgoingEvent, publish
from subgraphs.kit.events.streams import dead_letters_of, stream_of
from subgraphs.kit.ids import new_id
from subgraphs.kit.redis.client import create_redis
from subgraphs.kit.settings import RedisSettings

MOMENT = timedelta(milliseconds=20)


@pytest.fixture
async def redis(engines: Any) -> AsyncIterator[Redis]:
    async with create_redis(RedisSettings(url=engines.redis_url)) as redis:
        yield redis


class Numbers:
    """A stream of numbers of its own, and what consumers of it have handled."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.source = new_id()
        self.handled: list[int] = []
        self.failures: dict[int, int] = {}

    async def write(self, *numbers: int) -> None:
        events = [Event(type="Counted", source=self.source, key="k", data={"n": n}) for n in numbers]
        await publish(self.redis, [OutgoingEvent(e.id, e.type, e.source, e.to_json()) for e in events])

    async def handle(self, event: Event) -> None:
        n = event.data["n"]
        if self.failures.get(n, 0) > 0:
            self.failures[n] -= 1
            raise KeyError("a fault of ours")
        self.handled.append(n)

    def consumer(self, group: str = "g", **options: Any) -> Consumer:
        chosen = {"block": MOMENT, "idle": MOMENT, "max_attempts": 3, **options}
        return Consumer(self.redis, self.handle, source=self.source, group=group, **chosen)

    async def pending(self, group: str = "g") -> int:
        return int((await self.redis.xpending(stream_of(self.source), group))["pending"])

    async def until_handled(self, *numbers: int) -> None:
        async with asyncio.timeout(10):
            while sorted(self.handled) != sorted(numbers) or await self.pending():  # noqa: ASYNC110 - in Redis
                await asyncio.sleep(0.01)


@pytest.fixture
def numbers(redis: Redis) -> Numbers:
    return Numbers(redis)


async def test_a_group_begins_at_the_start_of_the_stream_and_acknowledges(numbers: Numbers) -> None:
    await numbers.write(1, 2)
    async with running(numbers.consumer().job):
        await numbers.until_handled(1, 2)
        await numbers.write(3)
        await numbers.until_handled(1, 2, 3)
    assert numbers.handled == [1, 2, 3]


async def test_a_stream_that_is_not_there_yet_is_waited_for(numbers: Numbers) -> None:
    async with running(numbers.consumer().job):
        await asyncio.sleep(0.05)
        await numbers.write(1)
        await numbers.until_handled(1)


async def test_members_of_a_group_share_the_events_and_two_groups_do_not(numbers: Numbers) -> None:
    a, b, other = numbers.consumer(), numbers.consumer(), numbers.consumer("other")
    async with running(a.job, b.job):
        await numbers.write(*range(50))
        await numbers.until_handled(*range(50))
    async with running(other.job):
        await numbers.until_handled(*range(50), *range(50))


async def test_a_handler_that_fails_sees_the_event_again(numbers: Numbers) -> None:
    numbers.failures = {1: 2}
    await numbers.write(1, 2)
    async with running(numbers.consumer().job):
        await numbers.until_handled(1, 2)
    assert numbers.handled == [2, 1]


async def test_what_a_process_left_when_it_died_is_taken_over(numbers: Numbers) -> None:
    await numbers.write(1)
    died = numbers.consumer()
    await died._create_group()
    await numbers.redis.xreadgroup("g", died._name, {stream_of(numbers.source): ">"})
    assert await numbers.pending() == 1
    async with running(numbers.consumer().job):
        await numbers.until_handled(1)


async def test_what_is_not_idle_for_long_is_left_to_its_process(numbers: Numbers) -> None:
    await numbers.write(1)
    busy = numbers.consumer()
    await busy._create_group()
    await numbers.redis.xreadgroup("g", busy._name, {stream_of(numbers.source): ">"})
    await numbers.consumer(idle=timedelta(minutes=1)).consume_batch()
    assert (numbers.handled, await numbers.pending()) == ([], 1)


async def test_what_keeps_failing_or_is_no_event_goes_to_the_dead_letters(numbers: Numbers) -> None:
    numbers.failures = {1: 100}
    await numbers.redis.xadd(stream_of(numbers.source), {"event": "no json"})
    await numbers.write(1, 2)
    async with running(numbers.consumer().job):
        await numbers.until_handled(2)
    assert numbers.failures == {1: 97}
    letters = [fields for _, fields in await numbers.redis.xrange(dead_letters_of(numbers.source))]
    assert [letter["group"] for letter in letters] == ["g", "g"]
    assert letters[0]["event"] == "no json"
    assert letters[0]["reason"].startswith("not an event")
    assert Event.from_json(letters[1]["event"]).data == {"n": 1}
    assert letters[1]["reason"] == "given up after 3 attempts"
