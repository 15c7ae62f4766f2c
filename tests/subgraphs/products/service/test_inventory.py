"""Stock held for orders, on the real store: exactly once, whatever comes twice, at once or never."""

import asyncio
from datetime import timedelta

import pytest

from subgraphs.kit.errors import Unavailable, ValidationFailed
from subgraphs.kit.mongo.client import utc_now
from subgraphs.products.domain.products import ProductId
from subgraphs.products.domain.reservations import (
    LEASE,
    Gone,
    Held,
    ReservationLine,
    Shortage,
    State,
    TooManyHolds,
    UnknownProducts,
)
from subgraphs.products.service import reservation_steps
from subgraphs.products.settings import StockSettings
from tests.subgraphs.products.held_up_database import HeldUpDatabase
from tests.subgraphs.products.stock_probe import STALE, At, Crash

# ---- reserve -----------------------------------------------------------------------------------------------


async def test_reserve_takes_the_units_and_tells_name_and_price(stock, make, order) -> None:
    mug, pan = await make("Mug", stock=5, sku=f"M-{order}"), await make("Pan", price="36", stock=2)
    outcome = await stock.reserve(order, (pan, 2), (mug, 1))
    assert isinstance(outcome, Held)
    assert [(i.product_id, i.quantity, i.name, i.sku, i.price_minor, i.currency) for i in outcome.items] == [
        (mug.id, 1, "Mug", f"M-{order}", 1250, "USD"),
        (pan.id, 2, "Pan", pan.sku, 3600, "USD"),
    ]
    assert await stock.of(mug) == (4, {order: 1})
    assert await stock.of(pan) == (0, {order: 2})
    assert await stock.events(order) == [("StockReserved", None)]


async def test_two_lines_of_one_product_are_one_hold(stock, make, order) -> None:
    mug = await make(stock=5)
    outcome = await stock.reserve(order, (mug, 2), (mug, 3))
    assert [i.quantity for i in outcome.items] == [5]
    assert await stock.of(mug) == (0, {order: 5})


async def test_two_lines_of_one_product_need_their_sum(stock, make, order) -> None:
    mug = await make(stock=4)
    outcome = await stock.reserve(order, (mug, 2), (mug, 3))
    assert outcome == Shortage(product_id=mug.id, requested=5, available=4)
    assert await stock.of(mug) == (4, {})


async def test_shortage_names_the_first_product_and_releases_the_others(stock, make, order) -> None:
    first, second, third = [await make(stock=n) for n in (5, 1, 0)]
    outcome = await stock.reserve(order, (third, 1), (second, 2), (first, 5))
    assert outcome == Shortage(product_id=second.id, requested=2, available=1)
    assert [await stock.of(p) for p in (first, second, third)] == [(5, {}), (1, {}), (0, {})]
    assert await stock.state(order) is None


async def test_shortage_that_arose_since_the_quote_releases_the_others(stock, make, order) -> None:
    first, second = await make(stock=5), await make(stock=2)
    overtaken = stock.outrun(second, left=1).inventory
    outcome = await stock.reserve(order, (first, 5), (second, 2), inventory=overtaken)
    assert outcome == Shortage(product_id=second.id, requested=2, available=1)
    assert [await stock.of(p) for p in (first, second)] == [(5, {}), (1, {})]
    assert (await stock.state(order), await stock.events(order)) == ("RELEASED", [])


async def test_shortage_of_the_first_product_since_the_quote_has_nothing_to_release(
    stock, make, order, commands
) -> None:
    mug = await make(stock=2)
    overtaken = stock.outrun(mug, left=1).inventory
    commands.sent.clear()
    assert isinstance(await stock.reserve(order, (mug, 2), inventory=overtaken), Shortage)
    # The two reads, the reservation, the hold that fails (with the other's write before it), why it failed, the refusal.
    assert commands.sent == ["find", "find", "insert", "update", "update", "find", "update"]
    assert (await stock.state(order), await stock.of(mug)) == ("RELEASED", (1, {}))


