"""The `reservations` collection.

_id: order id, state, lines: [{product_id, q, hold?, name?, sku?, price_minor?, currency?}], created_at, updated_at,
expires_at?, held_at?, expired?, refusal?, attempt?, lease_until?,
outbox: [event], publish_after?
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from pymongo import ReturnDocument

from subgraphs.kit.events.event import Event
from subgraphs.kit.mongo.client import Database, Document, DuplicateKeyError
from subgraphs.kit.mongo.outbox import emitting, with_outbox
from subgraphs.products.domain.events import stock_released, stock_reserved
from subgraphs.products.domain.reservations import SETTLES_AS, OrderId, Refusal, Reservation, State
from subgraphs.products.store.reservation_documents import (
    document_of,
    line_document,
    refusal_document,
    reservation_of,
)

_READ: Document = {"outbox": 0, "publish_after": 0}
# The index on state and updated_at. Named, since the embedded server would rather read the whole collection.
_BY_STATE = "unfinished"
_LEASE_FIELDS = {"attempt": "", "lease_until": ""}


class ReservationStore:
    """Every change is one compare-and-set, which answers None where the reservation has gone on already.

    `wake_up` is called after an event was written.
    """

    def __init__(self, database: Database, *, wake_up: Callable[[], None]) -> None:
        self._reservations = database["reservations"]
        self._wake_up = wake_up

    async def get(self, order_id: OrderId) -> Reservation | None:
        document = await self._reservations.find_one({"_id": order_id}, _READ)
        return reservation_of(document) if document else None

    async def insert(self, reservation: Reservation, *, at: datetime) -> bool:
        """False when there is one of this order."""
        stamps = {"created_at": at, "updated_at": at}
        try:
            await self._reservations.insert_one(document_of(reservation) | stamps | with_outbox(at=at))
        except DuplicateKeyError:
            return False
        return True

    async def move(
        self,
        order_id: OrderId,
        sources: Collection[State],
        target: State,
        *,
        at: datetime,
        expires_at: datetime | None = None,
    ) -> Reservation | None:
        """From one of `sources` to `target`, with another expiry where one is given."""
        change = {} if expires_at is None else {"expires_at": expires_at}
        return await self._move({"_id": order_id}, sources, target, at=at, change=change)

    async def expire(self, order_id: OrderId, *, at: datetime) -> Reservation | None:
        """To RELEASING, where the time of the hold is over at `at`."""
        query = {"_id": order_id, "expires_at": {"$lte": at}}
        change = {"expired": True}
        return await self._move(query, (State.RESERVING, State.HELD), State.RELEASING, at=at, change=change)

    async def lease(self, leased: Reservation, target: State, *, before: str | None, at: datetime) -> bool:
        """To `target`, with the lease of `leased`, where `before` is still the attempt that had the last one."""
        query = {"_id": leased.order_id, "attempt": before}
        change = {"attempt": leased.attempt, "lease_until": leased.lease_until}
        return await self._move(query, (leased.state,), target, at=at, change=change) is not None

    async def mark_held(self, reservation: Reservation, *, at: datetime) -> Reservation | None:
        """RESERVING → HELD, with the holds that its lines name: StockReserved. Ends the lease."""
        change = {"held_at": at, "lines": [line_document(line) for line in reservation.lines]}
        event = stock_reserved(reservation.order_id, reservation.lines)
        return await self._end_lease(reservation, State.HELD, at=at, change=change, event=event)

    async def refuse(
        self, reservation: Reservation, refusal: Refusal, *, holds: bool, at: datetime
    ) -> Reservation | None:
        """RESERVING → RELEASING for the reason given, or RELEASED at once where it `holds` nothing. Ends the lease."""
        change = {"refusal": refusal_document(refusal)}
        target = State.RELEASING if holds else State.RELEASED
        return await self._end_lease(reservation, target, at=at, change=change)

    async def mark_returning(self, reservation: Reservation, *, at: datetime) -> Reservation | None:
        """RESTOCKING → RETURNING, with the holds that its lines name. Ends the lease."""
        change = {"lines": [line_document(line) for line in reservation.lines]}
        return await self._end_lease(reservation, State.RETURNING, at=at, change=change)

    async def give_up_lease(self, reservation: Reservation, *, at: datetime) -> Reservation | None:
        """End the lease of an attempt whose order was sent to RELEASING while it was at work."""
        query = {"_id": reservation.order_id, "attempt": reservation.attempt}
        releasing = State.RELEASING
        return await self._move(query, (releasing,), releasing, at=at, clear_lease=True)

    async def settle(self, reservation: Reservation, *, at: datetime) -> Reservation | None:
        """To the state in which it stays, unless an attempt has a lease: StockReleased where units came back."""
        state = reservation.state
        query = {
            "_id": reservation.order_id,
            "$or": [{"lease_until": None}, {"lease_until": {"$lte": at}}],
        }
        return await self._move(
            query, (state,), SETTLES_AS[state], at=at, clear_lease=True, event=_release_event(reservation)
        )

    async def list_expired(self, *, now: datetime, limit: int) -> list[OrderId]:
        """Orders whose hold should have been released by `now`, the oldest first."""
        query = {"state": State.HELD.value, "expires_at": {"$lte": now}}
        cursor = self._reservations.find(query, {"_id": 1}).sort("expires_at", 1).limit(limit)
        return [OrderId(d["_id"]) async for d in cursor]

    async def list_untouched(
        self, states: Collection[State], *, since: datetime, limit: int
    ) -> list[Reservation]:
        """Reservations in one of `states` that have not changed since."""
        query = {"state": {"$in": [s.value for s in states]}, "updated_at": {"$lte": since}}
        cursor = self._reservations.find(query, _READ).hint(_BY_STATE).sort("updated_at", 1).limit(limit)
        return [reservation_of(d) async for d in cursor]

    async def among(self, order_ids: Collection[OrderId], states: Collection[State]) -> set[OrderId]:
        """Those of `order_ids` whose reservation is in one of `states`."""
        query = {"_id": {"$in": list(order_ids)}, "state": {"$in": [s.value for s in states]}}
        return {OrderId(d["_id"]) async for d in self._reservations.find(query, {"_id": 1})}

    async def purge(self, state: State, *, before: datetime, limit: int) -> int:
        """Delete up to `limit` reservations that have been in `state` since before; returns how many.

        One with an event that is not published yet stays.
        """
        query = {
            "state": state.value,
            "updated_at": {"$lte": before},
            "publish_after": {"$exists": False},
        }
        cursor = self._reservations.find(query, {"_id": 1}, batch_size=limit + 1).hint(_BY_STATE).limit(limit)
        ids = [d["_id"] async for d in cursor]
        if not ids:
            return 0
        # Asked once more in the same write: a committed one may be restocked at this moment.
        return (await self._reservations.delete_many({"_id": {"$in": ids}, **query})).deleted_count

    async def _end_lease(
        self,
        reservation: Reservation,
        target: State,
        *,
        at: datetime,
        change: Mapping[str, object],
        event: Event | None = None,
    ) -> Reservation | None:
        """From its state to `target`, where the attempt that it names is still the one with the lease."""
        query = {"_id": reservation.order_id, "attempt": reservation.attempt}
        return await self._move(
            query, (reservation.state,), target, at=at, change=change, clear_lease=True, event=event
        )

    async def _move(
        self,
        query: Document,
        sources: Collection[State],
        target: State,
        *,
        at: datetime,
        change: Mapping[str, object] | None = None,
        clear_lease: bool = False,
        event: Event | None = None,
    ) -> Reservation | None:
        update: Document = {"$set": {"state": target.value, "updated_at": at, **(change or {})}}
        if clear_lease:
            update["$unset"] = _LEASE_FIELDS
        document = await self._reservations.find_one_and_update(
            {**query, "state": {"$in": [s.value for s in sources]}},
            emitting(update, *([event] if event else []), at=at),
            projection=_READ,
            return_document=ReturnDocument.AFTER,
        )
        if document is not None and event is not None:
            self._wake_up()
        return reservation_of(document) if document else None


def _release_event(reservation: Reservation) -> Event | None:
    """What others hear when it settles: nothing of a sale, nor of an order that never held all its units."""
    if reservation.held_at is None or reservation.state is State.COMMITTING:
        return None
    restocked = reservation.state is State.RETURNING
    reason = "restocked" if restocked else "expired" if reservation.expired else "released"
    return stock_released(reservation.order_id, reservation.lines, reason=reason)
