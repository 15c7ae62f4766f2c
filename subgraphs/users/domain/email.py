"""The e-mails that an account's owner gets, as they wait in the queue."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from subgraphs.kit.money import Amount
from subgraphs.users.domain.device import Device


class EmailKind(StrEnum):
    PASSWORD_RESET = "PASSWORD_RESET"  # noqa: S105 - a kind of e-mail
    PASSWORD_CHANGED = "PASSWORD_CHANGED"  # noqa: S105 - same
    EMAIL_CONFIRMATION = "EMAIL_CONFIRMATION"
    EMAIL_CHANGE_REQUESTED = "EMAIL_CHANGE_REQUESTED"
    EMAIL_CHANGED = "EMAIL_CHANGED"
    ORDER_CONFIRMED = "ORDER_CONFIRMED"
    ORDER_PAID = "ORDER_PAID"
    ORDER_SHIPPED = "ORDER_SHIPPED"
    ORDER_DELIVERED = "ORDER_DELIVERED"
    ORDER_REJECTED = "ORDER_REJECTED"
    ORDER_EXPIRED = "ORDER_EXPIRED"
    ORDER_CANCELLED = "ORDER_CANCELLED"
    ORDER_REFUNDED = "ORDER_REFUNDED"


class EmailOutcome(StrEnum):
    SENT = "SENT"
    NOT_NEEDED = "NOT_NEEDED"
    GIVEN_UP = "GIVEN_UP"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNotice:
    """What an e-mail says of an order: `amount` is its total, or what was refunded."""

    number: str
    amount: Amount
    tracking_number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedEmail:
    """An e-mail that is to be composed and sent.

    `device` is where the request came from that it tells of; `change_id` is the change of address that an
    EMAIL_CONFIRMATION confirms, and `order` what a kind ORDER_… tells of; each None for every other kind.
    """

    id: str
    kind: EmailKind
    recipient: str
    device: Device
    change_id: str | None
    order: OrderNotice | None = None
    created_at: datetime
    attempts: int
