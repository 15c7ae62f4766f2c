import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from pymongo.errors import WriteError

from subgraphs.kit.background import WakeUp
from subgraphs.kit.ids import new_id
from subgraphs.kit.mongo.client import Mongo, utc_now
from subgraphs.kit.settings import DatabaseSettings
from subgraphs.products.app import migrate
from subgraphs.products.domain.products import NewProduct, ProductId
from subgraphs.products.domain.reservations import State
from subgraphs.products.migrations import (
    MIGRATIONS,
    migrate_database,
    v0002_identities_of_holds,
    v0004_images,
    v0005_movements,
    v0007_lists,
)
from subgraphs.products.migrations.v0001_catalogue_and_stock import INDEXES
from subgraphs.products.settings import ProductsSettings
from subgraphs.products.store.list_keys import list_fields
from subgraphs.products.store.products import ProductStore
from tests.subgraphs.products.stock_probe import Crash


async def indexes(database) -> dict[str, set[str]]:
    return {name: set(await database[name].index_information()) - {"_id_"} for name in INDEXES}


async def test_processes_that_migrate_at_once_get_one_result(engines) -> None:
    settings = ProductsSettings(database={"url": engines.mongo_url("migrate")})
    await asyncio.gather(*(migrate(settings) for _ in range(3)))
    await migrate(settings)
    mongo = Mongo(settings.database, application="products-tests")
    try:
        done = [d["_id"] async for d in mongo.database["migrations"].find({})]
        assert done == [m.version for m in MIGRATIONS]
        expected = {name: {index.document["name"] for index in wanted} for name, wanted in INDEXES.items()}
        expected["products"] -= set(v0007_lists.REPLACED)
        expected["products"] |= {"images", "movements_pending", "search_due"}
        expected["categories"] |= {"marked", "marked_by"}
        expected["products"] |= {index.document["name"] for index in v0007_lists.INDEXES}
        assert await indexes(mongo.database) == expected
    finally:
        await mongo.database.client.drop_database(mongo.database.name)
        mongo.close()


async def test_migration_that_was_interrupted_is_done_again(engines) -> None:
    mongo = Mongo(DatabaseSettings(url=engines.mongo_url("again")), application="products-tests")
    try:
        await migrate_database(mongo.database)
        await mongo.database["migrations"].delete_many({})
        await mongo.database["products"].drop_index("list_price")
        await migrate_database(mongo.database)
        assert "list_price" in (await indexes(mongo.database))["products"]
    finally:
        await mongo.database.client.drop_database(mongo.database.name)
        mongo.close()


@pytest.mark.parametrize(
    "change",
    [
        {"$set": {"available": -1}},
        {"$set": {"price_minor": 9.99}},
        {"$set": {"holds": [{"rid": "o1"}]}},
        {"$unset": {"name": ""}},
        {"$set": {"unknown": 1}},
        {"$set": {"images": [{"id": "i1", "alt": None, "width": 0, "height": 1}]}},
    ],
)
async def test_store_refuses_what_no_product_can_be(database, make, change) -> None:
    product = await make(stock=1)
    with pytest.raises(WriteError):
        await database["products"].update_one({"_id": product.id}, change)


async def validator(database) -> dict:
    found = await database.command("listCollections", filter={"name": "products"})
    return dict(found["cursor"]["firstBatch"][0]["options"]["validator"])


async def test_what_other_versions_let_a_product_have_is_kept(engines) -> None:
    mongo = Mongo(DatabaseSettings(url=engines.mongo_url("amended")), application="products-tests")
    try:
        await migrate_database(mongo.database)
        amended = await validator(mongo.database)
        properties = amended["$jsonSchema"]["properties"]
        assert properties["images"] == v0004_images.IMAGES
        del properties["images"]
        properties["colour"] = {"bsonType": "string"}
        await mongo.database.command("collMod", "products", validator=amended)
        await v0004_images.apply(mongo.database)
        properties["images"] = v0004_images.IMAGES
        assert await validator(mongo.database) == amended
    finally:
        await mongo.database.client.drop_database(mongo.database.name)
        mongo.close()


