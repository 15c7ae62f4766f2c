"""Resumes orders whose process was lost, and expires those that were not paid."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from subgraphs.kit.background import Job
from subgraphs.kit.logs import get_logger
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain.orders import Order
from subgraphs.orders.metrics import SAGA_RESUMED
from subgraphs.orders.saga import LEASE, Saga
from subgraphs.orders.store.due import DueOrderStore

log = get_logger(__name__)

_BATCH = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeOrders:
    """Any number of processes may run this job: orders are leased, not owned."""

    postgres: Postgres
    saga: Saga
    clock: Callable[[], datetime]

    @property
    def job(self) -> Job:
        return Job(name="resume_orders", run_once=self.run_once, every=0.5)

    async def run_once(self) -> bool:
        """Advance one batch of due orders. Returns whether there may be more.

        An order that cannot go on does not keep the others: its lease brings it back, ever later.
        """
        async with self.postgres.unit_of_work() as connection:
            due = await DueOrderStore(connection).claim(now=self.clock(), lease=LEASE, limit=_BATCH)
        await asyncio.gather(*(self._resume(order) for order in due))
        return len(due) == _BATCH

    async def _resume(self, order: Order) -> None:
        progress = await self.saga.advance(order)
        SAGA_RESUMED.labels("done" if progress.error is None else "failed").inc()
        if progress.error is None:
            log.info("order_resumed", order_id=order.id, status=progress.order.status.value)
