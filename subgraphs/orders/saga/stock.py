"""Stock: held for a new order, released by one that ended without being paid."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.errors import ValidationFailed
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain.errors import StaleOrder
from subgraphs.orders.domain.ids import OrderId
from subgraphs.orders.domain.items import OrderItem, OrderLine, price_of, total_of
from subgraphs.orders.domain.orders import Order, Rejection, RejectionKind
from subgraphs.orders.domain.shipping import ShippingRates
from subgraphs.orders.domain.transitions import Action, OrderStatus
from subgraphs.orders.ports.inventory import (
    Gone,
    Held,
    Inventory,
    Shortage,
    Snapshot,
    TooManyHolds,
    UnknownProducts,
)
from subgraphs.orders.saga.transitions import HOLD_GRACE, Transitions
from subgraphs.orders.store.due import DueOrderStore
from subgraphs.orders.store.orders import OrderStore


@dataclass(frozen=True, slots=True, kw_only=True)
class StockStep:
    postgres: Postgres
    transitions: Transitions
    inventory: Inventory
    rates: ShippingRates

    async def hold(self, order: Order, items: Sequence[OrderItem] | None) -> Order:
        """Reserve the order's items: AWAITING_PAYMENT with their names and prices, or REJECTED.

        Reads the items where the caller has none. Raises Unavailable, StaleOrder.
        """
        if items is None:
            async with self.postgres.read() as connection:
                items = (await OrderStore(connection).items_of([order.id]))[0]
        lines = [OrderLine(item.product_id, item.quantity) for item in items]
        reply = await self.inventory.reserve(order.id, lines, expires_at=order.expires_at + HOLD_GRACE)
        match reply:
            case Held(snapshots):
                return await self._held(order, items, snapshots)
            case Shortage(product_id=product_id, requested=requested, available=available):
                shortage = Rejection(
                    kind=RejectionKind.SHORTAGE,
                    message=f"Only {available} of {requested} units are available.",
                    product_id=product_id,
                    requested=requested,
                    available=available,
                )
                return await self._reject(order, shortage)
            case UnknownProducts(product_ids):
                message = f"There is no product {', '.join(product_ids)}."
                return await self._reject(
                    order, Rejection(kind=RejectionKind.UNKNOWN_PRODUCT, message=message)
                )
            case TooManyHolds(product_id):
                message = f"Too many orders hold the product {product_id} at the moment; order again in some minutes."
                return await self._reject(
                    order, Rejection(kind=RejectionKind.TOO_MANY_HOLDS, message=message)
                )
            case Gone():
                return await self.transitions.apply(order, Action.EXPIRE, note="the hold was lost")

    async def release(self, order: Order) -> Order:
        """Release what an order that has ended may hold. Raises Unavailable, StaleOrder."""
        await self.inventory.release(order.id)
        async with self.postgres.unit_of_work() as connection:
            await DueOrderStore(connection).settle(order)
        return replace(order, resume_at=None)

    async def _held(self, order: Order, items: Sequence[OrderItem], snapshots: Sequence[Snapshot]) -> Order:
        by_product = {s.product_id: s for s in snapshots}
        priced = [
            replace(i, name=s.name, sku=s.sku, price=s.price)
            for i in items
            for s in [by_product[i.product_id]]
        ]
        try:
            subtotal = total_of(priced)
            price = price_of(subtotal, shipping=self.rates.cost(order.shipping, subtotal.currency))
        except ValidationFailed as error:
            # The hold is released after the rejection is on record: the other way round, a process lost in
            # between would leave an order whose hold is gone for no reason that anybody knows.
            rejection = Rejection(kind=RejectionKind.NO_TOTAL, message=error.message)
            return await self._reject(order, rejection, holds=True)

        async def snapshot(connection: AsyncConnection) -> None:
            await OrderStore(connection).snapshot_items(priced)

        try:
            return await self.transitions.apply(
                order, Action.HOLD, resume_at=order.expires_at, also=snapshot, price=price
            )
        except StaleOrder:
            await self._release_of_rejected(order.id)
            raise

    async def _release_of_rejected(self, order_id: OrderId) -> None:
        """Where another process was refused what this one got a moment later, its rejection stands.

        A process that is lost here leaves a hold that expires by itself.
        """
        async with self.postgres.read() as connection:
            present = await OrderStore(connection).get(order_id)
        if present is not None and present.status is OrderStatus.REJECTED:
            await self.inventory.release(order_id)

    async def _reject(self, order: Order, rejection: Rejection, *, holds: bool = False) -> Order:
        return await self.transitions.apply(
            order, Action.REJECT, leased=holds, note=rejection.message, rejection=rejection
        )
