"""`available + Σ holds` under random interleavings: every write of every call is held up, carried out late, or lost.

What a call decided on may be written when everything around it has changed: a process stood still, or a connection
broke after the request had left. One scheduler with a seed carries out one write at a time, so a failure repeats.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from pymongo.errors import AutoReconnect, DuplicateKeyError

from subgraphs.kit.errors import Unavailable
from subgraphs.products.domain.products import Product
from subgraphs.products.domain.reservations import LEASE
from subgraphs.products.service import reservation_steps
from tests.subgraphs.products.held_up_database import GatedDatabase, Write, WriteGate
from tests.subgraphs.products.stock_probe import StockProbe

UNITS = 10
CALLS = 40
AT_ONCE = 3
ORDERS = {"a": ((0, 3), (1, 2)), "b": ((0, 4),)}  # the number of a product, and how many of it
# How often a connection breaks at a write, a write that outlived its caller is the next, and a lease ends.
BREAKS, LANDS, LEASE_ENDS = 0.15, 0.05, 0.2


class Scheduler(WriteGate):
    """Carries out one write at a time, drawn from those that calls wait to make; some outlive their caller."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._waiting: dict[asyncio.Task[Any], tuple[Write, asyncio.Future[bool]]] = {}
        self._lost: list[Write] = []
        self._moved = asyncio.Event()

    async def carry_out(self, write: Write) -> Any:
        task = asyncio.current_task()
        assert task is not None
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[task] = (write, answer)
        self._moved.set()
        if not await answer:
            raise AutoReconnect("the connection is lost")
        return await write()

    @property
    def idle(self) -> bool:
        return not self._waiting and not self._lost

    @property
    def calls(self) -> int:
        return len(self._waiting)

    async def start(self, call: Awaitable[object]) -> None:
        """Let `call` run to its first write."""
        await self._until_it_waits(asyncio.ensure_future(_outlive(call)))

    async def step(self) -> None:
        """Carry out a write, of a call or of none that is alive; or break a connection, before or after its write."""
        if self._lost and (not self._waiting or self._chance.random() < LANDS):
            late = self._lost.pop(self._chance.randrange(len(self._lost)))
            with suppress(DuplicateKeyError):  # nobody is left to hear of it
                await late()
            return
        drawn = self._chance.choice(list(self._waiting))
        write, answer = self._waiting.pop(drawn)
        fate = self._chance.random()
        if fate < BREAKS * 0.8:
            self._lost.append(write)  # otherwise the request never left
        answer.set_result(fate >= BREAKS)
        await self._until_it_waits(drawn)

    async def _until_it_waits(self, task: asyncio.Task[Any]) -> None:
        while task not in self._waiting and not task.done():
            self._moved.clear()
            moved = asyncio.ensure_future(self._moved.wait())
            await asyncio.wait({task, moved}, return_when=asyncio.FIRST_COMPLETED)
            moved.cancel()


async def _outlive(call: Awaitable[object]) -> None:
    with suppress(Unavailable, AutoReconnect):
        await call


class Shop:
    """Two products and two orders, on which calls come in any order and number."""

    def __init__(self, stock: StockProbe, products: list[Product], gate: Scheduler, name: str) -> None:
        self.stock, self.products = stock, products
        self.orders = {f"{name}-{order}": lines for order, lines in ORDERS.items()}
        services = stock.services(database=GatedDatabase(stock.database, gate))
        self.inventory, self.upkeep = services.inventory, services.upkeep

    def call(self, chance: random.Random) -> Awaitable[object]:
        order = chance.choice(list(self.orders))
        calls: list[tuple[float, Callable[[], Awaitable[object]]]] = [
            (6, lambda: self._reserve(order)),
            (4, lambda: self.inventory.commit(order)),
            (1, lambda: self.inventory.pin(order)),
            (0.5, lambda: self.inventory.release(order)),
            (6, lambda: self.inventory.restock(order)),
            (2, lambda: self.upkeep.sweep(stale_after=timedelta())),
            (0.5, lambda: self.upkeep.audit(older_than=timedelta())),
        ]
        weights, makers = zip(*calls, strict=True)
        return chance.choices(makers, weights)[0]()

    def _reserve(self, order: str) -> Awaitable[object]:
        lines = [(self.products[number], quantity) for number, quantity in self.orders[order]]
        return self.stock.reserve(order, *lines, inventory=self.inventory)

    async def documents(self) -> list[dict[str, Any]]:
        found = [await self.stock.database["products"].find_one({"_id": p.id}) for p in self.products]
        assert all(found)
        return found  # type: ignore[return-value] # all are there

    async def check_step(self) -> None:
        """Never less than nothing, never more units than there were."""
        for document in await self.documents():
            held = sum(hold["q"] for hold in document["holds"] if not hold.get("restored"))
            assert 0 <= document["available"] <= document["available"] + held <= UNITS, document

    async def check_end(self) -> None:
        """Each unit is available, held by an order that holds, or sold by an order that is committed."""
        states = {order: await self.stock.state(order) for order in self.orders}
        for number, document in enumerate(await self.documents()):
            quantities = {order: q for order, lines in self.orders.items() for n, q in lines if n == number}
            live = {o: q for o, q in quantities.items() if states[o] in {"HELD", "PINNED"}}
            sold = sum(q for o, q in quantities.items() if states[o] == "COMMITTED")
            assert {hold["rid"]: hold["q"] for hold in document["holds"]} == live, states
            assert document["available"] + sum(live.values()) + sold == UNITS, states


async def run(stock: StockProbe, products: list[Product], seed: int) -> set[str | None]:
    """The states in which the orders of one interleaving end."""
    chance = random.Random(seed)
    scheduler = Scheduler(chance)
    shop = Shop(stock, products, scheduler, f"order-{products[0].id}")
    left = CALLS
    while left or not scheduler.idle:
        if left and (not scheduler.calls or (scheduler.calls < AT_ONCE and chance.random() < 0.25)):
            left -= 1
            await scheduler.start(shop.call(chance))
        else:
            await scheduler.step()
        await shop.check_step()
        if chance.random() < LEASE_ENDS:
            stock.clock.ahead += LEASE
    for _ in range(3):
        await stock.recover()
        await stock.upkeep.audit(older_than=timedelta(seconds=-1))
    await shop.check_end()
    return {await stock.state(order) for order in shop.orders}


async def interleave(stock: StockProbe, make, seeds: range) -> set[str | None]:
    ends: set[str | None] = set()
    for seed in seeds:
        await stock.database["reservations"].delete_many({})
        products = [await make(f"Product {n}", stock=UNITS) for n in range(2)]
        try:
            ends |= await run(stock, products, seed)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}") from error
    return ends


@pytest.fixture(autouse=True)
def no_waiting_for_a_lease(monkeypatch) -> None:
    monkeypatch.setattr(reservation_steps, "_WAIT", -1.0)


async def test_no_interleaving_makes_or_loses_a_unit(stock, make) -> None:
    assert {"HELD", "COMMITTED", "RELEASED", "RESTOCKED"} <= await interleave(stock, make, range(24))


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_no_interleaving_of_many_makes_or_loses_a_unit(stock, make) -> None:
    await interleave(stock, make, range(1000, 1300))
