import asyncio
from datetime import timedelta

import pytest

from subgraphs.kit.errors import Conflict, NotFound, Unavailable, ValidationFailed
from subgraphs.kit.ids import new_id
from subgraphs.orders.domain import HOLD_LOST, Order, OrderStatus, PaymentStatus
from subgraphs.orders.errors import IllegalTransition, PaymentDeclined, StaleOrder
from subgraphs.orders.inventory import HoldState
from tests.subgraphs.orders import invariants
from tests.subgraphs.orders.faults import fail
from tests.subgraphs.orders.world import START, WINDOW, World, as_staff

_PAID = ["PENDING_STOCK", "AWAITING_PAYMENT", "PAYING", "PAID"]


@pytest.fixture
async def order(world: World) -> Order:
    return await world.place(world.stock.add(minor=1999), quantity=2)


def _captures(world: World) -> list[str]:
    return [key for name, key in world.provider.calls if name == "capture"]


async def test_a_payment_is_captured_once_and_sells_the_units(world: World, order: Order):
    paid = await world.pay(order.id)
    assert (paid.status, paid.resume_at) == (OrderStatus.PAID, None)
    payment = await world.payment(order.id)
    assert payment is not None
    assert (payment.status, payment.amount.minor, payment.refunded.minor) == (PaymentStatus.CAPTURED, 3998, 0)
    assert (payment.method, payment.paid_at, payment.seq) == ("card", START, 3)
    assert (payment.transaction_id or "").startswith("sbx_ch_")
    assert world.stock.state(order.id) is HoldState.COMMITTED
    assert await world.statuses(order.id) == _PAID
    assert [e.actor for e in await world.history(order.id)] == [
        world.ann.user_id,
        None,
        world.ann.user_id,
        None,
    ]
    await invariants.check(world)


async def test_a_declined_order_can_be_paid_in_another_way(world: World, order: Order):
    with pytest.raises(PaymentDeclined) as declined:
        await world.pay(order.id, "tok_declined")
    assert declined.value.reason == "card_declined"
    now = await world.order(order.id)
    assert (now.status, now.expires_at, now.resume_at) == (
        OrderStatus.AWAITING_PAYMENT,
        order.expires_at,
        order.expires_at,
    )
    assert world.stock.state(order.id) is HoldState.HELD
    assert (await world.pay(order.id)).status is OrderStatus.PAID
    assert await world.statuses(order.id) == [*_PAID[:3], "AWAITING_PAYMENT", "PAYING", "PAID"]
    await invariants.check(world)


async def test_a_token_that_means_nothing_is_declined(world: World, order: Order):
    with pytest.raises(PaymentDeclined) as declined:
        await world.pay(order.id, "tok_no_such")
    assert declined.value.reason == "unknown_token"
    await invariants.check(world)


@pytest.mark.parametrize("token", ["tok_timeout_then_captured", "tok_error_once"])
async def test_a_lost_answer_is_asked_for_again_under_the_same_key(world: World, order: Order, token: str):
    assert (await world.pay(order.id, token)).status is OrderStatus.PAID
    assert len(set(_captures(world))) == 1
    assert await world.statuses(order.id) == _PAID
    await invariants.check(world)


async def test_while_the_outcome_is_unknown_the_order_is_paying_and_the_worker_finds_out(
    world: World, order: Order
):
    world.faults.named = {"provider.capture:after": fail, "provider.lookup:before": fail}
    with pytest.raises(Unavailable):
        await world.pay(order.id, key="k")
    payment = await world.payment(order.id)
    assert payment is not None
    assert payment.status is PaymentStatus.UNKNOWN
    assert (await world.order(order.id)).status is OrderStatus.PAYING
    with pytest.raises(Unavailable):  # the same call again says the same
        await world.pay(order.id, key="k")
    with pytest.raises(IllegalTransition):  # and another one does not start another payment
        await world.pay(order.id)
    world.faults.reset()
    await world.until_quiet()
    assert (await world.pay(order.id, key="k")).status is OrderStatus.PAID
    assert set(_captures(world)) == {payment.attempt_id}
    assert await world.statuses(order.id) == _PAID
    await invariants.check(world)


async def test_a_lost_hold_expires_the_order_without_a_charge(world: World, order: Order):
    await world.stock.release(order.id)
    for _ in range(2):
        with pytest.raises(IllegalTransition) as refused:
            await world.pay(order.id, key="k")
        assert refused.value.status is OrderStatus.EXPIRED
    assert _captures(world) == []
    payment = await world.payment(order.id)
    assert payment is not None
    assert (payment.status, payment.reason) == (PaymentStatus.DECLINED, HOLD_LOST)
    assert await world.statuses(order.id) == [*_PAID[:3], "EXPIRED"]
    await invariants.check(world)


async def test_a_hold_lost_after_an_unknown_outcome_asks_the_provider_before_it_gives_up(
    world: World, order: Order
):
    world.faults.named = {"provider.capture:after": fail, "provider.lookup:before": fail}
    with pytest.raises(Unavailable):
        await world.pay(order.id)
    world.faults.reset()
    await world.stock.release(order.id)  # by hand: a pinned hold does not go by itself
    await world.until_quiet()
    paid = await world.order(order.id)
    payment = await world.payment(order.id)
    assert payment is not None
    assert (paid.status, payment.status) == (OrderStatus.PAID, PaymentStatus.CAPTURED)
    await invariants.check_history(world, order.id)


