"""Access to orders, their items and events; reads take many keys and answer in their order."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    any_,
    bindparam,
    false,
    func,
    insert,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.ids import is_id
from subgraphs.kit.postgres.outbox import enqueue
from subgraphs.orders import events
from subgraphs.orders.domain import (
    SOLD,
    TRANSITIONS,
    Action,
    CancelWish,
    Item,
    Order,
    OrderEvent,
    OrderId,
    OrderStatus,
    ProductId,
    UserId,
)
from subgraphs.orders.errors import IllegalTransition, StaleOrder
from subgraphs.orders.rows import to_event, to_item, to_order
from subgraphs.orders.tables import order_events, order_items, orders, outbox

_COLUMNS = [c for c in orders.c if c.name != "attempts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which orders; None leaves a criterion out. `created_to` is exclusive."""

    user_id: UserId | None = None
    statuses: Sequence[OrderStatus] | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None

    def criteria(self) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = []
        if self.user_id is not None:
            found.append(orders.c.user_id == self.user_id if is_id(self.user_id) else false())
        if self.statuses is not None:
            found.append(orders.c.status.in_([s.value for s in self.statuses]))
        if self.created_from is not None:
            found.append(orders.c.created_at >= self.created_from)
        if self.created_to is not None:
            found.append(orders.c.created_at < self.created_to)
        return found


