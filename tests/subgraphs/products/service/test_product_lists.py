"""Lists of products on the real store, which must answer the same on every server."""

import asyncio
from decimal import Decimal

import pytest

from subgraphs.kit.auth.viewer import ANONYMOUS
from subgraphs.kit.errors import ValidationFailed
from subgraphs.kit.pagination import encode_cursor
from subgraphs.products.domain.categories import CategoryId
from subgraphs.products.domain.lists import ProductSort
from subgraphs.products.domain.products import ProductId
from tests.subgraphs.products.listings import listing, names

SORTS = [ProductSort.NEWEST, ProductSort.NAME, ProductSort.PRICE_ASC, ProductSort.PRICE_DESC]


@pytest.fixture(scope="module")
async def shelf(database, categories, manager, make) -> dict[str, CategoryId]:
    """Forty products in a tree of three categories; prices and names repeat, so that ties occur."""
    for name in ("products", "categories"):
        await database[name].delete_many({})
    ids: dict[str, CategoryId] = {}
    for name, parent in (("Outdoors", None), ("Camping", "Outdoors"), ("Tents", "Camping"), ("Books", None)):
        parent_id = ids[parent] if parent else None
        made = await categories.create(manager, name=name, slug=None, description=None, parent_id=parent_id)
        ids[name] = made.id
    homes = ["Outdoors", "Camping", "Tents", "Books"]
    for n in range(40):
        await make(
            f"Item {n % 7}",
            price=f"{n % 5}.50",
            stock=n % 3,
            category_id=ids[homes[n % 4]],
            tags=["even"] if n % 2 == 0 else ["odd", "rare"] if n % 5 == 0 else ["odd"],
        )
    return ids


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("size", [1, 7, 40, 100])
@pytest.mark.usefixtures("shelf")
async def test_pages_show_every_product_once_in_order(product_lists, sort, size) -> None:
    after, seen = None, []
    while True:
        page = await product_lists.page(ANONYMOUS, listing(sort=sort, first=size, after=after))
        assert page.has_previous == (after is not None)
        seen += [product for product, _ in page.rows]
        if not page.has_next:
            break
        assert len(page.rows) == size
        after = encode_cursor(page.rows[-1][1])
    keys = {
        ProductSort.NEWEST: lambda p: (p.created_at, p.id),
        ProductSort.NAME: lambda p: (p.name, p.id),
        ProductSort.PRICE_ASC: lambda p: (p.price.minor, p.id),
        ProductSort.PRICE_DESC: lambda p: (p.price.minor, p.id),
    }
    backwards = sort in {ProductSort.NEWEST, ProductSort.PRICE_DESC}
    assert len({p.id for p in seen}) == len(seen) == 40
    assert seen == sorted(seen, key=keys[sort], reverse=backwards)


@pytest.mark.usefixtures("shelf")
async def test_page_stays_stable_when_products_come_meanwhile(products, product_lists, make, manager) -> None:
    first = await product_lists.page(ANONYMOUS, listing(first=10))
    late = await make("Late")
    cursor = encode_cursor(first.rows[-1][1])
    second = await product_lists.page(ANONYMOUS, listing(first=10, after=cursor))
    assert not {p.id for p, _ in first.rows} & {p.id for p, _ in second.rows}
    assert late.id not in {p.id for p, _ in second.rows}
    await products.delete(manager, late.id)


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({}, 40),
        ({"in_stock": True}, 26),
        ({"in_stock": False}, 14),
        ({"tags": ["odd"]}, 20),
        ({"tags": ["Odd", "rare"]}, 4),
        ({"tags": ["odd", "even"]}, 0),
        ({"price_min": Decimal("3.5")}, 16),
        ({"price_max": Decimal("0.50")}, 8),
        ({"price_min": Decimal("1.51"), "price_max": Decimal("2.49")}, 0),
        ({"ids": []}, 0),
        ({"ids": [ProductId("no such")]}, 0),
        ({"category_id": CategoryId("no such")}, 0),
        ({"in_stock": True, "tags": ["even"], "price_min": Decimal(2)}, 9),
    ],
)
@pytest.mark.usefixtures("shelf")
async def test_filters_select_and_count(product_lists, fields, count) -> None:
    page = await product_lists.page(ANONYMOUS, listing(**fields))
    assert (len(page.rows), await page.total()) == (count, count)


