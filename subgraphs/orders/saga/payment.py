"""Money in: one capture for one attempt to pay, whatever is lost on the way."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.errors import Unavailable
from subgraphs.kit.logs import get_logger
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain.orders import Order
from subgraphs.orders.domain.payments import HOLD_LOST, Payment, PaymentStatus
from subgraphs.orders.domain.transitions import Action
from subgraphs.orders.payments.provider import Captured, Declined, Outcome, OutcomeUnknown, PaymentProvider
from subgraphs.orders.ports.inventory import HoldState, Inventory
from subgraphs.orders.saga.transitions import HOLD_GRACE, Transitions
from subgraphs.orders.store.payments import PaymentStore

log = get_logger(__name__)

_KEPT = {HoldState.PINNED, HoldState.COMMITTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentStep:
    postgres: Postgres
    clock: Callable[[], datetime]
    transitions: Transitions
    inventory: Inventory
    provider: PaymentProvider

    async def collect(self, order: Order) -> Order:
        """Pin the hold, capture, commit the hold: PAID. After the capture nothing is undone, only finished.

        A hold that is lost before the capture makes the order EXPIRED, a decline makes it AWAITING_PAYMENT.
        Raises Unavailable where the outcome is not known yet, StaleOrder.
        """
        async with self.postgres.read() as connection:
            [payment] = await PaymentStore(connection).latest_of([order.id])
        if payment is None:
            raise RuntimeError(f"order {order.id} is being paid without an attempt")
        if payment.status is not PaymentStatus.CAPTURED:
            match await self._outcome(order, payment):
                case None:
                    return await self._lost(order, payment)
                case Declined(reason):
                    return await self._declined(order, payment, reason)
                case Captured(transaction_id):
                    async with self.postgres.unit_of_work() as connection:
                        await PaymentStore(connection).captured(
                            payment.attempt_id, transaction_id=transaction_id, at=self.clock()
                        )
        hold = await self.inventory.commit(order.id)
        paid = await self.transitions.apply(
            order, Action.CAPTURE, leased=order.cancellation_request is not None
        )
        if hold is not HoldState.COMMITTED:
            # A pinned hold does not expire, so somebody has changed the other store by hand. The customer
            # has paid: the order goes on, and people must find the units.
            log.error("paid_without_hold", order_id=order.id, hold=hold.name)
        return paid

    async def _outcome(self, order: Order, payment: Payment) -> Outcome | None:
        """What became of the attempt; None where it was not made, since the hold is gone."""
        if await self.inventory.pin(order.id) in _KEPT:
            return await self._capture(payment)
        # A run before this one may have captured while the hold was there; that payment stands.
        try:
            known = await self.provider.lookup(payment.attempt_id)
        except OutcomeUnknown as error:
            raise await self._unknown(payment) from error
        return known if isinstance(known, Captured) else None

    async def _capture(self, payment: Payment) -> Outcome:
        """The outcome of the attempt under its one key, asked for again where the first answer is lost."""
        try:
            return await self.provider.capture(payment.attempt_id, amount=payment.amount, token=payment.token)
        except OutcomeUnknown:
            log.warning("payment_outcome_unknown", attempt_id=payment.attempt_id)
        try:
            known = await self.provider.lookup(payment.attempt_id)
            if known is not None:
                return known
            return await self.provider.capture(payment.attempt_id, amount=payment.amount, token=payment.token)
        except OutcomeUnknown as error:
            raise await self._unknown(payment) from error

    async def _unknown(self, payment: Payment) -> Unavailable:
        """Record that the outcome is not known; the error that says so."""
        async with self.postgres.unit_of_work() as connection:
            await PaymentStore(connection).unknown(payment.attempt_id)
        return Unavailable("The payment's outcome is not known yet; the order shows it as soon as it is.")

    async def _lost(self, order: Order, payment: Payment) -> Order:
        async def also(connection: AsyncConnection) -> None:
            await PaymentStore(connection).declined(payment.attempt_id, reason=HOLD_LOST)

        note = "the hold was lost before the payment"
        return await self.transitions.apply(order, Action.EXPIRE, leased=True, note=note, also=also)

    async def _declined(self, order: Order, payment: Payment, reason: str) -> Order:
        async def also(connection: AsyncConnection) -> None:
            await PaymentStore(connection).declined(payment.attempt_id, reason=reason)

        declined = await self.transitions.apply(
            order,
            Action.DECLINE,
            leased=order.cancellation_request is not None,
            # The window is what it was: a declined card does not hold stock for longer.
            resume_at=order.expires_at,
            note=f"payment declined: {reason}",
            also=also,
        )
        try:
            await self.inventory.unpin(order.id, expires_at=order.expires_at + HOLD_GRACE)
        except Unavailable:
            # The hold stays pinned until the order is paid, or releases it when its payment window ends.
            log.info("hold_stays_pinned", order_id=order.id)
        return declined
