"""Movements of stock: within a product, and in a collection of their own; what is on hand, as they come to it.

The validator is amended as it stands in the database, since other versions amend it as well.
"""

from pymongo import ASCENDING, DESCENDING, IndexModel

from subgraphs.kit.mongo.client import Database, Document

PROPERTIES: Document = {
    "on_hand": {"bsonType": ["int", "long"]},
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
    await _count(database)
    await database["stock_movements"].create_indexes(
        [
            IndexModel([("product_id", ASCENDING), ("_id", DESCENDING)], name="product"),
            IndexModel([("at", ASCENDING)], name="age"),
        ]
    )


async def _count(database: Database) -> None:
    """Begin with what is there. Units that move between the look and the write are looked at again."""
    products = database["products"]
    uncounted: Document = {"on_hand": {"$exists": False}}
    async for product in products.find(uncounted, {"_id": 1}):
        while True:
            found = await products.find_one({"_id": product["_id"]}, {"available": 1, "holds": 1})
            if found is None:
                break
            on_hand = found["available"] + sum(hold["q"] for hold in found["holds"])
            as_read = {"_id": found["_id"], "available": found["available"], "holds": found["holds"]}
            if (await products.update_one(as_read, {"$set": {"on_hand": on_hand}})).matched_count:
                break
