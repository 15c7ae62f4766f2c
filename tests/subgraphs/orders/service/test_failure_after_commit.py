"""Once an order or a payment is on record, nothing that fails invites the client to send it again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.settings import DatabaseSettings
from subgraphs.orders.domain.orders import Order
from subgraphs.orders.domain.payments import PaymentStatus
from subgraphs.orders.domain.transitions import OrderStatus
from subgraphs.orders.saga import driver
from tests.subgraphs.orders import invariants
from tests.subgraphs.orders.conftest import quick
from tests.subgraphs.orders.fault_injection import FaultyPostgres
from tests.subgraphs.orders.orders_harness import OrdersHarness


class FailsAfterCommit:
    """The store from the first commit on: whatever is asked of it fails with `error`."""

    def __init__(self, harness: OrdersHarness, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        self._harness = harness
        self._monkeypatch = monkeypatch
        self._error = error
        harness.faults.named = {"commit:after": self._fail_from_now_on}

    async def _fail_from_now_on(self, _: str) -> None:
        def refuse() -> Any:
            raise self._error

        self._harness.faults.reset()
        for name in ("unit_of_work", "read"):
            self._monkeypatch.setattr(self._harness.postgres, name, refuse)

    def mend(self) -> None:
        self._monkeypatch.undo()


_ERRORS = [
    PoolTimeoutError("QueuePool limit of size 8 overflow 0 reached"),
    ConnectionResetError("the server is gone"),
    KeyError("a fault of ours"),
]


@pytest.mark.parametrize("error", _ERRORS, ids=lambda e: type(e).__name__)
async def test_an_order_is_answered_as_pending_where_the_store_fails_right_after_its_commit(
    harness: OrdersHarness, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    lamp = harness.stock.add()
    failing = FailsAfterCommit(harness, monkeypatch, error)
    order = await harness.place(lamp)
    assert order.status is OrderStatus.PENDING_STOCK
    failing.mend()
    assert await harness.order(order.id) == order
    await harness.until_quiet()
    assert await harness.statuses(order.id) == ["PENDING_STOCK", "AWAITING_PAYMENT"]
    assert await harness.rows("SELECT count(*) FROM orders") == [(1,)]
    await invariants.check(harness)


@pytest.mark.parametrize("error", _ERRORS, ids=lambda e: type(e).__name__)
async def test_a_payment_is_answered_as_paying_where_the_store_fails_right_after_its_commit(
    harness: OrdersHarness, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    order = await harness.place()
    failing = FailsAfterCommit(harness, monkeypatch, error)
    paying = await harness.pay(order.id)
    assert paying.status is OrderStatus.PAYING
    failing.mend()
    await harness.until_quiet()
    assert (await harness.order(order.id)).status is OrderStatus.PAID
    payment = await harness.payment(order.id)
    assert payment is not None
    assert payment.status is PaymentStatus.CAPTURED
    await invariants.check(harness)


@pytest.mark.parametrize("error", _ERRORS, ids=lambda e: type(e).__name__)
async def test_a_cancellation_is_answered_as_cancelling_where_the_store_fails_right_after_its_commit(
    harness: OrdersHarness, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    order = await harness.place()
    failing = FailsAfterCommit(harness, monkeypatch, error)
    assert (await harness.cancel(order.id)).status is OrderStatus.CANCELLING
    failing.mend()
    await harness.until_quiet()
    assert (await harness.order(order.id)).status is OrderStatus.CANCELLED
    await invariants.check(harness)


async def test_a_pool_without_a_free_connection_after_the_commit_answers_with_the_order(
    database: DatabaseSettings, harness: OrdersHarness
):
    """A real pool that times out: everything that it has is taken while the order's stock is reserved."""
    small = quick(FaultyPostgres(database.model_copy(update={"pool_size": 2}), application="small"))
    small.engine.pool._timeout = 0.2
    crowded = OrdersHarness(small, harness.observer)
    taken: list[Any] = []

    async def take_all(_: str) -> None:
        crowded.faults.reset()
        taken.extend([await small.engine.connect() for _ in range(2)])

    async def give_back() -> None:
        while taken:
            await taken.pop().close()

    try:
        crowded.faults.named = {"inventory.reserve:after": take_all}
        order = await crowded.place()
        assert order.status is OrderStatus.PENDING_STOCK
        await give_back()
        await crowded.until_quiet()
        crowded.faults.named = {"inventory.pin:after": take_all}
        assert (await crowded.pay(order.id)).status is OrderStatus.PAYING
        await give_back()
        await crowded.until_quiet()
        assert (await crowded.order(order.id)).status is OrderStatus.PAID
        await invariants.check(crowded)
    finally:
        await give_back()
        await small.close()


async def test_a_service_that_does_not_answer_is_not_waited_for_longer_than_a_request_may_take(
    harness: OrdersHarness, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(driver, "_PATIENCE", 0.05)

    async def never(_: str) -> None:
        await asyncio.Event().wait()

    async def answer(call: Callable[[], Awaitable[Order]], point: str) -> Order:
        harness.faults.named = {point: never}
        async with asyncio.timeout(5):
            order = await call()
        harness.faults.reset()
        return order

    order = await answer(harness.place, "inventory.reserve:before")
    assert order.status is OrderStatus.PENDING_STOCK
    await harness.until_quiet()
    paying = await answer(lambda: harness.pay(order.id), "provider.capture:before")
    assert paying.status is OrderStatus.PAYING
    await harness.until_quiet()
    cancelling = await answer(lambda: harness.cancel(order.id), "provider.refund:after")
    assert cancelling.status is OrderStatus.CANCELLING
    await harness.until_quiet()
    assert (await harness.order(order.id)).status is OrderStatus.CANCELLED
    await invariants.check(harness)


async def test_what_a_request_took_before_its_commit_is_taken_off_what_it_waits_behind_it(
    harness: OrdersHarness, monkeypatch: pytest.MonkeyPatch
):
    """The account took as long to look up as the whole request may take: the order is answered at once."""
    monkeypatch.setattr(driver, "_WHOLE", 0.1)
    require_active = harness.accounts.require_active

    async def slowly(viewer: Viewer) -> None:
        await asyncio.sleep(0.15)
        await require_active(viewer)

    async def never(_: str) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(harness.accounts, "require_active", slowly)
    harness.faults.named = {"inventory.reserve:before": never}
    async with asyncio.timeout(2):
        order = await harness.place()
    assert order.status is OrderStatus.PENDING_STOCK
    harness.faults.reset()
    await harness.until_quiet()
    assert await harness.statuses(order.id) == ["PENDING_STOCK", "AWAITING_PAYMENT"]
