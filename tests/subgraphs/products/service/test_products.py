"""Use cases of the catalogue on the real store."""

import asyncio
import json
from dataclasses import replace
from decimal import Decimal

import pytest

from subgraphs.kit.auth.viewer import ANONYMOUS, Viewer
from subgraphs.kit.errors import Conflict, Forbidden, NotFound, Unauthenticated, ValidationFailed
from subgraphs.products.domain import products as domain_module
from subgraphs.products.domain.categories import CategoryId
from subgraphs.products.domain.products import NewProduct, ProductId
from subgraphs.products.service import products as service_module
from subgraphs.products.store.products import ProductStore
from tests.subgraphs.products.listings import names

SHOPPER = Viewer(user_id="shopper")


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


async def test_events_of_a_product_say_who_did_it(database, products, manager, make) -> None:
    product = await make()
    await products.update(manager, product.id, {"name": "Renamed"})
    await products.delete(manager, product.id)
    document = await database["products"].find_one({"_id": product.id})
    data = [json.loads(entry["envelope"])["data"] for entry in document["outbox"]]
    assert [(d["change"], d["actor"]) for d in data] == [
        ("created", "manager"),
        ("updated", "manager"),
        ("deleted", "manager"),
    ]


async def test_sku_is_unique_whatever_its_case(make) -> None:
    await make(sku="UNIQUE-1")
    with pytest.raises(Conflict, match="'unique-1' is taken"):
        await make(sku="unique-1")


async def test_generated_sku_that_is_taken_is_tried_again(make, monkeypatch) -> None:
    await make(sku="GEN-1")
    offers = iter(["GEN-1", "gen-1", "GEN-2"])
    for module in (domain_module, service_module):
        monkeypatch.setattr(module, "generate_sku", lambda _: next(offers))
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
        await products.create(viewer, NewProduct(name="X", price=Decimal(1)))
    with pytest.raises(refusal):
        await products.update(viewer, product.id, {"name": "X"})
    with pytest.raises(refusal):
        await products.delete(viewer, product.id)
    with pytest.raises(refusal):
        await products.adjust_stock(viewer, product.id, delta=1, reason=None)
    with pytest.raises(refusal):
        await categories.create(viewer, name="X", slug=None, description=None, parent_id=None)
    assert await products.get_many([product.id]) == [product]


async def test_what_is_not_sold_is_seen_by_managers_only(products, product_lists, manager, make) -> None:
    hidden = await make(active=False, sku="HIDDEN-1")
    assert await products.get(SHOPPER, product_id=hidden.id, sku=None) is None
    assert await products.get(SHOPPER, product_id=None, sku="HIDDEN-1") is None
    assert await products.get(manager, product_id=None, sku="hidden-1") == hidden
    assert await names(product_lists, ids=[hidden.id]) == []
    assert await names(product_lists, manager, ids=[hidden.id], active=False) == [hidden.name]
    with pytest.raises(Forbidden):
        await names(product_lists, SHOPPER, active=False)


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


class ReservedMeanwhile(ProductStore):
    """Between the look at the product and the write orders are reserved, `times` of one unit at once."""

    def __init__(self, stock, *, times: int) -> None:
        super().__init__(stock.database, wake_up=lambda: None)
        self._stock, self._times = stock, times

    async def replace(self, product, *, read, actor=None):
        orders = [f"{product.id}-{n}" for n in range(self._times)]
        self._times = 0
        await asyncio.gather(*(self._stock.reserve(order, (read, 1)) for order in orders))
        return await super().replace(product, read=read, actor=actor)


@pytest.mark.parametrize("target_and_available", [(100, 80), (30, 10), (10, 10), (0, 0)])
async def test_stock_set_by_hand_leaves_reserved_what_was_reserved_meanwhile(
    stock, products, manager, make, target_and_available
) -> None:
    """Where the units do not suffice for the change any more, it is made of what is there now."""
    target, available = target_and_available
    product = await make(stock=50)
    store = ReservedMeanwhile(stock, times=20)
    updated = await replace(products, store=store).update(manager, product.id, {"stock": target})
    assert (updated.available, updated.version) == (available, 2)
    on_hand = {100: 100, 30: 30, 10: 30, 0: 20}[target]
    left, held = await stock.of(product)
    assert (left, sum(held.values()), left + sum(held.values())) == (available, 20, on_hand)


async def test_update_moves_to_a_category_by_name_and_out_of_it(products, manager, make) -> None:
    product = await make()
    moved = await products.update(manager, product.id, {"category": "Attic"})
    assert moved.category_id is not None
    assert (await products.update(manager, product.id, {"category_id": None})).category_id is None


async def test_update_of_what_does_not_exist_is_not_found(products, manager) -> None:
    with pytest.raises(NotFound):
        await products.update(manager, ProductId("nothing"), {"name": "X"})


async def test_deleted_product_leaves_the_shop_and_stays_for_orders(
    products, product_lists, manager, make
) -> None:
    product = await make(sku="OLD-1")
    assert await products.delete(manager, product.id) == product.id
    assert await products.get(manager, product_id=product.id, sku=None) is None
    assert await names(product_lists, manager, ids=[product.id], active=False) == []
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
