import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from subgraphs.kit.errors import Conflict
from subgraphs.kit.ids import new_id
from subgraphs.kit.postgres import migrations
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.settings import DatabaseSettings
from subgraphs.orders.domain.errors import IllegalTransition, StaleOrder
from subgraphs.orders.domain.ids import ProductId, UserId
from subgraphs.orders.domain.orders import CancellationRequest, Order
from subgraphs.orders.domain.transitions import Action, OrderStatus
from subgraphs.orders.saga import LEASE
from subgraphs.orders.store.due import DueOrderStore
from subgraphs.orders.store.idempotency_keys import IdempotencyKeyStore
from subgraphs.orders.store.orders import OrderStore
from subgraphs.orders.store.tables import metadata
from tests.subgraphs.orders.orders_harness import START, OrdersHarness


class Statements:
    """The SQL that a pool sends while this is entered."""

    def __init__(self, postgres: Postgres) -> None:
        self._engine = postgres.engine.sync_engine
        self.sent: list[str] = []

    def _record(self, _: Any, __: Any, statement: str, *___: Any) -> None:
        self.sent.append(statement)

    def __enter__(self) -> list[str]:
        event.listen(self._engine, "before_cursor_execute", self._record)
        return self.sent

    def __exit__(self, *_: object) -> None:
        event.remove(self._engine, "before_cursor_execute", self._record)


async def test_migrations_make_what_the_tables_say(database: DatabaseSettings):
    assert await migrations.differences(database, metadata) == []


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
    assert [t for [t] in types] == ["OrderCreated", *["OrderStatusChanged"] * 3]


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


async def test_fifty_claims_of_one_key_have_one_winner_whose_resource_all_get(postgres: Postgres):
    async def claim(resource: str) -> str | None:
        async with postgres.unit_of_work() as connection:
            return await IdempotencyKeyStore(connection).claim(
                "ann", "createOrder", "k", request_hash="h", resource_id=resource
            )

    resources = [f"r{i}" for i in range(50)]
    answers = await asyncio.gather(*(claim(r) for r in resources))
    winners = [r for r, answer in zip(resources, answers, strict=True) if answer is None]
    assert len(winners) == 1
    assert {answer for answer in answers if answer is not None} == set(winners)


async def test_a_key_for_another_request_is_a_conflict_and_keeps_its_resource(postgres: Postgres):
    async def claim(digest: str, *, user: str = "ann", operation: str = "createOrder") -> str | None:
        async with postgres.unit_of_work() as connection:
            return await IdempotencyKeyStore(connection).claim(
                user, operation, "k", request_hash=digest, resource_id=f"of {digest}"
            )

    assert await claim("one") is None
    with pytest.raises(Conflict):
        await claim("two")
    assert await claim("one") == "of one"
    assert await claim("two", user="bob") is None
    assert await claim("two", operation="payOrder") is None


async def test_a_key_of_a_transaction_that_rolled_back_is_free(postgres: Postgres):
    taken = asyncio.Event()

    async def lose() -> None:
        async with postgres.unit_of_work() as connection:
            await IdempotencyKeyStore(connection).claim(
                "ann", "op", "k", request_hash="h", resource_id="lost"
            )
            taken.set()
            await asyncio.sleep(0.05)
            raise ZeroDivisionError

    async def wait_then_claim() -> str | None:
        await taken.wait()
        async with postgres.unit_of_work() as connection:
            return await IdempotencyKeyStore(connection).claim(
                "ann", "op", "k", request_hash="h", resource_id="r"
            )

    lost, claimed = await asyncio.gather(lose(), wait_then_claim(), return_exceptions=True)
    assert isinstance(lost, ZeroDivisionError)
    assert claimed is None


async def _orders_of(harness: OrdersHarness, users: int, each: int) -> dict[str, list[Order]]:
    lamp = harness.stock.add(available=1000)
    placed: dict[str, list[Order]] = {new_id(): [] for _ in range(users)}
    for _ in range(each):
        for user, orders in placed.items():
            viewer = type(harness.ann)(user_id=user)
            orders.insert(0, await harness.place(lamp, viewer=viewer))
    return placed


async def test_orders_of_many_users_are_one_query_and_each_ones_own_list(harness: OrdersHarness):
    placed = await _orders_of(harness, users=4, each=3)
    users = [UserId(u) for u in placed] + [UserId(new_id()), UserId("nobody\0")]
    paid = await harness.service.payments.pay(
        type(harness.ann)(user_id=users[0]), placed[users[0]][1].id, method="card", token="tok_ok", key=None
    )
    async with harness.observer.read() as connection:
        store = OrderStore(connection)
        for where in (Filter(), Filter(statuses=(OrderStatus.PAID,)), Filter(statuses=())):
            for before in (None, placed[users[1]][1].id):
                single = [
                    await store.list_newest(
                        Filter(user_id=user, statuses=where.statuses), limit=2, before=before
                    )
                    for user in users
                ]
                with Statements(harness.observer) as sent:
                    assert await store.list_by_users(users, where, limit=2, before=before) == single
                assert len(sent) == 1
        twice = await store.list_by_users([users[0], users[0]], Filter(), limit=10, before=None)
    assert [[o.id for o in page] for page in twice] == [[o.id for o in placed[users[0]]]] * 2
    assert paid in twice[0]


