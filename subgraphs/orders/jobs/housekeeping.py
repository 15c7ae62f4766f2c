"""Deleting what was kept for long enough, so that storage follows the traffic of that time."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.background import Job
from subgraphs.kit.logs import get_logger
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.postgres.inbox import purge as purge_inbox
from subgraphs.orders.settings import RetentionSettings
from subgraphs.orders.store.idempotency_keys import IdempotencyKeyStore
from subgraphs.orders.store.payment_events import PaymentEventStore
from subgraphs.orders.store.sandbox_charges import SandboxChargeStore
from subgraphs.orders.store.tables import inbox
from subgraphs.orders.store.webhook_deliveries import WebhookDeliveryStore

log = get_logger(__name__)

_BATCH = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Housekeeping:
    """Purges in small transactions that pass over what is locked; any number of processes may run it.

    Idempotency keys, sandbox charges, events of payment providers, webhook deliveries, the inbox; published events are
    the outbox relay's own to delete.
    """

    postgres: Postgres
    settings: RetentionSettings
    clock: Callable[[], datetime]

    @property
    def job(self) -> Job:
        every = self.settings.every.total_seconds()
        return Job(name="housekeeping", run_once=self.run_once, every=every, delay=every)

    async def run_once(self) -> bool:
        """Delete one batch of each, in a transaction of its own. Returns whether there may be more."""
        now = self.clock()
        keys = await self._purge(
            lambda c: IdempotencyKeyStore(c).purge(before=now - self.settings.keys, limit=_BATCH)
        )
        charges = await self._purge(
            lambda c: SandboxChargeStore(c).purge(before=now - self.settings.charges, limit=_BATCH)
        )
        events = await self._purge(
            lambda c: PaymentEventStore(c).purge(before=now - self.settings.payment_events, limit=_BATCH)
        )
        deliveries = await self._purge(
            lambda c: WebhookDeliveryStore(c).purge(before=now - self.settings.deliveries, limit=_BATCH)
        )
        seen = await self._purge(lambda c: purge_inbox(c, inbox, limit=_BATCH))
        if keys or charges or events or deliveries or seen:
            log.info(
                "purged",
                idempotency_keys=keys,
                sandbox_charges=charges,
                payment_events=events,
                deliveries=deliveries,
                inbox=seen,
            )
        return _BATCH in {keys, charges, events, deliveries, seen}

    async def _purge(self, purge: Callable[[AsyncConnection], Awaitable[int]]) -> int:
        async with self.postgres.unit_of_work() as connection:
            return await purge(connection)
