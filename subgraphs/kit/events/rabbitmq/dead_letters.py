"""The dead letters of a source: a queue that is looked at by taking all that is in it, and returning it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from subgraphs.kit.events.rabbitmq.broker import Broker, declare_dead_letters, queue_of
from subgraphs.kit.events.transport import DeadLetter
from subgraphs.kit.ids import new_id


class RabbitDeadLetters:
    """While one process looks at the letters no other one sees them; what it has taken comes back when it is done."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def list(self, source: str) -> Sequence[DeadLetter]:
        async with self._taken(source) as (_, messages):
            return sorted((_letter(source, message) for message in messages), key=lambda letter: letter.tag)

    async def replay(self, letter: DeadLetter) -> bool:
        """Published, confirmed, then removed; a crash in between leaves it here, to be replayed without effect."""
        async with self._taken(letter.source) as (channel, messages):
            for message in messages:
                if message.message_id == letter.tag:
                    again = Message(
                        message.body,
                        message_id=new_id(),
                        content_type="application/json",
                        delivery_mode=DeliveryMode.PERSISTENT,
                    )
                    queue = queue_of(letter.source, letter.group)
                    await channel.default_exchange.publish(again, routing_key=queue, mandatory=True)
                    await message.ack()
                    return True
        return False

    @asynccontextmanager
    async def _taken(
        self, source: str
    ) -> AsyncIterator[tuple[AbstractChannel, Sequence[AbstractIncomingMessage]]]:
        channel = await self._broker.channel()
        try:
            queue = await declare_dead_letters(channel, source)
            messages = []
            while (message := await queue.get(fail=False)) is not None:
                messages.append(message)
            yield channel, messages
        finally:
            await channel.close()


def _letter(source: str, message: AbstractIncomingMessage) -> DeadLetter:
    headers = message.headers
    return DeadLetter(
        tag=message.message_id or "",
        source=source,
        # The broker's own dead letters say where they come from in its own way.
        group=str(headers.get("group") or headers.get("x-first-death-queue", "")).removeprefix(
            f"events.{source}."
        ),
        reason=str(headers.get("reason") or headers.get("x-first-death-reason", "")),
        text=message.body.decode(errors="replace"),
    )