async def test_pages_have_neither_gap_nor_duplicate_while_orders_come_in(harness: OrdersHarness):
    lamp = harness.stock.add(available=1000)
    placed = [await harness.place(lamp) for _ in range(11)]
    seen: list[Order] = []
    before = None
    while True:
        async with harness.observer.read() as connection:
            page = await OrderStore(connection).list_newest(
                Filter(user_id=UserId(str(harness.ann.user_id))), limit=3, before=before
            )
        if not page:
            break
        seen += page
        before = page[-1].id
        await harness.place(lamp)  # newer than every page, so it must not show up
    assert [o.id for o in seen] == [o.id for o in reversed(placed)]


async def test_many_keys_are_answered_in_their_order_with_nothing_for_what_is_no_id(harness: OrdersHarness):
    lamp = harness.stock.add()
    first, second = await harness.place(lamp), await harness.place(lamp)
    keys = [second.id, new_id(), "'; DROP TABLE orders; --", "\0", first.id, second.id]
    with Statements(harness.observer) as sent:
        async with harness.observer.read() as connection:
            store = OrderStore(connection)
            assert await store.get_many(keys) == [second, None, None, None, first, second]
            items = await store.items_of(keys)  # type: ignore[arg-type]
            events = await store.events_of(keys)  # type: ignore[arg-type]
            sold = await store.units_sold([ProductId(lamp.id), ProductId("\0")])
    assert [len(found) for found in items] == [1, 0, 0, 0, 1, 1]
    assert [len(found) for found in events] == [2, 0, 0, 0, 2, 2]
    assert sold == [0, 0]
    assert len(sent) == 4


async def test_units_are_sold_once_paid_and_no_longer_when_cancelled(harness: OrdersHarness):
    lamp, desk = harness.stock.add(), harness.stock.add()
    order = await harness.place(lamp, desk, quantity=2)
    other = await harness.place(lamp, quantity=3)

    async def sold() -> list[int]:
        async with harness.observer.read() as connection:
            return await OrderStore(connection).units_sold([desk.id, ProductId(new_id()), lamp.id])

    assert await sold() == [0, 0, 0]
    await harness.pay(order.id)
    await harness.pay(other.id)
    assert await sold() == [2, 0, 5]
    await harness.cancel(other.id)
    assert await sold() == [2, 0, 2]


async def test_two_claimers_never_lease_one_order_twice(harness: OrdersHarness):
    lamp = harness.stock.add(available=100)
    ids = {(await harness.place(lamp)).id for _ in range(30)}
    now = START + timedelta(minutes=30)

    async def claim() -> list[str]:
        async with harness.observer.unit_of_work() as connection:
            found = await DueOrderStore(connection).claim(now=now, lease=LEASE, limit=4)
            await asyncio.sleep(0.005)  # hold the rows while others look
            return list(found)

    batches = await asyncio.gather(*(claim() for _ in range(8)))
    leased = [order_id for batch in batches for order_id in batch]
    assert {len(batch) for batch in batches} <= set(range(5))
    assert len(leased) == len(set(leased))
    while batch := await claim():
        leased += batch
    assert sorted(leased) == sorted(ids)


async def test_what_is_not_due_is_left_alone(harness: OrdersHarness):
    order = await harness.place()
    async with harness.observer.unit_of_work() as connection:
        claimed = await DueOrderStore(connection).claim(
            now=order.expires_at - timedelta(microseconds=1), lease=LEASE, limit=4
        )
    assert claimed == []


async def test_the_lease_of_what_keeps_failing_grows_to_a_bound_and_never_overflows(harness: OrdersHarness):
    order = await harness.place()
    async with harness.observer.unit_of_work() as connection:
        await connection.exec_driver_sql("UPDATE orders SET resume_at = created_at")
    leases = []
    for attempts in (0, 1, 2, 3, 4, 5000, 2_000_000_000):
        async with harness.observer.unit_of_work() as connection:
            await connection.exec_driver_sql(f"UPDATE orders SET attempts = {attempts}")
            now = (await harness.order(order.id)).resume_at
            assert now is not None
            assert await DueOrderStore(connection).claim(now=now, lease=LEASE, limit=1) == [order.id]
        after = (await harness.order(order.id)).resume_at
        assert after is not None
        leases.append((after - now) / LEASE)
    assert leases == [1, 2, 4, 8, 8, 8, 8]
