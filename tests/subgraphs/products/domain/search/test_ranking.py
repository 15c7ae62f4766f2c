from hypothesis import given
from hypothesis import strategies as st

from subgraphs.kit.ids import new_id
from subgraphs.products.domain.products import ProductId
from subgraphs.products.domain.search.entries import changed
from subgraphs.products.domain.search.query import Query
from subgraphs.products.domain.search.ranking import rank, rarity

IDS = sorted(ProductId(new_id()) for _ in range(6))
WORDS = ["red", "blue", "mug", "jar", "lid"]
holders = st.fixed_dictionaries({word: st.sets(st.sampled_from(IDS)) for word in WORDS})


def packed(holders: dict[str, set[ProductId]], standing: str = "42") -> dict[str, bytes]:
    return {
        word: changed(b"", add=dict.fromkeys(sorted(ids), standing), remove=())
        for word, ids in holders.items()
        if ids
    }


@given(holders, st.lists(st.sampled_from(WORDS), min_size=1, max_size=5, unique=True))
def test_all_words_are_wanted_and_else_most_of_them(have, words) -> None:
    found = {hit.product_id for hit in rank(Query.parse(" ".join(words)), packed(have), active=True)}
    counts = {product: sum(product in have[word] for word in words) for product in IDS}
    with_all = {product for product, count in counts.items() if count == len(words)}
    with_most = {product for product, count in counts.items() if count * 10 >= len(words) * 6}
    assert found == (with_all or with_most)


@given(holders)
def test_order_is_by_score_then_id(have) -> None:
    hits = rank(Query.parse("red mug"), packed(have), active=True)
    assert hits == sorted(hits, key=lambda hit: (-hit.score, hit.product_id))
    assert len({hit.key for hit in hits}) == len(hits)


def test_field_and_length_of_the_name_decide() -> None:
    standings = {"name": "41", "longer name": "46", "label": "21", "text": "11", "name and text": "51"}
    ids = dict(zip(standings, IDS, strict=False))
    postings = changed(b"", add={ids[what]: standing for what, standing in standings.items()}, remove=())
    order = [hit.product_id for hit in rank(Query.parse("mug"), {"mug": postings}, active=True)]
    assert order == [ids[what] for what in ("name and text", "name", "longer name", "label", "text")]


def test_rarer_word_counts_more_and_one_product_more_changes_nothing() -> None:
    assert rarity(1) > rarity(10) > rarity(1000)
    assert rarity(5000) == rarity(5001)


def test_what_is_not_sold_has_terms_of_its_own() -> None:
    postings = {f"-{term}": entries for term, entries in packed({"mug": {IDS[0]}}).items()}
    query = Query.parse("mug")
    assert rank(query, postings, active=True) == []
    assert [hit.product_id for hit in rank(query, postings, active=False)] == [IDS[0]]
