import asyncio

import pytest

from subgraphs.kit.ids import new_id
from subgraphs.orders.domain.errors import IllegalTransition, StaleOrder
from subgraphs.orders.domain.ids import ProductId, UserId
from subgraphs.orders.domain.orders import CancellationRequest
from subgraphs.orders.domain.transitions import Action, OrderStatus
from subgraphs.orders.saga import LEASE
from subgraphs.orders.store.orders import OrderStore
from subgraphs.orders.store.units_sold import UnitsSoldStore
from tests.harness.statements import statements
from tests.subgraphs.orders.orders_harness import START, OrdersHarness


async def test_a_transition_writes_version_seq_event_and_outbox_together(harness: OrdersHarness):
    order = await harness.place()
    async with harness.observer.unit_of_work() as connection:
        changed = await OrderStore(connection).transition(
            order, Action.PAY, now=START + LEASE, resume_at=None, actor="ann", note="now"
        )
    assert (changed.version, changed.last_seq, changed.status) == (3, 3, OrderStatus.PAYING)
    assert changed == await harness.order(order.id)
    last = (await harness.history(order.id))[-1]
    assert (last.seq, last.status, last.at, last.actor, last.note) == (
        3,
        OrderStatus.PAYING,
        START + LEASE,
        "ann",
        "now",
    )
    types = await harness.rows("SELECT type FROM outbox ORDER BY position")
    assert [t for [t] in types] == [
        "OrderCreated",
        *["OrderStatusChanged"] * 2,
        "OrderConfirmed",
        "OrderStatusChanged",
    ]


async def test_a_stale_writer_writes_nothing(harness: OrdersHarness):
    order = await harness.place()
    await harness.pay(order.id)
    before = await harness.everything()
    for attempt in (
        lambda store: store.transition(order, Action.PAY, now=START, resume_at=None),
        lambda store: store.request_cancellation(
            order, CancellationRequest(actor=UserId("ann"), reason=None), now=START
        ),
    ):
        with pytest.raises(StaleOrder):
            async with harness.observer.unit_of_work() as connection:
                await attempt(OrderStore(connection))
    assert await harness.everything() == before


async def test_a_change_outside_of_the_table_writes_nothing(harness: OrdersHarness):
    order = await harness.place()
    before = await harness.everything()
    with pytest.raises(IllegalTransition) as refused:
        async with harness.observer.unit_of_work() as connection:
            await OrderStore(connection).transition(order, Action.CAPTURE, now=START, resume_at=None)
    assert (refused.value.status, refused.value.action) == (OrderStatus.AWAITING_PAYMENT, Action.CAPTURE)
    assert await harness.everything() == before


async def test_of_twenty_writers_of_one_version_one_wins(harness: OrdersHarness):
    order = await harness.place()

    async def write() -> bool:
        try:
            async with harness.observer.unit_of_work() as connection:
                await OrderStore(connection).transition(order, Action.PAY, now=START, resume_at=None)
        except StaleOrder:
            return False
        return True

    assert sum(await asyncio.gather(*(write() for _ in range(20)))) == 1
    assert [e.seq for e in await harness.history(order.id)] == [1, 2, 3]


async def test_many_keys_are_answered_in_their_order_with_nothing_for_what_is_no_id(harness: OrdersHarness):
    lamp = harness.stock.add()
    first, second = await harness.place(lamp), await harness.place(lamp)
    keys = [second.id, new_id(), "'; DROP TABLE orders; --", "\0", first.id, second.id]
    with statements(harness.observer) as sent:
        async with harness.observer.read() as connection:
            store = OrderStore(connection)
            assert await store.get_many(keys) == [second, None, None, None, first, second]
            items = await store.items_of(keys)  # type: ignore[arg-type]
            events = await store.events_of(keys)  # type: ignore[arg-type]
            sold = await UnitsSoldStore(connection).of_products([ProductId(lamp.id), ProductId("\0")])
    assert [len(found) for found in items] == [1, 0, 0, 0, 1, 1]
    assert [len(found) for found in events] == [2, 0, 0, 0, 2, 2]
    assert sold == [0, 0]
    assert len(sent) == 4
