"""The use cases of orders; each is one unit of work, then the steps that need other services."""

from dataclasses import dataclass

from subgraphs.orders.service.cancelling import Cancelling
from subgraphs.orders.service.paying import Paying
from subgraphs.orders.service.placing import Placing
from subgraphs.orders.service.reading import Reading, may_see, page_of

__all__ = ["Cancelling", "OrderService", "Paying", "Placing", "Reading", "may_see", "page_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderService:
    reading: Reading
    placing: Placing
    paying: Paying
    cancelling: Cancelling
