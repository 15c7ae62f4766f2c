"""Deletes what is kept for a time only, in small batches, so that storage follows the traffic of that time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from subgraphs.kit.background import Job
from subgraphs.kit.logs import get_logger
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.settings import RetentionSettings
from subgraphs.orders.store.idempotency_keys import IdempotencyKeyStore
from subgraphs.orders.store.sandbox_charges import SandboxChargeStore

log = get_logger(__name__)

_BATCH = 1000
_MINUTE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Idempotency keys and sandbox charges. Published events are the outbox relay's own to delete."""

    postgres: Postgres
    settings: RetentionSettings
    clock: Callable[[], datetime]

    @property
    def job(self) -> Job:
        return Job(name="retention", run_once=self.run_once, every=5 * _MINUTE, delay=_MINUTE)

    async def run_once(self) -> bool:
        """Delete one batch of each, in a transaction of its own. Returns whether there may be more."""
        now = self.clock()
        async with self.postgres.unit_of_work() as connection:
            keys = await IdempotencyKeyStore(connection).purge(before=now - self.settings.keys, limit=_BATCH)
        async with self.postgres.unit_of_work() as connection:
            charges = await SandboxChargeStore(connection).purge(
                before=now - self.settings.charges, limit=_BATCH
            )
        if keys or charges:
            log.info("retention", idempotency_keys=keys, sandbox_charges=charges)
        return _BATCH in {keys, charges}
