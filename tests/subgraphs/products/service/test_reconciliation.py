"""Where stock and reservations do not agree is found, and mended once, beside whatever else goes on."""

import asyncio
from datetime import timedelta

import pytest

from subgraphs.products.domain.drift import DriftKind
from subgraphs.products.domain.reservations import LEASE, State
from subgraphs.products.jobs.stock import measurement_job
from subgraphs.products.service.reconciliation import UNPINNED_FOR
from tests.harness.samples import sample
from tests.subgraphs.products.stock_probe import STALE, Crash

pytestmark = pytest.mark.usefixtures("empty")

DAY = timedelta(days=1)


@pytest.fixture
def reconcile(stock):
    """Kind and success of each drift that a run finds, once what a test did has stood still for long enough."""

    async def run(*, repair=False, services=None):
        stock.clock.ahead += STALE + STALE + timedelta(seconds=1)
        found = (services or stock.services()).reconciliation.find(repair=repair, pinned_for=DAY)
        return [(drift.kind, drift.repaired) async for drift in found]

    return run


async def change(stock, product, update) -> None:
    """As somebody does by hand in the database."""
    await stock.database["products"].update_one({"_id": product.id}, update)


async def on_hand(stock, product) -> int:
    document = await stock.database["products"].find_one({"_id": product.id})
    return document["on_hand"]


async def test_orders_in_every_state_agree_with_their_stock(stock, make, reconcile) -> None:
    mug, pan = await make(stock=20), await make(stock=20)
    for name in ("held", "pinned", "released", "committed", "restocked"):
        await stock.reserve(name, (mug, 2), (pan, 1))
    await stock.inventory.pin("pinned")
    await stock.inventory.release("released")
    for name in ("committed", "restocked"):
        await stock.inventory.commit(name)
    await stock.inventory.restock("restocked")
    assert await reconcile(repair=True) == []
    assert (await stock.of(mug), await on_hand(stock, mug)) == ((14, {"held": 2, "pinned": 2}), 18)


@pytest.mark.parametrize("by", [3, -3, -6, 100])
async def test_units_that_nobody_recorded_are_taken_back(stock, make, reconcile, by) -> None:
    mug = await make(stock=10)
    await stock.reserve("o1", (mug, 4))
    await change(stock, mug, {"$inc": {"available": by}})
    assert await reconcile() == [(DriftKind.UNITS, None)]
    assert (await stock.of(mug))[0] == 6 + by
    assert await reconcile(repair=True) == [(DriftKind.UNITS, True)]
    assert (await stock.of(mug), await on_hand(stock, mug)) == ((6, {"o1": 4}), 10)
    assert await reconcile(repair=True) == []


async def test_more_held_than_there_was_leaves_the_holds_and_nothing_to_sell(stock, make, reconcile) -> None:
    mug = await make(stock=10)
    await stock.reserve("o1", (mug, 4))
    await change(stock, mug, {"$set": {"on_hand": 1}})
    assert await reconcile(repair=True) == [(DriftKind.UNITS, True)]
    assert (await stock.of(mug), await on_hand(stock, mug)) == ((0, {"o1": 4}), 4)


async def test_repair_of_units_is_in_the_log(stock, make, reconcile, manager) -> None:
    mug = await make(stock=10)
    await change(stock, mug, {"$inc": {"available": 3}})
    await reconcile(repair=True)
    (page,) = await stock.services().movements.pages_of(manager, [mug.id], first=1, after=None)
    ((movement, _),) = page.rows
    assert (movement.kind.value, movement.delta, movement.held_delta) == ("RECONCILED", -3, 0)
    assert movement.reason == "13 available and 0 held, where 10 were on hand"


