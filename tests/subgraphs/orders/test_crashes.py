"""The process dies at each point in turn, and at two of them; the worker of another goes on from there.

A scenario is what a customer does. It runs once to count the points it passes (before and after each call
to another service and each commit), then again for each of them. After a crash the customer is gone and
only the worker is left; when nothing is left to do, the invariants hold.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from itertools import product

import pytest

from subgraphs.kit.errors import DomainError, Unavailable, ValidationFailed
from subgraphs.orders.domain import OrderStatus
from subgraphs.orders.errors import InsufficientStock, PaymentDeclined
from subgraphs.orders.workflow import LEASE
from tests.subgraphs.orders import invariants
from tests.subgraphs.orders.faults import Crash
from tests.subgraphs.orders.world import WINDOW, World

Fresh = Callable[[], Awaitable[World]]
Scenario = Callable[[World], Awaitable[None]]


async def paid_then_cancelled(world: World) -> None:
    order = await world.place()
    await world.pay(order.id)
    await world.cancel(order.id)


async def declined_then_paid(world: World) -> None:
    order = await world.place()
    with suppress(PaymentDeclined):
        await world.pay(order.id, "tok_declined")
    await world.pay(order.id, "tok_timeout_then_captured")


async def failed_once_then_paid(world: World) -> None:
    order = await world.place()
    await world.pay(order.id, "tok_error_once")


async def cancelled_while_paid(world: World) -> None:
    order = await world.place()

    async def wish(_: str) -> None:
        del world.faults.named["provider.capture:after"]
        await world.cancel(order.id)

    world.faults.named["provider.capture:after"] = wish
    await world.pay(order.id)


async def cancelled_unpaid(world: World) -> None:
    order = await world.place()
    await world.cancel(order.id)


async def expired(world: World) -> None:
    await world.place()
    world.clock.forward(WINDOW)
    await world.worker.work_once()


async def hold_lost(world: World) -> None:
    """Stock is out of reach from the payment's begin until after the hold has expired by itself."""
    order = await world.place()
    world.clock.forward(WINDOW - LEASE)
    world.inventory.down = True
    try:
        with suppress(Unavailable):
            await world.pay(order.id)
    finally:
        world.inventory.down = False
    world.clock.forward(timedelta(minutes=6))
    world.stock.sweep()
    await world.worker.work_once()


async def refused_for_two_currencies(world: World) -> None:
    with suppress(ValidationFailed):
        await world.place(world.stock.add(currency="USD"), world.stock.add(currency="EUR"))


async def refused_for_a_shortage(world: World) -> None:
    with suppress(InsufficientStock):
        await world.place(world.stock.add(available=1), quantity=2)


SCENARIOS = [
    paid_then_cancelled,
    declined_then_paid,
    failed_once_then_paid,
    cancelled_while_paid,
    cancelled_unpaid,
    expired,
    hold_lost,
    refused_for_two_currencies,
    refused_for_a_shortage,
]


# Points of placing an order, with which most scenarios begin; one of them is enough to die there.
_PLACING = 6
_WHOLE = {paid_then_cancelled, refused_for_two_currencies, refused_for_a_shortage}


async def _points(fresh: Fresh, scenario: Scenario) -> range:
    """The points that `scenario` is the one to look at."""
    world = await fresh()
    await scenario(world)
    count = len(world.faults.passed)
    await _recover(world)
    return range(0 if scenario in _WHOLE else _PLACING, count)


async def _recover(world: World, *second: int) -> None:
    """The worker, which may die too, until nothing is left to do; then the invariants."""
    world.faults.reset()
    world.faults.crash_at(*second)
    for _ in range(3):
        try:
            await world.until_quiet()
            break
        except Crash:
            continue
    world.faults.reset()
    await world.until_quiet()
    await invariants.check(world)


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_a_crash_at_any_point_leaves_what_the_worker_makes_consistent(fresh: Fresh, scenario: Scenario):
    for point in await _points(fresh, scenario):
        world = await fresh()
        world.faults.crash_at(point)
        with pytest.raises(Crash):
            await scenario(world)
        await _recover(world)


@pytest.mark.parametrize(
    "scenario", [declined_then_paid, cancelled_while_paid, hold_lost, refused_for_two_currencies]
)
async def test_a_lost_call_or_answer_at_any_point_changes_no_outcome(fresh: Fresh, scenario: Scenario):
    for point in await _points(fresh, scenario):
        world = await fresh()
        world.faults.fail_at(point)
        with suppress(DomainError, ConnectionError):
            await scenario(world)
        await _recover(world)


@pytest.mark.parametrize("scenario", [paid_then_cancelled, cancelled_while_paid])
async def test_a_second_crash_while_the_first_is_mended_changes_nothing(fresh: Fresh, scenario: Scenario):
    for first, second in product((await _points(fresh, scenario))[::4], range(1, 12, 4)):
        await _crash_twice(fresh, scenario, first, second)


@pytest.mark.long
@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_every_pair_of_crashes(fresh: Fresh, scenario: Scenario):
    for first, second in product(await _points(fresh, scenario), range(16)):
        await _crash_twice(fresh, scenario, first, second)


async def _crash_twice(fresh: Fresh, scenario: Scenario, first: int, second: int) -> None:
    world = await fresh()
    world.faults.crash_at(first)
    with pytest.raises(Crash):
        await scenario(world)
    await _recover(world, second)


async def test_a_crash_before_the_first_commit_leaves_nothing_and_the_key_free(world: World):
    lamp = world.stock.add()
    world.faults.crash_at(0)
    with pytest.raises(Crash):
        await world.place(lamp, key="k")
    assert await world.everything() == []
    assert (await world.place(lamp, key="k")).status is OrderStatus.AWAITING_PAYMENT


@pytest.mark.parametrize("point", range(12))
async def test_the_same_key_after_a_crash_goes_on_where_it_stopped(world: World, point: int):
    order = await world.place()
    world.faults.reset()
    world.faults.crash_at(point)
    with suppress(Crash):
        await world.pay(order.id, key="k")
    assert (await world.pay(order.id, key="k")).status is OrderStatus.PAID
    await invariants.check(world)


async def _moments() -> AsyncIterator[float]:
    for tenths in range(0, 40, 3):
        yield tenths / 2000


async def test_a_client_that_hangs_up_at_any_moment_leaves_what_the_worker_makes_consistent(fresh: Fresh):
    """The request's task is cancelled, in the middle of a statement or between two."""
    async for moment in _moments():
        world = await fresh()
        order = await world.place()
        task = asyncio.create_task(world.pay(order.id, "tok_error_once"))
        await asyncio.sleep(moment)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await _recover(world)
        assert (await world.order(order.id)).status in {OrderStatus.AWAITING_PAYMENT, OrderStatus.PAID}
    assert world.postgres.engine.pool.checkedout() == 0
