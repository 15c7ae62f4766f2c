"""Changing an order after it was placed: where it goes, and how."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import ValidationFailed
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain.errors import IllegalTransition, StaleOrder
from subgraphs.orders.domain.items import price_of
from subgraphs.orders.domain.orders import Order
from subgraphs.orders.domain.shipping import ShippingDetails, ShippingRates
from subgraphs.orders.domain.transitions import REPRICED, UPDATABLE, Action, OrderStatus
from subgraphs.orders.service.decisions import decided
from subgraphs.orders.service.visibility import visible_order
from subgraphs.orders.store.orders import OrderStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendments:
    postgres: Postgres
    rates: ShippingRates
    clock: Callable[[], datetime]

    async def ship_to(
        self, viewer: Viewer, order_id: str, *, shipping: ShippingDetails | None, version: int | None
    ) -> Order:
        """Put `shipping` in the place of the order's shipping details, while it is not shipped.

        The total follows the shipping cost while the order is unpaid; a paid one goes only where that costs the
        same. Raises Unauthenticated, NotFound, ValidationFailed, IllegalTransition, and StaleOrder where the
        order is no longer `version`; without one the last change wins.
        """
        viewer.require_user()
        if shipping is not None:
            shipping.check()
        self.rates.check(shipping)

        async def decide() -> Order:
            async with self.postgres.unit_of_work() as connection:
                order = await _expected(OrderStore(connection), viewer, order_id, version)
                return await self._amend(connection, order, shipping)

        return await (decide() if version is not None else decided(decide))

    async def unchanged(self, viewer: Viewer, order_id: str, *, version: int | None) -> Order:
        """The order, where nothing of it is to be changed. Raises Unauthenticated, NotFound, StaleOrder."""
        viewer.require_user()
        async with self.postgres.read() as connection:
            return await _expected(OrderStore(connection), viewer, order_id, version)

    async def _amend(
        self, connection: AsyncConnection, order: Order, shipping: ShippingDetails | None
    ) -> Order:
        if order.status not in UPDATABLE:
            raise IllegalTransition(order.status, Action.UPDATE)
        if order.shipping == shipping:
            return order
        total = order.total
        # Before its stock is held an order has no currency yet; holding it adds the cost.
        if order.status is not OrderStatus.PENDING_STOCK:
            cost = self.rates.cost(shipping, order.total.currency)
            if order.status in REPRICED:
                total = price_of(order.subtotal, shipping=cost).total
            elif cost != order.shipping_cost:
                raise ValidationFailed(
                    f"The order is paid with {order.shipping_cost.decimal()} {cost.currency} for its shipping; "
                    f"this would cost {cost.decimal()}.",
                    field="shipping",
                )
        return await OrderStore(connection).update_shipping(order, shipping, total=total, now=self.clock())


async def _expected(store: OrderStore, viewer: Viewer, order_id: str, version: int | None) -> Order:
    order = await visible_order(store, viewer, order_id)
    if version not in {None, order.version}:
        raise StaleOrder
    return order
