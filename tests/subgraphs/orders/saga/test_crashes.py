"""The process dies at each point in turn, and at two of them; the resume job of another goes on from there.

A scenario is what a customer does. It runs once to count the points it passes (before and after each call
to another service and each commit), then again for each of them. After a crash the customer is gone and
only the resume job is left; when nothing is left to do, the invariants hold.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from itertools import product

import pytest

from subgraphs.kit.errors import DomainError, ValidationFailed
from subgraphs.orders.domain.errors import InsufficientStock, PaymentDeclined
from subgraphs.orders.domain.transitions import OrderStatus
from subgraphs.orders.saga import LEASE
from tests.subgraphs.orders import invariants
from tests.subgraphs.orders.conftest import Fresh
from tests.subgraphs.orders.fault_injection import Crash, fail
from tests.subgraphs.orders.orders_harness import WINDOW, OrdersHarness

Scenario = Callable[[OrdersHarness], Awaitable[None]]


async def paid_then_cancelled(harness: OrdersHarness) -> None:
    order = await harness.place()
    await harness.pay(order.id)
    await harness.cancel(order.id)


async def declined_then_paid(harness: OrdersHarness) -> None:
    order = await harness.place()
    with suppress(PaymentDeclined):
        await harness.pay(order.id, "tok_declined")
    await harness.pay(order.id, "tok_timeout_then_captured")


async def failed_once_then_paid(harness: OrdersHarness) -> None:
    order = await harness.place()
    await harness.pay(order.id, "tok_error_once")


async def cancelled_while_paid(harness: OrdersHarness) -> None:
    order = await harness.place()

    async def request(_: str) -> None:
        del harness.faults.named["provider.capture:after"]
        await harness.cancel(order.id)

    harness.faults.named["provider.capture:after"] = request
    await harness.pay(order.id)


async def cancelled_unpaid(harness: OrdersHarness) -> None:
    order = await harness.place()
    await harness.cancel(order.id)


async def expired(harness: OrdersHarness) -> None:
    await harness.place()
    harness.clock.forward(WINDOW)
    await harness.resume.run_once()


async def hold_lost(harness: OrdersHarness) -> None:
    """Stock is out of reach from the payment's begin until after the hold has expired by itself."""
    order = await harness.place()
    harness.clock.forward(WINDOW - LEASE)
    harness.inventory.down = True
    try:
        await harness.pay(order.id)
    finally:
        harness.inventory.down = False
    harness.clock.forward(timedelta(minutes=6))
    harness.stock.sweep()
    await harness.resume.run_once()


async def refused_for_two_currencies(harness: OrdersHarness) -> None:
    with suppress(ValidationFailed):
        await harness.place(harness.stock.add(currency="USD"), harness.stock.add(currency="EUR"))


async def refused_for_a_shortage(harness: OrdersHarness) -> None:
    with suppress(InsufficientStock):
        await harness.place(harness.stock.add(available=1), quantity=2)


async def refunded_in_parts(harness: OrdersHarness) -> None:
    """A part before it is sent, the rest after that."""
    order = await harness.place(quantity=2)
    await harness.pay(order.id)
    await harness.refund(order.id, "5.00")
    await harness.move(order.id, OrderStatus.PROCESSING)
    await harness.move(order.id, OrderStatus.SHIPPED, tracking="T1")
    await harness.refund(order.id)


async def refunded_whole_then_restocked(harness: OrdersHarness) -> None:
    order = await harness.place()
    await harness.pay(order.id)
    await harness.refund(order.id)


async def refunded_in_part_then_cancelled(harness: OrdersHarness) -> None:
    order = await harness.place()
    await harness.pay(order.id)
    await harness.refund(order.id, "5.00")
    await harness.cancel(order.id)


async def sent_elsewhere_then_paid(harness: OrdersHarness) -> None:
    order = await harness.place()
    await harness.ship_to(order.id, country="CH", method="express")
    await harness.pay(order.id)


async def captured_late(harness: OrdersHarness) -> None:
    """The provider takes the money of an attempt that was written off, and says so."""
    order = await harness.place()
    with suppress(PaymentDeclined):
        await harness.pay(order.id, "tok_declined")
    payment = await harness.payment(order.id)
    if payment is not None and payment.reference is not None:
        await harness.captured_by_hand(payment.reference)
        await harness.webhook("payment.captured", payment.reference)
    await harness.payment_events.run_once()
    await harness.late_refunds.run_once()


async def told_by_webhook(harness: OrdersHarness) -> None:
    """The answer is lost and so is that of the question; then the provider tells of its own accord."""
    order = await harness.place()
    lost = {"provider.capture:after": fail, "provider.status:before": fail}
    harness.faults.named.update(lost)
    try:
        await harness.pay(order.id)
    finally:
        for point in lost:
            del harness.faults.named[point]
    payment = await harness.payment(order.id)
    assert payment is not None
    await harness.webhook("payment.captured", str(payment.reference))
    await harness.payment_events.run_once()


