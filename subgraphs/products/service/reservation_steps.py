"""The steps of a reservation, each from one state to the next. See `domain/reservations.py` for the states.

Every step is made of conditional writes and may be done again after a crash in its middle. Only those that
make holds need a lease: one attempt at a time, and none after its time is over. That keeps most late writes
away; the few that remain leave a hold that no reservation counts.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from subgraphs.kit.errors import Unavailable
from subgraphs.kit.ids import new_id
from subgraphs.products.domain.reservations import (
    Gone,
    OrderId,
    Outcome,
    Refusal,
    Reservation,
    ReservationLine,
    State,
    UnknownProducts,
)
from subgraphs.products.store.holds import HoldStore
from subgraphs.products.store.reservations import ReservationStore

_WAIT = 2.0
_POLL = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationSteps:
    """`after_write` is called with the name of each write that is done."""

    holds: HoldStore
    reservations: ReservationStore
    clock: Callable[[], datetime]
    after_write: Callable[[str], None]

    async def finish(self, reservation: Reservation) -> Reservation:
        """Do what a reservation in an -ING state has left."""
        match reservation.state:
            case State.RESERVING:
                await self._finish_reserving(reservation)
            case State.RELEASING | State.RETURNING:
                return await self.release(reservation)
            case State.COMMITTING:
                return await self.commit(reservation)
            case State.RESTOCKING:
                reservation = await self.await_lease(reservation, State.RESTOCKING)
                if reservation.state is State.RESTOCKING:
                    return await self.restock(reservation)
        return await self.reread(reservation)

    async def _finish_reserving(self, reservation: Reservation) -> None:
        now = self.clock()
        if reservation.expires_at is not None and reservation.expires_at <= now:
            expired = await self.reservations.expire(reservation.order_id, at=now)
            if expired is not None:
                await self.release(expired)
            return
        reservation = await self.await_lease(reservation, State.RESERVING)
        if reservation.state is State.RESERVING:
            await self.hold(reservation)

    async def begin(
        self, order_id: OrderId, lines: tuple[ReservationLine, ...], expires_at: datetime
    ) -> tuple[Reservation, bool]:
        """The reservation, and whether it is this attempt's; settled already where it can only be refused.

        What is sold out, or held by too many, is refused without a write, so that a crowd does not queue behind its
        own refusals.
        """
        now = self.clock()
        quote = await self.holds.quote(lines)
        new = Reservation(order_id=order_id, state=State.RELEASED, lines=lines)
        if isinstance(quote, UnknownProducts):
            new = replace(new, refusal=quote)
        elif expires_at <= now:
            new = replace(new, expired=True)
        elif not isinstance(quote, tuple):
            # Another call of this order may have held the units that are missing, and is on record then.
            known = await self.reservations.get(order_id)
            return known or replace(new, refusal=quote), False
        else:
            new = replace(new, state=State.RESERVING, lines=quote, expires_at=expires_at)
            new = new.leased(new_id(), at=now)
        if await self.reservations.insert(new, at=now):
            self.after_write("reserve.recorded")
            return new, True
        return await self.reread(new), False

    async def hold(self, reservation: Reservation) -> Outcome:
        """RESERVING: hold line after line in order of product id, then say that all are held."""
        attempt = _attempt(reservation)
        held: list[ReservationLine] = []
        for line in reservation.lines:
            self._check_lease(reservation)
            result = await self.holds.hold(reservation.order_id, line, attempt=attempt, at=self.clock())
            if not isinstance(result, ReservationLine):
                return await self._refuse(reservation, result, holds=bool(held))
            held.append(result)
            self.after_write("reserve.line_held")
        done = await self.reservations.mark_held(replace(reservation, lines=tuple(held)), at=self.clock())
        if done is None:
            return await self._overtaken(reservation)
        self.after_write("reserve.held")
        return done.outcome() or Gone()

    async def _refuse(self, reservation: Reservation, refusal: Refusal, *, holds: bool) -> Outcome:
        """Record why, then release what was held. Lines are held in order: without the first there is none."""
        refused = await self.reservations.refuse(reservation, refusal, holds=holds, at=self.clock())
        if refused is None:
            return await self._overtaken(reservation)
        self.after_write("refuse.recorded")
        if holds:
            await self.release(refused)
        return refusal

    async def _overtaken(self, reservation: Reservation) -> Outcome:
        """The order was released while this attempt was at work, so what it holds is released too.

        Raises Unavailable when another attempt has gone on in its place.
        """
        releasing = await self.reservations.give_up_lease(reservation, at=self.clock())
        present = await (self.reread(reservation) if releasing is None else self.release(releasing))
        outcome = present.outcome()
        if outcome is None:
            raise Unavailable("The order is being reserved by another call; try again.")
        return outcome

    async def release(self, reservation: Reservation) -> Reservation:
        """RELEASING and RETURNING: held units become available again.

        An attempt that may still make holds keeps the state from settling; it or the sweeper comes back here.
        """
        order_id, returning = reservation.order_id, reservation.state is State.RETURNING
        for line in reservation.lines:
            if returning:
                await self.holds.release_restored(order_id, line, at=self.clock())
            else:
                await self.holds.release(order_id, line, at=self.clock(), expired=reservation.expired)
            self.after_write("release.line_released")
        settled = await self.reservations.settle(reservation, at=self.clock())
        self.after_write("release.settled")
        return settled or await self.reread(reservation)

    async def commit(self, reservation: Reservation) -> Reservation:
        """COMMITTING: holds end, their units are sold."""
        for line in reservation.lines:
            await self.holds.commit(reservation.order_id, line, at=self.clock())
            self.after_write("commit.line_committed")
        settled = await self.reservations.settle(reservation, at=self.clock())
        self.after_write("commit.settled")
        return settled or await self.reread(reservation)

    async def restock(self, reservation: Reservation) -> Reservation:
        """RESTOCKING: sold units come back as holds, and these become available."""
        attempt, restored = _attempt(reservation), []
        for line in reservation.lines:
            self._check_lease(reservation)
            restored.append(
                await self.holds.restore(reservation.order_id, line, attempt=attempt, at=self.clock())
            )
            self.after_write("restock.line_restored")
        returning = await self.reservations.mark_returning(
            replace(reservation, lines=tuple(restored)), at=self.clock()
        )
        if returning is None:
            return await self.reread(reservation)
        self.after_write("restock.returning")
        return await self.release(returning)

    async def lease(self, reservation: Reservation, target: State) -> Reservation | None:
        """The reservation in `target` with a lease for a new attempt; None when another one came first."""
        now = self.clock()
        leased = reservation.leased(new_id(), at=now)
        if not await self.reservations.lease(leased, target, before=reservation.attempt, at=now):
            return None
        return replace(leased, state=target)

    async def await_lease(self, reservation: Reservation, state: State) -> Reservation:
        """The reservation with the lease of `state` taken over by a new attempt, or in the state it went on to.

        Raises Unavailable when another attempt keeps the lease for longer than a caller would wait.
        """
        deadline = time.monotonic() + _WAIT
        while reservation.state is state:
            if reservation.lease_is_over(at=self.clock()):
                leased = await self.lease(reservation, state)
                if leased is not None:
                    return leased
            if time.monotonic() > deadline:
                raise Unavailable("The order is being worked on by another call; try again.")
            await asyncio.sleep(_POLL)
            reservation = await self.reread(reservation)
        return reservation

    async def reread(self, reservation: Reservation) -> Reservation:
        present = await self.reservations.get(reservation.order_id)
        if present is None:
            raise Unavailable("The reservation could not be read back; try again.")
        return present

    def _check_lease(self, reservation: Reservation) -> None:
        if reservation.lease_is_over(at=self.clock()):
            raise Unavailable("Holding the units took too long; try again.")


def _attempt(reservation: Reservation) -> str:
    assert reservation.attempt is not None  # noqa: S101 - only a reservation with a lease comes here
    return reservation.attempt
