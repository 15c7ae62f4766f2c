"""How far the saga takes an order, and what it says where it stops."""

from collections.abc import Sequence

import pytest

from subgraphs.kit.errors import NotFound, Unavailable
from subgraphs.kit.ids import new_id
from subgraphs.orders.domain.errors import StaleOrder
from subgraphs.orders.domain.ids import OrderId
from subgraphs.orders.domain.items import OrderItem
from subgraphs.orders.domain.orders import Order
from subgraphs.orders.domain.transitions import OrderStatus
from subgraphs.orders.saga import Progress, driver
from tests.harness.statements import statements
from tests.subgraphs.orders.orders_harness import OrdersHarness


async def test_an_order_that_awaits_its_payment_stays_as_it_is_and_costs_nothing(harness: OrdersHarness):
    order = await harness.place()
    with statements(harness.postgres) as sent:
        assert await harness.saga.advance(order) == Progress(order)
    assert sent == []


async def test_an_order_that_another_process_has_changed_is_read_again_and_goes_on(harness: OrdersHarness):
    harness.inventory.down = True
    pending = await harness.place()
    harness.inventory.down = False
    changed = (await harness.saga.resume(pending.id)).order
    assert changed.status is OrderStatus.AWAITING_PAYMENT
    assert await harness.saga.advance(pending) == Progress(changed)
    assert await harness.statuses(pending.id) == ["PENDING_STOCK", "AWAITING_PAYMENT"]


async def test_an_order_that_is_always_changed_by_others_is_left_for_later(
    harness: OrdersHarness, monkeypatch: pytest.MonkeyPatch
):
    order = await harness.place()
    steps = 0

    async def never_first(_: Order, __: Sequence[OrderItem] | None) -> Order:
        nonlocal steps
        steps += 1
        raise StaleOrder

    monkeypatch.setattr(harness.saga, "_step", never_first)
    progress = await harness.saga.advance(order)
    assert progress.order == order
    assert isinstance(progress.error, Unavailable)
    assert steps == 20


@pytest.mark.parametrize(
    ("error", "level"),
    [(Unavailable("away"), "info"), (ConnectionError("gone"), "warning"), (KeyError("ours"), "error")],
)
async def test_what_stops_an_order_is_logged_by_whose_fault_it_is(
    harness: OrdersHarness, monkeypatch: pytest.MonkeyPatch, error: Exception, level: str
):
    order = await harness.place()
    logged: list[tuple[str, str]] = []
    for name in ("info", "warning", "error"):
        monkeypatch.setattr(
            driver.log, name, lambda _, name=name, **fields: logged.append((name, fields["order_id"]))
        )

    async def fail(_: Order, __: Sequence[OrderItem] | None) -> Order:
        raise error

    monkeypatch.setattr(harness.saga, "_step", fail)
    assert await harness.saga.advance(order) == Progress(order, error)
    assert logged == [(level, order.id)]


async def test_an_order_that_does_not_exist_is_not_resumed(harness: OrdersHarness):
    with pytest.raises(NotFound):
        await harness.saga.resume(OrderId(new_id()))
