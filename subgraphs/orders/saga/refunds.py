"""Money out: each refund that is on record is made once, whatever is lost on the way."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from subgraphs.kit.errors import Unavailable
from subgraphs.kit.logs import get_logger
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain.orders import Order
from subgraphs.orders.domain.payments import Payment
from subgraphs.orders.domain.refunds import Refund, RefundStatus, cancellation_key, late_capture_key, left_of
from subgraphs.orders.domain.transitions import UNSHIPPED, Action
from subgraphs.orders.payments.provider import OutcomeUnknown, PaymentProvider, provider_of
from subgraphs.orders.ports.inventory import Inventory
from subgraphs.orders.saga.transitions import Transitions
from subgraphs.orders.store.orders import OrderStore
from subgraphs.orders.store.payments import PaymentStore
from subgraphs.orders.store.refunds import RefundStore

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundStep:
    postgres: Postgres
    clock: Callable[[], datetime]
    transitions: Transitions
    inventory: Inventory
    provider: PaymentProvider | None

    async def run(self, order: Order) -> Order:
        """Make the refunds that staff asked for: REFUNDED where they come to all that was paid.

        Units that were not shipped go back into stock with the last of the money; shipped ones are counted in by
        people, when they come back. Once all is promised only a cancellation can change the order's state, and
        that gives back the same. Raises Unavailable, StaleOrder.
        """
        async with self.postgres.read() as connection:
            [payment] = await PaymentStore(connection).latest_of([order.id])
            if payment is None:
                raise RuntimeError(f"order {order.id} is {order.status} without a payment")
            refunds = await RefundStore(connection).of_payment(payment)
        await self._make(refunds)
        if left_of(payment, refunds).minor == 0:
            if order.status in UNSHIPPED:
                await self.inventory.restock(order.id)
            last = refunds[-1]
            return await self.transitions.apply(order, Action.REFUND, actor=last.actor, note=last.reason)
        async with self.postgres.unit_of_work() as connection:
            return await OrderStore(connection).finish_refunds(order, now=self.clock())

    async def give_back(self, order: Order, payment: Payment) -> None:
        """Make the refunds that are on record, and the one of the rest that a cancellation owes.

        Raises Unavailable.
        """
        async with self.postgres.unit_of_work() as connection:
            store = RefundStore(connection)
            refunds = await store.of_payment(payment)
            left = left_of(payment, refunds)
            if left.minor:
                rest = Refund.pending(payment, left, key=cancellation_key(order.id), at=self.clock())
                await store.insert(rest)
                refunds.append(rest)
        await self._make(refunds)

    async def _make(self, refunds: list[Refund]) -> None:
        for refund in refunds:
            if refund.status is not RefundStatus.DONE:
                await self.make(refund)

    async def make(self, refund: Refund) -> None:
        """Have the provider give back what is on record. Raises Unavailable."""
        async with self.postgres.read() as connection:
            payment = await PaymentStore(connection).get(refund.attempt_id)
        if payment is None or payment.reference is None:
            raise RuntimeError(f"the refund {refund.key} is of a payment that no provider has")
        try:
            provider = provider_of(self.provider, payment.provider)
            await provider.refund(refund.key, reference=payment.reference, amount=refund.amount)
        except OutcomeUnknown as error:
            log.warning("refund_outcome_unknown", key=refund.key, error=str(error))
            raise Unavailable("The refund is under way; the order shows it when it is through.") from error
        async with self.postgres.unit_of_work() as connection:
            now = self.clock()
            # A refund that its order waits for ends in another version of it, which the order's own step makes.
            if await RefundStore(connection).done(refund, at=now) and refund.key == late_capture_key(
                refund.attempt_id
            ):
                await OrderStore(connection).show_anew(refund.order_id, now=now)
