"""Deleting what was kept for long enough."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.background import Job
from subgraphs.kit.logs import get_logger
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.postgres.inbox import purge as purge_inbox
from subgraphs.users.settings import RetentionSettings
from subgraphs.users.store import (
    ActivityStore,
    EmailChangeStore,
    EmailQueueStore,
    PasswordResetStore,
    SessionStore,
    inbox,
)

log = get_logger(__name__)

_BATCH = 2000
_TOKENS = timedelta(days=1)
_EMAILS = timedelta(days=7)


class Housekeeping:
    """Purges in small transactions that pass over what is locked, so that nobody waits.

    Several processes may do it at once. What one round leaves, the next one takes.
    """

    def __init__(self, *, postgres: Postgres, settings: RetentionSettings) -> None:
        self._postgres = postgres
        self._settings = settings

    @property
    def job(self) -> Job:
        return Job(name="housekeeping", run_once=self.sweep, every=self._settings.every.total_seconds())

    async def sweep(self) -> dict[str, int]:
        """Delete all that is due; how many of each."""
        purges: dict[str, Callable[[AsyncConnection], Awaitable[int]]] = {
            "activity": lambda c: ActivityStore(c).purge(older_than=self._settings.activity, limit=_BATCH),
            "sessions": lambda c: SessionStore(c).purge(older_than=self._settings.sessions, limit=_BATCH),
            "password_resets": lambda c: PasswordResetStore(c).purge(older_than=_TOKENS, limit=_BATCH),
            "email_changes": lambda c: EmailChangeStore(c).purge(older_than=_TOKENS, limit=_BATCH),
            "inbox": lambda c: purge_inbox(c, inbox, limit=_BATCH),
            "emails": lambda c: EmailQueueStore(c).purge(older_than=_EMAILS, limit=_BATCH),
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
