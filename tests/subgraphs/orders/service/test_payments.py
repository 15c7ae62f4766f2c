import asyncio
from datetime import timedelta

import pytest

from subgraphs.kit.errors import Conflict, NotFound, ValidationFailed
from subgraphs.kit.ids import new_id
from subgraphs.orders.domain.errors import IllegalTransition, PaymentDeclined, StaleOrder
from subgraphs.orders.domain.orders import Order
from subgraphs.orders.domain.payments import HOLD_LOST, PaymentStatus
from subgraphs.orders.domain.transitions import OrderStatus
from subgraphs.orders.ports.inventory import HoldState
from tests.subgraphs.orders import invariants
from tests.subgraphs.orders.fault_injection import fail
from tests.subgraphs.orders.orders_harness import START, WINDOW, OrdersHarness, as_staff

_PAID = ["PENDING_STOCK", "AWAITING_PAYMENT", "PAYING", "PAID"]


@pytest.fixture
async def order(harness: OrdersHarness) -> Order:
    return await harness.place(harness.stock.add(minor=1999), quantity=2)


def _captures(harness: OrdersHarness) -> list[str]:
    return [key for name, key in harness.provider.calls if name == "capture"]


async def test_a_payment_is_captured_once_and_sells_the_units(harness: OrdersHarness, order: Order):
    paid = await harness.pay(order.id)
    assert (paid.status, paid.resume_at) == (OrderStatus.PAID, None)
    payment = await harness.payment(order.id)
    assert payment is not None
    assert (payment.status, payment.amount.minor, payment.refunded.minor) == (PaymentStatus.CAPTURED, 3998, 0)
    assert (payment.method, payment.paid_at, payment.seq) == ("card", START, 3)
    assert (payment.transaction_id or "").startswith("sbx_ch_")
    assert harness.stock.state(order.id) is HoldState.COMMITTED
    assert await harness.statuses(order.id) == _PAID
    assert [e.actor for e in await harness.history(order.id)] == [
        harness.ann.user_id,
        None,
        harness.ann.user_id,
        None,
    ]
    await invariants.check(harness)


async def test_a_declined_order_can_be_paid_in_another_way(harness: OrdersHarness, order: Order):
    with pytest.raises(PaymentDeclined) as declined:
        await harness.pay(order.id, "tok_declined")
    assert declined.value.reason == "card_declined"
    now = await harness.order(order.id)
    assert (now.status, now.expires_at, now.resume_at) == (
        OrderStatus.AWAITING_PAYMENT,
        order.expires_at,
        order.expires_at,
    )
    assert harness.stock.state(order.id) is HoldState.HELD
    assert (await harness.pay(order.id)).status is OrderStatus.PAID
    assert await harness.statuses(order.id) == [*_PAID[:3], "AWAITING_PAYMENT", "PAYING", "PAID"]
    await invariants.check(harness)


async def test_a_token_that_means_nothing_is_declined(harness: OrdersHarness, order: Order):
    with pytest.raises(PaymentDeclined) as declined:
        await harness.pay(order.id, "tok_no_such")
    assert declined.value.reason == "unknown_token"
    await invariants.check(harness)


@pytest.mark.parametrize("token", ["tok_timeout_then_captured", "tok_error_once"])
async def test_a_lost_answer_is_asked_for_again_under_the_same_key(
    harness: OrdersHarness, order: Order, token: str
):
    assert (await harness.pay(order.id, token)).status is OrderStatus.PAID
    assert len(set(_captures(harness))) == 1
    assert await harness.statuses(order.id) == _PAID
    await invariants.check(harness)


async def test_while_the_outcome_is_unknown_the_order_is_paying_and_the_resume_job_finds_out(
    harness: OrdersHarness, order: Order
):
    harness.faults.named = {"provider.capture:after": fail, "provider.lookup:before": fail}
    assert (await harness.pay(order.id, key="k")).status is OrderStatus.PAYING
    payment = await harness.payment(order.id)
    assert payment is not None
    assert payment.status is PaymentStatus.UNKNOWN
    assert (await harness.order(order.id)).status is OrderStatus.PAYING
    assert (await harness.pay(order.id, key="k")).status is OrderStatus.PAYING
    with pytest.raises(IllegalTransition):  # and another one does not start another payment
        await harness.pay(order.id)
    harness.faults.reset()
    await harness.until_quiet()
    assert (await harness.pay(order.id, key="k")).status is OrderStatus.PAID
    assert set(_captures(harness)) == {payment.attempt_id}
    assert await harness.statuses(order.id) == _PAID
    await invariants.check(harness)


