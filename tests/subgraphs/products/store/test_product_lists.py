"""Pages against a look through the whole catalogue, with fences close together, none, and out of date."""

import random
from collections.abc import Sequence
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from subgraphs.kit.ids import new_id
from subgraphs.kit.money import Amount, MinorUnits
from subgraphs.kit.mongo.client import utc_now
from subgraphs.kit.pagination import encode_cursor
from subgraphs.products.domain.categories import CategoryId
from subgraphs.products.domain.lists import Listing, ProductFilter, ProductSort, cursor_key
from subgraphs.products.domain.products import Product, ProductId
from subgraphs.products.store.fences import FenceKeys, Fences
from subgraphs.products.store.list_keys import KEYS, list_fields
from subgraphs.products.store.product_lists import ProductListStore
from subgraphs.products.store.products import ProductStore
from tests.subgraphs.products.explained import stages_of

SORTS = (ProductSort.NEWEST, ProductSort.NAME, ProductSort.PRICE_ASC, ProductSort.PRICE_DESC)
CATEGORIES = [CategoryId(f"c{n}") for n in range(5)]
PRODUCTS = 240
APART = 5


class FencesOf(Fences):
    """One of each `APART` of the products that it is given, in every list."""

    def __init__(self, products: Sequence[Product]) -> None:
        documents = [list_fields(product)["lists"] for product in products]
        self._at = {name: sorted(d[name] for d in documents if name in d)[::APART] for name in KEYS}

    async def read(self) -> FenceKeys:
        return FenceKeys(self._at)


def random_product(pick: random.Random, number: int) -> Product:
    now = utc_now()
    return Product(
        id=ProductId(new_id()),
        sku=f"SKU-{number}",
        name=pick.choice(["Mug", "Mug Blue", "Mügs", "mug", "Teapot", "杯子"]),
        description=None,
        price=Amount(MinorUnits(pick.choice([0, 100, 250, 250, 99_999])), pick.choice(["USD", "JPY"])),
        category_id=pick.choice([None, *CATEGORIES]),
        tags=tuple(pick.sample(["red", "green", "rare"], pick.choice([0, 1, 2]))),
        available=pick.choice([0, 0, 3]),
        active=pick.random() < 0.8,
        deleted=pick.random() < 0.1,
        version=1,
        created_at=now + timedelta(milliseconds=pick.randrange(40)),
        updated_at=now,
    )


@pytest.fixture(scope="module")
async def catalogue(database) -> list[Product]:
    await database["products"].delete_many({})
    pick = random.Random(5)
    products = [random_product(pick, number) for number in range(PRODUCTS)]
    await ProductStore(database, wake_up=lambda: None).insert_missing(products)
    return products