async def test_hold_without_a_reservation_ends_and_its_units_go_back(stock, make, reconcile) -> None:
    mug = await make(stock=10)
    await stock.reserve("o1", (mug, 4))
    await stock.database["reservations"].delete_one({"_id": "o1"})
    assert await reconcile() == [(DriftKind.STRAY_HOLD, None)]
    assert await reconcile(repair=True) == [(DriftKind.STRAY_HOLD, True)]
    assert (await stock.of(mug), await on_hand(stock, mug)) == ((10, {}), 10)
    assert await reconcile() == []


async def test_hold_beside_the_one_that_counts_ends(stock, make, reconcile) -> None:
    mug = await make(stock=10)
    await stock.reserve("o1", (mug, 4))
    second = {"rid": "o1", "q": 4, "at": stock.clock(), "id": "late"}
    await change(stock, mug, {"$push": {"holds": second}, "$inc": {"available": -4}})
    assert await reconcile(repair=True) == [(DriftKind.STRAY_HOLD, True)]
    assert (await stock.of(mug), await stock.state("o1")) == ((6, {"o1": 4}), "HELD")


@pytest.mark.parametrize("pinned", [False, True])
async def test_hold_that_is_gone_is_taken_again(stock, make, reconcile, pinned) -> None:
    mug, pan = await make(stock=10), await make(stock=10)
    await stock.reserve("o1", (mug, 4), (pan, 1))
    if pinned:
        await stock.inventory.pin("o1")
    await change(stock, mug, {"$set": {"holds": []}, "$inc": {"available": 4}})
    assert await reconcile() == [(DriftKind.MISSING_HOLD, None)]
    assert await reconcile(repair=True) == [(DriftKind.MISSING_HOLD, True)]
    assert (await stock.of(mug), await on_hand(stock, mug)) == ((6, {"o1": 4}), 10)
    assert await stock.inventory.commit("o1") is State.COMMITTED
    assert (await stock.of(mug), await on_hand(stock, mug)) == ((6, {}), 6)
    assert await reconcile() == []


async def test_repairs_look_for_a_product_by_its_id_alone(stock, make, reconcile, commands) -> None:
    """The embedded server reads the whole collection for anything more. Holds of others are no hindrance."""
    mug = await make(stock=9)
    await stock.reserve("o1", (mug, 2))
    await stock.reserve("o2", (mug, 2))
    await change(stock, mug, {"$pull": {"holds": {"rid": "o1"}}, "$inc": {"available": 4}})
    commands.whole.clear()
    found = await reconcile(repair=True)
    assert found == [(DriftKind.UNITS, True), (DriftKind.MISSING_HOLD, True)]
    assert await stock.of(mug) == (5, {"o2": 2, "o1": 2})
    updates = [u["q"] for c in commands.whole if c.get("update") == "products" for u in c["updates"]]
    assert updates == [{"_id": mug.id}] * 2


async def test_order_whose_units_are_sold_to_others_is_released(stock, make, reconcile) -> None:
    mug, pan = await make(stock=4), await make(stock=10)
    await stock.reserve("o1", (mug, 4), (pan, 1))
    await change(stock, mug, {"$set": {"holds": []}, "$inc": {"available": 4}})
    await stock.reserve("o2", (mug, 1))
    assert await reconcile(repair=True) == [(DriftKind.MISSING_HOLD, True)]
    assert (await stock.state("o1"), await stock.state("o2")) == ("RELEASED", "HELD")
    assert (await stock.of(mug), await stock.of(pan)) == ((3, {"o2": 1}), (10, {}))


async def test_order_that_is_being_paid_and_whose_units_are_gone_is_left_to_people(
    stock, make, reconcile
) -> None:
    mug = await make(stock=4)
    await stock.reserve("o1", (mug, 4))
    await stock.inventory.pin("o1")
    await change(stock, mug, {"$set": {"holds": [], "on_hand": 0}})
    for _ in range(2):
        assert await reconcile(repair=True) == [(DriftKind.MISSING_HOLD, False)]
    assert (await stock.state("o1"), await stock.of(mug)) == ("PINNED", (0, {}))


