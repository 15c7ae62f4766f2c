"""What the metrics say of orders: the states that they enter, their steps, and those that stand still."""

from datetime import timedelta

from subgraphs.orders.domain.transitions import OrderStatus
from subgraphs.orders.jobs.measurement import MeasureOverdueOrders
from subgraphs.orders.store.orders import count_transitions
from tests.harness.samples import sample
from tests.subgraphs.orders.orders_harness import WINDOW, OrdersHarness


def overdue() -> dict[str, float]:
    """How many orders stand still, by state, where there are any."""
    counts = {status.value: sample("saga_overdue_orders", status=status.value) for status in OrderStatus}
    return {status: count for status, count in counts.items() if count}


async def test_orders_that_should_have_gone_on_are_measured_by_state(harness: OrdersHarness):
    measure = MeasureOverdueOrders(postgres=harness.postgres, clock=harness.clock)
    await harness.place()
    await measure.run_once()
    assert overdue() == {}, "an order that waits to be paid is in order"
    harness.inventory.down = True
    await harness.place()
    await measure.run_once()
    before = sample("saga_steps_total", status="PENDING_STOCK", outcome="waits")
    harness.clock.forward(timedelta(seconds=90))
    await harness.resume.run_once()  # in vain: it comes again later
    assert sample("saga_steps_total", status="PENDING_STOCK", outcome="waits") == before + 1
    await measure.run_once()
    assert overdue() == {"PENDING_STOCK": 1}
    assert sample("saga_oldest_overdue_seconds") == 90
    harness.inventory.down = False
    resumed = sample("saga_resumed_orders_total", outcome="done")
    await harness.until_quiet()
    assert sample("saga_resumed_orders_total", outcome="done") == resumed + 1
    await measure.run_once()
    assert (overdue(), sample("saga_oldest_overdue_seconds")) == ({}, 0)


async def test_states_are_counted_when_they_are_committed(harness: OrdersHarness):
    harness.postgres.after_commit(count_transitions)
    before = {s: sample("order_transitions_total", status=s) for s in ("AWAITING_PAYMENT", "EXPIRED")}
    steps = sample("saga_steps_total", status="PENDING_STOCK", outcome="done")
    try:
        await harness.place()
        harness.clock.forward(WINDOW)
        await harness.resume.run_once()
    finally:
        harness.postgres._observers.remove(count_transitions)
    assert sample("saga_steps_total", status="PENDING_STOCK", outcome="done") == steps + 1
    after = {s: sample("order_transitions_total", status=s) for s in before}
    assert {s: after[s] - before[s] for s in before} == {"AWAITING_PAYMENT": 1, "EXPIRED": 1}
