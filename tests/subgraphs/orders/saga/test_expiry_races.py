"""A payment that begins as the time to pay runs out, against expiry and the sweeper of holds: never money without stock.

Each seed is another interleaving: whoever passes a named point (a call or a commit) may be held up there while others
run, the clock goes on by itself, calls are lost, and the products service takes back what has expired.
"""

import asyncio
import random
from contextlib import suppress
from datetime import timedelta

import pytest

from subgraphs.kit.errors import DomainError
from subgraphs.orders.domain.transitions import OrderStatus
from subgraphs.orders.ports.inventory import HoldState
from tests.subgraphs.orders import invariants
from tests.subgraphs.orders.conftest import Fresh
from tests.subgraphs.orders.fault_injection import Faults, fail
from tests.subgraphs.orders.orders_harness import WINDOW, OrdersHarness

_TOKENS = ["tok_ok", "tok_ok", "tok_timeout_then_captured", "tok_error_once", "tok_declined"]


class Interleaving(Faults):
    """Holds whoever passes a point up for a while, and lets time pass, by `chance`."""

    def __init__(self, harness: OrdersHarness, chance: random.Random) -> None:
        super().__init__()
        self._harness = harness
        self._chance = chance
        self.active = True

    async def at(self, point: str) -> None:
        if not self.active:
            return
        for _ in range(self._chance.choice([0, 0, 1, 3, 9])):
            await asyncio.sleep(0)
        dice = self._chance.random()
        if dice < 0.10:
            self._harness.clock.forward(timedelta(seconds=self._chance.choice([1, 30, 200, 400])))
        elif dice < 0.25:
            self._harness.stock.sweep()
        elif dice < 0.32 and not point.startswith("commit"):
            await fail(point)


async def _race(harness: OrdersHarness, seed: int) -> set[OrderStatus]:
    """The states in which the orders of one interleaving end."""
    chance = random.Random(seed)
    orders = [await harness.place(quantity=2) for _ in range(2)]
    harness.clock.forward(WINDOW - timedelta(seconds=chance.choice([0, 1, 2, 60])))
    interleaving = Interleaving(harness, chance)
    harness.postgres.faults = harness.inventory._faults = harness.provider._faults = interleaving

    async def pay(order_id: str) -> None:
        with suppress(DomainError):
            await harness.pay(order_id, chance.choice(_TOKENS))

    async def expire() -> None:
        for _ in range(chance.randrange(1, 4)):
            await harness.resume.run_once()
            harness.stock.sweep()

    calls = [pay(order.id) for order in orders for _ in range(2)] + [expire(), expire()]
    chance.shuffle(calls)
    await asyncio.gather(*calls)
    interleaving.active = False
    harness.clock.forward(2 * WINDOW)
    harness.stock.sweep()
    await harness.until_quiet()
    await invariants.check(harness)
    ends = set()
    for order in orders:
        status = (await harness.order(order.id)).status
        paid = await harness.rows(
            "SELECT 1 FROM sandbox_charges c JOIN payments p ON c.key = p.attempt_id "
            "WHERE p.order_id = :id AND c.status = 'captured' AND p.status = 'CAPTURED'",
            id=order.id,
        )
        assert status in {OrderStatus.PAID, OrderStatus.EXPIRED}
        assert (len(paid), harness.stock.state(order.id)) == (
            (1, HoldState.COMMITTED) if status is OrderStatus.PAID else (0, HoldState.RELEASED)
        ), f"seed {seed}"
        ends.add(status)
    return ends


async def _races(fresh: Fresh, seeds: range) -> None:
    ends: set[OrderStatus] = set()
    for seed in seeds:
        ends |= await _race(await fresh(), seed)
    assert ends == {OrderStatus.PAID, OrderStatus.EXPIRED}  # the seeds try both


async def test_expiry_racing_pay_never_charges_without_stock(fresh: Fresh):
    await _races(fresh, range(50))


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_expiry_racing_pay_over_a_thousand_seeds(fresh: Fresh):
    await _races(fresh, range(1000))