async def test_unknown_and_unsold_products_are_named_and_nothing_is_taken(
    stock, make, products, manager, order
) -> None:
    mug, hidden, deleted = await make(stock=5), await make(stock=5, active=False), await make(stock=5)
    await products.delete(manager, deleted.id)
    lines = [
        ReservationLine(product_id=p, quantity=1) for p in (mug.id, hidden.id, deleted.id, ProductId("zzz"))
    ]
    outcome = await stock.inventory.reserve(order, lines, expires_at=utc_now() + STALE)
    assert outcome == UnknownProducts(product_ids=(hidden.id, deleted.id, ProductId("zzz")))
    assert await stock.of(mug) == (5, {})


async def test_forty_orders_at_once_on_ten_units_hold_exactly_ten(stock, make) -> None:
    mug = await make(stock=10)
    outcomes = await asyncio.gather(*(stock.reserve(f"crowd-{n}", (mug, 1)) for n in range(40)))
    assert sum(isinstance(o, Held) for o in outcomes) == 10
    assert {o.available for o in outcomes if isinstance(o, Shortage)} == {0}
    available, held = await stock.of(mug)
    assert (available, len(held)) == (0, 10)


async def test_orders_over_the_same_products_in_any_order_never_lose_a_unit(stock, make) -> None:
    shelf = [await make(stock=6) for _ in range(3)]
    orders = [(shelf[n % 3], shelf[(n + 1 + n % 2) % 3]) for n in range(24)]
    outcomes = await asyncio.gather(
        *(stock.reserve(f"pair-{n}", (a, 1), (b, 2)) for n, (a, b) in enumerate(orders))
    )
    held = {f"pair-{n}" for n, o in enumerate(outcomes) if isinstance(o, Held)}
    for product in shelf:
        available, holds = await stock.of(product)
        assert available + sum(holds.values()) == 6
        assert set(holds) <= held
    for n, (a, b) in enumerate(orders):
        expected = (1, 2) if f"pair-{n}" in held else (None, None)
        assert ((await stock.of(a))[1].get(f"pair-{n}"), (await stock.of(b))[1].get(f"pair-{n}")) == expected


async def test_one_order_reserved_many_times_at_once_holds_once(stock, make, order) -> None:
    mug = await make(stock=10)
    outcomes = await asyncio.gather(*(stock.reserve(order, (mug, 3)) for _ in range(10)))
    assert all(o.items == outcomes[0].items for o in outcomes)
    assert await stock.of(mug) == (7, {order: 3})
    assert await stock.events(order) == [("StockReserved", None)]


async def test_reserve_again_is_answered_with_the_first_snapshot(
    stock, make, products, manager, order
) -> None:
    mug = await make("Mug", stock=5)
    first = await stock.reserve(order, (mug, 1))
    await products.update(manager, mug.id, {"name": "Renamed"})
    assert (await stock.reserve(order, (mug, 1))).items == first.items
    assert await stock.of(mug) == (4, {order: 1})


async def test_reserve_refused_by_the_quote_holds_once_there_is_new_stock(
    stock, make, products, manager, order
) -> None:
    mug = await make(stock=1)
    assert isinstance(await stock.reserve(order, (mug, 2)), Shortage)
    await products.adjust_stock(manager, mug.id, delta=10, reason=None)
    assert isinstance(await stock.reserve(order, (mug, 2)), Held)
    assert await stock.of(mug) == (9, {order: 2})


async def test_reserve_refused_on_record_is_refused_alike_even_with_new_stock(
    stock, make, products, manager, order
) -> None:
    mug = await make(stock=2)
    first = await stock.reserve(order, (mug, 2), inventory=stock.outrun(mug, left=1).inventory)
    await products.adjust_stock(manager, mug.id, delta=10, reason=None)
    assert (
        await stock.reserve(order, (mug, 2)) == first == Shortage(product_id=mug.id, requested=2, available=1)
    )
    assert await stock.of(mug) == (11, {})


async def test_order_that_took_the_last_units_meanwhile_is_no_shortage(stock, make, order) -> None:
    mug = await make(stock=3)
    outcomes = await asyncio.gather(*(stock.reserve(order, (mug, 3)) for _ in range(10)))
    assert [type(outcome) for outcome in outcomes] == [Held] * 10
    assert await stock.of(mug) == (0, {order: 3})


