"""What was sold and given back in a time, by days, weeks or months as a time zone counts them.

A sale is a captured payment, at the time it was captured; a refund counts at its own time, whenever its order was
paid. So what a past day says does not change. Days begin at local midnight, weeks on Monday (ISO 8601), months on
the 1st; the first and the last part of a range may be shorter, and a day on which clocks change has 23 or 25 hours.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from subgraphs.kit.errors import ValidationFailed
from subgraphs.kit.money import Amount, MinorUnits
from subgraphs.orders.domain.ids import ProductId
from subgraphs.orders.domain.transitions import OrderStatus

MAX_BUCKETS = 400
MAX_RANGE = timedelta(days=3660)
MAX_TOP_PRODUCTS = 100
MAX_TIMEZONE = 64

# Room for the zone's offset and the interval that a bound lies in.
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9000, 1, 1, tzinfo=UTC)


class ReportInterval(StrEnum):
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A part of a range, from `start` until before `end`."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRange:
    """`buckets` follow each other from the first instant until before the last; there is at least one."""

    interval: ReportInterval
    timezone: str
    buckets: tuple[Bucket, ...]

    @property
    def start(self) -> datetime:
        return self.buckets[0].start

    @property
    def end(self) -> datetime:
        return self.buckets[-1].end

    @classmethod
    def of(cls, start: datetime, end: datetime, *, interval: ReportInterval, timezone: str) -> "ReportRange":
        """Raises ValidationFailed for an unknown zone, an empty range, one that is too long, or too many parts."""
        zone = zone_named(timezone)
        if not _EARLIEST <= start < end <= _LATEST:
            raise ValidationFailed("`to` must lie behind `from`, both after 1970", field="to")
        if end - start > MAX_RANGE:
            raise ValidationFailed(f"a report spans at most {MAX_RANGE.days} days", field="to")
        buckets: list[Bucket] = []
        for bucket in _buckets(start, end, interval, zone):
            buckets.append(bucket)
            if len(buckets) > MAX_BUCKETS:
                raise ValidationFailed(
                    f"a report has at most {MAX_BUCKETS} parts; take a longer interval", field="interval"
                )
        return cls(interval=interval, timezone=timezone, buckets=tuple(buckets))


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrencyTotals:
    """Sums of one currency. Amounts are minor units; `net_minor` is negative where more was given back."""

    currency: str
    orders: int = 0
    units: int = 0
    sales_minor: int = 0
    refunds: int = 0
    refunded_minor: int = 0

    @property
    def sales(self) -> Amount:
        return Amount(MinorUnits(self.sales_minor), self.currency)

    @property
    def refunded(self) -> Amount:
        return Amount(MinorUnits(self.refunded_minor), self.currency)

    @property
    def net(self) -> Amount:
        return Amount(MinorUnits(self.sales_minor - self.refunded_minor), self.currency)

    def __add__(self, other: "CurrencyTotals") -> "CurrencyTotals":
        assert self.currency == other.currency  # noqa: S101 - sums are kept by currency
        return CurrencyTotals(
            currency=self.currency,
            orders=self.orders + other.orders,
            units=self.units + other.units,
            sales_minor=self.sales_minor + other.sales_minor,
            refunds=self.refunds + other.refunds,
            refunded_minor=self.refunded_minor + other.refunded_minor,
        )


Totals = Mapping[str, CurrencyTotals]
"""By currency, in alphabetical order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReport:
    """The sums of each bucket of `range`, those without any included; `totals` are their sum."""

    range: ReportRange
    series: tuple[Totals, ...]

    @property
    def totals(self) -> Totals:
        found: dict[str, CurrencyTotals] = {}
        for bucket in self.series:
            for currency, sums in bucket.items():
                found[currency] = found[currency] + sums if currency in found else sums
        return dict(sorted(found.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductSales:
    """What was sold of a product: `name` and `sku` as they were in its last sale, `sales` in each currency."""

    product_id: ProductId
    name: str
    sku: str
    orders: int
    units: int
    sales: tuple[Amount, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusCount:
    """Orders that were placed in a time and are in `status` now, and what they come to in each currency."""

    status: OrderStatus
    orders: int
    totals: tuple[Amount, ...]


def _buckets(start: datetime, end: datetime, interval: ReportInterval, zone: ZoneInfo) -> Iterator[Bucket]:
    day = start.astimezone(zone).date()
    if interval is ReportInterval.WEEK:
        day -= timedelta(days=day.weekday())
    elif interval is ReportInterval.MONTH:
        day = day.replace(day=1)
    begin = start
    while begin < end:
        match interval:
            case ReportInterval.DAY:
                day += timedelta(days=1)
            case ReportInterval.WEEK:
                day += timedelta(days=7)
            case ReportInterval.MONTH:
                day = (day + timedelta(days=31)).replace(day=1)
        # Where midnight does not exist that day, the instant at which the clocks jumped over it.
        until = min(datetime.combine(day, time(), tzinfo=zone).astimezone(UTC), end)
        if until > begin:  # a day may be left out altogether: Samoa had no 30 December 2011
            yield Bucket(begin, until)
            begin = until


@cache
def _known_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def zone_named(name: str) -> ZoneInfo:
    """Raises ValidationFailed where there is none."""
    if name not in _known_zones():
        raise ValidationFailed(
            f"{name!r} is no time zone; take a name of the IANA database, such as Europe/Zurich",
            field="timezone",
        )
    return ZoneInfo(name)
