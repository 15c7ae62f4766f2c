"""Gives back what was captured after its attempt to pay was written off."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from subgraphs.kit.background import Job, WakeUp
from subgraphs.kit.errors import Unavailable
from subgraphs.kit.logs import get_logger
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain.refunds import Refund
from subgraphs.orders.saga import LEASE, Saga
from subgraphs.orders.store.refunds import RefundStore

log = get_logger(__name__)

_BATCH = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundLateCaptures:
    """Any number of processes may run this job: refunds are leased, and keyed at the provider."""

    postgres: Postgres
    saga: Saga
    clock: Callable[[], datetime]
    wake_up: WakeUp

    @property
    def job(self) -> Job:
        return Job(name="late_refunds", run_once=self.run_once, every=1.0, wake=self.wake_up)

    async def run_once(self) -> bool:
        """Make one batch of refunds. Returns whether there may be more."""
        async with self.postgres.unit_of_work() as connection:
            due = await RefundStore(connection).claim(now=self.clock(), lease=LEASE, limit=_BATCH)
        await asyncio.gather(*(self._make(refund) for refund in due))
        return len(due) == _BATCH

    async def _make(self, refund: Refund) -> None:
        try:
            await self.saga.refund(refund)
        except Unavailable as error:  # the lease brings it back
            log.info("late_refund_waits", key=refund.key, reason=error.message)
        else:
            log.info("late_capture_refunded", key=refund.key, order_id=refund.order_id)
