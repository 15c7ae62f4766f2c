"""What is kept for a time only goes, in batches; what an order still needs stays."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from subgraphs.kit.ids import new_id
from subgraphs.orders.domain.transitions import OrderStatus
from subgraphs.orders.jobs import housekeeping
from subgraphs.orders.jobs.housekeeping import Housekeeping
from subgraphs.orders.settings import RetentionSettings
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


async def test_storage_stops_growing_under_steady_traffic(harness: OrdersHarness, job: Housekeeping):
    """Half a year of an order with a key each week, paid and cancelled."""
    sizes = []
    for _ in range(26):
        order = await harness.place(key=new_id())
        await harness.pay(order.id, key=new_id())
        await harness.cancel(order.id)
        await _age_what_is_new(harness)
        harness.clock.forward(WEEK)
        while await job.run_once():
            pass
        sizes.append((await _count(harness, "idempotency_keys"), await _count(harness, "sandbox_charges")))
    assert sizes[0] == (2, 2)
    assert max(sizes) == sizes[-1]
    assert sizes[6:] == [sizes[6]] * 20


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
