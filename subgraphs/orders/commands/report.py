"""`report`: what was sold and given back, as a table, as CSV and as a chart."""

import argparse
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.cli import Command, file_named, typed_by
from subgraphs.kit.errors import StartError, ValidationFailed
from subgraphs.orders.commands.report_chart import chart
from subgraphs.orders.commands.report_text import series_as_csv, tables
from subgraphs.orders.domain.permissions import Permission
from subgraphs.orders.domain.reports import MAX_TOP_PRODUCTS, ReportInterval, zone_named
from subgraphs.orders.service import Reports
from subgraphs.orders.settings import OrdersSettings

OpenReports = Callable[[OrdersSettings], AbstractAsyncContextManager[Reports]]

_DAYS = 30
_DESCRIPTION = """\
Show what was sold and given back, by days, weeks or months. A sale is a captured payment and counts when it was
captured; a refund counts when it was made. Nothing is converted between currencies.
"""
_EPILOG = """\
examples:
  supergraph report
  supergraph report --from 2026-01-01 --to 2026-04-01 --interval month --timezone Europe/Zurich
  supergraph report --csv > orders.csv
  supergraph report --interval week --chart orders.svg

The supergraph must run, since its database does; --data FOLDER says which one, ORDERS_DATABASE_URL another database.
"""


def command(open_reports: OpenReports) -> Command:
    async def run(settings: OrdersSettings, options: argparse.Namespace) -> None:
        await _run(open_reports, settings, options, now=datetime.now(UTC))

    return Command(help="show what was sold and given back", run=run, add_arguments=_arguments)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    parser.add_argument(
        "--from",
        dest="start",
        metavar="TIME",
        type=_time,
        help="a date, which begins at its midnight in the time zone, or a time of RFC 3339 (default: "
        f"{_DAYS} days before today)",
    )
    parser.add_argument(
        "--to",
        dest="end",
        metavar="TIME",
        type=_time,
        help="until before that (default: the end of today)",
    )
    parser.add_argument(
        "--interval", choices=[i.value.lower() for i in ReportInterval], default="day", help="(default: day)"
    )
    parser.add_argument(
        "--timezone",
        metavar="ZONE",
        default="UTC",
        help="where days, weeks and months begin: a name such as Europe/Zurich (default: UTC)",
    )
    parser.add_argument(
        "--top", metavar="N", type=_count, default=10, help="how many of the top products (default: 10)"
    )
    parser.add_argument("--csv", action="store_true", help="the series as CSV instead of the tables")
    parser.add_argument("--chart", metavar="FILE", type=file_named, help="draw the series into an SVG file")


async def _run(
    open_reports: OpenReports, settings: OrdersSettings, options: argparse.Namespace, *, now: datetime
) -> None:
    """Raises ValidationFailed for a range that no report has, StartError for a file that cannot be written."""
    zone = zone_named(options.timezone)
    today = now.astimezone(zone).date()
    start = _instant(options.start or today - timedelta(days=_DAYS), zone)
    end = _instant(options.end or today + timedelta(days=1), zone)
    viewer = Viewer(user_id=typed_by(), permissions=frozenset({Permission.VIEW_REPORTS}))
    async with open_reports(settings) as reports:
        report = await reports.order_report(
            viewer,
            start=start,
            end=end,
            interval=ReportInterval(options.interval.upper()),
            timezone=options.timezone,
        )
        if options.csv:
            sys.stdout.write(series_as_csv(report))
        else:
            top = await reports.top_products(viewer, report.range, first=options.top)
            states = await reports.by_status(viewer, report.range)
            sys.stdout.write(tables(report, top, states))
    if options.chart is not None:
        try:
            options.chart.write_text(chart(report), encoding="utf-8")
        except OSError as error:
            raise StartError(f"{options.chart}: {error.strerror}") from error


def _instant(value: date | datetime, zone: ZoneInfo) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.combine(value, time(), tzinfo=zone)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValidationFailed("there is no report of that time", field="to") from None


def _time(text: str) -> date | datetime:
    try:
        return date.fromisoformat(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a date like 2026-01-31 nor a time like 2026-01-31T12:00:00Z"
        )
    return moment


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_TOP_PRODUCTS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {MAX_TOP_PRODUCTS}")
    return int(text)
