"""Settings of the orders service, prefix `ORDERS_`."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from subgraphs.kit.settings import DatabaseSettings, Duration, ServerSettings, ServiceSettings


class OrdersSettings(ServiceSettings):
    prefix = "ORDERS"
    default_database = "postgresql:orders"
    model_config = SettingsConfigDict(env_prefix="ORDERS_")

    server: ServerSettings = ServerSettings(port=4003)
    database: DatabaseSettings = DatabaseSettings(url="postgresql://postgres@127.0.0.1:5432/orders")
    payment_window: Duration = Field(
        timedelta(minutes=30), description="How long stock is held for an unpaid order."
    )
