"""Live order status."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import strawberry

from subgraphs.orders.domain.orders import OrderEvent
from subgraphs.orders.graphql.context import Info, OrdersContext
from subgraphs.orders.graphql.entities import Order, OrderStatusEvent


@strawberry.type
class Subscription:
    @strawberry.subscription(
        description="Each status of an order whose `seq` is above `afterSeq`, once and in order, until a terminal "
        "one. For the order's owner, and with MANAGE_ORDERS. Ends when the access token or its session does."
    )
    async def order_status(
        self, info: Info, order_id: strawberry.ID, after_seq: int | None = 0
    ) -> AsyncGenerator[OrderStatusEvent, None]:
        context = info.context
        account = context.viewer.require_user()
        with context.live.admission.subscribed(account):
            events = _changes(context, order_id, after_seq or 0)  # null means from the start, like absent
            # Closed here and not by the garbage collector: a client that goes must not stay subscribed.
            async with aclosing(events):
                async for event in events:
                    yield event


async def _changes(
    context: OrdersContext, order_id: str, after_seq: int
) -> AsyncGenerator[OrderStatusEvent, None]:
    orders = context.service.orders
    order = await orders.to_follow(context.viewer, order_id, after_seq=after_seq)
    if order is None:
        return

    async def read(seq: int) -> list[OrderEvent]:
        return await orders.events(order.id, after_seq=seq)

    events = context.live.follow(
        order.id,
        after_seq=after_seq,
        until=context.viewer.expires_at,
        read=read,
        check=context.check_viewer,  # a session that has ended must not listen on
    )
    async with aclosing(events):
        async for event in events:
            # What was loaded for the event before is old news.
            context.loaders = context.new_loaders()
            await context.check_viewer()
            now = await orders.order(context.viewer, order.id)
            if now is not None:
                yield OrderStatusEvent(seq=event.seq, status=event.status, at=event.at, order=Order.of(now))
