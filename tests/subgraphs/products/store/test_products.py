from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pymongo.errors import BulkWriteError

from subgraphs.products.domain.errors import SkuTaken
from subgraphs.products.domain.products import NewProduct, Product, ProductId
from subgraphs.products.store.products import ProductStore

NOW = datetime(2026, 5, 1, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("empty")


def product(number: int, **fields: object) -> Product:
    new = NewProduct(name=f"Spade {number}", price=Decimal(9), sku=f"S-{number}")
    return replace(new.product(ProductId(f"p{number}"), at=NOW), **fields)


@pytest.fixture
def wake_ups() -> list[None]:
    return []


@pytest.fixture
def store(database, wake_ups) -> ProductStore:
    return ProductStore(database, wake_up=lambda: wake_ups.append(None))


async def event_types(database, product_id: str) -> list[str]:
    document = await database["products"].find_one({"_id": product_id})
    return [entry["type"] for entry in document["outbox"]]


async def test_store_emits_the_event_of_every_change_and_wakes_the_relay(database, store, wake_ups) -> None:
    made = product(1)
    await store.insert(made)
    changed = await store.replace(replace(made, name="Shovel", version=2), read=made)
    await store.adjust(made.id, 3, reason=None, actor="u1", at=NOW)
    await store.replace(replace(changed, active=False, deleted=True, version=3), read=changed)
    assert await event_types(database, "p1") == [
        "ProductUpdated",
        "ProductUpdated",
        "StockAdjusted",
        "ProductUpdated",
    ]
    assert len(wake_ups) == 4


async def test_change_that_is_not_written_wakes_nobody(store, wake_ups) -> None:
    await store.insert(product(1))
    wake_ups.clear()
    with pytest.raises(SkuTaken, match="'s-1' is taken"):
        await store.insert(product(2, sku="s-1"))
    assert await store.replace(product(1, name="Shovel"), read=product(1, version=7)) is None
    assert await store.adjust(ProductId("p1"), -1, reason=None, actor="u1", at=NOW) is None
    assert wake_ups == []


async def test_missing_products_are_added_and_those_that_are_there_stay(database, store) -> None:
    await store.insert(product(2, name="Mine"))
    added = await store.insert_missing([product(1), product(9, sku="s-2"), product(3)])
    assert [p.id for p in added] == ["p1", "p3"]
    found = [(d["_id"], d["name"]) async for d in database["products"].find({}).sort("_id", 1)]
    assert found == [("p1", "Spade 1"), ("p2", "Mine"), ("p3", "Spade 3")]
    by_sku = await store.get_by_skus(["S-1", "s-2", "S-4", "no sku", "s-1"])
    assert [p and p.id for p in by_sku] == ["p1", "p2", None, None, "p1"]


async def test_document_that_the_store_refuses_is_not_passed_over(store) -> None:
    with pytest.raises(BulkWriteError):
        await store.insert_missing([product(1), product(2, available=-1)])


async def test_updates_look_for_a_product_by_its_id_alone(products, manager, make, commands) -> None:
    """The embedded server reads the whole collection for anything more, and for every findAndModify."""
    mug = await make(stock=2)
    commands.sent.clear()
    for change in (
        products.update(manager, mug.id, {"name": "Cup", "stock": 5}, version=1),
        products.adjust_stock(manager, mug.id, delta=-1, reason=None),
        products.delete(manager, mug.id),
    ):
        await change
        (update,) = commands.last["update"]["updates"]
        assert update["q"] == {"_id": mug.id}
    assert set(commands.sent) == {"find", "update"}