async def test_long_pinned_hold_of_an_order_that_is_over_expires(stock, make, reconcile) -> None:
    mug = await make(stock=4)
    await stock.reserve("over", (mug, 1))
    await stock.reserve("paying", (mug, 1))
    for order in ("over", "paying"):
        await stock.inventory.pin(order)
    assert await reconcile(repair=True) == []
    stock.clock.ahead += DAY
    assert await reconcile() == [(DriftKind.LONG_PINNED, None)] * 2
    assert await reconcile(repair=True) == [(DriftKind.LONG_PINNED, True)] * 2
    assert await stock.inventory.pin("paying") is State.PINNED  # as its saga does each time that it tries
    stock.clock.ahead += UNPINNED_FOR
    await stock.upkeep.sweep(stale_after=STALE)
    assert (await stock.state("over"), await stock.state("paying")) == ("RELEASED", "PINNED")
    assert await stock.of(mug) == (3, {"paying": 1})


async def test_work_that_nobody_finished_is_finished(stock, make, reconcile) -> None:
    mug = await make(stock=4)
    await stock.reserve("o1", (mug, 1))
    with pytest.raises(Crash):
        await stock.dying("committing.started").inventory.commit("o1")
    stock.clock.ahead += LEASE
    assert await reconcile(repair=True) == [(DriftKind.UNFINISHED, True)]
    assert (await stock.state("o1"), await stock.of(mug)) == ("COMMITTED", (3, {}))


async def test_what_has_just_happened_is_left_alone(stock, make) -> None:
    mug = await make(stock=4)
    await stock.reserve("o1", (mug, 1))
    await stock.database["reservations"].delete_one({"_id": "o1"})
    found = stock.services().reconciliation.find(repair=True, pinned_for=DAY)
    assert [drift async for drift in found] == []
    assert await stock.of(mug) == (3, {"o1": 1})


async def test_repairs_beside_live_traffic_and_each_other_make_and_lose_nothing(stock, make) -> None:
    mugs = [await make(stock=60) for _ in range(2)]
    for mug in mugs:
        await change(stock, mug, {"$inc": {"available": 5}})
    # Everything counts as old, so that the repairs meet what is under way.
    everything = stock.services().reconciliation
    settings = {"store": everything.store, "steps": everything.steps, "settled_for": timedelta(0)}
    eager = type(everything)(**settings)

    async def buy(n: int) -> None:
        await stock.reserve(f"o{n}", *((mug, 1) for mug in mugs))
        await (stock.inventory.commit if n % 2 else stock.inventory.release)(f"o{n}")

    async def repair() -> None:
        for _ in range(3):
            async for _ in eager.find(repair=True, pinned_for=DAY):
                pass

    await asyncio.gather(*(buy(n) for n in range(20)), *(repair() for _ in range(2)))
    for mug in mugs:
        assert (await stock.of(mug), await on_hand(stock, mug)) == ((50, {}), 50)


async def test_what_is_held_is_measured_and_units_that_could_be_sold_twice(stock, make) -> None:
    mug, pan, _ = await make(stock=10), await make(stock=10), await make(stock=10)
    before = sample("stock_reservations_total", outcome="held")
    await stock.reserve("o1", (mug, 4), (pan, 1))
    await stock.reserve("o2", (mug, 2))
    assert sample("stock_reservations_total", outcome="held") == before + 2
    reconciliation = stock.services().reconciliation
    await measurement_job(reconciliation).run_once()
    seen = [sample(f"stock_{name}") for name in ("holds_open", "held_units", "oversold_products")]
    assert seen == [3, 7, 0]
    await change(stock, mug, {"$inc": {"available": 1}})
    await change(stock, pan, {"$inc": {"available": -1}})  # fewer than there are: nobody gets one too many
    await measurement_job(reconciliation).run_once()
    assert sample("stock_oversold_products") == 1
