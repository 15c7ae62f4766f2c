"""What Redis keeps of products: never an older one than was written or seen."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from subgraphs.kit.redis.client import create_redis
from subgraphs.kit.settings import RedisSettings
from subgraphs.products.domain.images import Image, ImageId
from subgraphs.products.domain.products import NewProduct, Product, ProductId
from subgraphs.products.store.product_cache import ProductCache
from tests.subgraphs.products.redis_commands import frozen_server

NOON = datetime(2026, 5, 1, 12, 0, 0, 123_000, tzinfo=UTC)
IMAGE = Image(id=ImageId("i1"), alt=None, width=20, height=10)
FRESH, MISSING = timedelta(seconds=2), timedelta(seconds=1)


class Clock:
    now = 1_780_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def redis(redis):
    await redis.flushdb()
    return redis


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def process(redis, clock):
    """Make the cache as one more process has it."""
    return lambda: ProductCache(redis, fresh=FRESH, missing=MISSING, clock=clock)


def mug(version: int = 1, **fields) -> Product:
    new = NewProduct(name="Mug", price=Decimal("12.50"), sku="MUG", stock=3, tags=["red", "new"])
    made = new.product(ProductId("p1"), at=NOON)
    return replace(made, **{"version": version, "updated_at": NOON + timedelta(seconds=version)} | fields)


async def keep(cache: ProductCache, *products: Product) -> None:
    await cache.keep({product.id: product for product in products}, read_at=cache.now())


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"category_id": "c1", "description": "Blue\n“and” 杯", "deleted": True, "active": False},
        {"images": (IMAGE, replace(IMAGE, id=ImageId("i2"), alt="a mug")), "tags": ()},
    ],
)
async def test_product_reads_back_as_it_was_kept(process, fields) -> None:
    kept = mug(**fields)
    await keep(process(), kept)
    assert await process().read([kept.id]) == {kept.id: kept}


async def test_an_entry_is_parsed_again_only_where_it_is_another(process) -> None:
    kept, reader = mug(), process()
    await keep(process(), kept)
    first = (await reader.read([kept.id]))[kept.id]
    assert (await reader.read([kept.id]))[kept.id] is first
    newer = mug(version=2, available=1)
    await keep(process(), newer)
    assert await reader.read([kept.id]) == {kept.id: newer}


async def test_product_is_fresh_for_its_time_from_when_its_read_began(process, clock) -> None:
    began = clock.now
    clock.now += 0.5
    await process().keep({ProductId("p1"): mug(), ProductId("p2"): None}, read_at=began)
    clock.now = began + 0.9
    assert await process().read([ProductId("p1"), ProductId("p2")]) == {"p1": mug(), "p2": None}
    clock.now = began + 1.9
    assert await process().read([ProductId("p1"), ProductId("p2")]) == {"p1": mug()}
    clock.now = began + 2
    assert await process().read([ProductId("p1")]) == {}


async def test_read_that_is_stored_after_a_write_that_it_missed_is_not_taken(process) -> None:
    await process().outdate(mug(2))
    await keep(process(), mug(1))
    assert await process().read([ProductId("p1")]) == {}
    await keep(process(), mug(2))
    await keep(process(), mug(1))
    assert await process().read([ProductId("p1")]) == {"p1": mug(2)}


async def test_rank_outlives_the_product_that_it_came_with(process, clock, redis) -> None:
    await keep(process(), mug(2))
    clock.now += 3
    await keep(process(), mug(1))
    assert await process().read([ProductId("p1")]) == {}
    assert 59_000 < await redis.pttl("products:cached:1:p1") <= 60_000


async def test_write_outdates_what_is_kept_of_the_version_before(process) -> None:
    await keep(process(), mug(1))
    await process().outdate(mug(2))
    assert await process().read([ProductId("p1")]) == {}


async def test_change_of_stock_by_hand_outdates_though_the_version_stays(process) -> None:
    await keep(process(), mug(1))
    await process().outdate(mug(1, available=9, updated_at=NOON + timedelta(seconds=30)))
    assert await process().read([ProductId("p1")]) == {}
    await keep(process(), mug(1))
    assert await process().read([ProductId("p1")]) == {}


async def test_event_outdates_earlier_versions_only(process) -> None:
    await keep(process(), mug(2))
    await process().outdate_versions({ProductId("p1"): 2})
    assert await process().read([ProductId("p1")]) == {"p1": mug(2)}
    await process().outdate_versions({ProductId("p1"): 3})
    assert await process().read([ProductId("p1")]) == {}


async def test_id_that_no_product_had_is_outdated_by_its_creation(process) -> None:
    await process().keep({ProductId("p1"): None}, read_at=process().now())
    assert await process().read([ProductId("p1")]) == {"p1": None}
    await process().outdate_versions({ProductId("p1"): 1})
    assert await process().read([ProductId("p1")]) == {}


async def test_process_shows_nothing_older_than_it_has_seen_even_where_redis_has_lost_it(
    process, redis
) -> None:
    reader = process()
    await keep(process(), mug(2))
    assert await reader.read([ProductId("p1")]) == {"p1": mug(2)}
    await redis.flushdb()
    await keep(process(), mug(1))
    assert await reader.read([ProductId("p1")]) == {}
    assert reader.is_old(ProductId("p1"), mug(1))
    assert not reader.is_old(ProductId("p1"), mug(2))
    assert await process().read([ProductId("p1")]) == {"p1": mug(1)}


async def test_reads_of_many_are_one_command_and_so_is_keeping_them(process, redis) -> None:
    cache = process()
    products = [replace(mug(), id=ProductId(f"p{n}")) for n in range(100)]
    await keep(cache, *products)
    before = await redis.info("commandstats")
    assert await cache.read([p.id for p in products]) == {p.id: p for p in products}
    await keep(cache, *products)
    after = await redis.info("commandstats")

    def calls(name: str) -> int:
        return after[name]["calls"] - before.get(name, {"calls": 0})["calls"]

    assert (calls("cmdstat_mget"), calls("cmdstat_evalsha")) == (1, 1)


async def test_redis_that_does_not_answer_is_passed_over_after_a_tenth_of_a_second(clock) -> None:
    async with frozen_server() as frozen, create_redis(RedisSettings(url=frozen.url)) as redis:
        cache = ProductCache(redis, fresh=FRESH, missing=MISSING, clock=clock)
        began = time.monotonic()
        assert await cache.read([ProductId("p1")]) == {}
        assert frozen.connections == 1
        for _ in range(20):
            assert await cache.read([ProductId("p1")]) == {}
            await cache.outdate(mug())
            await keep(cache, mug())
        assert time.monotonic() - began < 3
        assert frozen.connections == 1


async def test_redis_that_is_away_is_passed_over() -> None:
    async with create_redis(RedisSettings(url="redis://127.0.0.1:1/0")) as redis:
        cache = ProductCache(redis, fresh=FRESH, missing=MISSING)
        assert await cache.read([ProductId("p1")]) == {}
        await cache.outdate(mug())
