"""Stock held for orders, on the real store: exactly once, whatever comes twice, at once or never."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest

from subgraphs.kit.errors import Unavailable, ValidationFailed
from subgraphs.kit.mongo.client import Database, utc_now
from subgraphs.products.domain.catalogue import Product, ProductId
from subgraphs.products.domain.reservation import Gone, Held, Line, Shortage, State, Unknown
from subgraphs.products.service import reservation_steps
from subgraphs.products.service.inventory import InventoryService
from subgraphs.products.service.reservation_steps import LEASE

STALE = timedelta(seconds=30)


class Clock:
    """A clock that stands ahead of the real one by what a test has let pass."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self):
        return utc_now() + self.ahead


class Crash(BaseException):
    """The process dies: nothing below the domain's own errors may catch it."""


class At:
    """Acts when a step of this name is done for the n-th time; dies, where not told otherwise."""

    def __init__(self, step: str, times: int = 1, act: Callable[[], None] | None = None) -> None:
        self.step, self.left, self.act = step, times, act or self._die

    def __call__(self, name: str) -> None:
        if name == self.step:
            self.left -= 1
            if self.left == 0:
                self.act()

    @staticmethod
    def _die() -> None:
        raise Crash


class Stock:
    """The service, a clock, and what is in the store."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = Clock()
        self.service = InventoryService(database, clock=self.clock)

    def dying(self, step: str, times: int = 1) -> InventoryService:
        return InventoryService(self.database, clock=self.clock, passed=At(step, times))

    async def reserve(self, order: str, *lines: tuple[Product, int], service: Any = None, minutes: int = 15):
        return await (service or self.service).reserve(
            order,
            [Line(product_id=product.id, quantity=quantity) for product, quantity in lines],
            expires_at=self.clock() + timedelta(minutes=minutes),
        )

    async def of(self, product: Product) -> tuple[int, dict[str, int]]:
        """Available units, and those held for each order."""
        document = await self.database["products"].find_one({"_id": product.id})
        held = {hold["rid"]: hold["q"] for hold in document["holds"]}
        assert len(held) == len(document["holds"]), "an order holds twice"
        return document["available"], held

    async def state(self, order: str) -> str | None:
        document = await self.database["reservations"].find_one({"_id": order})
        return document and document["state"]

    async def events(self, order: str) -> list[tuple[str, str | None]]:
        document = await self.database["reservations"].find_one({"_id": order})
        data = [(e["type"], orjson.loads(e["envelope"])["data"]) for e in document["outbox"]]
        return [(kind, body.get("reason")) for kind, body in data]

    async def recover(self) -> None:
        """What another process does once the dead one's lease is over."""
        self.clock.ahead += LEASE + STALE
        await self.service.sweep(stale_after=STALE)


@pytest.fixture
async def stock(database: Database) -> Stock:
    # A sweep of one test must not meet what another has left unfinished on purpose.
    await database["reservations"].delete_many({})
    return Stock(database)


@pytest.fixture
def order() -> str:
    return f"order-{uuid4().hex[:8]}"


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


async def test_shortage_names_the_first_product_and_gives_the_others_back(stock, make, order) -> None:
    first, second, third = [await make(stock=n) for n in (5, 1, 0)]
    outcome = await stock.reserve(order, (third, 1), (second, 2), (first, 5))
    assert outcome == Shortage(product_id=second.id, requested=2, available=1)
    assert [await stock.of(p) for p in (first, second, third)] == [(5, {}), (1, {}), (0, {})]
    assert (await stock.state(order), await stock.events(order)) == ("RELEASED", [])


async def test_unknown_and_unsold_products_are_named_and_nothing_is_taken(
    stock, make, products, manager, order
) -> None:
    mug, hidden, deleted = await make(stock=5), await make(stock=5, active=False), await make(stock=5)
    await products.delete(manager, deleted.id)
    lines = [Line(product_id=p, quantity=1) for p in (mug.id, hidden.id, deleted.id, ProductId("zzz"))]
    outcome = await stock.service.reserve(order, lines, expires_at=utc_now() + STALE)
    assert outcome == Unknown(product_ids=(hidden.id, deleted.id, ProductId("zzz")))
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


async def test_refused_reserve_again_is_refused_alike_even_with_new_stock(
    stock, make, products, manager, order
) -> None:
    mug = await make(stock=1)
    first = await stock.reserve(order, (mug, 2))
    await products.adjust_stock(manager, mug.id, delta=10, reason=None)
    assert await stock.reserve(order, (mug, 2)) == first
    assert await stock.of(mug) == (11, {})


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
    assert [await stock.service.pin(order) for _ in range(2)] == [State.PINNED] * 2
    stock.clock.ahead += timedelta(hours=1)
    assert await stock.service.sweep(stale_after=STALE) == 0
    later = stock.clock() + timedelta(minutes=5)
    assert [await stock.service.unpin(order, expires_at=later) for _ in range(2)] == [State.HELD] * 2
    assert await stock.service.sweep(stale_after=STALE) == 0
    assert await stock.of(mug) == (3, {order: 2})
    stock.clock.ahead += timedelta(minutes=6)
    assert await stock.service.sweep(stale_after=STALE) == 1
    assert await stock.of(mug) == (5, {})


