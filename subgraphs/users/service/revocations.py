"""Telling every service which access tokens are void."""

from subgraphs.kit.auth.revocations import RedisRevocations
from subgraphs.kit.logs import get_logger
from subgraphs.kit.outages import is_outage
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.users.settings import UsersJwtSettings
from subgraphs.users.store import SessionStore

log = get_logger(__name__)

_BATCH = 500


class RevocationPublisher:
    """Moves revocations from the database, where a session's end is committed, to Redis, where all look.

    A use case calls it after its commit, so that the answer to a logout is true; a job calls it again for
    what a crash or an outage of Redis has left.
    """

    def __init__(
        self, *, postgres: Postgres, revocations: RedisRevocations, settings: UsersJwtSettings
    ) -> None:
        self._postgres = postgres
        self._revocations = revocations
        # Counted from now on: more than the rest of the token's life, never less.
        self._lifetime = settings.expires_in + settings.leeway

    async def publish(self) -> None:
        """Publish what is not published yet; what cannot be now stays for the next time."""
        try:
            await self._publish()
        except Exception as error:
            if not is_outage(error):
                raise
            log.warning("revocations_postponed", error=repr(error))

    async def _publish(self) -> None:
        async with self._postgres.read() as connection:
            waiting = await SessionStore(connection).unpublished_revocations(limit=_BATCH)
        # No connection is held meanwhile: a Redis that does not answer must not use up the pool.
        done = []
        for access_id in waiting:
            if not await self._revocations.revoke(access_id, lifetime=self._lifetime):
                break
            done.append(access_id)
        if done:
            async with self._postgres.read() as connection:
                await SessionStore(connection).forget_revocations(done)
