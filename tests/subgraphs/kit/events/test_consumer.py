"""A consumer group over a real stream: every event is handled, once as a rule, and again after a failure."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis

from subgraphs.kit.background import running
from subgraphs.kit.events import redis_streams
from subgraphs.kit.events.consumer import Consumer, Handler
from subgraphs.kit.events.event import Event
from subgraphs.kit.events.redis_streams import RedisStreams
from subgraphs.kit.events.streams import dead_letters_of, stream_of
from subgraphs.kit.events.transport import Backlog
from subgraphs.kit.ids import new_id
from subgraphs.kit.redis.client import create_redis
from subgraphs.kit.settings import RedisSettings
from tests.subgraphs.kit.events.counted_events import CountedEvents

MOMENT = timedelta(milliseconds=20)


@pytest.fixture
async def redis(engines: Any) -> AsyncIterator[Redis]:
    async with create_redis(RedisSettings(url=engines.redis_url)) as redis:
        yield redis


class Numbers(CountedEvents):
    """In a stream of Redis, which tells what it has delivered."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(RedisStreams(redis), new_id())
        self.redis = redis

    def consumer(
        self, group: str = "g", *, idle: timedelta = MOMENT, handler: Handler | None = None, **options: Any
    ) -> Consumer:
        streams = RedisStreams(self.redis, block=MOMENT, idle=idle)
        handler = handler or self.handle
        return Consumer(streams, handler, source=self.source, group=group, **{"max_attempts": 3, **options})

    async def deliver_to_one_that_dies(self) -> None:
        """As if a process had been given the events and killed before it did anything."""
        await RedisStreams(self.redis, block=MOMENT).subscribe(self.source, "g").receive()

    async def dead_letters(self) -> list[dict[str, str]]:
        return [fields for _, fields in await self.redis.xrange(dead_letters_of(self.source))]

    async def pending(self, group: str = "g") -> int:
        return int((await self.redis.xpending(stream_of(self.source), group))["pending"])

    async def until_handled(self, *numbers: int) -> None:
        async with asyncio.timeout(30):
            while sorted(self.handled) != sorted(numbers) or await self.pending():  # noqa: ASYNC110 - in Redis
                await asyncio.sleep(0.01)


@pytest.fixture
def numbers(redis: Redis) -> Numbers:
    return Numbers(redis)


async def test_a_group_begins_at_the_start_of_the_stream_and_acknowledges(numbers: Numbers) -> None:
    await numbers.write(1, 2)
    async with running(numbers.consumer().jobs[0]):
        await numbers.until_handled(1, 2)
        await numbers.write(3)
        await numbers.until_handled(1, 2, 3)
    assert numbers.handled == [1, 2, 3]


async def test_a_stream_that_is_not_there_yet_is_waited_for(numbers: Numbers) -> None:
    async with running(numbers.consumer().jobs[0]):
        await asyncio.sleep(0.05)
        await numbers.write(1)
        await numbers.until_handled(1)


async def test_members_of_a_group_share_the_events_and_two_groups_do_not(numbers: Numbers) -> None:
    idle = timedelta(minutes=1)
    a, b, other = (numbers.consumer(group, idle=idle) for group in ("g", "g", "other"))
    async with running(a.jobs[0], b.jobs[0]):
        await numbers.write(*range(50))
        await numbers.until_handled(*range(50))
    async with running(other.jobs[0]):
        await numbers.until_handled(*range(50), *range(50))


async def test_a_handler_that_fails_sees_the_event_again(numbers: Numbers) -> None:
    numbers.failures = {1: [KeyError(), KeyError()]}
    await numbers.write(1, 2)
    async with running(numbers.consumer().jobs[0]):
        await numbers.until_handled(1, 2)
    assert numbers.handled == [2, 1]


async def test_what_a_process_left_when_it_died_is_taken_over(numbers: Numbers) -> None:
    await numbers.write(1)
    await numbers.consumer().consume_batch()  # makes the group
    await numbers.deliver_to_one_that_dies()
    assert await numbers.pending() == 1
    async with running(numbers.consumer().jobs[0]):
        await numbers.until_handled(1)


async def test_what_is_not_idle_for_long_is_left_to_its_process(numbers: Numbers) -> None:
    await numbers.write(1)
    await numbers.consumer().consume_batch()
    await numbers.deliver_to_one_that_dies()
    await numbers.consumer(idle=timedelta(minutes=1)).consume_batch()
    assert (numbers.handled, await numbers.pending()) == ([], 1)


async def test_what_keeps_failing_or_is_no_event_goes_to_the_dead_letters(numbers: Numbers) -> None:
    numbers.failures = {1: [KeyError("a fault of ours") for _ in range(100)]}
    await numbers.redis.xadd(stream_of(numbers.source), {"event": "no json"})
    await numbers.write(1, 2)
    async with running(numbers.consumer().jobs[0]):
        await numbers.until_handled(2)
    assert len(numbers.failures[1]) == 97
    unreadable, failed = await numbers.dead_letters()
    assert (unreadable["group"], failed["group"]) == ("g", "g")
    assert unreadable["event"] == "no json"
    assert unreadable["reason"].startswith("not an event")
    assert Event.from_json(failed["event"]).data == {"n": 1}
    assert failed["reason"] == "KeyError('a fault of ours'), after 3 attempts"


async def test_nothing_waits_behind_more_poison_than_a_batch(numbers: Numbers) -> None:
    poison = range(55)
    numbers.failures = {n: [KeyError() for _ in range(100)] for n in poison}
    await numbers.write(*poison, 1000)
    consumer = numbers.consumer(idle=timedelta(minutes=1))
    while 1000 not in numbers.handled:
        await consumer.consume_batch()
    assert (await numbers.dead_letters(), await numbers.pending()) == ([], 55), (
        "not one has been given up yet"
    )
    async with running(numbers.consumer().jobs[0]):
        await numbers.until_handled(1000)
    assert len(await numbers.dead_letters()) == 55


