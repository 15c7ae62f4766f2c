import asyncio
from datetime import timedelta

import pytest

from subgraphs.kit.errors import Unavailable
from subgraphs.orders.domain import Order, OrderId, OrderStatus
from subgraphs.orders.errors import IllegalTransition
from subgraphs.orders.inventory import HoldState
from subgraphs.orders.worker import Worker
from subgraphs.orders.workflow import LEASE
from tests.subgraphs.orders import invariants
from tests.subgraphs.orders.faults import fail
from tests.subgraphs.orders.world import WINDOW, World, eventually


async def test_an_order_expires_at_the_end_of_its_window_and_not_before(world: World):
    order = await world.place()
    world.clock.forward(WINDOW - timedelta(microseconds=1))
    await world.worker.work_once()
    assert (await world.order(order.id)).status is OrderStatus.AWAITING_PAYMENT
    world.clock.forward(timedelta(microseconds=1))
    await world.worker.work_once()
    assert (await world.order(order.id)).status is OrderStatus.EXPIRED
    assert world.stock.state(order.id) is HoldState.RELEASED
    await invariants.check(world)


async def test_a_hold_of_an_expired_order_is_given_back_when_stock_is_reachable_again(world: World):
    order = await world.place()
    world.clock.forward(WINDOW)
    world.inventory.down = True
    await world.worker.work_once()
    assert (await world.order(order.id)).status is OrderStatus.EXPIRED
    assert world.stock.state(order.id) is HoldState.HELD
    world.inventory.down = False
    await world.until_quiet()
    assert world.stock.state(order.id) is HoldState.RELEASED
    await invariants.check(world)


async def test_expiry_takes_nothing_from_a_payment_that_came_first(world: World):
    """The worker saw the order unpaid and past its window; by a slower clock somebody pays it in time."""
    order = await world.place()
    world.clock.forward(WINDOW)
    stale = await world.order(order.id)
    world.clock.forward(-WINDOW)
    assert (await world.pay(order.id)).status is OrderStatus.PAID
    world.clock.forward(WINDOW)
    with pytest.raises(Exception, match="changed meanwhile"):
        await world.workflow._step(stale)
    assert world.stock.state(order.id) is HoldState.COMMITTED
    await invariants.check(world)


async def test_a_payment_at_the_very_end_of_the_window_never_loses_its_hold(world: World):
    """Expiry and payment at once, again and again: one of them wins whole."""
    lamp = world.stock.add(available=100)
    for shift in range(-4, 5):
        order = await world.place(lamp)
        world.clock.now = order.expires_at - timedelta(microseconds=1)
        pay = asyncio.create_task(world.pay(order.id))
        await asyncio.sleep(max(0, shift) / 1000)
        world.clock.now = order.expires_at
        work = asyncio.create_task(world.worker.work_once())
        paid, _ = await asyncio.gather(pay, work, return_exceptions=True)
        await world.until_quiet()
        now = await world.order(order.id)
        if isinstance(paid, Order):
            assert now.status is OrderStatus.PAID
        else:
            assert now.status is OrderStatus.EXPIRED
            assert getattr(paid, "code", None) in {IllegalTransition.code, "CONFLICT"}
        await invariants.check(world)


async def test_one_order_that_cannot_go_on_does_not_keep_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    lamp = world.stock.add()
    broken, well = await world.place(lamp), await world.place(lamp)
    advance = world.workflow.advance

    async def fail_one(order_id: OrderId) -> Order:
        if order_id == broken.id:
            raise KeyError("a fault of ours")
        return await advance(order_id)

    monkeypatch.setattr(world.workflow, "advance", fail_one)
    world.clock.forward(WINDOW)
    await world.worker.work_once()
    assert (await world.order(well.id)).status is OrderStatus.EXPIRED
    again = (await world.order(broken.id)).resume_at
    assert again == world.clock.now + LEASE


async def test_the_worker_outlives_a_round_that_fails(world: World):
    order = await world.place()
    world.clock.forward(WINDOW)
    rounds = 0

    async def twice(_: str) -> None:
        nonlocal rounds
        rounds += 1
        if rounds <= 2:
            raise [ConnectionError("gone"), KeyError("a fault of ours")][rounds - 1]

    world.faults.named = {"commit:before": twice}
    task = asyncio.create_task(Worker(workflow=world.workflow, interval=0.01).run())

    async def expired() -> bool:
        return (await world.order(order.id)).status is OrderStatus.EXPIRED

    await eventually(expired)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert rounds > 2


async def test_a_batch_that_is_full_says_that_there_may_be_more(world: World):
    lamp = world.stock.add(available=100)
    for _ in range(21):
        await world.place(lamp)
    world.clock.forward(WINDOW)
    assert await world.worker.work_once() is True
    assert await world.worker.work_once() is False
    assert await world.rows("SELECT DISTINCT status FROM orders") == [("EXPIRED",)]
    assert lamp.available == 100
    await invariants.check(world)


async def test_two_workers_at_once_do_each_thing_once(world: World):
    lamp = world.stock.add(available=100)
    world.faults.named = {"provider.capture:after": fail, "provider.lookup:before": fail}
    orders = [await world.place(lamp) for _ in range(6)]
    for order in orders:
        with pytest.raises(Unavailable):
            await world.pay(order.id)
    world.faults.reset()
    world.clock.forward(LEASE)
    other = Worker(workflow=world.workflow)
    await asyncio.gather(
        *(w.work_once() for w in (world.worker, other)), *(world.workflow.advance(o.id) for o in orders)
    )
    assert {(await world.order(o.id)).status for o in orders} == {OrderStatus.PAID}
    await invariants.check(world)
