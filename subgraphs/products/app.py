"""Composition root of the products service: the only place that builds clients and wires them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from starlette.types import ASGIApp

from subgraphs.kit.auth.remote_keys import remote_keys
from subgraphs.kit.auth.revocations import RedisRevocations
from subgraphs.kit.auth.tokens import TokenVerifier
from subgraphs.kit.background import Job, running
from subgraphs.kit.graphql.app import create_app
from subgraphs.kit.grpc.server import serving
from subgraphs.kit.mongo.client import Mongo
from subgraphs.kit.mongo.outbox import DocumentRelay
from subgraphs.kit.redis.client import create_redis
from subgraphs.products import rpc
from subgraphs.products.graphql.context import context_factory
from subgraphs.products.graphql.schema import schema
from subgraphs.products.service.categories import CategoryService
from subgraphs.products.service.inventory import InventoryService
from subgraphs.products.service.products import ProductService
from subgraphs.products.service.sweeper import Sweeper
from subgraphs.products.settings import ProductsSettings


@asynccontextmanager
async def open_app(settings: ProductsSettings) -> AsyncIterator[ASGIApp]:
    """The HTTP application; gRPC, relay and sweeper run as long as it is open."""
    async with AsyncExitStack() as stack:
        mongo = Mongo(settings.database, application="products")
        stack.callback(mongo.close)
        redis = create_redis(settings.redis)
        stack.push_async_callback(redis.aclose)
        keys = await stack.enter_async_context(remote_keys(settings))
        revocations = RedisRevocations(redis)

        relay = DocumentRelay(mongo.database, redis, ["products", "reservations"])
        categories = CategoryService(mongo.database)
        products = ProductService(mongo.database, categories, notify=relay.wake_up)
        inventory = InventoryService(mongo.database, notify=relay.wake_up)

        sweeper = Job(name="sweeper", run_once=Sweeper(inventory, settings.stock).run, every=1)
        await stack.enter_async_context(running(relay.job, sweeper))
        register = rpc.registration(inventory)
        await stack.enter_async_context(serving(settings, services=[rpc.SERVICE], register=register))
        yield create_app(
            service="products",
            settings=settings.server,
            schema=schema,
            verifier=TokenVerifier(keys, settings.jwt, revocations),
            make_context=context_factory(products, categories),
            checks={"mongo": mongo.ping, "redis": redis.ping},
        )