async def test_product_is_held_for_no_more_orders_than_it_may_be(stock, make, order) -> None:
    mug = await make(stock=100)
    inventory = stock.services(settings=StockSettings(max_holds=3)).inventory
    names = [f"{order}-{n}" for n in range(12)]
    outcomes = await asyncio.gather(*(stock.reserve(name, (mug, 1), inventory=inventory) for name in names))
    full = TooManyHolds(product_id=mug.id)
    assert (sum(isinstance(o, Held) for o in outcomes), outcomes.count(full)) == (3, 9)
    assert await stock.reserve(order, (mug, 1), inventory=inventory) == full
    assert await stock.state(order) is None
    available, held = await stock.of(mug)
    assert (available, len(held)) == (97, 3)
    await inventory.release(next(iter(held)))
    assert isinstance(await stock.reserve(order, (mug, 1), inventory=inventory), Held)


async def test_too_many_holds_since_the_quote_is_on_record_and_answered_alike(stock, make, order) -> None:
    first, second = await make(stock=9), await make(stock=9)
    inventory = stock.services(
        settings=StockSettings(max_holds=1),
        after_write=At(
            "reserve.line_held",
            act=lambda: stock.database.delegate["products"].update_one(
                {"_id": second.id}, {"$push": {"holds": {"rid": "other", "q": 1, "at": utc_now()}}}
            ),
        ),
    ).inventory
    for _ in range(2):
        outcome = await stock.reserve(order, (first, 1), (second, 1), inventory=inventory)
        assert outcome == TooManyHolds(product_id=second.id)
    assert (await stock.of(first), await stock.state(order)) == ((9, {}), "RELEASED")


async def test_same_order_with_other_lines_is_refused(stock, make, order) -> None:
    mug = await make(stock=5)
    await stock.reserve(order, (mug, 1))
    with pytest.raises(ValidationFailed):
        await stock.reserve(order, (mug, 2))
    assert await stock.of(mug) == (4, {order: 1})


async def test_reserve_that_is_over_before_it_begins_takes_nothing(stock, make, order) -> None:
    mug = await make(stock=5)
    assert await stock.reserve(order, (mug, 1), minutes=-1) == Gone()
    assert await stock.reserve(order, (mug, 1)) == Gone()
    assert await stock.of(mug) == (5, {})


# ---- pin, commit, release, restock: each also a second time ------------------------------------------------


async def test_pinned_hold_does_not_expire_and_unpinned_does(stock, make, order) -> None:
    mug = await make(stock=5)
    await stock.reserve(order, (mug, 2))
    assert [await stock.inventory.pin(order) for _ in range(2)] == [State.PINNED] * 2
    stock.clock.ahead += timedelta(hours=1)
    assert await stock.upkeep.sweep(stale_after=STALE) == 0
    later = stock.clock() + timedelta(minutes=5)
    assert [await stock.inventory.unpin(order, expires_at=later) for _ in range(2)] == [State.HELD] * 2
    assert await stock.upkeep.sweep(stale_after=STALE) == 0
    assert await stock.of(mug) == (3, {order: 2})
    stock.clock.ahead += timedelta(minutes=6)
    assert await stock.upkeep.sweep(stale_after=STALE) == 1
    assert await stock.of(mug) == (5, {})


@pytest.mark.parametrize("pinned", [True, False])
async def test_commit_sells_the_units_once(stock, make, order, pinned) -> None:
    mug = await make(stock=5)
    await stock.reserve(order, (mug, 2))
    if pinned:
        await stock.inventory.pin(order)
    assert [await stock.inventory.commit(order) for _ in range(2)] == [State.COMMITTED] * 2
    assert await stock.of(mug) == (3, {})
    assert await stock.inventory.pin(order) is State.COMMITTED
    assert await stock.inventory.release(order) is State.COMMITTED
    assert isinstance(await stock.reserve(order, (mug, 2)), Held)
    assert await stock.of(mug) == (3, {})


