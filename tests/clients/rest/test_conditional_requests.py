"""Changes of a product over REST, and requests on the condition of what the client has read."""

from typing import Any

import httpx
import pytest

from clients.rest import entity_tags
from tests.clients.rest import sample_objects
from tests.clients.rest.stub_router import StubRouter, problem
from tests.clients.rest.test_products import PRODUCT

PATH = "/api/v1/products/p1"


def updated(**changes: Any) -> dict[str, Any]:
    return {"__typename": "UpdateProductSuccess", "product": sample_objects.product(**changes)}


async def tag_of(client: httpx.AsyncClient, router: StubRouter, **changes: Any) -> str:
    """The ETag of the product with `changes`."""
    router.roots["product"] = sample_objects.product(**changes)
    response = await client.get(PATH)
    router.sent.clear()
    return response.headers["etag"]


async def test_absent_fields_stay_and_null_is_sent_on(client: httpx.AsyncClient, router: StubRouter) -> None:
    router.roots["updateProduct"] = updated(version=4)
    body = {"price": 12.5, "description": None, "category": "Tea", "tags": [], "active": False, "stock": 0}
    response = await client.put(PATH, json=body)
    assert (response.status_code, response.json()) == (200, PRODUCT)
    (sent,) = router.sent
    assert (sent.operation, sent.variables) == (
        "UpdateProduct",
        {"id": "p1", "input": {**body, "price": "12.5"}},
    )


async def test_deleted_product_is_answered_without_a_body(
    client: httpx.AsyncClient, router: StubRouter
) -> None:
    router.roots["deleteProduct"] = {"__typename": "DeleteProductSuccess", "id": "p1"}
    response = await client.delete(PATH)
    assert (response.status_code, response.content) == (204, b"")
    assert [(s.operation, s.variables) for s in router.sent] == [("DeleteProduct", {"id": "p1"})]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_change_needs_a_token(anonymous: httpx.AsyncClient, router: StubRouter, method: str) -> None:
    response = await anonymous.request(method, PATH, json={} if method == "PUT" else None)
    assert response.status_code == 401
    assert router.sent == []


async def test_answer_that_the_client_has_is_not_sent_again(
    client: httpx.AsyncClient, router: StubRouter
) -> None:
    tag = await tag_of(client, router)
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        response = await client.get(PATH, headers={"if-none-match": known})
        assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", tag)
    for other in ('"3.00"', f'"{tag[1:-2]}"'):
        response = await client.get(PATH, headers={"if-none-match": other})
        assert (response.status_code, response.json()) == (200, PRODUCT)
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["vary"] == "Authorization"


async def test_tag_changes_with_the_stock_and_names_the_version(
    client: httpx.AsyncClient, router: StubRouter
) -> None:
    before, after = await tag_of(client, router, stock=7), await tag_of(client, router, stock=6)
    assert before != after
    assert entity_tags.versions(f"{before}, {after}") == {3}
    router.roots["product"] = sample_objects.product(stock=6)
    assert (await client.get(PATH, headers={"if-none-match": before})).status_code == 200


@pytest.mark.parametrize(("method", "operation"), [("PUT", "UpdateProduct"), ("DELETE", "DeleteProduct")])
async def test_version_that_was_read_is_changed_although_units_were_reserved(
    client: httpx.AsyncClient, router: StubRouter, method: str, operation: str
) -> None:
    tag = await tag_of(client, router, stock=7)
    router.roots |= {
        "product": sample_objects.product(stock=5),
        "updateProduct": updated(version=4),
        "deleteProduct": {"__typename": "DeleteProductSuccess", "id": "p1"},
    }
    body = {"name": "Laptop"} if method == "PUT" else None
    response = await client.request(method, PATH, json=body, headers={"if-match": tag})
    assert response.status_code in {200, 204}
    assert [s.operation for s in router.sent] == ["ProductVersion", operation]
    assert router.sent[-1].variables["version"] == 3


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("condition", ['"2.00"', '"3"', 'W/"3.0f"', '"x", "y"'])
async def test_version_that_was_not_read_is_left_alone(
    client: httpx.AsyncClient, router: StubRouter, method: str, condition: str
) -> None:
    router.roots["product"] = sample_objects.product(version=3)
    response = await client.request(
        method, PATH, json={} if method == "PUT" else None, headers={"if-match": condition}
    )
    assert (response.status_code, response.json()["error"]["code"]) == (412, "PRECONDITION_FAILED")
    assert [s.operation for s in router.sent] == ["ProductVersion"]


async def test_any_version_is_one_operation(client: httpx.AsyncClient, router: StubRouter) -> None:
    router.roots["updateProduct"] = updated(version=4)
    response = await client.put(PATH, json={}, headers={"if-match": "*"})
    assert (response.status_code, [s.operation for s in router.sent]) == (200, ["UpdateProduct"])
    assert "version" not in router.sent[0].variables


@pytest.mark.parametrize(("version", "status"), [(3, 409), (4, 412)])
async def test_conflict_is_a_failed_condition_only_where_the_version_went_on(
    client: httpx.AsyncClient, router: StubRouter, version: int, status: int
) -> None:
    tag = await tag_of(client, router)
    looks = iter([3, version])
    router.roots |= {
        "product": lambda **_: sample_objects.product(version=next(looks)),
        "updateProduct": problem("ConflictError", "CONFLICT"),
    }
    response = await client.put(PATH, json={"sku": "LAP-2"}, headers={"if-match": tag})
    assert response.status_code == status


async def test_condition_on_an_unknown_product_is_404(client: httpx.AsyncClient, router: StubRouter) -> None:
    router.roots["product"] = None
    assert (await client.put(PATH, json={}, headers={"if-match": '"3.00"'})).status_code == 404


@pytest.mark.parametrize("header", ["if-match", "if-none-match"])
async def test_condition_that_is_no_tag_is_422(
    client: httpx.AsyncClient, router: StubRouter, header: str
) -> None:
    method = "PUT" if header == "if-match" else "GET"
    response = await client.request(method, PATH, json={} if method == "PUT" else None, headers={header: "3"})
    assert (response.status_code, response.json()["error"]["field"].lower()) == (422, header)
    assert router.sent == []
