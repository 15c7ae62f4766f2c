"""Processing, sending and delivering a paid order."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import Conflict, ValidationFailed
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain.orders import Order
from subgraphs.orders.domain.permissions import Permission
from subgraphs.orders.domain.texts import check_text
from subgraphs.orders.domain.transitions import Action, OrderStatus
from subgraphs.orders.service.decisions import decided
from subgraphs.orders.service.visibility import visible_order
from subgraphs.orders.store.orders import OrderStore

MAX_TRACKING_NUMBER = 100

_ACTIONS: Mapping[OrderStatus, Action] = {
    OrderStatus.PROCESSING: Action.PROCESS,
    OrderStatus.SHIPPED: Action.SHIP,
    OrderStatus.DELIVERED: Action.DELIVER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fulfilment:
    postgres: Postgres
    clock: Callable[[], datetime]
    wake_up: Callable[[], None]

    async def move(
        self,
        viewer: Viewer,
        order_id: str,
        *,
        status: OrderStatus,
        tracking_number: str | None,
        note: str | None,
    ) -> Order:
        """Move a paid order one step on: PROCESSING, SHIPPED, DELIVERED. Repeated, it changes nothing.

        Raises Unauthenticated, Forbidden without MANAGE_ORDERS, NotFound, IllegalTransition, Conflict while a
        refund is under way, and ValidationFailed for a status that is not set by hand or for a tracking number
        of what is not sent.
        """
        actor = viewer.require(Permission.MANAGE_ORDERS)
        action = _ACTIONS.get(status)
        if action is None:
            settable = ", ".join(_ACTIONS)
            raise ValidationFailed(
                f"Set {settable}; the others follow from paying, cancelling and refunding.", field="status"
            )
        check_text(tracking_number, field="trackingNumber", least=1, most=MAX_TRACKING_NUMBER)
        if tracking_number is not None and action is not Action.SHIP:
            raise ValidationFailed("Only what is SHIPPED has a tracking number.", field="trackingNumber")
        check_text(note, field="note")

        async def decide() -> Order:
            async with self.postgres.unit_of_work() as connection:
                store = OrderStore(connection)
                order = await visible_order(store, viewer, order_id)
                if order.status is status and tracking_number in {None, order.tracking_number}:
                    return order
                if order.resume_at is not None and order.status in {OrderStatus.PAID, OrderStatus.PROCESSING}:
                    raise Conflict("A refund of the order is under way; try again when it is through.")
                return await store.transition(
                    order,
                    action,
                    now=self.clock(),
                    resume_at=order.resume_at,
                    actor=actor,
                    note=note,
                    tracking_number=tracking_number,
                )

        moved = await decided(decide)
        self.wake_up()
        return moved
