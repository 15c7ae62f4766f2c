"""Cancelling: what the order took goes back."""

from dataclasses import dataclass

from subgraphs.kit.errors import Unavailable
from subgraphs.orders.domain import Action, Order, Payment, PaymentStatus
from subgraphs.orders.inventory import Inventory
from subgraphs.orders.payment_store import PaymentStore
from subgraphs.orders.provider import OutcomeUnknown, PaymentProvider
from subgraphs.orders.workflow.moves import Moves


@dataclass(frozen=True, slots=True, kw_only=True)
class Undoing:
    moves: Moves
    inventory: Inventory
    provider: PaymentProvider

    async def undo(self, order: Order) -> None:
        """Give back money and sold units, or the held units; then CANCELLED."""
        payment = await self.moves.payment_of(order)
        if payment is None or payment.status is PaymentStatus.DECLINED:
            await self.inventory.release(order.id)
        elif payment.status in {PaymentStatus.CAPTURED, PaymentStatus.REFUNDED}:
            if payment.status is PaymentStatus.CAPTURED:
                await self._refund(order, payment)
            await self.inventory.restock(order.id)
        else:
            # Only an order whose last attempt is decided can be here.
            raise RuntimeError(f"order {order.id} is cancelled while its payment is {payment.status}")
        await self.moves.take(order, Action.FINISH_CANCEL)

    async def _refund(self, order: Order, payment: Payment) -> None:
        try:
            await self.provider.refund(
                f"refund:{order.id}", capture=payment.attempt_id, amount=payment.amount
            )
        except OutcomeUnknown as error:
            raise Unavailable("The refund is under way; the order shows it when it is through.") from error
        async with self.moves.postgres.unit_of_work() as connection:
            await PaymentStore(connection).refunded(payment)
