"""Orders on a real PostgreSQL: one database for each worker of the test run, emptied before each test."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.settings import DatabaseSettings, RedisSettings
from subgraphs.orders.migrations import migrate
from subgraphs.orders.settings import OrdersSettings, PaymentSettings, QuotaSettings, WebhookSettings
from subgraphs.orders.store.tables import metadata
from tests.subgraphs.orders.fault_injection import FaultyPostgres
from tests.subgraphs.orders.orders_api import OrdersApi, open_orders_api
from tests.subgraphs.orders.orders_harness import OrdersHarness

Fresh = Callable[[], Awaitable[OrdersHarness]]
# A busy machine is no outage; what shows a time-out has a pool of its own.
PATIENCE = timedelta(seconds=60)
SANDBOX_SECRET = secrets.token_urlsafe(16)
AnyPostgres = TypeVar("AnyPostgres", bound=Postgres)
# One statement: foreign keys are looked at when it ends.
_EMPTY = f"WITH {', '.join(f'd{i} AS (DELETE FROM {t})' for i, t in enumerate(metadata.tables))} SELECT 1"


@pytest.fixture(scope="session")
async def database(engines: Any) -> DatabaseSettings:
    database = DatabaseSettings(url=engines.postgres_url("orders"), pool_size=8, timeout=PATIENCE)
    await migrate(OrdersSettings(database=database))
    return database


@pytest.fixture(scope="session")
async def code_pool(database: DatabaseSettings) -> AsyncIterator[FaultyPostgres]:
    pool = quick(FaultyPostgres(database, application="orders"))
    yield pool
    await pool.close()


@pytest.fixture(scope="session")
async def observer(database: DatabaseSettings) -> AsyncIterator[Postgres]:
    pool = quick(Postgres(database, application="tests"))
    yield pool
    await pool.close()


@pytest.fixture
async def postgres(observer: Postgres) -> Postgres:
    """The database, empty."""
    await empty(observer)
    return observer


@pytest.fixture
async def harness(code_pool: FaultyPostgres, postgres: Postgres) -> OrdersHarness:
    return OrdersHarness(code_pool, postgres)


@pytest.fixture
def fresh(code_pool: FaultyPostgres, observer: Postgres) -> Fresh:
    """New harnesses within one test, each on an empty database."""

    async def make() -> OrdersHarness:
        await empty(observer)
        return OrdersHarness(code_pool, observer)

    return make


@pytest.fixture(scope="session")
async def api_settings(engines: Any) -> OrdersSettings:
    """Of a service on a database of its own, since its resume job takes what it finds there."""
    settings = OrdersSettings(
        database=DatabaseSettings(url=engines.postgres_url("orders_api"), pool_size=8, timeout=PATIENCE),
        redis=RedisSettings(url=engines.redis_url),
        payments=PaymentSettings(provider="sandbox", sandbox_webhook_secret=SecretStr(SANDBOX_SECRET)),
        quota=QuotaSettings(open_orders=0),  # lists are tested with more
        webhooks=WebhookSettings(allow_http=True, allow_private=True, ports=frozenset()),
    )
    await migrate(settings)
    return settings


@pytest.fixture(scope="session")
async def shared_api(api_settings: OrdersSettings) -> AsyncIterator[OrdersApi]:
    async with open_orders_api(api_settings) as api:
        yield api


@pytest.fixture
def api(shared_api: OrdersApi) -> OrdersApi:
    """With customers of its own, whose orders are only those of the test."""
    return shared_api.with_new_customers()


def quick(postgres: AnyPostgres) -> AnyPostgres:
    """Without the ping before each use: nobody restarts the database of these tests."""
    postgres.engine.pool._pre_ping = False
    return postgres


async def rows(postgres: Postgres, query: str, **parameters: Any) -> list[Any]:
    async with postgres.read() as connection:
        return list((await connection.execute(text(query), parameters)).all())


async def empty(postgres: Postgres) -> None:
    async with postgres.read() as connection:
        await connection.execute(text(_EMPTY))