@pytest.mark.parametrize("pinned", [True, False])
async def test_commit_sells_the_units_once(stock, make, order, pinned) -> None:
    mug = await make(stock=5)
    await stock.reserve(order, (mug, 2))
    if pinned:
        await stock.service.pin(order)
    assert [await stock.service.commit(order) for _ in range(2)] == [State.COMMITTED] * 2
    assert await stock.of(mug) == (3, {})
    assert await stock.service.pin(order) is State.COMMITTED
    assert await stock.service.release(order) is State.COMMITTED
    assert isinstance(await stock.reserve(order, (mug, 2)), Held)
    assert await stock.of(mug) == (3, {})


async def test_release_gives_back_once(stock, make, order) -> None:
    mug = await make(stock=5)
    await stock.reserve(order, (mug, 2))
    assert [await stock.service.release(order) for _ in range(2)] == [State.RELEASED] * 2
    assert await stock.of(mug) == (5, {})
    assert await stock.service.commit(order) is State.RELEASED
    assert await stock.service.pin(order) is State.RELEASED
    assert await stock.service.restock(order) is State.RELEASED
    assert await stock.events(order) == [("StockReserved", None), ("StockReleased", "released")]


async def test_late_reserve_after_release_is_refused(stock, make, order) -> None:
    mug = await make(stock=5)
    assert [await stock.service.release(order) for _ in range(2)] == [State.RELEASED] * 2
    assert await stock.reserve(order, (mug, 1)) == Gone()
    assert await stock.of(mug) == (5, {})
    assert await stock.events(order) == []


async def test_restock_returns_sold_units_once(stock, make, order) -> None:
    mug, pan = await make(stock=5), await make(stock=1)
    await stock.reserve(order, (mug, 2), (pan, 1))
    await stock.service.commit(order)
    states = await asyncio.gather(*(stock.service.restock(order) for _ in range(5)))
    assert set(states) <= {State.RESTOCKED, State.RESTOCKING, State.RETURNING}
    assert await stock.service.restock(order) is State.RESTOCKED
    assert (await stock.of(mug), await stock.of(pan)) == ((5, {}), (1, {}))
    assert await stock.events(order) == [("StockReserved", None), ("StockReleased", "restocked")]
    assert await stock.reserve(order, (mug, 2), (pan, 1)) == Gone()


async def test_restock_needs_a_commit(stock, make, order) -> None:
    mug = await make(stock=5)
    await stock.reserve(order, (mug, 2))
    assert await stock.service.restock(order) is State.HELD
    assert await stock.of(mug) == (3, {order: 2})


async def test_calls_for_an_unknown_order_find_nothing(stock, order) -> None:
    assert await stock.service.pin(order) is None
    assert await stock.service.unpin(order, expires_at=utc_now()) is None
    assert await stock.service.commit(order) is None
    assert await stock.service.restock(order) is None
    assert await stock.state(order) is None


async def test_of_commit_and_release_at_once_one_wins(stock, make) -> None:
    mug = await make(stock=20)
    for n in range(8):
        await stock.reserve(f"race-{n}", (mug, 1))
    calls = [c(f"race-{n}") for n in range(8) for c in (stock.service.commit, stock.service.release)]
    states = await asyncio.gather(*calls)
    pairs = list(zip(states[::2], states[1::2], strict=True))
    sold = sum(State.COMMITTED in pair or State.COMMITTING in pair for pair in pairs)
    await stock.recover()
    assert await stock.of(mug) == (20 - sold, {})


# ---- expiry ------------------------------------------------------------------------------------------------


async def test_expired_hold_is_given_back_and_cannot_be_committed(stock, make, order) -> None:
    mug = await make(stock=5)
    await stock.reserve(order, (mug, 2))
    assert await stock.service.sweep(stale_after=STALE) == 0
    stock.clock.ahead += timedelta(minutes=16)
    assert await stock.service.sweep(stale_after=STALE) == 1
    assert await stock.service.sweep(stale_after=STALE) == 0
    assert await stock.of(mug) == (5, {})
    assert await stock.service.commit(order) is State.RELEASED
    assert await stock.reserve(order, (mug, 2)) == Gone()
    assert await stock.events(order) == [("StockReserved", None), ("StockReleased", "expired")]


