"""Orders with their items and events; reads take many keys and answer in their order."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.events.event import Event
from subgraphs.kit.money import Amount
from subgraphs.kit.postgres.engine import record_change
from subgraphs.kit.postgres.outbox import enqueue
from subgraphs.orders.domain import events
from subgraphs.orders.domain.errors import IllegalTransition, NumberTaken, StaleOrder
from subgraphs.orders.domain.ids import OrderId
from subgraphs.orders.domain.items import OrderItem, Price
from subgraphs.orders.domain.orders import CancellationRequest, Order, OrderEvent, Rejection
from subgraphs.orders.domain.shipping import ShippingDetails
from subgraphs.orders.domain.transitions import TRANSITIONS, Action, OrderStatus
from subgraphs.orders.metrics import ORDER_TRANSITIONS
from subgraphs.orders.store.keys import any_of, known_ids
from subgraphs.orders.store.rows import ORDER_COLUMNS, to_event, to_item, to_order
from subgraphs.orders.store.tables import order_events, order_items, orders, outbox
from subgraphs.orders.store.units_sold import UnitsSoldStore


async def count_transitions(changes: Sequence[object]) -> None:
    """Count the states that orders have entered, by an observer of commits."""
    for change in changes:
        if isinstance(change, OrderStatus):
            ORDER_TRANSITIONS.labels(change.value).inc()


class OrderStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # -- reads ---------------------------------------------------------------------------------------

    async def get_many(self, ids: Sequence[str]) -> list[Order | None]:
        query = select(*ORDER_COLUMNS).where(orders.c.id == any_of("ids"))
        rows = (await self._connection.execute(query, {"ids": known_ids(ids)})).all()
        found = {row.id: to_order(row) for row in rows}
        return [found.get(OrderId(i)) for i in ids]

    async def get(self, order_id: str) -> Order | None:
        return (await self.get_many([order_id]))[0]

    async def items_of(self, order_ids: Sequence[OrderId]) -> list[list[OrderItem]]:
        query = (
            select(order_items)
            .where(order_items.c.order_id == any_of("ids"))
            .order_by(order_items.c.product_id)
        )
        found: defaultdict[str, list[OrderItem]] = defaultdict(list)
        for row in await self._connection.execute(query, {"ids": known_ids(order_ids)}):
            found[row.order_id].append(to_item(row))
        return [found[i] for i in order_ids]

    async def events_of(self, order_ids: Sequence[OrderId], *, after_seq: int = 0) -> list[list[OrderEvent]]:
        query = (
            select(order_events)
            .where(order_events.c.order_id == any_of("ids"), order_events.c.seq > after_seq)
            .order_by(order_events.c.order_id, order_events.c.seq)
        )
        found: defaultdict[str, list[OrderEvent]] = defaultdict(list)
        for row in await self._connection.execute(query, {"ids": known_ids(order_ids)}):
            found[row.order_id].append(to_event(row))
        return [found[i] for i in order_ids]

    # -- writes --------------------------------------------------------------------------------------

    async def insert(self, order: Order, items: Sequence[OrderItem], *, actor: str) -> None:
        """Write a new order with its items and its first event.

        Raises NumberTaken, with nothing written and the transaction as good as before.
        """
        row = {
            "id": order.id,
            "number": order.number,
            "user_id": order.user_id,
            "status": order.status.value,
            "currency": order.total.currency,
            "subtotal_minor": order.subtotal.minor,
            "total_minor": order.total.minor,
            "shipping": asdict(order.shipping) if order.shipping else None,
            "version": order.version,
            "last_seq": order.last_seq,
            "expires_at": order.expires_at,
            "created_at": order.created_at,
            "updated_at": order.updated_at,
            "resume_at": order.resume_at,
        }
        statement = upsert(orders).values(row).on_conflict_do_nothing(index_elements=["number"])
        if not (await self._connection.execute(statement)).rowcount:
            raise NumberTaken(order.number)
        record_change(self._connection, order)
        lines = [
            {
                "id": i.id,
                "order_id": order.id,
                "product_id": i.product_id,
                "quantity": i.quantity,
                "currency": i.price.currency,
            }
            for i in items
        ]
        await self._connection.execute(insert(order_items), lines)
        await self._append(order, events.created(order), at=order.created_at, actor=actor, note=None)

    async def transition(
        self,
        order: Order,
        action: Action,
        *,
        now: datetime,
        resume_at: datetime | None,
        actor: str | None = None,
        note: str | None = None,
        price: Price | None = None,
        rejection: Rejection | None = None,
        tracking_number: str | None = None,
    ) -> Order:
        """Apply `action`: the new status, version and event together, or nothing. Returns the changed order.

        `price` is what an order turns out to cost when its stock is held, `rejection` why it is not,
        `tracking_number` that of a parcel which is sent.

        Raises IllegalTransition where the table has no such change, StaleOrder where the order is no
        longer the version that the caller read.
        """
        status = TRANSITIONS.get((order.status, action))
        if status is None:
            raise IllegalTransition(order.status, action)
        columns: dict[str, Any] = {
            "status": status.value,
            "last_seq": order.last_seq + 1,
            "resume_at": resume_at,
            "attempts": 0,
        }
        if price is not None:
            columns |= {
                "currency": price.total.currency,
                "subtotal_minor": price.subtotal.minor,
                "total_minor": price.total.minor,
            }
        if rejection is not None:
            columns["rejection"] = asdict(rejection)
        if tracking_number is not None:
            columns["tracking_number"] = tracking_number
        changed = await self._update(order, now=now, **columns)
        await self._append(changed, at=now, actor=actor, note=note)
        # Last, since every order of the same product waits for this row until the transaction ends.
        await UnitsSoldStore(self._connection).follow(order.id, before=order.status, after=status)
        record_change(self._connection, status)
        return changed

    async def request_cancellation(
        self, order: Order, request: CancellationRequest, *, now: datetime
    ) -> Order:
        """Record that an order which is being paid is to be cancelled when the payment's outcome is known.

        The first request stands: each change of the version makes the step under way start over. Raises StaleOrder.
        """
        if order.cancellation_request is not None:
            return order
        return await self._update(order, now=now, cancellation_request=asdict(request))

    async def update_shipping(
        self, order: Order, shipping: ShippingDetails | None, *, total: Amount, now: datetime
    ) -> Order:
        """Send an order elsewhere, or in another way, for `total`. Raises StaleOrder."""
        details = asdict(shipping) if shipping else None
        return await self._update(order, now=now, shipping=details, total_minor=total.minor)

    async def request_refund(self, order: Order, *, now: datetime, resume_at: datetime) -> Order:
        """Have the resume job make the refunds that are on record. Raises StaleOrder."""
        return await self._update(order, now=now, resume_at=resume_at, attempts=0)

    async def finish_refunds(self, order: Order, *, now: datetime) -> Order:
        """Record that the refunds on record are made: the order shows another amount, so it is another version.

        Raises StaleOrder.
        """
        return await self._update(order, now=now, resume_at=None, attempts=0)

    async def show_anew(self, order_id: OrderId, *, now: datetime) -> None:
        """Make another version of an order whose payment shows what it did not: whoever has the last one asks again."""
        statement = (
            update(orders)
            .where(orders.c.id == order_id)
            .values(version=orders.c.version + 1, updated_at=now)
            .returning(*ORDER_COLUMNS)
        )
        record_change(self._connection, to_order((await self._connection.execute(statement)).one()))

    async def _update(self, order: Order, *, now: datetime, **columns: Any) -> Order:
        statement = (
            update(orders)
            .where(orders.c.id == order.id, orders.c.version == order.version)
            .values(version=order.version + 1, updated_at=now, **columns)
            .returning(*ORDER_COLUMNS)
        )
        row = (await self._connection.execute(statement)).one_or_none()
        if row is None:
            raise StaleOrder
        changed = to_order(row)
        record_change(self._connection, changed)
        return changed

    async def _append(
        self, order: Order, *before: Event, at: datetime, actor: str | None, note: str | None
    ) -> None:
        """Add the order's present status to its history, and tell of it after the events in `before`."""
        event = OrderEvent(
            order_id=order.id, seq=order.last_seq, status=order.status, at=at, actor=actor, note=note
        )
        row = {**asdict(event), "status": event.status.value}
        await self._connection.execute(insert(order_events), row)
        await enqueue(self._connection, outbox, *before, *events.status_changed(order, event))

    async def snapshot_items(self, items: Sequence[OrderItem]) -> None:
        """Write the names and prices that the held stock came with."""
        statement = (
            update(order_items)
            .where(order_items.c.id == bindparam("item_id"))
            .values(
                name=bindparam("item_name"),
                sku=bindparam("item_sku"),
                price_minor=bindparam("item_price"),
                currency=bindparam("item_currency"),
            )
        )
        rows = [
            {
                "item_id": i.id,
                "item_name": i.name,
                "item_sku": i.sku,
                "item_price": i.price.minor,
                "item_currency": i.price.currency,
            }
            for i in items
        ]
        await self._connection.execute(statement, rows)
