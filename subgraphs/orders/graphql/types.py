"""The parts of orders as clients see them, and their inputs."""

from datetime import datetime
from typing import Self

import strawberry

from subgraphs.kit.graphql.money import Money
from subgraphs.kit.money import Amount, MinorUnits
from subgraphs.orders import domain
from subgraphs.orders.domain import OrderStatus, PaymentStatus

strawberry.enum(OrderStatus, description="Where an order stands.")
strawberry.enum(PaymentStatus, description="What became of an attempt to pay.")


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
    tracking_number: str | None

    @classmethod
    def of(cls, order: domain.Order, address: domain.Address) -> Self:
        sent = {domain.OrderStatus.SHIPPED: "shipped", domain.OrderStatus.DELIVERED: "delivered"}
        return cls(
            address=address.address,
            city=address.city,
            state=address.state,
            country=address.country,
            zip_code=address.zip_code,
            method=address.method,
            cost=Money.of(Amount(MinorUnits(order.total.minor - order.subtotal.minor), order.total.currency)),
            status=sent.get(order.status, "pending"),
            tracking_number=None,
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
    def of(cls, payment: domain.Payment) -> Self:
        return cls(
            method=payment.method,
            amount=Money.of(payment.amount),
            refunded=Money.of(payment.refunded),
            status=payment.status,
            transaction_id=payment.transaction_id,
            paid_at=payment.paid_at,
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
    def of(cls, event: domain.OrderEvent) -> Self:
        return cls(seq=event.seq, status=event.status, at=event.at, actor=event.actor, note=event.note)


@strawberry.input(description="Some units of one product.")
class OrderItemInput:
    product_id: strawberry.ID
    quantity: int


@strawberry.input(description="Where an order goes and how.")
class ShippingInput:
    address: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None
    zip_code: str | None = None
    method: str | None = None

    def to_domain(self) -> domain.Address:
        return domain.Address(
            address=self.address,
            city=self.city,
            state=self.state,
            country=self.country,
            zip_code=self.zip_code,
            method=self.method,
        )


@strawberry.input
class CreateOrderInput:
    items: list[OrderItemInput] = strawberry.field(description="1 to 100; lines of one product are added up.")
    shipping: ShippingInput | None = None


@strawberry.input
class PayOrderInput:
    method: str = "card"
    token: str = strawberry.field(default="tok_ok", description="The provider's one-time token for the card.")


@strawberry.input(description="Which orders; what is absent does not matter.")
class OrderFilter:
    user_id: strawberry.ID | None = None
    status: list[OrderStatus] | None = None
    from_: datetime | None = strawberry.field(name="from", default=None, description="Placed then or later.")
    to: datetime | None = strawberry.field(default=None, description="Placed before.")
