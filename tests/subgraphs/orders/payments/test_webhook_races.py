"""Payments and what their provider tells of them, all at once: one capture, whichever provider it is."""

import asyncio
import random
from typing import Any

import pytest

from subgraphs.orders.domain.errors import IllegalTransition, PaymentDeclined, StaleOrder
from subgraphs.orders.domain.orders import Order
from subgraphs.orders.domain.payments import PaymentStatus
from subgraphs.orders.domain.transitions import OrderStatus
from subgraphs.orders.payments.stripe import open_stripe
from subgraphs.orders.ports.inventory import HoldState
from subgraphs.orders.saga import LEASE
from subgraphs.orders.saga.transitions import HOLD_GRACE
from tests.subgraphs.orders import invariants
from tests.subgraphs.orders.conftest import Fresh
from tests.subgraphs.orders.orders_harness import WINDOW, OrdersHarness
from tests.subgraphs.orders.payments.conftest import Stripe, settings

_PAID = ["PENDING_STOCK", "AWAITING_PAYMENT", "PAYING", "PAID"]


async def _pay_twice(harness: OrdersHarness, order: Order, token: str) -> None:
    answers = await asyncio.gather(
        *(harness.pay(order.id, token, key=key) for key in ("a", "b")), return_exceptions=True
    )
    paid = [answer for answer in answers if isinstance(answer, Order)]
    assert len(paid) == 1
    assert all(isinstance(a, Order | IllegalTransition | StaleOrder) for a in answers), answers


async def _receive(harness: OrdersHarness, provider: str, webhooks: list[tuple[bytes, Any]]) -> None:
    for body, headers in webhooks:
        await harness.webhooks.receive(provider, body, headers)
        await harness.payment_events.run_once()


@pytest.mark.parametrize("seed", range(6))
async def test_paying_twice_with_three_shuffled_webhooks_is_one_capture_of_the_sandbox(
    fresh: Fresh, seed: int
):
    chance, harness = random.Random(seed), await fresh()
    order = await harness.place()

    async def told(_: str) -> None:
        """In the middle of the payment, and once more after it."""
        harness.faults.reset()
        payment = await harness.payment(order.id)
        assert payment is not None
        types = ["payment.authorised", "payment.captured", "payment.captured"]
        bodies = [harness.provider_webhooks.body(type_, str(payment.reference)) for type_ in types]
        webhooks.extend((body, harness.provider_webhooks.headers(body)) for body in [*bodies, bodies[1]])
        chance.shuffle(webhooks)
        await _receive(harness, "sandbox", webhooks)

    webhooks: list[tuple[bytes, Any]] = []
    point = chance.choice(["provider.authorise:before", "provider.capture:before", "provider.capture:after"])
    harness.faults.named = {point: told}
    await _pay_twice(harness, order, chance.choice(["tok_ok", "tok_timeout_then_captured"]))
    chance.shuffle(webhooks)
    await _receive(harness, "sandbox", webhooks)
    await harness.until_quiet()
    assert await harness.statuses(order.id) == _PAID
    assert await harness.rows("SELECT status FROM sandbox_charges") == [("captured",)]
    await invariants.check(harness)


@pytest.fixture
def with_stripe(harness: OrdersHarness, stripe: Stripe) -> OrdersHarness:
    harness.provider.use(stripe.provider)
    return harness


def _told(stripe: Stripe, *types: str) -> list[tuple[bytes, Any]]:
    """Webhooks of Stripe's one intent."""
    [intent] = stripe.double.intents.values()
    charge = {"object": "charge", "id": "ch_1", "payment_intent": intent["id"]}
    bodies = [stripe.double.event(t, intent if t.startswith("payment_intent") else charge) for t in types]
    return [(body, stripe.double.signature(body)) for body in bodies]


