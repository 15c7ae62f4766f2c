"""The edge: pages, cross-origin rules, health, and limits that one machine does not reach."""

import asyncio
from typing import Any

import httpx
import pytest

BROWSER = {"accept": "text/html,application/xhtml+xml"}


async def test_explorer_opens_in_a_browser_without_a_cdn(http: httpx.AsyncClient) -> None:
    page = await http.get("/graphql", headers=BROWSER)
    assert page.status_code == 200
    assert "GraphiQL" in page.text
    assert "unpkg.com" not in page.text
    assert "cdn." not in page.text


async def test_sandbox_points_at_this_endpoint_and_explains_an_absent_cdn(http: httpx.AsyncClient) -> None:
    page = await http.get("/sandbox", headers=BROWSER)
    assert page.status_code == 200
    assert "embeddable-sandbox" in page.text
    assert "/graphql" in page.text


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [("https://studio.apollographql.com", True), ("https://evil.example", False)],
)
async def test_cors_lets_the_studio_in_and_nobody_else(
    http: httpx.AsyncClient,
    origin: str,
    allowed: bool,  # noqa: FBT001 - a column of the table above
) -> None:
    preflight = await http.options(
        "/graphql",
        headers={
            "origin": origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type,authorization",
        },
    )
    assert (preflight.headers.get("access-control-allow-origin") == origin) is allowed
    answer = await http.post("/graphql", json={"query": "{ __typename }"}, headers={"origin": origin})
    assert answer.json() == {"data": {"__typename": "Query"}}
    assert (answer.headers.get("access-control-allow-origin") == origin) is allowed


async def test_documentation_of_the_rest_layer(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert "/api/v1/orders/{id}/pay" in document["paths"]
    page = await http.get("/docs", headers=BROWSER)
    assert page.status_code == 200
    assert "swagger" in page.text.lower()


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
async def test_edge_and_every_process_answer_operations(
    http: httpx.AsyncClient, supergraph: dict[str, Any], path: str
) -> None:
    assert (await http.get(path)).status_code == 200
    addresses = supergraph["addresses"]
    async with httpx.AsyncClient() as direct:
        for process in ("users", "products", "orders", "rest_direct", "router"):
            answer = await direct.get(f"{addresses[process]}{path}")
            assert answer.status_code == 200, process


async def test_documented_metrics_are_there(supergraph: dict[str, Any]) -> None:
    names = {
        "users": ["http_requests_total", "http_request_duration_seconds", "user_registrations_total"],
        "orders": ["orders_total", "db_connections_active", "redis_commands_total"],
    }
    async with httpx.AsyncClient() as direct:
        for process, expected in names.items():
            text = (await direct.get(f"{supergraph['addresses'][process]}/metrics")).text
            for name in expected:
                assert name in text, f"{process}: {name}"


async def test_request_id_of_the_client_comes_back(http: httpx.AsyncClient) -> None:
    wanted = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
    for method, path in (("GET", "/api/v1/products?limit=1"), ("GET", "/api/v1/nothing")):
        answer = await http.request(method, path, headers={"x-request-id": wanted})
        assert answer.headers["x-request-id"] == wanted


async def test_keys_are_published(http: httpx.AsyncClient) -> None:
    keys = (await http.get("/.well-known/jwks.json")).json()["keys"]
    assert keys
    assert all(k["kty"] == "OKP" and k["crv"] == "Ed25519" and k["kid"] and "d" not in k for k in keys)


async def test_burst_of_a_load_test_from_this_machine_meets_no_limit(http: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(http.get("/api/v1/products?limit=1") for _ in range(100)))
    assert {a.status_code for a in answers} == {200}
