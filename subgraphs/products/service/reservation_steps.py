"""The steps of a reservation, each from one state to the next. See `domain/reservation.py` for the states.

Every step is made of conditional writes and may be done again after a crash in its middle. Only those that
add holds need a lease: one run at a time may take units for an order, and not after its time is over, so
that no late write takes units for an order that is settled.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypedDict

from subgraphs.kit.errors import Unavailable
from subgraphs.kit.events.event import Event
from subgraphs.kit.ids import new_id
from subgraphs.kit.mongo.client import Database, Document, DuplicateKeyError
from subgraphs.products.domain.reservation import (
    Gone,
    Line,
    OrderId,
    Outcome,
    Refusal,
    Reservation,
    State,
    Unknown,
)
from subgraphs.products.events import stock_released, stock_reserved
from subgraphs.products.store.holds import HoldStore
from subgraphs.products.store.reservations import ReservationStore, refusal_document

LEASE = timedelta(seconds=5)
_WAIT = 2.0
_POLL = 0.02
_LEASE_FIELDS = ("attempt", "lease_until")


class ReservationSteps:
    """`notify` is called after an event was written, `passed` with the name of each write that is done."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        notify: Callable[[], None],
        passed: Callable[[str], None],
    ) -> None:
        self._holds = HoldStore(database)
        self._reservations = ReservationStore(database)
        self._clock = clock
        self._notify = notify
        self.passed = passed

    async def finish(self, reservation: Reservation) -> Reservation:
        """Do what a reservation in an -ING state has left."""
        match reservation.state:
            case State.RESERVING:
                await self._finish_reserving(reservation)
            case State.RELEASING | State.RETURNING:
                return await self.give_back(reservation)
            case State.COMMITTING:
                return await self.drop(reservation)
            case State.RESTOCKING:
                reservation = await self.await_turn(reservation, State.RESTOCKING)
                if reservation.state is State.RESTOCKING:
                    return await self.put_back(reservation)
        return await self.reread(reservation)

    async def _finish_reserving(self, reservation: Reservation) -> None:
        if reservation.expires_at is not None and reservation.expires_at <= self._clock():
            moved = await self.move(
                reservation.order_id, {State.RESERVING}, State.RELEASING, change={"expired": True}
            )
            if moved is not None:
                await self.give_back(moved)
            return
        reservation = await self.await_turn(reservation, State.RESERVING)
        if reservation.state is State.RESERVING:
            await self.take(reservation)

    async def begin(
        self, order_id: OrderId, lines: tuple[Line, ...], expires_at: datetime
    ) -> tuple[Reservation, bool]:
        """The reservation, and whether it is this run's; settled already where it can only be refused."""
        now = self._clock()
        quote = await self._holds.quote(lines)
        if isinstance(quote, Unknown):
            new = Reservation(order_id=order_id, state=State.RELEASED, lines=lines, refusal=quote)
        elif expires_at <= now:
            new = Reservation(order_id=order_id, state=State.RELEASED, lines=lines, expired=True)
        else:
            new = Reservation(
                order_id=order_id,
                state=State.RESERVING,
                lines=quote,
                expires_at=expires_at,
                **lease(now),
            )
        if await self.insert(new):
            self.passed("reserve.recorded")
            return new, True
        return await self.reread(new), False

    async def take(self, reservation: Reservation) -> Outcome:
        """Take line after line in order of product id, then say that all are held."""
        order_id = reservation.order_id
        for line in reservation.lines:
            self._check_lease(reservation)
            refusal = await self._holds.take(order_id, line, at=self._clock())
            if refusal is not None:
                return await self._refuse(reservation, refusal)
            self.passed("reserve.line_taken")
        held = await self.move(
            order_id,
            {State.RESERVING},
            State.HELD,
            where={"attempt": reservation.attempt},
            change={"held_at": self._clock()},
            clear=_LEASE_FIELDS,
            event=stock_reserved(order_id, reservation.lines),
        )
        if held is None:
            return await self._overtaken(reservation)
        self.passed("reserve.held")
        return held.outcome() or Gone()

    async def _refuse(self, reservation: Reservation, refusal: Refusal) -> Outcome:
        """Record why, then give back what was taken."""
        moved = await self.move(
            reservation.order_id,
            {State.RESERVING},
            State.RELEASING,
            where={"attempt": reservation.attempt},
            change={"refusal": refusal_document(refusal)},
            clear=_LEASE_FIELDS,
        )
        if moved is None:
            return await self._overtaken(reservation)
        self.passed("refuse.recorded")
        await self.give_back(moved)
        return refusal

    async def _overtaken(self, reservation: Reservation) -> Outcome:
        """The order was released while this run was taking, so what it took goes back.

        Raises Unavailable when another run has gone on in its place.
        """
        moved = await self.move(
            reservation.order_id,
            {State.RELEASING},
            State.RELEASING,
            where={"attempt": reservation.attempt},
            clear=_LEASE_FIELDS,
        )
        present = await self.give_back(moved) if moved is not None else await self.reread(reservation)
        outcome = present.outcome()
        if outcome is None:
            raise Unavailable("The order is being reserved by another call; try again.")
        return outcome

    async def give_back(self, reservation: Reservation) -> Reservation:
        """RELEASING and RETURNING: holds become available again.

        A run that may still add holds keeps the state from settling; it or the sweeper comes back here.
        """
        order_id = reservation.order_id
        for line in reservation.lines:
            await self._holds.give_back(order_id, line)
            self.passed("return.line_returned")
        restocked = reservation.state is State.RETURNING
        reason = "restocked" if restocked else "expired" if reservation.expired else "released"
        was_held = reservation.held_at is not None
        settled = await self.move(
            order_id,
            {reservation.state},
            State.RESTOCKED if restocked else State.RELEASED,
            where={"$or": [{"lease_until": None}, {"lease_until": {"$lte": self._clock()}}]},
            clear=_LEASE_FIELDS,
            event=stock_released(order_id, reservation.lines, reason=reason) if was_held else None,
        )
        self.passed("return.settled")
        return settled or await self.reread(reservation)

    async def drop(self, reservation: Reservation) -> Reservation:
        """COMMITTING: holds end, their units are sold."""
        for line in reservation.lines:
            await self._holds.drop(reservation.order_id, line)
            self.passed("commit.line_dropped")
        settled = await self.move(reservation.order_id, {State.COMMITTING}, State.COMMITTED)
        self.passed("commit.settled")
        return settled or await self.reread(reservation)

    async def put_back(self, reservation: Reservation) -> Reservation:
        """RESTOCKING: sold units come back as holds, and these become available."""
        for line in reservation.lines:
            self._check_lease(reservation)
            await self._holds.put(reservation.order_id, line, at=self._clock())
            self.passed("restock.line_put")
        moved = await self.move(
            reservation.order_id,
            {State.RESTOCKING},
            State.RETURNING,
            where={"attempt": reservation.attempt},
            clear=_LEASE_FIELDS,
        )
        if moved is None:
            return await self.reread(reservation)
        self.passed("restock.returning")
        return await self.give_back(moved)

    async def await_turn(self, reservation: Reservation, state: State) -> Reservation:
        """The reservation with the lease of `state` taken over by this run, or in the state it went on to.

        Raises Unavailable when another run holds the lease for longer than a caller would wait.
        """
        deadline = time.monotonic() + _WAIT
        while reservation.state is state:
            now = self._clock()
            if reservation.lease_until is None or reservation.lease_until <= now:
                lapsed = {"attempt": reservation.attempt}
                order_id = reservation.order_id
                claimed = await self.move(order_id, {state}, state, where=lapsed, change=lease(now))
                if claimed is not None:
                    return claimed
            if time.monotonic() > deadline:
                raise Unavailable("The order is being worked on by another call; try again.")
            await asyncio.sleep(_POLL)
            reservation = await self.reread(reservation)
        return reservation

    def _check_lease(self, reservation: Reservation) -> None:
        if reservation.lease_until is None or reservation.lease_until <= self._clock():
            raise Unavailable("Taking the units took too long; try again.")

    async def insert(self, reservation: Reservation) -> bool:
        try:
            await self._reservations.insert(reservation, at=self._clock())
        except DuplicateKeyError:
            return False
        return True

    async def move(
        self,
        order_id: OrderId,
        sources: Collection[State],
        target: State,
        *,
        where: Document | None = None,
        change: Mapping[str, object] | None = None,
        clear: Sequence[str] = (),
        event: Event | None = None,
    ) -> Reservation | None:
        moved = await self._reservations.move(
            order_id,
            sources,
            target,
            at=self._clock(),
            where=where,
            change=change,
            clear=clear,
            event=event,
        )
        if moved is not None and event is not None:
            self._notify()
        return moved

    async def reread(self, reservation: Reservation) -> Reservation:
        present = await self._reservations.get(reservation.order_id)
        if present is None:
            raise Unavailable("The reservation could not be read back; try again.")
        return present


class _Lease(TypedDict):
    attempt: str
    lease_until: datetime


def lease(now: datetime) -> _Lease:
    return _Lease(attempt=new_id(), lease_until=now + LEASE)
