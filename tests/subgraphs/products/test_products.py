"""Use cases of the catalogue on the real store."""

import asyncio
from decimal import Decimal

import pytest

from subgraphs.kit.auth.viewer import ANONYMOUS, Viewer
from subgraphs.kit.errors import Conflict, Forbidden, NotFound, Unauthenticated, ValidationFailed
from subgraphs.kit.pagination import encode_cursor
from subgraphs.products.domain.catalogue import CategoryId, ProductFilter, ProductId, ProductSort
from subgraphs.products.service import products as service_module

SORTS = [ProductSort.NEWEST, ProductSort.NAME, ProductSort.PRICE_ASC, ProductSort.PRICE_DESC]
SHOPPER = Viewer(user_id="shopper")


async def names(products, viewer=ANONYMOUS, sort=ProductSort.NAME, **fields) -> list[str]:
    wanted = ProductFilter.of(**fields)
    page = await products.page(viewer, wanted=wanted, sort=sort, first=100, after=None)
    return [product.name for product, _ in page.rows]


# ---- create ----------------------------------------------------------------------------------------------


async def test_a_product_reads_back_as_it_was_created(products, make) -> None:
    created = await make(
        "Crêpe Pan",
        price="36.00",
        currency="eur",
        stock=4,
        sku=" Kit-24 ",
        description="Low sides.",
        tags=["Carbon Steel"],
    )
    assert await products.get_many([created.id]) == [created]
    assert (created.sku, created.price.currency, created.tags) == ("Kit-24", "EUR", ("carbon-steel",))
    assert (created.available, created.version, created.active) == (4, 1, True)


async def test_creation_leaves_an_event_in_the_product(database, make) -> None:
    created = await make()
    document = await database["products"].find_one({"_id": created.id})
    assert [e["type"] for e in document["outbox"]] == ["ProductUpdated"]
    assert document["publish_after"] == created.created_at


async def test_sku_is_unique_whatever_its_case(make) -> None:
    await make(sku="UNIQUE-1")
    with pytest.raises(Conflict, match="'unique-1' is taken"):
        await make(sku="unique-1")


async def test_generated_sku_that_is_taken_is_tried_again(make, monkeypatch) -> None:
    await make(sku="GEN-1")
    offers = iter(["GEN-1", "gen-1", "GEN-2"])
    monkeypatch.setattr(service_module, "generate_sku", lambda _: next(offers))
    assert (await make()).sku == "GEN-2"


@pytest.mark.usefixtures("empty")
async def test_twenty_products_of_a_new_category_make_one_category(database, make) -> None:
    made = await asyncio.gather(*(make(f"Lamp {n}", category="Déco & Co") for n in range(20)))
    assert await database["categories"].count_documents({}) == 1
    assert len({product.category_id for product in made}) == 1


@pytest.mark.usefixtures("empty")
async def test_category_name_whose_slug_is_taken_gets_a_number(categories, make) -> None:
    await make(category="Déco Co")
    await make(category="Deco & Co")
    assert {c.slug for c in (await categories.list_children([None]))[0]} == {"deco-co", "deco-co-2"}


@pytest.mark.usefixtures("empty")
async def test_category_is_found_by_name_below_the_top(categories, manager, make) -> None:
    top = await categories.create(manager, name="Garden", slug=None, description=None, parent_id=None)
    seeds = await categories.create(manager, name="Seeds", slug=None, description=None, parent_id=top.id)
    assert (await make(category="  SEEDS ")).category_id == seeds.id


async def test_unknown_category_is_refused_and_nothing_written(database, make) -> None:
    before = await database["products"].count_documents({})
    with pytest.raises(ValidationFailed) as refusal:
        await make(category_id=CategoryId("nowhere"))
    assert refusal.value.field == "categoryId"
    assert await database["products"].count_documents({}) == before


async def test_both_forms_of_category_are_refused(make) -> None:
    with pytest.raises(ValidationFailed):
        await make(category_id=CategoryId("x"), category="Garden")


async def test_refused_product_leaves_no_category_behind(database, make) -> None:
    before = await database["categories"].count_documents({})
    with pytest.raises(ValidationFailed):
        await make(price="-1", category="Never Made")
    assert await database["categories"].count_documents({}) == before


# ---- who may -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("viewer", "refusal"), [(ANONYMOUS, Unauthenticated), (SHOPPER, Forbidden)])
async def test_changes_need_the_permission(products, categories, make, viewer, refusal) -> None:
    product = await make()
    with pytest.raises(refusal):
        await products.create(viewer, name="X", price=Decimal(1))
    with pytest.raises(refusal):
        await products.update(viewer, product.id, {"name": "X"})
    with pytest.raises(refusal):
        await products.delete(viewer, product.id)
    with pytest.raises(refusal):
        await products.adjust_stock(viewer, product.id, delta=1, reason=None)
    with pytest.raises(refusal):
        await categories.create(viewer, name="X", slug=None, description=None, parent_id=None)
    assert await products.get_many([product.id]) == [product]


