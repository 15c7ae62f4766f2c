"""The domain's enums, made known to the schema before a type that has them is defined."""

import strawberry

from subgraphs.orders.domain.payments import PaymentStatus
from subgraphs.orders.domain.reports import ReportInterval
from subgraphs.orders.domain.transitions import OrderStatus
from subgraphs.orders.domain.webhooks import DeliveryStatus

__all__ = ["DeliveryStatus", "OrderStatus", "PaymentStatus", "ReportInterval"]

strawberry.enum(OrderStatus, description="Where an order stands.")
strawberry.enum(PaymentStatus, description="What became of an attempt to pay.")
strawberry.enum(ReportInterval, description="How long each part of a report is.")
strawberry.enum(DeliveryStatus, name="WebhookDeliveryStatus", description="What became of a delivery.")
