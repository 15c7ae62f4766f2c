"""REST's numbered pages over cursor connections, whose cursors are opaque.

A page by number is walked to: the stretches before it are asked for their last cursor only, in the largest
chunks that the API gives. A page by cursor costs one operation, however deep.
"""

from dataclasses import dataclass
from typing import Any

from clients.rest.dependencies import RouterSession
from clients.rest.models.pagination import MAX_LIMIT, PageQuery


@dataclass(frozen=True, slots=True)
class Page:
    nodes: list[dict[str, Any]]
    position: dict[str, Any]
    """The fields of `PageResponse`."""
    connection: dict[str, Any]
    """All that was answered; empty where the page is past the end of the list."""


async def fetch(session: RouterSession, operation: str, query: PageQuery, /, **variables: Any) -> Page:
    """The page of `operation` that `query` asks for; an empty one past the end of the list.

    `operation` has a companion `Skip…` with the same arguments that selects only `pageInfo`.
    """
    cursor = query.cursor
    remaining = query.skipped
    while remaining > 0:
        first = min(remaining, MAX_LIMIT)
        connection = await session.query(f"Skip{operation}", first=first, after=cursor, **variables)
        if not connection["pageInfo"]["hasNextPage"]:
            return _page(query, {})
        cursor = connection["pageInfo"]["endCursor"]
        remaining -= first
    connection = await session.query(operation, first=query.limit, after=cursor, **variables)
    return _page(query, connection)


def _page(query: PageQuery, connection: dict[str, Any]) -> Page:
    nodes, info = [edge["node"] for edge in connection.get("edges", ())], connection.get("pageInfo", {})
    has_next = info.get("hasNextPage", False)
    position = {
        "page": query.page if query.cursor is None else None,
        "limit": query.limit,
        "has_next": has_next,
        "next_cursor": info["endCursor"] if has_next else None,
    }
    return Page(nodes, position, connection)
