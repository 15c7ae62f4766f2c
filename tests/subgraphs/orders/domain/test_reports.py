from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subgraphs.kit.errors import ValidationFailed
from subgraphs.orders.domain.reports import CurrencyTotals, OrderReport, ReportInterval, ReportRange

DAY, WEEK, MONTH = ReportInterval
# With clocks that change at 2, 3, 1 and 0 o'clock, by half an hour, by a whole day, and never.
ZONES = [
    "Europe/Zurich",
    "America/New_York",
    "Atlantic/Azores",
    "America/Havana",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "UTC",
]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def starts(start: str, end: str, interval: ReportInterval, zone: str) -> list[str]:
    """The beginnings of the buckets, as the zone's clocks show them."""
    over = ReportRange.of(instant(start), instant(end), interval=interval, timezone=zone)
    return [bucket.start.astimezone(ZoneInfo(zone)).isoformat() for bucket in over.buckets]


def test_days_begin_at_local_midnight_and_the_ends_are_cut() -> None:
    assert starts("2026-03-28T22:00Z", "2026-03-30T12:00Z", DAY, "Europe/Zurich") == [
        "2026-03-28T23:00:00+01:00",
        "2026-03-29T00:00:00+01:00",
        "2026-03-30T00:00:00+02:00",
    ]


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        ("2026-03-29", "Europe/Zurich", 23),
        ("2026-10-25", "Europe/Zurich", 25),
        ("2026-04-05", "Australia/Lord_Howe", 24.5),
        ("2026-03-29", "UTC", 24),
    ],
)
def test_day_is_as_long_as_its_clocks_make_it(day, zone, hours) -> None:
    midnight = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    over = ReportRange.of(
        midnight.astimezone(UTC), (midnight + timedelta(days=3)).astimezone(UTC), interval=DAY, timezone=zone
    )
    assert len(over.buckets) == 3
    assert over.buckets[0].end - over.buckets[0].start == timedelta(hours=hours)


def test_day_without_a_midnight_begins_when_the_clocks_have_jumped() -> None:
    assert starts("2026-03-07T12:00Z", "2026-03-09T12:00Z", DAY, "America/Havana") == [
        "2026-03-07T07:00:00-05:00",
        "2026-03-08T01:00:00-04:00",
        "2026-03-09T00:00:00-04:00",
    ]


def test_day_that_a_zone_left_out_is_no_bucket() -> None:
    assert starts("2011-12-29T20:00Z", "2012-01-01T00:00Z", DAY, "Pacific/Apia") == [
        "2011-12-29T10:00:00-10:00",
        "2011-12-31T00:00:00+14:00",
        "2012-01-01T00:00:00+14:00",
    ]


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    assert starts("2026-01-01T00:00Z", "2026-01-20T00:00Z", WEEK, "UTC") == [
        "2026-01-01T00:00:00+00:00",
        "2026-01-05T00:00:00+00:00",
        "2026-01-12T00:00:00+00:00",
        "2026-01-19T00:00:00+00:00",
    ]
    assert starts("2026-01-31T23:30Z", "2026-03-31T22:30Z", MONTH, "Europe/Zurich") == [
        "2026-02-01T00:30:00+01:00",
        "2026-03-01T00:00:00+01:00",
        "2026-04-01T00:00:00+02:00",
    ]


@given(
    start=st.integers(0, 9000 * 86_400_000).map(
        lambda ms: datetime(2005, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    ),
    length=st.timedeltas(timedelta(microseconds=1), timedelta(days=390)),
    interval=st.sampled_from(ReportInterval),
    zone=st.sampled_from(ZONES),
)
def test_buckets_follow_each_other_and_each_instant_is_in_that_of_its_local_day(
    start, length, interval, zone
) -> None:
    over = ReportRange.of(start, start + length, interval=interval, timezone=zone)
    assert (over.start, over.end) == (start, start + length)
    assert all(bucket.start < bucket.end for bucket in over.buckets)
    assert all(a.end == b.start for a, b in zip(over.buckets, over.buckets[1:], strict=False))
    keys = [_key(bucket.start, interval, zone) for bucket in over.buckets]
    assert keys == sorted(set(keys))
    moment = timedelta(microseconds=1)
    assert keys == [_key(bucket.end - moment, interval, zone) for bucket in over.buckets]


def _key(at: datetime, interval: ReportInterval, zone: str) -> tuple[int, ...]:
    """The day, week or month that the zone's calendar shows."""
    day = at.astimezone(ZoneInfo(zone)).date()
    if interval is DAY:
        return (day.toordinal(),)
    return tuple(day.isocalendar())[:2] if interval is WEEK else (day.year, day.month)


@pytest.mark.parametrize(
    ("start", "end", "interval", "zone", "field"),
    [
        ("2026-01-02T00:00Z", "2026-01-02T00:00Z", DAY, "UTC", "to"),
        ("2026-01-02T00:00Z", "2026-01-01T00:00Z", DAY, "UTC", "to"),
        ("2026-01-01T00:00Z", "2036-02-01T00:00Z", MONTH, "UTC", "to"),
        ("1969-01-01T00:00Z", "1971-01-01T00:00Z", MONTH, "UTC", "to"),
        ("0001-01-01T00:00Z", "9999-12-31T23:59Z", MONTH, "Pacific/Apia", "to"),
        ("2026-01-01T00:00Z", "2027-02-06T00:00Z", DAY, "UTC", "interval"),
        ("2026-01-01T00:00Z", "2026-01-02T00:00Z", DAY, "Europe/Bern", "timezone"),
        ("2026-01-01T00:00Z", "2026-01-02T00:00Z", DAY, "../UTC", "timezone"),
        ("2026-01-01T00:00Z", "2026-01-02T00:00Z", DAY, "Europe", "timezone"),
        ("2026-01-01T00:00Z", "2026-01-02T00:00Z", DAY, "", "timezone"),
    ],
)
def test_range_that_no_report_has_is_refused(start, end, interval, zone, field) -> None:
    with pytest.raises(ValidationFailed) as raised:
        ReportRange.of(instant(start), instant(end), interval=interval, timezone=zone)
    assert raised.value.field == field


def test_longest_ranges_are_reported() -> None:
    assert len(starts("2026-01-01T00:00Z", "2027-02-05T00:00Z", DAY, "UTC")) == 400
    assert len(starts("2026-01-01T00:00Z", "2036-01-09T00:00Z", MONTH, "UTC")) == 121


def test_totals_are_the_sums_of_the_series_by_currency() -> None:
    over = ReportRange.of(
        instant("2026-01-01T00:00Z"), instant("2026-01-03T00:00Z"), interval=DAY, timezone="UTC"
    )
    usd = CurrencyTotals(currency="USD", orders=1, units=2, sales_minor=1000)
    back = CurrencyTotals(currency="USD", refunds=1, refunded_minor=1500)
    yen = CurrencyTotals(currency="JPY", orders=1, units=1, sales_minor=7)
    totals = OrderReport(range=over, series=({"USD": usd}, {"USD": back, "JPY": yen})).totals
    assert list(totals) == ["JPY", "USD"]
    assert totals["USD"] == CurrencyTotals(
        currency="USD", orders=1, units=2, sales_minor=1000, refunds=1, refunded_minor=1500
    )
    assert str(totals["USD"].net.decimal()) == "-5.00"
