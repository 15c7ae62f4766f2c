import pytest

from subgraphs.products.domain.search.spelling import deletions


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
