"""Reports of what was sold, for who may see them."""

from dataclasses import dataclass
from datetime import datetime

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import ValidationFailed
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain.permissions import Permission
from subgraphs.orders.domain.reports import (
    MAX_TOP_PRODUCTS,
    OrderReport,
    ProductSales,
    ReportInterval,
    ReportRange,
    StatusCount,
)
from subgraphs.orders.store.reports import ReportStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """Each use case raises Unauthenticated, or Forbidden without VIEW_REPORTS."""

    postgres: Postgres

    async def order_report(
        self, viewer: Viewer, *, start: datetime, end: datetime, interval: ReportInterval, timezone: str
    ) -> OrderReport:
        """Sums from `start` until before `end`. Raises ValidationFailed for a range that no report has."""
        viewer.require(Permission.VIEW_REPORTS)
        over = ReportRange.of(start, end, interval=interval, timezone=timezone)
        async with self.postgres.read() as connection:
            return OrderReport(range=over, series=tuple(await ReportStore(connection).series(over)))

    async def top_products(self, viewer: Viewer, over: ReportRange, *, first: int) -> list[ProductSales]:
        """The products of which most units were sold. Raises ValidationFailed for more than 100 of them."""
        viewer.require(Permission.VIEW_REPORTS)
        if not 1 <= first <= MAX_TOP_PRODUCTS:
            raise ValidationFailed(f"first must be from 1 to {MAX_TOP_PRODUCTS}", field="first")
        async with self.postgres.read() as connection:
            return await ReportStore(connection).top_products(over, first=first)

    async def by_status(self, viewer: Viewer, over: ReportRange) -> list[StatusCount]:
        viewer.require(Permission.VIEW_REPORTS)
        async with self.postgres.read() as connection:
            return await ReportStore(connection).by_status(over)
