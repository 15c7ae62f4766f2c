"""A process that sends webhooks, to be killed: `python -m tests.subgraphs.orders.webhook_process DATABASE_URL`."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta

from subgraphs.kit.background import running
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.settings import DatabaseSettings
from subgraphs.orders.jobs.webhooks import DeliverWebhooks
from subgraphs.orders.settings import WebhookSettings
from subgraphs.orders.webhooks.sender import WebhookSender
from tests.subgraphs.orders.orders_harness import ANY_URL


async def main(database_url: str) -> None:
    postgres = Postgres(DatabaseSettings(url=database_url, pool_size=2), application="sender")
    async with WebhookSender(ANY_URL, timeout=timedelta(seconds=60)) as sender:
        deliver = DeliverWebhooks(
            postgres=postgres, sender=sender, settings=WebhookSettings(), clock=lambda: datetime.now(UTC)
        )
        async with running(deliver.job):
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
