"""Attempts to pay an order."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from subgraphs.kit.money import Amount
from subgraphs.orders.domain.ids import AttemptId, OrderId

HOLD_LOST = "hold_lost"
"""The reason of a payment that was never asked for, because its stock was gone."""


class PaymentStatus(StrEnum):
    PENDING = "PENDING"
    AUTHORIZED = "AUTHORIZED"
    CAPTURED = "CAPTURED"
    DECLINED = "DECLINED"
    UNKNOWN = "UNKNOWN"
    REFUNDED = "REFUNDED"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"


OPEN = frozenset({PaymentStatus.PENDING, PaymentStatus.AUTHORIZED, PaymentStatus.UNKNOWN})
"""Statuses of an attempt whose outcome is still to come."""

SALES = (PaymentStatus.CAPTURED, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED)
"""Money was taken, whatever was given back since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One attempt to pay. `attempt_id` is the provider's idempotency key: the same however often it is sent.

    `seq` is the event of the order that began it, so attempts have an order whatever the clocks say. `reference` is
    what the provider calls the payment, once it knows of it.
    """

    attempt_id: AttemptId
    order_id: OrderId
    seq: int
    method: str
    token: str
    provider: str
    reference: str | None
    amount: Amount
    refunded: Amount
    status: PaymentStatus
    transaction_id: str | None
    reason: str | None
    paid_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentEvent:
    """What a provider told of its own accord, of the payment that it calls `reference`, where it is of one."""

    provider: str
    event_id: str
    type: str
    reference: str | None
    received_at: datetime
