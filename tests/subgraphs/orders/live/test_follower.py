"""Following a real stream: each entry is told, and each that was lost before it could be read."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from subgraphs.kit.background import Job, running
from subgraphs.kit.redis.client import create_redis
from subgraphs.kit.settings import RedisSettings
from subgraphs.orders.live.follower import StreamFollower
from tests.subgraphs.orders.orders_harness import eventually

STREAM = "events:followed"


@pytest.fixture
async def redis(engines: Any) -> AsyncIterator[Redis]:
    async with create_redis(RedisSettings(url=engines.redis_url)) as redis:
        await redis.delete(STREAM)
        yield redis


class Told:
    """What a follower has told."""

    def __init__(self, redis: Redis) -> None:
        self.entries: list[str] = []
        self.gaps = 0
        self.follower = StreamFollower(
            redis, STREAM, block=50, on_entry=lambda f: self.entries.append(f["n"]), on_gap=self._gap
        )

    def _gap(self) -> None:
        self.gaps += 1

    async def told(self, *entries: str, gaps: int) -> None:
        async def is_told() -> bool:
            return (self.entries, self.gaps) == ([*entries], gaps)

        await eventually(is_told)

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        async with running(Job(name="follower", run_once=self.follower.run, every=0)):

            async def begun() -> bool:
                return self.follower.following

            await eventually(begun)
            yield
        assert not self.follower.following


async def test_a_follower_begins_with_a_gap_at_the_present_end(redis: Redis):
    await redis.xadd(STREAM, {"n": "old"})
    told = Told(redis)
    async with told.following():
        await redis.xadd(STREAM, {"n": "1"})
        await told.told("1", gaps=1)
        await redis.xadd(STREAM, {"n": "2"})
        await told.told("1", "2", gaps=1)


async def test_a_stream_that_begins_later_is_followed_without_a_gap(redis: Redis):
    told = Told(redis)
    async with told.following():
        await redis.xadd(STREAM, {"n": "1"})
        await told.told("1", gaps=1)
        await asyncio.sleep(0.3)
        assert told.gaps == 1


async def test_entries_that_were_trimmed_before_they_were_read_are_a_gap(redis: Redis):
    told = Told(redis)
    async with told.following():
        async with redis.pipeline(transaction=True) as pipe:
            pipe.xadd(STREAM, {"n": "1"})
            pipe.xtrim(STREAM, maxlen=0, approximate=False)
            await pipe.execute()
        await told.told(gaps=2)
        await redis.xadd(STREAM, {"n": "2"})
        await told.told("2", gaps=2)


async def test_a_stream_that_is_lost_and_made_anew_is_a_gap_even_with_an_older_clock(redis: Redis):
    await redis.xadd(STREAM, {"n": "old"})
    told = Told(redis)
    async with told.following():
        await redis.xadd(STREAM, {"n": "1"})
        await told.told("1", gaps=1)
        async with redis.pipeline(transaction=True) as pipe:
            pipe.delete(STREAM)
            pipe.xadd(STREAM, {"n": "2"}, id="5-0")
            pipe.xadd(STREAM, {"n": "3"}, id="6-0")
            await pipe.execute()
        await told.told("1", gaps=2)
        await redis.xadd(STREAM, {"n": "4"}, id="7-0")
        await told.told("1", "4", gaps=2)


async def test_a_stream_that_is_lost_and_stays_away_is_one_gap(redis: Redis):
    await redis.xadd(STREAM, {"n": "old"})
    told = Told(redis)
    async with told.following():
        await redis.delete(STREAM)
        await told.told(gaps=2)
        await asyncio.sleep(0.3)
        assert told.gaps == 2


async def test_a_key_that_is_no_stream_ends_the_run(redis: Redis):
    await redis.set(STREAM, "no stream")
    told = Told(redis)
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await told.follower.run()
    assert (told.gaps, told.follower.following) == (0, False)