async def test_units_are_counted_as_they_are_and_once(stock, make, order) -> None:
    mug, counted = await make(stock=10), await make(stock=7)
    await stock.reserve(order, (mug, 3))
    await stock.inventory.commit(order)
    await stock.reserve(f"{order}-2", (mug, 2))
    later = ("on_hand", "movements", "movements_pending")
    await stock.database["products"].update_one({"_id": mug.id}, {"$unset": dict.fromkeys(later, "")})
    await stock.database["products"].update_one({"_id": counted.id}, {"$set": {"on_hand": 8}})
    for _ in range(2):
        await v0005_movements.apply(stock.database)
    assert [
        (await stock.database["products"].find_one({"_id": p.id}))["on_hand"] for p in (mug, counted)
    ] == [7, 8]
    await stock.inventory.release(f"{order}-2")
    assert (await stock.of(mug), (await stock.database["products"].find_one({"_id": mug.id}))["on_hand"]) == (
        (7, {}),
        7,
    )


# ---- a database of before lists had keys ---------------------------------------------------------------------


async def test_products_of_before_lists_get_their_keys(engines) -> None:
    mongo = Mongo(DatabaseSettings(url=engines.mongo_url("lists")), application="products-tests")
    products = mongo.database["products"]
    try:
        await migrate_database(mongo.database)
        new = [NewProduct(name=f"Mug {n}", price=Decimal(n), sku=f"MUG-{n}") for n in range(1100)]
        made = [each.product(ProductId(new_id()), at=utc_now()) for each in new]
        await ProductStore(mongo.database, wake_up=WakeUp()).insert_missing(made)
        await products.update_many({}, {"$unset": {"lists": "", "fence": ""}})
        await v0007_lists.apply(mongo.database)
        found = {d.pop("_id"): d async for d in products.find({}, {"lists": 1, "fence": 1})}
        assert found == {product.id: list_fields(product) for product in made}
    finally:
        await mongo.database.client.drop_database(mongo.database.name)
        mongo.close()


# ---- a database of before holds had ids ----------------------------------------------------------------------


async def as_of_version_1(stock, product) -> None:
    """Take from the documents what version 2 brought."""
    document = await stock.database["products"].find_one({"_id": product.id})
    old = [{name: hold[name] for name in ("rid", "q", "at")} for hold in document["holds"]]
    await stock.database["products"].update_one({"_id": product.id}, {"$set": {"holds": old}})
    async for reservation in stock.database["reservations"].find({}):
        lines = [{k: v for k, v in line.items() if k != "hold"} for line in reservation["lines"]]
        await stock.database["reservations"].update_one(
            {"_id": reservation["_id"]}, {"$set": {"lines": lines}}
        )


async def test_orders_of_version_1_are_committed_released_and_restocked(stock, make, order) -> None:
    mug = await make(stock=10)
    sold, released, returned = (f"{order}-{n}" for n in range(3))
    for one in (sold, released, returned):
        await stock.reserve(one, (mug, 2))
    await as_of_version_1(stock, mug)
    await v0002_identities_of_holds.apply(stock.database)
    assert await stock.inventory.commit(sold) is State.COMMITTED
    assert await stock.inventory.release(released) is State.RELEASED
    assert await stock.inventory.commit(returned) is State.COMMITTED
    assert await stock.inventory.restock(returned) is State.RESTOCKED
    assert await stock.of(mug) == (8, {})


@pytest.mark.parametrize("step", [("restock.line_restored", 1), ("restock.returning", 1)])
async def test_restock_that_version_1_began_is_finished_once(stock, make, order, step) -> None:
    mug, other = await make(stock=10), f"{order}-other"
    await stock.reserve(other, (mug, 1))
    await stock.reserve(order, (mug, 3))
    await stock.inventory.commit(order)
    with pytest.raises(Crash):
        await stock.dying(*step).inventory.restock(order)
    await as_of_version_1(stock, mug)
    for _ in range(2):
        await v0002_identities_of_holds.apply(stock.database)
    await stock.recover()
    await stock.upkeep.audit(older_than=timedelta(seconds=-1))
    assert (await stock.of(mug), await stock.state(order)) == ((9, {other: 1}), "RESTOCKED")


async def test_stray_hold_that_version_1_restored_late_is_dropped(stock, make, order) -> None:
    mug = await make(stock=10)
    await stock.reserve(order, (mug, 3))
    await stock.inventory.commit(order)
    await stock.inventory.restock(order)
    stray = {"rid": order, "q": 3, "at": stock.clock()}
    await stock.database["products"].update_one({"_id": mug.id}, {"$push": {"holds": stray}})
    await v0002_identities_of_holds.apply(stock.database)
    assert await stock.upkeep.audit(older_than=timedelta(seconds=-1)) == 1
    assert await stock.of(mug) == (10, {})
