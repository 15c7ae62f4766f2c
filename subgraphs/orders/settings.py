"""Settings of the orders service, prefix `ORDERS_`."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from subgraphs.kit.errors import ValidationFailed
from subgraphs.kit.money import Amount
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
    payment_events: Duration = Field(
        timedelta(days=30),
        description="Webhooks of payment providers; one that comes again after this time is worked off again.",
    )
    deliveries: Duration = Field(
        timedelta(days=30), description="Deliveries to webhooks with the log of their attempts."
    )
    every: Duration = Field(
        timedelta(minutes=5), gt=timedelta(0), description="How often old records are deleted."
    )


class PaymentSettings(Section):
    """Who takes the money. Without a provider no order can be paid."""

    provider: Literal["", "sandbox", "stripe"] = Field(
        "",
        description="`sandbox` moves no money and pays every order: for development and tests, and never by default.",
    )
    timeout: Duration = Field(
        timedelta(seconds=10), gt=timedelta(0), description="For one call to the provider."
    )
    stripe_key: SecretStr = Field(SecretStr(""), description="Stripe's secret or restricted key.")
    stripe_webhook_secret: SecretStr = Field(
        SecretStr(""), description="Signs the webhooks of the endpoint `/webhooks/payments/stripe`."
    )
    stripe_url: str = Field("https://api.stripe.com", description="Where Stripe's API is.")
    sandbox_webhook_secret: SecretStr = Field(
        SecretStr(""), description="Signs the sandbox's webhooks; by default one that each process makes up."
    )
    sandbox_webhook_url: str = Field(
        "", description="Where the sandbox sends webhooks to; by default it sends none."
    )

    @model_validator(mode="after")
    def _has_its_secrets(self) -> Self:
        secrets = {
            "ORDERS_PAYMENTS_STRIPE_KEY": self.stripe_key,
            "ORDERS_PAYMENTS_STRIPE_WEBHOOK_SECRET": self.stripe_webhook_secret,
        }
        missing = [name for name, secret in secrets.items() if not secret.get_secret_value()]
        if self.provider == "stripe" and missing:
            raise ValueError(f"the provider stripe needs {' and '.join(missing)}, or the same with _FILE")
        return self


class LiveSettings(Section):
    """Following orders, as each process does it."""

    per_account: int = Field(20, ge=1, description="Subscriptions that one account may hold at once.")
    per_process: int = Field(2000, ge=1, description="Subscriptions of all accounts at once.")
    fallback: Duration = Field(
        timedelta(seconds=5),
        gt=timedelta(0),
        description="How often a subscription looks for itself while Redis is away, and whether its session holds.",
    )
    idle_read: Duration = Field(
        timedelta(seconds=60), description="How often it looks for itself while Redis tells of each change."
    )


class QuotaSettings(Section):
    """How much one account may have ordered and not paid. 0 is no limit."""

    open_orders: int = Field(20, ge=0, description="Orders that are not paid.")
    held_units: int = Field(2000, ge=0, description="Units in them, of all products together.")


class WebhookSettings(Section):
    """Telling others of events."""

    most: int = Field(20, ge=0, description="Webhooks that there may be; 0 for none.")
    allow_http: bool = Field(default=False, description="Also URLs without TLS.")
    allow_private: bool = Field(
        default=False,
        description="Also addresses that are not of the public internet, for receivers in one's own network.",
    )
    ports: frozenset[int] = Field(
        frozenset({443, 8443}), description="Of the URLs; an empty list is any, a list is JSON: [443]."
    )
    timeout: Duration = Field(
        timedelta(seconds=10), gt=timedelta(0), description="For one attempt, from the name to the answer."
    )
    max_attempts: int = Field(10, ge=1, description="To send one delivery, over 30 hours with these pauses.")
    first_pause: Duration = Field(
        timedelta(seconds=5),
        gt=timedelta(0),
        description="After the first failure; four times as long each time.",
    )
    longest_pause: Duration = Field(
        timedelta(hours=8), gt=timedelta(0), description="Where that growth ends."
    )
    disable_after: Duration = Field(
        timedelta(days=5), description="A webhook is disabled after this time of nothing but failures."
    )
    overlap: Duration = Field(
        timedelta(days=1), description="For how long a replaced secret signs beside the new one."
    )


class ShippingRateSettings(Section):
    """One row of the table of shipping costs; the most exact one that fits an order counts."""

    method: str | None = Field(None, description="As customers name it; none fits any and no method.")
    country: str | None = Field(None, description="As customers name it; none fits any and no country.")
    costs: dict[str, Decimal] = Field(min_length=1, description="By currency (ISO 4217), in major units.")

    @field_validator("costs")
    @classmethod
    def _are_amounts(cls, costs: dict[str, Decimal]) -> dict[str, Decimal]:
        for currency, cost in costs.items():
            try:
                Amount.parse(cost, currency, field="cost")
            except ValidationFailed as error:
                raise ValueError(error.message) from error
        return costs


class OrdersSettings(ServiceSettings):
    prefix = "ORDERS"
    default_database = "postgresql:orders"
    model_config = SettingsConfigDict(env_prefix="ORDERS_")

    server: ServerSettings = ServerSettings(port=4003)
    database: DatabaseSettings = DatabaseSettings(url="postgresql://postgres@127.0.0.1:5432/orders")
    payment_window: Duration = Field(
        timedelta(minutes=30), description="How long stock is held for an unpaid order."
    )
    shipping_rates: tuple[ShippingRateSettings, ...] = Field(
        (), description="What shipping costs by method and country; without any it is free."
    )
    payments: PaymentSettings = PaymentSettings()
    quota: QuotaSettings = QuotaSettings()
    state_cache: Duration = Field(
        timedelta(seconds=30),
        ge=timedelta(0),
        description="How long the state of an order is kept in Redis for those who poll; 0 turns that off.",
    )
    retention: RetentionSettings = RetentionSettings()
    live: LiveSettings = LiveSettings()
    webhooks: WebhookSettings = WebhookSettings()

    def unsafe(self) -> Iterable[tuple[str, str]]:
        if self.payments.provider == "sandbox":
            yield "payments_provider", "the sandbox pays every order and moves no money; name another"
