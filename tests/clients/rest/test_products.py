"""The catalogue over REST, and pages over cursors."""

from typing import Any

import httpx
import pytest

from tests.clients.rest import sample_objects
from tests.clients.rest.stub_router import StubRouter

PRODUCT = {
    "id": "p1", "name": "Laptop", "description": None, "price": 99.9, "currency": "USD", "stock": 7,
    "category": "Electronics", "sku": "LAP-1", "images": [], "tags": ["new"], "active": True,
    "created_at": "2026-01-05T10:00:00Z", "updated_at": "2026-01-05T10:00:00.250000Z",
}  # fmt: skip


def shelf(count: int) -> Any:
    """A products connection over `count` products, p1 first."""
    products = [sample_objects.product(id=f"p{n}") for n in range(1, count + 1)]

    def resolve(first: int, after: str | None = None, **_: Any) -> dict[str, Any]:
        return sample_objects.connection(products, after=after, first=first)

    return resolve


async def test_a_created_product_is_answered_with_exact_money(
    client: httpx.AsyncClient, router: StubRouter
) -> None:
    router.roots["createProduct"] = {
        "__typename": "CreateProductSuccess",
        "product": sample_objects.product(),
    }
    body = {"name": "Laptop", "price": 99.9, "stock": 7, "category": "Electronics"}
    response = await client.post("/api/v1/products", json=body)
    assert (response.status_code, response.json()) == (201, PRODUCT)
    assert b'"price":99.90,' in response.content
    assert response.headers["location"] == "/api/v1/products/p1"
    assert router.sent[0].variables == {
        "input": {"name": "Laptop", "price": "99.9", "stock": 7, "category": "Electronics"}
    }


async def test_a_product_without_category_has_null(client: httpx.AsyncClient, router: StubRouter) -> None:
    router.roots["product"] = sample_objects.product(category=None)
    response = await client.get("/api/v1/products/p1")
    assert (response.status_code, response.json()) == (200, {**PRODUCT, "category": None})


async def test_an_unknown_product_is_404(client: httpx.AsyncClient, router: StubRouter) -> None:
    router.roots["product"] = None
    assert (await client.get("/api/v1/products/p9")).status_code == 404


async def test_the_first_page_is_one_operation(anonymous: httpx.AsyncClient, router: StubRouter) -> None:
    router.roots["products"] = shelf(3)
    answer = (await anonymous.get("/api/v1/products", params={"limit": 2})).json()
    assert [p["id"] for p in answer.pop("products")] == ["p1", "p2"]
    assert answer == {"page": 1, "limit": 2, "has_next": True, "next_cursor": "2"}
    assert [s.operation for s in router.sent] == ["Products"]
    assert router.sent[0].variables == {"first": 2, "filter": {}, "sort": "NEWEST"}


@pytest.mark.parametrize(
    ("page", "limit", "ids", "operations"),
    [
        (2, 2, ["p3", "p4"], ["SkipProducts", "Products"]),
        (3, 60, [f"p{n}" for n in range(121, 131)], ["SkipProducts", "SkipProducts", "Products"]),
        (7, 20, [f"p{n}" for n in range(121, 131)], ["SkipProducts", "SkipProducts", "Products"]),
        (8, 20, [], ["SkipProducts", "SkipProducts"]),
    ],
)
async def test_a_page_by_number_is_walked_to(  # noqa: PLR0917 - parameters of the cases
    anonymous: httpx.AsyncClient,
    router: StubRouter,
    page: int,
    limit: int,
    ids: list[str],
    operations: list[str],
) -> None:
    router.roots["products"] = shelf(130)
    response = await anonymous.get("/api/v1/products", params={"page": page, "limit": limit})
    answer = response.json()
    assert [p["id"] for p in answer["products"]] == ids
    assert (answer["page"], answer["has_next"]) == (page, page == 2)
    assert [s.operation for s in router.sent] == operations


