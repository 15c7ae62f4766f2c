"""The use cases of orders, a class for each noun; each is one unit of work, then the saga's steps."""

from dataclasses import dataclass

from subgraphs.orders.service.cancellations import Cancellations
from subgraphs.orders.service.orders import Orders, page_of
from subgraphs.orders.service.payments import Payments
from subgraphs.orders.service.placement import Placement

__all__ = ["Cancellations", "OrderService", "Orders", "Payments", "Placement", "page_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderService:
    orders: Orders
    placement: Placement
    payments: Payments
    cancellations: Cancellations
