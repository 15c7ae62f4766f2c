"""Putting a capture on record: as the order's payment, or as money that goes back."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from subgraphs.kit.errors import Unavailable
from subgraphs.kit.logs import get_logger
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain.payments import Payment
from subgraphs.orders.domain.refunds import Refund, late_capture_key
from subgraphs.orders.payments.provider import (
    Captured,
    Declined,
    OutcomeUnknown,
    PaymentProvider,
    provider_of,
)
from subgraphs.orders.store.orders import OrderStore
from subgraphs.orders.store.payments import PaymentStore
from subgraphs.orders.store.refunds import RefundStore

log = get_logger(__name__)

LATE = "captured after the attempt was written off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Captures:
    postgres: Postgres
    clock: Callable[[], datetime]
    wake_up: Callable[[], None]
    """Called when a refund is due that no order waits for."""

    async def record(self, payment: Payment, captured: Captured) -> bool:
        """Whether the capture pays for the order, however often it is told.

        One that comes after its attempt was written off does not: its order may be gone, or paid by another attempt.
        All of it is given back, under the one key of that attempt.
        """
        async with self.postgres.unit_of_work() as connection:
            now = self.clock()
            late = await PaymentStore(connection).captured(
                payment.attempt_id, transaction_id=captured.transaction_id, at=now
            )
            if late is not None:
                key = late_capture_key(late.attempt_id)
                refund = Refund.pending(late, late.amount, key=key, at=now, reason=LATE, due_at=now)
                await RefundStore(connection).insert(refund)
                await OrderStore(connection).show_anew(late.order_id, now=now)
        if late is None:
            return True
        log.warning("captured_late", order_id=late.order_id, attempt_id=late.attempt_id)
        self.wake_up()
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class LateCaptures:
    provider: PaymentProvider | None
    captures: Captures

    async def find(self, payment: Payment) -> None:
        """Ask what became of an attempt that was written off, and have what was taken given back.

        What is only reserved there is let go. Raises Unavailable.
        """
        if payment.reference is None:
            return
        try:
            provider = provider_of(self.provider, payment.provider)
            state = await provider.status(payment.reference)
            if not isinstance(state, Captured | Declined):
                state = await provider.cancel(payment.reference, key=payment.attempt_id)
        except OutcomeUnknown as error:
            raise Unavailable(f"What became of the payment {payment.attempt_id} is not known.") from error
        if isinstance(state, Captured):
            await self.captures.record(payment, state)
