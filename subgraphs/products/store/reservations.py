"""The `reservations` collection.

_id: order id, state, lines: [{product_id, q, hold?, name?, sku?, price_minor?, currency?}], created_at, updated_at,
expires_at?, held_at?, expired?, refusal?, attempt?, lease_until?,
outbox: [event], publish_after?
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from subgraphs.kit.events.event import Event
from subgraphs.kit.mongo.client import Database, Document, DuplicateKeyError
from subgraphs.kit.mongo.conditional import is_now, when
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
_LEASE_FIELDS = {"attempt": "", "lease_until": ""}


class ReservationStore:
    """Every change is one compare-and-set, which answers None where the reservation has gone on already.

    It is an update by the id alone (see `kit/mongo/conditional.py`), which returns no document. So a change begins with
    the reservation as it was read, and its condition leaves no other that it can have met: what it has made is known.

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
        return await self._move_if(lambda read: read.state in sources, order_id, target, at=at, change=change)

    async def expire(self, order_id: OrderId, *, at: datetime) -> Reservation | None:
        """To RELEASING, where the time of the hold is over at `at`."""

        def is_over(read: Reservation) -> bool:
            may_expire = read.state in {State.RESERVING, State.HELD}
            return may_expire and read.expires_at is not None and read.expires_at <= at

        return await self._move_if(is_over, order_id, State.RELEASING, at=at, change={"expired": True})

    async def lease(self, leased: Reservation, target: State, *, before: str | None, at: datetime) -> bool:
        """To `target`, with the lease of `leased`, where `before` is still the attempt that had the last one."""
        change = {"attempt": leased.attempt, "lease_until": leased.lease_until}
        had_it = is_now("attempt", before)
        return await self._move(leased, target, had_it, at=at, change=change) is not None

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

        def is_released(read: Reservation) -> bool:
            return read.state is State.RELEASING and read.attempt == reservation.attempt

        return await self._move_if(
            is_released, reservation.order_id, State.RELEASING, at=at, clear_lease=True
        )

    async def settle(self, reservation: Reservation, *, at: datetime) -> Reservation | None:
        """To the state in which it stays, unless an attempt has a lease: StockReleased where units came back."""
        now = {"$literal": at}
        no_lease = {"$lte": [{"$ifNull": ["$lease_until", now]}, now]}
        target, event = SETTLES_AS[reservation.state], _release_event(reservation)
        return await self._move(reservation, target, no_lease, at=at, clear_lease=True, event=event)

    async def list_expired(self, *, now: datetime, limit: int) -> list[OrderId]:
        """Orders whose hold should have been released by `now`, the oldest first."""
        query = {"state": State.HELD.value, "expires_at": {"$lte": now}}
        cursor = self._reservations.find(query, {"_id": 1}).sort("expires_at", 1).limit(limit)
        return [OrderId(d["_id"]) async for d in cursor]

    async def list_untouched(
        self, states: Collection[State], *, since: datetime, limit: int
    ) -> list[Reservation]:
        """Reservations in one of `states` that have not changed since."""
        # Few are in such a state. By more of the index, or by its name, some servers read all of it.
        steps: list[Document] = [
            {"$match": {"state": {"$in": [s.value for s in states]}}},
            {"$match": {"updated_at": {"$lte": since}}},
            {"$sort": {"updated_at": 1}},
            {"$limit": limit},
            {"$project": _READ},
        ]
        cursor = self._reservations.aggregate(steps, batchSize=limit + 1)
        return [reservation_of(d) async for d in cursor]

    async def among(self, order_ids: Collection[OrderId], states: Collection[State]) -> set[OrderId]:
        """Those of `order_ids` whose reservation is in one of `states`."""
        # By the ids alone, as the updates are.
        cursor = self._reservations.find({"_id": {"$in": list(order_ids)}}, {"state": 1})
        return {OrderId(d["_id"]) async for d in cursor if State(d["state"]) in states}

    async def purge(self, state: State, *, before: datetime, limit: int) -> int:
        """Delete up to `limit` reservations that have been in `state` since before; returns how many.

        One with an event that is not published yet stays.
        """
        # Just the fields of an index, and the rest of what is asked in a step of its own.
        old = {"state": state.value, "updated_at": {"$lte": before}}
        published = {"publish_after": {"$exists": False}}
        steps: list[Document] = [
            {"$match": old},
            {"$match": published},
            {"$limit": limit},
            {"$project": {"_id": 1}},
        ]
        ids = [d["_id"] async for d in self._reservations.aggregate(steps, batchSize=limit + 1)]
        if not ids:
            return 0
        # Asked once more in the same write: a committed one may be restocked at this moment.
        query = {"_id": {"$in": ids}, **old, **published}
        return (await self._reservations.delete_many(query)).deleted_count

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
        has_it = is_now("attempt", reservation.attempt)
        return await self._move(
            reservation, target, has_it, at=at, change=change, clear_lease=True, event=event
        )

    async def _move_if(
        self,
        may_move: Callable[[Reservation], bool],
        order_id: OrderId,
        target: State,
        *,
        at: datetime,
        change: Mapping[str, object] | None = None,
        clear_lease: bool = False,
    ) -> Reservation | None:
        """To `target`, from whatever `may_move` is true of; read again where somebody writes it meanwhile."""
        while (read := await self.get(order_id)) is not None and may_move(read):
            # What else there is of a reservation changes with its state or its attempt.
            as_read = (is_now("attempt", read.attempt), is_now("expires_at", read.expires_at))
            moved = await self._move(read, target, *as_read, at=at, change=change, clear_lease=clear_lease)
            if moved is not None:
                return moved
        return None

    async def _move(
        self,
        read: Reservation,
        target: State,
        *conditions: Document,
        at: datetime,
        change: Mapping[str, object] | None = None,
        clear_lease: bool = False,
        event: Event | None = None,
    ) -> Reservation | None:
        """From the state of `read` to `target`, where `conditions` hold as well; the reservation that it is then."""
        changed = {"state": target.value, **(change or {})}
        cleared = _LEASE_FIELDS if clear_lease else {}
        update = {"$set": {**changed, "updated_at": at}, "$unset": cleared}
        as_read = {"$and": [is_now("state", read.state.value), *conditions]}
        done = await self._reservations.update_one(
            {"_id": read.order_id}, when(as_read, emitting(update, *([event] if event else []), at=at))
        )
        if not done.modified_count:
            return None
        if event is not None:
            self._wake_up()
        document = document_of(read) | changed
        return reservation_of({name: value for name, value in document.items() if name not in cleared})


def _release_event(reservation: Reservation) -> Event | None:
    """What others hear when it settles: nothing of a sale, nor of an order that never held all its units."""
    if reservation.held_at is None or reservation.state is State.COMMITTING:
        return None
    restocked = reservation.state is State.RETURNING
    reason = "restocked" if restocked else "expired" if reservation.expired else "released"
    return stock_released(reservation.order_id, reservation.lines, reason=reason)
