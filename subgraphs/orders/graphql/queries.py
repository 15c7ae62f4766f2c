"""Reading orders."""

import strawberry

from subgraphs.kit.graphql.pagination import Connection
from subgraphs.kit.pagination import DEFAULT_PAGE, page_size
from subgraphs.orders.domain import UserId
from subgraphs.orders.graphql.context import Info
from subgraphs.orders.graphql.entities import Order, cursor_of
from subgraphs.orders.graphql.types import OrderFilter
from subgraphs.orders.store import Filter


@strawberry.type
class Query:
    @strawberry.field(description="One order, for its owner and MANAGE_ORDERS; null for everybody else.")
    async def order(self, info: Info, id: strawberry.ID) -> Order | None:
        order = await info.context.service.reading.order(info.context.viewer, id)
        return Order.of(order) if order else None

    @strawberry.field(description="Your orders, newest first; those of all with MANAGE_ORDERS.")
    async def orders(
        self,
        info: Info,
        first: int | None = DEFAULT_PAGE,
        after: str | None = None,
        filter: OrderFilter | None = None,
    ) -> Connection[Order]:
        page = await info.context.service.reading.orders(
            info.context.viewer, where=_where(filter), first=page_size(first), after=cursor_of(after)
        )
        return Connection.of(page, Order.of)


def _where(given: OrderFilter | None) -> Filter:
    if given is None:
        return Filter()
    return Filter(
        user_id=UserId(given.user_id) if given.user_id is not None else None,
        statuses=tuple(given.status) if given.status is not None else None,
        created_from=given.from_,
        created_to=given.to,
    )
