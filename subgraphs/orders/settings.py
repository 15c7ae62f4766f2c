"""Settings of the orders service, prefix `ORDERS_`."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from subgraphs.kit.settings import DatabaseSettings, Duration, Section, ServerSettings, ServiceSettings


class RetentionSettings(Section):
    """For how long records are kept after they have served their purpose."""

    keys: Duration = Field(
        timedelta(days=7),
        description="A request that is sent again with its idempotency key after this time is a new request.",
    )
    charges: Duration = Field(
        timedelta(days=30),
        description="Charges of the sandbox payment provider; one that an order may still need is kept.",
    )
    every: Duration = Field(
        timedelta(minutes=5), gt=timedelta(0), description="How often old records are deleted."
    )


class OrdersSettings(ServiceSettings):
    prefix = "ORDERS"
    default_database = "postgresql:orders"
    model_config = SettingsConfigDict(env_prefix="ORDERS_")

    server: ServerSettings = ServerSettings(port=4003)
    database: DatabaseSettings = DatabaseSettings(url="postgresql://postgres@127.0.0.1:5432/orders")
    payment_window: Duration = Field(
        timedelta(minutes=30), description="How long stock is held for an unpaid order."
    )
    retention: RetentionSettings = RetentionSettings()
