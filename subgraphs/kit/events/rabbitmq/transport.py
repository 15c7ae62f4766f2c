"""RabbitMQ as a transport of events."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractChannel, AbstractExchange
from aio_pika.exceptions import DeliveryError

from subgraphs.kit.events.rabbitmq.broker import EXCHANGE, RETRY_AFTER, Broker, declare_group, discard
from subgraphs.kit.events.rabbitmq.dead_letters import RabbitDeadLetters
from subgraphs.kit.events.rabbitmq.subscription import RabbitSubscription
from subgraphs.kit.events.spans import publishing
from subgraphs.kit.events.transport import OutgoingEvent
from subgraphs.kit.logs import get_logger
from subgraphs.kit.metrics import EVENTS_PUBLISHED, EVENTS_REFUSED

log = get_logger(__name__)


class RabbitMq:
    """`readers` are, by source, the groups of which each must get what this process publishes.

    An event of a source with readers that reaches no queue is refused, and stays in its outbox; one of a source that
    nobody is known to read goes to whoever happens to.
    """

    system = "rabbitmq"

    def __init__(
        self,
        url: str,
        *,
        readers: Mapping[str, Sequence[str]],
        timeout: timedelta = timedelta(seconds=5),
        retry_after: timedelta = RETRY_AFTER,
    ) -> None:
        self._broker = Broker(url, timeout=timeout)
        self._readers = readers
        self._retry_after = retry_after
        self._timeout = timeout.total_seconds()
        self._channel: AbstractChannel | None = None
        self._exchange: AbstractExchange | None = None

    async def close(self) -> None:
        await self._broker.close()

    async def publish(self, events: Sequence[OutgoingEvent]) -> list[OutgoingEvent]:
        """See Publisher. Each event is confirmed by the broker, which then has it on disk."""
        if not events:
            return []
        exchange = await self._open()
        # Sent one after the other, and confirmed in any order.
        with publishing(events, system=self.system):
            answers = await asyncio.gather(
                *(self._send(exchange, event) for event in events), return_exceptions=True
            )
        taken = []
        for event, answer in zip(events, answers, strict=True):
            if isinstance(answer, DeliveryError):
                EVENTS_REFUSED.labels(event.type).inc()
                log.error("event_refused", event_id=event.id, type=event.type, error=str(answer))
                self._exchange = None  # a queue is gone, perhaps: it is made again at the next attempt
            elif isinstance(answer, BaseException):
                raise answer
            else:
                EVENTS_PUBLISHED.labels(event.type).inc()
                taken.append(event)
        return taken

    async def _open(self) -> AbstractExchange:
        if self._exchange is None or self._channel is None or self._channel.is_closed:
            await discard(self._channel)
            channel = await self._broker.channel()
            try:
                exchange = await channel.declare_exchange(EXCHANGE, "direct", durable=True)
                for source, groups in self._readers.items():
                    for group in groups:
                        await declare_group(channel, source, group)
            except BaseException:
                await discard(channel)
                raise
            self._channel, self._exchange = channel, exchange
        return self._exchange

    async def _send(self, exchange: AbstractExchange, event: OutgoingEvent) -> None:
        message = Message(
            event.envelope.encode(),
            message_id=event.id,
            type=event.type,
            content_type="application/json",
            delivery_mode=DeliveryMode.PERSISTENT,
        )
        mandatory = bool(self._readers.get(event.source))
        await exchange.publish(message, routing_key=event.source, mandatory=mandatory, timeout=self._timeout)

    def subscribe(self, source: str, group: str) -> RabbitSubscription:
        return RabbitSubscription(self._broker, source, group, retry_after=self._retry_after)

    def dead_letters(self) -> RabbitDeadLetters:
        return RabbitDeadLetters(self._broker)
