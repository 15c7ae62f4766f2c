"""What is sold of each product: a number that is kept with the state of the orders."""

import asyncio

from subgraphs.kit.ids import new_id
from subgraphs.orders.domain.ids import ProductId
from subgraphs.orders.domain.transitions import OrderStatus
from subgraphs.orders.store.units_sold import UnitsSoldStore
from tests.harness.statements import statements
from tests.subgraphs.orders import invariants
from tests.subgraphs.orders.orders_harness import OrdersHarness, line
from tests.subgraphs.orders.stock_service import Product


async def sold(harness: OrdersHarness, *products: Product) -> list[int]:
    async with harness.observer.read() as connection:
        return await UnitsSoldStore(connection).of_products([ProductId(p.id) for p in products])


async def test_units_are_sold_once_paid_and_no_longer_when_cancelled(harness: OrdersHarness):
    lamp, desk = harness.stock.add(), harness.stock.add()
    order = await harness.place(lamp, desk, quantity=2)
    other = await harness.place(lamp, quantity=3)
    assert await sold(harness, desk, lamp) == [0, 0]
    await harness.pay(order.id)
    await harness.pay(other.id)
    assert await sold(harness, desk, lamp) == [2, 5]
    await harness.cancel(other.id)
    assert await sold(harness, desk, lamp) == [2, 2]


async def test_a_move_within_the_sold_states_changes_nothing_and_a_whole_refund_takes_back(
    harness: OrdersHarness,
):
    lamp = harness.stock.add()
    order = await harness.place(lamp, quantity=2)
    await harness.pay(order.id)
    for status in (OrderStatus.PROCESSING, OrderStatus.SHIPPED, OrderStatus.DELIVERED):
        await harness.move(order.id, status)
        assert await sold(harness, lamp) == [2]
    await harness.refund(order.id, "1")
    assert await sold(harness, lamp) == [2]
    await harness.refund(order.id)
    assert await sold(harness, lamp) == [0]


async def test_many_products_are_one_statement_and_what_was_never_sold_is_none(harness: OrdersHarness):
    lamp = harness.stock.add()
    order = await harness.place(lamp)
    await harness.pay(order.id)
    ids = [ProductId(i) for i in (new_id(), lamp.id, "\0", lamp.id)]
    with statements(harness.observer) as sent:
        async with harness.observer.read() as connection:
            assert await UnitsSoldStore(connection).of_products(ids) == [0, 1, 0, 1]
    assert len(sent) == 1
    assert "order_items" not in sent[0]


async def test_orders_of_the_same_products_paid_and_cancelled_at_once_add_up(harness: OrdersHarness):
    products = [harness.stock.add(available=1000) for _ in range(4)]
    orders = [
        # Each names them in another order.
        await harness.place_lines([line(p, 1 + n % 3) for p in products[n % 4 :] + products[: n % 4]])
        for n in range(16)
    ]
    await asyncio.gather(*(harness.pay(order.id) for order in orders))
    await asyncio.gather(*(harness.cancel(order.id) for order in orders[::3]))
    await harness.until_quiet()
    left = sum(1 + n % 3 for n in range(16) if n % 3)
    assert await sold(harness, *products) == [left] * 4
    await invariants.check_units_sold(harness)
