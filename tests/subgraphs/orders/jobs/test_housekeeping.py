"""What is kept for a time only goes, in batches; what an order still needs stays."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from subgraphs.kit.events.redis_streams import RedisStreams
from subgraphs.kit.ids import new_id
from subgraphs.kit.postgres.outbox import OutboxRelay
from subgraphs.kit.redis.client import create_redis
from subgraphs.kit.settings import RedisSettings
from subgraphs.orders.domain.errors import InsufficientStock, PaymentDeclined
from subgraphs.orders.domain.transitions import OrderStatus
from subgraphs.orders.jobs import housekeeping
from subgraphs.orders.jobs.housekeeping import Housekeeping
from subgraphs.orders.settings import RetentionSettings
from subgraphs.orders.store.tables import metadata, outbox
from tests.subgraphs.orders import invariants
from tests.subgraphs.orders.orders_harness import START, OrdersHarness

WEEK, MONTH = timedelta(days=7), timedelta(days=30)


@pytest.fixture
def job(harness: OrdersHarness) -> Housekeeping:
    return Housekeeping(
        postgres=harness.postgres, settings=RetentionSettings(keys=WEEK, charges=MONTH), clock=harness.clock
    )


async def _age(harness: OrdersHarness, table: str) -> None:
    """Give the rows of `table` the age that the harness's clock says: the database wrote them by its own."""
    async with harness.observer.unit_of_work() as connection:
        await connection.execute(text(f"UPDATE {table} SET created_at = :at"), {"at": START})


async def _age_what_is_new(harness: OrdersHarness) -> None:
    """The same for rows of the last hour by the database's clock, with the present of the harness's."""
    for table in ("idempotency_keys", "sandbox_charges"):
        async with harness.observer.unit_of_work() as connection:
            await connection.execute(
                text(
                    f"UPDATE {table} SET created_at = :now "
                    "WHERE created_at BETWEEN now() - interval '1 hour' AND now()"
                ),
                {"now": harness.clock.now},
            )


async def _count(harness: OrdersHarness, table: str) -> int:
    [[count]] = await harness.rows(f"SELECT count(*) FROM {table}")
    return int(count)


async def test_an_idempotency_key_is_kept_for_its_time_and_then_free(
    harness: OrdersHarness, job: Housekeeping
):
    lamp = harness.stock.add()
    first = await harness.place(lamp, key="k")
    await _age(harness, "idempotency_keys")
    harness.clock.forward(WEEK)
    await job.run_once()
    assert (await harness.place(lamp, key="k")).id == first.id
    harness.clock.forward(timedelta(microseconds=1))
    await job.run_once()
    assert await _count(harness, "idempotency_keys") == 0
    assert (await harness.place(lamp, key="k")).id != first.id


async def test_charges_go_with_the_orders_that_could_need_them(harness: OrdersHarness, job: Housekeeping):
    paid, cancelled = await harness.place(), await harness.place()
    for order in (paid, cancelled):
        await harness.pay(order.id)
    await harness.cancel(cancelled.id)
    assert await _count(harness, "sandbox_charges") == 3  # two captures and a refund
    await _age(harness, "sandbox_charges")
    harness.clock.forward(MONTH)
    await job.run_once()
    assert await _count(harness, "sandbox_charges") == 3
    harness.clock.forward(timedelta(microseconds=1))
    await job.run_once()
    left = await harness.payment(paid.id)
    assert left is not None
    assert await harness.rows("SELECT key, status FROM sandbox_charges") == [(left.attempt_id, "captured")]
    assert (await harness.cancel(paid.id)).status is OrderStatus.CANCELLED  # it can still be refunded
    await _age(harness, "sandbox_charges")
    await job.run_once()
    assert await _count(harness, "sandbox_charges") == 0


async def test_a_refund_is_kept_while_its_order_is_not_through(harness: OrdersHarness, job: Housekeeping):
    order = await harness.place()
    await harness.pay(order.id)

    async def away(_: str) -> None:
        harness.inventory.down = True

    harness.faults.named = {"provider.refund:after": away}
    assert (await harness.cancel(order.id)).status is OrderStatus.CANCELLING
    harness.faults.reset()
    await _age(harness, "sandbox_charges")
    harness.clock.forward(2 * MONTH)
    await job.run_once()
    assert await _count(harness, "sandbox_charges") == 2
    harness.inventory.down = False
    await harness.until_quiet()
    await invariants.check(harness)