async def test_a_lost_hold_expires_the_order_without_a_charge(harness: OrdersHarness, order: Order):
    await harness.stock.release(order.id)
    for _ in range(2):
        with pytest.raises(IllegalTransition) as refused:
            await harness.pay(order.id, key="k")
        assert refused.value.status is OrderStatus.EXPIRED
    assert _captures(harness) == []
    payment = await harness.payment(order.id)
    assert payment is not None
    assert (payment.status, payment.reason) == (PaymentStatus.DECLINED, HOLD_LOST)
    assert await harness.statuses(order.id) == [*_PAID[:3], "EXPIRED"]
    await invariants.check(harness)


async def test_a_hold_lost_after_an_unknown_outcome_asks_the_provider_before_it_gives_up(
    harness: OrdersHarness, order: Order
):
    harness.faults.named = {"provider.capture:after": fail, "provider.lookup:before": fail}
    assert (await harness.pay(order.id)).status is OrderStatus.PAYING
    harness.faults.reset()
    await harness.stock.release(order.id)  # by hand: a pinned hold does not go by itself
    await harness.until_quiet()
    paid = await harness.order(order.id)
    payment = await harness.payment(order.id)
    assert payment is not None
    assert (paid.status, payment.status) == (OrderStatus.PAID, PaymentStatus.CAPTURED)
    await invariants.check_history(harness, order.id)


async def test_an_order_past_its_window_cannot_be_paid_though_nobody_has_expired_it(
    harness: OrdersHarness, order: Order
):
    harness.clock.forward(WINDOW)
    before = await harness.everything()
    with pytest.raises(IllegalTransition) as refused:
        await harness.pay(order.id, key="k")
    assert refused.value.status is OrderStatus.EXPIRED
    assert await harness.everything() == before
    assert _captures(harness) == []


async def test_the_last_instant_of_the_window_is_enough(harness: OrdersHarness, order: Order):
    harness.clock.forward(WINDOW - timedelta(microseconds=1))
    assert (await harness.pay(order.id)).status is OrderStatus.PAID


async def test_the_same_key_pays_once_and_answers_the_same(harness: OrdersHarness, order: Order):
    paid = await harness.pay(order.id, key="k")
    before = await harness.everything()
    assert await harness.pay(order.id, key="k") == paid
    with pytest.raises(Conflict):
        await harness.pay(order.id, "tok_declined", key="k")
    assert await harness.everything() == before
    assert len(_captures(harness)) == 1


async def test_the_key_of_a_declined_attempt_tells_the_decline_after_another_succeeded(
    harness: OrdersHarness, order: Order
):
    with pytest.raises(PaymentDeclined):
        await harness.pay(order.id, "tok_declined", key="k1")
    await harness.pay(order.id, key="k2")
    with pytest.raises(PaymentDeclined):
        await harness.pay(order.id, "tok_declined", key="k1")
    assert (await harness.pay(order.id, key="k2")).status is OrderStatus.PAID
    await invariants.check(harness)


async def test_a_refused_payment_leaves_its_key_free(harness: OrdersHarness, order: Order):
    cancelled = await harness.cancel(order.id)
    with pytest.raises(IllegalTransition):
        await harness.pay(cancelled.id, key="k")
    other = await harness.place()
    assert (await harness.pay(other.id, key="k")).status is OrderStatus.PAID


async def test_of_twenty_payments_at_once_one_succeeds_and_is_captured_once(
    harness: OrdersHarness, order: Order
):
    results = await asyncio.gather(*(harness.pay(order.id) for _ in range(20)), return_exceptions=True)
    paid = [r for r in results if isinstance(r, Order)]
    refused = [r for r in results if isinstance(r, IllegalTransition | StaleOrder)]
    assert (len(paid), len(refused)) == (1, 19)
    assert paid[0].status is OrderStatus.PAID
    assert len(_captures(harness)) == 1
    await invariants.check(harness)


