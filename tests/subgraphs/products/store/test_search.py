import pytest

from subgraphs.products.domain.products import Product, ProductId
from subgraphs.products.domain.search.facets import Attributes
from subgraphs.products.domain.search.spelling import deletions
from subgraphs.products.store.search import SearchStore


@pytest.fixture
async def indexed_products(services, make, categories) -> list[Product]:
    """One with tags, one in a category, and one that is not sold."""
    tents = await categories.ensure("Cards")
    products = [
        await make("Enamel Mug", price="9.50", tags=["camping gear", "blue"]),
        await make("Kestrel Three", category_id=tents.id),
        await make("Copper Jug", active=False),
    ]
    await services.search_indexing.index_due()
    return products


@pytest.mark.parametrize(
    ("collection", "condition"),
    [
        ("products", {"search_version": {"$lt": 1}}),
        ("products", {"_id": "p1", "search_version": 1}),
        ("search_postings", {"_id": {"$in": ["enamel", "mug"]}}),
        ("search_postings", {"_id": "enamel", "revision": 1}),
        ("search_cards", {"_id": {"$in": ["p1", "p2"]}}),
        ("search_vocabulary", {"word": {"$gte": "ena", "$lt": "ena\U0010ffff"}}),
        ("search_vocabulary", {"deletions": {"$in": sorted(deletions("enamel"))}}),
    ],
)
async def test_no_condition_of_search_reads_a_whole_collection(database, collection, condition) -> None:
    plan = await database[collection].find(condition).explain()
    assert "COLLSCAN" not in str(plan["queryPlanner"]["winningPlan"])


@pytest.mark.parametrize(("asked", "queries"), [(0, 0), (1, 1), (125, 1), (126, 2), (500, 4), (2000, 4)])
async def test_attributes_of_many_are_read_by_up_to_four_queries_at_once(
    database, make, commands, asked, queries
) -> None:
    first, last = await make("First"), await make("Last")
    ids = [first.id, *(ProductId(f"none {n}") for n in range(asked - 2)), last.id][:asked]
    commands.sent.clear()
    found = await SearchStore(database).attributes(ids)
    assert commands.sent == ["find"] * queries
    assert set(found) == {first.id, last.id}.intersection(ids)
    assert all(found[i].id == i for i in found)


@pytest.mark.parametrize(("asked", "queries"), [(0, 0), (1, 1), (125, 1), (126, 2), (2000, 2)])
async def test_cards_are_read_by_fewer_queries_than_documents(
    database, indexed_products, commands, asked, queries
) -> None:
    every = [product.id for product in indexed_products]
    # Each id is asked for again and again, so that none is without a card.
    ids = [every[n % len(every)] for n in range(asked)]
    commands.sent.clear()
    found = await SearchStore(database).cards(ids)
    assert commands.sent == ["find"] * queries
    assert set(found) == set(ids)


async def test_card_says_what_the_product_does(database, indexed_products) -> None:
    found = await SearchStore(database).cards([product.id for product in indexed_products])
    assert found == {product.id: Attributes.of(product) for product in indexed_products}


async def test_product_without_a_card_is_read_itself(database, indexed_products, commands) -> None:
    first, *others = indexed_products
    await database["search_cards"].delete_one({"_id": first.id})
    commands.sent.clear()
    found = await SearchStore(database).cards([product.id for product in indexed_products])
    assert commands.sent == ["find", "find"]
    document = found.pop(first.id)
    assert (document.tags, document.price_rank, document.active) == ({"camping-gear", "blue"}, 9_500, True)
    assert found == {product.id: Attributes.of(product) for product in others}
