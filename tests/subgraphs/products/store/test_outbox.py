"""Events leave their documents for the stream: at least once, in order, and then they are gone."""

import asyncio
from datetime import timedelta

import orjson
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from subgraphs.kit.background import running
from subgraphs.kit.events.redis_streams import RedisStreams
from subgraphs.kit.events.transport import OutgoingEvent
from subgraphs.kit.mongo.client import utc_now
from subgraphs.kit.mongo.outbox import DocumentRelay
from subgraphs.products.domain.reservations import ReservationLine

pytestmark = pytest.mark.usefixtures("empty")

COLLECTIONS = ["products", "reservations"]


async def published(redis) -> list[tuple[str, str]]:
    """Type and id of each event in the stream."""
    entries = await redis.xrange("events:products")
    events = [orjson.loads(fields["event"]) for _, fields in entries]
    return [(event["type"], event["id"]) for event in events]


@pytest.fixture
async def order(database, services, make) -> str:
    """An order that was reserved and released, with nothing else to publish."""
    mug = await make(stock=5)
    await database["products"].update_many({}, {"$set": {"outbox": []}, "$unset": {"publish_after": ""}})
    lines = [ReservationLine(product_id=mug.id, quantity=1)]
    await services.inventory.reserve("o1", lines, expires_at=utc_now() + timedelta(minutes=5))
    await services.inventory.release("o1")
    return "o1"


async def test_events_leave_in_their_order_and_once(database, redis, order) -> None:
    relay = DocumentRelay(database, RedisStreams(redis), COLLECTIONS)
    assert await relay.publish_pending() == 2
    assert [kind for kind, _ in await published(redis)] == ["StockReserved", "StockReleased"]
    assert await relay.publish_pending() == 0
    document = await database["reservations"].find_one({"_id": order})
    assert (document["outbox"], "publish_after" in document) == ([], False)


async def test_envelope_is_the_documented_one(database, redis, order) -> None:
    await DocumentRelay(database, RedisStreams(redis), COLLECTIONS).publish_pending()
    event = orjson.loads((await redis.xrange("events:products"))[0][1]["event"])
    assert set(event) == {"id", "type", "source", "data", "timestamp", "traceparent"}
    assert (event["type"], event["source"]) == ("StockReserved", "products")
    assert event["data"]["order_id"] == order
    assert [item["quantity"] for item in event["data"]["items"]] == [1]


async def test_relay_that_died_after_publishing_sends_the_same_events_again(database, redis, order) -> None:
    ahead = timedelta()
    streams = RedisStreams(redis)
    relay = DocumentRelay(database, streams, COLLECTIONS, clock=lambda: utc_now() + ahead)

    class Died(BaseException):
        pass

    async def publish_and_die(entries) -> None:
        await send(entries)
        raise Died

    send, streams.publish = streams.publish, publish_and_die
    with pytest.raises(Died):
        await relay.publish_pending()
    streams.publish = send
    assert await relay.publish_pending() == 0, "the claim of the dead one still stands"
    ahead = timedelta(seconds=6)
    assert await relay.publish_pending() == 2
    sent = await published(redis)
    assert sent[:2] == sent[2:]
    assert (await database["reservations"].find_one({"_id": order}))["outbox"] == []


async def test_event_that_comes_while_others_are_published_is_not_lost(
    database, redis, products, manager, make
) -> None:
    mug = await make()
    streams = RedisStreams(redis)
    relay = DocumentRelay(database, streams, COLLECTIONS)
    send = streams.publish

    async def publish_slowly(entries) -> list[OutgoingEvent]:
        taken = await send(entries)
        streams.publish = send
        await products.adjust_stock(manager, mug.id, delta=1, reason=None)
        return taken

    streams.publish = publish_slowly
    assert await relay.publish_pending() == 2
    assert [kind for kind, _ in await published(redis)] == ["ProductUpdated", "StockAdjusted"]


async def test_relays_of_several_processes_share_the_work(database, redis, make) -> None:
    await asyncio.gather(*(make(f"Mug {n}") for n in range(12)))
    relays = [DocumentRelay(database, RedisStreams(redis), COLLECTIONS) for _ in range(3)]
    assert sum(await asyncio.gather(*(r.publish_pending() for r in relays))) == 12
    assert len(set(await published(redis))) == 12


async def test_running_relay_waits_out_an_outage_of_redis(database, redis, make) -> None:
    streams = RedisStreams(redis)
    relay = DocumentRelay(database, streams, COLLECTIONS, interval=0.02, claim=timedelta(milliseconds=10))
    send, failures = streams.publish, [2]

    async def publish(entries) -> list[OutgoingEvent]:
        if failures[0]:
            failures[0] -= 1
            relay.wake_up()
            raise RedisConnectionError("refused")
        return await send(entries)

    streams.publish = publish
    async with running(relay.job):
        await make()
        async with asyncio.timeout(5):
            while not await published(redis):  # noqa: ASYNC110 - the stream is in another process
                await asyncio.sleep(0.02)
    assert failures == [0]
