"""A migrated database, the services over it, and the subgraph as clients meet it, with real tokens."""

from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.background import WakeUp
from subgraphs.kit.mongo.client import Database, Mongo
from subgraphs.kit.redis.client import create_redis
from subgraphs.kit.settings import DatabaseSettings, RedisSettings
from subgraphs.products.app import Services, build_services
from subgraphs.products.domain.permissions import Permission
from subgraphs.products.domain.products import NewProduct, Product
from subgraphs.products.migrations import migrate_database
from subgraphs.products.service.categories import CategoryService
from subgraphs.products.service.product_lists import ProductListService
from subgraphs.products.service.products import ProductService
from subgraphs.products.settings import ImageSettings, StockSettings
from tests.subgraphs.products.graphql_client import GraphQLClient, client_of
from tests.subgraphs.products.mongo_commands import SentCommands
from tests.subgraphs.products.stock_probe import StockProbe

MANAGER = Viewer(user_id="manager", role="ADMIN", permissions=frozenset({Permission.MANAGE_PRODUCTS}))


@pytest.fixture(scope="module")
def commands() -> SentCommands:
    return SentCommands()


@pytest.fixture(scope="module")
async def database(engines, commands: SentCommands) -> AsyncIterator[Database]:
    settings = DatabaseSettings(url=engines.mongo_url("products"))
    mongo = Mongo(settings, application="products-tests", listeners=(commands,))
    await migrate_database(mongo.database)
    yield mongo.database
    await mongo.database.client.drop_database(mongo.database.name)
    mongo.close()


@pytest.fixture
async def redis(engines) -> AsyncIterator[Redis]:
    client = create_redis(RedisSettings(url=engines.redis_url))
    await client.delete("events:products")
    yield client
    await client.aclose()


@pytest.fixture(scope="module")
def services(database: Database) -> Services:
    return build_services(database, settings=StockSettings(), images=ImageSettings(), wake_up=WakeUp())


@pytest.fixture(scope="module")
def categories(services: Services) -> CategoryService:
    return services.categories


@pytest.fixture(scope="module")
def products(services: Services) -> ProductService:
    return services.products


@pytest.fixture(scope="module")
def product_lists(services: Services) -> ProductListService:
    return services.product_lists


@pytest.fixture(scope="module")
def manager() -> Viewer:
    return MANAGER


@pytest.fixture
async def empty(database: Database) -> None:
    """Nothing in the catalogue, no reservation."""
    for name in (
        "products",
        "categories",
        "reservations",
        "stock_movements",
        "images.files",
        "images.chunks",
        "image_intents",
        "search_postings",
        "search_vocabulary",
        "search_cards",
    ):
        await database[name].delete_many({})


Make = Callable[..., Awaitable[Product]]


@pytest.fixture(scope="module")
def make(products: ProductService, manager: Viewer) -> Make:
    """Create a product; what does not matter to the test has a default."""

    async def create(name: str = "Enamel Mug", *, price: str = "12.50", **fields: Any) -> Product:
        return await products.create(manager, NewProduct(name=name, price=Decimal(price), **fields))

    return create


@pytest.fixture(scope="module")
async def client(services: Services) -> AsyncIterator[GraphQLClient]:
    async with client_of(services) as client:
        yield client


@pytest.fixture
async def stock(database: Database) -> StockProbe:
    # A sweep of one test must not meet what another has left unfinished on purpose.
    await database["reservations"].delete_many({})
    return StockProbe(database)


@pytest.fixture
def order() -> str:
    return f"order-{uuid4().hex[:8]}"