@pytest.mark.parametrize("seed", range(6))
async def test_paying_twice_with_three_shuffled_webhooks_is_one_capture_of_stripe(
    with_stripe: OrdersHarness, stripe: Stripe, seed: int
):
    harness, chance = with_stripe, random.Random(seed)
    order = await harness.place()

    async def told(_: str) -> None:
        harness.faults.reset()
        types = ["payment_intent.amount_capturable_updated", "charge.succeeded", "payment_intent.succeeded"]
        webhooks.extend(_told(stripe, *types))
        chance.shuffle(webhooks)
        await _receive(harness, "stripe", webhooks)

    webhooks: list[tuple[bytes, Any]] = []
    point = chance.choice(["provider.authorise:before", "provider.capture:before", "provider.capture:after"])
    harness.faults.named = {point: told}
    await _pay_twice(harness, order, "pm_card_visa")
    chance.shuffle(webhooks)
    await _receive(harness, "stripe", webhooks)
    await harness.until_quiet()
    assert await harness.statuses(order.id) == _PAID
    assert len(stripe.double.captured) == 1
    assert harness.stock.state(order.id) is HoldState.COMMITTED


async def test_a_time_out_after_the_capture_is_paid_once_as_soon_as_stripe_tells(
    with_stripe: OrdersHarness, stripe: Stripe
):
    harness = with_stripe
    async with open_stripe(settings(stripe.url, seconds=0.3)) as hasty:
        harness.provider.use(hasty)
        order = await harness.place()
        stripe.double.faults.hang.update({"capture": 1, "status": 1})
        assert (await harness.pay(order.id, "pm_card_visa", key="k")).status is OrderStatus.PAYING
        payment = await harness.payment(order.id)
        assert payment is not None
        assert (payment.status, payment.provider) == (PaymentStatus.UNKNOWN, "stripe")
        # Not by the resume job, whose time has not come.
        await _receive(harness, "stripe", _told(stripe, "payment_intent.succeeded"))
        assert (await harness.pay(order.id, "pm_card_visa", key="k")).status is OrderStatus.PAID
    assert stripe.double.captured == [payment.reference]
    assert stripe.double.names() == ["initiate", "authorise", "capture", "status", "status"]


async def test_what_stripe_declines_is_told_and_the_order_can_be_paid_with_another_card(
    with_stripe: OrdersHarness, stripe: Stripe
):
    harness = with_stripe
    order = await harness.place()
    with pytest.raises(PaymentDeclined) as declined:
        await harness.pay(order.id, "pm_card_insufficient")
    assert declined.value.reason == "insufficient_funds"
    assert (await harness.pay(order.id, "pm_card_visa")).status is OrderStatus.PAID
    assert len(stripe.double.captured) == 1


async def test_a_cancelled_order_has_its_money_back_from_stripe_once(
    with_stripe: OrdersHarness, stripe: Stripe
):
    harness = with_stripe
    order = await harness.place()
    await harness.pay(order.id, "pm_card_visa")
    await harness.refund(order.id, "0.99")
    assert (await harness.cancel(order.id)).status is OrderStatus.CANCELLED
    refunds = sorted((r["metadata"]["refund"], r["amount"]) for r in stripe.double.refunds.values())
    assert [amount for _, amount in refunds] == [900, 99]
    assert refunds[0][0] == f"refund:{order.id}"


async def test_the_500_that_stripe_repeats_ends_in_a_cancelled_intent_and_no_charge(
    with_stripe: OrdersHarness, stripe: Stripe
):
    harness = with_stripe
    order = await harness.place()
    stripe.double.faults.before["authorise"] = 1
    assert (await harness.pay(order.id, "pm_card_visa")).status is OrderStatus.PAYING
    harness.clock.forward(WINDOW + HOLD_GRACE + LEASE)
    await harness.until_quiet()
    await harness.resume.run_once()
    assert (await harness.order(order.id)).status is OrderStatus.EXPIRED
    [intent] = stripe.double.intents.values()
    assert intent["status"] == "canceled"
    assert harness.stock.state(order.id) is HoldState.RELEASED
