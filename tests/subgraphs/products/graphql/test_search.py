from decimal import Decimal

import pytest

from subgraphs.products.domain.products import NewProduct
from subgraphs.products.service.search import SearchService

SEARCH = """
query($text: String!, $first: Int, $after: String, $filter: ProductFilter, $sort: ProductSort) {
  searchProducts(query: $text, first: $first, after: $after, filter: $filter, sort: $sort) {
    edges { score cursor node { sku } }
    nodes { sku }
    pageInfo { hasNextPage hasPreviousPage endCursor }
    totalCount
    facets { categories { count category { name } } tags { tag count } priceRanges { min max count } }
  }
}
"""


pytestmark = pytest.mark.usefixtures("empty", "mugs")


@pytest.fixture
async def mugs(services, manager) -> None:
    for number, price in enumerate(("12.50", "25", "700"), 1):
        new = NewProduct(
            name=f"Enamel Mug {number}",
            price=Decimal(price),
            sku=f"MUG-{number}",
            tags=["blue"] if number > 1 else [],
            category="Cups",
        )
        await services.products.create(manager, new)
    await services.search_indexing.index_due()


async def test_search_answers_pages_scores_total_and_facets(client) -> None:
    found = (await client.run(SEARCH, text="enamel mugs", first=2))["searchProducts"]
    assert [edge["node"]["sku"] for edge in found["edges"]] == ["MUG-1", "MUG-2"]
    assert [node["sku"] for node in found["nodes"]] == ["MUG-1", "MUG-2"]
    assert found["edges"][0]["score"] == found["edges"][1]["score"] > 0
    assert found["pageInfo"] == {
        "hasNextPage": True,
        "hasPreviousPage": False,
        "endCursor": found["edges"][1]["cursor"],
    }
    assert found["totalCount"] == 3
    assert found["facets"] == {
        "categories": [{"count": 3, "category": {"name": "Cups"}}],
        "tags": [{"tag": "blue", "count": 2}],
        "priceRanges": [
            {"min": "0", "max": "25", "count": 1},
            {"min": "25", "max": "50", "count": 1},
            {"min": "500", "max": None, "count": 1},
        ],
    }
    after = found["pageInfo"]["endCursor"]
    rest = (await client.run(SEARCH, text="enamel mugs", first=2, after=after))["searchProducts"]
    assert [node["sku"] for node in rest["nodes"]] == ["MUG-3"]
    assert (rest["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasPreviousPage"]) == (False, True)


async def test_search_takes_filters_and_orders(client) -> None:
    arguments = {"filter": {"tags": ["blue"]}, "sort": "PRICE_DESC"}
    found = (await client.run(SEARCH, text="mug", **arguments))["searchProducts"]
    assert [node["sku"] for node in found["nodes"]] == ["MUG-3", "MUG-2"]
    assert found["totalCount"] == 2


async def test_suggestions(client) -> None:
    query = "query($prefix: String!) { productSuggestions(prefix: $prefix, first: 5) }"
    assert (await client.run(query, prefix="Blue en"))["productSuggestions"] == ["Blue enamel"]


@pytest.mark.parametrize(
    ("text", "code"),
    [("!?", "VALIDATION_FAILED"), ("x" * 201, "VALIDATION_FAILED"), ("x" * 1001, "BAD_USER_INPUT")],
)
async def test_text_that_is_no_query_is_refused(client, text, code) -> None:
    error = await client.error("query($q: String!) { searchProducts(query: $q) { totalCount } }", q=text)
    assert error["extensions"]["code"] == code
    error = await client.error("query($q: String!) { productSuggestions(prefix: $q) }", q=text)
    assert error["extensions"]["code"] == code


@pytest.mark.parametrize(
    ("selected", "asked"),
    [
        ("nodes { sku } facets { tags { tag } }", True),
        ("other: facets { tags { tag } }", True),
        ("... on ProductSearchConnection { ... { facets { tags { tag } } } }", True),
        ("...page", True),
        ("nodes { sku } totalCount", False),
    ],
)
async def test_search_knows_beforehand_whether_facets_are_asked_for(
    client, monkeypatch, selected, asked
) -> None:
    seen: list[bool] = []
    original = SearchService.search

    async def watched(self, viewer, search, *, with_facets=False):
        seen.append(with_facets)
        return await original(self, viewer, search, with_facets=with_facets)

    monkeypatch.setattr(SearchService, "search", watched)
    fragment = "fragment page on ProductSearchConnection { facets { tags { tag } } }"
    query = f'{{ searchProducts(query: "mug") {{ {selected} }} }}'
    await client.run(f"{query} {fragment}" if "...page" in selected else query)
    assert seen == [asked]
