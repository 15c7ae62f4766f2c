"""The state of orders in Redis: right after each commit, never an earlier one over a later one, and no need of Redis."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from subgraphs.kit.auth.viewer import ANONYMOUS
from subgraphs.kit.ids import new_id
from subgraphs.kit.redis.client import create_redis
from subgraphs.kit.settings import RedisSettings
from subgraphs.orders.domain.ids import OrderId, UserId
from subgraphs.orders.domain.orders import OrderState
from subgraphs.orders.domain.transitions import OrderStatus
from subgraphs.orders.live import states as states_module
from subgraphs.orders.live.states import OrderStates
from subgraphs.orders.service import Orders
from tests.harness.statements import statements
from tests.subgraphs.orders.fault_injection import Crash, crash, fail
from tests.subgraphs.orders.orders_harness import OrdersHarness

LIFETIME = timedelta(seconds=30)


@pytest.fixture
async def redis(engines: Any) -> AsyncIterator[Redis]:
    async with create_redis(RedisSettings(url=engines.redis_url)) as redis:
        yield redis


@pytest.fixture
def states(redis: Redis) -> OrderStates:
    return OrderStates(redis, lifetime=LIFETIME)


@pytest.fixture
def cached(harness: OrdersHarness, states: OrderStates, monkeypatch: pytest.MonkeyPatch) -> Orders:
    """Reads of orders with a cache that follows the commits of `harness`."""
    monkeypatch.setattr(harness.postgres, "_observers", [states.observe])
    return Orders(postgres=harness.postgres, states=states)


def state(version: int, status: OrderStatus = OrderStatus.PAID) -> OrderState:
    return OrderState(
        id=OrderId(new_id()), user_id=UserId(new_id()), status=status, version=version, settled=True
    )


def lose(states: OrderStates, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis is away until `monkeypatch` is undone."""

    async def refuse(*_: Any, **__: Any) -> None:
        raise RedisConnectionError("away")

    monkeypatch.setattr(states._redis, "get", refuse)
    monkeypatch.setattr(states._redis, "ping", refuse)
    monkeypatch.setattr(states, "_put", refuse)


async def test_each_change_is_read_without_the_database(harness: OrdersHarness, cached: Orders):
    order = await harness.place()
    seen = []
    for change in (
        None,
        lambda: harness.ship_to(order.id, city="Bern"),
        lambda: harness.pay(order.id),
        lambda: harness.refund(order.id, "1.00"),
        lambda: harness.move(order.id, OrderStatus.PROCESSING),
        lambda: harness.cancel(order.id),
    ):
        if change is not None:
            await change()
        with statements(harness.postgres) as sent:
            found = await cached.state(harness.ann, order.id)
        assert sent == []
        assert found == OrderState.of(await harness.order(order.id))
        seen.append(found.status.value)
    assert seen == ["AWAITING_PAYMENT", "AWAITING_PAYMENT", "PAID", "PAID", "PROCESSING", "CANCELLED"]


async def test_an_order_is_not_settled_while_its_money_moves(harness: OrdersHarness, cached: Orders):
    order = await harness.place()
    seen = []
    for point, change in (
        ("provider.capture:before", lambda: harness.pay(order.id)),
        ("provider.refund:before", lambda: harness.refund(order.id, "1.00")),
        ("provider.refund:after", lambda: harness.cancel(order.id)),
    ):
        harness.faults.named = {point: fail, "provider.lookup:before": fail}
        await change()
        under_way = await cached.state(harness.ann, order.id)
        harness.faults.reset()
        await harness.until_quiet()
        after = await cached.state(harness.ann, order.id)
        assert after.version > under_way.version
        seen.append((under_way.status.value, under_way.settled, after.status.value, after.settled))
    assert seen == [
        ("PAYING", False, "PAID", True),
        ("PAID", False, "PAID", True),
        ("CANCELLING", False, "CANCELLED", True),
    ]


async def test_what_the_resume_job_changes_is_written_too(harness: OrdersHarness, cached: Orders):
    order = await harness.place()
    harness.clock.forward(timedelta(minutes=30))
    await harness.resume.run_once()
    found = await cached.state(harness.ann, order.id)
    assert found is not None
    assert found.status is OrderStatus.EXPIRED


