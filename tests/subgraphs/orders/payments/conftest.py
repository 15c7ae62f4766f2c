"""Stripe's double, listening on a port of this machine, and the adapter that asks it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from pydantic import SecretStr

from deploy.local.ports import Ports
from subgraphs.orders.payments.stripe import StripeProvider, open_stripe
from subgraphs.orders.settings import PaymentSettings
from tests.subgraphs.orders.orders_api import listening
from tests.subgraphs.orders.payments.stripe_double import KEY, WEBHOOK_SECRET, StripeDouble


@dataclass(frozen=True)
class Stripe:
    double: StripeDouble
    provider: StripeProvider
    url: str


def settings(url: str, *, key: str = KEY, seconds: float = 5) -> PaymentSettings:
    return PaymentSettings(
        provider="stripe",
        stripe_key=SecretStr(key),
        stripe_webhook_secret=SecretStr(WEBHOOK_SECRET),
        stripe_url=url,
        timeout=timedelta(seconds=seconds),
    )


@pytest.fixture
async def stripe() -> AsyncIterator[Stripe]:
    double, port = StripeDouble(), Ports().free()
    url = f"http://127.0.0.1:{port}"
    async with listening(double.app, port), open_stripe(settings(url)) as provider:
        yield Stripe(double, provider, url)
        double.released.set()
