"""Orders and the history of their states."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from subgraphs.kit.money import Amount, MinorUnits
from subgraphs.orders.domain.ids import OrderId, ProductId, UserId
from subgraphs.orders.domain.shipping import ShippingDetails
from subgraphs.orders.domain.transitions import SOLD, OrderStatus


class RejectionKind(StrEnum):
    SHORTAGE = "SHORTAGE"
    UNKNOWN_PRODUCT = "UNKNOWN_PRODUCT"
    TOO_MANY_HOLDS = "TOO_MANY_HOLDS"
    NO_TOTAL = "NO_TOTAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Why an order got no stock. The last three fields are those of a shortage: of which product, and how much."""

    kind: RejectionKind
    message: str
    product_id: ProductId | None = None
    requested: int = 0
    available: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CancellationRequest:
    """Who asked, while the order was being paid, that it be cancelled."""

    actor: UserId
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """`resume_at` is when the resume job looks at the order next; None where nothing is left to do.

    An order in a terminal state whose `resume_at` is set still has stock to give back, one in a state of `SOLD`
    money.
    """

    id: OrderId
    number: str
    user_id: UserId
    status: OrderStatus
    subtotal: Amount
    total: Amount
    shipping: ShippingDetails | None
    tracking_number: str | None
    version: int
    last_seq: int
    cancellation_request: CancellationRequest | None
    rejection: Rejection | None
    expires_at: datetime
    resume_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @property
    def shipping_cost(self) -> Amount:
        return Amount(MinorUnits(self.total.minor - self.subtotal.minor), self.total.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderState:
    """How far an order has come, and who may know.

    As long as the version is the same a settled order shows the same. One that is not has money on its way: the
    payment in it changes by itself.
    """

    id: OrderId
    user_id: UserId
    status: OrderStatus
    version: int
    settled: bool

    @classmethod
    def of(cls, order: Order) -> Self:
        refunding = order.status in SOLD and order.resume_at is not None
        return cls(
            id=order.id,
            user_id=order.user_id,
            status=order.status,
            version=order.version,
            settled=not refunding and order.status not in {OrderStatus.PAYING, OrderStatus.CANCELLING},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEvent:
    """One change of status. `seq` counts 1, 2, 3 … for each order, without a gap."""

    order_id: OrderId
    seq: int
    status: OrderStatus
    at: datetime
    actor: str | None
    note: str | None
