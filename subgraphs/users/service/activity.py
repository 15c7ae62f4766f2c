"""Reading the activity log."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import Forbidden
from subgraphs.kit.pagination import Page, decode_id_cursor, page_size
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.users.domain.activity import Activity
from subgraphs.users.domain.permissions import Permission
from subgraphs.users.store import ActivityStore


class PageKey(NamedTuple):
    """Up to `limit` entries of the log of `owner`, from the one that follows the entry `before`."""

    owner: str
    limit: int
    before: str | None


class ActivityLog:
    def __init__(self, *, postgres: Postgres) -> None:
        self._postgres = postgres

    async def page(
        self,
        viewer: Viewer,
        owner: str,
        *,
        first: int | None,
        after: str | None,
        load: Callable[[PageKey], Awaitable[list[Activity]]],
        count: Callable[[str], Awaitable[int]],
    ) -> Page[Activity]:
        """A page of the account's log, newest first, through loaders over `load_many` and `count_many`.

        Raises Unauthenticated, Forbidden for who is neither the owner nor holds MANAGE_USERS, or ValidationFailed.
        """
        if viewer.require_user() != owner and not viewer.may(Permission.MANAGE_USERS):
            raise Forbidden(f"This is shown to the account's owner and with {Permission.MANAGE_USERS} only.")
        limit = page_size(first)
        found = await load(PageKey(owner, limit + 1, decode_id_cursor(after)))
        return Page(
            rows=[(entry, (entry.id,)) for entry in found[:limit]],
            has_next=len(found) > limit,
            has_previous=after is not None,
            total=lambda: count(owner),
        )

    async def load_many(self, keys: Sequence[PageKey]) -> list[list[Activity]]:
        """One statement for all accounts of which the same page is asked for, as in a list of accounts."""
        owners: defaultdict[tuple[int, str | None], list[str]] = defaultdict(list)
        for key in keys:
            owners[key.limit, key.before].append(key.owner)
        found: dict[PageKey, list[Activity]] = {}
        async with self._postgres.read() as connection:
            store = ActivityStore(connection)
            for (limit, before), wanted in owners.items():
                pages = await store.list_by_users(wanted, limit=limit, before=before)
                found |= {
                    PageKey(owner, limit, before): page for owner, page in zip(wanted, pages, strict=True)
                }
        return [found[key] for key in keys]

    async def count_many(self, user_ids: Sequence[str]) -> list[int]:
        async with self._postgres.read() as connection:
            return await ActivityStore(connection).count_by_users(user_ids)