@pytest.fixture(params=["close together", "none", "out of date"])
def store(request, database, catalogue) -> ProductListStore:
    known = {"close together": catalogue, "none": [], "out of date": catalogue[: PRODUCTS // 8]}
    return ProductListStore(database, fences=FencesOf(known[request.param]))


def random_filter(pick: random.Random, catalogue: list[Product]) -> ProductFilter:
    some = {
        "price_min": pick.choice([0, 2500, 2501]),
        "price_max": pick.choice([1000, 2500, 10**20 - 1]),
        "in_stock": pick.choice([True, False]),
        "tags": tuple(pick.sample(["red", "green", "rare"], pick.choice([1, 1, 2]))),
        "ids": tuple(product.id for product in pick.sample(catalogue, 40)),
    }
    chosen = pick.sample(sorted(some), pick.choice([0, 0, 1, 1, 2]))
    return ProductFilter(active=pick.random() < 0.8, **{name: some[name] for name in chosen})


def expected(
    catalogue: list[Product], asked: Listing, categories: list[CategoryId] | None
) -> list[ProductId]:
    wanted = asked.filter
    highest = 10**30 if wanted.price_max is None else wanted.price_max
    found = [
        product
        for product in catalogue
        if not product.deleted
        and product.active is wanted.active
        and (categories is None or product.category_id in categories)
        and (wanted.price_min or 0) <= rank(product) <= highest
        and (wanted.in_stock is None or wanted.in_stock is (product.available > 0))
        and set(wanted.tags) <= set(product.tags)
        and (wanted.ids is None or product.id in wanted.ids)
    ]
    backwards = asked.order in {ProductSort.NEWEST, ProductSort.PRICE_DESC}
    return [p.id for p in sorted(found, key=lambda p: cursor_key(asked.order, p), reverse=backwards)]


def rank(product: Product) -> int:
    """Thousandths of the major unit."""
    return product.price.minor * (10 if product.price.currency == "USD" else 1000)


async def pages_of(
    store: ProductListStore, asked: Listing, categories: list[CategoryId] | None, size: int
) -> list[ProductId]:
    found: list[Product] = []
    for _ in count():
        after = encode_cursor(cursor_key(asked.order, found[-1])) if found else None
        here = Listing(filter=asked.filter, sort=asked.sort, first=size, after=after)
        page = await store.page(here, categories=categories, limit=size)
        found += page
        if len(page) < size:
            break
    return [product.id for product in found]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("seed", range(6))
async def test_pages_and_totals_are_those_of_a_look_through_everything(store, catalogue, sort, seed) -> None:
    pick = random.Random(seed)
    for size in (7, 60):
        wanted = random_filter(pick, catalogue)
        categories = pick.choice([None, None, CATEGORIES[:1], CATEGORIES[1:4], CATEGORIES, []])
        asked = Listing(filter=wanted, sort=sort, first=size, after=None)
        right = expected(catalogue, asked, categories)
        assert await pages_of(store, asked, categories, size) == right
        assert await store.count(wanted, categories=categories) == len(right)


@pytest.mark.parametrize("sort", SORTS)
async def test_first_pages_of_many_categories_are_those_of_a_look_through_everything(
    store, catalogue, sort
) -> None:
    subtrees = {CategoryId("all"): CATEGORIES, CATEGORIES[0]: CATEGORIES[:1], CategoryId("none"): []}
    for fields in ({}, {"in_stock": True}, {"ids": tuple(product.id for product in catalogue[:50])}):
        asked = Listing(filter=ProductFilter(**fields), sort=sort, first=8, after=None)
        pages = await store.pages(asked, subtrees=subtrees, limit=8)
        totals = await store.counts(asked.filter, subtrees=subtrees)
        for root, categories in subtrees.items():
            right = expected(catalogue, asked, categories)
            assert [product.id for product in pages[root]] == right[:8]
            assert totals[root] == len(right)


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("categories", [None, CATEGORIES[:1]])
async def test_page_is_a_short_range_that_is_read_in_the_order_of_an_index(
    database, catalogue, commands, sort, categories
) -> None:
    store = ProductListStore(database, fences=FencesOf(catalogue))
    asked = Listing(filter=ProductFilter(), sort=sort, first=3, after=None)
    first = await store.page(asked, categories=categories, limit=3)
    after = encode_cursor(cursor_key(sort, first[-1]))
    for cursor in (None, after):
        await store.page(
            Listing(filter=asked.filter, sort=sort, first=3, after=cursor), categories=categories, limit=3
        )
        command = commands.last["find"]
        stages = await stages_of(database, command)
        assert "IXSCAN" in stages
        assert not stages & {"SORT", "COLLSCAN"}
        assert await database["products"].count_documents(command["filter"]) <= 2 * APART


@pytest.mark.parametrize(
    "fields",
    [{"in_stock": True}, {"tags": ("red",)}, {"price_min": 100}, {"ids": (ProductId("p1"), ProductId("p2"))}],
)
async def test_filtered_page_begins_with_what_an_index_selects(database, catalogue, commands, fields) -> None:
    store = ProductListStore(database, fences=FencesOf(catalogue))
    asked = Listing(filter=ProductFilter(**fields), sort=ProductSort.NEWEST, first=3, after=None)
    await store.page(asked, categories=None, limit=3)
    selected = commands.last["aggregate"]["pipeline"][0]["$match"]
    stages = await stages_of(database, {"find": "products", "filter": selected})
    assert "IXSCAN" in stages
    assert "COLLSCAN" not in stages


async def test_what_few_products_have_is_found_by_its_index_after_a_while(
    database, catalogue, commands
) -> None:
    """Fences that stand for 128 products each say that more than 1,000 were looked through."""
    store = ProductListStore(database, fences=FencesOf(catalogue))
    asked = Listing(filter=ProductFilter(tags=("none",)), sort=ProductSort.NAME, first=3, after=None)
    assert await store.page(asked, categories=None, limit=3) == []
    assert commands.last["aggregate"]["pipeline"][0] == {"$match": {"tags": "none"}}


async def test_no_read_loads_holds_or_what_the_index_of_search_keeps(database, catalogue, commands) -> None:
    store = ProductListStore(database, fences=FencesOf(catalogue))
    for fields in ({}, {"in_stock": True}):
        asked = Listing(filter=ProductFilter(**fields), sort=ProductSort.NEWEST, first=3, after=None)
        await store.page(asked, categories=None, limit=3)
        await store.pages(asked, subtrees={CATEGORIES[0]: CATEGORIES[:1], CATEGORIES[1]: []}, limit=3)
    for projection in (commands.last["find"]["projection"], final_projection(commands.last["aggregate"])):
        assert {"holds": 0, "search_entries": 0, "outbox": 0, "lists": 0}.items() <= projection.items()


def final_projection(command: dict[str, Any]) -> dict[str, int]:
    return {name.removeprefix("first."): shown for name, shown in command["pipeline"][-1]["$project"].items()}
