"""Money that goes back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from subgraphs.kit.errors import Conflict, ValidationFailed
from subgraphs.kit.money import Amount, MinorUnits
from subgraphs.orders.domain.ids import AttemptId, OrderId
from subgraphs.orders.domain.payments import Payment

REFUND_KEY_PREFIX = "refund:"


class RefundStatus(StrEnum):
    PENDING = "PENDING"
    DONE = "DONE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Some or all of one capture. On record before the provider is asked; `key` is its idempotency key there.

    `due_at` is when the job of late captures makes it; None for a refund that its order's saga makes.
    """

    key: str
    order_id: OrderId
    attempt_id: AttemptId
    amount: Amount
    status: RefundStatus
    actor: str | None
    reason: str | None
    created_at: datetime
    due_at: datetime | None = None

    @classmethod
    def pending(
        cls,
        payment: Payment,
        amount: Amount,
        *,
        key: str,
        at: datetime,
        actor: str | None = None,
        reason: str | None = None,
        due_at: datetime | None = None,
    ) -> Self:
        """A refund of `amount` of `payment` that the provider has not been asked for yet."""
        return cls(
            key=key,
            order_id=payment.order_id,
            attempt_id=payment.attempt_id,
            amount=amount,
            status=RefundStatus.PENDING,
            actor=actor,
            reason=reason,
            created_at=at,
            due_at=due_at,
        )


def cancellation_key(order_id: OrderId) -> str:
    """The key of the refund that a cancellation owes: one for each order."""
    return f"{REFUND_KEY_PREFIX}{order_id}"


def refund_key(order_id: OrderId, refund_id: str) -> str:
    """The key of a refund that staff ask for. Begins with the order's, whose charges are kept for as long."""
    return f"{cancellation_key(order_id)}:{refund_id}"


def late_capture_key(attempt_id: AttemptId) -> str:
    """The key of the refund of a capture that came after its attempt was written off: one for each attempt."""
    return f"{REFUND_KEY_PREFIX}{attempt_id}"


def left_of(payment: Payment, refunds: Sequence[Refund]) -> Amount:
    """What of `payment`, whose refunds those are, is neither given back nor promised to be."""
    promised = sum(refund.amount.minor for refund in refunds)
    return Amount(MinorUnits(payment.amount.minor - promised), payment.amount.currency)


def check_refund(amount: Amount, *, left: Amount) -> None:
    """Raises Conflict where nothing is left to refund, ValidationFailed for nothing or more than is left."""
    if left.minor == 0:
        raise Conflict("A refund of all that was paid is under way.")
    if not 1 <= amount.minor <= left.minor:
        raise ValidationFailed(
            f"The amount must be above 0 and at most {left.decimal()} {left.currency}, which is left to refund.",
            field="amount",
        )
