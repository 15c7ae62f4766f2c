"""Settings of the products service, prefix `PRODUCTS_`."""

from datetime import timedelta
from typing import ClassVar

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from subgraphs.kit.settings import DatabaseSettings, Duration, Section, ServerSettings, ServiceSettings


class StockSettings(Section):
    """How holds are looked after; `PRODUCTS_STOCK_…`."""

    sweep_every: Duration = Field(timedelta(seconds=2), description="Between two looks for expired holds.")
    stale_after: Duration = Field(
        timedelta(seconds=30),
        description="After this long without progress, an unfinished reservation is finished by the sweeper.",
    )
    audit_every: Duration = Field(
        timedelta(minutes=1), description="Between two looks for holds that belong to no live reservation."
    )


class ProductsSettings(ServiceSettings):
    prefix: ClassVar[str] = "PRODUCTS"
    default_database: ClassVar[str] = "mongodb:products"

    model_config = SettingsConfigDict(env_prefix="PRODUCTS_")

    server: ServerSettings = ServerSettings(port=4002, grpc_port=5002)
    database: DatabaseSettings = DatabaseSettings(url="mongodb://127.0.0.1:27017/products")
    stock: StockSettings = StockSettings()