async def test_a_state_is_for_the_owner_and_managers_cached_or_not(
    harness: OrdersHarness, cached: Orders, redis: Redis
):
    order = await harness.place()
    for delete in (False, True):
        for viewer, may in (
            (harness.ann, True),
            (harness.staff, True),
            (harness.bob, False),
            (ANONYMOUS, False),
        ):
            if delete:
                await redis.delete(f"orders:state:v1:{order.id}")
            assert (await cached.state(viewer, order.id) is not None) is may
    assert await cached.state(harness.ann, new_id()) is None
    with statements(harness.postgres) as sent:
        assert await cached.state(harness.ann, "no id") is None
        assert await cached.state(ANONYMOUS, order.id) is None
    assert sent == []


async def test_a_state_that_is_not_there_is_read_once_and_kept_for_its_time(
    harness: OrdersHarness, cached: Orders, redis: Redis
):
    order = await harness.place()
    await redis.delete(f"orders:state:v1:{order.id}")
    counts = []
    for _ in range(3):
        with statements(harness.postgres) as sent:
            assert await cached.state(harness.ann, order.id) == OrderState.of(order)
        counts.append(len(sent))
    assert counts == [1, 0, 0]
    assert 0 < await redis.pttl(f"orders:state:v1:{order.id}") <= 30_000


async def test_an_earlier_version_never_replaces_a_later_one(states: OrderStates):
    later = state(7)
    earlier = replace(later, status=OrderStatus.PAYING, version=6, settled=False)
    await states.put(later)
    await states.put(earlier)
    assert await states.get(later.id) == later
    await asyncio.gather(*(states.put(replace(later, version=v)) for v in (9, 12, 8, 10, 11)))
    found = await states.get(later.id)
    assert found is not None
    assert found.version == 12
    assert states._unwritten == {}


async def test_without_redis_orders_change_and_are_read_from_the_database(
    harness: OrdersHarness, cached: Orders, states: OrderStates, monkeypatch: pytest.MonkeyPatch
):
    order = await harness.place()
    lose(states, monkeypatch)
    await harness.pay(order.id)
    with statements(harness.postgres) as sent:
        found = await cached.state(harness.ann, order.id)
    assert (found.status, len(sent)) == (OrderStatus.PAID, 1)
    with pytest.raises(RedisError):
        await states.flush()
    monkeypatch.undo()
    # What is there is from before; what was changed meanwhile goes over it before anybody reads it here.
    await states.flush()
    assert await states.get(order.id) == OrderState.of(await harness.order(order.id))
    assert states._unwritten == {}


async def test_a_redis_that_does_not_answer_is_waited_for_once_and_only_for_a_moment(
    states: OrderStates, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(states_module, "_PATIENCE", 0.05)
    asked = 0

    async def never(*_: Any, **__: Any) -> None:
        nonlocal asked
        asked += 1
        await asyncio.Event().wait()

    monkeypatch.setattr(states, "_put", never)
    monkeypatch.setattr(states._redis, "get", never)
    async with asyncio.timeout(5):
        for version in range(50):
            await states.put(state(version))
            assert await states.get(OrderId(new_id())) is None
    assert asked == 1


async def test_what_could_not_be_written_is_bounded(states: OrderStates, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(states_module, "_MOST_UNWRITTEN", 10)
    lose(states, monkeypatch)
    kept = [state(1) for _ in range(40)]
    for one in kept:
        await states.put(one)
    assert list(states._unwritten.values()) == kept[-10:]


async def test_a_change_that_is_rolled_back_is_not_written(
    harness: OrdersHarness, cached: Orders, redis: Redis
):
    order = await harness.place()
    harness.faults.named = {"commit:before": crash}
    with pytest.raises(Crash):
        await harness.pay(order.id)
    harness.faults.reset()
    assert await cached.state(harness.ann, order.id) == OrderState.of(order)
    assert (await redis.get(f"orders:state:v1:{order.id}")).split(" ")[0] == str(order.version)
