import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from subgraphs.kit.errors import Conflict, NotFound, ValidationFailed
from subgraphs.kit.ids import new_id
from subgraphs.orders.domain.errors import IllegalTransition, PaymentDeclined, PaymentsOff, StaleOrder
from subgraphs.orders.domain.orders import Order
from subgraphs.orders.domain.payments import HOLD_LOST, PaymentStatus
from subgraphs.orders.domain.transitions import OrderStatus
from subgraphs.orders.payments.provider import Declined
from subgraphs.orders.payments.sandbox import SandboxProvider
from subgraphs.orders.ports.inventory import HoldState
from subgraphs.orders.saga import LEASE
from subgraphs.orders.saga.transitions import HOLD_GRACE
from subgraphs.orders.store.payments import PaymentStore
from subgraphs.orders.store.sandbox_charges import SandboxChargeStore
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
    harness.faults.named = {"provider.capture:after": fail, "provider.status:before": fail}
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
    harness.faults.named = {"provider.capture:after": fail, "provider.status:before": fail}
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
    harness.faults.named = {"provider.authorise:after": meanwhile}
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


async def _late(harness: OrdersHarness) -> list[tuple[str, str, int]]:
    """Key, status and amount of each refund of a capture that came too late."""
    rows = await harness.rows("SELECT key, status, amount_minor FROM refunds WHERE reason IS NOT NULL")
    return [tuple(row) for row in rows]


async def test_a_capture_that_comes_after_its_attempt_was_written_off_goes_back_once(
    harness: OrdersHarness, order: Order
):
    """The provider captures although it said that it would not, while the order is lost and expired."""

    async def written_off(_: str) -> None:
        harness.faults.reset()
        await harness.stock.release(order.id)  # by hand
        harness.sandbox = harness.provider._provider = _Forgetful(harness.sandbox)
        await harness.until_quiet()
        assert (await harness.order(order.id)).status is OrderStatus.EXPIRED

    harness.faults.named = {"provider.capture:after": written_off}
    with pytest.raises(IllegalTransition):
        await harness.pay(order.id)
    payment = await harness.payment(order.id)
    assert payment is not None
    assert (payment.status, payment.reason) == (PaymentStatus.DECLINED, HOLD_LOST)
    assert await _late(harness) == [(f"refund:{payment.attempt_id}", "PENDING", 3998)]
    captured = await harness.order(order.id)
    await harness.until_quiet()
    assert (await harness.order(order.id)).version == captured.version + 1  # it shows what was given back
    await harness.webhook("payment.captured", payment.attempt_id)
    await harness.until_quiet()
    assert await _late(harness) == [(f"refund:{payment.attempt_id}", "DONE", 3998)]
    assert [key for name, key in harness.provider.calls if name == "refund"] == [
        f"refund:{payment.attempt_id}"
    ]
    payment = await harness.payment(order.id)
    assert payment is not None
    assert (payment.status, payment.refunded.minor) == (PaymentStatus.DECLINED, 3998)
    await invariants.check(harness)


class _Forgetful(SandboxProvider):
    """Says that a payment is cancelled when it was captured."""

    def __init__(self, other: SandboxProvider) -> None:
        super().__init__(postgres=other.postgres, webhooks=other.webhooks)

    async def cancel(self, reference: str, *, key: str) -> Declined:
        await super().cancel(reference, key=key)
        return Declined("cancelled")


async def test_a_late_capture_of_an_order_that_was_paid_again_goes_back_and_the_order_stays_paid(
    harness: OrdersHarness, order: Order
):
    with pytest.raises(PaymentDeclined):
        await harness.pay(order.id, "tok_declined")
    first = await harness.payment(order.id)
    assert first is not None
    assert (await harness.pay(order.id)).status is OrderStatus.PAID
    await harness.captured_by_hand(first.attempt_id)
    for _ in range(3):
        await harness.webhook("payment.captured", first.attempt_id)
    await harness.until_quiet()
    assert await _late(harness) == [(f"refund:{first.attempt_id}", "DONE", 3998)]
    assert (await harness.order(order.id)).status is OrderStatus.PAID
    assert (await harness.cancel(order.id)).status is OrderStatus.CANCELLED
    await invariants.check(harness)


