"""Sweep, audit and purge: what is left undone is finished, what is left over ends, what is past its time goes."""

import asyncio
from datetime import timedelta

import pytest

from subgraphs.products.domain.reservations import LEASE, Gone, Held, ReservationLine, State
from subgraphs.products.service import upkeep as upkeep_module
from tests.subgraphs.products.held_up_database import HeldUpDatabase
from tests.subgraphs.products.stock_probe import STALE, At, StockProbe

KEEP = {"keep_released": timedelta(days=7), "keep_sold": timedelta(days=400)}


class LateWrite:
    """A call that stands still before one of its writes until `land` is awaited."""

    def __init__(self, stock: StockProbe, step: str) -> None:
        self._database = HeldUpDatabase(stock.database)
        hold_up = At(step, act=self._database.begin)
        self.inventory = stock.services(database=self._database, after_write=hold_up).inventory

    async def start(self, call) -> None:
        self._task = asyncio.create_task(call)
        await self._database.wait_held_up()

    async def land(self) -> None:
        """Whatever the call makes of it."""
        self._database.end()
        await asyncio.wait({self._task})
        self._task.exception()


# ---- audit -------------------------------------------------------------------------------------------------


async def test_units_restored_by_a_late_write_are_dropped_and_not_given_back(stock, make, order) -> None:
    mug = await make(stock=10)
    await stock.reserve(order, (mug, 3))
    await stock.inventory.commit(order)
    late = LateWrite(stock, "restock.started")
    await late.start(late.inventory.restock(order))
    stock.clock.ahead += LEASE
    await stock.upkeep.sweep(stale_after=timedelta())
    assert (await stock.of(mug), await stock.state(order)) == ((10, {}), "RESTOCKED")
    await late.land()
    assert await stock.of(mug) == (10, {order: 3})
    stock.clock.ahead += STALE + STALE
    assert await stock.upkeep.audit(older_than=STALE) == 1
    assert await stock.of(mug) == (10, {})


async def test_units_held_by_a_late_write_go_back(stock, make, order) -> None:
    mug, pan = await make(stock=10), await make(stock=10)
    late = LateWrite(stock, "reserve.line_held")
    await late.start(stock.reserve(order, (mug, 1), (pan, 3), inventory=late.inventory))
    stock.clock.ahead += LEASE
    assert isinstance(await stock.reserve(order, (mug, 1), (pan, 3)), Held)
    await stock.reserve(f"{order}-live", (pan, 1))
    await stock.inventory.commit(order)
    await late.land()
    second = max(mug, pan, key=lambda product: product.id)
    quantity = 3 if second is pan else 1
    available, held = await stock.of(second)
    assert held[order] == quantity
    assert await stock.upkeep.audit(older_than=STALE) == 0
    stock.clock.ahead += STALE + STALE
    assert await stock.upkeep.audit(older_than=STALE) == 1
    assert await stock.of(second) == (available + quantity, {k: v for k, v in held.items() if k != order})


async def test_commit_that_comes_late_does_not_sell_units_of_a_late_hold(stock, make, order) -> None:
    """The hold of a lapsed attempt is not the one that was sold, so it goes back whoever commits when."""
    mug = await make(stock=10)
    late_reserve = LateWrite(stock, "reserve.recorded")
    await late_reserve.start(stock.reserve(order, (mug, 3), inventory=late_reserve.inventory))
    stock.clock.ahead += LEASE
    assert isinstance(await stock.reserve(order, (mug, 3)), Held)
    late_commit = LateWrite(stock, "committing.started")
    await late_commit.start(late_commit.inventory.commit(order))
    assert await stock.inventory.commit(order) is State.COMMITTED
    await late_reserve.land()
    await late_commit.land()
    stock.clock.ahead += STALE + STALE
    await stock.upkeep.audit(older_than=STALE)
    assert await stock.of(mug) == (7, {})


# ---- purge -------------------------------------------------------------------------------------------------


async def settled_an_hour_ago(stock, make, order) -> list[str]:
    """A released, a committed and a restocked reservation, without events that wait to be published."""
    mug = await make(stock=9)
    names = [f"{order}-{kind}" for kind in ("released", "committed", "restocked")]
    for name in names:
        await stock.reserve(name, (mug, 1))
    await stock.inventory.release(names[0])
    for name in names[1:]:
        await stock.inventory.commit(name)
    await stock.inventory.restock(names[2])
    sent = {"$set": {"outbox": []}, "$unset": {"publish_after": ""}}
    await stock.database["reservations"].update_many({}, sent)
    return names


async def left(stock, names) -> list[str]:
    return [name.rsplit("-", 1)[1] for name in names if await stock.state(name) is not None]


async def test_settled_reservations_go_when_their_time_is_over(stock, make, order) -> None:
    names = await settled_an_hour_ago(stock, make, order)
    stock.clock.ahead += timedelta(days=6)
    assert await stock.upkeep.purge(**KEEP) == 0
    stock.clock.ahead += timedelta(days=2)
    assert await stock.upkeep.purge(**KEEP) == 1
    assert await left(stock, names) == ["committed", "restocked"]
    assert await stock.inventory.restock(names[1]) is State.RESTOCKED
    stock.clock.ahead += timedelta(days=400)
    assert await stock.upkeep.purge(**KEEP) == 1  # the other has an event to publish
    assert await left(stock, names) == ["committed"]


async def test_purge_leaves_what_is_live(stock, make, order) -> None:
    mug = await make(stock=9)
    await stock.reserve(order, (mug, 1))
    await stock.inventory.pin(order)
    stock.clock.ahead += timedelta(days=1000)
    assert await stock.upkeep.purge(**KEEP) == 0
    assert await stock.state(order) == "PINNED"


async def test_purge_goes_in_batches(stock, order, monkeypatch) -> None:
    monkeypatch.setattr(upkeep_module, "PURGE_BATCH", 4)
    for n in range(10):
        await stock.inventory.release(f"{order}-{n}")
    stock.clock.ahead += timedelta(days=8)
    assert [await stock.upkeep.purge(**KEEP) for _ in range(4)] == [4, 4, 2, 0]


async def test_late_reserve_finds_its_time_over_once_the_tombstone_is_gone(stock, make, order) -> None:
    """The longest hold is as long as a tombstone is kept, so one of the two always refuses it."""
    mug = await make(stock=5)
    expires_at = stock.clock() + KEEP["keep_released"]
    await stock.inventory.release(order)
    stock.clock.ahead += KEEP["keep_released"] + timedelta(seconds=1)
    await stock.upkeep.purge(**KEEP)
    assert await stock.state(order) is None
    lines = [ReservationLine(product_id=mug.id, quantity=1)]
    assert await stock.inventory.reserve(order, lines, expires_at=expires_at) == Gone()
    assert await stock.of(mug) == (5, {})


@pytest.mark.parametrize(("look", "fields"), [("sweep", {"state"}), ("purge", {"state", "updated_at"})])
async def test_looks_for_what_is_due_go_by_an_index(stock, database, commands, look, fields) -> None:
    """Settled reservations are kept for long, and are looked through every few seconds."""
    await (stock.upkeep.sweep(stale_after=STALE) if look == "sweep" else stock.upkeep.purge(**KEEP))
    sent = commands.last["aggregate"]
    first = sent["pipeline"][0]["$match"]
    # Of the index on the two, none but the fields that bound it: some servers read all of it for any more.
    assert (sent["aggregate"], set(first), "hint" in sent) == ("reservations", fields, False)
    plan = await database.command("explain", {"find": "reservations", "filter": first})
    assert "IXSCAN" in str(plan["queryPlanner"]["winningPlan"])
