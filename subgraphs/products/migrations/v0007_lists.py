"""The keys that products are listed by, and their indexes, in place of those that had an equality before the order.

The indexes come first, since some servers take long over one of many documents that have its field.
"""

from copy import deepcopy

from pymongo import ASCENDING, IndexModel, UpdateOne
from pymongo.errors import OperationFailure

from subgraphs.kit.mongo.client import Collection, Database, Document
from subgraphs.kit.mongo.conditional import when
from subgraphs.products.store.list_keys import KEYS, list_fields
from subgraphs.products.store.products import READ, product_of

_BATCH = 500
_INDEX_NOT_FOUND = 27
_KEY: Document = {"bsonType": "string", "minLength": 1}

PROPERTIES: Document = {
    "lists": {
        "bsonType": "object",
        "properties": dict.fromkeys(KEYS, _KEY),
        "additionalProperties": False,
    },
    "fence": {"bsonType": "bool"},
}

INDEXES: list[IndexModel] = [
    *(IndexModel([(f"lists.{name}", ASCENDING)], name=f"list_{name}", sparse=True) for name in KEYS),
    IndexModel([("fence", ASCENDING)], name="fences", sparse=True),
    # With nothing else in them: some servers use an index for just its fields.
    IndexModel([("category_id", ASCENDING)], name="in_category"),
    IndexModel([("tags", ASCENDING)], name="tagged"),
]
REPLACED = ("newest", "name", "price", "category", "tags")


async def apply(database: Database) -> None:
    await database.command("collMod", "products", validator=await _extended_validator(database))
    products = database["products"]
    await products.create_indexes(INDEXES)
    while await _add_keys(products):
        pass
    for name in REPLACED:
        await _drop_index(products, name)


async def _extended_validator(database: Database) -> Document:
    cursor = await database.list_collections(filter={"name": "products"})
    (collection,) = [c async for c in cursor]
    validator: Document = deepcopy(dict(collection["options"]["validator"]))
    validator["$jsonSchema"]["properties"].update(PROPERTIES)
    return validator


async def _add_keys(products: Collection) -> bool:
    """Give each product without keys its own, unless it is written meanwhile; whether there was any."""
    found = False
    writes: list[UpdateOne] = []
    async for document in products.find({"lists": {"$exists": False}}, READ, batch_size=_BATCH):
        found = True
        as_read = {"$eq": ["$version", document["version"]]}
        update = {"$set": list_fields(product_of(document))}
        writes.append(UpdateOne({"_id": document["_id"]}, when(as_read, update)))
        if len(writes) == _BATCH:
            await products.bulk_write(writes, ordered=False)
            writes = []
    if writes:
        await products.bulk_write(writes, ordered=False)
    return found


async def _drop_index(products: Collection, name: str) -> None:
    try:
        await products.drop_index(name)
    except OperationFailure as error:
        if error.code != _INDEX_NOT_FOUND:
            raise
