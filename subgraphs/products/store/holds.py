"""Holds: units of a product that are kept for an order, in the product's own document.

    holds: [{rid: order id, q, at, id?: the attempt that made it, restored?: true}]

Each method is one conditional update of one product, by its id alone (see `kit/mongo/conditional.py`), and changes
nothing when it comes a second time.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime

from subgraphs.kit.mongo.client import Database, Document
from subgraphs.kit.mongo.conditional import when
from subgraphs.products.domain.movements import Movement, MovementKind
from subgraphs.products.domain.products import ProductId
from subgraphs.products.domain.reservations import (
    Hold,
    OrderId,
    Refusal,
    ReservationLine,
    ReservedItem,
    Shortage,
    TooManyHolds,
    UnknownProducts,
)
from subgraphs.products.store.movements import recording

_HOLD_TRIES = 5
_ABSENT: Document = {"restored": False}
_QUOTED = ("name", "sku", "price_minor", "currency", "available", "active", "deleted")


class HoldStore:
    """`max_holds` is the most that one product may have: each is a part of its document, which every hold rewrites."""

    def __init__(self, database: Database, *, max_holds: int) -> None:
        self._products = database["products"]
        self._last_hold = max_holds - 1

    async def quote(self, lines: Sequence[ReservationLine]) -> tuple[ReservedItem, ...] | Refusal:
        """The lines with name, SKU and price, or why they cannot be held now. One query."""
        query = {"_id": {"$in": [line.product_id for line in lines]}}
        fields = {
            **dict.fromkeys(_QUOTED, 1),
            # None, or the one that leaves no room.
            "holds": {"$slice": [self._last_hold, 1]},
        }
        cursor = self._products.find(query, fields, batch_size=len(lines) + 1)
        found = {d["_id"]: d async for d in cursor if d["active"] and not d["deleted"]}
        missing = tuple(line.product_id for line in lines if line.product_id not in found)
        if missing:
            return UnknownProducts(product_ids=missing)
        for line in lines:
            product = found[line.product_id]
            if product["available"] < line.quantity:
                return _shortage(line, product["available"])
            if product["holds"]:
                return TooManyHolds(product_id=line.product_id)
        return tuple(_item(line, found[line.product_id]) for line in lines)

    async def hold(
        self, order_id: OrderId, line: ReservationLine, *, attempt: str, at: datetime
    ) -> ReservationLine | Refusal:
        """Move units from available to held, unless the order holds some; the line with the hold that it has then.

        An attempt calls this once for a line, so that the hold's id is never used again.
        """
        product_id, quantity = line.product_id, line.quantity
        can_hold = {
            "$and": [
                {"$eq": ["$active", True]},
                {"$eq": ["$deleted", False]},
                {"$gte": ["$available", quantity]},
                {"$eq": [number_of({"rid": order_id}), 0]},
                {"$lte": [{"$size": "$holds"}, self._last_hold]},
            ]
        }
        hold = {"rid": order_id, "q": quantity, "at": at, "id": attempt}
        taken = Movement.of_order(
            MovementKind.RESERVED, order_id, at=at, delta=-quantity, held_delta=quantity
        )
        change = when(
            can_hold, recording({"$inc": {"available": -quantity}, "$push": {"holds": hold}}, taken)
        )
        available = 0
        for _ in range(_HOLD_TRIES):
            if (await self._products.update_one({"_id": product_id}, change)).modified_count:
                return replace(line, hold_id=attempt)
            fields = {"available": 1, "active": 1, "deleted": 1, "holds": {"$elemMatch": {"rid": order_id}}}
            product = await self._products.find_one({"_id": product_id}, fields)
            if product is not None and product.get("holds"):
                return replace(line, hold_id=product["holds"][0].get("id"))
            if product is None or product["deleted"] or not product["active"]:
                return UnknownProducts(product_ids=(product_id,))
            available = product["available"]
            if available < quantity:
                break
            if await self._is_full(product_id):
                return TooManyHolds(product_id=product_id)
            # Units came back, or a hold ended, between the looks: try again.
        return _shortage(line, available)

    async def _is_full(self, product_id: ProductId) -> bool:
        last = {"holds": {"$slice": [self._last_hold, 1]}}
        product = await self._products.find_one({"_id": product_id}, last)
        return product is not None and bool(product["holds"])

    async def release(
        self, order_id: OrderId, line: ReservationLine, *, at: datetime, expired: bool = False
    ) -> bool:
        """Move units that were taken from available back to it; False when the order holds none.

        Whichever hold of the order it is: what was taken may always go back.
        """
        hold = {"rid": order_id, "q": line.quantity, "restored": False}
        kind = MovementKind.EXPIRED if expired else MovementKind.RELEASED
        return await self._end(line.product_id, hold, kind, available=line.quantity, at=at)

    async def commit(self, order_id: OrderId, line: ReservationLine, *, at: datetime) -> bool:
        """End the hold that the line names: its units are sold; False when it has ended."""
        hold = {"rid": order_id, "id": line.hold_id, "q": line.quantity, "restored": False}
        return await self._end(line.product_id, hold, MovementKind.COMMITTED, available=0, at=at)

    async def restore(
        self, order_id: OrderId, line: ReservationLine, *, attempt: str, at: datetime
    ) -> ReservationLine:
        """Hold sold units, unless the order has some restored; the line with the hold that it has then.

        Called once for a line by an attempt, as `hold` is.
        """
        restored = {"rid": order_id, "restored": True}
        hold = {**restored, "q": line.quantity, "at": at, "id": attempt}
        back = Movement.of_order(MovementKind.RETURNED, order_id, at=at, held_delta=line.quantity)
        done = await self._products.update_one(
            {"_id": line.product_id},
            when({"$eq": [number_of(restored), 0]}, recording({"$push": {"holds": hold}}, back)),
        )
        if done.modified_count:
            return replace(line, hold_id=attempt)
        product = await self._products.find_one({"_id": line.product_id}, {"holds": {"$elemMatch": restored}})
        holds = product.get("holds") if product else None
        # None where another run has gone on meanwhile; what this one notes counts for nothing then.
        return replace(line, hold_id=holds[0].get("id") if holds else attempt)

    async def release_restored(self, order_id: OrderId, line: ReservationLine, *, at: datetime) -> bool:
        """Move the restored units of the hold that the line names to available; False when it has ended."""
        hold = {"rid": order_id, "id": line.hold_id, "q": line.quantity, "restored": True}
        return await self._end(line.product_id, hold, MovementKind.RESTOCKED, available=line.quantity, at=at)

    async def end_stray(self, hold: Hold, *, at: datetime, reason: str) -> bool:
        """End a hold that no reservation counts: units taken from available go back, restored ones are no units."""
        query = {"rid": hold.order_id, "id": hold.id, "q": hold.quantity, "restored": hold.restored}
        available = 0 if hold.restored else hold.quantity
        kind = MovementKind.RECONCILED
        return await self._end(hold.product_id, query, kind, available=available, at=at, reason=reason)

    async def older_than(self, moment: datetime, *, batch: int) -> AsyncIterator[list[Hold]]:
        """Holds that began before `moment`, in lists of about `batch`."""
        found: list[Hold] = []
        async for product in self._products.find({"holds.at": {"$lt": moment}}, {"holds": 1}):
            found += [hold_of(product, hold) for hold in product["holds"] if hold["at"] < moment]
            if len(found) >= batch:
                yield found
                found = []
        if found:
            yield found

    async def _end(
        self,
        product_id: ProductId,
        hold: Document,
        kind: MovementKind,
        *,
        available: int,
        at: datetime,
        reason: str | None = None,
    ) -> bool:
        """End the hold of that description, whose units become available where `available` counts them."""
        change: Document = {"$inc": {"available": available}} if available else {}
        ended = Movement.of_order(
            kind, hold["rid"], at=at, delta=available, held_delta=-hold["q"], reason=reason
        )
        left = {"$filter": {"input": "$holds", "as": "hold", "cond": {"$not": [_is(hold)]}}}
        is_there = {"$gt": [number_of(hold), 0]}
        done = await self._products.update_one(
            {"_id": product_id}, when(is_there, recording(change, ended), computed={"holds": left})
        )
        return bool(done.modified_count)


def _is(hold: Document) -> Document:
    """The expression that `$$hold` is one of that description, whose `id` and `restored` it may lack."""
    return {
        "$and": [
            {"$eq": [{"$ifNull": [f"$$hold.{name}", _ABSENT.get(name)]}, {"$literal": value}]}
            for name, value in hold.items()
        ]
    }


def number_of(hold: Document) -> Document:
    """The expression of how many holds of that description the product has."""
    return {"$size": {"$filter": {"input": "$holds", "as": "hold", "cond": _is(hold)}}}


def _shortage(line: ReservationLine, available: int) -> Shortage:
    """Of units that came back since, no more are told of than leave it a shortage."""
    return Shortage(
        product_id=line.product_id, requested=line.quantity, available=min(available, line.quantity - 1)
    )


def hold_of(product: Document, hold: Document) -> Hold:
    return Hold(
        order_id=OrderId(hold["rid"]),
        product_id=ProductId(product["_id"]),
        quantity=hold["q"],
        id=hold.get("id"),
        restored=hold.get("restored", False),
        at=hold["at"],
    )


def _item(line: ReservationLine, product: Document) -> ReservedItem:
    return ReservedItem(
        product_id=line.product_id,
        quantity=line.quantity,
        name=product["name"],
        sku=product["sku"],
        price_minor=product["price_minor"],
        currency=product["currency"],
    )