async def test_release_gives_back_once(stock, make, order) -> None:
    mug = await make(stock=5)
    await stock.reserve(order, (mug, 2))
    assert [await stock.inventory.release(order) for _ in range(2)] == [State.RELEASED] * 2
    assert await stock.of(mug) == (5, {})
    assert await stock.inventory.commit(order) is State.RELEASED
    assert await stock.inventory.pin(order) is State.RELEASED
    assert await stock.inventory.restock(order) is State.RELEASED
    assert await stock.events(order) == [("StockReserved", None), ("StockReleased", "released")]


async def test_late_reserve_after_release_is_refused(stock, make, order) -> None:
    mug = await make(stock=5)
    assert [await stock.inventory.release(order) for _ in range(2)] == [State.RELEASED] * 2
    assert await stock.reserve(order, (mug, 1)) == Gone()
    assert await stock.of(mug) == (5, {})
    assert await stock.events(order) == []


async def test_restock_returns_sold_units_once(stock, make, order) -> None:
    mug, pan = await make(stock=5), await make(stock=1)
    await stock.reserve(order, (mug, 2), (pan, 1))
    await stock.inventory.commit(order)
    states = await asyncio.gather(*(stock.inventory.restock(order) for _ in range(5)))
    assert set(states) <= {State.RESTOCKED, State.RESTOCKING, State.RETURNING}
    assert await stock.inventory.restock(order) is State.RESTOCKED
    assert (await stock.of(mug), await stock.of(pan)) == ((5, {}), (1, {}))
    assert await stock.events(order) == [("StockReserved", None), ("StockReleased", "restocked")]
    assert await stock.reserve(order, (mug, 2), (pan, 1)) == Gone()


async def test_restock_needs_a_commit(stock, make, order) -> None:
    mug = await make(stock=5)
    await stock.reserve(order, (mug, 2))
    assert await stock.inventory.restock(order) is State.HELD
    assert await stock.of(mug) == (3, {order: 2})


async def test_calls_for_an_unknown_order_find_nothing(stock, order) -> None:
    assert await stock.inventory.pin(order) is None
    assert await stock.inventory.unpin(order, expires_at=utc_now()) is None
    assert await stock.inventory.commit(order) is None
    assert await stock.inventory.restock(order) is None
    assert await stock.state(order) is None


async def test_of_commit_and_release_at_once_one_wins(stock, make) -> None:
    mug = await make(stock=20)
    for n in range(8):
        await stock.reserve(f"race-{n}", (mug, 1))
    calls = [c(f"race-{n}") for n in range(8) for c in (stock.inventory.commit, stock.inventory.release)]
    states = await asyncio.gather(*calls)
    pairs = list(zip(states[::2], states[1::2], strict=True))
    sold = sum(State.COMMITTED in pair or State.COMMITTING in pair for pair in pairs)
    await stock.recover()
    assert await stock.of(mug) == (20 - sold, {})


# ---- expiry ------------------------------------------------------------------------------------------------


async def test_expired_hold_is_given_back_and_cannot_be_committed(stock, make, order) -> None:
    mug = await make(stock=5)
    await stock.reserve(order, (mug, 2))
    assert await stock.upkeep.sweep(stale_after=STALE) == 0
    stock.clock.ahead += timedelta(minutes=16)
    assert await stock.upkeep.sweep(stale_after=STALE) == 1
    assert await stock.upkeep.sweep(stale_after=STALE) == 0
    assert await stock.of(mug) == (5, {})
    assert await stock.inventory.commit(order) is State.RELEASED
    assert await stock.reserve(order, (mug, 2)) == Gone()
    assert await stock.events(order) == [("StockReserved", None), ("StockReleased", "expired")]


async def test_two_sweeps_release_once(stock, make) -> None:
    mug = await make(stock=10)
    for n in range(6):
        await stock.reserve(f"sweep-{n}", (mug, 1))
    stock.clock.ahead += timedelta(minutes=16)
    await asyncio.gather(*(stock.upkeep.sweep(stale_after=STALE) for _ in range(3)))
    assert await stock.of(mug) == (10, {})


# ---- a process that dies between any two writes ------------------------------------------------------------


