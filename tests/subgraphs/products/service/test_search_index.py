from collections import Counter
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from subgraphs.kit.mongo.client import utc_now
from subgraphs.products.domain.search import entries
from subgraphs.products.domain.search.analyser import words
from subgraphs.products.domain.search.facets import Attributes
from subgraphs.products.migrations import v0003_search
from subgraphs.products.service import search_index
from subgraphs.products.store.search_cards import attributes_of_card
from subgraphs.products.store.search_index import SearchIndexStore
from tests.subgraphs.products.search_catalogue import found

pytestmark = pytest.mark.usefixtures("empty")


class Crash(Exception):
    """The process is gone."""


async def vocabulary(database) -> dict[str, int]:
    return {d["_id"]: d["df"] async for d in database["search_vocabulary"].find({})}


async def expected_vocabulary(database) -> dict[str, int]:
    """Words of names and tags of what is sold, counted from the products themselves."""
    counts: Counter[str] = Counter()
    async for product in database["products"].find({"active": True, "deleted": False}):
        texts = [product["name"], *(tag.replace("-", " ") for tag in product["tags"])]
        counts.update({word for text in texts for word in words(text) if len(word) > 1})
    return dict(counts)


async def postings(database) -> dict[str, dict[str, str]]:
    """The standing of each product, by term."""
    return {
        d["_id"]: {entries.id_of(key): standing.decode() for standing, key in entries.unpack(d["products"])}
        async for d in database["search_postings"].find({})
    }


async def expected_postings(services, database) -> dict[str, dict[str, str]]:
    ids = [d["_id"] async for d in database["products"].find({}, {"_id": 1})]
    expected: dict[str, dict[str, str]] = {}
    for product in await services.products.get_many(ids):
        for term, standing in entries.standings_of(product, []).items():
            expected.setdefault(term, {})[product.id] = standing
    return expected


async def expected_cards(services, database) -> dict[str, Attributes]:
    ids = [d["_id"] async for d in database["products"].find({"deleted": False}, {"_id": 1})]
    return {product.id: Attributes.of(product) for product in await services.products.get_many(ids)}


async def cards(database) -> dict[str, Attributes]:
    return {d["_id"]: attributes_of_card(d) async for d in database["search_cards"].find({})}


async def assert_true_to_the_catalogue(services, database) -> None:
    assert await cards(database) == await expected_cards(services, database)
    assert await postings(database) == await expected_postings(services, database)
    assert await vocabulary(database) == await expected_vocabulary(database)
    assert await services.search_indexing.count_due() == 0


async def test_index_follows_every_kind_of_change(services, database, manager, make) -> None:
    mug = await make("Enamel Mug", tags=["camping gear"])
    bowl = await make("Enamel Bowl")
    await services.search_indexing.index_due()
    await assert_true_to_the_catalogue(services, database)
    assert (await vocabulary(database))["enamel"] == 2

    await services.products.update(manager, mug.id, {"name": "Copper Mug", "tags": []})
    assert await services.search_indexing.count_due() == 1
    await services.search_indexing.index_due()
    await assert_true_to_the_catalogue(services, database)
    assert "camping" not in await vocabulary(database)

    await services.products.update(manager, bowl.id, {"active": False})
    await services.search_indexing.index_due()
    await assert_true_to_the_catalogue(services, database)
    assert await vocabulary(database) == {"copper": 1, "mug": 1}

    await services.products.delete(manager, mug.id)
    await services.products.delete(manager, bowl.id)
    await services.search_indexing.index_due()
    assert await postings(database) == {}
    assert await vocabulary(database) == {}
    assert await cards(database) == {}


async def test_change_of_stock_leaves_the_index_alone(services, manager, make) -> None:
    product = await make("Enamel Mug", stock=3)
    await services.search_indexing.index_due()
    await services.products.adjust_stock(manager, product.id, delta=2, reason=None)
    assert await services.search_indexing.count_due() == 0


async def test_product_is_found_by_its_category_and_those_above(services, manager, make, categories) -> None:
    top = await categories.create(manager, name="Outdoors", slug=None, description=None, parent_id=None)
    tents = await categories.create(manager, name="Tents", slug=None, description=None, parent_id=top.id)
    await make("Kestrel Three", sku="KES-3", category_id=tents.id)
    await services.search_indexing.index_due()
    assert await found(services.search, "tent") == ["KES-3"]
    assert await found(services.search, "outdoor kestrel") == ["KES-3"]


