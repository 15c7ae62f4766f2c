import asyncio

import pytest

from subgraphs.kit.errors import NotFound, Unavailable, ValidationFailed
from subgraphs.orders.domain import CancelWish, Order, OrderStatus, PaymentStatus, UserId
from subgraphs.orders.errors import IllegalTransition, PaymentDeclined
from subgraphs.orders.inventory import HoldState
from tests.subgraphs.orders import invariants
from tests.subgraphs.orders.faults import fail
from tests.subgraphs.orders.world import World, as_staff


@pytest.fixture
async def order(world: World) -> Order:
    return await world.place()


async def _refunds(world: World) -> int:
    [[count]] = await world.rows("SELECT count(*) FROM sandbox_charges WHERE key LIKE 'refund:%'")
    return int(count)


async def test_an_unpaid_order_is_cancelled_and_its_hold_given_back(world: World, order: Order):
    cancelled = await world.cancel(order.id, "changed my mind")
    assert cancelled.status is OrderStatus.CANCELLED
    assert world.stock.state(order.id) is HoldState.RELEASED
    history = await world.history(order.id)
    assert [e.status.value for e in history[2:]] == ["CANCELLING", "CANCELLED"]
    assert (history[2].actor, history[2].note) == (world.ann.user_id, "changed my mind")
    assert await _refunds(world) == 0
    await invariants.check(world)


async def test_a_paid_order_is_refunded_once_and_its_units_come_back_once(world: World, order: Order):
    await world.pay(order.id)
    assert (await world.cancel(order.id)).status is OrderStatus.CANCELLED
    payment = await world.payment(order.id)
    assert payment is not None
    assert (payment.status, payment.refunded) == (PaymentStatus.REFUNDED, payment.amount)
    assert world.stock.state(order.id) is HoldState.RESTOCKED
    assert await _refunds(world) == 1
    await invariants.check(world)


async def test_an_order_that_waits_for_stock_is_cancelled_and_the_late_reserve_refused(world: World):
    world.inventory.down = True
    order = await world.place()
    assert (await world.cancel(order.id)).status is OrderStatus.CANCELLING
    world.inventory.down = False
    await world.until_quiet()
    assert await world.statuses(order.id) == ["PENDING_STOCK", "CANCELLING", "CANCELLED"]
    await invariants.check(world)


@pytest.mark.parametrize("point", ["inventory.reserve:before", "inventory.reserve:after"])
async def test_a_reserve_that_is_under_way_while_the_order_is_cancelled_holds_nothing(
    world: World, point: str
):
    async def meanwhile(_: str) -> None:
        world.faults.reset()
        [[order_id]] = await world.rows("SELECT id FROM orders")
        await world.cancel(order_id)

    world.faults.named = {point: meanwhile}
    order = await world.place(lamp := world.stock.add())
    assert order.status is OrderStatus.CANCELLED
    assert lamp.available == lamp.on_hand
    await invariants.check(world)


@pytest.mark.parametrize(
    ("token", "point"),
    [
        ("tok_ok", "inventory.pin:before"),
        ("tok_ok", "inventory.pin:after"),
        ("tok_ok", "provider.capture:before"),
        ("tok_ok", "provider.capture:after"),
        ("tok_timeout_then_captured", "provider.lookup:before"),
        ("tok_timeout_then_captured", "provider.lookup:after"),
        ("tok_ok", "inventory.commit:before"),
        ("tok_ok", "inventory.commit:after"),
    ],
)
async def test_a_wish_during_the_payment_refunds_after_the_capture(
    world: World, order: Order, point: str, token: str
):
    async def wish(_: str) -> None:
        world.faults.reset()
        wished = await world.cancel(order.id, "too slow")
        assert wished.status is OrderStatus.PAYING
        assert wished.cancel_wish == CancelWish(actor=UserId(str(world.ann.user_id)), reason="too slow")
        again = await world.cancel(order.id, "really")
        assert again.version == wished.version  # the first wish stands, and does not hold the payment up

    world.faults.named = {point: wish}
    assert (await world.pay(order.id, token)).status is OrderStatus.CANCELLED
    history = await world.history(order.id)
    assert [e.status.value for e in history[2:]] == ["PAYING", "PAID", "CANCELLING", "CANCELLED"]
    assert (history[4].actor, history[4].note) == (world.ann.user_id, "too slow")
    assert await _refunds(world) == 1
    await invariants.check(world)


