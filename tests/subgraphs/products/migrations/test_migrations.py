import asyncio

import pytest
from pymongo.errors import WriteError

from subgraphs.kit.mongo.client import Mongo
from subgraphs.kit.settings import DatabaseSettings
from subgraphs.products.app import migrate
from subgraphs.products.migrations import MIGRATIONS, migrate_database, v0003_images
from subgraphs.products.migrations.v0001_catalogue_and_stock import INDEXES, VALIDATORS
from subgraphs.products.settings import ProductsSettings


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
        expected["products"].add("images")
        assert await indexes(mongo.database) == expected
    finally:
        await mongo.database.client.drop_database(mongo.database.name)
        mongo.close()


async def test_migration_that_was_interrupted_is_done_again(engines) -> None:
    mongo = Mongo(DatabaseSettings(url=engines.mongo_url("again")), application="products-tests")
    try:
        await migrate_database(mongo.database)
        await mongo.database["migrations"].delete_many({})
        await mongo.database["products"].drop_index("price")
        await migrate_database(mongo.database)
        assert "price" in (await indexes(mongo.database))["products"]
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


async def test_what_other_versions_let_a_product_have_is_kept(engines) -> None:
    mongo = Mongo(DatabaseSettings(url=engines.mongo_url("amended")), application="products-tests")
    try:
        await migrate_database(mongo.database)
        await v0003_images.apply(mongo.database)
        found = await mongo.database.command("listCollections", filter={"name": "products"})
        schema = found["cursor"]["firstBatch"][0]["options"]["validator"]["$jsonSchema"]
        before = VALIDATORS["products"]["$jsonSchema"]
        assert schema == {
            **before,
            "properties": {**before["properties"], "images": v0003_images.IMAGES},
        }
    finally:
        await mongo.database.client.drop_database(mongo.database.name)
        mongo.close()
