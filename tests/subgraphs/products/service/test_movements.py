"""The log of stock: every write of units is in it once, whatever dies in between."""

import asyncio
from datetime import timedelta

import pytest

from subgraphs.kit.auth.viewer import ANONYMOUS
from subgraphs.kit.errors import Forbidden, Unauthenticated, ValidationFailed
from subgraphs.kit.pagination import encode_cursor
from subgraphs.products.domain.movements import MovementKind as Kind
from subgraphs.products.service import movements as movements_module
from tests.subgraphs.products.stock_probe import STALE, Crash

pytestmark = pytest.mark.usefixtures("empty")


@pytest.fixture
def log(services, manager):
    """All movements of a product, the earliest first."""

    async def read(product):
        (page,) = await services.movements.pages_of(manager, [product.id], first=100, after=None)
        return [movement for movement, _ in reversed(page.rows)]

    return read


async def on_hand(stock, product) -> int:
    available, held = await stock.of(product)
    return available + sum(held.values())


async def test_who_and_why_and_how_much_of_each_movement(stock, make, products, manager, log) -> None:
    mug = await make(stock=10)
    await products.update(manager, mug.id, {"stock": 12})
    await products.adjust_stock(manager, mug.id, delta=-2, reason="broken")
    sold, dropped, late = ("sold", "dropped", "late")
    for name in (sold, dropped, late):
        await stock.reserve(name, (mug, 3))
    await stock.inventory.commit(sold)
    await stock.inventory.release(dropped)
    stock.clock.ahead += timedelta(minutes=16)
    await stock.upkeep.sweep(stale_after=STALE)
    await stock.inventory.restock(sold)
    entries = await log(mug)
    assert [(m.kind, m.delta, m.held_delta, m.order_id, m.actor, m.reason) for m in entries] == [
        (Kind.CREATED, 10, 0, None, "manager", None),
        (Kind.EDITED, 2, 0, None, "manager", None),
        (Kind.ADJUSTED, -2, 0, None, "manager", "broken"),
        (Kind.RESERVED, -3, 3, sold, None, None),
        (Kind.RESERVED, -3, 3, dropped, None, None),
        (Kind.RESERVED, -3, 3, late, None, None),
        (Kind.COMMITTED, 0, -3, sold, None, None),
        (Kind.RELEASED, 3, -3, dropped, None, None),
        (Kind.EXPIRED, 3, -3, late, None, None),
        (Kind.RETURNED, 0, 3, sold, None, None),
        (Kind.RESTOCKED, 3, -3, sold, None, None),
    ]
    assert sum(m.delta + m.held_delta for m in entries) == await on_hand(stock, mug) == 10


async def test_what_changes_nothing_is_no_movement(stock, make, products, manager, log) -> None:
    mug = await make(stock=0)
    await products.update(manager, mug.id, {"name": "Renamed"})
    await stock.reserve("o1", (mug, 1))
    await stock.inventory.release("o1")
    assert await log(mug) == []


async def test_call_that_comes_again_is_one_movement(stock, make, log) -> None:
    mug = await make(stock=5)
    for _ in range(3):
        await stock.reserve("o1", (mug, 2))
    for _ in range(3):
        await stock.inventory.release("o1")
    assert [m.kind for m in await log(mug)] == [Kind.CREATED, Kind.RESERVED, Kind.RELEASED]


@pytest.mark.parametrize("step", [("movements.copied", 1), ("movements.forgotten", 1)])
async def test_collector_that_died_loses_and_doubles_nothing(stock, make, log, step) -> None:
    mugs = [await make(stock=5) for _ in range(2)]
    await stock.reserve("o1", *((mug, 1) for mug in mugs))
    with pytest.raises(Crash):
        await stock.dying(*step).movements.collect()
    await stock.reserve("next", (mugs[0], 1))
    assert [len(await log(mug)) for mug in mugs] == [3, 2]
    left = [d async for d in stock.database["products"].find({"movements_pending": True}, {"_id": 1})]
    assert left == []
    assert [d["movements"] async for d in stock.database["products"].find({}, {"movements": 1})] == [[], []]


async def test_movement_that_comes_while_others_are_collected_is_collected_next(
    stock, make, services, log
) -> None:
    mug = await make(stock=5)
    store = services.movements.store
    copied = await store.copy([mug.id])
    await stock.reserve("o1", (mug, 1))
    await store.forget(mug.id, copied[mug.id])
    document = await stock.database["products"].find_one({"_id": mug.id})
    assert ([m["kind"] for m in document["movements"]], document["movements_pending"]) == (["RESERVED"], True)
    assert [m.kind for m in await log(mug)] == [Kind.CREATED, Kind.RESERVED]


async def test_collectors_of_several_processes_share_the_work(stock, make, services, log) -> None:
    mug = await make(stock=50)
    running = True

    async def collect() -> None:
        while running:
            await services.movements.collect()
            await asyncio.sleep(0)

    collectors = [asyncio.ensure_future(collect()) for _ in range(3)]
    await asyncio.gather(*(stock.reserve(f"order-{n}", (mug, 1)) for n in range(30)))
    running = False
    await asyncio.gather(*collectors)
    entries = await log(mug)
    assert (len(entries), len({m.order_id for m in entries}), sum(m.delta for m in entries)) == (31, 31, 20)
    assert await stock.database["stock_movements"].count_documents({}) == 31


async def test_full_batch_is_followed_by_another(services, make, monkeypatch, database) -> None:
    monkeypatch.setattr(movements_module, "BATCH", 2)
    for _ in range(3):
        await make(stock=1)
    assert [await services.movements.collect() for _ in range(2)] == [True, False]
    assert await database["stock_movements"].count_documents({}) == 3


async def test_pages_go_back_in_time(services, make, products, manager) -> None:
    mug, other = await make(stock=1), await make(stock=7)
    for delta in (2, 3, 4):
        await products.adjust_stock(manager, mug.id, delta=delta, reason=None)

    async def page(after):
        first, second = await services.movements.pages_of(manager, [mug.id, other.id], first=2, after=after)
        return first, [m.delta for m, _ in first.rows], [m.delta for m, _ in second.rows]

    first, mugs, others = await page(None)
    assert (mugs, others, first.has_next, first.has_previous, await first.total()) == (
        [4, 3],
        [7],
        True,
        False,
        4,
    )
    second, mugs, _ = await page(encode_cursor(first.rows[-1][1]))
    assert (mugs, second.has_next, second.has_previous) == ([2, 1], False, True)


async def test_log_is_for_those_who_manage_products(services, make, manager) -> None:
    mug = await make()
    shopper = type(manager)(user_id="u1", role="USER", permissions=frozenset())
    for viewer, refusal in ((ANONYMOUS, Unauthenticated), (shopper, Forbidden)):
        with pytest.raises(refusal):
            await services.movements.pages_of(viewer, [mug.id], first=None, after=None)
    with pytest.raises(ValidationFailed, match="`after` is not a cursor"):
        await services.movements.pages_of(manager, [mug.id], first=None, after="x")


async def test_old_movements_go_in_batches(services, stock, make, monkeypatch, database) -> None:
    monkeypatch.setattr(movements_module, "PURGE_BATCH", 2)
    for _ in range(3):
        await make(stock=1)
    await services.movements.collect()
    keep = timedelta(days=400)
    movements = stock.services().movements
    assert await movements.purge(keep=keep) is False
    stock.clock.ahead += timedelta(days=401)
    assert [await movements.purge(keep=keep) for _ in range(2)] == [True, False]
    assert await database["stock_movements"].count_documents({}) == 0
