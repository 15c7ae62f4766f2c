"""The events that orders emit; their wire form is in `schema/events`."""

from subgraphs.kit.events.event import Event
from subgraphs.orders.domain.orders import Order, OrderEvent
from subgraphs.orders.domain.transitions import OrderStatus

SOURCE = "orders"
STATUS_CHANGED = "OrderStatusChanged"

# Milestones that others care about, beside the general change of status.
_MILESTONES = {OrderStatus.PAID: "OrderPaid", OrderStatus.CANCELLED: "OrderCancelled"}


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
    if event.status in _MILESTONES:
        total = {"minor": order.total.minor, "currency": order.total.currency}
        milestone = {"order_id": order.id, "number": order.number, "user_id": order.user_id, "total": total}
        events.append(Event(type=_MILESTONES[event.status], source=SOURCE, key=order.id, data=milestone))
    return events
