"""How long lists are. A count reads all that it counts, so a long list is not counted anew for each page.

A list of no more than about 2,000 products is counted when it is asked for. A longer one is counted once in ten
seconds for all who ask: its length is what it was at a moment within the last ten seconds.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from subgraphs.kit.mongo.client import Collection, Document
from subgraphs.products.domain.categories import CategoryId
from subgraphs.products.store.list_keys import KeyRange

_SHORT = 2048
_KEPT = 10.0
_MOST = 500  # counts that are kept; the oldest go first

ByCategory = Mapping[CategoryId | None, int]


class ListCounts:
    """`length` is about how many products a count reads."""

    def __init__(self, products: Collection, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._products = products
        self._clock = clock
        self._kept: dict[str, tuple[float, asyncio.Task[Any]]] = {}

    async def in_range(self, whole: KeyRange, conditions: Document, *, length: int) -> int:
        """How many products of `whole` fulfil `conditions`."""
        count = partial(self._count_range, whole, conditions)
        return int(await self._fresh_or_kept(count, repr((whole, conditions)), length))

    async def by_category(self, query: Document, conditions: Document, *, length: int) -> ByCategory:
        """How many of those that `query` selects, by an index, fulfil `conditions`, category by category."""
        count = partial(self._count_by_category, query, conditions)
        counted: ByCategory = await self._fresh_or_kept(count, repr((query, conditions)), length)
        return counted

    async def _count_range(self, whole: KeyRange, conditions: Document) -> int:
        if not conditions:
            return await self._products.count_documents(whole.query)
        steps: list[Document] = [{"$match": whole.query}, {"$match": conditions}, {"$count": "products"}]
        return sum([d["products"] async for d in self._products.aggregate(steps)])

    async def _count_by_category(self, query: Document, conditions: Document) -> ByCategory:
        group = {"$group": {"_id": "$category_id", "products": {"$sum": 1}}}
        cursor = self._products.aggregate([{"$match": query}, {"$match": conditions}, group])
        return {d["_id"]: d["products"] async for d in cursor}

    async def _fresh_or_kept(self, count: Callable[[], Awaitable[Any]], name: str, length: int) -> Any:
        if length <= _SHORT:
            return await count()
        until, counting = self._kept.get(name, (float("-inf"), None))
        if counting is None or until < self._clock():
            counting = asyncio.ensure_future(count())
            counting.add_done_callback(partial(self._forget_failed, name))
            self._kept.pop(name, None)
            self._kept[name] = (self._clock() + _KEPT, counting)
            if len(self._kept) > _MOST:
                del self._kept[next(iter(self._kept))]
        # Whoever asks may go away; the others still want to know.
        return await asyncio.shield(counting)

    def _forget_failed(self, name: str, counting: "asyncio.Task[Any]") -> None:
        if (counting.cancelled() or counting.exception()) and self._kept.get(name, (0, None))[1] is counting:
            del self._kept[name]
