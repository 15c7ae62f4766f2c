"""Reading the activity log."""

from collections.abc import Awaitable, Callable

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import Forbidden
from subgraphs.kit.pagination import Page, decode_id_cursor, page_size
from subgraphs.users.domain import Activity, Permission

PageKey = tuple[str, int, str | None]
"""An account, the number of entries, and the id of the entry before the first."""


async def page_of(
    viewer: Viewer,
    owner: str,
    *,
    first: int | None,
    after: str | None,
    load: Callable[[PageKey], Awaitable[list[Activity]]],
    count: Callable[[str], Awaitable[int]],
) -> Page[Activity]:
    """A page of the account's log, newest first, by way of loaders that gather what others ask for.

    Raises Unauthenticated, Forbidden for who is neither the owner nor holds MANAGE_USERS, or ValidationFailed.
    """
    if viewer.require_user() != owner and not viewer.may(Permission.MANAGE_USERS):
        raise Forbidden(f"This is shown to the account's owner and with {Permission.MANAGE_USERS} only.")
    limit = page_size(first)
    before = decode_id_cursor(after)
    found = await load((owner, limit + 1, before))
    return Page(
        rows=[(entry, (entry.id,)) for entry in found[:limit]],
        has_next=len(found) > limit,
        has_previous=after is not None,
        total=lambda: count(owner),
    )
