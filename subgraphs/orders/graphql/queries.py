"""Reading orders."""

import strawberry

from subgraphs.kit.graphql.pagination import Connection
from subgraphs.kit.pagination import DEFAULT_PAGE
from subgraphs.orders.domain import lists
from subgraphs.orders.domain.permissions import Permission
from subgraphs.orders.graphql.context import Info
from subgraphs.orders.graphql.entities import Order
from subgraphs.orders.graphql.enums import ReportInterval
from subgraphs.orders.graphql.inputs import Cursor, OrderFilter
from subgraphs.orders.graphql.reports import From, OrderReport, TimeZone, To
from subgraphs.orders.graphql.types import OrderState
from subgraphs.orders.graphql.webhooks import WebhookQueries


@strawberry.type
class Query(WebhookQueries):
    @strawberry.field(description="One order; null unless it is your own or you hold MANAGE_ORDERS.")
    async def order(self, info: Info, id: strawberry.ID) -> Order | None:
        order = await info.context.service.orders.order(info.context.viewer, id)
        return Order.of(order) if order else None

    @strawberry.field(
        description="How far an order has come, for clients that poll: it costs less than the order itself. Null as for "
        "`order`. To be told without asking, subscribe to `orderStatus`."
    )
    async def order_state(self, info: Info, id: strawberry.ID) -> OrderState | None:
        state = await info.context.service.orders.state(info.context.viewer, id)
        return OrderState.of(state) if state else None

    @strawberry.field(description="Your orders, newest first; with MANAGE_ORDERS, those of all accounts.")
    async def orders(
        self,
        info: Info,
        first: int | None = DEFAULT_PAGE,
        after: Cursor = None,
        filter: OrderFilter | None = None,
    ) -> Connection[Order]:
        where = filter.to_domain() if filter else lists.OrderFilter()
        page = await info.context.service.orders.page(
            info.context.viewer, where=where, first=first, after=after
        )
        return Connection.of(page, Order.of)

    @strawberry.field(description=f"Sales and refunds in a time; needs {Permission.VIEW_REPORTS}.")
    async def order_report(
        self,
        info: Info,
        from_: From,
        to: To,
        interval: ReportInterval | None = ReportInterval.DAY,
        timezone: TimeZone = "UTC",
    ) -> OrderReport:
        report = await info.context.service.reports.order_report(
            info.context.viewer,
            start=from_,
            end=to,
            interval=interval or ReportInterval.DAY,
            timezone=timezone or "UTC",
        )
        return OrderReport.of(report)