@pytest.mark.parametrize(
    "steps", [("reserve.recorded", 1), ("reserve.line_held", 1), ("reserve.line_held", 2)]
)
async def test_reserve_that_died_is_finished_by_the_sweeper(stock, make, order, steps) -> None:
    mug, pan = await make(stock=5), await make(stock=5)
    with pytest.raises(Crash):
        await stock.reserve(order, (mug, 2), (pan, 1), inventory=stock.dying(*steps).inventory)
    await stock.recover()
    assert (await stock.of(mug), await stock.of(pan)) == ((3, {order: 2}), (4, {order: 1}))
    assert (await stock.state(order), await stock.events(order)) == ("HELD", [("StockReserved", None)])


@pytest.mark.parametrize(
    "steps", [("reserve.recorded", 1), ("reserve.line_held", 1), ("reserve.line_held", 2)]
)
async def test_reserve_that_died_is_finished_by_the_next_call(stock, make, order, steps) -> None:
    mug, pan = await make(stock=5), await make(stock=5)
    with pytest.raises(Crash):
        await stock.reserve(order, (mug, 2), (pan, 1), inventory=stock.dying(*steps).inventory)
    stock.clock.ahead += LEASE
    assert isinstance(await stock.reserve(order, (mug, 2), (pan, 1)), Held)
    assert (await stock.of(mug), await stock.of(pan)) == ((3, {order: 2}), (4, {order: 1}))


async def test_next_call_waits_for_a_lease_that_lasts(stock, make, order, monkeypatch) -> None:
    monkeypatch.setattr(reservation_steps, "_WAIT", 0.1)
    mug = await make(stock=5)
    with pytest.raises(Crash):
        await stock.reserve(order, (mug, 2), inventory=stock.dying("reserve.line_held").inventory)
    with pytest.raises(Unavailable):
        await stock.reserve(order, (mug, 2))
    with pytest.raises(Unavailable):
        await stock.inventory.commit(order)
    assert await stock.of(mug) == (3, {order: 2})


async def test_reserve_that_died_and_expired_is_given_back(stock, make, order) -> None:
    mug = await make(stock=5)
    with pytest.raises(Crash):
        await stock.reserve(order, (mug, 2), inventory=stock.dying("reserve.line_held").inventory)
    stock.clock.ahead += timedelta(minutes=16)
    await stock.upkeep.sweep(stale_after=STALE)
    assert await stock.of(mug) == (5, {})
    assert (await stock.state(order), await stock.events(order)) == ("RELEASED", [])


@pytest.mark.parametrize(
    "steps", [("refuse.recorded", 1), ("release.line_released", 1), ("release.line_released", 2)]
)
async def test_refusal_that_died_is_finished_and_answered_alike(stock, make, order, steps) -> None:
    mug, pan = await make(stock=5), await make(stock=2)
    overtaken = stock.outrun(pan, left=1, dies_at=steps).inventory
    with pytest.raises(Crash):
        await stock.reserve(order, (mug, 2), (pan, 2), inventory=overtaken)
    refusal = Shortage(product_id=pan.id, requested=2, available=1)
    assert await stock.reserve(order, (mug, 2), (pan, 2)) == refusal
    await stock.recover()
    assert await stock.reserve(order, (mug, 2), (pan, 2)) == refusal
    assert (await stock.of(mug), await stock.of(pan)) == ((5, {}), (1, {}))
    assert await stock.state(order) == "RELEASED"


@pytest.mark.parametrize(
    "steps", [("releasing.started", 1), ("release.line_released", 1), ("release.line_released", 2)]
)
@pytest.mark.parametrize("by", ["sweeper", "call"])
async def test_release_that_died_is_finished(stock, make, order, steps, by) -> None:
    mug, pan = await make(stock=5), await make(stock=5)
    await stock.reserve(order, (mug, 2), (pan, 1))
    with pytest.raises(Crash):
        await stock.dying(*steps).inventory.release(order)
    if by == "call":
        assert await stock.inventory.release(order) is State.RELEASED
    else:
        await stock.recover()
    assert (await stock.of(mug), await stock.of(pan)) == ((5, {}), (5, {}))
    assert await stock.events(order) == [("StockReserved", None), ("StockReleased", "released")]