class OrderStore:
    """Orders through one connection, in whatever transaction it is."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # -- reads ---------------------------------------------------------------------------------------

    async def get_many(self, ids: Sequence[str]) -> list[Order | None]:
        query = select(*_COLUMNS).where(orders.c.id == _any("ids"))
        rows = (await self._connection.execute(query, {"ids": _known(ids)})).all()
        found = {row.id: to_order(row) for row in rows}
        return [found.get(OrderId(i)) for i in ids]

    async def get(self, order_id: str) -> Order | None:
        return (await self.get_many([order_id]))[0]

    async def items_of(self, order_ids: Sequence[OrderId]) -> list[list[Item]]:
        query = (
            select(order_items)
            .where(order_items.c.order_id == _any("ids"))
            .order_by(order_items.c.product_id)
        )
        found: defaultdict[str, list[Item]] = defaultdict(list)
        for row in await self._connection.execute(query, {"ids": _known(order_ids)}):
            found[row.order_id].append(to_item(row))
        return [found[i] for i in order_ids]

    async def events_of(self, order_ids: Sequence[OrderId], *, after_seq: int = 0) -> list[list[OrderEvent]]:
        query = (
            select(order_events)
            .where(order_events.c.order_id == _any("ids"), order_events.c.seq > after_seq)
            .order_by(order_events.c.order_id, order_events.c.seq)
        )
        found: defaultdict[str, list[OrderEvent]] = defaultdict(list)
        for row in await self._connection.execute(query, {"ids": _known(order_ids)}):
            found[row.order_id].append(to_event(row))
        return [found[i] for i in order_ids]

    async def list_newest(self, where: Filter, *, limit: int, before: OrderId | None) -> list[Order]:
        """Up to `limit` orders of the filter, newest first, older than `before`."""
        query = _newest(select(*_COLUMNS).where(*where.criteria()), before).limit(limit)
        return [to_order(row) for row in await self._connection.execute(query)]

    async def list_by_users(
        self, user_ids: Sequence[UserId], where: Filter, *, limit: int, before: OrderId | None
    ) -> list[list[Order]]:
        """The same for each of `user_ids`, in one query."""
        users = func.unnest(bindparam("users", type_=ARRAY(Text()))).table_valued("user_id").render_derived()
        page = select(*_COLUMNS).where(orders.c.user_id == users.c.user_id, *where.criteria())
        each = _newest(page, before).limit(limit).lateral("page")
        query = select(each).select_from(users.join(each, true())).order_by(each.c.id.desc())
        found: defaultdict[str, list[Order]] = defaultdict(list)
        for row in await self._connection.execute(query, {"users": _known(user_ids)}):
            found[row.user_id].append(to_order(row))
        return [found[u] for u in user_ids]

    async def count(self, where: Filter) -> int:
        query = select(func.count()).select_from(orders).where(*where.criteria())
        return int((await self._connection.execute(query)).scalar_one())

    async def units_sold(self, product_ids: Sequence[ProductId]) -> list[int]:
        query = (
            select(order_items.c.product_id, func.sum(order_items.c.quantity))
            .join(orders, orders.c.id == order_items.c.order_id)
            .where(order_items.c.product_id == _any("ids"), orders.c.status.in_([s.value for s in SOLD]))
            .group_by(order_items.c.product_id)
        )
        rows = (await self._connection.execute(query, {"ids": _known(product_ids)})).all()
        sold: dict[str, int] = {product: int(units) for product, units in rows}
        return [sold.get(p, 0) for p in product_ids]

    # -- writes --------------------------------------------------------------------------------------

    async def insert(self, order: Order, items: Sequence[Item], *, actor: str) -> None:
        """Write a new order with its first event and what tells others of it."""
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
        await self._connection.execute(insert(orders), row)
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
        await enqueue(self._connection, outbox, events.created(order))
        await self._append(order, at=order.created_at, actor=actor, note=None)

    async def transition(
        self,
        order: Order,
        action: Action,
        *,
        now: datetime,
        resume_at: datetime | None,
        actor: str | None = None,
        note: str | None = None,
        **columns: Any,
    ) -> Order:
        """Take `action`: new status, version, event and outbox in one, or nothing.

        Raises IllegalTransition where the table has no such change, StaleOrder where the order is no
        longer the version that the caller read.
        """
        status = TRANSITIONS.get((order.status, action))
        if status is None:
            raise IllegalTransition(order.status, action)
        changed = await self._update(
            order,
            now=now,
            status=status.value,
            last_seq=order.last_seq + 1,
            resume_at=resume_at,
            attempts=0,
            **columns,
        )
        await self._append(changed, at=now, actor=actor, note=note)
        return changed

    async def wish_cancel(self, order: Order, wish: CancelWish, *, now: datetime) -> Order:
        """Record that an order which is being paid is to be cancelled when the outcome is known.

        The first wish stands: each change of the version makes the payment start over.
        """
        if order.cancel_wish is not None:
            return order
        return await self._update(order, now=now, cancel_wish=asdict(wish))

    async def _update(self, order: Order, *, now: datetime, **columns: Any) -> Order:
        statement = (
            update(orders)
            .where(orders.c.id == order.id, orders.c.version == order.version)
            .values(version=order.version + 1, updated_at=now, **columns)
            .returning(*_COLUMNS)
        )
        row = (await self._connection.execute(statement)).one_or_none()
        if row is None:
            raise StaleOrder
        return to_order(row)

    async def _append(self, order: Order, *, at: datetime, actor: str | None, note: str | None) -> None:
        event = OrderEvent(
            order_id=order.id, seq=order.last_seq, status=order.status, at=at, actor=actor, note=note
        )
        row = {**asdict(event), "status": event.status.value}
        await self._connection.execute(insert(order_events), row)
        await enqueue(self._connection, outbox, *events.status_changed(order, event))

    async def snapshot_items(self, items: Sequence[Item]) -> None:
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


def _known(ids: Sequence[str]) -> list[str]:
    # What is no id finds nothing, and must not fail the batch: PostgreSQL refuses some texts.
    return [i for i in dict.fromkeys(ids) if is_id(i)]


def _any(name: str) -> ColumnElement[Any]:
    # One array parameter, so the statement is the same text for any number of keys.
    return any_(bindparam(name, type_=ARRAY(Text())))


def _newest(query: Select[Any], before: OrderId | None) -> Select[Any]:
    if before is not None:
        query = query.where(orders.c.id < before)
    return query.order_by(orders.c.id.desc())
