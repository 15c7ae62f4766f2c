"""The consumer of the event streams that writes deliveries to webhooks."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.events.event import Event
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.postgres.inbox import Inbox
from subgraphs.orders.domain.webhooks import EVENT_TYPES
from subgraphs.orders.store.tables import inbox
from subgraphs.orders.store.webhook_deliveries import WebhookDeliveryStore
from subgraphs.orders.store.webhooks import WebhookStore

CONSUMER = "orders.webhooks"


class DeliveryRecorder:
    """Writes each event once for each webhook that wants it; `wake_up` is called when there are deliveries."""

    def __init__(
        self, *, postgres: Postgres, clock: Callable[[], datetime], wake_up: Callable[[], None]
    ) -> None:
        self._postgres = postgres
        self._clock = clock
        self._wake_up = wake_up
        self._inbox = Inbox(postgres=postgres, table=inbox, consumer=CONSUMER, effect=self._record)

    async def handle(self, event: Event) -> None:
        if event.type not in EVENT_TYPES:
            return
        async with self._postgres.read() as connection:
            wanted = await WebhookStore(connection).subscribed_to(event.type)
        if wanted:  # most events nobody wants, and those cost no transaction
            await self._inbox.handle(event)
            self._wake_up()

    async def _record(self, connection: AsyncConnection, event: Event) -> None:
        wanted = await WebhookStore(connection).subscribed_to(event.type)
        await WebhookDeliveryStore(connection).add(
            wanted, message_id=event.id, event_type=event.type, body=event.to_json(), now=self._clock()
        )
