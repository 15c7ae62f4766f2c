"""The category filter: a slug, an id or a name, through an API that knows no names."""

import asyncio
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.rest import categories
from subgraphs.products.domain import text
from subgraphs.products.service.categories import slug_of
from tests.clients.rest import sample_objects
from tests.clients.rest.stub_router import StubRouter


def tree(*children: dict[str, Any], id: str, name: str, slug: str | None = None) -> dict[str, Any]:  # noqa: A002 - GraphQL's name
    return {"id": id, "name": name, "slug": slug or categories.slugify(name), "children": list(children)}


TREE = tree(
    tree(
        tree(
            tree(tree(id="c-5", name="Espresso Cups"), id="c-4", name="Cups"),
            id="c-3",
            name="Porcelain",
        ),
        tree(id="c-6", name="Sale", slug="kitchen-offers"),
        id="c-2",
        name="Kitchen",
    ),
    tree(id="c-7", name="Sale", slug="home-offers"),
    tree(id="c-8", name="Möbel & Licht", slug="furniture"),
    tree(id="c-9", name="furniture"),
    id="c-1",
    name="Home & Garden",
)


def _all(category: dict[str, Any]) -> list[dict[str, Any]]:
    return [category, *(found for child in category["children"] for found in _all(child))]


@pytest.fixture(autouse=True)
def catalogue(router: StubRouter) -> StubRouter:
    """The stub router with the categories of TREE, and products that answer which category they were filtered by."""

    def category(id: str | None = None, slug: str | None = None) -> dict[str, Any] | None:  # noqa: A002 - GraphQL's name
        return next((c for c in _all(TREE) if id == c["id"] or slug == c["slug"]), None)

    def children(parentId: str | None = None) -> list[dict[str, Any]]:  # noqa: N803 - GraphQL's name
        found = category(id=parentId) if parentId else {"children": [TREE]}
        assert found is not None
        return list(found["children"])

    def products(filter: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: A002 - GraphQL's name
        product = sample_objects.product(id=filter["categoryId"])
        return sample_objects.connection([product], after=None, first=1)

    router.roots |= {"category": category, "categories": children, "products": products}
    return router


async def _filter(fresh: httpx.AsyncClient, wanted: str) -> list[str]:
    response = await fresh.get("/api/v1/products", params={"category": wanted})
    assert response.status_code == 200
    return [product["id"] for product in response.json()["products"]]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("home-garden", "c-1"),
        ("kitchen-offers", "c-6"),
        ("c-7", "c-7"),
        ("c-5", "c-5"),
        ("Home & Garden", "c-1"),
        ("HOME  &  garden", "c-1"),
        ("Home Garden", "c-1"),
    ],
)
async def test_a_slug_an_id_and_a_name_with_its_slug_cost_one_lookup(
    fresh: httpx.AsyncClient, catalogue: StubRouter, wanted: str, found: str
) -> None:
    assert await _filter(fresh, wanted) == [found]
    walked = ["CategoryTree"] if wanted == "Home Garden" else []
    operations = [sent.operation for sent in catalogue.sent]
    assert operations[0] == "FindCategory"
    assert operations[-1] == "Products"
    assert set(operations[1:-1]) == set(walked)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("Möbel & Licht", "c-8"),
        ("mobel & licht", "c-8"),
        ("Sale", "c-7"),
        ("sale", "c-7"),
    ],
)
async def test_a_name_with_a_slug_of_its_own_is_found_nearest_to_the_top(
    fresh: httpx.AsyncClient, wanted: str, found: str
) -> None:
    assert await _filter(fresh, wanted) == [found]


async def test_a_name_below_the_third_level_is_found(
    fresh: httpx.AsyncClient, catalogue: StubRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    cups = next(c for c in _all(TREE) if c["id"] == "c-5")
    monkeypatch.setitem(cups, "slug", "demitasse")
    assert await _filter(fresh, "Espresso Cups") == ["c-5"]
    walks = [sent.variables for sent in catalogue.sent if sent.operation == "CategoryTree"]
    assert walks[0] == {}
    assert {"parentId": "c-3"} in walks


async def test_a_slug_goes_before_another_categorys_name(fresh: httpx.AsyncClient) -> None:
    assert await _filter(fresh, "furniture") == ["c-8"]


async def test_an_unknown_category_has_no_products_and_reads_the_tree_once(
    fresh: httpx.AsyncClient, catalogue: StubRouter
) -> None:
    assert await asyncio.gather(*(_filter(fresh, f"nothing {n}") for n in range(20))) == [[]] * 20
    operations = [sent.operation for sent in catalogue.sent]
    assert operations.count("FindCategory") == 20
    assert [sent.variables for sent in catalogue.sent if sent.operation == "CategoryTree"].count({}) == 1
    assert "Products" not in operations


async def test_a_category_that_is_new_is_found_by_its_name(
    fresh: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(categories, "_FRESH_SECONDS", 0.0)
    assert await _filter(fresh, "Attic") == []
    TREE["children"].append(tree(id="c-10", name="Attic", slug="loft"))
    try:
        assert await _filter(fresh, "Attic") == ["c-10"]
    finally:
        TREE["children"].pop()


async def test_a_tree_without_end_is_left_unread(
    fresh: httpx.AsyncClient, catalogue: StubRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(categories, "_MAX_OPERATIONS", 25)
    leaf = {"id": "c-x", "name": "Deeper"}
    level = {"id": "c-y", "name": "Deep", "children": [{**leaf, "children": [leaf, leaf]}]}
    catalogue.roots["categories"] = lambda **_: [level]
    assert await _filter(fresh, "Sale") == []
    assert [sent.operation for sent in catalogue.sent].count("CategoryTree") <= 25 + 10


async def test_what_is_too_long_for_an_id_is_looked_for_as_a_name(
    fresh: httpx.AsyncClient, catalogue: StubRouter
) -> None:
    assert await _filter(fresh, "x" * 100) == []
    assert catalogue.sent[0].variables == {"couldBeId": False, "slug": "x" * 100, "nameSlug": "x" * 96}
    response = await fresh.get("/api/v1/products", params={"category": "x" * 101})
    assert (response.status_code, response.json()["error"]["field"]) == (422, "category")


@given(st.text(max_size=100))
def test_names_are_folded_and_slugged_as_the_catalogue_does(name: str) -> None:
    assert categories.fold(name) == text.fold(name)
    assert categories.slugify(name) == (slug_of(name) if text.slugify(name) else "")
