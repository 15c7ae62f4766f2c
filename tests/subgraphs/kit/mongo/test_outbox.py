"""The relay of a document's events; its ordinary work is tested with the slice that has one."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from subgraphs.kit.events.event import Event
from subgraphs.kit.events.redis_streams import RedisStreams
from subgraphs.kit.events.streams import stream_of
from subgraphs.kit.ids import new_id
from subgraphs.kit.mongo.client import Collection, Database, Document, Mongo, utc_now
from subgraphs.kit.mongo.outbox import DocumentRelay, emitting, with_outbox
from subgraphs.kit.redis.client import create_redis
from subgraphs.kit.settings import DatabaseSettings, RedisSettings
from tests.harness.samples import sample


@pytest.fixture
async def database(engines: Any) -> AsyncIterator[Database]:
    mongo = Mongo(DatabaseSettings(url=engines.mongo_url("kit_outbox")), application="tests")
    await mongo.database["things"].delete_many({})
    yield mongo.database
    mongo.close()


@pytest.fixture
async def redis(engines: Any) -> AsyncIterator[Redis]:
    async with create_redis(RedisSettings(url=engines.redis_url)) as redis:
        yield redis


async def test_an_event_that_is_refused_waits_and_holds_up_no_other(database: Database, redis: Redis) -> None:
    good, broken = new_id(), new_id()
    await redis.set(stream_of(broken), "no stream")
    ahead = timedelta()
    relay = DocumentRelay(database, RedisStreams(redis), ["things"], clock=lambda: utc_now() + ahead)
    for source in (broken, good):
        event = Event(type="Made", source=source, key="k", data={})
        await database["things"].insert_one({"_id": source, **with_outbox(event, at=utc_now())})

    assert await relay.publish_pending() == 1
    assert await redis.xlen(stream_of(good)) == 1
    assert await relay.publish_pending() == 0, "it is left alone for a while"
    waiting = await database["things"].find_one({"_id": broken})
    assert waiting is not None
    assert len(waiting["outbox"]) == 1

    await redis.delete(stream_of(broken))
    ahead = timedelta(seconds=6)
    assert await relay.publish_pending() == 1
    assert await redis.xlen(stream_of(broken)) == 1


async def test_an_event_of_the_instant_between_the_look_and_the_claim_is_published(
    database: Database, redis: Redis
) -> None:
    """It writes the same time into the document, so the time alone does not show that there is one more."""
    source, now = new_id(), utc_now()
    first, second = (Event(type=kind, source=source, key="k", data={}) for kind in ("First", "Second"))
    await database["things"].insert_one({"_id": source, **with_outbox(first, at=now)})
    looks = 0

    class AtOnceWithAnother(DocumentRelay):
        """The second event comes after the first look."""

        async def _take(self, collection: Collection, found: Document, claim: Document) -> bool:
            nonlocal looks
            looks += 1
            if looks == 1:
                await collection.update_one({"_id": source}, emitting({}, second, at=now))
            return await super()._take(collection, found, claim)

    relay = AtOnceWithAnother(database, RedisStreams(redis), ["things"], clock=lambda: now)
    assert await relay.publish_pending() == 2
    assert looks == 2
    document = await database["things"].find_one({"_id": source})
    assert document == {"_id": source, "outbox": []}


async def test_what_has_not_left_is_measured_with_the_age_of_the_oldest(
    database: Database, redis: Redis
) -> None:
    now = utc_now()
    relay = DocumentRelay(database, RedisStreams(redis), ["things"], clock=lambda: now)
    old, young = (
        Event(type="Made", source=new_id(), key="k", data={}, timestamp=now - timedelta(seconds=age))
        for age in (90, 1)
    )
    await database["things"].insert_one({"_id": "a", **with_outbox(young, old, at=now)})
    claimed = with_outbox(young, at=now + timedelta(seconds=5))  # by a process that sends it just now
    await database["things"].insert_one({"_id": "b", **claimed})
    await relay.measure()
    assert (sample("outbox_unsent_events"), sample("outbox_oldest_unsent_seconds")) == (3, 90)
    await database["things"].delete_many({})
    await relay.measure()
    assert (sample("outbox_unsent_events"), sample("outbox_oldest_unsent_seconds")) == (0, 0)
