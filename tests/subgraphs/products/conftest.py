"""A migrated database, the services over it, and the subgraph as clients meet it, with real tokens."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pymongo import monitoring
from redis.asyncio import Redis

from subgraphs.kit.auth.tokens import TokenVerifier
from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.graphql.app import create_app
from subgraphs.kit.mongo.client import Database, Mongo
from subgraphs.kit.redis.client import create_redis
from subgraphs.kit.settings import DatabaseSettings, JwtSettings, RedisSettings, ServerSettings
from subgraphs.products.domain.catalogue import MANAGE_PRODUCTS, Product
from subgraphs.products.graphql.context import context_factory
from subgraphs.products.graphql.schema import schema
from subgraphs.products.migrations import migrate_database
from subgraphs.products.service.categories import CategoryService
from subgraphs.products.service.products import ProductService

MANAGER = Viewer(user_id="manager", role="ADMIN", permissions=frozenset({MANAGE_PRODUCTS}))


class Commands(monitoring.CommandListener):
    """The commands that the driver sent, in their order."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.sent.append(event.command_name)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


@pytest.fixture(scope="module")
def commands() -> Commands:
    return Commands()


@pytest.fixture(scope="module")
async def database(engines, commands: Commands) -> AsyncIterator[Database]:
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
def categories(database: Database) -> CategoryService:
    return CategoryService(database)


@pytest.fixture(scope="module")
def products(database: Database, categories: CategoryService) -> ProductService:
    return ProductService(database, categories)


@pytest.fixture(scope="module")
def manager() -> Viewer:
    return MANAGER


@pytest.fixture
async def empty(database: Database) -> None:
    """Nothing in the catalogue, no reservation."""
    for name in ("products", "categories", "reservations"):
        await database[name].delete_many({})


Make = Callable[..., Awaitable[Product]]


@pytest.fixture(scope="module")
def make(products: ProductService, manager: Viewer) -> Make:
    """Create a product; what does not matter to the test has a default."""

    async def create(name: str = "Enamel Mug", *, price: str = "12.50", **fields: Any) -> Product:
        return await products.create(manager, name=name, price=Decimal(price), **fields)

    return create


@dataclass
class Client:
    """GraphQL against the subgraph's ASGI application, by accounts whose tokens are really signed."""

    http: httpx.AsyncClient
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    def token(self, *permissions: str, key: Ed25519PrivateKey | None = None, expires_in: int = 600) -> str:
        now = int(time.time())
        claims = {
            "iss": "supergraph",
            "aud": "supergraph",
            "sub": "u1",
            "role": "USER",
            "jti": "t1",
            "sid": "s1",
        }
        times = {"iat": now - 60, "nbf": now - 60, "exp": now + expires_in}
        headers = {"kid": "k1", "typ": "at+jwt"}
        body = {**claims, **times, "perms": list(permissions)}
        return jwt.encode(body, key or self.key, algorithm="EdDSA", headers=headers)

    async def post(self, query: str, token: str | None = None, **variables: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        body = {"query": query, "variables": variables}
        return await self.http.post("/graphql", json=body, headers=headers)

    async def run(self, query: str, token: str | None = None, **variables: Any) -> Any:
        """The data of an operation that must succeed."""
        answer = (await self.post(query, token, **variables)).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def error(self, query: str, token: str | None = None, **variables: Any) -> Any:
        """The one error of an operation that must fail."""
        answer = (await self.post(query, token, **variables)).json()
        assert len(answer.get("errors", ())) == 1, answer
        return answer["errors"][0]

    async def manage(self, query: str, **variables: Any) -> Any:
        """As an account with MANAGE_PRODUCTS."""
        return await self.run(query, self.token(MANAGE_PRODUCTS), **variables)


@pytest.fixture(scope="module")
async def client(products: ProductService, categories: CategoryService) -> AsyncIterator[Client]:
    key = Ed25519PrivateKey.generate()

    class Keys:
        async def key(self, kid: str) -> Ed25519PublicKey | None:
            return key.public_key() if kid == "k1" else None

    app = create_app(
        service="products",
        settings=ServerSettings(),
        schema=schema,
        verifier=TokenVerifier(Keys(), JwtSettings()),
        make_context=context_factory(products, categories),
        checks={},
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://products") as http:
        yield Client(http, key)
