"""The connection to RabbitMQ, and the exchange and queues that events take."""

import asyncio
import contextlib
from datetime import timedelta
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractQueue
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

from subgraphs.kit.outages import register

EXCHANGE = "events"
RETRY_AFTER = timedelta(seconds=10)

# The broker's own bounds, behind those of the consumers: what was returned to a queue so often is a dead letter as well.
_MOST_DELIVERIES = 50
_MOST_DEAD_LETTERS = 10_000
_NEVER = 1_000_000_000


def queue_of(source: str, group: str) -> str:
    return f"events.{source}.{group}"


def retry_queue_of(source: str, group: str) -> str:
    return f"{queue_of(source, group)}.retry"


def dead_letters_of(source: str) -> str:
    return f"events.{source}.dead"


class Broker:
    """One connection of this process, opened when it is needed and again when it was lost."""

    def __init__(self, url: str, *, timeout: timedelta) -> None:
        self._url = url
        self._timeout = timeout.total_seconds()
        self._connection: AbstractConnection | None = None
        self._opening = asyncio.Lock()

    async def channel(self) -> AbstractChannel:
        """A new channel with publisher confirms, on which a message that reaches no queue is an error.

        Raises AMQPError, or ConnectionError.
        """
        async with self._opening:
            if self._connection is None:
                self._connection = await aio_pika.connect(self._url, timeout=self._timeout)
            try:
                opened = self._connection.channel(publisher_confirms=True, on_return_raises=True)
                await opened.initialize(timeout=self._timeout)
            except Exception as error:
                # Of a connection that was lost the client learns here, and by errors of many kinds.
                await self.close()
                raise ConnectionResetError(f"the connection to RabbitMQ is lost: {error!r}") from error
            return opened

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(AMQPError, OSError, RuntimeError):
                await connection.close()


async def discard(channel: AbstractChannel | None) -> None:
    """Close `channel`, which may be closed, and its connection lost."""
    if channel is not None:
        with contextlib.suppress(AMQPError, ChannelInvalidStateError, OSError, RuntimeError):
            await channel.close()


async def declare_group(channel: AbstractChannel, source: str, group: str) -> AbstractQueue:
    """The queue of a group, bound to its source, with those that it needs beside it."""
    exchange = await channel.declare_exchange(EXCHANGE, aio_pika.ExchangeType.DIRECT, durable=True)
    await declare_dead_letters(channel, source)
    await channel.declare_queue(
        retry_queue_of(source, group), durable=True, arguments=_quorum(queue_of(source, group))
    )
    arguments = {**_quorum(dead_letters_of(source)), "x-delivery-limit": _MOST_DELIVERIES}
    queue = await channel.declare_queue(queue_of(source, group), durable=True, arguments=arguments)
    await queue.bind(exchange, routing_key=source)
    return queue


async def declare_dead_letters(channel: AbstractChannel, source: str) -> AbstractQueue:
    # To look at a letter is to take it and to return it.
    limits = {"x-max-length": _MOST_DEAD_LETTERS, "x-delivery-limit": _NEVER}
    return await channel.declare_queue(
        dead_letters_of(source), durable=True, arguments={"x-queue-type": "quorum", **limits}
    )


def _quorum(then: str) -> dict[str, Any]:
    """Of a quorum queue whose messages go to the queue `then` when they expire or are given up, and are not lost."""
    return {
        "x-queue-type": "quorum",
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": then,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


register(lambda error: isinstance(error, AMQPError | ChannelInvalidStateError))
