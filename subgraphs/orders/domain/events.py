"""The events that orders emit; their wire form is in `schema/events`."""

from typing import Any

from subgraphs.kit.events.event import Event
from subgraphs.kit.money import Amount
from subgraphs.orders.domain.ids import UserId
from subgraphs.orders.domain.orders import Order, OrderEvent
from subgraphs.orders.domain.refunds import Refund
from subgraphs.orders.domain.transitions import OrderStatus

SOURCE = "orders"
STATUS_CHANGED = "OrderStatusChanged"
READERS = ("users.order_email", "users.order_activity", "orders.webhooks")
"""The groups of which each is to get every event of orders, also those from before it first ran."""

# Milestones that others care about, beside the general change of status.
_MILESTONES = {
    OrderStatus.PAID: "OrderPaid",
    OrderStatus.SHIPPED: "OrderShipped",
    OrderStatus.DELIVERED: "OrderDelivered",
    OrderStatus.REJECTED: "OrderRejected",
    OrderStatus.EXPIRED: "OrderExpired",
    OrderStatus.CANCELLED: "OrderCancelled",
}
# Only the first time: an order is back in that state when a payment was declined.
_CONFIRMED = (OrderStatus.AWAITING_PAYMENT, 2)


def created(order: Order) -> Event:
    data = {"order_id": order.id, "number": order.number, "user_id": order.user_id}
    return Event(type="OrderCreated", source=SOURCE, key=order.id, data=data)


def status_changed(order: Order, event: OrderEvent) -> list[Event]:
    """`OrderStatusChanged`, and the milestone that the new status is, if it is one."""
    data = {
        "order_id": order.id,
        "user_id": order.user_id,
        "seq": event.seq,
        "status": event.status.value,
        "at": event.at,
    }
    events = [Event(type=STATUS_CHANGED, source=SOURCE, key=order.id, data=data)]
    if milestone := _milestone(event):
        about: dict[str, Any] = {"order_id": order.id, "number": order.number, "user_id": order.user_id}
        about["total"] = _money(order.total)
        if event.status is OrderStatus.SHIPPED:
            about["tracking_number"] = order.tracking_number
        events.append(Event(type=milestone, source=SOURCE, key=order.id, data=about))
    return events


def refunded(refund: Refund, *, number: str, user_id: UserId) -> Event:
    """Money has gone back to the customer of the order `number`."""
    data = {
        "order_id": refund.order_id,
        "number": number,
        "user_id": user_id,
        "amount": _money(refund.amount),
    }
    return Event(type="OrderRefunded", source=SOURCE, key=refund.order_id, data=data)


def _milestone(event: OrderEvent) -> str | None:
    if (event.status, event.seq) == _CONFIRMED:
        return "OrderConfirmed"
    return _MILESTONES.get(event.status)


def _money(amount: Amount) -> dict[str, object]:
    return {"minor": amount.minor, "currency": amount.currency}
