import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from subgraphs.kit.auth.viewer import ANONYMOUS
from subgraphs.kit.errors import Conflict, NotFound, Unauthenticated, ValidationFailed
from subgraphs.kit.ids import new_id
from subgraphs.kit.money import MAX_MINOR_UNITS, Amount, MinorUnits
from subgraphs.orders.domain import ids
from subgraphs.orders.domain.errors import InsufficientStock, NumberTaken
from subgraphs.orders.domain.shipping import ShippingDetails
from subgraphs.orders.domain.transitions import OrderStatus
from subgraphs.orders.ports.inventory import HoldState, Reservation
from subgraphs.orders.store.orders import OrderStore
from tests.subgraphs.orders import invariants
from tests.subgraphs.orders.orders_harness import START, WINDOW, OrdersHarness, line


async def test_an_order_holds_its_stock_and_keeps_name_and_price_of_that_moment(harness: OrdersHarness):
    lamp, desk = harness.stock.add(available=5, minor=1999), harness.stock.add(available=1, minor=50000)
    address = ShippingDetails(city="Zürich", zip_code="8001")
    order = await harness.place_lines([line(lamp, 2), line(desk), line(lamp)], shipping=address)
    lamp.price, lamp.name = Amount(MinorUnits(1), "USD"), "Another"
    assert (order.status, order.version, order.last_seq) == (OrderStatus.AWAITING_PAYMENT, 2, 2)
    assert order.total == order.subtotal == Amount(MinorUnits(3 * 1999 + 50000), "USD")
    assert (order.shipping, order.user_id) == (address, harness.ann.user_id)
    assert (order.expires_at, order.resume_at) == (START + WINDOW, START + WINDOW)
    async with harness.observer.read() as connection:
        items = (await OrderStore(connection).items_of([order.id]))[0]
    assert {(i.product_id, i.quantity, i.name, i.price.minor) for i in items} == {
        (lamp.id, 3, "Lamp", 1999),
        (desk.id, 1, "Lamp", 50000),
    }
    assert (lamp.available, desk.available) == (2, 0)
    assert await harness.statuses(order.id) == ["PENDING_STOCK", "AWAITING_PAYMENT"]
    assert [e.actor for e in await harness.history(order.id)] == [harness.ann.user_id, None]
    await invariants.check(harness)


async def test_a_shortage_names_the_product_and_rejects_the_order(harness: OrdersHarness):
    lamp, desk = harness.stock.add(available=5), harness.stock.add(available=1)
    with pytest.raises(InsufficientStock) as refused:
        await harness.place(lamp, desk, quantity=2)
    assert (refused.value.product_id, refused.value.requested, refused.value.available) == (desk.id, 2, 1)
    [[order_id, status]] = await harness.rows("SELECT id, status FROM orders")
    assert status == "REJECTED"
    assert await harness.statuses(order_id) == ["PENDING_STOCK", "REJECTED"]
    assert (lamp.available, desk.available) == (5, 1)
    await invariants.check(harness)


async def test_a_product_that_too_many_orders_hold_is_a_conflict_and_rejects_the_order(
    harness: OrdersHarness,
):
    lamp = harness.stock.add()
    lamp.full = True
    with pytest.raises(Conflict) as refused:
        await harness.place(lamp)
    assert refused.value.message == (
        f"Too many orders hold the product {lamp.id} at the moment; order again in some minutes."
    )
    assert await harness.rows("SELECT status FROM orders") == [("REJECTED",)]
    await invariants.check(harness)


async def test_a_hold_that_comes_after_another_process_was_refused_is_released(
    harness: OrdersHarness, monkeypatch: pytest.MonkeyPatch
):
    lamp = harness.stock.add(available=1)
    reserve = harness.stock.reserve

    async def reserve_late(*args: Any, **kwargs: Any) -> Reservation:
        held = await reserve(*args, **kwargs)
        async with harness.observer.unit_of_work() as connection:  # by the process that was refused before
            await connection.execute(
                text("UPDATE orders SET status = 'REJECTED', version = version + 1, resume_at = NULL")
            )
        return held

    monkeypatch.setattr(harness.stock, "reserve", reserve_late)
    order = await harness.place(lamp)
    assert order.status is OrderStatus.REJECTED
    assert (harness.stock.state(order.id), lamp.available) == (HoldState.RELEASED, 1)


async def test_a_product_that_does_not_exist_is_not_found_and_rejects_the_order(harness: OrdersHarness):
    lamp, ghost = harness.stock.add(), new_id()
    with pytest.raises(NotFound) as refused:
        await harness.place_lines([line(lamp), line(ghost)])
    assert refused.value.message == f"There is no product {ghost}."
    assert await harness.rows("SELECT status FROM orders") == [("REJECTED",)]
    assert lamp.available == lamp.on_hand
    await invariants.check(harness)


async def test_products_of_two_currencies_are_refused_and_their_hold_is_given_back(harness: OrdersHarness):
    dollars, euros = harness.stock.add(currency="USD"), harness.stock.add(currency="EUR")
    with pytest.raises(ValidationFailed) as refused:
        await harness.place(dollars, euros)
    assert refused.value.field == "items"
    [[order_id]] = await harness.rows("SELECT id FROM orders")
    assert (await harness.order(order_id)).status is OrderStatus.REJECTED
    assert harness.stock.state(order_id) is HoldState.RELEASED
    await invariants.check(harness)


async def test_an_order_that_would_overflow_is_refused_and_its_hold_is_given_back(harness: OrdersHarness):
    dear = [harness.stock.add(available=1000, minor=MAX_MINOR_UNITS) for _ in range(100)]
    with pytest.raises(ValidationFailed):
        await harness.place(*dear, quantity=1000)
    assert await harness.rows("SELECT status, total_minor FROM orders") == [("REJECTED", 0)]
    await invariants.check(harness)


