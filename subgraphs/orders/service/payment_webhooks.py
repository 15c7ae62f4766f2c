"""What payment providers tell of their own accord: kept at once, worked off later."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from subgraphs.kit.errors import NotFound
from subgraphs.kit.logs import get_logger
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain.payments import PaymentEvent
from subgraphs.orders.payments.provider import PaymentProvider
from subgraphs.orders.saga import Saga
from subgraphs.orders.store.payment_events import PaymentEventStore
from subgraphs.orders.store.payments import PaymentStore

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentWebhooks:
    postgres: Postgres
    saga: Saga
    provider: PaymentProvider | None
    clock: Callable[[], datetime]
    wake_up: Callable[[], None]
    """Called when there is an event to work off."""

    async def receive(self, provider: str, body: bytes, headers: Mapping[str, str]) -> bool:
        """Keep the event of a webhook; whether it is a new one, since providers send until they are answered.

        Raises NotFound for a provider that is not set up here, BadWebhook.
        """
        if self.provider is None or self.provider.name != provider:
            raise NotFound("There is no such payment provider here.")
        told = self.provider.webhook(body, headers)
        event = PaymentEvent(
            provider=provider,
            event_id=told.id,
            type=told.type,
            reference=told.reference,
            received_at=self.clock(),
        )
        async with self.postgres.unit_of_work() as connection:
            new = await PaymentEventStore(connection).insert(event)
        if new:
            self.wake_up()
        return new

    async def work_off(self, event: PaymentEvent) -> None:
        """Act on an event. Raises Unavailable.

        What it says is not believed: the provider is asked what is so now. Hence the order in which events
        come does not matter, nor how often.
        """
        payment = None
        if event.reference is not None:
            async with self.postgres.read() as connection:
                payment = await PaymentStore(connection).by_reference(event.provider, event.reference)
        if payment is not None:
            await self.saga.reconcile(payment)
        async with self.postgres.unit_of_work() as connection:
            await PaymentEventStore(connection).done(event)
        log.info("payment_event", type=event.type, order_id=None if payment is None else payment.order_id)