async def test_two_sweepers_give_back_once(stock, make) -> None:
    mug = await make(stock=10)
    for n in range(6):
        await stock.reserve(f"sweep-{n}", (mug, 1))
    stock.clock.ahead += timedelta(minutes=16)
    await asyncio.gather(*(stock.service.sweep(stale_after=STALE) for _ in range(3)))
    assert await stock.of(mug) == (10, {})


# ---- a process that dies between any two writes ------------------------------------------------------------


@pytest.mark.parametrize(
    "steps", [("reserve.recorded", 1), ("reserve.line_taken", 1), ("reserve.line_taken", 2)]
)
async def test_reserve_that_died_is_finished_by_the_sweeper(stock, make, order, steps) -> None:
    mug, pan = await make(stock=5), await make(stock=5)
    with pytest.raises(Crash):
        await stock.reserve(order, (mug, 2), (pan, 1), service=stock.dying(*steps))
    await stock.recover()
    assert (await stock.of(mug), await stock.of(pan)) == ((3, {order: 2}), (4, {order: 1}))
    assert (await stock.state(order), await stock.events(order)) == ("HELD", [("StockReserved", None)])


@pytest.mark.parametrize(
    "steps", [("reserve.recorded", 1), ("reserve.line_taken", 1), ("reserve.line_taken", 2)]
)
async def test_reserve_that_died_is_finished_by_the_next_call(stock, make, order, steps) -> None:
    mug, pan = await make(stock=5), await make(stock=5)
    with pytest.raises(Crash):
        await stock.reserve(order, (mug, 2), (pan, 1), service=stock.dying(*steps))
    stock.clock.ahead += LEASE
    assert isinstance(await stock.reserve(order, (mug, 2), (pan, 1)), Held)
    assert (await stock.of(mug), await stock.of(pan)) == ((3, {order: 2}), (4, {order: 1}))


async def test_next_call_waits_for_a_lease_that_lasts(stock, make, order, monkeypatch) -> None:
    monkeypatch.setattr(reservation_steps, "_WAIT", 0.1)
    mug = await make(stock=5)
    with pytest.raises(Crash):
        await stock.reserve(order, (mug, 2), service=stock.dying("reserve.line_taken"))
    with pytest.raises(Unavailable):
        await stock.reserve(order, (mug, 2))
    with pytest.raises(Unavailable):
        await stock.service.commit(order)
    assert await stock.of(mug) == (3, {order: 2})


async def test_reserve_that_died_and_expired_is_given_back(stock, make, order) -> None:
    mug = await make(stock=5)
    with pytest.raises(Crash):
        await stock.reserve(order, (mug, 2), service=stock.dying("reserve.line_taken"))
    stock.clock.ahead += timedelta(minutes=16)
    await stock.service.sweep(stale_after=STALE)
    assert await stock.of(mug) == (5, {})
    assert (await stock.state(order), await stock.events(order)) == ("RELEASED", [])


@pytest.mark.parametrize(
    "steps", [("refuse.recorded", 1), ("return.line_returned", 1), ("return.line_returned", 2)]
)
async def test_refusal_that_died_is_finished_and_answered_alike(stock, make, order, steps) -> None:
    mug, pan = await make(stock=5), await make(stock=1)
    with pytest.raises(Crash):
        await stock.reserve(order, (mug, 2), (pan, 2), service=stock.dying(*steps))
    refusal = Shortage(product_id=pan.id, requested=2, available=1)
    assert await stock.reserve(order, (mug, 2), (pan, 2)) == refusal
    await stock.recover()
    assert await stock.reserve(order, (mug, 2), (pan, 2)) == refusal
    assert (await stock.of(mug), await stock.of(pan)) == ((5, {}), (1, {}))
    assert await stock.state(order) == "RELEASED"


@pytest.mark.parametrize(
    "steps", [("releasing.started", 1), ("return.line_returned", 1), ("return.line_returned", 2)]
)
@pytest.mark.parametrize("by", ["sweeper", "call"])
async def test_release_that_died_is_finished(stock, make, order, steps, by) -> None:
    mug, pan = await make(stock=5), await make(stock=5)
    await stock.reserve(order, (mug, 2), (pan, 1))
    with pytest.raises(Crash):
        await stock.dying(*steps).release(order)
    if by == "call":
        assert await stock.service.release(order) is State.RELEASED
    else:
        await stock.recover()
    assert (await stock.of(mug), await stock.of(pan)) == ((5, {}), (5, {}))
    assert await stock.events(order) == [("StockReserved", None), ("StockReleased", "released")]


