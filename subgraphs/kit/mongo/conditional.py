"""An update that changes a document only under a condition, for a query by `_id` alone.

MongoDB finds a document by `_id` whatever else a query asks of it. The embedded server reads the whole collection
for an `_id` beside other fields, and so it does for every `findAndModify`. As a pipeline the condition is a part of the
update: it is as atomic, and `modified_count` says whether it held.
"""

from typing import Any

from subgraphs.kit.mongo.client import Document


def when(condition: Document, update: Document, *, computed: Document | None = None) -> list[Document]:
    """`update` as a pipeline that leaves the document as it is unless the expression `condition` holds.

    `update` may have `$set`, `$inc`, `$push` (of a value, or of `$each`) and `$unset`, of fields of the document itself;
    `computed` are fields with the expressions of their values.
    """
    changed: Document = dict(computed or {})
    unset = list(update.get("$unset", ()))
    for operator, fields in update.items():
        if operator == "$unset":
            continue
        for name, value in fields.items():
            changed[name] = _OPERATORS[operator](f"${name}", value)
    kept = _without(unset) if unset else "$$ROOT"
    return [{"$replaceWith": {"$cond": [condition, {"$mergeObjects": [kept, changed]}, "$$ROOT"]}}]


def is_now(field: str, value: Any) -> Document:
    """The condition that a field of the document has this value; None where it is null or absent."""
    return {"$eq": [{"$ifNull": [f"${field}", None]}, {"$literal": value}]}


def _without(fields: list[str]) -> Document:
    """The document less these fields. Not by `$unsetField`, which the embedded server does not know."""
    left = {"$not": [{"$in": ["$$this.k", fields]}]}
    return {"$arrayToObject": {"$filter": {"input": {"$objectToArray": "$$ROOT"}, "cond": left}}}


def _set(_path: str, value: Any) -> Document:
    return {"$literal": value}


def _inc(path: str, value: Any) -> Document:
    return {"$add": [{"$ifNull": [path, 0]}, value]}


def _push(path: str, value: Any) -> Document:
    values = value["$each"] if isinstance(value, dict) and "$each" in value else [value]
    return {"$concatArrays": [{"$ifNull": [path, []]}, {"$literal": values}]}


_OPERATORS = {"$set": _set, "$inc": _inc, "$push": _push}
