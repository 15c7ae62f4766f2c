"""What an account has ordered and not paid."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.orders.domain.ids import UserId
from subgraphs.orders.domain.quotas import Usage
from subgraphs.orders.store.tables import is_unpaid, order_items, orders


class QuotaStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def usage(self, user_id: UserId) -> Usage:
        """What the account has unpaid, which no other transaction that asks this adds to before this one ends.

        Two statements: the snapshot of one that waits for the lock is older than what it has waited for.
        """
        key = func.hashtextextended(f"quota of {user_id}", 0)
        await self._connection.execute(select(func.pg_advisory_xact_lock(key)))
        query = (
            select(
                func.count(orders.c.id.distinct()).label("orders"),
                func.coalesce(func.sum(order_items.c.quantity), 0).label("units"),
            )
            .join_from(orders, order_items, order_items.c.order_id == orders.c.id)
            .where(orders.c.user_id == user_id, is_unpaid)
        )
        row = (await self._connection.execute(query)).one()
        return Usage(orders=int(row.orders), units=int(row.units))
