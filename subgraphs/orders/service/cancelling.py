"""Cancelling an order."""

from dataclasses import dataclass

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import Unavailable
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain import Action, CancelWish, Order, OrderStatus, UserId, check_text
from subgraphs.orders.errors import StaleOrder
from subgraphs.orders.service.reading import visible
from subgraphs.orders.store import OrderStore
from subgraphs.orders.workflow import LEASE, Workflow


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelling:
    postgres: Postgres
    workflow: Workflow

    async def cancel(self, viewer: Viewer, order_id: str, *, reason: str | None) -> Order:
        """Cancel an order that is not shipped; what was paid is refunded, what was held or sold is put back.

        Of an order that is being paid the wish is recorded and acted on when the outcome is known.
        Where another service cannot be reached the order comes back as CANCELLING and goes on by itself.
        Raises Unauthenticated, NotFound, IllegalTransition, ValidationFailed.
        """
        actor = UserId(viewer.require_user())
        check_text(reason, field="reason")
        while True:
            try:
                order = await self._decide(viewer, order_id, CancelWish(actor=actor, reason=reason))
                break
            except StaleOrder:
                continue  # each time somebody else's change went through, so this ends
        if order.status is OrderStatus.PAYING:
            return order
        self.workflow.committed()
        try:
            return await self.workflow.advance(order.id)
        except Unavailable:
            async with self.postgres.read() as connection:
                return await visible(OrderStore(connection), viewer, order.id)

    async def _decide(self, viewer: Viewer, order_id: str, wish: CancelWish) -> Order:
        """The order with the wish acted on or, while it is being paid, recorded."""
        async with self.postgres.unit_of_work() as connection:
            store = OrderStore(connection)
            order = await visible(store, viewer, order_id)
            now = self.workflow.clock()
            if order.status is OrderStatus.PAYING:
                return await store.wish_cancel(order, wish, now=now)
            return await store.transition(
                order, Action.CANCEL, now=now, resume_at=now + LEASE, actor=wish.actor, note=wish.reason
            )
