"""Access to the worker's queue: orders whose time has come."""

from datetime import datetime, timedelta

from sqlalchemy import DateTime, Float, Interval, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.orders.domain import Order, OrderId
from subgraphs.orders.tables import orders

# A step that keeps failing is tried after 10, 20, 40, then every 80 seconds of a ten-second lease: often
# enough that customers need not wait long after an outage.
_MAX_DOUBLINGS = 3


class DueStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def settle(self, order: Order) -> None:
        """Record that nothing is left to do for an order. No change that anybody sees, so no new version."""
        statement = update(orders).where(orders.c.id == order.id, orders.c.version == order.version)
        await self._connection.execute(statement.values(resume_at=None, attempts=0))

    async def claim(self, *, now: datetime, lease: timedelta, limit: int) -> list[OrderId]:
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
            .returning(orders.c.id)
        )
        return [OrderId(row.id) for row in await self._connection.execute(statement)]
