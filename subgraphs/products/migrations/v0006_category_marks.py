"""Categories may be marked as being in the middle of a change.

The validator is amended as it stands in the database, since other versions amend it as well.
"""

from pymongo import ASCENDING, IndexModel

from subgraphs.kit.mongo.client import Database, Document

MARK: Document = {"bsonType": "object", "required": ["id", "step", "decided", "at"]}


async def apply(database: Database) -> None:
    found = await database.command("listCollections", filter={"name": "categories"})
    validator = found["cursor"]["firstBatch"][0]["options"]["validator"]
    validator["$jsonSchema"]["properties"]["mark"] = MARK
    await database.command("collMod", "categories", validator=validator)
    await database["categories"].create_indexes(
        [IndexModel([("mark.at", ASCENDING)], name="marked", sparse=True)]
    )
