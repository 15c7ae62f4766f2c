"""Products through the cache: who reads the database, and how often."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from subgraphs.products.domain.products import Product, ProductId
from subgraphs.products.metrics import CACHE_LOOKUPS
from subgraphs.products.store.hot_products import HotProducts
from subgraphs.products.store.product_cache import ProductCache
from subgraphs.products.store.products import ProductStore

pytestmark = pytest.mark.usefixtures("empty")


class SlowStore(ProductStore):
    """Answers when it is let; what it answers is what there was when it was asked."""

    def __init__(self, database) -> None:
        super().__init__(database, wake_up=lambda: None)
        self.asked: list[list[ProductId]] = []
        self.has_read = asyncio.Event()
        self.go = asyncio.Event()
        self.failure: Exception | None = None

    async def get_many(self, ids: Sequence[ProductId]) -> list[Product | None]:
        self.asked.append(list(ids))
        found = await super().get_many(ids)
        self.has_read.set()
        await self.go.wait()
        if self.failure is not None:
            raise self.failure
        return found


@pytest.fixture
def slow(database) -> SlowStore:
    return SlowStore(database)


@pytest.fixture
async def cache(redis) -> ProductCache:
    await redis.flushdb()
    return ProductCache(redis, fresh=timedelta(seconds=20), missing=timedelta(seconds=20))


def lookups(outcome: str) -> float:
    return CACHE_LOOKUPS.labels(outcome)._value.get()


class Callers:
    """Starts callers, each once the one before has found what the cache lacks and waits for the store."""

    def __init__(self, hot: HotProducts) -> None:
        self._hot = hot

    async def start(self, *ids: ProductId) -> asyncio.Task[list[Product | None]]:
        before = lookups("miss")
        caller = asyncio.create_task(self._hot.get_many(ids))
        async with asyncio.timeout(5):
            while lookups("miss") == before:  # noqa: ASYNC110 - a counter tells nobody
                await asyncio.sleep(0.005)
        return caller


async def test_what_one_caller_reads_no_other_reads(slow, cache, make) -> None:
    one, two, three = [await make(f"Mug {n}") for n in range(3)]
    callers = Callers(HotProducts(slow, cache))
    first = await callers.start(one.id, two.id)
    second = await callers.start(two.id, three.id, two.id)
    slow.go.set()
    assert await asyncio.gather(first, second) == [[one, two], [two, three, two]]
    assert slow.asked == [[one.id, two.id], [three.id]]


async def test_read_again_comes_from_the_cache_and_is_counted(slow, cache, make) -> None:
    mug = await make()
    slow.go.set()
    hits, misses = lookups("hit"), lookups("miss")
    for _ in range(2):
        hot = HotProducts(slow, cache)
        assert await hot.get_many([mug.id, ProductId("none")]) == [mug, None]
        await hot.settle()
    assert slow.asked == [[mug.id, "none"]]
    assert (lookups("hit") - hits, lookups("miss") - misses) == (2, 2)


async def test_caller_that_goes_away_takes_the_answer_from_nobody(slow, cache, make) -> None:
    mug = await make()
    callers = Callers(HotProducts(slow, cache))
    first, second = await callers.start(mug.id), await callers.start(mug.id)
    first.cancel()
    slow.go.set()
    assert await second == [mug]
    assert len(slow.asked) == 1


async def test_read_that_failed_is_tried_again_by_the_next_caller(slow, cache, make) -> None:
    mug = await make()
    hot = HotProducts(slow, cache)
    slow.go.set()
    slow.failure = RuntimeError("away")
    with pytest.raises(RuntimeError):
        await hot.get_many([mug.id])
    slow.failure = None
    assert await hot.get_many([mug.id]) == [mug]


async def test_answer_to_another_that_is_older_than_what_was_seen_is_not_taken(slow, cache, make) -> None:
    """The other began to read before the write that this caller made."""
    mug = await make()
    hot = HotProducts(slow, cache)
    callers = Callers(hot)
    other = await callers.start(mug.id)
    await slow.has_read.wait()
    writer = ProductStore(slow._products.database, wake_up=lambda: None, cache=cache)
    written = await writer.replace(replace(mug, name="Cup", version=2), read=mug)
    mine = await callers.start(mug.id)
    slow.go.set()
    assert await mine == [written]
    assert await other == [mug]
    await hot.settle()
    assert await cache.read([mug.id]) == {}, "what the other has read is too old to be kept"
