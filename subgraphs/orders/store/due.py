"""Orders whose time to be resumed has come."""

from datetime import datetime, timedelta

from sqlalchemy import DateTime, Float, Interval, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.orders.domain.errors import StaleOrder
from subgraphs.orders.domain.orders import Order
from subgraphs.orders.store.rows import ORDER_COLUMNS, to_order
from subgraphs.orders.store.tables import orders

# With a lease of one second, a step that keeps failing is tried after 1, 2, 4 … and then every 64 seconds:
# often enough that customers need not wait long after an outage.
_MAX_DOUBLINGS = 6


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
        # A CTE, since a plan may run a subquery again for each row and then lock more than `limit`.
        due = (
            select(orders.c.id)
            .where(orders.c.resume_at <= now)
            .order_by(orders.c.resume_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("due")
        )
        # The exponent is bounded, not the power, which would overflow after a thousand attempts.
        back_off = func.power(2, func.least(orders.c.attempts, _MAX_DOUBLINGS), type_=Float())
        seconds = back_off * lease.total_seconds()
        pause = func.make_interval(0, 0, 0, 0, 0, 0, seconds, type_=Interval())
        again = literal(now, DateTime(timezone=True)) + pause
        statement = (
            update(orders)
            .where(orders.c.id == due.c.id)
            .values(resume_at=again, attempts=orders.c.attempts + 1)
            .returning(*ORDER_COLUMNS)
        )
        return [to_order(row) for row in await self._connection.execute(statement)]
