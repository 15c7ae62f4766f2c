"""Live status follows Redis at once also where another server carries the events."""

import asyncio
from typing import Any

import pytest

from subgraphs.kit.background import running
from subgraphs.kit.events.connect import open_transport
from subgraphs.kit.events.transport import OutgoingEvent
from subgraphs.kit.ids import new_id
from subgraphs.kit.postgres.outbox import OutboxRelay
from subgraphs.kit.redis.client import create_redis
from subgraphs.kit.settings import EventsSettings, RedisSettings
from subgraphs.orders.domain.events import READERS, SOURCE
from subgraphs.orders.live.status import LiveStatus
from subgraphs.orders.live.wake_ups import StatusWakeUps
from subgraphs.orders.settings import OrdersSettings
from subgraphs.orders.store.tables import outbox
from tests.subgraphs.orders.live.test_status import SETTINGS, collect, follow
from tests.subgraphs.orders.orders_harness import OrdersHarness


class Elsewhere:
    """Takes every event but those of one type."""

    def __init__(self, refused: str = "") -> None:
        self.refused = refused
        self.taken: list[str] = []

    async def publish(self, events: Any) -> list[OutgoingEvent]:
        taken = [event for event in events if event.type != self.refused]
        self.taken += [event.type for event in taken]
        return taken


def outgoing(kind: str) -> OutgoingEvent:
    return OutgoingEvent(new_id(), kind, "orders", f"{{{kind}}}")


@pytest.mark.parametrize("elsewhere", ["another redis", "rabbitmq"])
async def test_a_subscriber_sees_a_change_long_before_it_would_look_by_itself(
    harness: OrdersHarness, engines: Any, request: pytest.FixtureRequest, elsewhere: str
) -> None:
    url = engines.redis_alone("wake_ups")
    if elsewhere == "rabbitmq":
        url = request.getfixturevalue("rabbitmq").url()
    settings = OrdersSettings(events=EventsSettings(url=url))
    async with (
        create_redis(RedisSettings(url=engines.redis_url)) as redis,
        open_transport(settings, redis, readers={SOURCE: READERS}) as transport,
    ):
        live = LiveStatus(redis, SETTINGS, timeout=0.4)
        relay = OutboxRelay(harness.observer, StatusWakeUps(transport, redis), outbox, interval=0.02)
        async with running(relay.job, live.job):
            order = await harness.place()
            client = asyncio.create_task(collect(follow(live, harness, order.id)))
            await asyncio.sleep(0.2)  # it has read what there was, and waits
            await harness.cancel(order.id)
            async with asyncio.timeout(5):
                assert await client == [1, 2, 3, 4]


async def test_only_changes_of_status_that_were_taken_are_written(engines: Any) -> None:
    async with create_redis(RedisSettings(url=engines.redis_url)) as redis:
        await redis.delete("events:orders")
        events = [outgoing("OrderCreated"), outgoing("OrderStatusChanged")]
        assert await StatusWakeUps(Elsewhere(), redis).publish(events) == events
        assert [fields for _, fields in await redis.xrange("events:orders")] == [
            {"event": "{OrderStatusChanged}"}
        ]
        refusing = StatusWakeUps(Elsewhere(refused="OrderStatusChanged"), redis)
        assert await refusing.publish(events) == events[:1]
        assert await redis.xlen("events:orders") == 1


async def test_a_redis_that_is_away_holds_up_no_event() -> None:
    events = [outgoing("OrderStatusChanged")]
    async with create_redis(RedisSettings(url="redis://127.0.0.1:1/0")) as nowhere:
        elsewhere = Elsewhere()
        assert await StatusWakeUps(elsewhere, nowhere).publish(events) == events
    assert elsewhere.taken == ["OrderStatusChanged"]