@pytest.mark.parametrize("token", ["tok_ok", "tok_error_once", "tok_timeout_then_captured"])
async def test_twenty_payments_with_one_key_all_succeed_and_are_captured_once(
    harness: OrdersHarness, order: Order, token: str
):
    results = await asyncio.gather(*(harness.pay(order.id, token, key="k") for _ in range(20)))
    assert {r.status for r in results} == {OrderStatus.PAID}
    assert len(set(_captures(harness))) == 1
    await invariants.check(harness)


async def test_a_slow_process_undoes_nothing_of_what_came_after_it(harness: OrdersHarness, order: Order):
    """It captured, then slept while others finished the payment and the customer had it refunded."""

    async def meanwhile(_: str) -> None:
        harness.faults.reset()
        await harness.until_quiet()
        await harness.cancel(order.id)

    harness.faults.named = {"provider.capture:after": meanwhile}
    late = await harness.pay(order.id)
    assert late.status is OrderStatus.CANCELLED
    payment = await harness.payment(order.id)
    assert payment is not None
    assert (payment.status, payment.paid_at) == (PaymentStatus.REFUNDED, START + timedelta(seconds=65))
    await invariants.check(harness)


async def test_a_slow_declined_process_does_not_unpin_the_next_attempt(harness: OrdersHarness, order: Order):
    async def meanwhile(_: str) -> None:
        harness.faults.reset()
        await harness.until_quiet()  # the resume job finds the decline
        harness.faults.named = {"provider.capture:after": still_paying}
        await harness.pay(order.id)

    async def still_paying(_: str) -> None:
        harness.faults.reset()
        states.append(harness.stock.state(order.id))

    states: list[HoldState] = []
    harness.faults.named = {"provider.capture:after": meanwhile}
    with pytest.raises(PaymentDeclined):
        await harness.pay(order.id, "tok_declined")
    assert states == [HoldState.PINNED]
    assert (await harness.order(order.id)).status is OrderStatus.PAID
    await invariants.check(harness)


async def test_a_decline_is_told_though_the_hold_cannot_be_unpinned(harness: OrdersHarness, order: Order):
    harness.faults.named = {"inventory.unpin:before": fail}
    with pytest.raises(PaymentDeclined):
        await harness.pay(order.id, "tok_declined")
    assert harness.stock.state(order.id) is HoldState.PINNED
    harness.clock.forward(WINDOW)
    await harness.until_quiet()
    await harness.resume.run_once()
    assert (await harness.order(order.id)).status is OrderStatus.EXPIRED
    await invariants.check(harness)


async def test_others_cannot_pay_and_staff_can(harness: OrdersHarness, order: Order):
    before = await harness.everything()
    for order_id, viewer in ((order.id, harness.bob), (new_id(), harness.ann), ("\0", harness.ann)):
        with pytest.raises(NotFound):
            await harness.service.payments.pay(viewer, order_id, method="card", token="tok_ok", key="k")
    assert await harness.everything() == before
    paid = await harness.service.payments.pay(
        as_staff(harness.bob), order.id, method="card", token="tok_ok", key=None
    )
    assert paid.status is OrderStatus.PAID


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({"method": ""}, "method"),
        ({"method": "m" * 201}, "method"),
        ({"token": ""}, "token"),
        ({"token": "t" * 201}, "token"),
        ({"token": "\0"}, "token"),
        ({"key": ""}, "idempotencyKey"),
    ],
)
async def test_a_payment_that_cannot_be_kept_is_refused_and_nothing_is_written(
    harness: OrdersHarness, order: Order, bad: dict[str, str], field: str
):
    before = await harness.everything()
    with pytest.raises(ValidationFailed) as refused:
        await harness.service.payments.pay(
            harness.ann, order.id, **{"method": "card", "token": "tok_ok", "key": None, **bad}
        )
    assert refused.value.field == field
    assert await harness.everything() == before
