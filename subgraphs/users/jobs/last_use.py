"""When sessions were last used, written down now and then and not with each request."""

from subgraphs.kit.background import Job
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.users.store import SessionStore

_EVERY = 30.0
_MOST_NOTED = 10_000


class LastUse:
    """The sessions that this subgraph has seen lately. What other subgraphs see shows with the next refresh."""

    def __init__(self, *, postgres: Postgres) -> None:
        self._postgres = postgres
        self._seen: set[str] = set()

    def note(self, access_id: str | None) -> None:
        if access_id and len(self._seen) < _MOST_NOTED:
            self._seen.add(access_id)

    @property
    def job(self) -> Job:
        return Job(name="last_use", run_once=self.flush, every=_EVERY, delay=_EVERY)

    async def flush(self) -> None:
        """One statement for all sessions of the time since the last one."""
        seen, self._seen = self._seen, set()
        if not seen:
            return
        try:
            async with self._postgres.unit_of_work() as connection:
                await SessionStore(connection).touch(sorted(seen))
        except Exception:
            for access_id in seen:
                self.note(access_id)
            raise
