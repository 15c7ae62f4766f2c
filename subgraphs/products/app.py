"""Composition root of the products service: the only place that builds clients and wires them."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from redis.asyncio import Redis
from starlette.types import ASGIApp

from subgraphs.kit.auth.remote_keys import remote_keys
from subgraphs.kit.auth.revocations import RedisRevocations
from subgraphs.kit.auth.tokens import TokenVerifier
from subgraphs.kit.background import WakeUp, running
from subgraphs.kit.events.connect import open_transport
from subgraphs.kit.events.transport import Publisher
from subgraphs.kit.graphql.app import create_app
from subgraphs.kit.graphql.context import RequestInfo
from subgraphs.kit.grpc.credentials import expiry_job
from subgraphs.kit.grpc.server import serving
from subgraphs.kit.loop_lag import loop_lag_job
from subgraphs.kit.mongo.atomicity import check_conditional_updates
from subgraphs.kit.mongo.client import Database, Mongo, utc_now
from subgraphs.kit.mongo.migrations import wait_for_server
from subgraphs.kit.mongo.outbox import DocumentRelay
from subgraphs.kit.redis.client import create_redis
from subgraphs.products import migrations
from subgraphs.products.domain.events import READERS, SOURCE
from subgraphs.products.graphql.context import ProductsContext
from subgraphs.products.graphql.loaders import Loaders
from subgraphs.products.graphql.schema import schema
from subgraphs.products.grpc import server as inventory_server
from subgraphs.products.http.images import image_routes
from subgraphs.products.images.processor import ImageProcessor
from subgraphs.products.jobs.categories import category_jobs
from subgraphs.products.jobs.images import image_jobs
from subgraphs.products.jobs.search import search_jobs
from subgraphs.products.jobs.stock import measurement_job, movement_jobs, stock_jobs
from subgraphs.products.service.categories import CategoryService
from subgraphs.products.service.category_resolution import CategoryResolution
from subgraphs.products.service.category_tree import CategoryTree
from subgraphs.products.service.drawn_pictures import DrawnPictures
from subgraphs.products.service.exports import ProductExport
from subgraphs.products.service.images import ImageService
from subgraphs.products.service.imports import ProductImport
from subgraphs.products.service.inventory import InventoryService
from subgraphs.products.service.movements import StockMovements
from subgraphs.products.service.product_lists import ProductListService
from subgraphs.products.service.products import ProductService
from subgraphs.products.service.reconciliation import Reconciliation
from subgraphs.products.service.reservation_steps import ReservationSteps
from subgraphs.products.service.search import SearchService
from subgraphs.products.service.search_index import SearchIndexing
from subgraphs.products.service.upkeep import StockUpkeep
from subgraphs.products.settings import CacheSettings, ImageSettings, ProductsSettings, StockSettings
from subgraphs.products.store.categories import CategoryStore
from subgraphs.products.store.category_changes import CategoryChangeStore
from subgraphs.products.store.category_products import CategoryProductStore
from subgraphs.products.store.drift import DriftStore
from subgraphs.products.store.holds import HoldStore
from subgraphs.products.store.hot_products import HotProducts
from subgraphs.products.store.images import ImageStore
from subgraphs.products.store.movements import MovementStore
from subgraphs.products.store.outdating import OutdatingPublisher
from subgraphs.products.store.product_cache import ProductCache
from subgraphs.products.store.product_lists import ProductListStore
from subgraphs.products.store.products import ProductStore
from subgraphs.products.store.reservations import ReservationStore
from subgraphs.products.store.search import SearchStore
from subgraphs.products.store.search_index import SearchIndexStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The use cases over one database. Without a cache there are no `hot_products`, and the store is read."""

    categories: CategoryService
    category_tree: CategoryTree
    products: ProductService
    product_lists: ProductListService
    search: SearchService
    search_indexing: SearchIndexing
    images: ImageService
    inventory: InventoryService
    upkeep: StockUpkeep
    movements: StockMovements
    reconciliation: Reconciliation
    hot_products: HotProducts | None

    def make_context(self, request: RequestInfo) -> ProductsContext:
        """The context of one operation, with loaders of its own."""
        loaders = Loaders(
            product_lists=self.product_lists,
            categories=self.categories,
            movements=self.movements,
        )
        return ProductsContext(
            request=request,
            products=self.products,
            product_lists=self.product_lists,
            search=self.search,
            categories=self.categories,
            category_tree=self.category_tree,
            images=self.images,
            loaders=loaders,
        )


