"""Reports over REST."""

import httpx
import pytest

from clients.rest.media_types import prefers_csv
from tests.clients.rest import sample_objects
from tests.clients.rest.stub_router import StubRouter, failing

URL = "/api/v1/reports/orders"
DAYS = {"from": "2026-01-01T00:00:00+01:00", "to": "2026-01-03T00:00:00Z"}
TOTALS = {
    "currency": "USD",
    "orders": 2,
    "units": 3,
    "sales": 25.0,
    "refunds": 1,
    "refunded": 30.5,
    "net": -5.5,
}


@pytest.fixture(autouse=True)
def _report(router: StubRouter) -> None:
    router.roots["orderReport"] = sample_objects.order_report()


async def test_report_is_json_with_exact_amounts(client: httpx.AsyncClient, router: StubRouter) -> None:
    response = await client.get(
        URL, params={**DAYS, "interval": "week", "timezone": "Europe/Zurich", "limit": 3}
    )
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    assert response.headers["vary"] == "Accept, Authorization"
    assert response.json() == {
        "from": "2026-01-01T00:00:00Z",
        "to": "2026-01-03T00:00:00Z",
        "interval": "day",
        "timezone": "UTC",
        "totals": [TOTALS],
        "series": [
            {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z", "totals": [TOTALS]},
            {"start": "2026-01-02T00:00:00Z", "end": "2026-01-03T00:00:00Z", "totals": []},
        ],
        "top_products": [
            {
                "product_id": "p1",
                "product_name": "Mug",
                "sku": "MUG-1",
                "orders": 2,
                "units": 3,
                "sales": [{"amount": 25.0, "currency": "USD"}],
            }
        ],
        "by_status": [
            {
                "status": "awaiting_payment",
                "orders": 1,
                "totals": [{"amount": 9.9, "currency": "USD"}],
            }
        ],
    }
    assert b'"sales":25.00,' in response.content
    assert router.sent[0].variables == {
        "from": "2026-01-01T00:00:00+01:00",
        "to": "2026-01-03T00:00:00+00:00",
        "interval": "WEEK",
        "timezone": "Europe/Zurich",
        "first": 3,
    }


async def test_series_is_a_table_for_who_prefers_csv(client: httpx.AsyncClient) -> None:
    response = await client.get(URL, params=DAYS, headers={"accept": "text/csv"})
    assert (response.status_code, response.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert response.headers["content-disposition"] == 'attachment; filename="orders.csv"'
    assert response.text == (
        "start,end,currency,orders,units,sales,refunds,refunded,net\r\n"
        "2026-01-01T00:00:00+00:00,2026-01-02T00:00:00+00:00,USD,2,3,25.00,1,30.50,-5.50\r\n"
        "2026-01-02T00:00:00+00:00,2026-01-03T00:00:00+00:00,,0,0,0,0,0,0\r\n"
    )


@pytest.mark.parametrize(
    "accept",
    ["text/csv", "TEXT/CSV; header=present", "text/*", "text/csv;q=0.5, application/json;q=0.4"],
)
def test_csv_is_preferred_where_it_has_the_greater_weight(accept: str) -> None:
    assert prefers_csv(accept)


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "image/png",
        "text/csv, application/json",
        "text/csv;q=0.5, */*;q=0.6",
        "text/csv;q=0",
        "text/csv;q=x, application/json",
    ],
)
def test_json_is_answered_otherwise(accept: str) -> None:
    assert not prefers_csv(accept)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": DAYS["from"]}, "to"),
        ({**DAYS, "from": "2026-01-01"}, "from"),
        ({**DAYS, "from": "0"}, "from"),
        ({**DAYS, "to": "2026-13-01T00:00:00Z"}, "to"),
        ({**DAYS, "interval": "Day"}, "interval"),
        ({**DAYS, "interval": "year"}, "interval"),
        ({**DAYS, "timezone": "x" * 65}, "timezone"),
        ({**DAYS, "limit": "101"}, "limit"),
        ({**DAYS, "more": "1"}, "more"),
    ],
)
async def test_query_that_asks_for_no_report_is_refused(
    client: httpx.AsyncClient, router: StubRouter, query: dict[str, str], field: str
) -> None:
    response = await client.get(URL, params=query)
    assert (response.status_code, response.json()["error"]["field"]) == (422, field)
    assert router.sent == []


@pytest.mark.parametrize(("code", "status"), [("FORBIDDEN", 403), ("VALIDATION_FAILED", 422)])
async def test_refusal_of_the_subgraph_is_answered_as_it_is(
    client: httpx.AsyncClient, router: StubRouter, code: str, status: int
) -> None:
    router.roots["orderReport"] = failing(code)
    for accept in ("application/json", "text/csv"):
        response = await client.get(URL, params=DAYS, headers={"accept": accept})
        assert (response.status_code, response.json()["error"]["code"]) == (status, code)


async def test_report_needs_a_token(anonymous: httpx.AsyncClient, router: StubRouter) -> None:
    assert (await anonymous.get(URL, params=DAYS)).status_code == 401
    assert router.sent == []
