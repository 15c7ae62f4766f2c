"""Orders, their lines and payments, and the one table that says which change may follow which state."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from subgraphs.kit.errors import NotFound, ValidationFailed
from subgraphs.kit.ids import is_id
from subgraphs.kit.money import MAX_MINOR_UNITS, Amount

OrderId = NewType("OrderId", str)
UserId = NewType("UserId", str)
ProductId = NewType("ProductId", str)
AttemptId = NewType("AttemptId", str)

MANAGE_ORDERS = "MANAGE_ORDERS"

MAX_LINES = 100
MAX_QUANTITY = 1000
MAX_TEXT = 200

HOLD_LOST = "hold_lost"
"""The reason of a payment that was never asked for, because its stock was gone."""

# Crockford's base 32: no letter that reads like a digit when a customer spells the number on the phone.
_NUMBER_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


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
}
"""Every change there is. What is not here is refused and writes nothing."""

TERMINAL = frozenset({_S.REJECTED, _S.EXPIRED, _S.CANCELLED, _S.REFUNDED, _S.DELIVERED})
SOLD = frozenset({_S.PAID, _S.PROCESSING, _S.SHIPPED, _S.DELIVERED})
"""States in which the units have left the shop's stock for good."""


class PaymentStatus(StrEnum):
    PENDING = "PENDING"
    AUTHORIZED = "AUTHORIZED"
    CAPTURED = "CAPTURED"
    DECLINED = "DECLINED"
    UNKNOWN = "UNKNOWN"
    REFUNDED = "REFUNDED"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"


@dataclass(frozen=True, slots=True)
class Line:
    """What a customer asks for: some units of one product."""

    product_id: ProductId
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A line of an order, with the name and price that held when its stock was held.

    Until then `name` and `sku` are empty and `price` is zero.
    """

    id: str
    order_id: OrderId
    product_id: ProductId
    quantity: int
    name: str
    sku: str
    price: Amount

    @property
    def total(self) -> Amount:
        return self.price * self.quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where an order goes; every part optional, as documented."""

    address: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None
    zip_code: str | None = None
    method: str | None = None


class RejectionKind(StrEnum):
    SHORTAGE = "SHORTAGE"
    UNKNOWN_PRODUCT = "UNKNOWN_PRODUCT"
    NO_TOTAL = "NO_TOTAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Why an order got no stock; the last three tell of the product that fell short, if it was that."""

    kind: RejectionKind
    message: str
    product_id: ProductId | None = None
    requested: int = 0
    available: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelWish:
    """Who asked, while the order was being paid, that it be cancelled."""

    actor: UserId
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """`resume_at` is when the worker looks at the order next; None where nothing is left to do.

    One that ended with it set still has stock to give back.
    """

    id: OrderId
    number: str
    user_id: UserId
    status: OrderStatus
    subtotal: Amount
    total: Amount
    shipping: Address | None
    version: int
    last_seq: int
    cancel_wish: CancelWish | None
    rejection: Rejection | None
    expires_at: datetime
    resume_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEvent:
    """One change of status. `seq` counts 1, 2, 3 … for each order, without a gap."""

    order_id: OrderId
    seq: int
    status: OrderStatus
    at: datetime
    actor: str | None
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One attempt to pay. `attempt_id` is the provider's idempotency key: never a new one for the same wish.

    `seq` is the event of the order that began it, so attempts have an order whatever the clocks say.
    """

    attempt_id: AttemptId
    order_id: OrderId
    seq: int
    method: str
    token: str
    amount: Amount
    refunded: Amount
    status: PaymentStatus
    transaction_id: str | None
    reason: str | None
    paid_at: datetime | None


def merge_lines(lines: Sequence[Line]) -> tuple[Line, ...]:
    """`lines` with those of one product added up, sorted by product.

    Raises ValidationFailed for no lines, too many, or a quantity outside of 1..1000; NotFound for what
    cannot be the id of a product.
    """
    if not 1 <= len(lines) <= MAX_LINES:
        raise ValidationFailed(f"An order has between 1 and {MAX_LINES} items.", field="items")
    merged: dict[ProductId, int] = {}
    for index, line in enumerate(lines):
        if line.quantity < 1:
            raise ValidationFailed("The quantity must be at least 1.", field=f"items.{index}.quantity")
        merged[line.product_id] = merged.get(line.product_id, 0) + line.quantity
        if merged[line.product_id] > MAX_QUANTITY:
            raise ValidationFailed(
                f"At most {MAX_QUANTITY} units of one product.", field=f"items.{index}.quantity"
            )
    for index, line in enumerate(lines):
        if not is_id(line.product_id):
            raise NotFound(f"There is no such product: items.{index}.productId.")
    return tuple(Line(product, merged[product]) for product in sorted(merged))


def total_of(items: Sequence[Item]) -> Amount:
    """The sum of `items`.

    Raises ValidationFailed where they are priced in several currencies, or come to more than an amount
    may be: 100 lines of 1000 units at the highest price would not fit a bigint.
    """
    if len({item.price.currency for item in items}) > 1:
        raise ValidationFailed(
            "The products are priced in different currencies; order them apart.", field="items"
        )
    total = items[0].total
    for item in items[1:]:
        total = total + item.total
    if total.minor > MAX_MINOR_UNITS:
        raise ValidationFailed("The order comes to more than can be paid; split it.", field="items")
    return total


def check_text(value: str | None, *, field: str, least: int = 0, most: int = MAX_TEXT) -> None:
    """Raises ValidationFailed for text that is too short or too long, or that PostgreSQL cannot keep."""
    if value is None:
        return
    if not least <= len(value) <= most:
        wanted = f"Between {least} and {most} characters." if least else f"At most {most} characters."
        raise ValidationFailed(wanted, field=field)
    if "\0" in value:
        raise ValidationFailed("The text has a NUL character.", field=field)


def new_number(at: datetime) -> str:
    """A number that people can say: `ORD-20260131-7K3M9Q2T`; 40 random bits a day."""
    tail = "".join(secrets.choice(_NUMBER_ALPHABET) for _ in range(8))
    return f"ORD-{at:%Y%m%d}-{tail}"