def build_services(
    database: Database,
    *,
    settings: StockSettings,
    images: ImageSettings,
    wake_up: Callable[[], None],
    catalogue_changed: Callable[[], None] = lambda: None,
    clock: Callable[[], datetime] = utc_now,
    after_write: Callable[[str], None] = lambda _: None,
    cache: ProductCache | None = None,
) -> Services:
    """`wake_up` is called after an event was written, `catalogue_changed` after a product was.

    `after_write` is called with the name of each step of a reservation or of an image's.
    """
    category_store = CategoryStore(database)
    categories = CategoryService(store=category_store, clock=clock)

    def product_changed() -> None:
        wake_up()
        catalogue_changed()

    products = ProductStore(database, wake_up=product_changed, cache=cache)
    hot_products = None if cache is None else HotProducts(products, cache)
    read_many = products.get_many if hot_products is None else hot_products.get_many
    steps = ReservationSteps(
        holds=HoldStore(database, max_holds=settings.max_holds),
        reservations=ReservationStore(database, wake_up=wake_up),
        clock=clock,
        after_write=after_write,
    )
    return Services(
        categories=categories,
        category_tree=CategoryTree(
            store=category_store,
            changes=CategoryChangeStore(database),
            products=CategoryProductStore(database, catalogue_changed=catalogue_changed),
            clock=clock,
        ),
        products=ProductService(store=products, read_many=read_many, categories=categories, clock=clock),
        product_lists=ProductListService(store=ProductListStore(database), categories=categories),
        search=SearchService(store=SearchStore(database), products=products, categories=categories),
        search_indexing=SearchIndexing(
            store=SearchIndexStore(database), categories=category_store, clock=clock
        ),
        images=ImageService(
            products=products,
            store=ImageStore(database),
            render=ImageProcessor(images).render,
            max_bytes=images.max_bytes,
            per_product=images.per_product,
            clock=clock,
            after_write=after_write,
        ),
        inventory=InventoryService(steps=steps, longest_hold=settings.keep_released),
        upkeep=StockUpkeep(steps=steps),
        reconciliation=Reconciliation(
            store=DriftStore(database), steps=steps, settled_for=settings.stale_after
        ),
        movements=StockMovements(store=MovementStore(database), clock=clock, after_write=after_write),
        hot_products=hot_products,
    )


@asynccontextmanager
async def open_mongo(settings: ProductsSettings) -> AsyncIterator[Mongo]:
    mongo = Mongo(settings.database, application="products")
    try:
        yield mongo
    finally:
        mongo.close()


async def migrate(settings: ProductsSettings) -> None:
    """Bring the database up to date; waits for a server that is still starting."""
    async with open_mongo(settings) as mongo:
        await migrations.migrate(mongo)


def build_import(
    database: Database, *, only_missing: bool, clock: Callable[[], datetime] = utc_now
) -> ProductImport:
    """One run over one file; the events that it writes are published by the running service."""
    products = ProductStore(database, wake_up=WakeUp())
    return ProductImport(
        products=products,
        categories=CategoryResolution(store=CategoryStore(database), clock=clock),
        pictures=DrawnPictures(products=products, images=ImageStore(database), clock=clock),
        clock=clock,
        only_missing=only_missing,
    )


@asynccontextmanager
async def open_import(settings: ProductsSettings, only_missing: bool) -> AsyncIterator[ProductImport]:  # noqa: FBT001 - the one thing to choose
    async with open_mongo(settings) as mongo:
        yield build_import(mongo.database, only_missing=only_missing)


def build_export(database: Database) -> ProductExport:
    return ProductExport(
        products=ProductStore(database, wake_up=WakeUp()), categories=CategoryStore(database)
    )


@asynccontextmanager
async def open_export(settings: ProductsSettings) -> AsyncIterator[ProductExport]:
    async with open_mongo(settings) as mongo:
        yield build_export(mongo.database)


def _cache(redis: Redis, settings: CacheSettings) -> ProductCache | None:
    return ProductCache(redis, fresh=settings.fresh, missing=settings.missing) if settings.fresh else None


@asynccontextmanager
async def open_reconciliation(settings: ProductsSettings) -> AsyncIterator[Reconciliation]:
    """What the `stock` command works with; the events that it writes are published by the running service."""
    async with open_mongo(settings) as mongo:
        services = build_services(
            mongo.database, settings=settings.stock, images=settings.images, wake_up=WakeUp()
        )
        yield services.reconciliation


@asynccontextmanager
async def open_app(settings: ProductsSettings) -> AsyncIterator[ASGIApp]:
    """The HTTP application; gRPC, relay and jobs run as long as it is open.

    Raises StartError where the server stays away, or cannot be trusted with stock.
    """
    async with AsyncExitStack() as stack:
        mongo = await stack.enter_async_context(open_mongo(settings))
        await wait_for_server(mongo)
        await check_conditional_updates(mongo.database)
        redis = create_redis(settings.redis)
        stack.push_async_callback(redis.aclose)
        keys = await stack.enter_async_context(remote_keys(settings))
        revocations = RedisRevocations(redis)

        publisher: Publisher = await stack.enter_async_context(
            open_transport(settings, redis, readers={SOURCE: READERS})
        )
        cache = _cache(redis, settings.cache)
        if cache is not None:
            publisher = OutdatingPublisher(publisher, cache)
        relay = DocumentRelay(mongo.database, publisher, ["products", "reservations"])
        catalogue_changed = WakeUp()
        services = build_services(
            mongo.database,
            settings=settings.stock,
            images=settings.images,
            wake_up=relay.wake_up,
            catalogue_changed=catalogue_changed,
            cache=cache,
        )
        if services.hot_products is not None:
            stack.push_async_callback(services.hot_products.settle)
        jobs = (
            *stock_jobs(services.upkeep, settings.stock),
            *movement_jobs(services.movements, settings.stock),
            *category_jobs(services.category_tree),
            *image_jobs(services.images, settings.images),
            *search_jobs(services.search_indexing, wake=catalogue_changed),
        )
        measuring = (
            relay.measuring,
            measurement_job(services.reconciliation),
            loop_lag_job(),
            expiry_job(settings.services),
        )
        await stack.enter_async_context(running(relay.job, *jobs, *measuring))
        register = inventory_server.registration(services.inventory)
        await stack.enter_async_context(
            serving(settings, services=[inventory_server.SERVICE], register=register)
        )
        yield create_app(
            service="products",
            settings=settings.server,
            schema=schema,
            verifier=TokenVerifier(keys, settings.jwt, revocations),
            make_context=services.make_context,
            add_routes=image_routes(services.images),
            max_file_bytes=settings.images.max_bytes,
            checks={"mongo": mongo.ping, "redis": redis.ping},
        )
