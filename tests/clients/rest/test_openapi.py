"""The OpenAPI document and its pages."""

import re
import subprocess
import sys

import httpx
import orjson

from clients.rest.responses import MEANINGS
from tests.clients.rest.stub_router import StubRouter

DOCUMENTED = {
    "post /api/v1/users", "post /api/v1/users/register", "post /api/v1/users/login", "post /api/v1/users/refresh",
    "delete /api/v1/users/logout", "post /api/v1/users/logout", "get /api/v1/users/profile",
    "put /api/v1/users/profile", "post /api/v1/users/confirm-email", "get /api/v1/users/{id}", "get /api/v1/products", "post /api/v1/products",
    "put /api/v1/products/{id}", "delete /api/v1/products/{id}",
    "get /api/v1/products/search",
    "post /api/v1/products/{id}/images",
    "get /api/v1/products/{id}", "get /api/v1/categories", "post /api/v1/orders", "get /api/v1/orders/{id}",
    "put /api/v1/orders/{id}",
    "delete /api/v1/orders/{id}", "get /api/v1/orders/user/{user_id}", "post /api/v1/orders/{id}/pay",
    "get /api/v1/orders/{id}/events", "get /api/v1/reports/orders", "get /health", "get /ready", "get /metrics",
}  # fmt: skip


async def test_the_document_names_every_endpoint_with_a_summary_and_a_tag(
    anonymous: httpx.AsyncClient,
) -> None:
    document = (await anonymous.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    operations = {f"{m} {path}": op for path, item in document["paths"].items() for m, op in item.items()}
    assert set(operations) == DOCUMENTED
    assert all(op["summary"] and op["tags"] for op in operations.values())
    ids = [op["operationId"] for op in operations.values()]
    assert len(ids) == len(set(ids))


async def test_every_reference_in_the_document_leads_somewhere(anonymous: httpx.AsyncClient) -> None:
    document = (await anonymous.get("/openapi.json")).json()
    references = set(re.findall(r'"\$ref":"#/components/(\w+)/(\w+)"', orjson.dumps(document).decode()))
    assert references
    defined = {(kind, name) for kind, named in document["components"].items() for name in named}
    assert references <= defined
    assert {r for r in defined if r[0] == "schemas"} <= references
    assert set(document["components"]["responses"]) == {f"Error{status.value}" for status in MEANINGS}


async def test_tokens_are_asked_for_where_they_are_needed(anonymous: httpx.AsyncClient) -> None:
    paths = (await anonymous.get("/openapi.json")).json()["paths"]
    assert paths["/api/v1/orders"]["post"]["security"] == [{"bearer": []}]
    assert paths["/api/v1/users/{id}"]["get"]["security"] == [{}, {"bearer": []}]
    assert "security" not in paths["/api/v1/users/login"]["post"]


async def test_the_pages_need_no_other_host(anonymous: httpx.AsyncClient) -> None:
    page = await anonymous.get("/docs")
    assert page.status_code == 200
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(loaded) == 3
    for address in loaded:
        assert address.startswith("/docs/assets/")
        assert (await anonymous.get(address)).status_code == 200
    assert "https://" not in page.text


async def test_metrics_count_by_route_and_not_by_path(client: httpx.AsyncClient, router: StubRouter) -> None:
    router.roots["order"] = None
    await client.get("/api/v1/orders/o-secret")
    text = (await client.get("/metrics")).text
    assert 'http_requests_total{endpoint="/api/v1/orders/{id}",method="GET",status="404"}' in text
    assert "o-secret" not in text


async def test_the_command_prints_the_document_that_is_served(anonymous: httpx.AsyncClient) -> None:
    command = [sys.executable, "-m", "clients.rest", "openapi"]
    printed = subprocess.run(command, check=True, capture_output=True).stdout  # noqa: ASYNC221 - half a second, once
    assert orjson.loads(printed) == (await anonymous.get("/openapi.json")).json()
