"""Reads of one request, gathered into batches."""

from strawberry.dataloader import DataLoader

from subgraphs.kit.postgres import Postgres
from subgraphs.users.domain import User
from subgraphs.users.store import UserStore


class Loaders:
    """One instance per request: what is loaded stays as it was for the whole of it."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres
        self.users: DataLoader[str, User | None] = DataLoader(load_fn=self._users)

    def anew(self) -> "Loaders":
        """Loaders that have loaded nothing."""
        return Loaders(self._postgres)

    async def _users(self, ids: list[str]) -> list[User | None]:
        async with self._postgres.read() as connection:
            return await UserStore(connection).get_many(ids)
