"""How many statements each use case sends: what a customer waits for, beside the calls to other services."""

import pytest

from tests.harness.statements import statements
from tests.subgraphs.orders.orders_harness import OrdersHarness


def _kinds(sent: list[str]) -> list[str]:
    """Verb and table of each statement."""
    words = [statement.split() for statement in sent]
    return [
        f"{w[0]} {w[w.index('FROM') + 1] if w[0] == 'SELECT' else w[2 if w[0] == 'INSERT' else 1]}"
        for w in words
    ]


_STATE_CHANGE = ["UPDATE orders", "INSERT order_events", "INSERT outbox"]


async def test_placing_an_order_is_four_statements_and_holding_its_stock_four_more(harness: OrdersHarness):
    lamp, desk = harness.stock.add(), harness.stock.add()
    with statements(harness.postgres) as sent:
        await harness.place(lamp, desk)
    assert _kinds(sent) == [
        "INSERT orders",
        "INSERT order_items",
        "INSERT order_events",
        "INSERT outbox",
        *_STATE_CHANGE,
        "UPDATE order_items",
    ]


@pytest.mark.parametrize(("key", "more"), [("k", 1), (None, 0)])
async def test_an_idempotency_key_costs_one_statement_and_its_repetition_three(
    harness: OrdersHarness, key: str | None, more: int
):
    lamp = harness.stock.add()
    with statements(harness.postgres) as first:
        await harness.place(lamp, key=key)
    assert len(first) == 8 + more
    if key is not None:
        with statements(harness.postgres) as again:
            await harness.place(lamp, key=key)
        assert _kinds(again) == ["INSERT idempotency_keys", "SELECT idempotency_keys", "SELECT orders"]


async def test_paying_reads_the_order_once(harness: OrdersHarness):
    order = await harness.place()
    with statements(harness.postgres) as sent:
        await harness.pay(order.id)
    assert _kinds(sent) == [
        "SELECT orders",
        *_STATE_CHANGE,
        "INSERT payments",
        "SELECT payments",
        "UPDATE payments",
        "UPDATE payments",
        *_STATE_CHANGE,
        "INSERT units_sold",
        "SELECT payments",
    ]


async def test_cancelling_reads_the_order_once(harness: OrdersHarness):
    order = await harness.place()
    with statements(harness.postgres) as sent:
        await harness.cancel(order.id)
    assert _kinds(sent) == ["SELECT orders", *_STATE_CHANGE, "SELECT payments", *_STATE_CHANGE]
