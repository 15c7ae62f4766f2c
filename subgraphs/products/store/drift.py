"""What a reconciliation reads of products and reservations, and the writes by which it mends them.

Each write is conditional on what was read, so that one which comes beside live traffic, or a second time, does nothing.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from subgraphs.kit.mongo.client import Database, Document
from subgraphs.kit.mongo.conditional import is_now, when
from subgraphs.products.domain.drift import ProductUnits
from subgraphs.products.domain.movements import Movement, MovementKind
from subgraphs.products.domain.products import ProductId
from subgraphs.products.domain.reservations import OrderId, Reservation, ReservationLine, State
from subgraphs.products.store.holds import hold_of, number_of
from subgraphs.products.store.movements import recording
from subgraphs.products.store.reservation_documents import reservation_of

_UNITS: Document = {"sku": 1, "available": 1, "on_hand": 1, "holds": 1}
_LIVE = (State.HELD, State.PINNED)


class DriftStore:
    def __init__(self, database: Database) -> None:
        self._products = database["products"]
        self._reservations = database["reservations"]

    async def all_units(self, *, batch: int) -> AsyncIterator[list[ProductUnits]]:
        """Of all products, deleted ones too, in lists of up to `batch`, in order of id."""
        last = ""
        while True:
            cursor = self._products.find({"_id": {"$gt": last}}, _UNITS).sort("_id", 1).limit(batch)
            found = [_units(d) async for d in cursor]
            if not found:
                return
            yield found
            last = found[-1].product_id

    async def held_units(self, *, before: datetime) -> AsyncIterator[ProductUnits]:
        """Of the products that have a hold from before that time, read by the index of holds."""
        async for document in self._products.find({"holds.at": {"$lt": before}}, _UNITS):
            yield _units(document)

    async def units(self, product_ids: Sequence[ProductId]) -> dict[ProductId, ProductUnits]:
        cursor = self._products.find({"_id": {"$in": list(product_ids)}}, _UNITS)
        return {ProductId(d["_id"]): _units(d) async for d in cursor}

    async def reservations(self, order_ids: Sequence[OrderId]) -> dict[OrderId, Reservation]:
        cursor = self._reservations.find({"_id": {"$in": list(order_ids)}}, {"outbox": 0})
        return {OrderId(d["_id"]): reservation_of(d) async for d in cursor}

    async def holding(self, *, before: datetime, batch: int) -> AsyncIterator[list[Reservation]]:
        """Reservations that hold units and have not changed since `before`, in lists of up to `batch`."""
        last = ""
        while True:
            query = {
                "_id": {"$gt": last},
                "state": {"$in": [s.value for s in _LIVE]},
                "updated_at": {"$lt": before},
            }
            cursor = self._reservations.find(query, {"outbox": 0}).sort("_id", 1).limit(batch)
            found = [reservation_of(d) async for d in cursor]
            if not found:
                return
            yield found
            last = found[-1].order_id

    async def pinned(self, *, before: datetime, limit: int) -> list[OrderId]:
        """Orders whose hold has been pinned since before that time."""
        query = {"state": State.PINNED.value, "updated_at": {"$lt": before}}
        cursor = self._reservations.find(query, {"_id": 1}).sort("updated_at", 1).limit(limit)
        return [OrderId(d["_id"]) async for d in cursor]

    async def correct(self, units: ProductUnits, *, at: datetime) -> bool:
        """Make `available` what the recorded movements and the holds leave, where both are as they were read.

        Where more is held than is recorded, the holds stand, and nothing is available.
        """
        available = max(0, units.available + units.missing)
        on_hand = available + units.held
        movement = Movement.by_hand(
            MovementKind.RECONCILED,
            available - units.available,
            at=at,
            actor=None,
            reason=f"{units.available} available and {units.held} held, where {units.on_hand} were on hand",
        )
        change = recording({"$set": {"available": available, "on_hand": on_hand}}, movement, counted=True)
        # A reservation changes `available` or `on_hand`, or leaves both sums as they are.
        as_read = {"$and": [is_now("available", units.available), is_now("on_hand", units.on_hand)]}
        done = await self._products.update_one({"_id": units.product_id}, when(as_read, change))
        return bool(done.modified_count)

    async def hold_again(self, order_id: OrderId, line: ReservationLine, *, at: datetime) -> bool:
        """Take the units of a hold that is gone; False where there are too few, or the order holds some."""
        hold = {"rid": order_id, "q": line.quantity, "at": at, "id": line.hold_id}
        movement = Movement.of_order(
            MovementKind.RECONCILED,
            order_id,
            at=at,
            delta=-line.quantity,
            held_delta=line.quantity,
            reason="its hold was gone",
        )
        change = recording({"$inc": {"available": -line.quantity}, "$push": {"holds": hold}}, movement)
        can_hold = {
            "$and": [
                {"$gte": ["$available", line.quantity]},
                {"$eq": [number_of({"rid": order_id}), 0]},
            ]
        }
        done = await self._products.update_one({"_id": line.product_id}, when(can_hold, change))
        return bool(done.modified_count)


def _units(document: Document) -> ProductUnits:
    held = sum(hold["q"] for hold in document["holds"])
    return ProductUnits(
        product_id=ProductId(document["_id"]),
        sku=document["sku"],
        available=document["available"],
        on_hand=document.get("on_hand", document["available"] + held),
        holds=tuple(hold_of(document, hold) for hold in document["holds"]),
    )
