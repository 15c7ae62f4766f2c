"""Fences: keys of lists that stand about 128 products apart, so that a page reads a short range and not a long one.

Some servers read the whole of a range, however few of it are wanted. Which products are fences is told from their
ids, so nobody keeps them up; where they stand is read once a minute. An old fence is as good a bound as any other
string: a page goes on to the next range until it is full, and only how long its ranges are depends on them.
"""

import asyncio
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence

from subgraphs.kit.mongo.client import Collection
from subgraphs.products.domain.categories import CategoryId
from subgraphs.products.store.list_keys import FENCE_EVERY, KEYS, KeyRange, category_prefix

_KEPT = 60.0
_BATCH = 10_000
_FIRST = 2  # fences that the first range of a page reaches beyond; each further one takes twice as many


class Fences:
    def __init__(self, products: Collection, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._products = products
        self._clock = clock
        self._read_at = float("-inf")
        self._keys: Mapping[str, Sequence[str]] = {}
        self._reading = asyncio.Lock()

    async def read(self) -> "FenceKeys":
        """Where they stand, or stood within the last minute. One query a minute for all lists."""
        async with self._reading:
            if self._clock() - self._read_at > _KEPT:
                cursor = self._products.find({"fence": True}, {"lists": 1}, batch_size=_BATCH)
                documents = await cursor.to_list(None)
                self._keys = {
                    name: sorted(d["lists"][name] for d in documents if name in d.get("lists", {}))
                    for name in KEYS
                }
                self._read_at = self._clock()
        return FenceKeys(self._keys)


class FenceKeys:
    def __init__(self, keys: Mapping[str, Sequence[str]]) -> None:
        self._keys = keys

    def parts(self, whole: KeyRange) -> Iterator[KeyRange]:
        """`whole` in ranges from its beginning on, each about twice as long as the one before."""
        fences = self._within(whole)
        if whole.descending:
            fences = fences[::-1]
        start, taken, step = (whole.high if whole.descending else whole.low), 0, _FIRST
        while taken + step <= len(fences):
            fence = fences[taken + step - 1]
            yield whole.between(fence, start) if whole.descending else whole.between(start, fence)
            start, taken, step = fence, taken + step, step * 2
        yield whole.between(whole.low, start) if whole.descending else whole.between(start, whole.high)

    def length(self, whole: KeyRange) -> int:
        """About how many products `whole` holds; 0 for a short one."""
        return FENCE_EVERY * len(self._within(whole))

    def length_of(self, category: CategoryId) -> int:
        """About how many products are in `category` itself; 0 for few."""
        prefix, keys = category_prefix(category), self._keys["in_newest"]
        return FENCE_EVERY * (bisect_left(keys, prefix + "\U0010ffff") - bisect_left(keys, prefix))

    def _within(self, whole: KeyRange) -> Sequence[str]:
        keys = self._keys[whole.name]
        return keys[bisect_left(keys, whole.low) : bisect_left(keys, whole.high)]
