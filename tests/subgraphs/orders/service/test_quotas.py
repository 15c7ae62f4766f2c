"""What one account may have ordered and not paid."""

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import text

from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain.errors import QuotaExceeded
from subgraphs.orders.domain.orders import Order
from subgraphs.orders.domain.quotas import Quotas
from subgraphs.orders.domain.transitions import OrderStatus
from tests.harness.statements import statements
from tests.subgraphs.orders import invariants
from tests.subgraphs.orders.fault_injection import FaultyPostgres
from tests.subgraphs.orders.orders_harness import WINDOW, OrdersHarness

# A long history: many copies of each order, all paid.
_BOUGHT = """
INSERT INTO orders SELECT (jsonb_populate_record(o,
  jsonb_build_object('id', gen_random_uuid(), 'number', n, 'status', 'DELIVERED'))).*
FROM orders o, generate_series(1, 2000) n
"""

Limited = Callable[..., OrdersHarness]


@pytest.fixture
def limited(code_pool: FaultyPostgres, postgres: Postgres) -> Limited:
    """A harness with the quotas that are given, on an empty database."""
    return lambda **most: OrdersHarness(code_pool, postgres, quotas=Quotas(**most))


async def test_an_account_at_its_quota_of_orders_places_none_and_nothing_is_written(limited: Limited):
    harness = limited(open_orders=2)
    lamp = harness.stock.add()
    for _ in range(2):
        await harness.place(lamp)
    before = await harness.everything()
    with pytest.raises(QuotaExceeded) as refused:
        await harness.place(lamp, key="k")
    assert (refused.value.code, refused.value.http_status) == ("CONFLICT", 409)
    assert refused.value.message == (
        "The account has 2 orders that are not paid, and may have 2; pay or cancel one of them first."
    )
    assert await harness.everything() == before
    assert lamp.available == lamp.on_hand - 2
    assert (await harness.place(lamp, viewer=harness.bob)).status is OrderStatus.AWAITING_PAYMENT


@pytest.mark.parametrize("end", ["pay", "cancel", "expire"])
async def test_an_order_that_is_no_longer_open_makes_room_and_the_refused_key_is_free(
    limited: Limited, end: str
):
    harness = limited(open_orders=1, held_units=3)
    first = await harness.place(quantity=3)
    with pytest.raises(QuotaExceeded):
        await harness.place(key="k")
    if end == "pay":
        await harness.pay(first.id)
    elif end == "cancel":
        await harness.cancel(first.id)
    else:
        harness.clock.forward(WINDOW)
        await harness.resume.run_once()
    assert (await harness.place(key="k", quantity=3)).status is OrderStatus.AWAITING_PAYMENT
    await invariants.check(harness)


async def test_units_are_counted_over_all_open_orders_and_the_new_one(limited: Limited):
    harness = limited(held_units=10)
    lamp, desk = harness.stock.add(available=20), harness.stock.add(available=20)
    await harness.place(lamp, desk, quantity=4)
    with pytest.raises(QuotaExceeded) as refused:
        await harness.place(lamp, quantity=3)
    assert refused.value.message == (
        "The account has 8 units in orders that are not paid, and may have 10; 3 more are too many. "
        "Order fewer, or pay or cancel what is open first."
    )
    await harness.place(lamp, quantity=2)
    assert (lamp.available, desk.available) == (14, 16)


async def test_an_order_whose_stock_is_not_decided_counts(limited: Limited):
    harness = limited(open_orders=1)
    harness.inventory.down = True
    assert (await harness.place()).status is OrderStatus.PENDING_STOCK
    with pytest.raises(QuotaExceeded):
        await harness.place()


async def test_a_repeated_key_is_answered_at_the_quota(limited: Limited):
    harness = limited(open_orders=1)
    lamp = harness.stock.add()
    first = await harness.place(lamp, key="k")
    assert await harness.place(lamp, key="k") == first


async def test_orders_of_one_account_at_once_do_not_exceed_it(limited: Limited):
    harness = limited(open_orders=3, held_units=100)
    lamp = harness.stock.add(available=100)
    placed = await asyncio.gather(*(harness.place(lamp) for _ in range(24)), return_exceptions=True)
    assert [type(p) for p in placed if not isinstance(p, Order)] == [QuotaExceeded] * 21
    assert await harness.rows("SELECT count(*) FROM orders") == [(3,)]
    assert lamp.available == 97
    await invariants.check(harness)


async def test_units_of_one_account_at_once_do_not_exceed_it(limited: Limited):
    harness = limited(held_units=7)
    lamp = harness.stock.add(available=100)
    placed = await asyncio.gather(
        *(harness.place(lamp, quantity=2) for _ in range(12)), return_exceptions=True
    )
    assert [type(p) for p in placed if not isinstance(p, Order)] == [QuotaExceeded] * 9
    assert lamp.available == 94


async def test_a_quota_costs_two_statements_and_none_where_it_is_off(limited: Limited):
    counts = []
    for most in ({}, {"open_orders": 5}):
        harness = limited(**most)
        lamp = harness.stock.add()
        with statements(harness.postgres) as sent:
            await harness.place(lamp)
        counts.append(len(sent))
    assert counts == [8, 10]


async def test_what_is_unpaid_is_found_by_its_index_whatever_the_account_has_bought(limited: Limited):
    harness = limited(open_orders=5)
    with statements(harness.postgres, of="sum(order_items") as sent:
        await harness.place()
    query = sent[0].replace("$1::INTEGER", "0").replace("$2::VARCHAR", f"'{harness.ann.user_id}'")
    async with harness.observer.unit_of_work() as connection:
        await connection.execute(text(_BOUGHT))
        await connection.execute(text("ANALYZE orders"))
        plan = "\n".join(row[0] for row in await connection.exec_driver_sql(f"EXPLAIN {query}"))
    assert "orders_unpaid" in plan
