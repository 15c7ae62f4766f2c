import asyncio
from datetime import timedelta

from subgraphs.orders.saga import LEASE
from subgraphs.orders.store.due import DueOrderStore
from tests.subgraphs.orders.orders_harness import START, OrdersHarness


async def test_two_claimers_never_lease_one_order_twice(harness: OrdersHarness):
    lamp = harness.stock.add(available=100)
    ids = {(await harness.place(lamp)).id for _ in range(30)}
    now = START + timedelta(minutes=30)

    async def claim() -> list[str]:
        async with harness.observer.unit_of_work() as connection:
            found = await DueOrderStore(connection).claim(now=now, lease=LEASE, limit=4)
            await asyncio.sleep(0.005)  # hold the rows while others look
            return [order.id for order in found]

    batches = await asyncio.gather(*(claim() for _ in range(8)))
    leased = [order_id for batch in batches for order_id in batch]
    assert {len(batch) for batch in batches} <= set(range(5))
    assert len(leased) == len(set(leased))
    while batch := await claim():
        leased += batch
    assert sorted(leased) == sorted(ids)


async def test_what_is_not_due_is_left_alone(harness: OrdersHarness):
    order = await harness.place()
    async with harness.observer.unit_of_work() as connection:
        claimed = await DueOrderStore(connection).claim(
            now=order.expires_at - timedelta(microseconds=1), lease=LEASE, limit=4
        )
    assert claimed == []


async def test_the_lease_of_what_keeps_failing_grows_to_a_bound_and_never_overflows(harness: OrdersHarness):
    order = await harness.place()
    async with harness.observer.unit_of_work() as connection:
        await connection.exec_driver_sql("UPDATE orders SET resume_at = created_at")
    leases = []
    for attempts in (0, 1, 2, 3, 6, 7, 5000, 2_000_000_000):
        async with harness.observer.unit_of_work() as connection:
            await connection.exec_driver_sql(f"UPDATE orders SET attempts = {attempts}")
            now = (await harness.order(order.id)).resume_at
            assert now is not None
            [claimed] = await DueOrderStore(connection).claim(now=now, lease=LEASE, limit=1)
            assert claimed.id == order.id
        after = (await harness.order(order.id)).resume_at
        assert after is not None
        leases.append((after - now) / LEASE)
    assert leases == [1, 2, 4, 8, 64, 64, 64, 64]
