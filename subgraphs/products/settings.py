"""Settings of the products service, prefix `PRODUCTS_`."""

from datetime import timedelta
from typing import ClassVar

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from subgraphs.kit.settings import DatabaseSettings, Duration, Section, ServerSettings, ServiceSettings


class StockSettings(Section):
    """How reservations are looked after; `PRODUCTS_STOCK_…`."""

    max_holds: int = Field(
        10_000,
        ge=1,
        le=50_000,
        description="Orders for which one product is held at once, as a document of MongoDB is bounded (about 150 "
        "bytes each of its 16 MB). One more is refused, and may be placed again.",
    )
    sweep_every: Duration = Field(timedelta(seconds=2), description="Between two looks for expired holds.")
    stale_after: Duration = Field(
        timedelta(seconds=30),
        description="After this long without progress, an unfinished reservation is finished by the sweep.",
    )
    audit_every: Duration = Field(
        timedelta(minutes=1), description="Between two looks for holds that belong to no live reservation."
    )
    keep_released: Duration = Field(
        timedelta(days=7),
        ge=timedelta(hours=1),
        description="How long a released reservation is kept: it refuses a reserve that comes late. Also the "
        "longest hold, since a reserve that is later than its own expiry holds nothing.",
    )
    keep_sold: Duration = Field(
        timedelta(days=400),
        ge=timedelta(days=1),
        description="How long a committed or restocked reservation is kept. An order that is cancelled later "
        "does not put its units back.",
    )
    keep_movements: Duration = Field(
        timedelta(days=400), ge=timedelta(days=1), description="How long it is kept what moved the stock."
    )
    purge_every: Duration = Field(
        timedelta(minutes=10),
        description="Between two looks for reservations and movements that are past their time.",
    )


class ImageSettings(Section):
    """What is taken as an image of a product; `PRODUCTS_IMAGES_…`."""

    max_bytes: int = Field(
        8 * 1024 * 1024, ge=1024, description="Of an uploaded file. The edge and the router have limits, too."
    )
    max_pixels: int = Field(
        40_000_000, ge=10_000, description="Width times height, read before anything is decoded."
    )
    per_product: int = Field(12, ge=1, le=100, description="Images that one product may have.")
    workers: int = Field(2, ge=1, description="Processes that decode at once.")
    max_memory_bytes: int = Field(
        1024**3, ge=256 * 1024**2, description="Of the address space of each such process."
    )
    timeout: Duration = Field(
        timedelta(seconds=8), gt=timedelta(0), description="To decode a file and write it in all sizes."
    )
    sweep_every: Duration = Field(
        timedelta(minutes=5), description="Between two looks for files that no product shows."
    )
    abandoned_after: Duration = Field(
        timedelta(minutes=15),
        ge=timedelta(minutes=1),
        description="After this long an upload, or a removal, that was not finished is cleared away.",
    )


class CacheSettings(Section):
    """Products by id, as orders and other services show them, in Redis; `PRODUCTS_CACHE_…`."""

    fresh: Duration = Field(
        timedelta(seconds=2),
        ge=timedelta(0),
        le=timedelta(seconds=30),
        description="How long a product is shown as it was read; 0 turns the cache off. Edits show at once, units that "
        "orders take or give back no later than this.",
    )
    missing: Duration = Field(
        timedelta(seconds=1),
        ge=timedelta(0),
        le=timedelta(seconds=30),
        description="How long it is believed that no product has an id.",
    )


class ProductsSettings(ServiceSettings):
    prefix: ClassVar[str] = "PRODUCTS"
    default_database: ClassVar[str] = "mongodb:products"

    model_config = SettingsConfigDict(env_prefix="PRODUCTS_")

    server: ServerSettings = ServerSettings(port=4002, grpc_port=5002)
    database: DatabaseSettings = DatabaseSettings(url="mongodb://127.0.0.1:27017/products")
    stock: StockSettings = StockSettings()
    images: ImageSettings = ImageSettings()
    cache: CacheSettings = CacheSettings()