@pytest.mark.parametrize(
    "steps", [("committing.started", 1), ("commit.line_committed", 1), ("commit.line_committed", 2)]
)
@pytest.mark.parametrize("by", ["sweeper", "call"])
async def test_commit_that_died_is_finished(stock, make, order, steps, by) -> None:
    mug, pan = await make(stock=5), await make(stock=5)
    await stock.reserve(order, (mug, 2), (pan, 1))
    with pytest.raises(Crash):
        await stock.dying(*steps).inventory.commit(order)
    if by == "call":
        assert await stock.inventory.commit(order) is State.COMMITTED
    else:
        await stock.recover()
    assert await stock.state(order) == "COMMITTED"
    assert (await stock.of(mug), await stock.of(pan)) == ((3, {}), (4, {}))


@pytest.mark.parametrize(
    "steps",
    [
        ("restock.started", 1),
        ("restock.line_restored", 1),
        ("restock.line_restored", 2),
        ("restock.returning", 1),
        ("release.line_released", 1),
        ("release.line_released", 2),
        ("release.settled", 1),
    ],
)
async def test_restock_that_died_is_finished_once(stock, make, order, steps) -> None:
    mug, pan = await make(stock=5), await make(stock=5)
    await stock.reserve(order, (mug, 2), (pan, 1))
    await stock.inventory.commit(order)
    with pytest.raises(Crash):
        await stock.dying(*steps).inventory.restock(order)
    await stock.inventory.restock(order)
    await stock.recover()
    assert await stock.state(order) == "RESTOCKED"
    assert (await stock.of(mug), await stock.of(pan)) == ((5, {}), (5, {}))
    assert (await stock.events(order))[1:] == [("StockReleased", "restocked")]


@pytest.mark.parametrize(
    "steps", [("expire.started", 1), ("release.line_released", 1), ("release.line_released", 2)]
)
async def test_expiry_that_died_is_finished(stock, make, order, steps) -> None:
    mug, pan = await make(stock=5), await make(stock=5)
    await stock.reserve(order, (mug, 2), (pan, 1))
    stock.clock.ahead += timedelta(minutes=16)
    with pytest.raises(Crash):
        await stock.dying(*steps).upkeep.sweep(stale_after=STALE)
    await stock.recover()
    assert (await stock.of(mug), await stock.of(pan)) == ((5, {}), (5, {}))
    assert await stock.events(order) == [("StockReserved", None), ("StockReleased", "expired")]


# ---- a release that meets a reserve under way --------------------------------------------------------------


@pytest.mark.parametrize(
    "steps", [("reserve.recorded", 1), ("reserve.line_held", 1), ("reserve.line_held", 2)]
)
async def test_release_in_the_middle_of_a_reserve_leaves_nothing_held(stock, make, order, steps) -> None:
    mug, pan = await make(stock=5), await make(stock=5)
    reached = asyncio.Event()
    held_up = HeldUpDatabase(stock.database)

    def hold_up() -> None:
        held_up.begin()
        reached.set()

    inventory = stock.services(database=held_up, after_write=At(*steps, act=hold_up)).inventory
    running = asyncio.create_task(stock.reserve(order, (mug, 2), (pan, 1), inventory=inventory))
    await reached.wait()
    assert await stock.inventory.release(order) in {State.RELEASING, State.RELEASED}
    held_up.end()
    assert await running == Gone()
    assert (await stock.of(mug), await stock.of(pan)) == ((5, {}), (5, {}))
    assert (await stock.state(order), await stock.events(order)) == ("RELEASED", [])


async def test_attempt_that_has_lost_its_lease_holds_nothing_more(stock, make, order) -> None:
    mug, pan = await make(stock=5), await make(stock=5)

    def sleep_long() -> None:
        stock.clock.ahead += LEASE

    hook = At("reserve.line_held", act=sleep_long)
    slow = stock.services(after_write=hook).inventory
    with pytest.raises(Unavailable):
        await stock.reserve(order, (mug, 2), (pan, 1), inventory=slow)
    assert await stock.of(pan) == (5, {})
    assert isinstance(await stock.reserve(order, (mug, 2), (pan, 1)), Held)
