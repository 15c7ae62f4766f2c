import asyncio

import pytest

from subgraphs.kit.auth.viewer import ANONYMOUS
from subgraphs.kit.errors import NotFound, Unauthenticated, ValidationFailed
from subgraphs.orders.domain.errors import IllegalTransition, StaleOrder
from subgraphs.orders.domain.orders import Order
from subgraphs.orders.domain.shipping import ShippingDetails
from subgraphs.orders.domain.transitions import Action, OrderStatus
from tests.subgraphs.orders import invariants
from tests.subgraphs.orders.orders_harness import OrdersHarness, as_staff

CH = ShippingDetails(country="CH", method="standard")


@pytest.fixture
async def order(harness: OrdersHarness) -> Order:
    return await harness.place(shipping=CH)


def _costs(order: Order) -> tuple[int, int, int]:
    return order.subtotal.minor, order.shipping_cost.minor, order.total.minor


async def test_shipping_is_added_when_the_stock_is_held(order: Order):
    assert _costs(order) == (999, 500, 1499)


async def test_an_unpaid_order_goes_elsewhere_for_another_total_which_is_what_is_paid(
    harness: OrdersHarness, order: Order
):
    changed = await harness.ship_to(order.id, country="CH", method="express", city="Bern")
    assert changed.shipping == ShippingDetails(country="CH", method="express", city="Bern")
    assert _costs(changed) == (999, 1500, 2499)
    assert (changed.version, changed.last_seq) == (order.version + 1, order.last_seq)
    await harness.pay(order.id)
    payment = await harness.payment(order.id)
    assert payment is not None
    assert payment.amount.minor == 2499
    await invariants.check(harness)


async def test_null_takes_the_shipping_and_its_cost_away(harness: OrdersHarness, order: Order):
    changed = await harness.service.amendments.ship_to(harness.ann, order.id, shipping=None, version=None)
    assert changed.shipping is None
    assert _costs(changed) == (999, 0, 999)
    assert (await harness.order(order.id)) == changed


async def test_an_order_that_waits_for_stock_is_priced_with_the_last_shipping(harness: OrdersHarness):
    harness.inventory.down = True
    order = await harness.place(shipping=CH)
    await harness.ship_to(order.id, country="CH", method="express")
    harness.inventory.down = False
    await harness.until_quiet()
    assert _costs(await harness.order(order.id)) == (999, 1500, 2499)


async def test_a_currency_without_a_price_for_the_shipping_is_rejected_and_holds_nothing(
    harness: OrdersHarness,
):
    lamp = harness.stock.add(currency="EUR")
    with pytest.raises(ValidationFailed, match="cannot be paid in EUR"):
        await harness.place(lamp, shipping=CH)
    assert lamp.available == lamp.on_hand
    await invariants.check(harness)


async def test_a_paid_order_goes_elsewhere_for_the_same_cost_only(harness: OrdersHarness, order: Order):
    await harness.pay(order.id)
    changed = await harness.ship_to(order.id, country="CH", method="standard", city="Basel")
    assert _costs(changed) == (999, 500, 1499)
    before = await harness.everything()
    for details in ({"country": "CH", "method": "express"}, {"country": "DE", "method": "standard"}):
        with pytest.raises(ValidationFailed) as refused:
            await harness.ship_to(order.id, **details)
        assert refused.value.field == "shipping"
    assert await harness.everything() == before
    await invariants.check(harness)


async def test_an_order_that_is_shipped_or_has_ended_stays_as_it_is(harness: OrdersHarness, order: Order):
    await harness.pay(order.id)
    await harness.move(order.id, OrderStatus.PROCESSING)
    await harness.move(order.id, OrderStatus.SHIPPED)
    ended = await harness.place(shipping=CH)
    await harness.cancel(ended.id)
    before = await harness.everything()
    for order_id in (order.id, ended.id):
        with pytest.raises(IllegalTransition) as refused:
            await harness.ship_to(order_id, country="CH", method="standard", city="Basel")
        assert refused.value.action is Action.UPDATE
    assert await harness.everything() == before


async def test_an_order_that_is_being_paid_keeps_its_amount(harness: OrdersHarness, order: Order):
    async def meanwhile(_: str) -> None:
        harness.faults.reset()
        with pytest.raises(IllegalTransition):
            await harness.ship_to(order.id, country="CH", method="express")

    harness.faults.named = {"provider.capture:before": meanwhile}
    assert _costs(await harness.pay(order.id)) == (999, 500, 1499)
    assert harness.faults.named == {}
    await invariants.check(harness)


async def test_paying_and_changing_at_once_capture_the_total_that_stands(harness: OrdersHarness):
    for _ in range(5):
        order = await harness.place(shipping=CH)
        await asyncio.gather(
            harness.pay(order.id),
            harness.ship_to(order.id, country="CH", method="express"),
            return_exceptions=True,
        )
        await harness.until_quiet()
    await invariants.check(harness)


async def test_a_version_that_is_not_the_present_one_is_a_conflict(harness: OrdersHarness, order: Order):
    await harness.ship_to(order.id, country="CH", method="express", version=order.version)
    before = await harness.everything()
    with pytest.raises(StaleOrder):
        await harness.ship_to(order.id, country="CH", method="standard", version=order.version)
    with pytest.raises(StaleOrder):
        await harness.service.amendments.unchanged(harness.ann, order.id, version=order.version)
    assert await harness.everything() == before


async def test_the_same_details_again_write_nothing(harness: OrdersHarness, order: Order):
    before = await harness.everything()
    assert (await harness.ship_to(order.id, country="CH", method="standard")).version == order.version
    assert await harness.everything() == before


async def test_others_see_no_order_and_staff_may_change_it(harness: OrdersHarness, order: Order):
    before = await harness.everything()
    with pytest.raises(Unauthenticated):
        await harness.ship_to(order.id, viewer=ANONYMOUS)
    with pytest.raises(NotFound):
        await harness.ship_to(order.id, viewer=harness.bob)
    with pytest.raises(ValidationFailed):
        await harness.ship_to(order.id, city="x" * 201)
    assert await harness.everything() == before
    changed = await harness.ship_to(order.id, viewer=as_staff(harness.bob), city="Bern")
    assert changed.shipping == ShippingDetails(city="Bern")
