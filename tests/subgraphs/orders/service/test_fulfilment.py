import asyncio

import pytest

from subgraphs.kit.auth.viewer import ANONYMOUS
from subgraphs.kit.errors import Conflict, Forbidden, NotFound, Unauthenticated, ValidationFailed
from subgraphs.kit.ids import new_id
from subgraphs.orders.domain.errors import IllegalTransition
from subgraphs.orders.domain.orders import Order
from subgraphs.orders.domain.transitions import Action, OrderStatus
from tests.subgraphs.orders import invariants
from tests.subgraphs.orders.fault_injection import fail
from tests.subgraphs.orders.orders_harness import OrdersHarness

PROCESSING, SHIPPED, DELIVERED = OrderStatus.PROCESSING, OrderStatus.SHIPPED, OrderStatus.DELIVERED


@pytest.fixture
async def paid(harness: OrdersHarness) -> Order:
    order = await harness.place()
    return await harness.pay(order.id)


async def test_a_paid_order_is_processed_shipped_with_its_tracking_number_and_delivered(
    harness: OrdersHarness, paid: Order
):
    await harness.move(paid.id, PROCESSING)
    await harness.move(paid.id, SHIPPED, tracking="CH-123", note="two parcels")
    delivered = await harness.move(paid.id, DELIVERED)
    assert (delivered.status, delivered.tracking_number) == (DELIVERED, "CH-123")
    history = await harness.history(paid.id)
    assert [(e.status.value, e.actor, e.note) for e in history[4:]] == [
        ("PROCESSING", harness.staff.user_id, None),
        ("SHIPPED", harness.staff.user_id, "two parcels"),
        ("DELIVERED", harness.staff.user_id, None),
    ]
    await invariants.check(harness)


@pytest.mark.parametrize(("status", "action"), [(SHIPPED, Action.SHIP), (DELIVERED, Action.DELIVER)])
async def test_no_step_is_left_out(harness: OrdersHarness, paid: Order, status: OrderStatus, action: Action):
    before = await harness.everything()
    with pytest.raises(IllegalTransition) as refused:
        await harness.move(paid.id, status)
    assert (refused.value.status, refused.value.action) == (OrderStatus.PAID, action)
    assert await harness.everything() == before


async def test_an_unpaid_order_is_not_processed(harness: OrdersHarness):
    order = await harness.place()
    before = await harness.everything()
    with pytest.raises(IllegalTransition):
        await harness.move(order.id, PROCESSING)
    assert await harness.everything() == before


@pytest.mark.parametrize("status", sorted(set(OrderStatus) - {PROCESSING, SHIPPED, DELIVERED}))
async def test_a_status_that_follows_from_something_else_is_not_set(
    harness: OrdersHarness, paid: Order, status: OrderStatus
):
    before = await harness.everything()
    with pytest.raises(ValidationFailed) as refused:
        await harness.move(paid.id, status)
    assert refused.value.field == "status"
    assert await harness.everything() == before


async def test_a_repeated_move_changes_nothing_and_ten_at_once_are_one(harness: OrdersHarness, paid: Order):
    moved = await asyncio.gather(*(harness.move(paid.id, PROCESSING) for _ in range(10)))
    assert {order.version for order in moved} == {paid.version + 1}
    await harness.move(paid.id, SHIPPED, tracking="T1")
    before = await harness.everything()
    await harness.move(paid.id, SHIPPED, tracking="T1")
    await harness.move(paid.id, SHIPPED)
    with pytest.raises(IllegalTransition):
        await harness.move(paid.id, SHIPPED, tracking="T2")
    assert await harness.everything() == before


async def test_only_what_is_shipped_has_a_tracking_number(harness: OrdersHarness, paid: Order):
    for tracking, status in (("T1", PROCESSING), ("", SHIPPED), ("x" * 101, SHIPPED), ("a\0", SHIPPED)):
        with pytest.raises(ValidationFailed) as refused:
            await harness.move(paid.id, status, tracking=tracking)
        assert refused.value.field == "trackingNumber"


async def test_moving_needs_the_permission_even_of_the_owner(harness: OrdersHarness, paid: Order):
    before = await harness.everything()
    for viewer, error in ((ANONYMOUS, Unauthenticated), (harness.ann, Forbidden), (harness.bob, Forbidden)):
        with pytest.raises(error):
            await harness.service.fulfilment.move(
                viewer, paid.id, status=PROCESSING, tracking_number=None, note=None
            )
    with pytest.raises(NotFound):
        await harness.move(new_id(), PROCESSING)
    assert await harness.everything() == before


async def test_a_shipped_order_cannot_be_cancelled_and_a_processed_one_can(
    harness: OrdersHarness, paid: Order
):
    other = await harness.place()
    await harness.pay(other.id)
    await harness.move(other.id, PROCESSING)
    assert (await harness.cancel(other.id)).status is OrderStatus.CANCELLED
    await harness.move(paid.id, PROCESSING)
    await harness.move(paid.id, SHIPPED)
    with pytest.raises(IllegalTransition):
        await harness.cancel(paid.id)
    await invariants.check(harness)


async def test_what_is_being_refunded_is_not_sent(harness: OrdersHarness, paid: Order):
    await harness.move(paid.id, PROCESSING)
    harness.faults.named = {"provider.refund:before": fail}
    assert (await harness.refund(paid.id)).status is PROCESSING
    with pytest.raises(Conflict):
        await harness.move(paid.id, SHIPPED)
    harness.faults.reset()
    await harness.until_quiet()
    assert (await harness.order(paid.id)).status is OrderStatus.REFUNDED
    await invariants.check(harness)
