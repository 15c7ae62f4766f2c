"""How many units of each product are sold, kept as a number and not counted at each reading."""

from collections.abc import Sequence

from sqlalchemy import literal, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.orders.domain.ids import OrderId, ProductId
from subgraphs.orders.domain.transitions import SOLD, OrderStatus
from subgraphs.orders.store.keys import any_of, known_ids
from subgraphs.orders.store.tables import order_items, units_sold


class UnitsSoldStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of_products(self, product_ids: Sequence[ProductId]) -> list[int]:
        query = select(units_sold).where(units_sold.c.product_id == any_of("ids"))
        rows = (await self._connection.execute(query, {"ids": known_ids(product_ids)})).all()
        sold: dict[str, int] = {row.product_id: row.units for row in rows}
        return [sold.get(p, 0) for p in product_ids]

    async def follow(self, order_id: OrderId, *, before: OrderStatus, after: OrderStatus) -> None:
        """Count an order's units where its change of state sells them, or takes them back."""
        sign = (after in SOLD) - (before in SOLD)
        if sign == 0:
            return
        units = (
            # In one order for everybody, so that two orders of the same products never wait for each other.
            select(order_items.c.product_id, order_items.c.quantity * literal(sign))
            .where(order_items.c.order_id == order_id)
            .order_by(order_items.c.product_id)
        )
        statement = upsert(units_sold).from_select(["product_id", "units"], units)
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=["product_id"], set_={"units": units_sold.c.units + statement.excluded.units}
            )
        )
