"""Products may have images; what is under way with an image's files is found by its age.

The validator is amended as it stands in the database, since other versions amend it as well.
"""

from pymongo import ASCENDING, IndexModel
from pymongo.errors import OperationFailure

from subgraphs.kit.mongo.client import Database, Document

_NAMESPACE_EXISTS = 48  # from a former run, or one at the same time
_TEXT = {"bsonType": "string", "minLength": 1}
_PIXELS = {"bsonType": ["int", "long"], "minimum": 1}

IMAGES: Document = {
    "bsonType": "array",
    "items": {
        "bsonType": "object",
        "required": ["id", "alt", "width", "height"],
        "properties": {
            "id": _TEXT,
            "alt": {"bsonType": ["string", "null"]},
            "width": _PIXELS,
            "height": _PIXELS,
        },
        "additionalProperties": False,
    },
}


async def apply(database: Database) -> None:
    await _allow_images(database)
    # By the images of a product: whether some product shows an image is asked of those left half done.
    await database["products"].create_indexes(
        [IndexModel([("images.id", ASCENDING)], name="images", sparse=True)]
    )
    try:
        await database.command("create", "image_intents")
    except OperationFailure as error:
        if error.code != _NAMESPACE_EXISTS:
            raise
    await database["image_intents"].create_indexes([IndexModel([("at", ASCENDING)], name="age")])


async def _allow_images(database: Database) -> None:
    found = await database.command("listCollections", filter={"name": "products"})
    validator = found["cursor"]["firstBatch"][0]["options"]["validator"]
    validator["$jsonSchema"]["properties"]["images"] = IMAGES
    await database.command("collMod", "products", validator=validator)
