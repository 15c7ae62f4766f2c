"""Membership of a group, as a consumer of its queue."""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import ChannelClosed

from subgraphs.kit.events.rabbitmq.broker import (
    Broker,
    dead_letters_of,
    declare_dead_letters,
    declare_group,
    discard,
    queue_of,
    retry_queue_of,
)
from subgraphs.kit.events.transport import Backlog, Delivery
from subgraphs.kit.ids import new_id

_PREFETCH = 50
_WAIT = 1.0
_ATTEMPTS = "x-attempts"


class RabbitSubscription:
    """Takes one event at a time until a fresh one was settled, then up to a prefetch of them.

    RabbitMQ counts a delivery to all that a process had taken when it died. So what takes its process with it is alone
    in having its deliveries counted.
    """

    def __init__(self, broker: Broker, source: str, group: str, *, retry_after: timedelta) -> None:
        self._broker = broker
        self._source, self._group = source, group
        self._retry_after = retry_after
        self._channel: AbstractChannel | None = None
        self._queue: AbstractQueue | None = None
        self._consumer_tag = ""
        self._prefetch = 1
        self._arrived: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        self._held: dict[str, AbstractIncomingMessage] = {}

    async def receive(self) -> Sequence[Delivery]:
        if self._channel is None or self._channel.is_closed:
            await self._open()
        messages = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_WAIT):
                messages.append(await self._arrived.get())
        while not self._arrived.empty():
            messages.append(self._arrived.get_nowait())
        self._held = {str(message.delivery_tag): message for message in messages}
        return [
            Delivery(tag, message.body.decode(errors="replace"), _attempts(message))
            for tag, message in self._held.items()
        ]

    async def _open(self) -> None:
        # What an earlier channel had delivered goes to whoever is next.
        self._arrived, self._held, self._prefetch = asyncio.Queue(), {}, 1
        await self.close()
        self._channel = await self._broker.channel()
        try:
            self._queue = await declare_group(self._channel, self._source, self._group)
            await self._consume()
        except BaseException:
            await self.close()
            raise

    async def _consume(self) -> None:
        assert self._channel is not None  # noqa: S101 - opened by the caller
        assert self._queue is not None  # noqa: S101 - same
        await self._channel.set_qos(prefetch_count=self._prefetch)
        self._consumer_tag = await self._queue.consume(self._arrived.put)

    async def acknowledge(self, delivery: Delivery) -> None:
        await self._held.pop(delivery.tag).ack()
        if delivery.attempts == 1 and self._prefetch == 1 and self._queue is not None:
            # A prefetch holds for consumers that begin after it.
            await self._queue.cancel(self._consumer_tag)
            self._prefetch = _PREFETCH
            await self._consume()

    async def postpone(self, delivery: Delivery, *, counted: bool) -> None:
        """It waits in the retry queue, from where it comes back to the group's when it has expired."""
        attempts = delivery.attempts if counted else delivery.attempts - 1
        await self._move(
            delivery,
            retry_queue_of(self._source, self._group),
            headers={_ATTEMPTS: attempts},
            expiration=self._retry_after,
        )

    async def bury(self, delivery: Delivery, reason: str) -> None:
        headers = {"group": self._group, "reason": reason}
        await self._move(delivery, dead_letters_of(self._source), headers=headers)

    async def _move(
        self, delivery: Delivery, queue: str, *, headers: Any, expiration: timedelta | None = None
    ) -> None:
        """First there, confirmed, then gone from here: a crash in between leaves it twice and never nowhere."""
        assert self._channel is not None  # noqa: S101 - it was delivered by it
        message = Message(
            self._held[delivery.tag].body,
            headers=headers,
            expiration=expiration,
            message_id=new_id(),
            content_type="application/json",
            delivery_mode=DeliveryMode.PERSISTENT,
        )
        await self._channel.default_exchange.publish(message, routing_key=queue)
        await self._held.pop(delivery.tag).ack()

    async def backlog(self) -> Backlog:
        """What waits to be tried again counts as pending, like what this process has taken."""
        try:
            channel = await self._broker.channel()
            try:
                ready = await self._count(channel, queue_of(self._source, self._group))
                waiting = await self._count(channel, retry_queue_of(self._source, self._group))
                dead = await declare_dead_letters(channel, self._source)
            finally:
                await channel.close()
        except ChannelClosed:
            # A queue is gone, and our consumer with it, of which nobody was told.
            await self.close()
            raise
        taken = len(self._held) + self._arrived.qsize()
        return Backlog(waiting + taken, ready, dead.declaration_result.message_count or 0)

    @staticmethod
    async def _count(channel: AbstractChannel, queue: str) -> int:
        found = await channel.declare_queue(queue, passive=True)
        return found.declaration_result.message_count or 0

    async def close(self) -> None:
        await discard(self._channel)


def _attempts(message: AbstractIncomingMessage) -> int:
    """Counts this delivery, those that ended with the process that had it, and those that failed."""
    counts = [message.headers.get(name) for name in (_ATTEMPTS, "x-delivery-count")]
    return 1 + sum(count for count in counts if isinstance(count, int))
