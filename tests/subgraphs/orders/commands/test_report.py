"""`report`: what it prints and draws."""

import argparse
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subgraphs.kit.errors import StartError, ValidationFailed
from subgraphs.orders.commands import report as command_module
from subgraphs.orders.commands.report_chart import chart
from subgraphs.orders.commands.report_text import series_as_csv, tables
from subgraphs.orders.domain.reports import CurrencyTotals, OrderReport, ReportInterval, ReportRange
from subgraphs.orders.service import Reports
from subgraphs.orders.settings import OrdersSettings
from tests.subgraphs.orders.orders_harness import OrdersHarness

NOW = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"


def totals(currency: str, sales: int = 0, refunded: int = 0) -> CurrencyTotals:
    return CurrencyTotals(
        currency=currency,
        orders=int(sales > 0),
        units=int(sales > 0),
        sales_minor=sales,
        refunds=int(refunded > 0),
        refunded_minor=refunded,
    )


def report(*series: dict[str, CurrencyTotals], zone: str = "UTC") -> OrderReport:
    """A day for each of `series`, from the first of March on."""
    over = ReportRange.of(
        datetime(2026, 3, 1, tzinfo=UTC),
        datetime(2026, 3, 1 + len(series), tzinfo=UTC),
        interval=ReportInterval.DAY,
        timezone=zone,
    )
    return OrderReport(range=over, series=series)


TWO_DAYS = report(
    {"EUR": totals("EUR", sales=10050, refunded=2000), "JPY": totals("JPY", sales=7)},
    {},
    {"EUR": totals("EUR", refunded=9000)},
)


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command_module._arguments(parser)
    return parser.parse_args(arguments)


# ---- text ------------------------------------------------------------------------------------------------


def test_tables_show_the_sums_and_the_days_that_have_any() -> None:
    assert tables(TWO_DAYS, [], []) == (
        "Sold and given back from 2026-03-01 00:00 until 2026-03-04 00:00 (UTC)\n"
        "\n"
        "     CURRENCY  ORDERS  UNITS   SALES  REFUNDS  REFUNDED    NET\n"
        "all  EUR            1      1  100.50        2    110.00  -9.50\n"
        "all  JPY            1      1       7        0         0      7\n"
        "\n"
        "DAY         CURRENCY  ORDERS  UNITS   SALES  REFUNDS  REFUNDED     NET\n"
        "2026-03-01  EUR            1      1  100.50        1     20.00   80.50\n"
        "2026-03-01  JPY            1      1       7        0         0       7\n"
        "2026-03-03  EUR            0      0    0.00        1     90.00  -90.00\n"
    )


def test_table_of_nothing_says_so() -> None:
    assert tables(report({}), [], []).endswith("\n\nNothing was sold, and nothing given back.\n")


def test_csv_has_a_row_for_each_day_and_currency() -> None:
    assert series_as_csv(TWO_DAYS).splitlines() == [
        "start,end,currency,orders,units,sales,refunds,refunded,net",
        "2026-03-01T00:00:00+00:00,2026-03-02T00:00:00+00:00,EUR,1,1,100.50,1,20.00,80.50",
        "2026-03-01T00:00:00+00:00,2026-03-02T00:00:00+00:00,JPY,1,1,7,0,0,7",
        "2026-03-02T00:00:00+00:00,2026-03-03T00:00:00+00:00,,0,0,0,0,0,0",
        "2026-03-03T00:00:00+00:00,2026-03-04T00:00:00+00:00,EUR,0,0,0.00,1,90.00,-90.00",
    ]


# ---- chart -----------------------------------------------------------------------------------------------


def drawn(svg: str, colour: str) -> list[tuple[float, float]]:
    """Top and height of each bar of that colour, from the left."""
    bars = [
        r for r in ET.fromstring(svg).iter(f"{SVG}rect") if r.get("fill") == colour and r.get("width") != "12"
    ]
    return [(float(r.get("y", "")), float(r.get("height", ""))) for r in bars]


def test_bars_are_as_high_as_the_amounts_and_stand_on_the_zero_line() -> None:
    svg = chart(report({"USD": totals("USD", sales=3000, refunded=1000)}, {"USD": totals("USD", sales=1500)}))
    (first, second), [refund] = drawn(svg, "#2f6f9f"), drawn(svg, "#c2603f")
    zero = first[0] + first[1]
    assert zero == pytest.approx(second[0] + second[1], abs=0.2)
    assert refund[0] == pytest.approx(zero, abs=0.2)
    # -10 to 30, in 200 pixels.
    assert [first[1], second[1], refund[1]] == pytest.approx([150, 75, 50], abs=0.2)
    said = [title.text for title in ET.fromstring(svg).iter(f"{SVG}title")]
    assert said[1] == "2026-03-01: 30.00 sold, 10.00 given back, net 20.00 USD"


