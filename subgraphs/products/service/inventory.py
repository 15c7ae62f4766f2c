"""Stock held for orders: reserve, pin, commit, release, restock, and what is left undone when a process dies.

Every call may come again and changes nothing then.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta

from subgraphs.kit.errors import Unavailable, ValidationFailed
from subgraphs.kit.logs import get_logger
from subgraphs.kit.mongo.client import ConnectionFailure, Database, utc_now
from subgraphs.products.domain.reservation import (
    COMMITTABLE,
    RELEASABLE,
    SETTLED,
    UNFINISHED,
    Line,
    OrderId,
    Outcome,
    Reservation,
    State,
    check_order_id,
    merge_lines,
)
from subgraphs.products.service.reservation_steps import ReservationSteps, lease
from subgraphs.products.store.holds import HoldStore
from subgraphs.products.store.reservations import ReservationStore

log = get_logger(__name__)

SWEEP_BATCH = 100


class InventoryService:
    """`notify` is called after an event was written, `passed` with the name of each write that is done."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime] = utc_now,
        notify: Callable[[], None] = lambda: None,
        passed: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._holds = HoldStore(database)
        self._reservations = ReservationStore(database)
        self._steps = ReservationSteps(database, clock=clock, notify=notify, passed=passed)
        self._clock = clock

    async def reserve(self, order_id: str, lines: Iterable[Line], *, expires_at: datetime) -> Outcome:
        """Take the units of all lines, or of none. The same order is answered the same.

        Raises ValidationFailed for a bad line, and for other lines than this order came with before;
        Unavailable while another run is at it.
        """
        order = check_order_id(order_id)
        merged = merge_lines(lines)
        mine = False
        reservation = await self._reservations.get(order)
        if reservation is None:
            reservation, mine = await self._steps.begin(order, merged, expires_at)
        if reservation.lines and _quantities(reservation.lines) != _quantities(merged):
            raise ValidationFailed("this order came with other lines before", field="lines")
        if not mine:
            reservation = await self._steps.await_turn(reservation, State.RESERVING)
        outcome = reservation.outcome()
        return await self._steps.take(reservation) if outcome is None else outcome

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
        """Give the units back. An order without a reservation gets a tombstone, which refuses a late reserve."""
        order = check_order_id(order_id)
        tombstone = Reservation(order_id=order, state=State.RELEASED, lines=())
        if await self._reservations.get(order) is None and await self._steps.insert(tombstone):
            return State.RELEASED
        return await self._step(order_id, RELEASABLE, State.RELEASING)

    async def restock(self, order_id: str) -> State | None:
        """Give the units of a committed hold back, once."""
        order = check_order_id(order_id)
        present = await self._present(order)
        if present is None or present.state is not State.COMMITTED:
            return _state_of(present)
        moved = await self._steps.move(
            order, {State.COMMITTED}, State.RESTOCKING, change=lease(self._clock())
        )
        if moved is None:  # another call came first
            present = await self._present(order)
            return _state_of(present)
        self._steps.passed("restock.started")
        return _state_of(await self._steps.put_back(moved))

    async def sweep(self, *, stale_after: timedelta) -> int:
        """Give expired holds back, and finish what has stood still for `stale_after`; returns how many."""
        now = self._clock()
        swept = 0
        for order_id in await self._reservations.expired(now=now, limit=SWEEP_BATCH):
            due = {"expires_at": {"$lte": now}}
            moved = await self._steps.move(
                order_id, {State.HELD}, State.RELEASING, where=due, change={"expired": True}
            )
            if moved is not None:
                self._steps.passed("expire.started")
                swept += await self._finish_quietly(moved)
        for left in await self._reservations.untouched(
            UNFINISHED, since=now - stale_after, limit=SWEEP_BATCH
        ):
            swept += await self._finish_quietly(left)
        return swept

    async def audit(self, *, older_than: timedelta) -> int:
        """Give back holds whose reservation is settled: written by a run that had lost its lease."""
        returned = 0
        async for holds in self._holds.older_than(self._clock() - older_than, batch=SWEEP_BATCH):
            settled = await self._reservations.among({order_id for order_id, _ in holds}, SETTLED)
            for order_id, line in holds:
                if order_id in settled and await self._holds.give_back(order_id, line):
                    log.warning("stray_hold_returned", order_id=order_id, product_id=line.product_id)
                    returned += 1
        return returned

    async def _finish_quietly(self, reservation: Reservation) -> int:
        """One reservation that cannot be finished must not keep the others waiting; an outage ends the round."""
        try:
            await self._steps.finish(reservation)
        except ConnectionFailure:
            raise
        except Unavailable as error:
            log.info("reservation_unfinished", order_id=reservation.order_id, reason=error.message)
            return 0
        except Exception:
            log.exception("reservation_unfinished", order_id=reservation.order_id)
            return 0
        log.info("reservation_swept", order_id=reservation.order_id, state=reservation.state.value)
        return 1

    async def _step(
        self, order_id: str, sources: Collection[State], target: State, **change: datetime
    ) -> State | None:
        """Move to `target` where the state allows it, finish what is begun, and return the state."""
        order = check_order_id(order_id)
        moved = await self._steps.move(order, sources, target, change=change)
        if moved is not None:
            self._steps.passed(f"{target.value.lower()}.started")
        present = await self._present(order, moved)
        return _state_of(present)

    async def _present(self, order_id: OrderId, known: Reservation | None = None) -> Reservation | None:
        """The reservation, with a release or commit that is under way finished.

        Raises Unavailable while it is being reserved.
        """
        present = known or await self._reservations.get(order_id)
        if present is None:
            return None
        if present.state is State.RESERVING:
            raise Unavailable("The order is being reserved; try again.")
        if present.state in {State.RELEASING, State.COMMITTING, State.RETURNING}:
            return await self._steps.finish(present)
        return present


def _state_of(reservation: Reservation | None) -> State | None:
    return None if reservation is None else reservation.state


def _quantities(lines: Iterable[Line]) -> list[tuple[str, int]]:
    return [(line.product_id, line.quantity) for line in lines]
