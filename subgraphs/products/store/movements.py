"""Movements of stock: first in the document that they change, then in a collection of their own.

    products:         on_hand, movements: [{id, kind, at, delta?, held_delta?, order_id?, actor?, reason?}],
                      movements_pending?: true
    stock_movements:  _id: id, product_id, and the same fields

One write changes the units and says so: a crash loses neither without the other. `on_hand` is what all movements come
to, so that somebody else's hand in the database shows as a difference to `available` and the holds. What is in the documents moves on
as a whole, by steps that may be repeated: into the collection by id, then out of the document.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from pymongo.errors import BulkWriteError

from subgraphs.kit.mongo.client import Database, Document
from subgraphs.products.domain.movements import Movement, MovementKind
from subgraphs.products.domain.products import ProductId

_DUPLICATE_KEY = 11000
_FINDS_AT_ONCE = 8


def with_movements(*movements: Movement) -> Document:
    """Fields of a new product."""
    on_hand = sum(m.on_hand_delta for m in movements)
    pending = {"movements_pending": True} if movements else {}
    return {"on_hand": on_hand, "movements": [_entry(m) for m in movements], **pending}


def recording(update: Document, movement: Movement, *, counted: bool = False) -> Document:
    """`update` that also records the movement which it is; it sets `on_hand` itself where that is `counted`."""
    changed = {
        **update,
        "$push": {**update.get("$push", {}), "movements": _entry(movement)},
        # The same value each time, so that the index on it is written once for many movements.
        "$set": {**update.get("$set", {}), "movements_pending": True},
    }
    if movement.on_hand_delta and not counted:
        changed["$inc"] = {**update.get("$inc", {}), "on_hand": movement.on_hand_delta}
    return changed


class MovementStore:
    def __init__(self, database: Database) -> None:
        self._products = database["products"]
        self._movements = database["stock_movements"]

    async def pending(self, *, limit: int) -> list[ProductId]:
        """Products whose documents have movements."""
        cursor = self._products.find({"movements_pending": True}, {"_id": 1}, batch_size=limit + 1)
        return [ProductId(d["_id"]) async for d in cursor.limit(limit)]

    async def copy(self, product_ids: Sequence[ProductId]) -> dict[ProductId, list[str]]:
        """Put the movements of these documents into the collection, as far as they are not there; their ids."""
        cursor = self._products.find(
            {"_id": {"$in": list(product_ids)}}, {"movements": 1}, batch_size=len(product_ids) + 1
        )
        found = {ProductId(d["_id"]): d["movements"] async for d in cursor if d.get("movements")}
        entries = [
            {"_id": entry["id"], "product_id": product_id} | {k: v for k, v in entry.items() if k != "id"}
            for product_id, movements in found.items()
            for entry in movements
        ]
        if entries:
            try:
                await self._movements.insert_many(entries, ordered=False)
            except BulkWriteError as error:
                faults = error.details.get("writeErrors", [])
                if error.details.get("writeConcernErrors") or any(
                    f["code"] != _DUPLICATE_KEY for f in faults
                ):
                    raise
        return {product_id: [m["id"] for m in movements] for product_id, movements in found.items()}

    async def forget(self, product_id: ProductId, movement_ids: Sequence[str]) -> None:
        """Take these movements out of the document; it is pending still where others have come meanwhile."""
        left = {
            "$filter": {"input": "$movements", "cond": {"$not": [{"$in": ["$$this.id", list(movement_ids)]}]}}
        }
        pending = {"$cond": [{"$eq": [{"$size": "$movements"}, 0]}, "$$REMOVE", True]}
        # Two stages of one write, by the id alone: some servers read the whole collection for more.
        await self._products.update_one(
            {"_id": product_id}, [{"$set": {"movements": left}}, {"$set": {"movements_pending": pending}}]
        )

    async def pages(
        self, product_ids: Sequence[ProductId], *, before: str | None, limit: int
    ) -> dict[ProductId, list[Movement]]:
        """Up to `limit` movements of each product, the latest first, those before the one with the id `before`.

        A find for each, some at a time: only so every server reads an index, and no more of it than the page.
        """
        beyond: Document = {} if before is None else {"_id": {"$lt": before}}
        turn = asyncio.Semaphore(_FINDS_AT_ONCE)

        async def page(product_id: ProductId) -> list[Movement]:
            query = {"product_id": product_id, **beyond}
            async with turn:
                cursor = self._movements.find(query, batch_size=limit + 1).sort("_id", -1).limit(limit)
                return [_movement(d) async for d in cursor]

        return dict(zip(product_ids, await asyncio.gather(*map(page, product_ids)), strict=True))

    async def counts(self, product_ids: Sequence[ProductId]) -> dict[ProductId, int]:
        """How many movements each product has, by one command."""
        match = {"$match": {"product_id": {"$in": list(product_ids)}}}
        cursor = self._movements.aggregate([match, {"$group": {"_id": "$product_id", "count": {"$sum": 1}}}])
        counted: Mapping[ProductId, int] = {d["_id"]: int(d["count"]) async for d in cursor}
        return {i: counted.get(i, 0) for i in product_ids}

    async def purge(self, *, before: datetime, limit: int) -> int:
        """Delete up to `limit` movements of before that time; returns how many."""
        cursor = self._movements.find({"at": {"$lt": before}}, {"_id": 1}, batch_size=limit + 1).limit(limit)
        ids = [d["_id"] async for d in cursor]
        if not ids:
            return 0
        return (await self._movements.delete_many({"_id": {"$in": ids}})).deleted_count


def _entry(movement: Movement) -> Document:
    fields = asdict(movement) | {"kind": movement.kind.value}
    return {name: value for name, value in fields.items() if value is not None and value != 0}


def _movement(document: Document) -> Movement:
    return Movement(
        id=document["_id"],
        kind=MovementKind(document["kind"]),
        at=document["at"],
        delta=document.get("delta", 0),
        held_delta=document.get("held_delta", 0),
        order_id=document.get("order_id"),
        actor=document.get("actor"),
        reason=document.get("reason"),
    )