@pytest.mark.parametrize(
    "steps", [("committing.started", 1), ("commit.line_dropped", 1), ("commit.line_dropped", 2)]
)
@pytest.mark.parametrize("by", ["sweeper", "call"])
async def test_commit_that_died_is_finished(stock, make, order, steps, by) -> None:
    mug, pan = await make(stock=5), await make(stock=5)
    await stock.reserve(order, (mug, 2), (pan, 1))
    with pytest.raises(Crash):
        await stock.dying(*steps).commit(order)
    if by == "call":
        assert await stock.service.commit(order) is State.COMMITTED
    else:
        await stock.recover()
    assert await stock.state(order) == "COMMITTED"
    assert (await stock.of(mug), await stock.of(pan)) == ((3, {}), (4, {}))


@pytest.mark.parametrize(
    "steps",
    [
        ("restock.started", 1),
        ("restock.line_put", 1),
        ("restock.line_put", 2),
        ("restock.returning", 1),
        ("return.line_returned", 1),
        ("return.line_returned", 2),
        ("return.settled", 1),
    ],
)
async def test_restock_that_died_is_finished_once(stock, make, order, steps) -> None:
    mug, pan = await make(stock=5), await make(stock=5)
    await stock.reserve(order, (mug, 2), (pan, 1))
    await stock.service.commit(order)
    with pytest.raises(Crash):
        await stock.dying(*steps).restock(order)
    await stock.service.restock(order)
    await stock.recover()
    assert await stock.state(order) == "RESTOCKED"
    assert (await stock.of(mug), await stock.of(pan)) == ((5, {}), (5, {}))
    assert (await stock.events(order))[1:] == [("StockReleased", "restocked")]


@pytest.mark.parametrize(
    "steps", [("expire.started", 1), ("return.line_returned", 1), ("return.line_returned", 2)]
)
async def test_expiry_that_died_is_finished(stock, make, order, steps) -> None:
    mug, pan = await make(stock=5), await make(stock=5)
    await stock.reserve(order, (mug, 2), (pan, 1))
    stock.clock.ahead += timedelta(minutes=16)
    with pytest.raises(Crash):
        await stock.dying(*steps).sweep(stale_after=STALE)
    await stock.recover()
    assert (await stock.of(mug), await stock.of(pan)) == ((5, {}), (5, {}))
    assert await stock.events(order) == [("StockReserved", None), ("StockReleased", "expired")]


# ---- a release that meets a reserve under way --------------------------------------------------------------


@pytest.mark.parametrize(
    "steps", [("reserve.recorded", 1), ("reserve.line_taken", 1), ("reserve.line_taken", 2)]
)
async def test_release_in_the_middle_of_a_reserve_leaves_nothing_held(stock, make, order, steps) -> None:
    mug, pan = await make(stock=5), await make(stock=5)
    reached, go_on = asyncio.Event(), asyncio.Event()
    service = InventoryService(stock.database, clock=stock.clock, passed=At(*steps, act=reached.set))

    def held_up(call):
        async def wait_and_call(*args, **kwargs):
            if reached.is_set():
                await go_on.wait()
            return await call(*args, **kwargs)

        return wait_and_call

    # The hook cannot wait, so the run's next write does.
    service._steps._holds.take = held_up(service._steps._holds.take)
    service._steps.move = held_up(service._steps.move)
    running = asyncio.create_task(stock.reserve(order, (mug, 2), (pan, 1), service=service))
    await reached.wait()
    assert await stock.service.release(order) in {State.RELEASING, State.RELEASED}
    go_on.set()
    assert await running == Gone()
    assert (await stock.of(mug), await stock.of(pan)) == ((5, {}), (5, {}))
    assert (await stock.state(order), await stock.events(order)) == ("RELEASED", [])


async def test_run_that_has_lost_its_lease_takes_nothing_more(stock, make, order) -> None:
    mug, pan = await make(stock=5), await make(stock=5)

    def sleep_long() -> None:
        stock.clock.ahead += LEASE

    hook = At("reserve.line_taken", act=sleep_long)
    slow = InventoryService(stock.database, clock=stock.clock, passed=hook)
    with pytest.raises(Unavailable):
        await stock.reserve(order, (mug, 2), (pan, 1), service=slow)
    assert await stock.of(pan) == (5, {})
    assert isinstance(await stock.reserve(order, (mug, 2), (pan, 1)), Held)


async def test_stray_hold_of_a_settled_order_is_given_back_by_the_audit(stock, make, order, database) -> None:
    mug = await make(stock=5)
    await stock.reserve(order, (mug, 2))
    await stock.reserve(f"{order}-live", (mug, 1))
    await stock.service.commit(order)
    # The write of a run that had been gone for longer than its lease.
    stray = {"$inc": {"available": -2}, "$push": {"holds": {"rid": order, "q": 2, "at": stock.clock()}}}
    await database["products"].update_one({"_id": mug.id}, stray)
    assert await stock.service.audit(older_than=STALE) == 0
    stock.clock.ahead += STALE + STALE
    assert await stock.service.audit(older_than=STALE) == 1
    assert await stock.of(mug) == (2, {f"{order}-live": 1})
