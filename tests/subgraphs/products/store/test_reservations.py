"""Each change of a reservation is one update by its id alone, and tells exactly what it has made."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from subgraphs.products.domain.reservations import LEASE, OrderId, Reservation, State
from subgraphs.products.store.reservations import ReservationStore
from tests.subgraphs.products.held_up_database import GatedDatabase, Write, WriteGate
from tests.subgraphs.products.stock_probe import STALE

pytestmark = pytest.mark.usefixtures("empty")

ORDER = OrderId("o1")


class Overtaken(WriteGate):
    """Others write first, once for each that waits here."""

    def __init__(self, *others: Callable[[], Awaitable[Any]]) -> None:
        self._others = list(others)

    async def carry_out(self, write: Write) -> Any:
        if self._others:
            await self._others.pop(0)()
        return await write()


@pytest.fixture
def store(database) -> ReservationStore:
    return ReservationStore(database, wake_up=lambda: None)


@pytest.fixture
def overtaken(database) -> Callable[..., ReservationStore]:
    def made(*others: Callable[[], Awaitable[Any]]) -> ReservationStore:
        return ReservationStore(GatedDatabase(database, Overtaken(*others)), wake_up=lambda: None)

    return made


@pytest.fixture
async def held(stock, make, store) -> Reservation:
    await stock.reserve(ORDER, (await make(stock=5), 2))
    found = await store.get(ORDER)
    assert found is not None
    return found


def reserving(stock, attempt: str) -> Reservation:
    now = stock.clock()
    new = Reservation(order_id=ORDER, state=State.RESERVING, lines=(), expires_at=now + timedelta(minutes=5))
    return new.leased(attempt, at=now)


async def test_updates_look_for_a_reservation_by_its_id_alone(stock, make, commands) -> None:
    """The embedded server reads the whole collection for anything more, and for every findAndModify."""
    mug = await make(stock=9)
    commands.sent.clear()
    commands.whole.clear()
    await stock.reserve("o1", (mug, 2))
    await stock.inventory.pin("o1")
    await stock.inventory.unpin("o1", expires_at=stock.clock() + timedelta(minutes=5))
    await stock.inventory.commit("o1")
    await stock.inventory.restock("o1")
    await stock.reserve("o2", (mug, 1))
    await stock.inventory.release("o2")
    await stock.reserve("o3", (mug, 1), minutes=1)
    stock.clock.ahead += STALE + timedelta(minutes=1)
    await stock.upkeep.sweep(stale_after=STALE)
    states = [await stock.state(order) for order in ("o1", "o2", "o3")]
    assert states == ["RESTOCKED", "RELEASED", "RELEASED"]
    updates = [c["updates"] for c in commands.whole if c.get("update") == "reservations"]
    assert {len(update) for update in updates} == {1}
    orders = ["o1"] * 8 + ["o2"] * 3 + ["o3"] * 3
    assert [update[0]["q"] for update in updates] == [{"_id": order} for order in orders]
    assert set(commands.sent) == {"find", "aggregate", "insert", "update"}


async def test_settled_orders_are_looked_for_by_their_ids_alone(stock, store, commands) -> None:
    await store.insert(reserving(stock, "first"), at=stock.clock())
    await stock.inventory.release("o2")
    assert await store.among({ORDER, OrderId("o2"), OrderId("o3")}, {State.RELEASED}) == {"o2"}
    assert set(commands.last["find"]["filter"]) == {"_id"}


async def test_move_tells_what_another_has_changed_meanwhile(stock, store, overtaken, held) -> None:
    """Pinned and unpinned between the look and the write: held again, until another time."""
    later = stock.clock() + timedelta(hours=1)

    async def move_away_and_back() -> None:
        await store.move(ORDER, [State.HELD], State.PINNED, at=stock.clock())
        await store.move(ORDER, [State.PINNED], State.HELD, at=stock.clock(), expires_at=later)

    moved = await overtaken(move_away_and_back).move(ORDER, [State.HELD], State.PINNED, at=stock.clock())
    assert moved == replace(held, state=State.PINNED, expires_at=later) == await store.get(ORDER)


async def test_move_goes_from_any_of_its_sources_that_it_meets(stock, store, overtaken, held) -> None:
    async def pin() -> None:
        await store.move(ORDER, [State.HELD], State.PINNED, at=stock.clock())

    both = [State.HELD, State.PINNED]
    moved = await overtaken(pin).move(ORDER, both, State.COMMITTING, at=stock.clock())
    assert moved == replace(held, state=State.COMMITTING) == await store.get(ORDER)


async def test_move_that_comes_too_late_does_nothing(stock, store, overtaken, held) -> None:
    async def commit() -> None:
        await store.move(ORDER, [State.HELD], State.COMMITTING, at=stock.clock())

    assert await overtaken(commit).move(ORDER, [State.HELD], State.RELEASING, at=stock.clock()) is None
    assert await store.get(ORDER) == replace(held, state=State.COMMITTING)


async def test_hold_whose_time_was_put_off_does_not_expire(stock, store, overtaken, held) -> None:
    async def put_off() -> None:
        await store.move(ORDER, [State.HELD], State.PINNED, at=stock.clock())
        await store.move(ORDER, [State.PINNED], State.HELD, at=held.expires_at, expires_at=later)

    later = held.expires_at + timedelta(minutes=5)
    assert await overtaken(put_off).expire(ORDER, at=held.expires_at) is None
    assert await store.get(ORDER) == replace(held, expires_at=later)
    expired = await store.expire(ORDER, at=later)
    assert expired == replace(held, expires_at=later, state=State.RELEASING, expired=True)
    assert expired == await store.get(ORDER)


async def test_attempt_without_the_lease_changes_nothing(stock, store) -> None:
    first = reserving(stock, "first")
    await store.insert(first, at=stock.clock())
    second = first.leased("second", at=stock.clock())
    assert await store.lease(second, State.RESERVING, before="another", at=stock.clock()) is False
    assert await store.lease(second, State.RESERVING, before="first", at=stock.clock()) is True
    assert await store.mark_held(first, at=stock.clock()) is None
    assert await store.give_up_lease(first, at=stock.clock()) is None
    assert await store.get(ORDER) == second
    done = await store.mark_held(second, at=stock.clock())
    assert done == await store.get(ORDER)
    assert done is not None
    assert (done.state, done.attempt, done.lease_until) == (State.HELD, None, None)


async def test_lease_keeps_a_release_from_settling(stock, store) -> None:
    attempt = reserving(stock, "first")
    await store.insert(attempt, at=stock.clock())
    releasing = await store.move(ORDER, [State.RESERVING], State.RELEASING, at=stock.clock())
    assert releasing == replace(attempt, state=State.RELEASING)
    assert await store.settle(releasing, at=attempt.lease_until - timedelta(milliseconds=1)) is None
    given_up = await store.give_up_lease(attempt, at=stock.clock())
    assert given_up == replace(releasing, attempt=None, lease_until=None) == await store.get(ORDER)
    settled = await store.settle(releasing, at=stock.clock())
    assert settled == replace(given_up, state=State.RELEASED) == await store.get(ORDER)
    assert await store.settle(releasing, at=stock.clock()) is None


async def test_release_settles_once_the_lease_is_over(stock, store) -> None:
    await store.insert(reserving(stock, "first"), at=stock.clock())
    releasing = await store.move(ORDER, [State.RESERVING], State.RELEASING, at=stock.clock())
    settled = await store.settle(releasing, at=releasing.lease_until)
    assert settled == await store.get(ORDER)
    assert (settled.state, settled.attempt, LEASE) == (State.RELEASED, None, timedelta(seconds=5))
