"""The use cases of orders, a class for each noun; each is one unit of work, then the saga's steps."""

from dataclasses import dataclass

from subgraphs.orders.service.amendments import Amendments
from subgraphs.orders.service.cancellations import Cancellations
from subgraphs.orders.service.fulfilment import Fulfilment
from subgraphs.orders.service.orders import Orders, page_of
from subgraphs.orders.service.payment_webhooks import PaymentWebhooks
from subgraphs.orders.service.payments import Payments
from subgraphs.orders.service.placement import Placement
from subgraphs.orders.service.refunds import Refunds
from subgraphs.orders.service.reports import Reports
from subgraphs.orders.service.webhooks import Webhooks

__all__ = [
    "Amendments",
    "Cancellations",
    "Fulfilment",
    "OrderService",
    "Orders",
    "PaymentWebhooks",
    "Payments",
    "Placement",
    "Refunds",
    "Reports",
    "Webhooks",
    "page_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderService:
    orders: Orders
    placement: Placement
    payments: Payments
    amendments: Amendments
    cancellations: Cancellations
    fulfilment: Fulfilment
    refunds: Refunds
    reports: Reports
    webhooks: Webhooks