async def test_a_wish_during_a_payment_that_is_declined_cancels_without_a_refund(world: World, order: Order):
    async def wish(_: str) -> None:
        world.faults.reset()
        await world.cancel(order.id)

    world.faults.named = {"provider.capture:before": wish}
    with pytest.raises(PaymentDeclined):
        await world.pay(order.id, "tok_declined")
    assert await world.statuses(order.id) == [
        "PENDING_STOCK",
        "AWAITING_PAYMENT",
        "PAYING",
        "AWAITING_PAYMENT",
        "CANCELLING",
        "CANCELLED",
    ]
    assert await _refunds(world) == 0
    await invariants.check(world)


@pytest.mark.parametrize(
    "point", ["provider.refund:before", "provider.refund:after", "inventory.restock:after"]
)
async def test_what_cannot_be_undone_now_is_undone_by_the_worker_once(world: World, order: Order, point: str):
    await world.pay(order.id)
    world.faults.named = {point: fail}
    assert (await world.cancel(order.id)).status is OrderStatus.CANCELLING
    world.faults.reset()
    await world.until_quiet()
    assert (await world.order(order.id)).status is OrderStatus.CANCELLED
    assert await _refunds(world) == 1
    await invariants.check(world)


async def test_twenty_cancellations_at_once_are_one_and_refund_once(world: World, order: Order):
    await world.pay(order.id)
    results = await asyncio.gather(*(world.cancel(order.id) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(r, Order) for r in results) == 1
    assert sum(isinstance(r, IllegalTransition) for r in results) == 19
    assert await _refunds(world) == 1
    await invariants.check(world)


async def test_payments_and_cancellations_at_once_end_consistent(world: World):
    lamp = world.stock.add(available=100)
    for _ in range(5):
        order = await world.place(lamp)
        calls = [world.pay(order.id), world.cancel(order.id), world.pay(order.id), world.cancel(order.id)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        unexpected = [
            r
            for r in results
            if isinstance(r, BaseException)
            and getattr(r, "code", None) not in {"ILLEGAL_TRANSITION", "CONFLICT"}
        ]
        assert unexpected == []
        await world.until_quiet()
        assert (await world.order(order.id)).status is OrderStatus.CANCELLED
    await invariants.check(world)


async def test_an_order_that_has_ended_cannot_be_cancelled(world: World, order: Order):
    await world.cancel(order.id)
    before = await world.everything()
    with pytest.raises(IllegalTransition) as refused:
        await world.cancel(order.id)
    assert refused.value.status is OrderStatus.CANCELLED
    assert await world.everything() == before


async def test_others_cannot_cancel_and_staff_can(world: World, order: Order):
    before = await world.everything()
    with pytest.raises(NotFound):
        await world.service.cancelling.cancel(world.bob, order.id, reason=None)
    with pytest.raises(ValidationFailed):
        await world.cancel(order.id, "x" * 201)
    assert await world.everything() == before
    cancelled = await world.service.cancelling.cancel(as_staff(world.bob), order.id, reason=None)
    assert cancelled.status is OrderStatus.CANCELLED
    assert (await world.history(order.id))[2].actor == world.bob.user_id


async def test_a_cancelled_order_can_still_be_read_while_stock_is_away(world: World, order: Order):
    world.inventory.down = True
    assert (await world.cancel(order.id)).status is OrderStatus.CANCELLING
    with pytest.raises(Unavailable):
        await world.workflow.advance(order.id)
    world.inventory.down = False
    await world.until_quiet()
    await invariants.check(world)
