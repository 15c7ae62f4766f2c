"""`Product.stockMovements`, through the subgraph."""

import pytest

from subgraphs.kit.auth.viewer import ANONYMOUS
from tests.subgraphs.products.listings import listing

pytestmark = pytest.mark.usefixtures("empty")

FIELDS = "nodes { kind delta heldDelta orderId actorId reason } totalCount pageInfo { hasNextPage }"


async def test_staff_reads_what_moved_a_stock(client, make, stock) -> None:
    mug = await make(stock=5)
    await stock.reserve("o1", (mug, 2))
    adjust = 'mutation($id: ID!) { adjustStock(productId: $id, delta: 3, reason: "found") { __typename } }'
    await client.manage(adjust, id=mug.id)
    query = f"query($id: ID!) {{ product(id: $id) {{ stockMovements(first: 2) {{ {FIELDS} }} }} }}"
    assert (await client.manage(query, id=mug.id))["product"]["stockMovements"] == {
        "nodes": [
            {
                "kind": "ADJUSTED",
                "delta": 3,
                "heldDelta": 0,
                "orderId": None,
                "actorId": "u1",
                "reason": "found",
            },
            {
                "kind": "RESERVED",
                "delta": -2,
                "heldDelta": 2,
                "orderId": "o1",
                "actorId": None,
                "reason": None,
            },
        ],
        "totalCount": 3,
        "pageInfo": {"hasNextPage": True},
    }


async def test_movements_of_many_products_are_a_page_of_an_index_each(
    client, make, services, commands
) -> None:
    """No server has one command that reads the pages of many from an index; `$unionWith` does on MongoDB alone."""
    for n in range(20):
        await make(f"Mug {n}", stock=n + 1)
    await services.movements.collect()
    await services.product_lists.page(ANONYMOUS, listing())  # reads the fences, which last for a minute
    commands.sent.clear()
    query = "{ products(first: 20, sort: NAME) { nodes { stockMovements(first: 1) { nodes { delta } totalCount } } } }"
    found = (await client.manage(query))["products"]["nodes"]
    # The page, what is still in the documents, the pages of the logs, their totals.
    assert commands.sent == ["find", "find", *["find"] * 20, "aggregate"]
    logs = [c for c in commands.whole[-21:] if c.get("find") == "stock_movements"]
    assert [(set(c["filter"]), c["sort"], c["limit"]) for c in logs] == [
        ({"product_id"}, {"_id": -1}, 2)
    ] * 20
    deltas = {node["stockMovements"]["nodes"][0]["delta"] for node in found}
    assert (deltas, {node["stockMovements"]["totalCount"] for node in found}) == (set(range(1, 21)), {1})


async def test_shopper_is_refused_the_log(client, make) -> None:
    mug = await make(stock=5)
    query = "query($id: ID!) { product(id: $id) { stockMovements { totalCount } } }"
    assert (await client.error(query, client.token(), id=mug.id))["extensions"]["code"] == "FORBIDDEN"
    assert (await client.error(query, id=mug.id))["extensions"]["code"] == "UNAUTHENTICATED"
