"""Live order status."""

from collections.abc import AsyncGenerator

import strawberry

from subgraphs.kit.errors import NotFound, ValidationFailed
from subgraphs.orders.domain import OrderEvent
from subgraphs.orders.graphql.context import Info
from subgraphs.orders.graphql.entities import Order, OrderStatusEvent


@strawberry.type
class Subscription:
    @strawberry.subscription(
        description="Every status of an order after `afterSeq`, each once and in order, from the first one "
        "to the terminal one. For its owner and MANAGE_ORDERS. Ends when the access token does."
    )
    async def order_status(
        self, info: Info, order_id: strawberry.ID, after_seq: int = 0
    ) -> AsyncGenerator[OrderStatusEvent, None]:
        context = info.context
        context.viewer.require_user()
        if after_seq < 0:
            raise ValidationFailed("`afterSeq` counts from 0.", field="afterSeq")
        order = await context.service.order(context.viewer, order_id)
        if order is None:
            raise NotFound(f"There is no order {order_id}.")

        async def read(seq: int) -> list[OrderEvent]:
            return await context.service.events(order.id, after_seq=seq)

        events = context.live.follow(
            order.id, after_seq=after_seq, until=context.viewer.expires_at, read=read
        )
        async for event in events:
            # What was loaded for the event before is old news.
            context.loaders = context.new_loaders()
            now = await context.service.order(context.viewer, order.id)
            if now is not None:
                yield OrderStatusEvent(seq=event.seq, status=event.status, at=event.at, order=Order.of(now))