async def test_what_is_not_sold_is_seen_by_managers_only(products, manager, make) -> None:
    hidden = await make(active=False, sku="HIDDEN-1")
    assert await products.get(SHOPPER, product_id=hidden.id, sku=None) is None
    assert await products.get(SHOPPER, product_id=None, sku="HIDDEN-1") is None
    assert await products.get(manager, product_id=None, sku="hidden-1") == hidden
    assert await names(products, ids=[hidden.id]) == []
    assert await names(products, manager, ids=[hidden.id], active=False) == [hidden.name]
    with pytest.raises(Forbidden):
        await names(products, SHOPPER, active=False)


# ---- update and delete -------------------------------------------------------------------------------------


async def test_update_changes_what_it_names_and_nothing_else(products, manager, make) -> None:
    before = await make(stock=5, tags=["a"], description="Old.")
    after = await products.update(manager, before.id, {"description": None, "price": Decimal("9.99")})
    assert (after.description, after.price.decimal(), after.version) == (None, Decimal("9.99"), 2)
    assert (after.name, after.available, after.tags, after.sku) == (before.name, 5, ("a",), before.sku)
    assert await products.get_many([before.id]) == [after]


async def test_update_that_changes_nothing_keeps_the_version(products, manager, make) -> None:
    product = await make()
    assert await products.update(manager, product.id, {"name": product.name}) == product


async def test_update_of_another_version_is_refused(products, manager, make) -> None:
    product = await make()
    await products.update(manager, product.id, {"name": "Second"}, version=1)
    with pytest.raises(Conflict, match="at version 2, not 1"):
        await products.update(manager, product.id, {"name": "Third"}, version=1)
    assert (await products.get_many([product.id]))[0].name == "Second"


async def test_of_updates_at_once_with_one_version_one_wins(products, manager, make) -> None:
    product = await make()
    results = await asyncio.gather(
        *(products.update(manager, product.id, {"name": f"Name {n}"}, version=1) for n in range(8)),
        return_exceptions=True,
    )
    assert sum(isinstance(r, Conflict) for r in results) == 7
    assert (await products.get_many([product.id]))[0].version == 2


async def test_updates_at_once_without_version_all_happen(products, manager, make) -> None:
    product = await make()
    changes = [{"name": "New"}, {"price": Decimal(7)}, {"tags": ["x"]}, {"description": "D"}]
    await asyncio.gather(*(products.update(manager, product.id, change) for change in changes))
    after = (await products.get_many([product.id]))[0]
    assert (after.name, after.price.minor, after.tags, after.description) == ("New", 700, ("x",), "D")
    assert after.version == 5


async def test_update_to_a_taken_sku_is_refused(products, manager, make) -> None:
    await make(sku="MINE-1")
    other = await make()
    with pytest.raises(Conflict):
        await products.update(manager, other.id, {"sku": "mine-1"})
    assert await products.get_many([other.id]) == [other]


async def test_update_leaves_stock_alone_that_was_taken_meanwhile(products, manager, make, database) -> None:
    product = await make(stock=10)
    await database["products"].update_one({"_id": product.id}, {"$inc": {"available": -4}})
    assert (await products.update(manager, product.id, {"name": "Renamed"})).available == 6
    assert (await products.update(manager, product.id, {"stock": 20})).available == 20


async def test_update_moves_to_a_category_by_name_and_out_of_it(products, manager, make) -> None:
    product = await make()
    moved = await products.update(manager, product.id, {}, category="Attic")
    assert moved.category_id is not None
    assert (await products.update(manager, product.id, {"category_id": None})).category_id is None


async def test_update_of_what_does_not_exist_is_not_found(products, manager) -> None:
    with pytest.raises(NotFound):
        await products.update(manager, ProductId("nothing"), {"name": "X"})


async def test_deleted_product_leaves_the_shop_and_stays_for_orders(products, manager, make) -> None:
    product = await make(sku="OLD-1")
    assert await products.delete(manager, product.id) == product.id
    assert await products.get(manager, product_id=product.id, sku=None) is None
    assert await names(products, manager, ids=[product.id], active=False) == []
    kept = (await products.get_many([product.id]))[0]
    assert (kept.name, kept.sold, kept.version) == (product.name, False, 2)
    with pytest.raises(NotFound):
        await products.delete(manager, product.id)
    with pytest.raises(NotFound):
        await products.update(manager, product.id, {"active": True})
    with pytest.raises(NotFound):
        await products.adjust_stock(manager, product.id, delta=1, reason=None)


