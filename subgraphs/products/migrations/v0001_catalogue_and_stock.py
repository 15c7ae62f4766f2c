"""The three collections: what a document must look like, and what is found by index."""

from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import OperationFailure

from subgraphs.kit.mongo.client import Database, Document

_TEXT = {"bsonType": "string", "minLength": 1}
_MAYBE_TEXT = {"bsonType": ["string", "null"]}
_DATE = {"bsonType": "date"}
_COUNT = {"bsonType": ["int", "long"], "minimum": 0}
_UNITS = {"bsonType": ["int", "long"], "minimum": 1}
_OUTBOX = {"bsonType": "array", "items": {"bsonType": "object", "required": ["id", "source", "envelope"]}}


def _schema(optional: Document | None = None, **required: Any) -> Document:
    properties = {**required, **(optional or {})}
    names = ["_id", *required]
    return {
        "$jsonSchema": {
            "bsonType": "object",
            "required": names,
            "properties": {"_id": _TEXT, **properties},
            "additionalProperties": False,
        }
    }


VALIDATORS: dict[str, Document] = {
    "products": _schema(
        {"publish_after": _DATE},
        sku=_TEXT,
        sku_key=_TEXT,
        name=_TEXT,
        name_key={"bsonType": "string"},
        description=_MAYBE_TEXT,
        price_minor=_COUNT,
        currency={"bsonType": "string", "minLength": 3, "maxLength": 3},
        price_rank=_COUNT,
        category_id=_MAYBE_TEXT,
        tags={"bsonType": "array", "items": _TEXT},
        active={"bsonType": "bool"},
        deleted={"bsonType": "bool"},
        version=_UNITS,
        available=_COUNT,
        holds={
            "bsonType": "array",
            "items": {
                "bsonType": "object",
                "required": ["rid", "q", "at"],
                "properties": {"rid": _TEXT, "q": _UNITS, "at": _DATE},
            },
        },
        outbox=_OUTBOX,
        created_at=_DATE,
        updated_at=_DATE,
    ),
    "categories": _schema(
        name=_TEXT,
        name_key=_TEXT,
        slug=_TEXT,
        description=_MAYBE_TEXT,
        parent_id=_MAYBE_TEXT,
        path={"bsonType": "array", "minItems": 1, "items": _TEXT},
        depth=_COUNT,
        created_at=_DATE,
    ),
    "reservations": _schema(
        {
            "expires_at": _DATE,
            "held_at": _DATE,
            "refusal": {"bsonType": "object", "required": ["kind"]},
            "expired": {"bsonType": "bool"},
            "attempt": _TEXT,
            "lease_until": _DATE,
            "publish_after": _DATE,
        },
        state=_TEXT,
        lines={
            "bsonType": "array",
            "items": {
                "bsonType": "object",
                "required": ["product_id", "q"],
                "properties": {"product_id": _TEXT, "q": _UNITS},
            },
        },
        outbox=_OUTBOX,
        created_at=_DATE,
        updated_at=_DATE,
    ),
}

_NAMESPACE_EXISTS = 48  # from a former run, or one at the same time

_UP, _DOWN = ASCENDING, DESCENDING

INDEXES: dict[str, list[IndexModel]] = {
    "products": [
        IndexModel([("sku_key", _UP)], name="sku", unique=True),
        IndexModel([("active", _UP), ("created_at", _DOWN), ("_id", _DOWN)], name="newest"),
        IndexModel([("active", _UP), ("name_key", _UP), ("_id", _UP)], name="name"),
        IndexModel([("active", _UP), ("price_rank", _UP), ("_id", _UP)], name="price"),
        IndexModel([("category_id", _UP), ("active", _UP), ("price_rank", _UP)], name="category"),
        IndexModel([("tags", _UP), ("active", _UP)], name="tags"),
        IndexModel([("holds.at", _UP)], name="holds_by_age", sparse=True),
        IndexModel([("publish_after", _UP)], name="outbox", sparse=True),
    ],
    "categories": [
        IndexModel([("slug", _UP)], name="slug", unique=True),
        IndexModel([("parent_id", _UP), ("name_key", _UP)], name="siblings", unique=True),
        IndexModel([("name_key", _UP), ("depth", _UP)], name="name"),
        IndexModel([("path", _UP)], name="path"),
    ],
    "reservations": [
        IndexModel([("state", _UP), ("expires_at", _UP)], name="expiry"),
        IndexModel([("state", _UP), ("updated_at", _UP)], name="unfinished"),
        IndexModel([("publish_after", _UP)], name="outbox", sparse=True),
    ],
}


async def apply(database: Database) -> None:
    for name, validator in VALIDATORS.items():
        try:
            await database.command("create", name, validator=validator)
        except OperationFailure as error:
            if error.code != _NAMESPACE_EXISTS:
                raise
            await database.command("collMod", name, validator=validator)
        await database[name].create_indexes(INDEXES[name])
