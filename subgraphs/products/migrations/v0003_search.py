"""The search index: its collections, and what a product's document says of it. Every product is due.

The validator is read, extended and written back, so that it does not matter which other migrations came first.
"""

from copy import deepcopy

from pymongo import ASCENDING, IndexModel

from subgraphs.kit.mongo.client import Database, Document

_LINES: Document = {"bsonType": "array", "items": {"bsonType": "string", "minLength": 1}}

PROPERTIES: Document = {
    "search_version": {"bsonType": ["int", "long"]},
    "search_entries": _LINES,
    "search_pending": _LINES,
}

INDEXES: dict[str, list[IndexModel]] = {
    # For what is due, and, with both fields, for one product as it was read.
    "products": [IndexModel([("search_version", ASCENDING), ("_id", ASCENDING)], name="search_due")],
    # For the postings of a term as they were read.
    "search_postings": [IndexModel([("_id", ASCENDING), ("revision", ASCENDING)], name="revision")],
    "search_vocabulary": [
        IndexModel([("word", ASCENDING)], name="word"),
        IndexModel([("deletions", ASCENDING)], name="deletions"),
    ],
}


async def apply(database: Database) -> None:
    # Needs `dbAdmin` on a server that checks roles, as every change of a validator does.
    await database.command("collMod", "products", validator=await _extended_validator(database))
    for name, indexes in INDEXES.items():
        await database[name].create_indexes(indexes)
    await database["products"].update_many(
        {"search_version": {"$exists": False}}, {"$set": {"search_version": 0}}
    )


async def _extended_validator(database: Database) -> Document:
    cursor = await database.list_collections(filter={"name": "products"})
    (collection,) = [c async for c in cursor]
    validator: Document = deepcopy(dict(collection["options"]["validator"]))
    validator["$jsonSchema"]["properties"].update(PROPERTIES)
    return validator
