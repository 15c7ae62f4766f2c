import asyncio

import pytest

from subgraphs.kit.errors import NotFound, Unavailable, ValidationFailed
from subgraphs.orders.domain.errors import IllegalTransition, PaymentDeclined
from subgraphs.orders.domain.ids import UserId
from subgraphs.orders.domain.orders import CancellationRequest, Order
from subgraphs.orders.domain.payments import PaymentStatus
from subgraphs.orders.domain.transitions import OrderStatus
from subgraphs.orders.ports.inventory import HoldState
from tests.subgraphs.orders import invariants
from tests.subgraphs.orders.fault_injection import fail
from tests.subgraphs.orders.orders_harness import OrdersHarness, as_staff


@pytest.fixture
async def order(harness: OrdersHarness) -> Order:
    return await harness.place()


async def _refunds(harness: OrdersHarness) -> int:
    [[count]] = await harness.rows("SELECT count(*) FROM sandbox_charges WHERE key LIKE 'refund:%'")
    return int(count)


async def test_an_unpaid_order_is_cancelled_and_its_hold_given_back(harness: OrdersHarness, order: Order):
    cancelled = await harness.cancel(order.id, "changed my mind")
    assert cancelled.status is OrderStatus.CANCELLED
    assert harness.stock.state(order.id) is HoldState.RELEASED
    history = await harness.history(order.id)
    assert [e.status.value for e in history[2:]] == ["CANCELLING", "CANCELLED"]
    assert (history[2].actor, history[2].note) == (harness.ann.user_id, "changed my mind")
    assert await _refunds(harness) == 0
    await invariants.check(harness)


async def test_a_paid_order_is_refunded_once_and_its_units_come_back_once(
    harness: OrdersHarness, order: Order
):
    await harness.pay(order.id)
    assert (await harness.cancel(order.id)).status is OrderStatus.CANCELLED
    payment = await harness.payment(order.id)
    assert payment is not None
    assert (payment.status, payment.refunded) == (PaymentStatus.REFUNDED, payment.amount)
    assert harness.stock.state(order.id) is HoldState.RESTOCKED
    assert await _refunds(harness) == 1
    await invariants.check(harness)


async def test_an_order_that_waits_for_stock_is_cancelled_and_the_late_reserve_refused(
    harness: OrdersHarness,
):
    harness.inventory.down = True
    order = await harness.place()
    assert (await harness.cancel(order.id)).status is OrderStatus.CANCELLING
    harness.inventory.down = False
    await harness.until_quiet()
    assert await harness.statuses(order.id) == ["PENDING_STOCK", "CANCELLING", "CANCELLED"]
    await invariants.check(harness)


@pytest.mark.parametrize("point", ["inventory.reserve:before", "inventory.reserve:after"])
async def test_a_reserve_that_is_under_way_while_the_order_is_cancelled_holds_nothing(
    harness: OrdersHarness, point: str
):
    async def meanwhile(_: str) -> None:
        harness.faults.reset()
        [[order_id]] = await harness.rows("SELECT id FROM orders")
        await harness.cancel(order_id)

    harness.faults.named = {point: meanwhile}
    order = await harness.place(lamp := harness.stock.add())
    assert order.status is OrderStatus.CANCELLED
    assert lamp.available == lamp.on_hand
    await invariants.check(harness)


@pytest.mark.parametrize(
    ("token", "point"),
    [
        ("tok_ok", "inventory.pin:before"),
        ("tok_ok", "inventory.pin:after"),
        ("tok_ok", "provider.capture:before"),
        ("tok_ok", "provider.capture:after"),
        ("tok_timeout_then_captured", "provider.status:before"),
        ("tok_timeout_then_captured", "provider.status:after"),
        ("tok_ok", "inventory.commit:before"),
        ("tok_ok", "inventory.commit:after"),
    ],
)
async def test_a_request_during_the_payment_refunds_after_the_capture(
    harness: OrdersHarness, order: Order, point: str, token: str
):
    async def request(_: str) -> None:
        harness.faults.reset()
        requested = await harness.cancel(order.id, "too slow")
        assert requested.status is OrderStatus.PAYING
        assert requested.cancellation_request == CancellationRequest(
            actor=UserId(str(harness.ann.user_id)), reason="too slow"
        )
        again = await harness.cancel(order.id, "really")
        assert (
            again.version == requested.version
        )  # the first request stands, and does not hold the payment up

    harness.faults.named = {point: request}
    assert (await harness.pay(order.id, token)).status is OrderStatus.CANCELLED
    history = await harness.history(order.id)
    assert [e.status.value for e in history[2:]] == ["PAYING", "PAID", "CANCELLING", "CANCELLED"]
    assert (history[4].actor, history[4].note) == (harness.ann.user_id, "too slow")
    assert await _refunds(harness) == 1
    await invariants.check(harness)


