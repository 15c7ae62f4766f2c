import asyncio
from datetime import timedelta

import pytest

from subgraphs.kit.auth.viewer import ANONYMOUS
from subgraphs.kit.errors import Conflict, Forbidden, NotFound, Unauthenticated, ValidationFailed
from subgraphs.kit.ids import new_id
from subgraphs.orders.domain.errors import IllegalTransition
from subgraphs.orders.domain.orders import Order
from subgraphs.orders.domain.payments import PaymentStatus
from subgraphs.orders.domain.transitions import Action, OrderStatus
from subgraphs.orders.ports.inventory import HoldState
from tests.subgraphs.orders import invariants
from tests.subgraphs.orders.fault_injection import Crash, fail
from tests.subgraphs.orders.orders_harness import OrdersHarness


@pytest.fixture
async def paid(harness: OrdersHarness) -> Order:
    """10.00 USD for one unit."""
    order = await harness.place(harness.stock.add(minor=1000))
    return await harness.pay(order.id)


async def _books(harness: OrdersHarness) -> list[int]:
    """What the provider has given back."""
    rows = await harness.rows("SELECT amount_minor FROM sandbox_charges WHERE status = 'refunded' ORDER BY 1")
    return [row.amount_minor for row in rows]


async def _payment(harness: OrdersHarness, order: Order) -> tuple[str, int]:
    payment = await harness.payment(order.id)
    assert payment is not None
    return payment.status.value, payment.refunded.minor


async def test_a_part_is_refunded_and_the_order_goes_on(harness: OrdersHarness, paid: Order):
    refunded = await harness.refund(paid.id, "2.50", reason="scratched")
    assert (refunded.status, refunded.resume_at) == (OrderStatus.PAID, None)
    assert await _payment(harness, paid) == ("PARTIALLY_REFUNDED", 250)
    assert (await harness.move(paid.id, OrderStatus.PROCESSING)).status is OrderStatus.PROCESSING
    assert await _books(harness) == [250]
    await invariants.check(harness)


async def test_the_whole_is_refunded_and_the_unit_that_was_not_shipped_comes_back(
    harness: OrdersHarness, paid: Order
):
    refunded = await harness.refund(paid.id, reason="gone")
    assert refunded.status is OrderStatus.REFUNDED
    last = (await harness.history(paid.id))[-1]
    assert (last.status, last.actor, last.note) == (OrderStatus.REFUNDED, harness.staff.user_id, "gone")
    assert await _payment(harness, paid) == ("REFUNDED", 1000)
    assert harness.stock.state(paid.id) is HoldState.RESTOCKED
    assert await _books(harness) == [1000]
    await invariants.check(harness)


async def test_what_was_shipped_is_not_counted_in_by_its_refund(harness: OrdersHarness, paid: Order):
    for status in (OrderStatus.PROCESSING, OrderStatus.SHIPPED, OrderStatus.DELIVERED):
        await harness.move(paid.id, status)
    assert (await harness.refund(paid.id)).status is OrderStatus.REFUNDED
    assert harness.stock.state(paid.id) is HoldState.COMMITTED
    await invariants.check(harness)


async def test_parts_that_come_to_the_whole_make_it_refunded_and_no_more_goes_back(
    harness: OrdersHarness, paid: Order
):
    await harness.refund(paid.id, "4")
    before = await harness.everything()
    for amount in ("6.01", "0", "0.00"):
        with pytest.raises(ValidationFailed) as refused:
            await harness.refund(paid.id, amount)
        assert refused.value.field == "amount"
    for amount in ("-1", "1.001", "NaN"):
        with pytest.raises(ValidationFailed):
            await harness.refund(paid.id, amount)
    assert await harness.everything() == before
    assert (await harness.refund(paid.id, "6")).status is OrderStatus.REFUNDED
    assert await _books(harness) == [400, 600]
    with pytest.raises(IllegalTransition) as again:
        await harness.refund(paid.id)
    assert (again.value.status, again.value.action) == (OrderStatus.REFUNDED, Action.REFUND)
    await invariants.check(harness)


async def test_the_same_key_refunds_once_and_is_a_conflict_for_another_request(
    harness: OrdersHarness, paid: Order
):
    calls = [harness.refund(paid.id, "1.00", key="k") for _ in range(10)]
    answers = await asyncio.gather(*calls)
    assert {order.status for order in answers} == {OrderStatus.PAID}
    await harness.refund(paid.id, "1", key="k")  # the same amount, in fewer digits
    assert await _books(harness) == [100]
    for other in ({"amount": "2"}, {"amount": "1", "reason": "x"}, {"amount": None}):
        with pytest.raises(Conflict):
            await harness.refund(paid.id, key="k", **other)
    await harness.until_quiet()
    assert await _books(harness) == [100]
    await invariants.check(harness)


