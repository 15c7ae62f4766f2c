"""An update that changes a document only under a condition, for a query by `_id` alone.

MongoDB finds a document by `_id` whatever else a query asks of it. The embedded server reads the whole collection
for an `_id` beside other fields, and so it does for every `findAndModify`. As a pipeline the condition is a part of the
update: it is as atomic, and `modified_count` says whether it held.
"""

from typing import Any

from subgraphs.kit.mongo.client import Document


def when(condition: Document, update: Document, *, computed: Document | None = None) -> list[Document]:
    """`update` as a pipeline that leaves the document as it is unless the expression `condition` holds.

    `update` may have `$set`, `$inc` and `$push` (of a value, or of `$each`), of fields of the document itself;
    `computed` are fields with the expressions of their values.
    """
    changed: Document = dict(computed or {})
    for operator, fields in update.items():
        for name, value in fields.items():
            changed[name] = _OPERATORS[operator](f"${name}", value)
    return [{"$replaceWith": {"$cond": [condition, {"$mergeObjects": ["$$ROOT", changed]}, "$$ROOT"]}}]


def _set(_path: str, value: Any) -> Document:
    return {"$literal": value}


def _inc(path: str, value: Any) -> Document:
    return {"$add": [{"$ifNull": [path, 0]}, value]}


def _push(path: str, value: Any) -> Document:
    values = value["$each"] if isinstance(value, dict) and "$each" in value else [value]
    return {"$concatArrays": [{"$ifNull": [path, []]}, {"$literal": values}]}


_OPERATORS = {"$set": _set, "$inc": _inc, "$push": _push}
