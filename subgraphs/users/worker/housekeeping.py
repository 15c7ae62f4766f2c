"""Deleting what was kept for long enough."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.logs import get_logger
from subgraphs.kit.outages import is_outage
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.users.settings import RetentionSettings
from subgraphs.users.store import ActivityStore, LetterStore, ResetStore, SessionStore

log = get_logger(__name__)

_BATCH = 2000
_RESETS = timedelta(days=1)
_LETTERS = timedelta(days=7)


class Housekeeping:
    """Purges in small transactions, so that nobody waits. Several processes may do it at once."""

    def __init__(self, postgres: Postgres, settings: RetentionSettings) -> None:
        self._postgres = postgres
        self._settings = settings

    async def run(self) -> None:
        """Purge for ever; an outage is waited out."""
        while True:
            try:
                await self.sweep()
            except Exception as error:
                if not is_outage(error):
                    raise
                log.warning("purge_interrupted", error=repr(error))
            await asyncio.sleep(self._settings.every.total_seconds())

    async def sweep(self) -> dict[str, int]:
        """Delete all that is due; how many of each."""
        purges: dict[str, Callable[[AsyncConnection], Awaitable[int]]] = {
            "activity": lambda c: ActivityStore(c).purge(older_than=self._settings.activity, limit=_BATCH),
            "sessions": lambda c: SessionStore(c).purge(older_than=self._settings.sessions, limit=_BATCH),
            "password_resets": lambda c: ResetStore(c).purge(older_than=_RESETS, limit=_BATCH),
            "letters": lambda c: LetterStore(c).purge(older_than=_LETTERS, limit=_BATCH),
        }
        gone = {name: await self._purge(purge) for name, purge in purges.items()}
        if any(gone.values()):
            log.info("purged", **gone)
        return gone

    async def _purge(self, purge: Callable[[AsyncConnection], Awaitable[int]]) -> int:
        total = 0
        while True:
            async with self._postgres.unit_of_work() as connection:
                deleted = await purge(connection)
            total += deleted
            if deleted < _BATCH:
                return total
