"""Resumes orders whose process was lost and expires those that were not paid."""

import asyncio
from dataclasses import dataclass

from subgraphs.kit.errors import Unavailable
from subgraphs.kit.logs import get_logger
from subgraphs.orders.domain import OrderId
from subgraphs.orders.due_store import DueStore
from subgraphs.orders.workflow import LEASE, Workflow

log = get_logger(__name__)

_BATCH = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """Polls for orders that are due. Any number of processes may run one: rows are leased, not owned."""

    workflow: Workflow
    interval: float = 1.0

    async def run(self) -> None:
        """Work until cancelled; an outage of the database is waited out."""
        while True:
            try:
                busy = await self.work_once()
            except Exception as error:  # noqa: BLE001 - one bad round must not end the worker
                log.warning("worker_interrupted", error=repr(error))
                busy = False
            if not busy:
                await asyncio.sleep(self.interval)

    async def work_once(self) -> bool:
        """Advance one batch of due orders. Returns whether there may be more."""
        now = self.workflow.clock()
        async with self.workflow.postgres.unit_of_work() as connection:
            due = await DueStore(connection).claim(now=now, lease=LEASE, limit=_BATCH)
        await asyncio.gather(*(self._advance(order_id) for order_id in due))
        return len(due) == _BATCH

    async def _advance(self, order_id: OrderId) -> None:
        try:
            order = await self.workflow.advance(order_id)
        except Unavailable as error:
            log.info("order_waits", order_id=order_id, reason=error.message)
        except Exception:
            # One order that cannot go on must not keep the others; its lease brings it back, ever later.
            log.exception("order_stuck", order_id=order_id)
        else:
            log.info("order_resumed", order_id=order_id, status=order.status.value)
