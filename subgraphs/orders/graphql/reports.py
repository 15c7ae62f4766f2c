"""Reports as clients see them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Self

import strawberry

from subgraphs.kit.graphql.bounds import max_length
from subgraphs.kit.graphql.money import Money
from subgraphs.orders.domain import reports
from subgraphs.orders.domain.reports import MAX_TIMEZONE, MAX_TOP_PRODUCTS
from subgraphs.orders.graphql.context import Info
from subgraphs.orders.graphql.entities import Product
from subgraphs.orders.graphql.enums import OrderStatus, ReportInterval

_TOP = 10

TimeZone = Annotated[
    str | None,
    strawberry.argument(
        description="A name of the IANA database, such as Europe/Zurich: where days, weeks and months begin.",
        metadata=max_length(2 * MAX_TIMEZONE),
    ),
]
From = Annotated[datetime, strawberry.argument(name="from", description="The first instant of the report.")]
To = Annotated[
    datetime, strawberry.argument(description="The first instant behind it; at most 3,660 days later.")
]
First = Annotated[int | None, strawberry.argument(description=f"At most {MAX_TOP_PRODUCTS}.")]


@strawberry.type(description="Sums of one currency; nothing is converted.")
class OrderReportTotals:
    currency: str = strawberry.field(description="ISO 4217 code.")
    orders: int = strawberry.field(description="Orders that were paid.")
    units: int = strawberry.field(description="Units in them.")
    sales: Money = strawberry.field(
        description="What was paid for them, shipping included, at the time when the payment was captured. What was "
        "given back since is in `refunded`, and does not lessen this."
    )
    refunds: int = strawberry.field(description="Refunds that were made, whole or in part.")
    refunded: Money = strawberry.field(
        description="What they gave back, at the time when the provider had made them, whenever the order was paid."
    )
    net: Money = strawberry.field(description="`sales` less `refunded`; may be negative.")

    @classmethod
    def of(cls, totals: reports.CurrencyTotals) -> Self:
        return cls(
            currency=totals.currency,
            orders=totals.orders,
            units=totals.units,
            sales=Money.of(totals.sales),
            refunds=totals.refunds,
            refunded=Money.of(totals.refunded),
            net=Money.of(totals.net),
        )

    @classmethod
    def each(cls, totals: Iterable[reports.CurrencyTotals]) -> list[Self]:
        return [cls.of(one) for one in totals]


@strawberry.type(description="A day, week or month of a report.")
class OrderReportBucket:
    start: datetime = strawberry.field(
        description="Local midnight of its first day, or the beginning of the report."
    )
    end: datetime = strawberry.field(description="The start of the next one, or the end of the report.")
    totals: list[OrderReportTotals] = strawberry.field(
        description="By currency; none where nothing was sold or given back."
    )


@strawberry.type(description="What was sold of a product. Refunds name no product, so they do not lessen it.")
class ProductSales:
    product: Product
    product_name: str = strawberry.field(description="As it was in the last sale.")
    sku: str
    orders: int
    units: int
    sales: list[Money] = strawberry.field(
        description="Price times quantity without shipping, in each currency."
    )

    @classmethod
    def of(cls, sales: reports.ProductSales) -> Self:
        return cls(
            product=Product(id=strawberry.ID(sales.product_id)),
            product_name=sales.name,
            sku=sales.sku,
            orders=sales.orders,
            units=sales.units,
            sales=[Money.of(amount) for amount in sales.sales],
        )


@strawberry.type(
    description="Orders that were placed in the time of the report, by the status that they have now."
)
class OrderStatusCount:
    status: OrderStatus
    orders: int
    totals: list[Money] = strawberry.field(description="What they come to, in each currency, paid or not.")

    @classmethod
    def of(cls, count: reports.StatusCount) -> Self:
        return cls(
            status=count.status, orders=count.orders, totals=[Money.of(amount) for amount in count.totals]
        )


@strawberry.type(
    description="What was sold and given back in a time. A sale is a captured payment and counts when it was captured; a "
    "refund counts when it was made."
)
class OrderReport:
    from_: datetime = strawberry.field(name="from")
    to: datetime
    interval: ReportInterval
    timezone: str
    totals: list[OrderReportTotals] = strawberry.field(description="Of the whole time, by currency.")
    series: list[OrderReportBucket] = strawberry.field(
        description="One after the other without a gap, at most 400. Days begin at local midnight, weeks on Monday."
    )
    range: strawberry.Private[reports.ReportRange]

    @strawberry.field(description="The products of which most units were sold, those first.")
    async def top_products(self, info: Info, first: First = _TOP) -> list[ProductSales]:
        found = await info.context.service.reports.top_products(
            info.context.viewer, self.range, first=_TOP if first is None else first
        )
        return [ProductSales.of(sales) for sales in found]

    @strawberry.field(description="Those that there are, in the order of an order's life.")
    async def by_status(self, info: Info) -> list[OrderStatusCount]:
        found = await info.context.service.reports.by_status(info.context.viewer, self.range)
        return [OrderStatusCount.of(count) for count in found]

    @classmethod
    def of(cls, report: reports.OrderReport) -> Self:
        series = zip(report.range.buckets, report.series, strict=True)
        return cls(
            from_=report.range.start,
            to=report.range.end,
            interval=report.range.interval,
            timezone=report.range.timezone,
            totals=OrderReportTotals.each(report.totals.values()),
            series=[
                OrderReportBucket(
                    start=bucket.start, end=bucket.end, totals=OrderReportTotals.each(totals.values())
                )
                for bucket, totals in series
            ],
            range=report.range,
        )
