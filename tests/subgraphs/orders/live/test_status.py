"""Live status on a real database and stream: everybody sees 1, 2, 3 … whatever happens in between."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from subgraphs.kit.background import running
from subgraphs.kit.errors import Unauthenticated
from subgraphs.kit.events.redis_streams import RedisStreams
from subgraphs.kit.events.streams import stream_of
from subgraphs.kit.ids import new_id
from subgraphs.kit.postgres.outbox import OutboxRelay
from subgraphs.kit.redis.client import create_redis
from subgraphs.kit.settings import RedisSettings
from subgraphs.orders.domain.errors import PaymentDeclined
from subgraphs.orders.domain.ids import OrderId
from subgraphs.orders.domain.orders import OrderEvent
from subgraphs.orders.live.status import LiveStatus
from subgraphs.orders.settings import LiveSettings
from subgraphs.orders.store.tables import outbox
from tests.subgraphs.orders.orders_harness import OrdersHarness, eventually

STREAM = stream_of("orders")
SETTINGS = LiveSettings(fallback=timedelta(seconds=5), idle_read=timedelta(seconds=60))


@pytest.fixture
async def redis(engines: Any) -> AsyncIterator[Redis]:
    async with create_redis(RedisSettings(url=engines.redis_url)) as redis:
        yield redis


@pytest.fixture
async def live(harness: OrdersHarness, redis: Redis) -> AsyncIterator[LiveStatus]:
    """Following, with a relay that is told of each commit."""
    relay = OutboxRelay(harness.observer, RedisStreams(redis), outbox, interval=0.02)
    live = LiveStatus(redis, SETTINGS, timeout=0.4)
    async with running(relay.job, live.job):
        yield live


def follow(
    live: LiveStatus, harness: OrdersHarness, order_id: str, after_seq: int = 0, until: float | None = None
) -> AsyncGenerator[OrderEvent, None]:
    async def read(seq: int) -> list[OrderEvent]:
        return await harness.service.orders.events(OrderId(order_id), after_seq=seq)

    return live.follow(OrderId(order_id), after_seq=after_seq, until=until, read=read, check=_holds)


async def _holds() -> None:
    """A session that never ends."""


async def collect(events: AsyncGenerator[OrderEvent, None]) -> list[int]:
    return [event.seq async for event in events]


async def _decline(harness: OrdersHarness, order_id: str, times: int) -> None:
    for _ in range(times):
        with suppress(PaymentDeclined):
            await harness.pay(order_id, "tok_declined")


async def test_followers_that_come_at_any_time_see_every_event_once_and_in_order(
    live: LiveStatus, harness: OrdersHarness
):
    order = await harness.place()
    followers = [asyncio.create_task(collect(follow(live, harness, order.id)))]
    for turn in range(6):
        await _decline(harness, order.id, 1)
        late = follow(live, harness, order.id, after_seq=turn)
        followers.append(asyncio.create_task(collect(late)))
    await harness.pay(order.id)
    await harness.cancel(order.id)
    last = (await harness.order(order.id)).last_seq
    assert last == 18
    async with asyncio.timeout(10):
        seen = await asyncio.gather(*followers)
    assert seen == [list(range(1, last + 1)), *(list(range(turn + 1, last + 1)) for turn in range(6))]
    assert live._subscribers == {}


async def test_an_event_is_told_at_once_and_not_at_the_next_look(live: LiveStatus, harness: OrdersHarness):
    order = await harness.place()
    async with aclosing(follow(live, harness, order.id, after_seq=2)) as events:
        told = asyncio.create_task(anext(events))
        await asyncio.sleep(0.2)
        assert not told.done()
        await harness.cancel(order.id)
        async with asyncio.timeout(4):
            assert (await told).seq == 3


async def test_a_client_that_reconnects_a_hundred_times_sees_each_event_exactly_once(
    live: LiveStatus, harness: OrdersHarness, redis: Redis
):
    order = await harness.place()
    seen: list[int] = []

    async def reconnect() -> None:
        while True:
            async with aclosing(follow(live, harness, order.id, seen[-1] if seen else 0)) as events:
                event = await anext(events)
            seen.append(event.seq)
            if event.status.value == "CANCELLED":
                return

    client = asyncio.create_task(reconnect())
    for turn in range(48):
        await _decline(harness, order.id, 1)
        await (redis.flushdb() if turn % 2 else redis.xtrim(STREAM, maxlen=0, approximate=False))
    await harness.cancel(order.id)
    async with asyncio.timeout(20):
        await client
    assert seen == list(range(1, 101))
    assert live._subscribers == {}


async def test_a_slow_client_misses_nothing_and_holds_nobody_up(live: LiveStatus, harness: OrdersHarness):
    order = await harness.place()
    async with aclosing(follow(live, harness, order.id)) as slow:
        assert (await anext(slow)).seq == 1
        quick = asyncio.create_task(collect(follow(live, harness, order.id)))
        await _decline(harness, order.id, 3)
        await harness.cancel(order.id)
        async with asyncio.timeout(10):
            assert await quick == list(range(1, 11))
        assert await collect(slow) == list(range(2, 11))


async def test_a_client_that_goes_is_forgotten(live: LiveStatus, harness: OrdersHarness):
    order = await harness.place()
    events = follow(live, harness, order.id)
    assert (await anext(events)).seq == 1
    assert len(live._subscribers[order.id]) == 1
    await events.aclose()
    waiting = asyncio.create_task(collect(follow(live, harness, order.id)))

    async def waits() -> bool:
        return order.id in live._subscribers

    await eventually(waits)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert live._subscribers == {}


async def test_the_end_of_the_token_ends_the_stream_and_says_where_to_go_on(
    live: LiveStatus, harness: OrdersHarness
):
    order = await harness.place()
    events = follow(live, harness, order.id, until=time.time() + 0.3)
    assert [(await anext(events)).seq for _ in range(2)] == [1, 2]
    with pytest.raises(Unauthenticated, match="afterSeq: 2"):
        await anext(events)
    assert live._subscribers == {}


async def test_without_redis_events_are_read_now_and_then(harness: OrdersHarness):
    settings = LiveSettings(fallback=timedelta(seconds=0.05), idle_read=timedelta(hours=1))
    async with create_redis(RedisSettings(url="redis://127.0.0.1:1/0")) as nowhere:
        live = LiveStatus(nowhere, settings, timeout=2)
        async with running(live.job):
            order = await harness.place()
            client = asyncio.create_task(collect(follow(live, harness, order.id)))
            await _decline(harness, order.id, 2)
            await harness.cancel(order.id)
            async with asyncio.timeout(10):
                assert await client == list(range(1, 9))


async def test_what_cannot_be_read_in_the_stream_stops_nobody(
    live: LiveStatus, harness: OrdersHarness, redis: Redis
):
    order = await harness.place()
    client = asyncio.create_task(collect(follow(live, harness, order.id)))
    for fields in (
        {"event": "{"},
        {"event": "[]"},
        {"event": '{"type": "OrderStatusChanged"}'},
        {"other": "1"},
        {"event": f'{{"type": "OrderStatusChanged", "data": {{"order_id": "{order.id}", "seq": "9"}}}}'},
    ):
        await redis.xadd(STREAM, fields)
    await harness.cancel(order.id)
    async with asyncio.timeout(4):
        assert await client == [1, 2, 3, 4]


async def test_a_stream_that_was_lost_is_followed_from_its_new_begin(
    live: LiveStatus, harness: OrdersHarness, redis: Redis
):
    order = await harness.place()
    client = asyncio.create_task(collect(follow(live, harness, order.id)))
    await _decline(harness, order.id, 1)
    await redis.delete(STREAM)
    await harness.cancel(order.id)
    async with asyncio.timeout(10):
        assert await client == [1, 2, 3, 4, 5, 6]


async def test_one_stream_serves_orders_that_nobody_follows(live: LiveStatus, harness: OrdersHarness):
    order = await harness.place()
    other = await harness.place()
    client = asyncio.create_task(collect(follow(live, harness, order.id)))
    await harness.cancel(other.id)
    await harness.cancel(order.id)
    async with asyncio.timeout(10):
        assert await client == [1, 2, 3, 4]
    assert new_id() not in live._subscribers


async def test_who_is_told_of_each_change_looks_for_itself_seldom(harness: OrdersHarness, redis: Redis):
    settings = LiveSettings(fallback=timedelta(seconds=0.05), idle_read=timedelta(seconds=1))
    live = LiveStatus(redis, settings, timeout=0.4)
    order = await harness.place()
    reads, checks = 0, 0

    async def read(seq: int) -> list[OrderEvent]:
        nonlocal reads
        reads += 1
        return await harness.service.orders.events(OrderId(order.id), after_seq=seq)

    async def check() -> None:
        nonlocal checks
        checks += 1

    async def looked_often() -> bool:
        return reads >= 8

    events = live.follow(OrderId(order.id), after_seq=2, until=None, read=read, check=check)
    waiting = asyncio.create_task(collect(events))
    async with running(live.job):

        async def told() -> bool:
            return live._follower.following

        async def checked() -> bool:
            return checks >= 11

        await eventually(told)
        reads, checks = 0, 0
        await eventually(checked)
        # Twenty looks of the session's for one at the events; another at the begin of the following.
        assert reads <= 2
    # Nobody tells any more: it looks for itself at once.
    reads = 0
    await eventually(looked_often)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_a_session_that_ends_while_nothing_happens_ends_its_subscription(
    live: LiveStatus, harness: OrdersHarness
):
    live._look = 0.05
    order = await harness.place()
    ended = False

    async def read(seq: int) -> list[OrderEvent]:
        return await harness.service.orders.events(OrderId(order.id), after_seq=seq)

    async def check() -> None:
        if ended:
            raise Unauthenticated("The session has ended.")

    events = live.follow(OrderId(order.id), after_seq=2, until=None, read=read, check=check)
    waiting = asyncio.create_task(anext(events))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    ended = True
    with pytest.raises(Unauthenticated):
        async with asyncio.timeout(5):
            await waiting
    assert live._subscribers == {}
