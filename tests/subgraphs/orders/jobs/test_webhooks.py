"""Sending deliveries to a real receiver: until they are taken or given up, by any number of processes."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.responses import Response

from subgraphs.kit.events.event import Event
from subgraphs.kit.settings import DatabaseSettings
from subgraphs.orders.domain.webhooks import Webhook
from subgraphs.orders.jobs.webhooks import DeliverWebhooks
from subgraphs.orders.settings import WebhookSettings
from subgraphs.orders.webhooks.recorder import DeliveryRecorder
from subgraphs.orders.webhooks.sender import WebhookSender
from tests.harness.launcher import ROOT
from tests.subgraphs.orders.orders_harness import ANY_URL, OrdersHarness, eventually
from tests.subgraphs.orders.webhook_receiver import Receiver, receiving

SETTINGS = WebhookSettings(
    timeout=timedelta(seconds=5),
    max_attempts=3,
    first_pause=timedelta(seconds=10),
    longest_pause=timedelta(seconds=30),
    disable_after=timedelta(days=1),
)
LEASE = timedelta(seconds=25)

Senders = Callable[[], Awaitable[DeliverWebhooks]]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def senders(harness: OrdersHarness) -> AsyncIterator[Senders]:
    """New processes that send, as far as the database can tell."""
    async with AsyncExitStack() as stack:

        async def make() -> DeliverWebhooks:
            sender = await stack.enter_async_context(WebhookSender(ANY_URL, timeout=SETTINGS.timeout))
            deliver = DeliverWebhooks(
                postgres=harness.postgres, sender=sender, settings=SETTINGS, clock=harness.clock
            )
            stack.push_async_callback(deliver.close)
            return deliver

        yield make


@pytest.fixture
async def deliver(senders: Senders) -> DeliverWebhooks:
    return await senders()


async def _webhook(harness: OrdersHarness, receiver: Receiver) -> Webhook:
    return await harness.service.webhooks.create(harness.staff, url=receiver.url, event_types=["OrderPaid"])


async def _told(harness: OrdersHarness, count: int = 1) -> list[Event]:
    recorder = DeliveryRecorder(postgres=harness.postgres, clock=harness.clock, wake_up=lambda: None)
    events = [Event(type="OrderPaid", source="orders", key="o", data={"n": n}) for n in range(count)]
    for event in events:
        await recorder.handle(event)
    return events


async def _send(deliver: DeliverWebhooks) -> None:
    """What is due is sent, to the end of each attempt."""
    await deliver.run_once()
    await deliver.idle()


async def _deliveries(harness: OrdersHarness) -> list[tuple[Any, ...]]:
    query = "SELECT status, attempts, next_attempt_at FROM webhook_deliveries ORDER BY id"
    return [tuple(row) for row in await harness.rows(query)]


async def _attempts(harness: OrdersHarness) -> list[tuple[Any, ...]]:
    query = "SELECT status, response, error FROM webhook_attempts ORDER BY id"
    return [tuple(row) for row in await harness.rows(query)]


async def _now(harness: OrdersHarness) -> Webhook:
    [webhook] = await harness.service.webhooks.all(harness.staff)
    return webhook


async def test_an_event_arrives_as_it_is_and_signed(
    harness: OrdersHarness, deliver: DeliverWebhooks, receiver: Receiver
):
    webhook = await _webhook(harness, receiver)
    [event] = await _told(harness)
    await _send(deliver)
    [got] = receiver.received
    assert (got.id, got.body) == (event.id, event.to_json())
    assert got.headers["webhook-event-type"] == "OrderPaid"
    assert got.headers["webhook-timestamp"] == str(int(harness.clock().timestamp()))
    assert got.is_signed_with(webhook.secret)
    assert not got.is_signed_with(webhook.secret[:-6] + "AAAAA=")
    assert await _deliveries(harness) == [("DELIVERED", 1, None)]
    assert await _attempts(harness) == [(200, "thank you", None)]
    await _send(deliver)
    assert len(receiver.received) == 1


async def test_both_secrets_sign_for_a_day_after_a_change(
    harness: OrdersHarness, deliver: DeliverWebhooks, receiver: Receiver
):
    old = await _webhook(harness, receiver)
    new = await harness.service.webhooks.rotate_secret(harness.staff, old.id)
    assert new.secret != old.secret
    await _told(harness)
    await _send(deliver)
    harness.clock.forward(timedelta(days=1))
    await _told(harness)
    await _send(deliver)
    signed = [(got.is_signed_with(old.secret), got.is_signed_with(new.secret)) for got in receiver.received]
    assert signed == [(True, True), (False, True)]


async def test_what_is_not_taken_comes_again_ever_later_and_is_given_up(
    harness: OrdersHarness, deliver: DeliverWebhooks, receiver: Receiver
):
    await _webhook(harness, receiver)
    [event] = await _told(harness)
    receiver.answers = [Response(b"busy", 503), Response(b"", 302), Response(b"no", 500)]
    for attempt, pause in ((1, 10), (2, 30)):
        await _send(deliver)
        [(status, attempts, again)] = await _deliveries(harness)
        assert (status, attempts) == ("PENDING", attempt)
        assert 0.8 * pause <= (again - harness.clock()).total_seconds() <= 1.2 * pause
        await _send(deliver)
        assert len(receiver.received) == attempt
        harness.clock.forward(timedelta(seconds=1.2 * pause))
    await _send(deliver)
    assert await _deliveries(harness) == [("FAILED", 3, None)]
    assert await _attempts(harness) == [(503, "busy", None), (302, "", None), (500, "no", None)]
    assert [got.id for got in receiver.received] == [event.id] * 3
    assert (await _now(harness)).enabled


async def test_a_failed_delivery_is_replayed_under_its_id(
    harness: OrdersHarness, deliver: DeliverWebhooks, receiver: Receiver
):
    await _webhook(harness, receiver)
    [event] = await _told(harness)
    await _send(deliver)
    [[delivery_id]] = await harness.rows("SELECT id FROM webhook_deliveries")
    replayed = await harness.service.webhooks.replay(harness.staff, delivery_id)
    assert (replayed.status, replayed.attempts) == ("PENDING", 0)
    await _send(deliver)
    assert [got.id for got in receiver.received] == [event.id] * 2
    assert await _deliveries(harness) == [("DELIVERED", 1, None)]
    assert len(await _attempts(harness)) == 2


async def test_after_days_of_failures_the_webhook_is_disabled_until_staff_enable_it(
    harness: OrdersHarness, deliver: DeliverWebhooks, receiver: Receiver
):
    webhook = await _webhook(harness, receiver)
    await _told(harness)
    receiver.answers = [Response(b"", 500)] * 2
    began = harness.clock()
    await _send(deliver)
    assert (await _now(harness)).failing_since == began
    harness.clock.forward(timedelta(days=1))
    await _send(deliver)
    disabled = await _now(harness)
    assert (disabled.enabled, disabled.disabled_reason) == (
        False,
        "Every attempt since 2026-01-31 12:00 UTC has failed.",
    )
    harness.clock.forward(timedelta(days=1))
    await _send(deliver)
    assert len(receiver.received) == 2
    await harness.service.webhooks.update(harness.staff, webhook.id, url=None, event_types=None, enabled=True)
    await _send(deliver)
    assert await _deliveries(harness) == [("DELIVERED", 3, None)]
    enabled = await _now(harness)
    assert (enabled.enabled, enabled.disabled_reason, enabled.failing_since) == (True, None, None)


async def test_a_success_forgets_the_failures_before_it(
    harness: OrdersHarness, deliver: DeliverWebhooks, receiver: Receiver
):
    await _webhook(harness, receiver)
    await _told(harness)
    receiver.answers = [Response(b"", 500)]
    await _send(deliver)
    assert (await _now(harness)).failing_since is not None
    harness.clock.forward(timedelta(seconds=12))
    await _send(deliver)
    assert (await _now(harness)).failing_since is None


async def test_another_url_has_not_failed_yet(
    harness: OrdersHarness, deliver: DeliverWebhooks, receiver: Receiver
):
    webhook = await _webhook(harness, receiver)
    [event] = await _told(harness)
    receiver.answers = [Response(b"", 500)]
    await _send(deliver)
    harness.clock.forward(timedelta(days=1))
    async with receiving() as other:
        moved = await harness.service.webhooks.update(
            harness.staff, webhook.id, url=other.url, event_types=None, enabled=None
        )
        assert (moved.url, moved.failing_since, moved.secret) == (other.url, None, webhook.secret)
        await _send(deliver)
        assert [got.id for got in other.received] == [event.id]


async def test_a_receiver_that_is_gone_is_not_called_again(
    harness: OrdersHarness, deliver: DeliverWebhooks, receiver: Receiver
):
    await _webhook(harness, receiver)
    await _told(harness)
    receiver.answers = [Response(b"", 410)]
    await _send(deliver)
    webhook = await _now(harness)
    assert (webhook.enabled, webhook.disabled_reason) == (False, "The receiver answered 410 Gone.")


async def test_two_processes_send_each_delivery_once(
    harness: OrdersHarness, senders: Senders, receiver: Receiver
):
    await _webhook(harness, receiver)
    events = await _told(harness, 30)
    both = [await senders(), await senders()]
    for _ in range(6):
        await asyncio.gather(*(_send(deliver) for deliver in both))
    assert sorted(got.id for got in receiver.received) == sorted(event.id for event in events)
    assert await _deliveries(harness) == [("DELIVERED", 1, None)] * 30


async def test_a_slow_receiver_does_not_keep_the_others_waiting(
    harness: OrdersHarness, deliver: DeliverWebhooks, receiver: Receiver
):
    receiver.open.clear()
    await _webhook(harness, receiver)
    await _told(harness, 12)
    await deliver.run_once()
    await receiver.gets(5)
    async with receiving() as quick:
        await _webhook(harness, quick)
        [event] = await _told(harness)
        await deliver.run_once()
        assert [got.id for got in await quick.gets(1)] == [event.id]
    assert len(receiver.received) == 5


async def test_what_was_sent_and_not_recorded_is_sent_again_under_its_id(
    harness: OrdersHarness, senders: Senders, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    await _webhook(harness, receiver)
    [event] = await _told(harness)
    first = await senders()

    async def fail(*_: object, **__: object) -> None:
        raise OSError("the database is away")

    with monkeypatch.context() as broken:
        broken.setattr("subgraphs.orders.jobs.webhooks.WebhookDeliveryStore.record", fail)
        await _send(first)
    assert await _deliveries(harness) == [("PENDING", 1, harness.clock() + LEASE)]
    second = await senders()
    await _send(second)
    assert len(receiver.received) == 1
    harness.clock.forward(LEASE)
    await _send(second)
    assert [got.id for got in receiver.received] == [event.id] * 2
    assert await _deliveries(harness) == [("DELIVERED", 2, None)]


async def test_a_slow_process_does_not_undo_what_another_has_recorded(
    harness: OrdersHarness, senders: Senders, receiver: Receiver
):
    await _webhook(harness, receiver)
    await _told(harness)
    receiver.open.clear()
    slow, quick = await senders(), await senders()
    await slow.run_once()
    await receiver.gets(1)
    receiver.answers = [Response(b"", 500)]  # for whoever is answered first
    harness.clock.forward(LEASE)
    await quick.run_once()
    await receiver.gets(2)
    receiver.open.set()
    await asyncio.gather(slow.idle(), quick.idle())
    # Only the second attempt is on record, whatever became of it.
    [(status, attempts, _)] = await _deliveries(harness)
    assert attempts == 2
    assert len(await _attempts(harness)) == 1
    assert (status == "DELIVERED") == (await _attempts(harness) == [(200, "thank you", None)])


async def test_a_process_that_is_killed_while_it_sends_loses_nothing(
    harness: OrdersHarness, senders: Senders, receiver: Receiver, database: DatabaseSettings
):
    harness.clock.now = datetime.now(UTC)
    webhook = await _webhook(harness, receiver)
    [event] = await _told(harness)
    receiver.open.clear()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.subgraphs.orders.webhook_process", database.url, cwd=ROOT
    )
    try:
        await receiver.gets(1, within=30)
    finally:
        process.kill()
        await process.wait()
    receiver.open.set()
    harness.clock.forward(timedelta(minutes=2))
    await _send(await senders())
    first, second = receiver.received
    assert (first.id, first.body) == (second.id, second.body) == (event.id, event.to_json())
    assert first.is_signed_with(webhook.secret)
    assert second.is_signed_with(webhook.secret)
    assert await _deliveries(harness) == [("DELIVERED", 2, None)]


async def test_a_webhook_that_is_deleted_takes_its_deliveries_along(
    harness: OrdersHarness, deliver: DeliverWebhooks, receiver: Receiver
):
    webhook = await _webhook(harness, receiver)
    await _told(harness)
    receiver.open.clear()
    await deliver.run_once()
    await receiver.gets(1)
    await harness.service.webhooks.delete(harness.staff, webhook.id)
    receiver.open.set()
    await deliver.idle()
    assert await _deliveries(harness) == []
    assert await _attempts(harness) == []


async def test_one_that_ends_leaves_what_it_sends_to_others(
    harness: OrdersHarness, senders: Senders, receiver: Receiver
):
    await _webhook(harness, receiver)
    await _told(harness)
    receiver.open.clear()
    first = await senders()
    await first.run_once()
    await receiver.gets(1)
    await first.close()
    assert await _deliveries(harness) == [("PENDING", 1, harness.clock() + LEASE)]

    async def nothing_runs() -> bool:
        return not first._running

    await eventually(nothing_runs)
