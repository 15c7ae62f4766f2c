"""A walk through the stores on each server of MongoDB's protocol; all other tests run on the first one that is there."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from deploy.local.engines import EngineError
from deploy.local.engines.mongo import Mongo as MongoEngine
from deploy.local.engines.mongo_servers import SERVERS, choose
from subgraphs.kit.auth.viewer import ANONYMOUS
from subgraphs.kit.background import WakeUp
from subgraphs.kit.events.redis_streams import RedisStreams
from subgraphs.kit.mongo.client import Database, Mongo, utc_now
from subgraphs.kit.mongo.outbox import DocumentRelay
from subgraphs.kit.settings import DatabaseSettings
from subgraphs.products.app import Services, build_services
from subgraphs.products.domain.lists import ProductFilter, ProductSort
from subgraphs.products.domain.products import NewProduct, Product
from subgraphs.products.domain.reservations import Held, ReservationLine, State
from subgraphs.products.domain.search.query import Query
from subgraphs.products.domain.search.results import Search
from subgraphs.products.migrations import migrate_database
from subgraphs.products.settings import ImageSettings, StockSettings
from tests.subgraphs.products.explained import stages_of
from tests.subgraphs.products.listings import listing
from tests.subgraphs.products.mongo_commands import SentCommands


@pytest.fixture(scope="module", params=[server.name for server in SERVERS])
def address(request, tmp_path_factory) -> Iterator[str]:
    try:
        choose(request.param)
    except EngineError as error:
        pytest.skip(str(error))
    data: Path = tmp_path_factory.mktemp("mongo")
    engine = MongoEngine(data, server=request.param)
    engine.start()
    try:
        engine.wait_ready()
        yield engine.url("servers")
    finally:
        engine.stop()


@pytest.fixture
async def database(address, commands) -> AsyncIterator[Database]:
    mongo = Mongo(DatabaseSettings(url=address), application="products-tests", listeners=(commands,))
    await mongo.database.client.drop_database(mongo.database.name)
    await migrate_database(mongo.database)
    yield mongo.database
    mongo.close()


@pytest.fixture
def services(database) -> Services:
    return build_services(database, settings=StockSettings(), images=ImageSettings(), wake_up=WakeUp())


@pytest.fixture
async def shelf(services, manager) -> list[Product]:
    """Thirty products in three categories, one of which is within another."""
    create, parent = services.categories.create, None
    homes = []
    for name in ("Kitchen", "Cups"):
        made = await create(manager, name=name, slug=None, description=None, parent_id=parent)
        parent = made.id
        homes.append(made.id)
    parent = None
    homes.append((await create(manager, name="Garden", slug=None, description=None, parent_id=None)).id)
    return [
        await services.products.create(
            manager,
            NewProduct(
                name=f"Enamel Mug {n % 7}",
                price=Decimal(n % 5) + 1,
                stock=n % 3,
                category_id=homes[n % 3],
                tags=["odd"] if n % 2 else [],
            ),
        )
        for n in range(30)
    ]


async def test_lists_are_in_order_from_an_index(services, database, shelf, commands: SentCommands) -> None:
    orders = {
        ProductSort.NEWEST: (lambda p: (p.created_at, p.id), True),
        ProductSort.NAME: (lambda p: (p.name, p.id), False),
        ProductSort.PRICE_ASC: (lambda p: (p.price.minor, p.id), False),
        ProductSort.PRICE_DESC: (lambda p: (p.price.minor, p.id), True),
    }
    for sort, (key, backwards) in orders.items():
        page = await services.product_lists.page(ANONYMOUS, listing(sort=sort))
        assert [product for product, _ in page.rows] == sorted(shelf, key=key, reverse=backwards)
        stages = await stages_of(database, commands.last["find"])
        assert "IXSCAN" in stages
        assert not stages & {"SORT", "COLLSCAN"}


async def test_filters_subtrees_and_totals(services, shelf) -> None:
    kitchen = shelf[0].category_id
    for fields, right in (
        ({"in_stock": True}, lambda p: p.available > 0),
        ({"tags": ["odd"], "price_min": Decimal(3)}, lambda p: "odd" in p.tags and p.price.minor >= 300),
        ({"category_id": kitchen}, lambda p: p.category_id != shelf[2].category_id),
    ):
        page = await services.product_lists.page(ANONYMOUS, listing(sort=ProductSort.NAME, **fields))
        wanted = {product.id for product in shelf if right(product)}
        assert {product.id for product, _ in page.rows} == wanted
        assert await page.total() == len(wanted)


async def test_of_many_edits_of_one_version_one_is_written(services, manager, shelf) -> None:
    answers = await asyncio.gather(
        *(services.products.update(manager, shelf[0].id, {"name": f"Cup {n}"}, version=1) for n in range(12)),
        return_exceptions=True,
    )
    written = [answer for answer in answers if isinstance(answer, Product)]
    assert [product.version for product in written] == [2]
    assert await services.products.get_many([shelf[0].id]) == written


async def test_of_many_orders_as_many_get_the_units_as_there_are(services, manager, shelf) -> None:
    mug = await services.products.adjust_stock(manager, shelf[0].id, delta=5, reason=None)
    until = utc_now() + timedelta(minutes=5)
    line = ReservationLine(product_id=mug.id, quantity=1)
    answers = await asyncio.gather(
        *(services.inventory.reserve(f"o{n}", [line], expires_at=until) for n in range(12))
    )
    held = [f"o{n}" for n, answer in enumerate(answers) if isinstance(answer, Held)]
    assert len(held) == 5
    assert await services.inventory.commit(held[0]) is State.COMMITTED
    assert await services.inventory.restock(held[0]) is State.RESTOCKED
    assert await services.inventory.release(held[1]) is State.RELEASED
    (now,) = await services.products.get_many([mug.id])
    assert now == replace(mug, available=2)


async def test_search_finds_what_is_indexed(services, shelf) -> None:
    while await services.search_indexing.index_due():
        pass
    asked = Search(
        query=Query.parse("enamel mugs 3"),
        filter=ProductFilter(),
        sort=ProductSort.RELEVANCE,
        first=20,
        after=None,
    )
    page = await services.search.search(ANONYMOUS, asked)
    wanted = {product.id for product in shelf if product.name == "Enamel Mug 3"}
    assert {found.product.id for found, _ in page.rows} == wanted


async def test_events_leave_once(database, redis, shelf) -> None:
    relay = DocumentRelay(database, RedisStreams(redis), ["products", "reservations"])
    assert await relay.publish_pending() == len(shelf)
    assert await relay.publish_pending() == 0
    assert await database["products"].count_documents({"publish_after": {"$exists": True}}) == 0
