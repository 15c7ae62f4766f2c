"""Compensation of a cancelled order: what it took is given back."""

from dataclasses import dataclass

from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain.orders import Order
from subgraphs.orders.domain.payments import PaymentStatus
from subgraphs.orders.domain.transitions import Action
from subgraphs.orders.ports.inventory import Inventory
from subgraphs.orders.saga.refunds import RefundStep
from subgraphs.orders.saga.transitions import Transitions
from subgraphs.orders.store.payments import PaymentStore

_PAID = {PaymentStatus.CAPTURED, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Compensation:
    postgres: Postgres
    transitions: Transitions
    inventory: Inventory
    refunds: RefundStep

    async def run(self, order: Order) -> Order:
        """Refund and restock what was sold, or release what was held; then CANCELLED.

        Raises Unavailable, StaleOrder.
        """
        async with self.postgres.read() as connection:
            [payment] = await PaymentStore(connection).latest_of([order.id])
        if payment is None or payment.status is PaymentStatus.DECLINED:
            await self.inventory.release(order.id)
        elif payment.status in _PAID:
            await self.refunds.give_back(order, payment)
            await self.inventory.restock(order.id)
        else:
            # Only an order whose last attempt is decided can be here.
            raise RuntimeError(f"order {order.id} is cancelled while its payment is {payment.status}")
        return await self.transitions.apply(order, Action.FINISH_CANCEL)