async def test_a_part_that_was_refunded_is_kept_while_the_rest_may_be(
    harness: OrdersHarness, job: Housekeeping
):
    order = await harness.place()
    await harness.pay(order.id)
    for status in (OrderStatus.PROCESSING, OrderStatus.SHIPPED, OrderStatus.DELIVERED):
        await harness.move(order.id, status)
    await harness.refund(order.id, "1")
    await _age(harness, "sandbox_charges")
    harness.clock.forward(2 * MONTH)
    await job.run_once()
    assert await _count(harness, "sandbox_charges") == 2
    assert (await harness.refund(order.id)).status is OrderStatus.REFUNDED
    await invariants.check(harness)
    await _age(harness, "sandbox_charges")
    await job.run_once()
    assert await _count(harness, "sandbox_charges") == 0


async def test_an_event_of_a_provider_goes_when_it_is_worked_off_and_old(
    harness: OrdersHarness, job: Housekeeping
):
    await harness.webhook("payment.captured", "none")
    await harness.payment_events.run_once()
    await harness.webhook("payment.captured", "none, and nobody worked it off")
    harness.clock.forward(MONTH)
    await job.run_once()
    assert await _count(harness, "payment_events") == 2
    harness.clock.forward(timedelta(microseconds=1))
    await job.run_once()
    assert await harness.rows("SELECT reference FROM payment_events") == [("none, and nobody worked it off",)]


async def test_the_charge_of_a_late_capture_is_kept_until_its_refund_is_made(
    harness: OrdersHarness, job: Housekeeping
):
    order = await harness.place()
    with suppress(PaymentDeclined):
        await harness.pay(order.id, "tok_declined")
    payment = await harness.payment(order.id)
    assert payment is not None
    await harness.cancel(order.id)
    await harness.captured_by_hand(payment.attempt_id)
    await harness.webhook("payment.captured", payment.attempt_id)
    await harness.payment_events.run_once()
    await _age(harness, "sandbox_charges")
    harness.clock.forward(2 * MONTH)
    await job.run_once()
    assert await _count(harness, "sandbox_charges") == 1
    await harness.late_refunds.run_once()
    await invariants.check(harness)
    await _age(harness, "sandbox_charges")
    await job.run_once()
    assert await _count(harness, "sandbox_charges") == 0


