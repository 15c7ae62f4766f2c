"""What is RabbitMQ's own: confirmed and mandatory events, a broker that restarts, queues that are gone."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aio_pika
import pytest
from sqlalchemy import MetaData, text

from subgraphs.kit.background import running
from subgraphs.kit.events.connect import open_transport
from subgraphs.kit.events.event import Event
from subgraphs.kit.events.rabbitmq import RabbitMq
from subgraphs.kit.events.rabbitmq.broker import queue_of
from subgraphs.kit.events.redis_streams import RedisStreams
from subgraphs.kit.events.transport import Backlog
from subgraphs.kit.ids import new_id
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.postgres.outbox import OutboxRelay, enqueue, outbox_table
from subgraphs.kit.settings import DatabaseSettings, EventsSettings
from subgraphs.orders.settings import OrdersSettings
from tests.harness.rabbitmq import RabbitMqNode
from tests.subgraphs.kit.events.counted_events import MOMENT, CountedEvents, consuming, outgoing

_metadata = MetaData()
OUTBOX = outbox_table(_metadata)


@pytest.fixture
async def counted(rabbitmq: RabbitMqNode) -> AsyncIterator[CountedEvents]:
    source = new_id()
    transport = RabbitMq(rabbitmq.url(), readers={source: ("g",)}, retry_after=MOMENT)
    yield CountedEvents(transport, source)
    await transport.close()


async def _delete(rabbitmq: RabbitMqNode, queue: str) -> None:
    async with await aio_pika.connect(rabbitmq.url()) as connection:
        channel = await connection.channel()
        await channel.queue_delete(queue)


async def test_an_event_that_reaches_no_queue_is_refused_keeps_no_other_and_is_taken_when_its_queue_is_back(
    rabbitmq: RabbitMqNode,
) -> None:
    known, gone, unread = new_id(), new_id(), new_id()
    rabbit = RabbitMq(rabbitmq.url(), readers={known: ("g",), gone: ("g",)})
    events = [outgoing(source, n) for n, source in enumerate((known, gone, unread, known))]
    assert await rabbit.publish(events) == events
    await _delete(rabbitmq, queue_of(gone, "g"))
    assert await rabbit.publish(events) == [events[0], events[2], events[3]]
    assert await rabbit.publish([events[1]]) == [events[1]]
    for source, numbers in ((known, [0, 3, 0, 3]), (gone, [1])):
        counted = CountedEvents(rabbit, source)
        async with consuming(counted.consumer()):
            await counted.until(*numbers)
    assert await rabbit.publish([]) == []
    await rabbit.close()


async def test_how_far_a_group_is_behind_is_what_waits_and_what_is_to_be_tried_again(
    rabbitmq: RabbitMqNode,
) -> None:
    source = new_id()
    rabbit = RabbitMq(rabbitmq.url(), readers={source: ("g",)}, retry_after=timedelta(minutes=1))
    counted = CountedEvents(rabbit, source)
    counted.failures = {1: [KeyError()], 2: [KeyError()]}
    await counted.write(1)
    fails = counted.consumer()
    await fails.consume_batch()
    await fails.close()
    await counted.write(2)
    given_up = counted.consumer(max_attempts=1)
    async with consuming(given_up):
        await counted.until(dead=1)
    await counted.write(3, 4)

    async def settled() -> None:
        while await counted.backlog() != Backlog(pending=1, lag=2, dead=1):  # noqa: ASYNC110 - in a server
            await asyncio.sleep(0.05)

    await asyncio.wait_for(settled(), 10)
    await rabbit.close()


async def test_a_consumer_whose_queue_was_deleted_makes_it_again(
    rabbitmq: RabbitMqNode, counted: CountedEvents
) -> None:
    consumer = counted.consumer()
    async with consuming(consumer):
        await counted.write(1)
        await counted.until(1)
        await _delete(rabbitmq, queue_of(counted.source, "g"))
        with pytest.raises(aio_pika.exceptions.ChannelClosed):
            await consumer.measure()
        transport = RabbitMq(rabbitmq.url(), readers={counted.source: ("g",)})
        assert await transport.publish([outgoing(counted.source, 2)])
        await counted.until(1, 2)
        await transport.close()


async def test_events_wait_while_the_broker_is_down_and_none_is_lost_when_it_is_back(
    rabbitmq: RabbitMqNode, engines: Any, counted: CountedEvents
) -> None:
    postgres = Postgres(DatabaseSettings(url=engines.postgres_url("rabbit")), application="tests")
    async with postgres.unit_of_work() as connection:
        await connection.run_sync(_metadata.create_all)

    async def write(*numbers: int) -> None:
        async with postgres.unit_of_work() as connection:
            events = [Event(type="Counted", source=counted.source, key="k", data={"n": n}) for n in numbers]
            await enqueue(connection, OUTBOX, *events)

    async def unpublished() -> int:
        async with postgres.read() as connection:
            return int(
                (
                    await connection.execute(text("SELECT count(*) FROM outbox WHERE published_at IS NULL"))
                ).scalar_one()
            )

    relay = OutboxRelay(postgres, counted.transport, OUTBOX, interval=0.05)
    async with running(relay.job), consuming(counted.consumer()):
        await write(1, 2)
        await counted.until(1, 2)
        await asyncio.to_thread(rabbitmq.stop)
        try:
            await write(3, 4)
            await asyncio.sleep(0.3)
            assert await unpublished() == 2
        finally:
            await asyncio.to_thread(rabbitmq.start)
            await asyncio.to_thread(rabbitmq.wait_ready, 120)
        async with asyncio.timeout(60):
            # The relay and the broker may each bring an event twice: neither knows what the other did before it died.
            while set(counted.handled) != {1, 2, 3, 4} or await unpublished():  # noqa: ASYNC110 - in servers
                await asyncio.sleep(0.02)
    assert list(dict.fromkeys(counted.handled)) == [1, 2, 3, 4]
    await postgres.close()


async def test_what_the_broker_has_taken_is_there_after_its_restart(
    rabbitmq: RabbitMqNode, counted: CountedEvents
) -> None:
    await counted.write(*range(20))
    await asyncio.to_thread(rabbitmq.stop)
    await asyncio.to_thread(rabbitmq.start)
    await asyncio.to_thread(rabbitmq.wait_ready, 120)
    async with consuming(counted.consumer()):
        await counted.until(*range(20), within=60)


async def test_the_setting_chooses_the_transport(rabbitmq: RabbitMqNode, engines: Any) -> None:
    async def chosen(url: str) -> tuple[type, bool]:
        settings = OrdersSettings(events=EventsSettings(url=url))
        redis: Any = object()
        async with open_transport(settings, redis) as transport:
            return type(transport), getattr(transport, "_redis", None) is redis

    assert await chosen("") == (RedisStreams, True)
    assert await chosen(engines.redis_url) == (RedisStreams, False)
    assert await chosen(rabbitmq.url()) == (RabbitMq, False)
    with pytest.raises(ValueError, match="pattern"):
        EventsSettings(url="kafka://broker")
