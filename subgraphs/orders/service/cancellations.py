"""Cancelling an order."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain.ids import UserId
from subgraphs.orders.domain.orders import CancellationRequest, Order
from subgraphs.orders.domain.texts import check_text
from subgraphs.orders.domain.transitions import Action, OrderStatus
from subgraphs.orders.saga import LEASE, Saga, patience
from subgraphs.orders.service.decisions import decided
from subgraphs.orders.service.visibility import visible_order
from subgraphs.orders.store.orders import OrderStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellations:
    postgres: Postgres
    saga: Saga
    clock: Callable[[], datetime]
    wake_up: Callable[[], None]

    async def cancel(self, viewer: Viewer, order_id: str, *, reason: str | None) -> Order:
        """Cancel an order that is not shipped; what was paid is refunded, held or sold units are given back.

        While an order is being paid the request is recorded, and acted on when the outcome is known.
        Where another service cannot be reached the order comes back as CANCELLING and goes on by itself.
        Raises Unauthenticated, NotFound, IllegalTransition, ValidationFailed.
        """
        began = asyncio.get_running_loop().time()
        actor = UserId(viewer.require_user())
        check_text(reason, field="reason")
        request = CancellationRequest(actor=actor, reason=reason)
        order = await decided(lambda: self._decide(viewer, order_id, request))
        if order.status is OrderStatus.PAYING:
            return order
        self.wake_up()
        return (await self.saga.advance(order, within=patience(began))).order

    async def _decide(self, viewer: Viewer, order_id: str, request: CancellationRequest) -> Order:
        """The order with the request acted on or, while it is being paid, recorded."""
        async with self.postgres.unit_of_work() as connection:
            store = OrderStore(connection)
            order = await visible_order(store, viewer, order_id)
            now = self.clock()
            if order.status is OrderStatus.PAYING:
                return await store.request_cancellation(order, request, now=now)
            return await store.transition(
                order,
                Action.CANCEL,
                now=now,
                resume_at=now + LEASE,
                actor=request.actor,
                note=request.reason,
            )
