from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from subgraphs.kit.auth.viewer import ANONYMOUS, Viewer
from subgraphs.kit.errors import Forbidden, Unauthenticated, ValidationFailed
from subgraphs.orders.domain.permissions import Permission
from subgraphs.orders.domain.reports import OrderReport, ReportInterval
from subgraphs.orders.domain.transitions import OrderStatus
from tests.harness.statements import statements
from tests.subgraphs.orders.orders_harness import START, OrdersHarness

ANALYST = Viewer(user_id="analyst", permissions=frozenset({Permission.VIEW_REPORTS.value}))
DAYS: dict[str, Any] = {
    "start": datetime(2026, 1, 31, tzinfo=UTC),
    "end": datetime(2026, 2, 3, tzinfo=UTC),
    "interval": ReportInterval.DAY,
    "timezone": "UTC",
}


async def _report(harness: OrdersHarness) -> OrderReport:
    return await harness.service.reports.order_report(ANALYST, **DAYS)


def _sums(report: OrderReport) -> list[dict[str, tuple[int, int, int, int, int]]]:
    return [
        {c: (t.orders, t.units, t.sales_minor, t.refunds, t.refunded_minor) for c, t in totals.items()}
        for totals in report.series
    ]


async def test_sale_counts_when_it_is_paid_and_a_refund_when_it_is_made(harness: OrdersHarness) -> None:
    lamp, desk = harness.stock.add(minor=1000), harness.stock.add(minor=300, currency="EUR")
    await harness.place(lamp, quantity=2)  # never paid
    harness.clock.now = START.replace(hour=23, minute=50)
    late, euros = await harness.place(lamp), await harness.place(desk, quantity=3)
    harness.clock.forward(timedelta(minutes=20))
    await harness.pay(late.id)
    await harness.pay(euros.id)
    assert _sums(await _report(harness)) == [
        {},
        {"EUR": (1, 3, 900, 0, 0), "USD": (1, 1, 1000, 0, 0)},
        {},
    ]

    harness.clock.forward(timedelta(days=1))
    await harness.refund(late.id, "2.50")
    await harness.cancel(euros.id)
    report = await _report(harness)
    assert _sums(report) == [
        {},
        {"EUR": (1, 3, 900, 0, 0), "USD": (1, 1, 1000, 0, 0)},
        {"EUR": (0, 0, 0, 1, 900), "USD": (0, 0, 0, 1, 250)},
    ]
    assert {c: t.net.minor for c, t in report.totals.items()} == {"EUR": 0, "USD": 750}

    [top, second] = await harness.service.reports.top_products(ANALYST, report.range, first=5)
    assert (top.product_id, top.units, top.orders, [a.minor for a in top.sales]) == (desk.id, 3, 1, [900])
    assert (second.product_id, second.units, second.name, second.sku) == (lamp.id, 1, "Lamp", "LAMP-1")
    states = {s.status: s.orders for s in await harness.service.reports.by_status(ANALYST, report.range)}
    assert states == {
        OrderStatus.AWAITING_PAYMENT: 1,
        OrderStatus.PAID: 1,
        OrderStatus.CANCELLED: 1,
    }


async def test_refund_that_is_not_through_does_not_count(harness: OrdersHarness) -> None:
    order = await harness.pay((await harness.place(harness.stock.add(minor=1000))).id)
    async with harness.observer.unit_of_work() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO refunds (key, order_id, attempt_id, amount_minor, currency, status, created_at) "
            f"SELECT 'k', order_id, attempt_id, 5, 'USD', 'PENDING', paid_at FROM payments WHERE order_id = '{order.id}'"
        )
    assert _sums(await _report(harness))[0] == {"USD": (1, 1, 1000, 0, 0)}


async def test_report_is_two_statements_and_each_table_in_it_one(harness: OrdersHarness) -> None:
    with statements(harness.postgres) as sent:
        report = await _report(harness)
        assert len(sent) == 2
        await harness.service.reports.top_products(ANALYST, report.range, first=1)
        await harness.service.reports.by_status(ANALYST, report.range)
        assert len(sent) == 4


async def test_reports_are_for_who_may_see_them(harness: OrdersHarness) -> None:
    over = (await _report(harness)).range
    reports = harness.service.reports
    for viewer, error in ((ANONYMOUS, Unauthenticated), (harness.ann, Forbidden), (harness.staff, Forbidden)):
        with pytest.raises(error):
            await reports.order_report(viewer, **DAYS)
        with pytest.raises(error):
            await reports.top_products(viewer, over, first=1)
        with pytest.raises(error):
            await reports.by_status(viewer, over)


@pytest.mark.parametrize("first", [0, -1, 101])
async def test_number_of_products_is_bounded(harness: OrdersHarness, first: int) -> None:
    over = (await _report(harness)).range
    with pytest.raises(ValidationFailed) as raised:
        await harness.service.reports.top_products(ANALYST, over, first=first)
    assert raised.value.field == "first"