async def test_an_order_past_its_window_cannot_be_paid_though_nobody_has_expired_it(
    world: World, order: Order
):
    world.clock.forward(WINDOW)
    before = await world.everything()
    with pytest.raises(IllegalTransition) as refused:
        await world.pay(order.id, key="k")
    assert refused.value.status is OrderStatus.EXPIRED
    assert await world.everything() == before
    assert _captures(world) == []


async def test_the_last_instant_of_the_window_is_enough(world: World, order: Order):
    world.clock.forward(WINDOW - timedelta(microseconds=1))
    assert (await world.pay(order.id)).status is OrderStatus.PAID


async def test_the_same_key_pays_once_and_answers_the_same(world: World, order: Order):
    paid = await world.pay(order.id, key="k")
    before = await world.everything()
    assert await world.pay(order.id, key="k") == paid
    with pytest.raises(Conflict):
        await world.pay(order.id, "tok_declined", key="k")
    assert await world.everything() == before
    assert len(_captures(world)) == 1


async def test_the_key_of_a_declined_attempt_tells_the_decline_after_another_succeeded(
    world: World, order: Order
):
    with pytest.raises(PaymentDeclined):
        await world.pay(order.id, "tok_declined", key="k1")
    await world.pay(order.id, key="k2")
    with pytest.raises(PaymentDeclined):
        await world.pay(order.id, "tok_declined", key="k1")
    assert (await world.pay(order.id, key="k2")).status is OrderStatus.PAID
    await invariants.check(world)


async def test_a_refused_payment_leaves_its_key_free(world: World, order: Order):
    cancelled = await world.cancel(order.id)
    with pytest.raises(IllegalTransition):
        await world.pay(cancelled.id, key="k")
    other = await world.place()
    assert (await world.pay(other.id, key="k")).status is OrderStatus.PAID


async def test_of_twenty_payments_at_once_one_succeeds_and_is_captured_once(world: World, order: Order):
    results = await asyncio.gather(*(world.pay(order.id) for _ in range(20)), return_exceptions=True)
    paid = [r for r in results if isinstance(r, Order)]
    refused = [r for r in results if isinstance(r, IllegalTransition | StaleOrder)]
    assert (len(paid), len(refused)) == (1, 19)
    assert paid[0].status is OrderStatus.PAID
    assert len(_captures(world)) == 1
    await invariants.check(world)


@pytest.mark.parametrize("token", ["tok_ok", "tok_error_once", "tok_timeout_then_captured"])
async def test_twenty_payments_with_one_key_all_succeed_and_are_captured_once(
    world: World, order: Order, token: str
):
    results = await asyncio.gather(*(world.pay(order.id, token, key="k") for _ in range(20)))
    assert {r.status for r in results} == {OrderStatus.PAID}
    assert len(set(_captures(world))) == 1
    await invariants.check(world)


async def test_a_slow_process_undoes_nothing_of_what_came_after_it(world: World, order: Order):
    """It captured, then slept while others finished the payment and the customer had it refunded."""

    async def meanwhile(_: str) -> None:
        world.faults.reset()
        await world.until_quiet()
        await world.cancel(order.id)

    world.faults.named = {"provider.capture:after": meanwhile}
    late = await world.pay(order.id)
    assert late.status is OrderStatus.CANCELLED
    payment = await world.payment(order.id)
    assert payment is not None
    assert (payment.status, payment.paid_at) == (PaymentStatus.REFUNDED, START + timedelta(seconds=90))
    await invariants.check(world)


async def test_a_slow_declined_process_does_not_unpin_the_next_attempt(world: World, order: Order):
    async def meanwhile(_: str) -> None:
        world.faults.reset()
        await world.until_quiet()  # the worker finds the decline
        world.faults.named = {"provider.capture:after": still_paying}
        await world.pay(order.id)

    async def still_paying(_: str) -> None:
        world.faults.reset()
        states.append(world.stock.state(order.id))

    states: list[HoldState] = []
    world.faults.named = {"provider.capture:after": meanwhile}
    with pytest.raises(PaymentDeclined):
        await world.pay(order.id, "tok_declined")
    assert states == [HoldState.PINNED]
    assert (await world.order(order.id)).status is OrderStatus.PAID
    await invariants.check(world)


async def test_a_decline_is_told_though_the_hold_cannot_be_unpinned(world: World, order: Order):
    world.faults.named = {"inventory.unpin:before": fail}
    with pytest.raises(PaymentDeclined):
        await world.pay(order.id, "tok_declined")
    assert world.stock.state(order.id) is HoldState.PINNED
    world.clock.forward(WINDOW)
    await world.until_quiet()
    await world.worker.work_once()
    assert (await world.order(order.id)).status is OrderStatus.EXPIRED
    await invariants.check(world)


async def test_others_cannot_pay_and_staff_can(world: World, order: Order):
    before = await world.everything()
    for order_id, viewer in ((order.id, world.bob), (new_id(), world.ann), ("\0", world.ann)):
        with pytest.raises(NotFound):
            await world.service.paying.pay(viewer, order_id, method="card", token="tok_ok", key="k")
    assert await world.everything() == before
    paid = await world.service.paying.pay(
        as_staff(world.bob), order.id, method="card", token="tok_ok", key=None
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
    world: World, order: Order, bad: dict[str, str], field: str
):
    before = await world.everything()
    with pytest.raises(ValidationFailed) as refused:
        await world.service.paying.pay(
            world.ann, order.id, **{"method": "card", "token": "tok_ok", "key": None, **bad}
        )
    assert refused.value.field == field
    assert await world.everything() == before
