"""What keeps reservations in order when a process dies or time passes: sweep, audit and purge."""

from dataclasses import dataclass
from datetime import timedelta

from subgraphs.kit.errors import Unavailable
from subgraphs.kit.logs import get_logger
from subgraphs.kit.outages import is_outage
from subgraphs.products.domain.reservations import SETTLED, UNFINISHED, Reservation, State
from subgraphs.products.metrics import STRAY_HOLDS, SWEPT
from subgraphs.products.service.reservation_steps import ReservationSteps

log = get_logger(__name__)

BATCH = 100
PURGE_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class StockUpkeep:
    steps: ReservationSteps

    async def sweep(self, *, stale_after: timedelta) -> int:
        """Release expired holds, and finish what has stood still for `stale_after`; returns how many."""
        reservations, now = self.steps.reservations, self.steps.clock()
        swept = 0
        for order_id in await reservations.list_expired(now=now, limit=BATCH):
            expired = await reservations.expire(order_id, at=now)
            if expired is not None:
                self.steps.after_write("expire.started")
                swept += await self._finish_quietly(expired)
        for left in await reservations.list_untouched(UNFINISHED, since=now - stale_after, limit=BATCH):
            swept += await self._finish_quietly(left)
        return swept

    async def audit(self, *, older_than: timedelta) -> int:
        """End the holds of settled reservations, each of which a late write has left; returns how many.

        Units that were taken from the available ones go back. Restored units had come back to stock before the
        reservation settled, so a second hold of them is dropped.
        """
        ended, now = 0, self.steps.clock()
        async for holds in self.steps.holds.older_than(now - older_than, batch=BATCH):
            settled = await self.steps.reservations.among({hold.order_id for hold in holds}, SETTLED)
            for hold in holds:
                if hold.order_id in settled and await self.steps.holds.end_stray(
                    hold, at=now, reason="left by a late write"
                ):
                    STRAY_HOLDS.inc()
                    log.warning(
                        "stray_hold_ended",
                        order_id=hold.order_id,
                        product_id=hold.product_id,
                        restored=hold.restored,
                    )
                    ended += 1
        return ended

    async def purge(self, *, keep_released: timedelta, keep_sold: timedelta) -> int:
        """Delete one batch of each kind of reservation that has been settled for long enough; returns how many.

        A released one is a tombstone, which refuses a reserve that is late; a committed one is what a restock
        goes by.
        """
        now = self.steps.clock()
        kept = {
            State.RELEASED: keep_released,
            State.COMMITTED: keep_sold,
            State.RESTOCKED: keep_sold,
        }
        return sum(
            [
                await self.steps.reservations.purge(state, before=now - keep, limit=PURGE_BATCH)
                for state, keep in kept.items()
            ]
        )

    async def _finish_quietly(self, reservation: Reservation) -> int:
        """One reservation that cannot be finished must not keep the others waiting; an outage ends the round."""
        try:
            await self.steps.finish(reservation)
        except Unavailable as error:
            log.info("reservation_unfinished", order_id=reservation.order_id, reason=error.message)
            return 0
        except Exception as error:
            if is_outage(error):
                raise
            log.exception("reservation_unfinished", order_id=reservation.order_id)
            return 0
        SWEPT.inc()
        log.info("reservation_swept", order_id=reservation.order_id, state=reservation.state.value)
        return 1