async def test_a_batch_that_is_full_says_that_there_may_be_more(
    harness: OrdersHarness, job: Housekeeping, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(housekeeping, "_BATCH", 4)
    async with harness.observer.unit_of_work() as connection:
        await connection.execute(
            text(
                "INSERT INTO idempotency_keys SELECT :user, 'createOrder', n, 'h', 'r', :at "
                "FROM generate_series(1, 10) AS n"
            ),
            {"user": new_id(), "at": START},
        )
    harness.clock.forward(2 * WEEK)
    assert [await job.run_once() for _ in range(3)] == [True, True, False]
    assert await _count(harness, "idempotency_keys") == 0


async def test_what_somebody_is_using_is_passed_over_and_keeps_nobody_waiting(
    harness: OrdersHarness, job: Housekeeping
):
    for key in ("used", "old"):
        await harness.place(key=key)
    await _age(harness, "idempotency_keys")
    harness.clock.forward(2 * WEEK)
    async with harness.observer.unit_of_work() as connection:
        await connection.execute(text("SELECT 1 FROM idempotency_keys WHERE key = 'used' FOR UPDATE"))
        await job.run_once()
        assert await harness.rows("SELECT key FROM idempotency_keys") == [("used",)]
    await job.run_once()
    assert await _count(harness, "idempotency_keys") == 0


class NewOutbox:
    """The outbox relay, run by hand; what it published ages with the harness's clock."""

    def __init__(self, harness: OrdersHarness, redis: Redis) -> None:
        self._harness = harness
        self._relay = OutboxRelay(harness.observer, RedisStreams(redis), outbox)

    async def empty(self) -> None:
        async with self._harness.observer.read() as connection:
            while await self._relay.publish_batch(connection):
                pass
            self._relay._purge_at = START
            await self._relay._purge(connection)

    async def age(self, by: timedelta) -> None:
        async with self._harness.observer.unit_of_work() as connection:
            await connection.execute(
                text("UPDATE outbox SET published_at = published_at - CAST(:by AS interval)"), {"by": by}
            )


# The books; every other table holds what has served its purpose after a while.
_KEPT_FOR_GOOD = {"orders", "order_items", "order_events", "payments", "refunds", "units_sold", "webhooks"}


async def test_storage_stops_growing_under_steady_traffic(
    harness: OrdersHarness, job: Housekeeping, engines: Any
):
    """Half a year of five orders with keys each week: paid and cancelled, declined, expired, refused, left pending a while."""
    names = sorted(set(metadata.tables) - _KEPT_FOR_GOOD)
    sizes = []
    async with create_redis(RedisSettings(url=engines.redis_url)) as redis:
        relayed = NewOutbox(harness, redis)
        for _ in range(26):
            await _week_of_orders(harness)
            await relayed.empty()
            await _age_what_is_new(harness)
            await relayed.age(WEEK + timedelta(seconds=1))
            harness.clock.forward(WEEK)
            await harness.until_quiet()
            await relayed.empty()
            while await job.run_once():
                pass
            sizes.append({name: await _count(harness, name) for name in names})
    # Keys of one week, charges of a month, what happened to the orders within the last week.
    assert (sizes[0]["idempotency_keys"], sizes[0]["sandbox_charges"]) == (7, 3)
    assert 0 < sizes[0]["outbox"] < 60
    assert sizes[6:] == [sizes[6]] * 20
    assert all(max(size[name] for size in sizes) == sizes[-1][name] for name in names)


async def _week_of_orders(harness: OrdersHarness) -> None:
    lamp = harness.stock.add(available=2)
    first = await harness.place(lamp, key=new_id())
    await harness.pay(first.id, key=new_id())
    await harness.cancel(first.id)
    second = await harness.place(lamp, key=new_id())
    with suppress(PaymentDeclined):
        await harness.pay(second.id, "tok_declined", key=new_id())
    with suppress(InsufficientStock):
        await harness.place(lamp, quantity=3, key=new_id())
    await harness.place(lamp, key=new_id())
    harness.inventory.down = True
    await harness.place(lamp, key=new_id())
    harness.inventory.down = False
    await harness.until_quiet()


async def test_what_is_old_is_found_by_an_index(harness: OrdersHarness):
    for table in ("idempotency_keys", "sandbox_charges"):
        async with harness.observer.unit_of_work() as connection:
            await connection.execute(text("SET LOCAL enable_seqscan = off"))
            plan = await connection.execute(
                text(f"EXPLAIN SELECT * FROM {table} WHERE created_at < now() ORDER BY created_at LIMIT 10")
            )
            assert f"{table}_by_age" in "\n".join(row[0] for row in plan)


async def test_deliveries_go_with_their_log_and_the_notes_of_the_inbox(
    harness: OrdersHarness, job: Housekeeping
):
    webhooks = harness.service.webhooks
    webhook = await webhooks.create(harness.staff, url="https://example.com/", event_types=["OrderPaid"])
    old = await webhooks.send_test_event(harness.staff, webhook.id)
    async with harness.observer.unit_of_work() as connection:
        await connection.execute(
            text(
                "INSERT INTO webhook_attempts (id, delivery_id, at, duration_ms) VALUES ('a', :delivery, now(), 1)"
            ),
            {"delivery": old.id},
        )
        await connection.execute(
            text(
                "INSERT INTO inbox (consumer, message_id, at) "
                "VALUES ('c', 'old', now() - interval '31 days'), ('c', 'new', now())"
            )
        )
    harness.clock.forward(MONTH)
    await job.run_once()
    assert await _count(harness, "webhook_deliveries") == 1
    harness.clock.forward(timedelta(microseconds=1))
    new = await webhooks.send_test_event(harness.staff, webhook.id)
    await job.run_once()
    assert await harness.rows("SELECT id FROM webhook_deliveries") == [(new.id,)]
    assert await _count(harness, "webhook_attempts") == 0
    assert await harness.rows("SELECT message_id FROM inbox") == [("new",)]
