"""Each way in which GraphQL refuses, as HTTP."""

import httpx
import orjson
import pytest

from clients.rest.app import open_app
from clients.rest.errors import TABLE, ErrorKind
from clients.rest.settings import Settings
from tests.clients.rest import sample_objects
from tests.clients.rest.conftest import SIGNED_IN, serving
from tests.clients.rest.stub_router import StubRouter, answering, failing, problem

ORDER = {"items": [{"product_id": "p1", "quantity": 1}]}
TYPED = [row for row in TABLE if row.typename]
CODES = [(code, row) for row in TABLE if row.code != "INTERNAL" for code in (row.code, *sorted(row.aliases))]


@pytest.mark.parametrize("row", TYPED, ids=lambda row: row.typename)
async def test_an_error_as_data_has_its_status(
    client: httpx.AsyncClient, router: StubRouter, row: ErrorKind
) -> None:
    assert row.typename
    # Past the schema, because no one mutation returns them all.
    more = {"ValidationError": {"field": "input.items"}, "RateLimitedError": {"retryAfter": 7}}
    node = problem(row.typename, row.code, **more.get(row.typename, {}))
    answer = {"data": {"createOrder": node}}
    router.respond = answering(200, orjson.dumps(answer), content_type="application/json")
    response = await client.post("/api/v1/orders", json=ORDER)
    expected = {"code": row.code, "message": f"{row.code} happened."}
    if row.code == "VALIDATION_FAILED":
        expected["field"] = "items"
    assert (response.status_code, response.json()["error"]) == (row.status, expected)
    assert response.headers.get("retry-after") == ("7" if row.code == "RATE_LIMITED" else None)
    assert ("www-authenticate" in response.headers) == (row.status == 401)


@pytest.mark.parametrize(("code", "row"), CODES, ids=lambda value: value if isinstance(value, str) else "")
async def test_an_error_by_code_has_its_status(
    client: httpx.AsyncClient, router: StubRouter, code: str, row: ErrorKind
) -> None:
    router.roots["order"] = failing(code)
    response = await client.get("/api/v1/orders/o1")
    assert (response.status_code, response.json()["error"]["code"]) == (row.status, row.code)
    assert ("retry-after" in response.headers) == (row.status in {429, 503})


async def test_a_failed_resolver_is_a_masked_500(client: httpx.AsyncClient, router: StubRouter) -> None:
    def broken(id: str) -> None:  # noqa: A002 - GraphQL's name
        raise RuntimeError(f"secret of {id}")

    router.roots["order"] = broken
    response = await client.get("/api/v1/orders/o1")
    assert (response.status_code, response.json()["error"]["code"]) == (500, "INTERNAL")
    assert "secret" not in response.text


async def test_an_answer_that_lacks_a_field_is_a_masked_500(
    client: httpx.AsyncClient, router: StubRouter
) -> None:
    answer = {"data": {"order": {"id": "o1"}}}
    router.respond = answering(200, orjson.dumps(answer), content_type="application/json")
    response = await client.get("/api/v1/orders/o1")
    assert (response.status_code, response.json()["error"]["code"]) == (500, "INTERNAL")
    assert response.json()["request_id"] == response.headers["x-request-id"]


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (502, b"upstream connect error", 503),
        (503, b"", 503),
        (504, b"", 503),
        (500, b"<html>", 500),
        (200, b"not graphql", 500),
        (200, b"[]", 500),
        (401, b"Jwt is missing", 401),
        (429, b"", 429),
    ],
)
async def test_an_answer_that_is_not_graphqls_is_never_a_success(
    client: httpx.AsyncClient, router: StubRouter, status: int, body: bytes, expected: int
) -> None:
    router.respond = answering(status, body, retry_after="9")
    response = await client.get("/api/v1/orders/o1")
    assert response.status_code == expected
    assert response.headers.get("retry-after") == {429: "9", 503: "2"}.get(expected)


async def test_a_router_that_is_away_is_503_and_not_ready() -> None:
    settings = Settings.model_validate({"services": {"router": "http://127.0.0.1:1"}})
    async with (
        open_app(settings) as app,
        serving(app) as address,
        httpx.AsyncClient(base_url=address) as client,
    ):
        response = await client.get("/api/v1/products/p1")
        assert (response.status_code, response.headers["retry-after"]) == (503, "2")
        assert (await client.get("/api/v1/orders/o1/events", headers=SIGNED_IN)).status_code == 503
        assert (await client.get("/ready")).status_code == 503
        assert (await client.get("/health")).status_code == 200


async def test_problem_json_is_sent_to_who_accepts_it(client: httpx.AsyncClient, router: StubRouter) -> None:
    router.roots["createOrder"] = problem(
        "ValidationError", "VALIDATION_FAILED", field="input.items.0.productId"
    )
    headers = {"accept": "application/json;q=0.5, application/problem+json", "x-request-id": "r-1"}
    response = await client.post("/api/v1/orders", json=ORDER, headers=headers)
    assert response.headers["content-type"] == "application/problem+json"
    answer = response.json()
    assert answer.pop("title")
    assert answer == {
        "type": "about:blank", "status": 422, "detail": "VALIDATION_FAILED happened.", "code": "VALIDATION_FAILED",
        "field": "items.0.product_id", "request_id": "r-1",
    }  # fmt: skip


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/problem+json;q=0"])
async def test_others_get_the_documented_form(
    client: httpx.AsyncClient, router: StubRouter, accept: str
) -> None:
    router.roots["order"] = None
    response = await client.get("/api/v1/orders/o1", headers={"accept": accept, "x-request-id": "r-2"})
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {
        "error": {"code": "NOT_FOUND", "message": "There is no such order."},
        "request_id": "r-2",
    }


async def test_headers_of_the_client_are_forwarded_and_no_others(
    client: httpx.AsyncClient, router: StubRouter
) -> None:
    router.roots["me"] = sample_objects.user()
    traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    headers = {
        "x-request-id": "r-3", "user-agent": "shop/1.0", "x-client-address": "203.0.113.9",
        "traceparent": traceparent, "cookie": "secret=1", "x-forwarded-for": "198.51.100.7",
        "apollo-federation-include-trace": "ftv1", "x-forwarded-proto": "https",
    }  # fmt: skip
    response = await client.get("/api/v1/users/profile", headers=headers)
    seen = router.sent[0].headers
    assert response.headers["x-request-id"] == "r-3"
    trace = seen.pop("traceparent")
    assert trace.split("-")[1] == traceparent.split("-")[1]
    of_http = {"host", "accept", "accept-encoding", "connection", "content-length", "content-type"}
    assert {name: value for name, value in seen.items() if name not in of_http} == {
        **SIGNED_IN, "x-request-id": "r-3", "user-agent": "shop/1.0", "x-client-address": "203.0.113.9",
    }  # fmt: skip


async def test_the_peer_is_the_client_where_no_edge_names_one(
    anonymous: httpx.AsyncClient, router: StubRouter
) -> None:
    router.roots["product"] = None
    response = await anonymous.get("/api/v1/products/p1")
    sent = router.sent[0].headers
    assert response.headers["x-request-id"] == response.json()["request_id"] == sent["x-request-id"]
    assert sent["x-client-address"] == "127.0.0.1"
    assert "x-forwarded-for" not in sent
