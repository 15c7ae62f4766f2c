"""Orders whose time to be resumed has come."""

from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.orders.domain.errors import StaleOrder
from subgraphs.orders.domain.orders import Order
from subgraphs.orders.store.leases import claim
from subgraphs.orders.store.rows import ORDER_COLUMNS, to_order
from subgraphs.orders.store.tables import orders


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
