"""A category and its mark are one index, for the deletion of a category by who has marked it.

Some servers read the whole collection for an `_id` beside another field, unless just these are an index.
"""

from pymongo import ASCENDING, IndexModel

from subgraphs.kit.mongo.client import Database

INDEXES = [IndexModel([("_id", ASCENDING), ("mark.id", ASCENDING)], name="marked_by")]


async def apply(database: Database) -> None:
    await database["categories"].create_indexes(INDEXES)
