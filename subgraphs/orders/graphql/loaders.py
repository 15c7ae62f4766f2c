"""Per-operation loaders: what many resolvers ask for one by one, the service answers at once."""

from strawberry.dataloader import DataLoader

from subgraphs.orders.domain.ids import OrderId, ProductId
from subgraphs.orders.domain.items import OrderItem
from subgraphs.orders.domain.lists import UserOrders
from subgraphs.orders.domain.orders import Order, OrderEvent
from subgraphs.orders.domain.payments import Payment
from subgraphs.orders.domain.webhooks import Attempt, DeliveryId
from subgraphs.orders.service import OrderService


class Loaders:
    def __init__(self, service: OrderService) -> None:
        orders = service.orders
        self.items: DataLoader[OrderId, list[OrderItem]] = DataLoader(orders.items_of)
        self.events: DataLoader[OrderId, list[OrderEvent]] = DataLoader(orders.events_of)
        self.payments: DataLoader[OrderId, Payment | None] = DataLoader(orders.payments_of)
        self.units_sold: DataLoader[ProductId, int] = DataLoader(orders.units_sold)
        self.user_pages: DataLoader[UserOrders, list[Order]] = DataLoader(orders.user_pages)
        self.user_counts: DataLoader[UserOrders, int] = DataLoader(orders.user_counts)
        self.webhook_attempts: DataLoader[DeliveryId, list[Attempt]] = DataLoader(
            service.webhooks.attempts_of
        )