@pytest.mark.parametrize(("name", "count"), [("Outdoors", 30), ("Camping", 20), ("Tents", 10), ("Books", 10)])
async def test_filter_by_category_selects_its_subtree(product_lists, shelf, name, count) -> None:
    assert len(await names(product_lists, category_id=shelf[name])) == count


async def lists_of(product_lists, roots, **fields) -> list[list[str]]:
    """The ids in the list of each category."""
    pages = await product_lists.pages_of(ANONYMOUS, listing(**fields), roots=roots)
    return [[product.id for product, _ in page.rows] for page in pages]


@pytest.mark.parametrize("sort", [*SORTS, ProductSort.RELEVANCE])
async def test_lists_of_many_categories_are_those_of_each_alone(product_lists, shelf, sort) -> None:
    roots = [*shelf.values(), CategoryId("no such")]
    together = await product_lists.pages_of(ANONYMOUS, listing(sort=sort, first=4), roots=roots)
    for root, page in zip(roots, together, strict=True):
        alone = await product_lists.page(ANONYMOUS, listing(sort=sort, first=4, category_id=root))
        assert (page.rows, page.has_next, page.has_previous) == (alone.rows, alone.has_next, False)
        assert await page.total() == await alone.total()
    assert [len(page.rows) for page in together] == [4, 4, 4, 4, 0]


async def test_pages_of_a_category_lead_to_its_end(product_lists, shelf) -> None:
    root, after, seen = shelf["Outdoors"], None, []
    while True:
        asked = listing(sort=ProductSort.PRICE_DESC, first=7, after=after)
        (page,) = await product_lists.pages_of(ANONYMOUS, asked, roots=[root])
        seen += [product for product, _ in page.rows]
        if not page.has_next:
            break
        after = encode_cursor(page.rows[-1][1])
    assert len({p.id for p in seen}) == len(seen) == 30
    assert seen == sorted(seen, key=lambda p: (p.price.minor, p.id), reverse=True)


async def test_category_within_a_category_lists_what_is_in_both(product_lists, shelf) -> None:
    camping, books = await lists_of(
        product_lists, [shelf["Camping"], shelf["Books"]], category_id=shelf["Outdoors"]
    )
    assert (len(camping), books) == (20, [])


async def test_a_hundred_lists_are_two_commands_and_their_totals_one_more(
    product_lists, shelf, commands
) -> None:
    roots = [*shelf.values(), *(CategoryId(f"none {n}") for n in range(96))]
    commands.sent.clear()
    pages = await product_lists.pages_of(ANONYMOUS, listing(first=100), roots=roots)
    assert commands.sent == ["find", "aggregate"]
    totals = await asyncio.gather(*(page.total() for page in pages))
    assert commands.sent == ["find", "aggregate", "aggregate"]
    assert totals == [30, 20, 10, 10] + [0] * 96


@pytest.mark.usefixtures("shelf")
async def test_relevance_without_a_search_is_newest_first(product_lists) -> None:
    relevance = await product_lists.page(ANONYMOUS, listing(sort=ProductSort.RELEVANCE))
    newest = await product_lists.page(ANONYMOUS, listing(sort=ProductSort.NEWEST))
    assert relevance.rows == newest.rows


@pytest.mark.parametrize(
    "cursor",
    [
        "garbage",
        "",
        encode_cursor(("NAME", "mug", "p1")),
        encode_cursor(("NEWEST", "soon", "p1")),
        encode_cursor(("NEWEST", 2**63, "p1")),
        encode_cursor(("NEWEST", 2**61, "p1")),
        encode_cursor(("NEWEST", -(2**61), "p1")),
        encode_cursor(("NEWEST", 1)),
        encode_cursor(("NEWEST", True, "p1")),
    ],
)
async def test_forged_cursor_is_refused(product_lists, cursor) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        await product_lists.page(ANONYMOUS, listing(first=5, after=cursor))
    assert refusal.value.field == "after"


@pytest.mark.parametrize("first", [0, -1, 101])
async def test_page_size_out_of_bounds_is_refused(product_lists, first) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        await product_lists.page(ANONYMOUS, listing(first=first))
    assert refusal.value.field == "first"