@pytest.mark.parametrize("point", ["provider.refund:before", "provider.refund:after"])
async def test_the_refund_of_a_late_capture_survives_a_lost_answer(
    harness: OrdersHarness, order: Order, point: str
):
    with pytest.raises(PaymentDeclined):
        await harness.pay(order.id, "tok_declined")
    payment = await harness.payment(order.id)
    assert payment is not None
    await harness.captured_by_hand(payment.attempt_id)
    harness.faults.named = {point: fail}
    await harness.webhook("payment.captured", payment.attempt_id)
    await harness.payment_events.run_once()
    await harness.late_refunds.run_once()
    assert await _late(harness) == [(f"refund:{payment.attempt_id}", "PENDING", 3998)]
    harness.faults.reset()
    await harness.late_refunds.run_once()  # its lease lasts
    assert await _late(harness) == [(f"refund:{payment.attempt_id}", "PENDING", 3998)]
    harness.clock.forward(LEASE)
    await harness.late_refunds.run_once()
    assert await _late(harness) == [(f"refund:{payment.attempt_id}", "DONE", 3998)]
    await invariants.check(harness)


async def test_an_attempt_that_is_captured_cannot_be_written_off(harness: OrdersHarness, order: Order):
    """One process put the capture on record and is slow; to another the hold is gone and the provider forgetful."""

    async def meanwhile(_: str) -> None:
        harness.faults.reset()
        harness.provider._provider = _Forgetful(harness.sandbox)
        await harness.saga.resume(order.id)
        states.append((await harness.order(order.id)).status)

    states: list[OrderStatus] = []
    harness.faults.named = {"inventory.commit:before": meanwhile}
    assert (await harness.pay(order.id)).status is OrderStatus.PAID
    assert states == [OrderStatus.PAID]
    await invariants.check(harness)


async def test_a_capture_on_record_wins_over_a_decline_that_comes_with_it(
    harness: OrdersHarness, order: Order
):
    """Two processes hold contrary answers, as with a provider that is not consistent: nothing is half written."""

    async def captured(_: str) -> None:
        harness.faults.reset()
        payment = await harness.payment(order.id)
        assert payment is not None
        async with harness.observer.unit_of_work() as connection:
            await PaymentStore(connection).captured(payment.attempt_id, transaction_id="t", at=START)
            await SandboxChargeStore(connection).set(
                payment.attempt_id, status="captured", transaction_id="t"
            )

    harness.faults.named = {"provider.authorise:after": captured}
    assert (await harness.pay(order.id, "tok_declined")).status is OrderStatus.PAID
    assert await harness.statuses(order.id) == _PAID
    await invariants.check(harness)


async def test_the_unknown_outcome_is_asked_for_ever_more_seldom_until_it_is_known(
    harness: OrdersHarness, order: Order
):
    harness.faults.named = {"provider.capture:after": fail, "provider.status:before": fail}
    assert (await harness.pay(order.id)).status is OrderStatus.PAYING
    harness.provider.calls.clear()
    asked: list[int] = []
    for second in range(1, 32):
        harness.clock.forward(timedelta(seconds=1))
        await harness.resume.run_once()
        if harness.provider.calls:
            assert [name for name, _ in harness.provider.calls] == ["status"]
            harness.provider.calls.clear()
            asked.append(second)
    assert asked == [1, 2, 4, 8, 16]
    harness.faults.reset()
    await harness.until_quiet()
    assert (await harness.order(order.id)).status is OrderStatus.PAID
    assert _captures(harness) == []  # it had been captured at the first call
    await invariants.check(harness)