# ---- stock -------------------------------------------------------------------------------------------------


async def test_stock_grows_shrinks_and_stops_at_zero(products, manager, make) -> None:
    product = await make(stock=2)
    assert (await products.adjust_stock(manager, product.id, delta=5, reason="delivery")).available == 7
    assert (await products.adjust_stock(manager, product.id, delta=-7, reason=None)).available == 0
    with pytest.raises(Conflict, match="0 units are available"):
        await products.adjust_stock(manager, product.id, delta=-1, reason=None)


async def test_stock_has_an_upper_bound(products, manager, make) -> None:
    product = await make(stock=10**9)
    with pytest.raises(Conflict, match="at most 1000000000"):
        await products.adjust_stock(manager, product.id, delta=1, reason=None)


async def test_withdrawals_at_once_take_what_there_is_and_no_more(products, manager, make) -> None:
    product = await make(stock=10)
    results = await asyncio.gather(
        *(products.adjust_stock(manager, product.id, delta=-1, reason=None) for _ in range(25)),
        return_exceptions=True,
    )
    assert sum(isinstance(r, Conflict) for r in results) == 15
    assert (await products.get_many([product.id]))[0].available == 0


async def test_movement_is_recorded_with_its_reason_and_actor(products, manager, make, database) -> None:
    product = await make()
    await products.adjust_stock(manager, product.id, delta=3, reason=" count of May ")
    document = await database["products"].find_one({"_id": product.id})
    entry = document["outbox"][-1]
    assert entry["type"] == "StockAdjusted"
    assert '"delta":3,"reason":"count of May","actor":"manager"' in entry["envelope"]


# ---- lists -------------------------------------------------------------------------------------------------


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
async def test_pages_show_every_product_once_in_order(products, sort, size) -> None:
    wanted, after, seen = ProductFilter.of(), None, []
    while True:
        page = await products.page(ANONYMOUS, wanted=wanted, sort=sort, first=size, after=after)
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
async def test_page_stays_stable_when_products_come_meanwhile(products, make, manager) -> None:
    wanted = ProductFilter.of()
    first = await products.page(ANONYMOUS, wanted=wanted, sort=ProductSort.NEWEST, first=10, after=None)
    late = await make("Late")
    cursor = encode_cursor(first.rows[-1][1])
    second = await products.page(ANONYMOUS, wanted=wanted, sort=ProductSort.NEWEST, first=10, after=cursor)
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
        ({"within": [CategoryId("no such")]}, 0),
        ({"in_stock": True, "tags": ["even"], "price_min": Decimal(2)}, 9),
    ],
)
@pytest.mark.usefixtures("shelf")
async def test_filters_select_and_count(products, fields, count) -> None:
    page = await products.page(
        ANONYMOUS, wanted=ProductFilter.of(**fields), sort=ProductSort.NEWEST, first=100, after=None
    )
    assert (len(page.rows), await page.total()) == (count, count)


@pytest.mark.parametrize(("name", "count"), [("Outdoors", 30), ("Camping", 20), ("Tents", 10), ("Books", 10)])
async def test_category_lists_its_subtree(products, shelf, name, count) -> None:
    assert len(await names(products, within=[shelf[name]])) == count


async def test_two_categories_list_what_is_in_both(products, shelf) -> None:
    assert len(await names(products, within=[shelf["Outdoors"], shelf["Camping"]])) == 20
    assert await names(products, within=[shelf["Books"], shelf["Camping"]]) == []


@pytest.mark.usefixtures("shelf")
async def test_relevance_without_a_search_is_newest_first(products) -> None:
    relevance = await products.page(
        ANONYMOUS, wanted=ProductFilter.of(), sort=ProductSort.RELEVANCE, first=100, after=None
    )
    newest = await products.page(
        ANONYMOUS, wanted=ProductFilter.of(), sort=ProductSort.NEWEST, first=100, after=None
    )
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
async def test_forged_cursor_is_refused(products, cursor) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        await products.page(
            ANONYMOUS, wanted=ProductFilter.of(), sort=ProductSort.NEWEST, first=5, after=cursor
        )
    assert refusal.value.field == "after"


@pytest.mark.parametrize("first", [0, -1, 101])
async def test_page_size_out_of_bounds_is_refused(products, first) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        await products.page(
            ANONYMOUS, wanted=ProductFilter.of(), sort=ProductSort.NEWEST, first=first, after=None
        )
    assert refusal.value.field == "first"
