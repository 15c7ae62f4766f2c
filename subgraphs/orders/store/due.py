"""Orders whose time to be resumed has come."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.orders.domain.errors import StaleOrder
from subgraphs.orders.domain.orders import Order
from subgraphs.orders.domain.transitions import OrderStatus
from subgraphs.orders.store.leases import claim
from subgraphs.orders.store.rows import ORDER_COLUMNS, to_order
from subgraphs.orders.store.tables import orders


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """Orders of one state, and since when the first of them has stood still."""

    count: int
    since: datetime


class DueOrderStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def settle(self, order: Order) -> None:
        """Record that nothing is left to do for an order. No change that anybody sees, so no new version.

        Raises StaleOrder where another writer has changed the order.
        """
        statement = update(orders).where(orders.c.id == order.id, orders.c.version == order.version)
        settled = await self._connection.execute(statement.values(resume_at=None, attempts=0))
        if not settled.rowcount:
            raise StaleOrder

    async def claim(self, *, now: datetime, lease: timedelta, limit: int) -> list[Order]:
        """Orders whose time has come, leased to the caller; one that keeps failing comes less often."""
        statement = claim(
            orders, orders.c.resume_at, now=now, lease=lease, limit=limit, returning=ORDER_COLUMNS
        )
        return [to_order(row) for row in await self._connection.execute(statement)]

    async def overdue(self, *, now: datetime, longest_pause: timedelta) -> dict[OrderStatus, Overdue]:
        """The orders that should have been resumed by `now`, or were in vain and come again.

        `longest_pause` is how far ahead that may be.
        """
        late = or_(orders.c.resume_at <= now, orders.c.attempts > 0)
        statement = (
            select(orders.c.status, func.count(), func.min(orders.c.updated_at))
            .where(orders.c.resume_at <= now + longest_pause, late)
            .group_by(orders.c.status)
        )
        return {
            OrderStatus(status): Overdue(count=count, since=since)
            for status, count, since in await self._connection.execute(statement)
        }
