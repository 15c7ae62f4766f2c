"""Products by id through the cache: one look into Redis, then one query for what is not there."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from subgraphs.products.domain.products import Product, ProductId
from subgraphs.products.metrics import CACHE_LOOKUPS
from subgraphs.products.store.product_cache import ProductCache
from subgraphs.products.store.products import ProductStore

_HITS, _MISSES = CACHE_LOOKUPS.labels("hit"), CACHE_LOOKUPS.labels("miss")

_TOO_LATE = 30.0
"""Seconds after which a read is not stored: well before the ranks of the writes that it may have missed are gone."""

Found = dict[ProductId, Product | None]


class HotProducts:
    def __init__(self, store: ProductStore, cache: ProductCache) -> None:
        self._store = store
        self._cache = cache
        self._reading: dict[ProductId, asyncio.Task[Found]] = {}
        self._keeping: set[asyncio.Task[Any]] = set()

    async def get_many(self, ids: Sequence[ProductId]) -> list[Product | None]:
        """At most one command to Redis and one query to wait for, whatever the number of ids.

        An id that another caller in this process is reading is not read a second time.
        """
        wanted = list(dict.fromkeys(ids))
        found = await self._cache.read(wanted)
        missing = [i for i in wanted if i not in found]
        _HITS.inc(len(found))
        _MISSES.inc(len(missing))
        if missing:
            found |= await self._read(missing)
        return [found[i] for i in ids]

    async def _read(self, ids: Sequence[ProductId]) -> Found:
        own = [i for i in ids if i not in self._reading]
        if own:
            task = asyncio.ensure_future(self._load(own))
            self._reading |= dict.fromkeys(own, task)
        found: Found = {}
        # A caller that goes away must not take the answer from the others.
        for task in {self._reading[i] for i in ids}:
            found |= await asyncio.shield(task)
        # What another has begun to read may be older than what this caller has seen since.
        if old := [i for i in ids if i not in own and self._cache.is_old(i, found[i])]:
            found |= dict(zip(old, await self._store.get_many(old), strict=True))
        return found

    async def _load(self, ids: Sequence[ProductId]) -> Found:
        began, read_at = time.monotonic(), self._cache.now()
        try:
            found: Found = dict(zip(ids, await self._store.get_many(ids), strict=True))
        finally:
            for product_id in ids:
                del self._reading[product_id]
        for product in found.values():
            if product is not None:
                self._cache.see(product)
        if time.monotonic() - began < _TOO_LATE:
            keeping = asyncio.ensure_future(self._cache.keep(found, read_at=read_at))
            self._keeping.add(keeping)
            keeping.add_done_callback(self._keeping.discard)
        return found

    async def settle(self) -> None:
        """Wait until what was read is stored; nobody who asks for a product waits for that."""
        await asyncio.gather(*self._keeping)
