"""Money in: one capture for one attempt to pay, whatever is lost on the way."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.errors import Unavailable
from subgraphs.kit.logs import get_logger
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain.errors import StaleOrder
from subgraphs.orders.domain.orders import Order
from subgraphs.orders.domain.payments import HOLD_LOST, Payment, PaymentStatus
from subgraphs.orders.domain.transitions import Action
from subgraphs.orders.payments.provider import (
    Authorised,
    Captured,
    Declined,
    Open,
    OutcomeUnknown,
    PaymentProvider,
    State,
    provider_of,
)
from subgraphs.orders.ports.inventory import HoldState, Inventory
from subgraphs.orders.saga.captures import Captures
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
    provider: PaymentProvider | None
    captures: Captures

    async def collect(self, order: Order) -> Order:
        """Pin the hold, authorise, capture, commit the hold: PAID. After the capture nothing is undone, only finished.

        A hold that is lost before the capture makes the order EXPIRED, a decline makes it AWAITING_PAYMENT.
        Raises Unavailable where the outcome is not known yet, StaleOrder.
        """
        async with self.postgres.read() as connection:
            [payment] = await PaymentStore(connection).latest_of([order.id])
        if payment is None:
            raise RuntimeError(f"order {order.id} is being paid without an attempt")
        if payment.status is not PaymentStatus.CAPTURED:
            held = await self.inventory.pin(order.id) in _KEPT
            try:
                outcome = await (self._charge(order, payment) if held else self._give_up(payment))
            except OutcomeUnknown as error:
                raise await self._unknown(payment, error) from error
            match outcome:
                case Captured() if not await self.captures.record(payment, outcome):
                    raise StaleOrder  # written off meanwhile
                case Declined(reason) if held:
                    return await self._declined(order, payment, reason)
                case Declined():
                    return await self._lost(order, payment)
        hold = await self.inventory.commit(order.id)
        paid = await self.transitions.apply(
            order, Action.CAPTURE, leased=order.cancellation_request is not None
        )
        if hold is not HoldState.COMMITTED:
            # A pinned hold does not expire, so somebody has changed the other store by hand. The customer
            # has paid: the order goes on, and people must find the units.
            log.error("paid_without_hold", order_id=order.id, hold=hold.name)
        return paid

    async def _charge(self, order: Order, payment: Payment) -> Captured | Declined:
        """The outcome of the attempt, asked for again where the first answer is lost. Raises OutcomeUnknown."""
        provider = provider_of(self.provider, payment.provider)
        reference = payment.reference
        if reference is None:
            made = await provider.initiate(payment.attempt_id, amount=payment.amount, token=payment.token)
            if isinstance(made, Declined):
                return made
            # On record before money may move: from here on whoever writes the attempt off can stop it there.
            async with self.postgres.unit_of_work() as connection:
                reference = await PaymentStore(connection).initiated(
                    payment.attempt_id, reference=made.reference
                )
        if payment.status is PaymentStatus.PENDING:
            try:
                return await _carry_on(provider, Open(), reference, payment)
            except OutcomeUnknown as error:
                log.warning("payment_outcome_unknown", attempt_id=payment.attempt_id, error=str(error))
        state = await provider.status(reference)
        if isinstance(state, Open) and self.clock() > order.expires_at + HOLD_GRACE:
            # The provider has failed for as long as the customer had to pay. They may try again, or go elsewhere.
            return await provider.cancel(reference, key=payment.attempt_id)
        return await _carry_on(provider, state, reference, payment)

    async def _give_up(self, payment: Payment) -> Captured | Declined:
        """Make sure that nothing is charged, since the hold is gone. Raises OutcomeUnknown.

        A run before this one may have captured while the hold was there; that payment stands.
        """
        if payment.reference is None:
            return Declined(HOLD_LOST)
        provider = provider_of(self.provider, payment.provider)
        return await provider.cancel(payment.reference, key=payment.attempt_id)

    async def _unknown(self, payment: Payment, error: OutcomeUnknown) -> Unavailable:
        """Record that the outcome is not known; the error that says so."""
        log.warning("payment_outcome_unknown", attempt_id=payment.attempt_id, error=str(error))
        async with self.postgres.unit_of_work() as connection:
            await PaymentStore(connection).unknown(payment.attempt_id)
        return Unavailable("The payment's outcome is not known yet; the order shows it as soon as it is.")

    async def _lost(self, order: Order, payment: Payment) -> Order:
        async def also(connection: AsyncConnection) -> None:
            # Without a reference nobody was told to stop: whoever has one by now must be asked first.
            await PaymentStore(connection).declined(
                payment.attempt_id, reason=HOLD_LOST, unless_initiated=payment.reference is None
            )

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


async def _carry_on(
    provider: PaymentProvider, state: State, reference: str, payment: Payment
) -> Captured | Declined:
    """Authorise and capture what is still to be, from `state` on. Raises OutcomeUnknown."""
    if isinstance(state, Open):
        state = await provider.authorise(reference, key=payment.attempt_id)
    if isinstance(state, Authorised):
        state = await provider.capture(reference, key=payment.attempt_id)
    if isinstance(state, Captured | Declined):
        return state
    raise OutcomeUnknown(f"the payment {reference} is {type(state).__name__.lower()} after it was captured")
