"""Holds: units of a product that are kept for an order, in the product's own document.

    holds: [{rid: order id, q, at, id?: the attempt that made it, restored?: true}]

Each method is one conditional update of one product, and changes nothing when it comes a second time.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime

from subgraphs.kit.mongo.client import Database, Document
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
_NOT_RESTORED: Document = {"$ne": True}


class HoldStore:
    """`max_holds` is the most that one product may have: each is a part of its document, which every hold rewrites."""

    def __init__(self, database: Database, *, max_holds: int) -> None:
        self._products = database["products"]
        self._last_hold = max_holds - 1

    async def quote(self, lines: Sequence[ReservationLine]) -> tuple[ReservedItem, ...] | Refusal:
        """The lines with name, SKU and price, or why they cannot be held now. One query."""
        query = {"_id": {"$in": [line.product_id for line in lines]}, "active": True, "deleted": False}
        fields = {
            **dict.fromkeys(("name", "sku", "price_minor", "currency", "available"), 1),
            # None, or the one that leaves no room.
            "holds": {"$slice": [self._last_hold, 1]},
        }
        cursor = self._products.find(query, fields, batch_size=len(lines) + 1)
        found = {d["_id"]: d async for d in cursor}
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
            "_id": product_id,
            "active": True,
            "deleted": False,
            "available": {"$gte": quantity},
            "holds.rid": {"$ne": order_id},
            f"holds.{self._last_hold}": {"$exists": False},
        }
        hold = {"rid": order_id, "q": quantity, "at": at, "id": attempt}
        taken = Movement.of_order(
            MovementKind.RESERVED, order_id, at=at, delta=-quantity, held_delta=quantity
        )
        change = recording({"$inc": {"available": -quantity}, "$push": {"holds": hold}}, taken)
        available = 0
        for _ in range(_HOLD_TRIES):
            if (await self._products.update_one(can_hold, change)).modified_count:
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
        query = {"_id": product_id, f"holds.{self._last_hold}": {"$exists": True}}
        return await self._products.find_one(query, {"_id": 1}) is not None

    async def release(
        self, order_id: OrderId, line: ReservationLine, *, at: datetime, expired: bool = False
    ) -> bool:
        """Move units that were taken from available back to it; False when the order holds none.

        Whichever hold of the order it is: what was taken may always go back.
        """
        hold = {"rid": order_id, "q": line.quantity, "restored": _NOT_RESTORED}
        kind = MovementKind.EXPIRED if expired else MovementKind.RELEASED
        return await self._end(line.product_id, hold, kind, available=line.quantity, at=at)

    async def commit(self, order_id: OrderId, line: ReservationLine, *, at: datetime) -> bool:
        """End the hold that the line names: its units are sold; False when it has ended."""
        hold = {"rid": order_id, "id": line.hold_id, "q": line.quantity, "restored": _NOT_RESTORED}
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
            {"_id": line.product_id, "holds": {"$not": {"$elemMatch": restored}}},
            recording({"$push": {"holds": hold}}, back),
        )
        if done.modified_count:
            return replace(line, hold_id=attempt)
        query = {"_id": line.product_id, "holds": {"$elemMatch": restored}}
        product = await self._products.find_one(query, {"holds": {"$elemMatch": restored}})
        # None where another run has gone on meanwhile; what this one notes counts for nothing then.
        return replace(line, hold_id=product["holds"][0].get("id") if product else attempt)

    async def release_restored(self, order_id: OrderId, line: ReservationLine, *, at: datetime) -> bool:
        """Move the restored units of the hold that the line names to available; False when it has ended."""
        hold = {"rid": order_id, "id": line.hold_id, "q": line.quantity, "restored": True}
        return await self._end(line.product_id, hold, MovementKind.RESTOCKED, available=line.quantity, at=at)

    async def end_stray(self, hold: Hold, *, at: datetime, reason: str) -> bool:
        """End a hold that no reservation counts: units taken from available go back, restored ones are no units."""
        restored = True if hold.restored else _NOT_RESTORED
        query = {"rid": hold.order_id, "id": hold.id, "q": hold.quantity, "restored": restored}
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
        change: Document = {"$pull": {"holds": hold}}
        if available:
            change["$inc"] = {"available": available}
        ended = Movement.of_order(
            kind, hold["rid"], at=at, delta=available, held_delta=-hold["q"], reason=reason
        )
        query = {"_id": product_id, "holds": {"$elemMatch": hold}}
        done = await self._products.update_one(query, recording(change, ended))
        return bool(done.modified_count)


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
