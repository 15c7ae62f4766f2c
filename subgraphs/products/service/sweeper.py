"""The background work on stock, in every process: what one leaves undone another finishes."""

import asyncio
import time

from subgraphs.kit.logs import get_logger
from subgraphs.products.service.inventory import SWEEP_BATCH, InventoryService
from subgraphs.products.settings import StockSettings

log = get_logger(__name__)


class Sweeper:
    def __init__(self, inventory: InventoryService, settings: StockSettings) -> None:
        self._inventory = inventory
        self._settings = settings

    async def run(self) -> None:
        """Sweep until cancelled; an outage of the store is waited out."""
        settings = self._settings
        audit_at = time.monotonic()
        while True:
            swept = 0
            try:
                swept = await self._inventory.sweep(stale_after=settings.stale_after)
                if time.monotonic() >= audit_at:
                    await self._inventory.audit(older_than=settings.stale_after)
                    audit_at = time.monotonic() + settings.audit_every.total_seconds()
            except Exception as error:  # noqa: BLE001 - one bad round must not end the sweeper
                log.warning("sweep_interrupted", error=repr(error))
            # After a full batch there is more to do now.
            await asyncio.sleep(0 if swept >= SWEEP_BATCH else settings.sweep_every.total_seconds())