async def test_a_list_goes_on_by_cursor_in_one_operation(
    anonymous: httpx.AsyncClient, router: StubRouter
) -> None:
    router.roots["products"] = shelf(130)
    answer = (await anonymous.get("/api/v1/products", params={"cursor": "128", "limit": 5})).json()
    assert [p["id"] for p in answer.pop("products")] == ["p129", "p130"]
    assert answer == {"page": None, "limit": 5, "has_next": False, "next_cursor": None}
    assert len(router.sent) == 1


async def test_filters_reach_graphql(anonymous: httpx.AsyncClient, router: StubRouter) -> None:
    router.roots["products"] = shelf(1)
    query = "category=Home+%26+Garden&min_price=10&max_price=99.99&in_stock=true&tag=a&tag=b&sort=price_asc"
    response = await anonymous.get(f"/api/v1/products?{query}")
    assert response.status_code == 200
    (sent,) = router.sent
    assert sent.variables == {
        "first": 20, "sort": "PRICE_ASC",
        "filter": {
            "categoryId": "Home & Garden", "priceMin": "10", "priceMax": "99.99", "inStock": True, "tags": ["a", "b"],
        },
    }  # fmt: skip


async def test_categories_name_their_parents(anonymous: httpx.AsyncClient, router: StubRouter) -> None:
    root = {"id": "c1", "name": "Home", "slug": "home", "description": None, "parent": None}
    router.roots["categories"] = [root, {**root, "id": "c2", "parent": {"id": "c1"}}]
    response = await anonymous.get("/api/v1/categories", params={"parent_id": "c1"})
    category = {"id": "c1", "name": "Home", "slug": "home", "description": None, "parent_id": None}
    assert response.json() == {"categories": [category, {**category, "id": "c2", "parent_id": "c1"}]}
    assert router.sent[0].variables == {"parentId": "c1"}


def search_results(count: int) -> Any:
    """A search that finds `count` products, p1 first."""
    products = [sample_objects.product(id=f"p{n}") for n in range(1, count + 1)]

    def resolve(first: int, after: str | None = None, **_: Any) -> dict[str, Any]:
        return sample_objects.search_connection(products, after=after, first=first)

    return resolve


async def test_search_answers_scores_total_and_facets(
    anonymous: httpx.AsyncClient, router: StubRouter
) -> None:
    router.roots["searchProducts"] = search_results(3)
    response = await anonymous.get("/api/v1/products/search?q=lap+top&limit=2&tag=new&max_price=700")
    assert response.status_code == 200
    answer = response.json()
    assert answer.pop("products") == [
        {**PRODUCT, "id": "p1", "score": 100.5}, {**PRODUCT, "id": "p2", "score": 90.5},
    ]  # fmt: skip
    assert answer == {
        "total": 3, "page": 1, "limit": 2, "has_next": True, "next_cursor": "2",
        "facets": {
            "categories": [{"id": "c1", "name": "Computing", "slug": "computing", "count": 2}],
            "tags": [{"tag": "new", "count": 3}],
            "price_ranges": [
                {"min": 50, "max": 100, "count": 2}, {"min": 500, "max": None, "count": 1},
            ],
        },
    }  # fmt: skip
    assert router.sent[0].variables == {
        "query": "lap top", "first": 2, "sort": "RELEVANCE", "filter": {"priceMax": "700", "tags": ["new"]},
    }  # fmt: skip


async def test_search_past_its_end_is_empty(anonymous: httpx.AsyncClient, router: StubRouter) -> None:
    router.roots["searchProducts"] = search_results(3)
    nothing = {
        "products": [], "total": None, "page": 2, "limit": 20, "has_next": False, "next_cursor": None,
        "facets": {"categories": [], "tags": [], "price_ranges": []},
    }  # fmt: skip
    assert (await anonymous.get("/api/v1/products/search?q=a&page=2")).json() == nothing
    assert [s.operation for s in router.sent] == ["SkipSearchProducts"]


@pytest.mark.parametrize(
    "query", ["", "q=", "q=" + "x" * 201, "q=a&sort=best", "q=a&min_price=2&max_price=1"]
)
async def test_search_that_is_none_is_refused(
    anonymous: httpx.AsyncClient, router: StubRouter, query: str
) -> None:
    assert (await anonymous.get(f"/api/v1/products/search?{query}")).status_code == 422
    assert router.sent == []
