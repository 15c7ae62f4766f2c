"""Finding accounts."""

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import ValidationFailed
from subgraphs.kit.pagination import Page, decode_id_cursor, page_size
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.users.domain import Permission, Role, User
from subgraphs.users.store import UserFilter, UserStore

_SEARCH_MAX = 100


class Directory:
    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def find(self, user_id: str) -> User | None:
        """For other services, which decide themselves what they tell their viewers."""
        async with self._postgres.read() as connection:
            return await UserStore(connection).get(user_id)

    async def find_by_email(self, email: str) -> User | None:
        """As `find`, by the e-mail address in any case."""
        async with self._postgres.read() as connection:
            found = await UserStore(connection).credentials(email=email)
        return found.user if found else None

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
        wanted = UserFilter(search=_checked_search(search), role=role, active=active)
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


def _checked_search(search: str | None) -> str:
    text = (search or "").strip()
    if len(text) > _SEARCH_MAX or not text.isprintable():
        raise ValidationFailed(f"`search` is text of at most {_SEARCH_MAX} characters.", field="search")
    return text
