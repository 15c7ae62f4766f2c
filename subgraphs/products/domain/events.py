"""Events of the products service, as `schema/events` describes them. The key is what the event is about."""

from collections.abc import Iterable

from subgraphs.kit.events.event import Event
from subgraphs.products.domain.products import ProductId
from subgraphs.products.domain.reservations import OrderId, ReservationLine

SOURCE = "products"
READERS = ("orders.webhooks",)
"""The groups of which each is to get every event of products, also those from before it first ran."""


def product_updated(product_id: ProductId, *, version: int, change: str, actor: str | None = None) -> Event:
    """`change` is `created`, `updated` or `deleted`; `actor` is who did it, where that is known."""
    data = {"product_id": product_id, "version": version, "change": change, "actor": actor}
    return Event(type="ProductUpdated", source=SOURCE, key=product_id, data=data)


def stock_adjusted(product_id: ProductId, *, delta: int, reason: str | None, actor: str) -> Event:
    """The record of a movement that no order caused."""
    data = {"product_id": product_id, "delta": delta, "reason": reason, "actor": actor}
    return Event(type="StockAdjusted", source=SOURCE, key=product_id, data=data)


def stock_reserved(order_id: OrderId, lines: Iterable[ReservationLine]) -> Event:
    data = {"order_id": order_id, "items": _items(lines)}
    return Event(type="StockReserved", source=SOURCE, key=order_id, data=data)


def stock_released(order_id: OrderId, lines: Iterable[ReservationLine], *, reason: str) -> Event:
    """`reason` is `released`, `expired` or `restocked`."""
    data = {"order_id": order_id, "items": _items(lines), "reason": reason}
    return Event(type="StockReleased", source=SOURCE, key=order_id, data=data)


def _items(lines: Iterable[ReservationLine]) -> list[dict[str, str | int]]:
    return [{"product_id": line.product_id, "quantity": line.quantity} for line in lines]
