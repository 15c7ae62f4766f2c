"""Processes of orders and products are killed and frozen at random under customers who go on ordering.

What everybody saw is recorded; when nothing is left to do, it is judged as a whole (`histories`), and so are the books
(`invariants`): each order is a path of the table, with one capture where it was paid, its money back where a paid one was
cancelled, and its units where they belong; every change was told once.
"""

import asyncio
import random
from collections import Counter
from pathlib import Path

import httpx
import pytest

from subgraphs.orders.ports.inventory import HoldState
from tests.faults.customers import STATE, Customer
from tests.faults.histories import check_told, check_versions, orders_by_key
from tests.faults.killed_system import KilledSystem, open_killed_system
from tests.harness.engines import Engines
from tests.subgraphs.orders import invariants
from tests.subgraphs.orders.orders_harness import eventually

CREATE_PRODUCT = """mutation ($name: String!, $stock: Int!) {
  createProduct(input: {name: $name, price: "2.50", stock: $stock}) {
    ... on CreateProductSuccess { product { id } } ... on Error { code message } } }"""
# One is in short supply.
STOCK = {"Cup": 500, "Can": 500, "Pot": 12}
_CUSTOMERS = 4
# Of a request, and longer than a process takes to answer that it cannot.
_SECONDS = 12.0


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("faults", [3, pytest.param(60, marks=pytest.mark.long)])
async def test_killed_processes_lose_no_order_and_make_none_twice(
    engines: Engines, tmp_path: Path, faults: int
) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    print(f"seed {seed}")  # noqa: T201 - pytest shows it with a failure
    async with (
        open_killed_system(engines, tmp_path) as system,
        httpx.AsyncClient(timeout=_SECONDS) as http,
    ):
        try:
            products = await _stock_up(system, http)
            await _order_under_fire(system, http, products, chance, faults)
            await _until_quiet(system)
        finally:
            system.history.write(tmp_path / "history.jsonl")
        assert len(system.history.faults) >= faults
        await _judge_calls(system)
        await _judge_books(system, products)
        await _judge_states(system, http)


async def _stock_up(system: KilledSystem, http: httpx.AsyncClient) -> dict[str, int]:
    """Units by the id of the product."""
    products = {}
    for name, stock in STOCK.items():
        answer = await http.post(
            f"{system.products.url}/graphql",
            json={"query": CREATE_PRODUCT, "variables": {"name": name, "stock": stock}},
            headers={"authorization": f"Bearer {system.staff}"},
        )
        products[answer.json()["data"]["createProduct"]["product"]["id"]] = stock
    return products


async def _order_under_fire(
    system: KilledSystem,
    http: httpx.AsyncClient,
    products: dict[str, int],
    chance: random.Random,
    faults: int,
) -> None:
    over = asyncio.Event()

    async def shop(seed: int) -> None:
        customer = Customer(system, http, seed=seed)
        while not over.is_set():
            await customer.order(list(products))

    async def fire() -> None:
        try:
            for number in range(faults):
                await asyncio.sleep(chance.uniform(0.2, 1.5))
                await _fault(system, number, chance)
        finally:
            over.set()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(_CUSTOMERS):
            tasks.create_task(shop(chance.randrange(2**32)))
        tasks.create_task(fire())


async def _fault(system: KilledSystem, number: int, chance: random.Random) -> None:
    """One of each kind first, then any."""
    processes = [*system.orders, system.products]
    match number if number < 3 else chance.randrange(4):
        case 0:
            await system.kill(chance.choice(system.orders), away=0)
        case 1:
            await system.kill(system.products, away=chance.uniform(0, 0.5))
        case 2:
            await system.freeze(chance.choice(processes), seconds=chance.uniform(0.5, 2.5))
        case _:
            await system.kill(*chance.sample(processes, 2), away=chance.uniform(0, 0.5))


async def _until_quiet(system: KilledSystem) -> None:
    """Until each order has come to rest, the forgotten ones at the end of their window, and no unit is held."""

    async def at_rest() -> bool:
        waiting = await system.books.rows("SELECT 1 FROM orders WHERE status = 'AWAITING_PAYMENT'")
        held = [units for _, units in (await system.stock()).values() if units]
        untold = await system.books.rows("SELECT 1 FROM outbox WHERE published_at IS NULL")
        return not (waiting or held or untold or await system.books.unfinished())

    await eventually(at_rest, within=120)


async def _judge_calls(system: KilledSystem) -> None:
    calls = system.history.calls
    placed = orders_by_key(system.history.of("createOrder"))
    kept = await system.books.rows(
        "SELECT key, resource_id FROM idempotency_keys WHERE operation = 'createOrder'"
    )
    ids = [row.id for row in await system.books.rows("SELECT id FROM orders")]
    assert placed.items() <= {row.key: row.resource_id for row in kept}.items()
    assert sorted(row.resource_id for row in kept) == sorted(ids)
    # A state may be a moment old, when the process that should have written the next one is dead.
    check_versions([call for call in calls if call.operation != "orderState"])
    check_told(calls, {i: [event.status for event in await system.books.history(i)] for i in ids})


async def _judge_books(system: KilledSystem, products: dict[str, int]) -> None:
    holds = await system.holds()
    sold: Counter[str] = Counter()
    for order in await system.books.rows("SELECT id FROM orders"):
        hold = holds.get(order.id, HoldState.ABSENT)
        await invariants.check_history(system.books, order.id)
        await invariants.check_order(system.books, order.id, hold=hold)
        if hold is HoldState.COMMITTED:
            items = "SELECT product_id, quantity FROM order_items WHERE order_id = :id"
            for item in await system.books.rows(items, id=order.id):
                sold[item.product_id] += item.quantity
    await invariants.check_outbox(system.books)
    assert await system.stock() == {
        product: (on_hand - sold[product], 0) for product, on_hand in products.items()
    }


async def _judge_states(system: KilledSystem, http: httpx.AsyncClient) -> None:
    """Each process tells the state that the database has, once an entry's lifetime is over."""
    await asyncio.sleep(2)
    for order in await system.books.rows("SELECT id, status, version FROM orders LIMIT 50"):
        for process in system.orders:
            answer = await http.post(
                f"{process.url}/graphql",
                json={"query": STATE, "variables": {"order": order.id}},
                headers={"authorization": f"Bearer {system.staff}"},
            )
            told = answer.json()["data"]["answer"]
            assert told == {"id": order.id, "status": order.status, "version": order.version}