async def test_refunds_at_once_never_come_to_more_than_was_paid(harness: OrdersHarness, paid: Order):
    results = await asyncio.gather(*(harness.refund(paid.id, "3") for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(r, Order) for r in results) == 3
    assert sum(isinstance(r, ValidationFailed) for r in results) == 7
    assert await _books(harness) == [300, 300, 300]
    await harness.until_quiet()
    await invariants.check(harness)


async def test_a_cancellation_gives_back_what_is_left(harness: OrdersHarness, paid: Order):
    await harness.refund(paid.id, "4")
    assert (await harness.cancel(paid.id)).status is OrderStatus.CANCELLED
    assert await _books(harness) == [400, 600]
    assert await _payment(harness, paid) == ("REFUNDED", 1000)
    await invariants.check(harness)


async def test_a_refund_and_a_cancellation_at_once_give_back_the_whole_once(harness: OrdersHarness):
    for _ in range(5):
        order = await harness.place(harness.stock.add(minor=1000))
        await harness.pay(order.id)
        await asyncio.gather(harness.refund(order.id), harness.cancel(order.id), return_exceptions=True)
        await harness.until_quiet()
        assert (await harness.order(order.id)).status in {OrderStatus.REFUNDED, OrderStatus.CANCELLED}
    await invariants.check(harness)


@pytest.mark.parametrize("amount", [None, "4"])
@pytest.mark.parametrize("point", ["provider.refund:before", "provider.refund:after"])
async def test_an_outcome_that_is_not_known_is_found_out_later_and_refunds_once(
    harness: OrdersHarness, paid: Order, point: str, amount: str | None
):
    harness.faults.named = {point: fail}
    waiting = await harness.refund(paid.id, amount, key="k")
    assert waiting.status is OrderStatus.PAID
    assert waiting.resume_at is not None
    assert await _payment(harness, paid) == (PaymentStatus.CAPTURED.value, 0)
    if amount is None:
        with pytest.raises(Conflict):
            await harness.refund(paid.id, "1")
    harness.faults.reset()
    await harness.until_quiet()
    assert await _books(harness) == [1000 if amount is None else 400]
    await invariants.check(harness)


@pytest.mark.parametrize("amount", [None, "4"])
async def test_a_crash_anywhere_on_the_way_loses_and_doubles_nothing(
    harness: OrdersHarness, amount: str | None
):
    points = 0
    for ahead in range(20):
        order = await harness.place(harness.stock.add(minor=1000))
        await harness.pay(order.id)
        first = len(harness.faults.passed)
        harness.faults.crash_at(first + ahead)
        try:
            await harness.refund(order.id, amount, key=f"k{ahead}")
        except Crash:
            points += 1
        harness.faults.plan.clear()
        await harness.until_quiet()
        await harness.refund(order.id, amount, key=f"k{ahead}")
        await harness.until_quiet()
        payment = await harness.payment(order.id)
        assert payment is not None
        assert payment.refunded.minor == (1000 if amount is None else 400)
        if len(harness.faults.passed) - first <= ahead:
            break
    assert points >= 6
    await invariants.check(harness)


async def test_refunding_needs_the_permission_and_a_paid_order(harness: OrdersHarness, paid: Order):
    unpaid = await harness.place()
    before = await harness.everything()
    for viewer, error in ((ANONYMOUS, Unauthenticated), (harness.ann, Forbidden), (harness.bob, Forbidden)):
        with pytest.raises(error):
            await harness.service.refunds.refund(viewer, paid.id, amount=None, reason=None, key=None)
    with pytest.raises(NotFound):
        await harness.refund(new_id())
    with pytest.raises(IllegalTransition):
        await harness.refund(unpaid.id)
    assert await harness.everything() == before


async def test_the_resume_job_finds_a_refund_whose_process_died(harness: OrdersHarness, paid: Order):
    harness.faults.named = {"provider.refund:before": fail}
    await harness.refund(paid.id, "1")
    harness.faults.reset()
    assert await _books(harness) == []
    harness.clock.forward(timedelta(seconds=2))
    await harness.resume.run_once()
    assert await _books(harness) == [100]