async def test_a_request_during_a_payment_that_is_declined_cancels_without_a_refund(
    harness: OrdersHarness, order: Order
):
    async def request(_: str) -> None:
        harness.faults.reset()
        await harness.cancel(order.id)

    harness.faults.named = {"provider.authorise:before": request}
    with pytest.raises(PaymentDeclined):
        await harness.pay(order.id, "tok_declined")
    assert await harness.statuses(order.id) == [
        "PENDING_STOCK",
        "AWAITING_PAYMENT",
        "PAYING",
        "AWAITING_PAYMENT",
        "CANCELLING",
        "CANCELLED",
    ]
    assert await _refunds(harness) == 0
    await invariants.check(harness)


@pytest.mark.parametrize(
    "point", ["provider.refund:before", "provider.refund:after", "inventory.restock:after"]
)
async def test_what_cannot_be_undone_now_is_undone_by_the_resume_job_once(
    harness: OrdersHarness, order: Order, point: str
):
    await harness.pay(order.id)
    harness.faults.named = {point: fail}
    assert (await harness.cancel(order.id)).status is OrderStatus.CANCELLING
    harness.faults.reset()
    await harness.until_quiet()
    assert (await harness.order(order.id)).status is OrderStatus.CANCELLED
    assert await _refunds(harness) == 1
    await invariants.check(harness)


async def test_twenty_cancellations_at_once_are_one_and_refund_once(harness: OrdersHarness, order: Order):
    await harness.pay(order.id)
    results = await asyncio.gather(*(harness.cancel(order.id) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(r, Order) for r in results) == 1
    assert sum(isinstance(r, IllegalTransition) for r in results) == 19
    assert await _refunds(harness) == 1
    await invariants.check(harness)


async def test_payments_and_cancellations_at_once_end_consistent(harness: OrdersHarness):
    lamp = harness.stock.add(available=100)
    for _ in range(5):
        order = await harness.place(lamp)
        calls = [
            harness.pay(order.id),
            harness.cancel(order.id),
            harness.pay(order.id),
            harness.cancel(order.id),
        ]
        results = await asyncio.gather(*calls, return_exceptions=True)
        unexpected = [
            r
            for r in results
            if isinstance(r, BaseException)
            and getattr(r, "code", None) not in {"ILLEGAL_TRANSITION", "CONFLICT"}
        ]
        assert unexpected == []
        await harness.until_quiet()
        assert (await harness.order(order.id)).status is OrderStatus.CANCELLED
    await invariants.check(harness)


async def test_an_order_that_has_ended_cannot_be_cancelled(harness: OrdersHarness, order: Order):
    await harness.cancel(order.id)
    before = await harness.everything()
    with pytest.raises(IllegalTransition) as refused:
        await harness.cancel(order.id)
    assert refused.value.status is OrderStatus.CANCELLED
    assert await harness.everything() == before


async def test_others_cannot_cancel_and_staff_can(harness: OrdersHarness, order: Order):
    before = await harness.everything()
    with pytest.raises(NotFound):
        await harness.service.cancellations.cancel(harness.bob, order.id, reason=None)
    with pytest.raises(ValidationFailed):
        await harness.cancel(order.id, "x" * 201)
    assert await harness.everything() == before
    cancelled = await harness.service.cancellations.cancel(as_staff(harness.bob), order.id, reason=None)
    assert cancelled.status is OrderStatus.CANCELLED
    assert (await harness.history(order.id))[2].actor == harness.bob.user_id


async def test_a_cancelled_order_can_still_be_read_while_stock_is_away(harness: OrdersHarness, order: Order):
    harness.inventory.down = True
    assert (await harness.cancel(order.id)).status is OrderStatus.CANCELLING
    progress = await harness.saga.resume(order.id)
    assert isinstance(progress.error, Unavailable)
    assert progress.order.status is OrderStatus.CANCELLING
    harness.inventory.down = False
    await harness.until_quiet()
    await invariants.check(harness)
