"""Reads of one request, gathered into batches."""

from collections import defaultdict

from strawberry.dataloader import DataLoader

from subgraphs.kit.postgres.engine import Postgres
from subgraphs.users.domain import Activity, Session, User
from subgraphs.users.service.history import PageKey
from subgraphs.users.store import ActivityStore, SessionStore, UserStore


class Loaders:
    """One instance per request: what is loaded stays as it was for the whole of it."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres
        self.users: DataLoader[str, User | None] = DataLoader(load_fn=self._users)
        self.sessions: DataLoader[str, list[Session]] = DataLoader(load_fn=self._sessions)
        self.activity: DataLoader[PageKey, list[Activity]] = DataLoader(load_fn=self._activity)
        self.activity_counts: DataLoader[str, int] = DataLoader(load_fn=self._activity_counts)

    async def _users(self, ids: list[str]) -> list[User | None]:
        async with self._postgres.read() as connection:
            return await UserStore(connection).get_many(ids)

    async def _sessions(self, user_ids: list[str]) -> list[list[Session]]:
        async with self._postgres.read() as connection:
            return await SessionStore(connection).list_live(user_ids)

    async def _activity(self, keys: list[PageKey]) -> list[list[Activity]]:
        """One statement for all accounts of which the same page is asked for, as in a list of accounts."""
        owners: defaultdict[tuple[int, str | None], list[str]] = defaultdict(list)
        for owner, limit, before in keys:
            owners[limit, before].append(owner)
        found: dict[PageKey, list[Activity]] = {}
        async with self._postgres.read() as connection:
            store = ActivityStore(connection)
            for (limit, before), wanted in owners.items():
                pages = await store.list_by_users(wanted, limit=limit, before=before)
                found |= {(owner, limit, before): page for owner, page in zip(wanted, pages, strict=True)}
        return [found[key] for key in keys]

    async def _activity_counts(self, user_ids: list[str]) -> list[int]:
        async with self._postgres.read() as connection:
            return await ActivityStore(connection).count_by_users(user_ids)