async def test_what_takes_its_process_with_it_is_given_up_without_another_attempt(numbers: Numbers) -> None:
    await numbers.write(1)
    await numbers.consumer().consume_batch()
    await numbers.deliver_to_one_that_dies()
    claim = ("xautoclaim", stream_of(numbers.source), "g", "died", 0, "0-0")
    for _ in range(2):  # three deliveries so far
        await numbers.redis.execute_command(*claim)
    async with running(numbers.consumer().jobs[0]):
        await numbers.until_handled()
    assert numbers.handled == []
    assert [letter["reason"] for letter in await numbers.dead_letters()] == [
        "3 attempts did not come to an end"
    ]


async def test_an_outage_of_what_the_handler_needs_is_no_attempt(numbers: Numbers) -> None:
    numbers.failures = {n: [ConnectionRefusedError() for _ in range(10)] for n in (1, 2)}
    await numbers.write(1, 2)
    consumer = numbers.consumer()
    await consumer.consume_batch()
    with pytest.raises(ConnectionRefusedError):
        await consumer.consume_batch()
    while numbers.failures[2]:
        with suppress(ConnectionRefusedError):
            await consumer.consume_batch()
    async with running(consumer.jobs[0]):
        await numbers.until_handled(1, 2)
    assert await numbers.dead_letters() == []


async def test_a_handler_that_hangs_counts_as_one_that_fails(numbers: Numbers) -> None:
    async def hang(event: Event) -> None:
        if event.data["n"] == 1:
            await asyncio.Event().wait()
        await numbers.handle(event)

    await numbers.write(1, 2)
    consumer = numbers.consumer(handler=hang, limit=timedelta(milliseconds=30), max_attempts=2)
    async with running(consumer.jobs[0]):
        await numbers.until_handled(2)
    assert [letter["reason"] for letter in await numbers.dead_letters()] == [
        "HandlerTooSlowError('not handled within 0.03 s'), after 2 attempts"
    ]


async def test_what_waits_behind_a_slow_handler_does_not_pass_for_left(numbers: Numbers) -> None:
    idle = timedelta(milliseconds=400)
    handled_twice = numbers.consumer(idle=idle)

    async def slowly(event: Event) -> None:
        await asyncio.sleep(0.15)
        await handled_twice.consume_batch()
        await numbers.handle(event)

    await numbers.write(*range(5))
    slow = numbers.consumer(handler=slowly, idle=idle)
    await slow.consume_batch()  # makes the group
    await slow.consume_batch()
    assert numbers.handled == [0, 1, 2, 3, 4]


async def test_a_letter_is_replayed_once_and_for_its_group_alone(numbers: Numbers, redis: Redis) -> None:
    numbers.failures = {1: [KeyError()]}
    await numbers.write(1, 2)
    async with running(numbers.consumer(max_attempts=1).jobs[0]):
        await numbers.until_handled(2)
    other = numbers.consumer("other")
    async with running(other.jobs[0]):
        await numbers.until_handled(2, 1, 2)
    letters = RedisStreams(redis).dead_letters()
    (letter,) = await letters.list(numbers.source)
    assert (letter.group, letter.reason) == ("g", "KeyError(), after 1 attempts")
    assert await asyncio.gather(*(letters.replay(letter) for _ in range(5))) == [True, *[False] * 4]
    assert await letters.list(numbers.source) == []
    async with running(numbers.consumer().jobs[0], other.jobs[0]):
        await numbers.until_handled(2, 1, 2, 1)


async def test_how_far_a_group_is_behind_is_measured(numbers: Numbers) -> None:
    labels = {"source": numbers.source, "group": "g"}
    numbers.failures = {1: [KeyError() for _ in range(1000)]}
    consumer = numbers.consumer()
    await consumer.consume_batch()
    await numbers.write(1, 2, 3)
    await consumer.measure()
    assert REGISTRY.get_sample_value("events_lag", labels) == 3
    await numbers.deliver_to_one_that_dies()
    await consumer.measure()
    assert REGISTRY.get_sample_value("events_lag", labels) == 0
    assert REGISTRY.get_sample_value("events_pending", labels) == 3
    other = numbers.consumer(max_attempts=1000)
    while numbers.handled != [2, 3]:
        await other.consume_batch()
    await consumer.measure()
    assert REGISTRY.get_sample_value("events_pending", labels) == 1
    backlog = await RedisStreams(numbers.redis).subscribe(numbers.source, "g").backlog()
    assert backlog == Backlog(pending=1, lag=0, dead=0)


async def test_processes_that_are_long_gone_are_forgotten_with_nothing_lost(
    numbers: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    await numbers.consumer().consume_batch()
    await numbers.write(1)
    await numbers.deliver_to_one_that_dies()
    await numbers.deliver_to_one_that_dies()  # has got nothing
    consumers = lambda: numbers.redis.xinfo_consumers(stream_of(numbers.source), "g")  # noqa: E731 - a name for a call
    assert sorted(c["pending"] for c in await consumers()) == [0, 1]
    await numbers.consumer().measure()
    assert len(await consumers()) == 2, "an hour has not passed"
    monkeypatch.setattr(redis_streams, "_FORGOTTEN_AFTER", timedelta(milliseconds=-1))
    await numbers.consumer().measure()
    assert [c["pending"] for c in await consumers()] == [1]
