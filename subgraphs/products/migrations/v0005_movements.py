"""Movements of stock: within a product, and in a collection of their own.

The validator is amended as it stands in the database, since other versions amend it as well.
"""

from pymongo import ASCENDING, DESCENDING, IndexModel

from subgraphs.kit.mongo.client import Database, Document

PROPERTIES: Document = {
    "movements": {"bsonType": "array", "items": {"bsonType": "object", "required": ["id", "kind", "at"]}},
    "movements_pending": {"bsonType": "bool"},
}


async def apply(database: Database) -> None:
    found = await database.command("listCollections", filter={"name": "products"})
    validator = found["cursor"]["firstBatch"][0]["options"]["validator"]
    validator["$jsonSchema"]["properties"].update(PROPERTIES)
    await database.command("collMod", "products", validator=validator)
    await database["products"].create_indexes(
        [IndexModel([("movements_pending", ASCENDING)], name="movements_pending", sparse=True)]
    )
    await database["stock_movements"].create_indexes(
        [
            IndexModel([("product_id", ASCENDING), ("_id", DESCENDING)], name="product"),
            IndexModel([("at", ASCENDING)], name="age"),
        ]
    )
