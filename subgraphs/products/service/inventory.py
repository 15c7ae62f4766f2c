"""Stock held for orders: reserve, pin, unpin, commit, release and restock.

Every call may come again and changes nothing then.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from subgraphs.kit.errors import Unavailable, ValidationFailed
from subgraphs.products.domain.reservations import (
    COMMITTABLE,
    RELEASABLE,
    Gone,
    Held,
    OrderId,
    Outcome,
    Reservation,
    ReservationLine,
    Shortage,
    State,
    TooManyHolds,
    UnknownProducts,
    check_order_id,
    merge_lines,
)
from subgraphs.products.metrics import RESERVATIONS
from subgraphs.products.service.reservation_steps import ReservationSteps

_OUTCOMES = {
    Held: "held",
    Shortage: "shortage",
    UnknownProducts: "unknown_products",
    TooManyHolds: "too_many_holds",
    Gone: "gone",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryService:
    """`longest_hold` is how far ahead an expiry may be: for so long at least, a release refuses a late reserve."""

    steps: ReservationSteps
    longest_hold: timedelta

    async def reserve(
        self, order_id: str, lines: Iterable[ReservationLine], *, expires_at: datetime
    ) -> Outcome:
        """Hold the units of all lines, or of none. The same order is answered the same.

        Raises ValidationFailed for a bad line, an expiry too far ahead, and for other lines than this order
        came with before; Unavailable while another attempt is at work.
        """
        order = check_order_id(order_id)
        merged = merge_lines(lines)
        if expires_at > self.steps.clock() + self.longest_hold:
            raise ValidationFailed(
                f"a hold may last {self.longest_hold} at most (PRODUCTS_STOCK_KEEP_RELEASED)",
                field="expires_at",
            )
        mine = False
        reservation = await self.steps.reservations.get(order)
        if reservation is None:
            reservation, mine = await self.steps.begin(order, merged, expires_at)
        if reservation.lines and _quantities(reservation.lines) != _quantities(merged):
            raise ValidationFailed("this order came with other lines before", field="lines")
        if not mine:
            reservation = await self.steps.await_lease(reservation, State.RESERVING)
        outcome = reservation.outcome() or await self.steps.hold(reservation)
        RESERVATIONS.labels(_OUTCOMES[type(outcome)]).inc()
        return outcome

    async def pin(self, order_id: str) -> State | None:
        """Keep the hold from expiring. Returns the state, None when there is no such reservation."""
        return await self._step(order_id, {State.HELD}, State.PINNED)

    async def unpin(self, order_id: str, *, expires_at: datetime) -> State | None:
        """Let the hold expire again, at `expires_at`."""
        return await self._step(order_id, {State.PINNED}, State.HELD, expires_at=expires_at)

    async def commit(self, order_id: str) -> State | None:
        """End the hold: its units are sold."""
        return await self._step(order_id, COMMITTABLE, State.COMMITTING)

    async def release(self, order_id: str) -> State | None:
        """Make the units available again. An order without a reservation gets a tombstone, which refuses a late reserve."""
        order = check_order_id(order_id)
        tombstone = Reservation(order_id=order, state=State.RELEASED, lines=())
        reservations, now = self.steps.reservations, self.steps.clock()
        if await reservations.get(order) is None and await reservations.insert(tombstone, at=now):
            return State.RELEASED
        return await self._step(order_id, RELEASABLE, State.RELEASING)

    async def restock(self, order_id: str) -> State | None:
        """Make the units of a committed hold available again, once."""
        order = check_order_id(order_id)
        present = await self._present(order)
        if present is None or present.state is not State.COMMITTED:
            return _state_of(present)
        leased = await self.steps.lease(present, State.RESTOCKING)
        if leased is None:  # another call came first
            return _state_of(await self._present(order))
        self.steps.after_write("restock.started")
        return _state_of(await self.steps.restock(leased))

    async def _step(
        self,
        order_id: str,
        sources: Collection[State],
        target: State,
        *,
        expires_at: datetime | None = None,
    ) -> State | None:
        """Move to `target` where the state allows it, finish what is begun, and return the state."""
        order, now = check_order_id(order_id), self.steps.clock()
        moved = await self.steps.reservations.move(order, sources, target, at=now, expires_at=expires_at)
        if moved is not None:
            self.steps.after_write(f"{target.value.lower()}.started")
        return _state_of(await self._present(order, moved))

    async def _present(self, order_id: OrderId, known: Reservation | None = None) -> Reservation | None:
        """The reservation, with a release or commit that is under way finished.

        Raises Unavailable while it is being reserved.
        """
        present = known or await self.steps.reservations.get(order_id)
        if present is None:
            return None
        if present.state is State.RESERVING:
            raise Unavailable("The order is being reserved; try again.")
        if present.state in {State.RELEASING, State.COMMITTING, State.RETURNING}:
            return await self.steps.finish(present)
        return present


def _state_of(reservation: Reservation | None) -> State | None:
    return None if reservation is None else reservation.state


def _quantities(lines: Iterable[ReservationLine]) -> list[tuple[str, int]]:
    return [(line.product_id, line.quantity) for line in lines]
