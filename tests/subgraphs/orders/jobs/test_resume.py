import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from subgraphs.kit.background import running
from subgraphs.kit.errors import Unavailable
from subgraphs.orders.domain.errors import IllegalTransition
from subgraphs.orders.domain.items import OrderItem
from subgraphs.orders.domain.orders import Order
from subgraphs.orders.domain.transitions import OrderStatus
from subgraphs.orders.ports.inventory import HoldState
from subgraphs.orders.saga import LEASE
from tests.subgraphs.orders import invariants
from tests.subgraphs.orders.fault_injection import fail
from tests.subgraphs.orders.orders_harness import START, WINDOW, OrdersHarness, eventually


async def test_an_order_expires_at_the_end_of_its_window_and_not_before(harness: OrdersHarness):
    order = await harness.place()
    harness.clock.forward(WINDOW - timedelta(microseconds=1))
    await harness.resume.run_once()
    assert (await harness.order(order.id)).status is OrderStatus.AWAITING_PAYMENT
    harness.clock.forward(timedelta(microseconds=1))
    await harness.resume.run_once()
    assert (await harness.order(order.id)).status is OrderStatus.EXPIRED
    assert harness.stock.state(order.id) is HoldState.RELEASED
    await invariants.check(harness)


async def test_a_hold_of_an_expired_order_is_given_back_when_stock_is_reachable_again(harness: OrdersHarness):
    order = await harness.place()
    harness.clock.forward(WINDOW)
    harness.inventory.down = True
    await harness.resume.run_once()
    assert (await harness.order(order.id)).status is OrderStatus.EXPIRED
    assert harness.stock.state(order.id) is HoldState.HELD
    harness.inventory.down = False
    await harness.until_quiet()
    assert harness.stock.state(order.id) is HoldState.RELEASED
    await invariants.check(harness)


async def test_expiry_takes_nothing_from_a_payment_that_came_first(harness: OrdersHarness):
    """The resume job saw the order unpaid and past its window; by a slower clock somebody pays it in time."""
    order = await harness.place()
    harness.clock.forward(WINDOW)
    stale = await harness.order(order.id)
    harness.clock.forward(-WINDOW)
    assert (await harness.pay(order.id)).status is OrderStatus.PAID
    harness.clock.forward(WINDOW)
    with pytest.raises(Exception, match="changed meanwhile"):
        await harness.saga._step(stale, None)
    assert harness.stock.state(order.id) is HoldState.COMMITTED
    await invariants.check(harness)


async def test_a_payment_at_the_very_end_of_the_window_never_loses_its_hold(harness: OrdersHarness):
    """Expiry and payment at once, again and again: one of them wins whole."""
    lamp = harness.stock.add(available=100)
    for shift in range(-4, 5):
        order = await harness.place(lamp)
        harness.clock.now = order.expires_at - timedelta(microseconds=1)
        pay = asyncio.create_task(harness.pay(order.id))
        await asyncio.sleep(max(0, shift) / 1000)
        harness.clock.now = order.expires_at
        work = asyncio.create_task(harness.resume.run_once())
        paid, _ = await asyncio.gather(pay, work, return_exceptions=True)
        await harness.until_quiet()
        now = await harness.order(order.id)
        if isinstance(paid, Order):
            assert now.status is OrderStatus.PAID
        else:
            assert now.status is OrderStatus.EXPIRED
            assert getattr(paid, "code", None) in {IllegalTransition.code, "CONFLICT"}
        await invariants.check(harness)


async def test_one_order_that_cannot_go_on_does_not_keep_the_others(
    harness: OrdersHarness, monkeypatch: pytest.MonkeyPatch
):
    lamp = harness.stock.add()
    broken, well = await harness.place(lamp), await harness.place(lamp)
    step = harness.saga._step

    async def fail_one(order: Order, items: Sequence[OrderItem] | None) -> Order | None:
        if order.id == broken.id:
            raise KeyError("a fault of ours")
        return await step(order, items)

    monkeypatch.setattr(harness.saga, "_step", fail_one)
    harness.clock.forward(WINDOW)
    await harness.resume.run_once()
    assert (await harness.order(well.id)).status is OrderStatus.EXPIRED
    again = (await harness.order(broken.id)).resume_at
    assert again == harness.clock.now + LEASE


async def test_the_job_outlives_a_round_that_fails(harness: OrdersHarness):
    order = await harness.place()
    harness.clock.forward(WINDOW)
    rounds = 0

    async def twice(_: str) -> None:
        nonlocal rounds
        rounds += 1
        if rounds <= 2:
            raise [ConnectionError("gone"), KeyError("a fault of ours")][rounds - 1]

    async def expired() -> bool:
        return (await harness.order(order.id)).status is OrderStatus.EXPIRED

    harness.faults.named = {"commit:before": twice}
    async with running(replace(harness.resume.job, every=0.01)):
        await eventually(expired)
    assert rounds > 2


async def test_a_batch_that_is_full_says_that_there_may_be_more(harness: OrdersHarness):
    lamp = harness.stock.add(available=100)
    for _ in range(21):
        await harness.place(lamp)
    harness.clock.forward(WINDOW)
    assert await harness.resume.run_once() is True
    assert await harness.resume.run_once() is False
    assert await harness.rows("SELECT DISTINCT status FROM orders") == [("EXPIRED",)]
    assert lamp.available == 100
    await invariants.check(harness)


async def test_two_processes_at_once_do_each_thing_once(harness: OrdersHarness):
    lamp = harness.stock.add(available=100)
    harness.faults.named = {"provider.capture:after": fail, "provider.status:before": fail}
    orders = [await harness.place(lamp) for _ in range(6)]
    for order in orders:
        assert (await harness.pay(order.id)).status is OrderStatus.PAYING
    harness.faults.reset()
    harness.clock.forward(LEASE)
    other = replace(harness.resume)
    await asyncio.gather(
        *(job.run_once() for job in (harness.resume, other)), *(harness.saga.resume(o.id) for o in orders)
    )
    assert {(await harness.order(o.id)).status for o in orders} == {OrderStatus.PAID}
    await invariants.check(harness)


async def test_an_order_whose_process_was_lost_is_resumed_after_a_second_and_then_ever_later(
    harness: OrdersHarness,
):
    harness.inventory.down = True
    order = await harness.place()
    tried: list[float] = []

    async def reserve(_: str) -> None:
        tried.append((harness.clock.now - START).total_seconds())
        raise Unavailable("still away")

    harness.inventory.down = False
    harness.faults.named = {"inventory.reserve:before": reserve}
    for _ in range(300):
        harness.clock.forward(timedelta(seconds=0.5))
        await harness.resume.run_once()
    assert tried == [1, 2, 4, 8, 16, 32, 64, 128]
    assert (await harness.order(order.id)).status is OrderStatus.PENDING_STOCK
    harness.faults.reset()
    await harness.until_quiet()
    assert (await harness.order(order.id)).status is OrderStatus.AWAITING_PAYMENT
