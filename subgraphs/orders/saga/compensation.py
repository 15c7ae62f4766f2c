"""Compensation of a cancelled order: what it took is given back."""

from dataclasses import dataclass

from subgraphs.kit.errors import Unavailable
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain.orders import Order
from subgraphs.orders.domain.payments import Payment, PaymentStatus, refund_key
from subgraphs.orders.domain.transitions import Action
from subgraphs.orders.payments.provider import OutcomeUnknown, PaymentProvider
from subgraphs.orders.ports.inventory import Inventory
from subgraphs.orders.saga.transitions import Transitions
from subgraphs.orders.store.payments import PaymentStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Compensation:
    postgres: Postgres
    transitions: Transitions
    inventory: Inventory
    provider: PaymentProvider

    async def run(self, order: Order) -> Order:
        """Refund and restock what was sold, or release what was held; then CANCELLED.

        Raises Unavailable, StaleOrder.
        """
        async with self.postgres.read() as connection:
            [payment] = await PaymentStore(connection).latest_of([order.id])
        if payment is None or payment.status is PaymentStatus.DECLINED:
            await self.inventory.release(order.id)
        elif payment.status in {PaymentStatus.CAPTURED, PaymentStatus.REFUNDED}:
            if payment.status is PaymentStatus.CAPTURED:
                await self._refund(order, payment)
            await self.inventory.restock(order.id)
        else:
            # Only an order whose last attempt is decided can be here.
            raise RuntimeError(f"order {order.id} is cancelled while its payment is {payment.status}")
        return await self.transitions.apply(order, Action.FINISH_CANCEL)

    async def _refund(self, order: Order, payment: Payment) -> None:
        try:
            await self.provider.refund(
                refund_key(order.id), capture=payment.attempt_id, amount=payment.amount
            )
        except OutcomeUnknown as error:
            raise Unavailable("The refund is under way; the order shows it when it is through.") from error
        async with self.postgres.unit_of_work() as connection:
            await PaymentStore(connection).refunded(payment)
