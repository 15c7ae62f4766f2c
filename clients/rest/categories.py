"""Which category a client means by a slug, a name or an id."""

import asyncio
import re
import time
import unicodedata
from collections import deque
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, Request

from clients.rest.dependencies import RouterSession
from clients.rest.models.base import MAX_ID
from subgraphs.kit.logs import get_logger

log = get_logger(__name__)

# Looking for names that do not exist makes a process read the tree once in this time, and no more often.
_FRESH_SECONDS = 1.0
# `CategoryTree` answers three levels; below each category of the third, another one is sent.
_MAX_OPERATIONS = 100
_CONCURRENT = 10
# Characters of a slug that is made of a name; the catalogue leaves room for a number in its 100.
_NAME_SLUG = 96


class CategoryFinder:
    """Finds categories through the public API, which knows them by id and by slug.

    Names are looked up in an index of the whole tree, which is read again when a name is missing in one that is
    older than a second.
    """

    def __init__(self) -> None:
        self._ids: Mapping[str, str] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def find(self, session: RouterSession, wanted: str) -> str | None:
        """The id of the category whose slug, id or name is `wanted`, looked for in this order; None for none.

        Names are compared without case and accents. Of several categories with the name, the one whose slug is made
        of it is found, else the one nearest to the top. Where none has the name, that slug decides by itself. Raises
        ApiError.
        """
        could_be_id = len(wanted) <= MAX_ID
        found = await session.execute(
            "FindCategory",
            id=wanted if could_be_id else None,
            couldBeId=could_be_id,
            slug=wanted,
            nameSlug=slugify(wanted),
        )
        if match := found["bySlug"] or found.get("byId"):
            return str(match["id"])
        candidate = found["byNameSlug"]
        if candidate is not None and fold(candidate["name"]) == fold(wanted):
            return str(candidate["id"])
        by_name = await self._find_by_name(session, fold(wanted))
        if by_name is None and candidate is not None:
            return str(candidate["id"])
        return by_name

    async def _find_by_name(self, session: RouterSession, name: str) -> str | None:
        async with self._reading:
            if name not in self._ids and time.monotonic() - self._read_at > _FRESH_SECONDS:
                self._ids = await _read_names(session)
                self._read_at = time.monotonic()
            return self._ids.get(name)


def _finder(request: Request) -> CategoryFinder:
    finder: CategoryFinder = request.app.state.categories
    return finder


Categories = Annotated[CategoryFinder, Depends(_finder)]


async def _read_names(session: RouterSession) -> Mapping[str, str]:
    """The id of each category by its folded name, of the one nearest to the top where several have it."""
    ids: dict[str, str] = {}
    parents: list[str | None] = [None]
    operations = 0
    while parents and operations < _MAX_OPERATIONS:
        some, parents = parents[:_CONCURRENT], parents[_CONCURRENT:]
        operations += len(some)
        for level in await asyncio.gather(
            *(session.query("CategoryTree", parentId=parent) for parent in some)
        ):
            parents += _index(ids, level)
    if parents:
        log.warning("category_tree_too_large", operations=operations, unread=len(parents))
    return ids


def _index(ids: dict[str, str], top: list[dict[str, Any]]) -> list[str | None]:
    """Add three levels to `ids`, the upper ones first; answers the ids of the third, whose children are unread."""
    unread: list[str | None] = []
    level = deque(top)
    while level:
        category = level.popleft()
        ids.setdefault(fold(category["name"]), category["id"])
        if "children" in category:
            level.extend(category["children"])
        else:
            unread.append(category["id"])
    return unread


def fold(text: str) -> str:
    """`text` without case, accents and repeated spaces, as the catalogue compares names."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).split())


def slugify(name: str) -> str:
    """The slug that the catalogue makes of a name; empty where it has neither letter nor digit."""
    return re.sub(r"[\W_]+", "-", fold(name)).strip("-")[:_NAME_SLUG].strip("-")
