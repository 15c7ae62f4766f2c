"""The `reservations` collection.

_id: order id, state, lines: [{product_id, q, name?, sku?, price_minor?, currency?}], created_at, updated_at,
expires_at?, held_at?, expired?, refusal?, attempt?, lease_until?,
outbox: [event], publish_after?
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from pymongo import ReturnDocument

from subgraphs.kit.events.event import Event
from subgraphs.kit.mongo.client import Database, Document
from subgraphs.kit.mongo.outbox import emitting, with_outbox
from subgraphs.products.domain.catalogue import ProductId
from subgraphs.products.domain.reservation import (
    Item,
    Line,
    OrderId,
    Refusal,
    Reservation,
    Shortage,
    State,
    Unknown,
)

_READ: Document = {"outbox": 0, "publish_after": 0}


class ReservationStore:
    def __init__(self, database: Database) -> None:
        self._reservations = database["reservations"]

    async def get(self, order_id: OrderId) -> Reservation | None:
        document = await self._reservations.find_one({"_id": order_id}, _READ)
        return _reservation(document) if document else None

    async def insert(self, reservation: Reservation, *, at: datetime) -> None:
        """Raises DuplicateKeyError when there is one of this order."""
        stamps = {"created_at": at, "updated_at": at}
        await self._reservations.insert_one(_document(reservation) | stamps | with_outbox(at=at))

    async def move(
        self,
        order_id: OrderId,
        sources: Collection[State],
        target: State,
        *,
        at: datetime,
        where: Document | None = None,
        change: Mapping[str, object] | None = None,
        clear: Sequence[str] = (),
        event: Event | None = None,
    ) -> Reservation | None:
        """Compare-and-set: from one of `sources` to `target`, where `where` holds too; None when it does not.

        Sets `change`, removes the fields in `clear`, and puts `event` in the outbox, in the same write.
        """
        update: Document = {"$set": {"state": target.value, "updated_at": at, **(change or {})}}
        if clear:
            update["$unset"] = dict.fromkeys(clear, "")
        document = await self._reservations.find_one_and_update(
            {"_id": order_id, "state": {"$in": [s.value for s in sources]}, **(where or {})},
            emitting(update, *([event] if event else []), at=at),
            projection=_READ,
            return_document=ReturnDocument.AFTER,
        )
        return _reservation(document) if document else None

    async def expired(self, *, now: datetime, limit: int) -> list[OrderId]:
        """Orders whose hold should have been given back by `now`, the oldest first."""
        query = {"state": State.HELD.value, "expires_at": {"$lte": now}}
        cursor = self._reservations.find(query, {"_id": 1}).sort("expires_at", 1).limit(limit)
        return [OrderId(d["_id"]) async for d in cursor]

    async def untouched(self, states: Collection[State], *, since: datetime, limit: int) -> list[Reservation]:
        """Reservations in one of `states` that have not changed since."""
        query = {"state": {"$in": [s.value for s in states]}, "updated_at": {"$lte": since}}
        cursor = self._reservations.find(query, _READ).sort("updated_at", 1).limit(limit)
        return [_reservation(d) async for d in cursor]

    async def among(self, order_ids: Collection[OrderId], states: Collection[State]) -> set[OrderId]:
        """Those of `order_ids` whose reservation is in one of `states`."""
        query = {"_id": {"$in": list(order_ids)}, "state": {"$in": [s.value for s in states]}}
        return {OrderId(d["_id"]) async for d in self._reservations.find(query, {"_id": 1})}


def refusal_document(refusal: Refusal) -> Document:
    if isinstance(refusal, Unknown):
        return {"kind": "unknown", "product_ids": list(refusal.product_ids)}
    return {
        "kind": "shortage",
        "product_id": refusal.product_id,
        "requested": refusal.requested,
        "available": refusal.available,
    }


def _refusal(document: Document | None) -> Refusal | None:
    if document is None:
        return None
    if document["kind"] == "unknown":
        return Unknown(product_ids=tuple(document["product_ids"]))
    return Shortage(
        product_id=document["product_id"],
        requested=document["requested"],
        available=document["available"],
    )


def _document(reservation: Reservation) -> Document:
    optional = {
        "expires_at": reservation.expires_at,
        "held_at": reservation.held_at,
        "expired": reservation.expired or None,
        "refusal": reservation.refusal and refusal_document(reservation.refusal),
        "attempt": reservation.attempt,
        "lease_until": reservation.lease_until,
    }
    return {
        "_id": reservation.order_id,
        "state": reservation.state.value,
        "lines": [_line_document(line) for line in reservation.lines],
        **{name: value for name, value in optional.items() if value is not None},
    }


def _reservation(document: Document) -> Reservation:
    return Reservation(
        order_id=OrderId(document["_id"]),
        state=State(document["state"]),
        lines=tuple(_line(d) for d in document["lines"]),
        expires_at=document.get("expires_at"),
        held_at=document.get("held_at"),
        expired=document.get("expired", False),
        refusal=_refusal(document.get("refusal")),
        attempt=document.get("attempt"),
        lease_until=document.get("lease_until"),
    )


def _line_document(line: Line) -> Document:
    document: Document = {"product_id": line.product_id, "q": line.quantity}
    if isinstance(line, Item):
        document |= {
            "name": line.name,
            "sku": line.sku,
            "price_minor": line.price_minor,
            "currency": line.currency,
        }
    return document


def _line(document: Document) -> Line:
    product_id, quantity = ProductId(document["product_id"]), document["q"]
    if "name" not in document:
        return Line(product_id=product_id, quantity=quantity)
    return Item(
        product_id=product_id,
        quantity=quantity,
        name=document["name"],
        sku=document["sku"],
        price_minor=document["price_minor"],
        currency=document["currency"],
    )
