"""A report as text: tables for people, CSV for spreadsheets."""

import csv
from collections.abc import Iterable, Sequence
from datetime import datetime
from io import StringIO
from zoneinfo import ZoneInfo

from subgraphs.kit.money import Amount
from subgraphs.kit.text_table import text_table
from subgraphs.orders.domain.reports import (
    CurrencyTotals,
    OrderReport,
    ProductSales,
    ReportInterval,
    StatusCount,
)

_SUMS = ("orders", "units", "sales", "refunds", "refunded", "net")


def tables(report: OrderReport, top: Sequence[ProductSales], states: Sequence[StatusCount]) -> str:
    """The sums, the parts in which there is something, the products and the states."""
    over = report.range
    zone = ZoneInfo(over.timezone)
    begun, ended = (f"{time.astimezone(zone):%Y-%m-%d %H:%M}" for time in (over.start, over.end))
    parts = [f"Sold and given back from {begun} until {ended} ({over.timezone})"]
    if report.totals:
        series = [
            [label(bucket.start, over.interval, zone), *_sums(sums)]
            for bucket, totals in zip(over.buckets, report.series, strict=True)
            for sums in totals.values()
        ]
        numbers = range(2, 8)
        head = ["CURRENCY", *map(str.upper, _SUMS)]
        parts += [
            text_table(
                ["", *head], [["all", *_sums(sums)] for sums in report.totals.values()], numbers=numbers
            ),
            text_table([over.interval.value, *head], series, numbers=numbers),
        ]
    else:
        parts.append("Nothing was sold, and nothing given back.")
    if top:
        rows = [[p.sku, p.name, str(p.orders), str(p.units), _amounts(p.sales)] for p in top]
        parts.append(text_table(["SKU", "PRODUCT", "ORDERS", "UNITS", "SALES"], rows, numbers=(2, 3)))
    if states:
        rows = [[s.status.value, str(s.orders), _amounts(s.totals)] for s in states]
        parts.append(text_table(["STATUS NOW", "PLACED", "TOTAL"], rows, numbers=(1,)))
    return "\n\n".join(parts) + "\n"


def series_as_csv(report: OrderReport) -> str:
    """A row for each part and currency; a part without sales and refunds has a row without a currency."""
    written = StringIO()
    rows = csv.writer(written)
    rows.writerow(("start", "end", "currency", *_SUMS))
    for bucket, totals in zip(report.range.buckets, report.series, strict=True):
        times = (bucket.start.isoformat(), bucket.end.isoformat())
        for sums in totals.values():
            rows.writerow((*times, *_sums(sums)))
        if not totals:
            rows.writerow((*times, "", *[0] * len(_SUMS)))
    return written.getvalue()


def label(start: datetime, interval: ReportInterval, zone: ZoneInfo) -> str:
    """A part's name: its first day, or its month."""
    return f"{start.astimezone(zone):{'%Y-%m' if interval is ReportInterval.MONTH else '%Y-%m-%d'}}"


def _sums(sums: CurrencyTotals) -> list[str]:
    amounts = [str(amount.decimal()) for amount in (sums.sales, sums.refunded, sums.net)]
    return [
        sums.currency,
        str(sums.orders),
        str(sums.units),
        amounts[0],
        str(sums.refunds),
        amounts[1],
        amounts[2],
    ]


def _amounts(amounts: Iterable[Amount]) -> str:
    return ", ".join(f"{amount.decimal()} {amount.currency}" for amount in amounts)
