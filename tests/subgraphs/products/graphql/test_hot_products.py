"""Products as other services show them: by their ids, through the cache, over HTTP."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from subgraphs.kit.background import WakeUp
from subgraphs.kit.events.redis_streams import RedisStreams
from subgraphs.kit.mongo.outbox import DocumentRelay
from subgraphs.kit.redis.client import create_redis
from subgraphs.kit.settings import RedisSettings
from subgraphs.products.app import Services, build_services
from subgraphs.products.settings import ImageSettings, StockSettings
from subgraphs.products.store.outdating import OutdatingPublisher
from subgraphs.products.store.product_cache import ProductCache
from subgraphs.products.store.products import ProductStore
from tests.harness.tcp_proxy import proxy_to
from tests.subgraphs.products.graphql_client import GraphQLClient, client_of
from tests.subgraphs.products.redis_commands import RecordedRedis, frozen_server

pytestmark = pytest.mark.usefixtures("empty")

LONG = timedelta(seconds=20)
ENTITIES = (
    "query($r: [_Any!]!) { _entities(representations: $r) { ... on Product { id name stock version } } }"
)
RENAME = 'mutation($id: ID!) { updateProduct(id: $id, input: {name: "Cup"}) { __typename } }'


def services_with(database, cache: ProductCache) -> Services:
    return build_services(
        database, settings=StockSettings(), images=ImageSettings(), wake_up=WakeUp(), cache=cache
    )


@pytest.fixture
async def recorded(engines, redis) -> Any:
    await redis.flushdb()
    async with RecordedRedis.from_url(engines.redis_url, decode_responses=True) as recorded:
        yield recorded


@pytest.fixture
def cache(recorded) -> ProductCache:
    return ProductCache(recorded, fresh=LONG, missing=LONG)


async def shown(client: GraphQLClient, *ids: str) -> list[Any]:
    representations = [{"__typename": "Product", "id": i} for i in ids]
    return (await client.run(ENTITIES, r=representations))["_entities"]


async def test_a_hundred_representations_are_one_query_and_one_round_trip_to_redis(
    database, cache, recorded, commands, make
) -> None:
    ids = [(await make(f"Mug {n}")).id for n in range(99)] + ["none"]
    services = services_with(database, cache)
    async with client_of(services) as client:
        commands.sent.clear()
        cold = await shown(client, *ids)
        assert [product and product["name"] for product in cold] == [f"Mug {n}" for n in range(99)] + [None]
        assert commands.sent == ["find"]
        assert recorded.sent[0] == "MGET"
        # What was read is stored beside the answer, all of it at once.
        await services.hot_products.settle()
        assert set(recorded.sent[1:]) <= {"EVALSHA", "SCRIPT LOAD"}
        commands.sent.clear()
        recorded.sent.clear()
        assert await shown(client, *ids) == cold
        assert (commands.sent, recorded.sent) == ([], ["MGET"])


async def test_edit_is_shown_at_once(database, cache, make) -> None:
    mug = await make("Mug", stock=3)
    services = services_with(database, cache)
    async with client_of(services) as client:
        for _ in range(2):
            assert await shown(client, mug.id) == [{"id": mug.id, "name": "Mug", "stock": 3, "version": 1}]
        await client.manage(RENAME, id=mug.id)
        assert await shown(client, mug.id) == [{"id": mug.id, "name": "Cup", "stock": 3, "version": 2}]
        await client.manage(
            "mutation($id: ID!) { adjustStock(productId: $id, delta: 4) { __typename } }", id=mug.id
        )
        assert (await shown(client, mug.id))[0]["stock"] == 7


async def test_event_of_a_writer_that_told_nobody_outdates(database, redis, cache, make) -> None:
    mug = await make("Mug")
    async with client_of(services_with(database, cache)) as client:
        await shown(client, mug.id)
        writer = ProductStore(database, wake_up=WakeUp())
        await writer.replace(replace(mug, name="Cup", version=2), read=mug)
        other_process = ProductCache(redis, fresh=LONG, missing=LONG)
        publisher = OutdatingPublisher(RedisStreams(redis), other_process)
        assert await DocumentRelay(database, publisher, ["products"]).publish_pending() == 2
        assert (await shown(client, mug.id))[0]["name"] == "Cup"


async def test_units_that_orders_take_show_late_by_id_and_at_once_elsewhere(
    database, recorded, stock, make
) -> None:
    now = 1_780_000_000.0
    cache = ProductCache(recorded, fresh=timedelta(seconds=2), missing=LONG, clock=lambda: now)
    mug = await make(stock=3)
    services = services_with(database, cache)
    async with client_of(services) as client:
        await shown(client, mug.id)
        await services.hot_products.settle()
        await stock.reserve("o1", (mug, 1))
        assert (await shown(client, mug.id))[0]["stock"] == 3
        own = await client.run(
            "query($id: ID!) { product(id: $id) { stock } products { nodes { stock } } }", id=mug.id
        )
        assert own == {"product": {"stock": 2}, "products": {"nodes": [{"stock": 2}]}}
        now += 2
        assert (await shown(client, mug.id))[0]["stock"] == 2


async def test_everything_works_while_redis_is_frozen(database, make) -> None:
    mug = await make(stock=3)
    async with frozen_server() as frozen, create_redis(RedisSettings(url=frozen.url)) as redis:
        cache = ProductCache(redis, fresh=LONG, missing=LONG)
        async with client_of(services_with(database, cache)) as client:
            assert (await shown(client, mug.id))[0]["version"] == 1
            await client.manage(RENAME, id=mug.id)
            assert (await shown(client, mug.id, "none")) == [
                {"id": mug.id, "name": "Cup", "stock": 3, "version": 2},
                None,
            ]


async def test_everything_works_when_redis_goes_away(database, engines, make) -> None:
    mug = await make(stock=3)
    async with proxy_to(engines.redis_url) as proxy, create_redis(RedisSettings(url=proxy.url)) as redis:
        cache = ProductCache(redis, fresh=LONG, missing=LONG)
        async with client_of(services_with(database, cache)) as client:
            assert (await shown(client, mug.id))[0]["version"] == 1
            await proxy.stop()
            await client.manage(RENAME, id=mug.id)
            assert (await shown(client, mug.id))[0]["version"] == 2
            await proxy.start()


async def test_without_a_cache_products_are_read_from_the_store(services: Services) -> None:
    assert services.hot_products is None
    assert services.products.read_many == services.products.store.get_many
