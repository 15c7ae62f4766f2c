"""Events become deliveries, each once for each webhook that wants it."""

import json
from typing import Any

import pytest

from subgraphs.kit.events.event import Event
from subgraphs.orders.webhooks.recorder import DeliveryRecorder
from tests.subgraphs.orders.orders_harness import OrdersHarness

DELIVERIES = (
    "SELECT webhook_id, message_id, event_type, body, status, attempts FROM webhook_deliveries ORDER BY id"
)


def event(type_: str = "OrderPaid") -> Event:
    return Event(type=type_, source="orders", key="o", data={"order_id": "o"})


class Woken:
    def __init__(self, harness: OrdersHarness) -> None:
        self.times = 0
        self.recorder = DeliveryRecorder(postgres=harness.postgres, clock=harness.clock, wake_up=self._wake)

    def _wake(self) -> None:
        self.times += 1


@pytest.fixture
def woken(harness: OrdersHarness) -> Woken:
    return Woken(harness)


async def _webhook(harness: OrdersHarness, *event_types: str, **changes: Any) -> str:
    service = harness.service.webhooks
    webhook = await service.create(harness.staff, url="https://example.com/", event_types=event_types)
    if changes:
        defaults: dict[str, Any] = {"url": None, "event_types": None, "enabled": None}
        await service.update(harness.staff, webhook.id, **defaults | changes)
    return webhook.id


async def test_an_event_that_comes_again_is_one_delivery_to_each_who_wants_it(
    harness: OrdersHarness, woken: Woken
):
    first, second = await _webhook(harness, "OrderPaid"), await _webhook(harness, "OrderPaid", "OrderCreated")
    await _webhook(harness, "OrderCancelled")
    await _webhook(harness, "OrderPaid", enabled=False)
    paid = event()
    for _ in range(3):
        await woken.recorder.handle(Event.from_json(paid.to_json()))
    rows = await harness.rows(DELIVERIES)
    assert {row.webhook_id for row in rows} == {first, second}
    assert [(r.message_id, r.event_type, r.status, r.attempts) for r in rows] == [
        (paid.id, "OrderPaid", "PENDING", 0)
    ] * 2
    assert [json.loads(row.body) for row in rows] == [json.loads(paid.to_json())] * 2


async def test_what_nobody_wants_is_not_written_at_all(harness: OrdersHarness, woken: Woken):
    await _webhook(harness, "OrderCancelled")
    before = await harness.everything()
    await woken.recorder.handle(event())
    await woken.recorder.handle(event("UserRegistered"))
    assert await harness.everything() == before
    assert woken.times == 0


async def test_the_delivery_and_the_note_in_the_inbox_are_written_together_or_not(
    harness: OrdersHarness, woken: Woken, monkeypatch: pytest.MonkeyPatch
):
    await _webhook(harness, "OrderPaid")
    paid = event()

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the process is lost here")

    with monkeypatch.context() as broken:
        broken.setattr("subgraphs.orders.webhooks.recorder.WebhookDeliveryStore.add", fail)
        with pytest.raises(RuntimeError):
            await woken.recorder.handle(paid)
    assert await harness.rows("SELECT * FROM inbox") == []
    await woken.recorder.handle(paid)
    assert [row.message_id for row in await harness.rows(DELIVERIES)] == [paid.id]
    assert woken.times == 1