@pytest.mark.parametrize("step", ["announce", "write_cards", "post", "finish"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_crash_at_any_step_is_made_good_by_the_next_run(  # noqa: PLR0917 - fixtures and cases
    services, database, manager, make, monkeypatch, step, when
) -> None:
    product = await make("Enamel Mug", tags=["blue"])
    await make("Enamel Bowl")
    await services.search_indexing.index_due()
    await services.products.update(manager, product.id, {"name": "Copper Jug", "tags": ["red"]})
    original = getattr(SearchIndexStore, step)

    async def crash(self, *args, **kwargs):
        if when == "after":
            await original(self, *args, **kwargs)
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(SearchIndexStore, step, crash)
        with pytest.raises(Crash):
            await services.search_indexing.index_due()
    # It changes once more while nobody indexes, so that what was half done is not what is wanted now.
    await services.products.update(manager, product.id, {"name": "Silver Jug"})
    await services.search_indexing.index_due()
    await assert_true_to_the_catalogue(services, database)
    assert await vocabulary(database) == {"enamel": 1, "bowl": 1, "silver": 1, "jug": 1, "red": 1}


async def test_change_while_it_is_indexed_stays_due(services, database, manager, make, monkeypatch) -> None:
    product = await make("Enamel Mug")
    original = SearchIndexStore.post

    async def meanwhile(self, changes):
        monkeypatch.setattr(SearchIndexStore, "post", original)
        await services.products.update(manager, product.id, {"name": "Copper Mug"})
        return await original(self, changes)

    monkeypatch.setattr(SearchIndexStore, "post", meanwhile)
    await services.search_indexing.index_due()
    assert await services.search_indexing.count_due() == 1
    await services.search_indexing.index_due()
    await assert_true_to_the_catalogue(services, database)
    assert await vocabulary(database) == {"copper": 1, "mug": 1}


async def test_postings_that_another_process_wrote_are_read_again(
    services, database, make, monkeypatch
) -> None:
    await make("Enamel Mug")
    await services.search_indexing.index_due()
    await make("Enamel Bowl")
    original = SearchIndexStore._write_postings

    async def outrun(self, changes, before):
        monkeypatch.setattr(SearchIndexStore, "_write_postings", original)
        await database["search_postings"].update_one({"_id": "enamel"}, {"$inc": {"revision": 1}})
        return await original(self, changes, before)

    monkeypatch.setattr(SearchIndexStore, "_write_postings", outrun)
    await services.search_indexing.index_due()
    assert await services.search_indexing.count_due() == 1
    await services.search_indexing.index_due()
    await assert_true_to_the_catalogue(services, database)


async def test_one_process_indexes_at_a_time(services, database, make) -> None:
    await make("Enamel Mug")
    now = utc_now()
    first = replace(services.search_indexing, owner="first", clock=lambda: now)
    other = replace(services.search_indexing, owner="other", clock=lambda: now)
    later = replace(services.search_indexing, owner="other", clock=lambda: now + timedelta(seconds=16))
    await database["search_state"].delete_many({})
    await first.index_due()
    assert await first.count_due() == 0
    await make("Enamel Bowl")
    assert await other.index_due() is False
    assert await other.count_due() == 1
    await later.index_due()
    assert await later.count_due() == 0
    await database["search_state"].delete_many({})


async def test_new_analyser_reindexes_everything_and_search_answers_meanwhile(
    services, database, make, monkeypatch
) -> None:
    for number in range(7):
        await make(f"Enamel Mug {number}", sku=f"MUG-{number}")
    await services.search_indexing.index_due()
    everything = {f"MUG-{number}" for number in range(7)}

    # The new one also takes a word's first three letters for a term.
    original = entries.index_terms
    monkeypatch.setattr(entries, "index_terms", lambda word: {*original(word), word[:3]})
    monkeypatch.setattr(search_index, "BATCH", 3)
    new = replace(services.search_indexing, version=services.search_indexing.version + 1)
    assert await new.count_due() == 7
    assert set(await found(services.search, "enamel mug")) == everything

    real, batches = SearchIndexStore.finish, []

    async def crash_in_the_second(self, *args, **kwargs):
        batches.append(None)
        if len(batches) == 2:
            raise Crash
        await real(self, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(SearchIndexStore, "finish", crash_in_the_second)
        with pytest.raises(Crash):
            await new.index_due()
    assert await new.count_due() == 4
    assert set(await found(services.search, "enamel mug")) == everything

    await new.index_due()
    assert await new.count_due() == 0
    assert set((await postings(database))["ena"]) == {
        d["_id"] async for d in database["products"].find({}, {"_id": 1})
    }
    assert await postings(database) == await expected_postings(services, database)
    assert set(await found(services.search, "enamel mug")) == everything


async def test_full_list_takes_no_more_and_is_not_required(services, make, monkeypatch) -> None:
    monkeypatch.setattr("subgraphs.products.store.search_index.MAX_POSTINGS", 3)
    monkeypatch.setattr("subgraphs.products.domain.search.ranking.MAX_POSTINGS", 3)
    for number in range(3):
        await make(f"Steel Spoon {number}", sku=f"SPO-{number}")
        await services.search_indexing.index_due()
    await make("Steel Ladle", sku="LAD-1")
    await services.search_indexing.index_due()
    assert await found(services.search, "steel") == ["SPO-0", "SPO-1", "SPO-2"]
    assert await found(services.search, "steel ladle") == ["LAD-1"]


async def test_products_of_before_are_indexed(services, database, make) -> None:
    """A document without the fields of search, as the migration finds it."""
    product = await make("Enamel Mug", sku="OLD-1")
    await database["products"].update_one({"_id": product.id}, {"$unset": {"search_version": ""}})
    assert await services.search_indexing.count_due() == 0
    await v0003_search.apply(database)
    assert await services.search_indexing.count_due() == 1
    await services.search_indexing.index_due()
    assert await found(services.search, "mug") == ["OLD-1"]


async def test_index_without_cards_gets_them(services, database, make) -> None:
    """As the first version of the analyser left it."""
    await make("Enamel Mug", sku="MUG-1")
    await services.search_indexing.index_due()
    await database["search_cards"].delete_many({})
    await database["products"].update_many({}, {"$set": {"search_version": 1}})
    assert await found(services.search, "mug", price_max=Decimal(1000)) == ["MUG-1"]
    assert await services.search_indexing.count_due() == 1
    await services.search_indexing.index_due()
    await assert_true_to_the_catalogue(services, database)