async def test_while_stock_is_away_the_order_waits_and_the_resume_job_goes_on(harness: OrdersHarness):
    harness.inventory.down = True
    order = await harness.place()
    assert order.status is OrderStatus.PENDING_STOCK
    assert await harness.resume.run_once() is False
    assert await harness.statuses(order.id) == ["PENDING_STOCK"]
    harness.inventory.down = False
    await harness.until_quiet()
    assert await harness.statuses(order.id) == ["PENDING_STOCK", "AWAITING_PAYMENT"]
    await invariants.check(harness)


async def test_an_order_without_stock_to_the_end_of_its_window_expires_and_holds_nothing(
    harness: OrdersHarness,
):
    harness.inventory.down = True
    order = await harness.place()
    harness.clock.forward(WINDOW)
    assert await harness.resume.run_once() is False
    assert await harness.statuses(order.id) == ["PENDING_STOCK", "EXPIRED"]
    harness.inventory.down = False
    await harness.until_quiet()
    assert harness.stock.state(order.id) is HoldState.RELEASED
    await invariants.check(harness)


async def test_the_same_key_gives_the_same_order_and_another_request_a_conflict(harness: OrdersHarness):
    lamp, desk = harness.stock.add(), harness.stock.add()
    first = await harness.place_lines([line(lamp, 2), line(desk)], key="k")
    before = await harness.everything()
    assert await harness.place_lines([line(desk), line(lamp), line(lamp)], key="k") == first
    for lines, shipping in (
        ([line(lamp)], None),
        ([line(lamp, 2), line(desk)], ShippingDetails(city="Bern")),
    ):
        with pytest.raises(Conflict):
            await harness.place_lines(lines, shipping=shipping, key="k")
    assert await harness.everything() == before
    assert (await harness.place(lamp, key="k", viewer=harness.bob)).id != first.id


async def test_the_same_key_tells_a_rejection_again(harness: OrdersHarness):
    lamp = harness.stock.add(available=1)
    for _ in range(2):
        with pytest.raises(InsufficientStock) as refused:
            await harness.place(lamp, quantity=2, key="k")
        assert (refused.value.requested, refused.value.available) == (2, 1)
        lamp.available = lamp.on_hand = 5
    assert await harness.rows("SELECT count(*) FROM orders") == [(1,)]


async def test_fifty_requests_with_one_key_are_one_order(harness: OrdersHarness):
    lamp = harness.stock.add(available=100)
    orders = await asyncio.gather(*(harness.place(lamp, key="k") for _ in range(50)))
    assert len({order.id for order in orders}) == 1
    assert {order.status for order in orders} == {OrderStatus.AWAITING_PAYMENT}
    assert lamp.available == 99
    await invariants.check(harness)


async def test_the_last_unit_goes_to_one_of_twenty(harness: OrdersHarness):
    lamp = harness.stock.add(available=1)
    results = await asyncio.gather(
        *(harness.place(lamp, viewer=replace(harness.ann, user_id=new_id())) for _ in range(20)),
        return_exceptions=True,
    )
    assert sum(not isinstance(r, BaseException) for r in results) == 1
    assert sum(isinstance(r, InsufficientStock) for r in results) == 19
    assert lamp.available == 0
    await invariants.check(harness)


@pytest.mark.parametrize(
    ("key", "shipping", "field"),
    [
        ("", None, "idempotencyKey"),
        ("k" * 256, None, "idempotencyKey"),
        ("k\0", None, "idempotencyKey"),
        (None, ShippingDetails(city="x" * 201), "shipping.city"),
        (None, ShippingDetails(zip_code="\0"), "shipping.zipCode"),
    ],
)
async def test_what_cannot_be_kept_is_refused_before_anything_is_written(
    harness: OrdersHarness, key: str | None, shipping: ShippingDetails | None, field: str
):
    lamp = harness.stock.add()
    with pytest.raises(ValidationFailed) as refused:
        await harness.place(lamp, key=key, shipping=shipping)
    assert refused.value.field == field
    assert await harness.everything() == []
    assert harness.stock.holds == {}


async def test_nobody_places_nothing(harness: OrdersHarness):
    with pytest.raises(Unauthenticated):
        await harness.place(viewer=ANONYMOUS)
    assert await harness.everything() == []


async def test_an_order_gets_another_number_where_its_own_is_taken(
    harness: OrdersHarness, monkeypatch: pytest.MonkeyPatch
):
    taken = (await harness.place()).number
    numbers = iter([taken, taken, "ORD-20260131-ANOTHER1"])
    monkeypatch.setattr(ids, "new_number", lambda _: next(numbers))
    order = await harness.place(key="k")
    assert order.number == "ORD-20260131-ANOTHER1"
    assert order.status is OrderStatus.AWAITING_PAYMENT
    assert await harness.rows("SELECT count(*) FROM orders") == [(2,)]
    [[created]] = await harness.rows(
        "SELECT envelope FROM outbox WHERE key = :id AND type = 'OrderCreated'", id=order.id
    )
    assert f'"number":"{order.number}"' in created
    await invariants.check(harness)


async def test_where_every_number_is_taken_nothing_is_written_and_the_key_stays_free(
    harness: OrdersHarness, monkeypatch: pytest.MonkeyPatch
):
    taken = (await harness.place()).number
    before = await harness.everything()
    with monkeypatch.context() as patch:
        patch.setattr(ids, "new_number", lambda _: taken)
        with pytest.raises(NumberTaken):
            await harness.place(key="k")
    assert await harness.everything() == before
    assert (await harness.place(key="k")).number != taken
