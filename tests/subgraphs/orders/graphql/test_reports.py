"""Reports, through the whole application."""

from datetime import UTC, datetime, timedelta

from subgraphs.kit.ids import new_id
from subgraphs.orders.domain.permissions import Permission
from tests.subgraphs.orders.orders_api import OrdersApi

REPORT = """
query Report($from: DateTime!, $to: DateTime!, $interval: ReportInterval, $timezone: String, $first: Int) {
  orderReport(from: $from, to: $to, interval: $interval, timezone: $timezone) {
    from to interval timezone
    totals { currency orders units sales { amount } refunds refunded { amount } net { amount currency } }
    series { start end totals { currency orders } }
    topProducts(first: $first) { product { id unitsSold } productName sku orders units sales { amount currency } }
    byStatus { status orders totals { amount currency } }
  }
}"""


async def test_report_shows_what_was_sold_and_given_back(api: OrdersApi) -> None:
    # Of a currency that no other test has.
    lamp = api.stock.add(minor=1250, currency="NOK")
    order = (await api.create((lamp.id, 2)))["order"]["id"]
    await api.pay(order)
    await api.staff("refundOrder", order, amount="5.00")
    now = datetime.now(UTC)
    token = api.signer.token(new_id(), Permission.VIEW_REPORTS)
    given = {"from": (now - timedelta(days=2)).isoformat(), "to": (now + timedelta(hours=1)).isoformat()}
    data = await api.run(REPORT, token, **given, timezone="Asia/Kathmandu", first=100)
    report = data["orderReport"]
    assert (report["interval"], report["timezone"]) == ("DAY", "Asia/Kathmandu")
    [totals] = [found for found in report["totals"] if found["currency"] == "NOK"]
    assert totals == {
        "currency": "NOK",
        "orders": 1,
        "units": 2,
        "sales": {"amount": "25.00"},
        "refunds": 1,
        "refunded": {"amount": "5.00"},
        "net": {"amount": "20.00", "currency": "NOK"},
    }
    assert report["series"][0]["start"] == report["from"]
    assert report["series"][-1]["end"] == report["to"]
    assert report["series"][1]["start"].endswith("T18:15:00Z")
    found = [totals for bucket in report["series"] for totals in bucket["totals"]]
    assert [totals for totals in found if totals["currency"] == "NOK"] == [{"currency": "NOK", "orders": 1}]
    [top] = [found for found in report["topProducts"] if found["product"]["id"] == lamp.id]
    assert top == {
        "product": {"id": lamp.id, "unitsSold": 2},
        "productName": "Lamp",
        "sku": "LAMP-1",
        "orders": 1,
        "units": 2,
        "sales": [{"amount": "25.00", "currency": "NOK"}],
    }
    [paid] = [found for found in report["byStatus"] if found["status"] == "PAID"]
    assert {"amount": "25.00", "currency": "NOK"} in paid["totals"]


async def test_refusals_of_a_report(api: OrdersApi) -> None:
    given = {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
    analyst = api.signer.token(new_id(), Permission.VIEW_REPORTS)
    assert await api.code(REPORT, **given) == "UNAUTHENTICATED"
    assert await api.code(REPORT, api.as_ann, **given) == "FORBIDDEN"
    assert await api.code(REPORT, analyst, **given, timezone="Mars/Olympus") == "VALIDATION_FAILED"
    assert await api.code(REPORT, analyst, **{**given, "to": given["from"]}) == "VALIDATION_FAILED"
    assert await api.code(REPORT, analyst, **given, first=101) == "VALIDATION_FAILED"
    assert await api.code(REPORT, analyst, **given, timezone="x" * 129) == "BAD_USER_INPUT"
    empty = await api.run(REPORT, analyst, **given, interval=None, timezone=None)
    assert (empty["orderReport"]["interval"], len(empty["orderReport"]["series"])) == ("DAY", 31)