SCENARIOS = [
    paid_then_cancelled,
    declined_then_paid,
    failed_once_then_paid,
    cancelled_while_paid,
    cancelled_unpaid,
    expired,
    hold_lost,
    captured_late,
    told_by_webhook,
    refused_for_two_currencies,
    refused_for_a_shortage,
    refunded_in_parts,
    refunded_whole_then_restocked,
    refunded_in_part_then_cancelled,
    sent_elsewhere_then_paid,
]


# Points of placing an order, with which most scenarios begin; one of them is enough to die there.
_PLACING = 6
_WHOLE = {paid_then_cancelled, refused_for_two_currencies, refused_for_a_shortage}


async def _points(fresh: Fresh, scenario: Scenario) -> range:
    """The points that `scenario` is the one to look at."""
    harness = await fresh()
    await scenario(harness)
    count = len(harness.faults.passed)
    await _recover(harness)
    return range(0 if scenario in _WHOLE else _PLACING, count)


async def _recover(harness: OrdersHarness, *second: int) -> None:
    """The resume job, whose process may die too, until nothing is left to do; then the invariants."""
    harness.faults.reset()
    harness.faults.crash_at(*second)
    for _ in range(3):
        try:
            await harness.until_quiet()
            break
        except Crash:
            continue
    harness.faults.reset()
    await harness.until_quiet()
    await invariants.check(harness)


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_a_crash_at_any_point_leaves_what_the_resume_job_makes_consistent(
    fresh: Fresh, scenario: Scenario
):
    for point in await _points(fresh, scenario):
        harness = await fresh()
        harness.faults.crash_at(point)
        with pytest.raises(Crash):
            await scenario(harness)
        await _recover(harness)


@pytest.mark.parametrize(
    "scenario",
    [
        declined_then_paid,
        cancelled_while_paid,
        hold_lost,
        captured_late,
        refused_for_two_currencies,
        refunded_in_part_then_cancelled,
    ],
)
async def test_a_lost_call_or_answer_at_any_point_changes_no_outcome(fresh: Fresh, scenario: Scenario):
    for point in await _points(fresh, scenario):
        harness = await fresh()
        harness.faults.fail_at(point)
        with suppress(DomainError, ConnectionError):
            await scenario(harness)
        await _recover(harness)


@pytest.mark.parametrize("scenario", [cancelled_while_paid, captured_late])
async def test_a_second_crash_while_the_first_is_mended_changes_nothing(fresh: Fresh, scenario: Scenario):
    for first, second in product((await _points(fresh, scenario))[::4], range(1, 12, 4)):
        await _crash_twice(fresh, scenario, first, second)


@pytest.mark.long
@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_every_pair_of_crashes(fresh: Fresh, scenario: Scenario):
    for first, second in product(await _points(fresh, scenario), range(16)):
        await _crash_twice(fresh, scenario, first, second)


async def _crash_twice(fresh: Fresh, scenario: Scenario, first: int, second: int) -> None:
    harness = await fresh()
    harness.faults.crash_at(first)
    with pytest.raises(Crash):
        await scenario(harness)
    await _recover(harness, second)


async def test_a_crash_before_the_first_commit_leaves_nothing_and_the_key_free(harness: OrdersHarness):
    lamp = harness.stock.add()
    harness.faults.crash_at(0)
    with pytest.raises(Crash):
        await harness.place(lamp, key="k")
    assert await harness.everything() == []
    assert (await harness.place(lamp, key="k")).status is OrderStatus.AWAITING_PAYMENT


@pytest.mark.parametrize("point", range(12))
async def test_the_same_key_after_a_crash_goes_on_where_it_stopped(harness: OrdersHarness, point: int):
    order = await harness.place()
    harness.faults.reset()
    harness.faults.crash_at(point)
    with suppress(Crash):
        await harness.pay(order.id, key="k")
    assert (await harness.pay(order.id, key="k")).status is OrderStatus.PAID
    await invariants.check(harness)


async def _moments() -> AsyncIterator[float]:
    for tenths in range(0, 40, 3):
        yield tenths / 2000


async def test_a_client_that_hangs_up_at_any_moment_leaves_what_the_resume_job_makes_consistent(fresh: Fresh):
    """The request's task is cancelled, in the middle of a statement or between two."""
    async for moment in _moments():
        harness = await fresh()
        order = await harness.place()
        task = asyncio.create_task(harness.pay(order.id, "tok_error_once"))
        await asyncio.sleep(moment)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await _recover(harness)
        assert (await harness.order(order.id)).status in {OrderStatus.AWAITING_PAYMENT, OrderStatus.PAID}
    assert harness.postgres.engine.pool.checkedout() == 0
