"""Reports of what was sold."""

import csv
from io import StringIO
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from clients.rest.dependencies import Authenticated
from clients.rest.json_route import JsonRoute
from clients.rest.media_types import CSV, prefers_csv
from clients.rest.models.reports import OrderReport, ReportQuery
from clients.rest.responses import csv_file, ok_varied, refusals

router = APIRouter(prefix="/api/v1/reports", tags=["reports"], route_class=JsonRoute)

_COLUMNS = ("start", "end", "currency", "orders", "units", "sales", "refunds", "refunded", "net")


@router.get(
    "/orders",
    response_model=OrderReport,
    responses={
        **refusals(401, 403, 422),
        200: {
            "description": "As JSON, or where `Accept` prefers `text/csv` the series as that: a row for each part and "
            "currency.",
            "content": {CSV: {"schema": {"type": "string"}}},
        },
    },
    summary="Sales and refunds in a time",
)
async def report_orders(
    query: Annotated[ReportQuery, Query()],
    session: Authenticated,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    """By days, weeks or months of a time zone, for who may view reports."""
    node = await session.query(
        "OrderReport",
        **{"from": query.start.isoformat(), "to": query.end.isoformat()},
        interval=query.interval.name,
        timezone=query.timezone,
        first=query.limit,
    )
    report = OrderReport.model_validate(node)
    if prefers_csv(accept):
        return csv_file(_table(report), name="orders.csv")
    return ok_varied(report)


def _table(report: OrderReport) -> str:
    """The series as CSV; a part without sales and refunds has a row without a currency."""
    written = StringIO()
    rows = csv.DictWriter(written, _COLUMNS, restval=0)
    rows.writeheader()
    for bucket in report.series:
        times = {"start": bucket.start.isoformat(), "end": bucket.end.isoformat()}
        for sums in bucket.totals:
            rows.writerow(times | sums.model_dump())
        if not bucket.totals:
            rows.writerow(times | {"currency": ""})
    return written.getvalue()
