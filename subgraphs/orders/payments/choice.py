"""The payment provider that the settings choose."""

import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from subgraphs.kit.background import Job
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.payments.provider import PaymentProvider
from subgraphs.orders.payments.sandbox import SandboxProvider
from subgraphs.orders.payments.sandbox_webhooks import SandboxWebhooks
from subgraphs.orders.settings import PaymentSettings


@dataclass(frozen=True, slots=True)
class Choice:
    """`provider` is None where nothing can be paid; `jobs` are its own."""

    provider: PaymentProvider | None
    jobs: Sequence[Job] = ()


@asynccontextmanager
async def open_provider(
    settings: PaymentSettings, *, postgres: Postgres, clock: Callable[[], datetime]
) -> AsyncIterator[Choice]:
    """The provider that `settings` name, for as long as the body runs."""
    match settings.provider:
        case "sandbox":
            secret = settings.sandbox_webhook_secret.get_secret_value() or secrets.token_urlsafe(32)
            webhooks = SandboxWebhooks(secret=secret, url=settings.sandbox_webhook_url, clock=clock)
            jobs = [webhooks.job] if settings.sandbox_webhook_url else []
            yield Choice(SandboxProvider(postgres=postgres, webhooks=webhooks), jobs)
        case "stripe":
            # 36 MB and a fifth of a second, which only who is paid through Stripe should spend.
            from subgraphs.orders.payments.stripe import open_stripe  # noqa: PLC0415

            async with open_stripe(settings) as provider:
                yield Choice(provider)
        case _:
            yield Choice(None)
