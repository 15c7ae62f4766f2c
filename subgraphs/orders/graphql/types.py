"""The parts of orders as clients see them."""

from datetime import datetime
from typing import Self

import strawberry

from subgraphs.kit.graphql.money import Money
from subgraphs.orders.domain import orders, payments
from subgraphs.orders.domain.shipping import ShippingDetails
from subgraphs.orders.graphql.enums import OrderStatus, PaymentStatus


@strawberry.type(description="Where an order goes and how.")
class Shipping:
    address: str | None
    city: str | None
    state: str | None
    country: str | None
    zip_code: str | None
    method: str | None
    cost: Money
    status: str = strawberry.field(description="pending, shipped or delivered.")
    tracking_number: str | None = strawberry.field(description="Of the parcel, once it is shipped.")

    @classmethod
    def of(cls, order: orders.Order) -> Self | None:
        """None for an order that has neither details nor been sent."""
        if order.shipping is None and order.tracking_number is None:
            return None
        details = order.shipping or ShippingDetails()
        sent = {OrderStatus.SHIPPED: "shipped", OrderStatus.DELIVERED: "delivered"}
        return cls(
            address=details.address,
            city=details.city,
            state=details.state,
            country=details.country,
            zip_code=details.zip_code,
            method=details.method,
            cost=Money.of(order.shipping_cost),
            status=sent.get(order.status, "pending"),
            tracking_number=order.tracking_number,
        )


@strawberry.type(description="The last attempt to pay an order.")
class Payment:
    method: str
    amount: Money
    refunded: Money
    status: PaymentStatus
    transaction_id: str | None = strawberry.field(description="The provider's reference of the capture.")
    paid_at: datetime | None

    @classmethod
    def of(cls, payment: payments.Payment) -> Self:
        return cls(
            method=payment.method,
            amount=Money.of(payment.amount),
            refunded=Money.of(payment.refunded),
            status=payment.status,
            transaction_id=payment.transaction_id,
            paid_at=payment.paid_at,
        )


@strawberry.type(description="How far an order has come.")
class OrderState:
    id: strawberry.ID
    status: OrderStatus
    version: int = strawberry.field(description="That of the order: it grows by one with each change.")
    settled: bool = strawberry.field(
        description="Whether the order shows the same as long as its version is. Not while its money moves."
    )

    @classmethod
    def of(cls, state: orders.OrderState) -> Self:
        return cls(
            id=strawberry.ID(state.id), status=state.status, version=state.version, settled=state.settled
        )


@strawberry.type(description="One change of an order's status.")
class OrderEvent:
    seq: int = strawberry.field(description="Counts 1, 2, 3 … for each order, without a gap.")
    status: OrderStatus
    at: datetime
    actor: str | None = strawberry.field(
        description="The account that caused it; none for the system itself."
    )
    note: str | None

    @classmethod
    def of(cls, event: orders.OrderEvent) -> Self:
        return cls(seq=event.seq, status=event.status, at=event.at, actor=event.actor, note=event.note)