@given(
    st.lists(st.tuples(st.integers(0, 10**15), st.integers(0, 10**15)).filter(any), min_size=1, max_size=28)
)
def test_chart_of_any_amounts_stays_within_its_panel(amounts: list[tuple[int, int]]) -> None:
    svg = chart(report(*({"KWD": totals("KWD", sales, refunded)} for sales, refunded in amounts)))
    for colour in ("#2f6f9f", "#c2603f"):
        for top, height in drawn(svg, colour):
            assert 99.9 <= top <= top + height <= 300.1
    assert len(drawn(svg, "#2f6f9f")) == sum(sales > 0 for sales, _ in amounts)
    assert len(drawn(svg, "#c2603f")) == sum(refunded > 0 for _, refunded in amounts)
    labels = [t.text for t in ET.fromstring(svg).iter(f"{SVG}text") if (t.text or "").startswith("2026-")]
    assert 1 <= len(labels) <= 10
    assert len(svg) < 20_000


def test_chart_has_a_panel_for_each_currency_and_one_of_nothing_says_so() -> None:
    texts = [t.text for t in ET.fromstring(chart(TWO_DAYS)).iter(f"{SVG}text")]
    assert {"EUR", "JPY", "Sales and refunds by day, UTC"} <= set(texts)
    assert "Nothing was sold, and nothing given back." in chart(report({}))


# ---- the command -----------------------------------------------------------------------------------------


@pytest.fixture
def shown(harness: OrdersHarness, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs the command with some arguments, and returns what it printed."""

    @asynccontextmanager
    async def opened(_: OrdersSettings) -> AsyncIterator[Reports]:
        yield harness.service.reports

    async def run(*arguments: str) -> str:
        await command_module._run(opened, OrdersSettings(), parse(*arguments), now=NOW)
        return capsys.readouterr().out

    return run


async def test_without_times_it_is_the_last_thirty_days_of_the_zone(shown: Any) -> None:
    assert (await shown()).startswith(
        "Sold and given back from 2026-01-01 00:00 until 2026-02-01 00:00 (UTC)\n"
    )
    # There it is February already.
    assert (await shown("--timezone", "Europe/Zurich")).startswith(
        "Sold and given back from 2026-01-02 00:00 until 2026-02-02 00:00 (Europe/Zurich)\n"
    )


async def test_report_of_what_was_sold_in_all_its_forms(
    harness: OrdersHarness, shown: Any, tmp_path: Path
) -> None:
    order = await harness.pay((await harness.place(harness.stock.add(minor=1250), quantity=2)).id)
    await harness.refund(order.id, "5.00")
    file = tmp_path / "orders.svg"
    text = await shown("--from", "2026-01-31", "--interval", "month", "--chart", str(file))
    assert "2026-01  USD            1      2  25.00        1      5.00  20.00\n" in text
    assert "LAMP-1  Lamp          1      2  25.00 USD\n" in text
    assert "PAID             1  25.00 USD\n" in text
    assert "25.00 sold, 5.00 given back, net 20.00 USD" in file.read_text()
    rows = (await shown("--from", "2026-01-31", "--csv")).splitlines()
    assert rows[1:] == ["2026-01-31T00:00:00+00:00,2026-02-01T00:00:00+00:00,USD,1,2,25.00,1,5.00,20.00"]


@pytest.mark.parametrize(
    ("arguments", "fault", "kind"),
    [
        (("--timezone", "Mars"), "'Mars' is no time zone", ValidationFailed),
        (("--from", "2026-02-02", "--to", "2026-02-01"), "`to` must lie behind `from`", ValidationFailed),
        (("--from", "0001-01-01", "--timezone", "Asia/Tokyo"), "there is no report", ValidationFailed),
        (("--chart", "/nowhere/at/all.svg"), "/nowhere/at/all.svg: No such file", StartError),
    ],
)
async def test_fault_is_named(
    shown: Any, arguments: tuple[str, ...], fault: str, kind: type[Exception]
) -> None:
    with pytest.raises(kind) as raised:
        await shown(*arguments)
    assert str(raised.value).startswith(fault)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--from", "yesterday"),
        ("--from", "2026-01-01T00:00:00"),
        ("--interval", "year"),
        ("--top", "0"),
        ("--top", "101"),
        ("--top", "x"),
    ],
)
def test_argument_that_is_none_is_refused(arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(*arguments)
    assert ended.value.code == 2
