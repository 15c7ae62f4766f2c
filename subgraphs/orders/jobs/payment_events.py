"""Works off what payment providers told, in whatever order it came."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from subgraphs.kit.background import Job, WakeUp
from subgraphs.kit.errors import Unavailable
from subgraphs.kit.logs import get_logger
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain.payments import PaymentEvent
from subgraphs.orders.service.payment_webhooks import PaymentWebhooks
from subgraphs.orders.store.payment_events import PaymentEventStore

log = get_logger(__name__)

_BATCH = 20
_LEASE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOffPaymentEvents:
    """Any number of processes may run this job: events are leased. One that fails keeps none of the others."""

    postgres: Postgres
    webhooks: PaymentWebhooks
    clock: Callable[[], datetime]
    wake_up: WakeUp

    @property
    def job(self) -> Job:
        return Job(name="payment_events", run_once=self.run_once, every=1.0, wake=self.wake_up)

    async def run_once(self) -> bool:
        """Work off one batch of events. Returns whether there may be more."""
        async with self.postgres.unit_of_work() as connection:
            due = await PaymentEventStore(connection).claim(now=self.clock(), lease=_LEASE, limit=_BATCH)
        await asyncio.gather(*(self._work_off(event) for event in due))
        return len(due) == _BATCH

    async def _work_off(self, event: PaymentEvent) -> None:
        try:
            await self.webhooks.work_off(event)
        except Unavailable as error:  # the lease brings it back
            log.info("payment_event_waits", type=event.type, event_id=event.event_id, reason=error.message)
