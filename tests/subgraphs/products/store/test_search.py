import pytest

from subgraphs.products.domain.products import ProductId
from subgraphs.products.domain.search.spelling import deletions
from subgraphs.products.store.search import SearchStore


@pytest.mark.parametrize(
    ("collection", "condition"),
    [
        ("products", {"search_version": {"$lt": 1}}),
        ("products", {"_id": "p1", "search_version": 1}),
        ("search_postings", {"_id": {"$in": ["enamel", "mug"]}}),
        ("search_postings", {"_id": "enamel", "revision": 1}),
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
