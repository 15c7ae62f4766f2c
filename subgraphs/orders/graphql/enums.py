"""The domain's enums, as the schema shows them."""

import strawberry

from subgraphs.orders.domain import payments, transitions

OrderStatus = strawberry.enum(transitions.OrderStatus, description="Where an order stands.")
PaymentStatus = strawberry.enum(payments.PaymentStatus, description="What became of an attempt to pay.")
