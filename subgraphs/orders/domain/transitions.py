"""The states of an order, and the one table that says which change may follow which state."""

from enum import StrEnum


class OrderStatus(StrEnum):
    PENDING_STOCK = "PENDING_STOCK"
    AWAITING_PAYMENT = "AWAITING_PAYMENT"
    PAYING = "PAYING"
    PAID = "PAID"
    PROCESSING = "PROCESSING"
    SHIPPED = "SHIPPED"
    DELIVERED = "DELIVERED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    REFUNDED = "REFUNDED"


class Action(StrEnum):
    HOLD = "hold"
    REJECT = "reject"
    PAY = "pay"
    CAPTURE = "capture"
    DECLINE = "decline"
    EXPIRE = "expire"
    CANCEL = "cancel"
    FINISH_CANCEL = "finish_cancel"
    PROCESS = "process"
    SHIP = "ship"
    DELIVER = "deliver"
    REFUND = "refund"
    UPDATE = "update"
    """Of the shipping details. Leads to no other state, so it is none of `TRANSITIONS`."""


_S = OrderStatus
TRANSITIONS: dict[tuple[OrderStatus, Action], OrderStatus] = {
    (_S.PENDING_STOCK, Action.HOLD): _S.AWAITING_PAYMENT,
    (_S.PENDING_STOCK, Action.REJECT): _S.REJECTED,
    (_S.PENDING_STOCK, Action.EXPIRE): _S.EXPIRED,
    (_S.PENDING_STOCK, Action.CANCEL): _S.CANCELLING,
    (_S.AWAITING_PAYMENT, Action.PAY): _S.PAYING,
    (_S.AWAITING_PAYMENT, Action.EXPIRE): _S.EXPIRED,
    (_S.AWAITING_PAYMENT, Action.CANCEL): _S.CANCELLING,
    (_S.PAYING, Action.CAPTURE): _S.PAID,
    (_S.PAYING, Action.DECLINE): _S.AWAITING_PAYMENT,
    (_S.PAYING, Action.EXPIRE): _S.EXPIRED,
    (_S.PAID, Action.CANCEL): _S.CANCELLING,
    (_S.PROCESSING, Action.CANCEL): _S.CANCELLING,
    (_S.CANCELLING, Action.FINISH_CANCEL): _S.CANCELLED,
    (_S.PAID, Action.PROCESS): _S.PROCESSING,
    (_S.PROCESSING, Action.SHIP): _S.SHIPPED,
    (_S.SHIPPED, Action.DELIVER): _S.DELIVERED,
    (_S.PAID, Action.REFUND): _S.REFUNDED,
    (_S.PROCESSING, Action.REFUND): _S.REFUNDED,
    (_S.SHIPPED, Action.REFUND): _S.REFUNDED,
    (_S.DELIVERED, Action.REFUND): _S.REFUNDED,
}
"""Every change there is. What is not here is refused and writes nothing."""

TERMINAL = frozenset({_S.REJECTED, _S.EXPIRED, _S.CANCELLED, _S.REFUNDED, _S.DELIVERED})
"""States in which an order has arrived: nothing is to be waited for. A delivered one may still be refunded."""

UNPAID = (_S.AWAITING_PAYMENT, _S.PAYING, _S.PENDING_STOCK)
"""States in which an order holds stock, or is about to, that nobody has paid."""

UNSHIPPED = frozenset({_S.PAID, _S.PROCESSING})
"""Paid, and the units are still in the house."""

UPDATABLE = frozenset({_S.PENDING_STOCK, _S.AWAITING_PAYMENT}) | UNSHIPPED
"""States in which an order may be sent elsewhere. Not while it is being paid: the amount is with the provider."""

REPRICED = frozenset({_S.PENDING_STOCK, _S.AWAITING_PAYMENT})
"""States in which the total follows the shipping cost: nothing has been paid yet."""

SOLD = frozenset({_S.PAID, _S.PROCESSING, _S.SHIPPED, _S.DELIVERED})
"""States in which the units have left the shop's stock for good."""

CHARGEABLE = frozenset(source for source, _ in TRANSITIONS)
"""States from which money may still be taken or given back."""
