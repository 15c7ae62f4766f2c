"""The products of many categories, asked for in one operation."""

import pytest

from subgraphs.kit.auth.viewer import ANONYMOUS
from subgraphs.kit.graphql.context import RequestInfo
from tests.subgraphs.products.listings import listing

CATEGORIES = 100


@pytest.fixture
async def shelves(empty, services, categories, manager, make) -> list[str]:  # noqa: ARG001 - a fixture
    """A hundred categories at the top, the first ten with three products each."""
    names = [f"Shelf {n:03}" for n in range(CATEGORIES)]
    for number, name in enumerate(names):
        shelf = await categories.create(manager, name=name, slug=None, description=None, parent_id=None)
        for n in range(3 if number < 10 else 0):
            await make(f"Book {n}", price=f"{n + 1}.00", category_id=shelf.id)
    await services.product_lists.page(ANONYMOUS, listing())  # reads the fences, which last for a minute
    return names


async def test_products_of_a_hundred_categories_are_two_commands(client, shelves, commands) -> None:
    commands.sent.clear()
    query = (
        "{ categories { name products(first: 2, sort: NAME) { nodes { name } pageInfo { hasNextPage } } } }"
    )
    found = (await client.run(query))["categories"]
    # The categories, what is below them, and one page of each.
    assert commands.sent == ["find", "find", "aggregate"]
    assert [category["name"] for category in found] == shelves
    full = {"nodes": [{"name": "Book 0"}, {"name": "Book 1"}], "pageInfo": {"hasNextPage": True}}
    none = {"nodes": [], "pageInfo": {"hasNextPage": False}}
    assert [category["products"] for category in found] == [full] * 10 + [none] * 90


async def test_totals_of_a_hundred_categories_are_one_command_more(client, shelves, commands) -> None:
    commands.sent.clear()
    found = (await client.run("{ categories { products(first: 1) { totalCount } } }"))["categories"]
    assert commands.sent == ["find", "find", "aggregate", "aggregate"]
    assert [category["products"]["totalCount"] for category in found] == [3] * 10 + [0] * 90
    assert len(shelves) == CATEGORIES


@pytest.mark.usefixtures("shelves")
async def test_pages_with_other_arguments_are_batches_of_their_own(client, commands) -> None:
    commands.sent.clear()
    query = """{ categories {
      cheap: products(filter: {priceMax: "1.00"}) { nodes { name } }
      dear: products(filter: {priceMin: "3.00"}) { nodes { name } } } }"""
    found = (await client.run(query))["categories"]
    assert sorted(commands.sent) == ["aggregate", "aggregate", "find", "find", "find"]
    assert (found[0]["cheap"]["nodes"], found[0]["dear"]["nodes"]) == (
        [{"name": "Book 0"}],
        [{"name": "Book 2"}],
    )


@pytest.mark.usefixtures("shelves")
async def test_arguments_that_are_refused_fail_their_own_field_only(client) -> None:
    query = '{ categories { good: products { nodes { name } } bad: products(after: "x") { totalCount } } }'
    answer = (await client.post(query)).json()
    assert {error["path"][2] for error in answer["errors"]} == {"bad"}
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"VALIDATION_FAILED"}
    assert answer["data"] is None  # a list of products is never null


def test_two_operations_share_no_loader(services) -> None:
    make_context = services.make_context
    request = RequestInfo(viewer=ANONYMOUS, request_id="r1", client_address="", user_agent="")
    one, other = make_context(request).loaders, make_context(request).loaders
    assert one is not other
    assert one.category is not other.category