async def test_what_a_provider_never_finishes_is_cancelled_there_when_the_time_to_pay_is_over(
    harness: OrdersHarness, order: Order
):
    harness.faults.named = {"provider.authorise:before": fail}
    assert (await harness.pay(order.id)).status is OrderStatus.PAYING
    harness.clock.forward(WINDOW + HOLD_GRACE)
    await harness.resume.run_once()
    assert (await harness.order(order.id)).status is OrderStatus.PAYING
    harness.clock.forward(timedelta(minutes=2))
    await harness.until_quiet()
    await harness.resume.run_once()
    assert await harness.statuses(order.id) == [*_PAID[:3], "AWAITING_PAYMENT", "EXPIRED"]
    payment = await harness.payment(order.id)
    assert payment is not None
    assert (payment.status, payment.reason) == (PaymentStatus.DECLINED, "cancelled")
    assert isinstance(await harness.sandbox.status(payment.attempt_id), Declined)
    await invariants.check(harness)


async def test_without_a_provider_nothing_is_paid_and_the_answer_says_so(
    harness: OrdersHarness, order: Order
):
    before = await harness.everything()
    service = replace(harness.service.payments, provider=None)
    with pytest.raises(PaymentsOff) as off:
        await service.pay(harness.ann, order.id, method="card", token="tok_ok", key="k")
    assert off.value.message == (
        "Payments are off: no payment provider is set up here, so no order can be paid."
    )
    assert await harness.everything() == before


async def test_a_payment_under_way_waits_for_its_own_provider(harness: OrdersHarness, order: Order):
    harness.faults.named = {"provider.capture:after": fail, "provider.status:before": fail}
    await harness.pay(order.id)
    harness.faults.reset()
    harness.provider.calls.clear()
    harness.provider.name = "another"
    await harness.saga.resume(order.id)
    assert (await harness.order(order.id)).status is OrderStatus.PAYING
    assert harness.provider.calls == []
    harness.provider.name = "sandbox"
    await harness.until_quiet()
    assert (await harness.order(order.id)).status is OrderStatus.PAID


async def test_the_sandbox_pays_without_a_token_and_one_key_is_the_same_with_it(
    harness: OrdersHarness, order: Order
):
    paid = await harness.pay(order.id, None, key="k")
    assert paid.status is OrderStatus.PAID
    assert await harness.pay(order.id, "tok_ok", key="k") == paid


async def test_who_reads_an_attempt_before_its_reference_is_on_record_does_not_write_it_off(
    harness: OrdersHarness, order: Order
):
    """Another process has initiated and captured meanwhile, and the hold is gone: only the provider knows."""

    async def meanwhile(_: str) -> None:
        harness.faults.reset()
        payment = await harness.payment(order.id)
        assert payment is not None
        assert payment.reference is None
        key = payment.attempt_id
        await harness.sandbox.initiate(key, amount=payment.amount, token=payment.token)
        async with harness.observer.unit_of_work() as connection:
            await PaymentStore(connection).initiated(key, reference=key)
        await harness.sandbox.authorise(key, key=key)
        await harness.sandbox.capture(key, key=key)
        await harness.stock.release(order.id)  # by hand

    harness.faults.named = {"inventory.pin:before": meanwhile}
    assert (await harness.pay(order.id)).status is OrderStatus.PAID
    assert await harness.statuses(order.id) == _PAID


async def test_an_attempt_that_was_written_off_is_not_charged_by_who_was_slow_to_initiate_it(
    harness: OrdersHarness, order: Order
):
    async def meanwhile(_: str) -> None:
        harness.faults.reset()
        await harness.stock.release(order.id)
        await harness.saga.resume(order.id)

    harness.faults.named = {"provider.initiate:after": meanwhile}
    with pytest.raises(IllegalTransition):
        await harness.pay(order.id)
    assert [name for name, _ in harness.provider.calls] == ["initiate"]
    assert await harness.rows("SELECT status FROM sandbox_charges") == [("open",)]
    await invariants.check(harness)
