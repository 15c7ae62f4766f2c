"""Finding accounts."""

from collections.abc import Sequence

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.pagination import Page, decode_id_cursor, page_size
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.users.domain.permissions import Permission, Role
from subgraphs.users.domain.user import User, UserFilter, checked_search
from subgraphs.users.store import CredentialStore, UserStore


class Directory:
    def __init__(self, *, postgres: Postgres) -> None:
        self._postgres = postgres

    async def find_many(self, user_ids: Sequence[str]) -> list[User | None]:
        """In the order of `user_ids`. For callers who decide themselves what they tell their viewers."""
        async with self._postgres.read() as connection:
            return await UserStore(connection).get_many(user_ids)

    async def find(self, user_id: str) -> User | None:
        return (await self.find_many([user_id]))[0]

    async def find_by_email(self, email: str) -> User | None:
        """As `find`, by the e-mail address in any case."""
        async with self._postgres.read() as connection:
            found = await CredentialStore(connection).find(email=email)
        return found.user if found else None

    async def find_by_username(self, username: str) -> User | None:
        """As `find`, by the username in any case."""
        async with self._postgres.read() as connection:
            found = await CredentialStore(connection).find(username=username)
        return found.user if found else None

    async def newest(self, wanted: UserFilter, *, limit: int) -> tuple[list[User], int]:
        """For an operator: the newest accounts that match, and how many there are."""
        async with self._postgres.read() as connection:
            store = UserStore(connection)
            return await store.list(wanted, limit=limit, before=None), await store.count(wanted)

    async def list(
        self,
        viewer: Viewer,
        *,
        first: int | None,
        after: str | None = None,
        search: str | None = None,
        role: Role | None = None,
        active: bool | None = None,
    ) -> Page[User]:
        """A page of the accounts that match, newest first.

        Raises Unauthenticated, Forbidden without MANAGE_USERS, or ValidationFailed.
        """
        viewer.require(Permission.MANAGE_USERS)
        limit = page_size(first)
        wanted = UserFilter(search=checked_search(search), role=role, active=active)
        async with self._postgres.read() as connection:
            users = await UserStore(connection).list(wanted, limit=limit + 1, before=decode_id_cursor(after))

        async def total() -> int:
            async with self._postgres.read() as connection:
                return await UserStore(connection).count(wanted)

        return Page(
            rows=[(user, (user.id,)) for user in users[:limit]],
            has_next=len(users) > limit,
            has_previous=after is not None,
            total=total,
        )
